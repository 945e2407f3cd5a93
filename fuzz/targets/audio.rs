//! Recordings: headers, WAV and compressed sound end within their limits.
#![no_main]

use std::io::Cursor;

use fenwen::media::audio::{AudioLimits, survey};
use libfuzzer_sys::fuzz_target;

/// Longest sound, in seconds.
const MAX_SECONDS: u64 = 20;

fuzz_target!(
    // A decoder's own panic is contained and refused; only one that gets out is a finding.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let limits = AudioLimits { max_seconds: MAX_SECONDS, ..AudioLimits::default() };
        if let Ok(survey) = survey(Cursor::new(bytes), &limits) {
            let seconds = survey.seconds();
            assert!(seconds <= MAX_SECONDS as f64 + 1.0, "{seconds} s");
        }
    }
);
