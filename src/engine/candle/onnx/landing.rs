//! Where outputs land on the host: memory that is kept from run to run, because a batch of lines has megabytes of them.

use candle_core::{Result, Tensor};

#[cfg(feature = "cuda")]
use crate::engine::candle::kernels::Locked;
use crate::tensor::{ShapeError, View};

/// An output, back on the host.
#[derive(Default)]
pub(super) struct Landing {
    shape: Vec<usize>,
    values: Vec<f32>,
    /// Holds the values instead, where they come from a card.
    #[cfg(feature = "cuda")]
    locked: Locked,
}

impl Landing {
    /// Takes the values of an output, in the room of those before.
    pub(super) fn take(&mut self, output: &Tensor) -> Result<()> {
        self.shape.clear();
        self.shape.extend_from_slice(output.dims());
        let output = output.flatten_all()?;
        #[cfg(feature = "cuda")]
        if output.device().is_cuda() {
            return self.locked.take(&output);
        }
        self.values = output.to_vec1()?;
        Ok(())
    }

    /// What was taken last.
    pub(super) fn view(&self) -> std::result::Result<View<'_>, ShapeError> {
        #[cfg(feature = "cuda")]
        if !self.locked.is_empty() {
            return View::new(&self.shape, self.locked.values());
        }
        View::new(&self.shape, &self.values)
    }
}
