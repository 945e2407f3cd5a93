//! What hears recordings, as the service sees it: the models, or a fake in tests.

use crate::media::audio::{AudioLimits, Input};
use crate::pipeline::speech::Observer;
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;
use crate::task::speech::Segment;

use super::{Listener, Run};

/// Hears one recording after another. Its calls block for as long as that takes.
pub trait Ear: Send + Sync {
    /// Which model hears.
    fn model(&self) -> &ModelInfo;

    /// Limits of one recording.
    fn limits(&self) -> &AudioLimits;

    /// Hears a recording: as [`Listener::hear`].
    ///
    /// # Errors
    /// When the recording is damaged, a model fails, or soon after `run.should_stop` says so.
    fn hear(
        &self,
        input: &mut dyn Input,
        run: &Run<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Segment>, CallError>;
}

impl Ear for Listener {
    fn model(&self) -> &ModelInfo {
        Listener::model(self)
    }

    fn limits(&self) -> &AudioLimits {
        Listener::limits(self)
    }

    fn hear(
        &self,
        input: &mut dyn Input,
        run: &Run<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Segment>, CallError> {
        Listener::hear(self, input, run, observer)
    }
}
