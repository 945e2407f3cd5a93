//! Who hears recordings.

use std::sync::Arc;
use std::time::Duration;

use fenwen::base::Clock;
use fenwen::media::audio::AudioLimits;
use fenwen::service::speech::{Ear, Speech, SpeechLimits, SpeechParts};
use fenwen::task::service::ServiceName;

use crate::http::speech::FakeEar;

/// The desk of a node with these services, which hears where speech is one of them and there is an ear.
pub(super) fn speech_of(
    ear: Option<Arc<FakeEar>>,
    services: &[ServiceName],
    clock: Arc<dyn Clock>,
) -> Arc<Speech> {
    if !services.contains(&ServiceName::Speech) {
        return Speech::elsewhere(AudioLimits::default(), SpeechLimits::default(), clock);
    }
    let Some(ear) = ear else {
        return Speech::deaf(
            "語音模型尚未安裝,請執行 fenwen models pull whisper-base。".to_owned(),
            clock,
        );
    };
    // Long enough for a busy machine, short enough to wait for.
    let idle = Duration::from_secs(8);
    let limits = SpeechLimits { direct_bytes: 1 << 20, idle, ..SpeechLimits::default() };
    let recordings: Arc<dyn Ear> = ear;
    let calls = Arc::clone(&recordings);
    Speech::new(SpeechParts { recordings, calls }, limits, clock)
}
