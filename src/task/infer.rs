//! Inference on tensors: which models take them, and what goes in and comes out. The protocol is somebody else's.

use std::time::Duration;

use crate::tensor::{Data, Tensor};

/// Most rows of a call: entries of the first dimension.
pub const MAX_ROWS: usize = 1024;

/// Type of an element. Closed: what is not here is refused by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// 32-bit float.
    Fp32,
    /// 64-bit integer.
    Int64,
}

impl Datatype {
    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Datatype::Fp32 => "FP32",
            Datatype::Int64 => "INT64",
        }
    }

    /// Bytes of an element.
    pub fn n_bytes(self) -> usize {
        match self {
            Datatype::Fp32 => 4,
            Datatype::Int64 => 8,
        }
    }

    /// Of a tensor.
    pub fn of(tensor: &Tensor) -> Datatype {
        match tensor.data() {
            Data::F32(_) => Datatype::Fp32,
            Data::I64(_) => Datatype::Int64,
        }
    }
}

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorPort {
    /// Its name in the graph.
    pub name: String,
    /// Type of its elements.
    pub datatype: Datatype,
    /// Dimensions, outermost first, each `None` when any size will do; no list at all when even the rank is open.
    pub dims: Option<Vec<Option<usize>>>,
}

impl TensorPort {
    /// Whether a tensor of these dimensions fits.
    pub fn admits(&self, shape: &[usize]) -> bool {
        let Some(dims) = &self.dims else { return true };
        dims.len() == shape.len()
            && dims.iter().zip(shape).all(|(want, &got)| want.is_none_or(|it| it == got))
    }
}

/// What a loaded model takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorModelInfo {
    /// Its name in the registry.
    pub name: String,
    /// Version of its weights.
    pub version: String,
    /// Every version that answers under this name.
    pub versions: Vec<String>,
    /// What runs it: `onnx` or `candle`.
    pub platform: &'static str,
    /// Whether the first dimension of its one input counts rows, which may run beside those of others.
    pub takes_rows: bool,
    /// Inputs, in the model's order.
    pub inputs: Vec<TensorPort>,
    /// Outputs, in the model's order.
    pub outputs: Vec<TensorPort>,
}

/// A model that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownModel {
    /// Its name in the registry.
    pub name: String,
    /// Version of its weights.
    pub version: String,
    /// What runs it: `onnx` or `candle`.
    pub platform: &'static str,
    /// Bytes of its files: about what a copy of it takes of memory.
    pub n_bytes: u64,
}

/// Another version of a model, which is tried beside the one that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The model.
    pub model: String,
    /// Name of the other version in the registry.
    pub candidate: String,
    /// Of a hundred cases it answers so many.
    pub percent: u8,
    /// Whether it computes the other cases too, where nobody hears it.
    pub is_shadow: bool,
}

/// A known model, and whether it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// It.
    pub model: KnownModel,
    /// Whether it answers.
    pub is_loaded: bool,
}

/// A call as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorCall<R> {
    /// In the model's order.
    pub inputs: Vec<Tensor>,
    /// How long the caller is willing to wait from now on, where it says so in the body.
    pub timeout: Option<Duration>,
    /// How it is to be answered.
    pub reply: R,
}

/// What a version of a model has done for callers since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelStatistics {
    /// Name of the model.
    pub name: String,
    /// The version.
    pub version: String,
    /// When a call of it ended last, since 1970; zero when none has.
    pub last: Duration,
    /// Rows of the calls that were answered; a call is one where the model takes calls whole.
    pub n_rows: u64,
    /// Runs of the model that succeeded, those of a trial that nobody hears included.
    pub n_runs: u64,
    /// Calls that were answered.
    pub answered: CallTime,
    /// Calls that were admitted and failed, whatever the reason.
    pub failed: CallTime,
}

/// Calls that ended in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTime {
    /// How many.
    pub n_calls: u64,
    /// From the body to the answer, of all of them together.
    pub time: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_dimensions_admit_any_size() {
        let check = |dims: Option<Vec<Option<usize>>>, shape: &[usize], expected| {
            let port = TensorPort { name: "x".to_owned(), datatype: Datatype::Fp32, dims };
            assert_eq!(port.admits(shape), expected, "{shape:?}");
        };
        check(None, &[1, 2, 3], true);
        check(Some(vec![None, Some(3)]), &[7, 3], true);
        check(Some(vec![None, Some(3)]), &[7, 4], false);
        check(Some(vec![None, Some(3)]), &[3], false);
    }
}
