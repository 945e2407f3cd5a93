//! Runs one loaded model, whatever the runtime behind it. Knows tensors, no tasks.

use crate::tensor::{Tensor, View};

/// A loaded model: tensors in, tensors out.
///
/// Blocking; owned by one inference thread, hence `&mut self` and no lock.
pub trait TensorModel: Send {
    /// Runs once over `inputs` (in the order of the model's own inputs) and shows the outputs to `visit`.
    ///
    /// Outputs are shown, not returned: an OCR output of many megabytes is reduced where it lies, never copied.
    fn run(
        &mut self,
        inputs: &[Tensor],
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError>;
}

/// Why a model could not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The runtime reported an error.
    #[error("the model failed: {0}")]
    Failed(String),
}
