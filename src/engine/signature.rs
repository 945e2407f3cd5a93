//! What a model takes and gives, and the check that inputs fit it.

use crate::engine::EngineError;
use crate::tensor::{Data, Tensor};

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 64-bit integer.
    I64,
}

impl Element {
    /// Element type of `tensor`.
    pub fn of(tensor: &Tensor) -> Element {
        match tensor.data() {
            Data::F32(_) => Element::F32,
            Data::I64(_) => Element::I64,
        }
    }
}

/// One input or output.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// Element type; `None` when the graph does not say.
    pub element: Option<Element>,
    /// Dimensions, outermost first, each `None` when any size will do; no list at all when even the rank is open.
    pub dims: Option<Vec<Option<usize>>>,
}

impl Port {
    /// Whether a tensor of these dimensions fits.
    pub fn admits(&self, shape: &[usize]) -> bool {
        let Some(dims) = &self.dims else { return true };
        dims.len() == shape.len()
            && dims.iter().zip(shape).all(|(want, &got)| want.is_none_or(|it| it == got))
    }
}

/// Inputs and outputs of a model, in the model's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Signature {
    /// Inputs.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
}

impl Signature {
    /// Checks number, element types and dimensions of `inputs`; no dimension may be 0.
    pub fn check(&self, inputs: &[Tensor]) -> Result<(), EngineError> {
        if inputs.len() != self.inputs.len() {
            return Err(EngineError::BadInput(format!(
                "{} inputs wanted, {} given",
                self.inputs.len(),
                inputs.len()
            )));
        }
        for (port, tensor) in self.inputs.iter().zip(inputs) {
            let element = port.element.is_none_or(|it| it == Element::of(tensor));
            let empty = tensor.shape().contains(&0);
            if !element || empty || !port.admits(tensor.shape()) {
                return Err(EngineError::BadInput(format!(
                    "input `{}` wants {:?}{:?}, {tensor:?} given",
                    port.name, port.element, port.dims
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Port {
        Port {
            name: "x".to_owned(),
            element: Some(Element::F32),
            dims: Some(vec![None, Some(3), None]),
        }
    }

    #[track_caller]
    fn check(shape: &[usize], fits: bool) {
        let signature = Signature { inputs: vec![picture()], outputs: Vec::new() };
        let tensor = Tensor::f32(shape, vec![0.0; shape.iter().product()]).unwrap();
        assert_eq!(signature.check(&[tensor]).is_ok(), fits, "{shape:?}");
    }

    #[test]
    fn shapes() {
        check(&[1, 3, 8], true);
        check(&[9, 3, 1], true);
        check(&[1, 4, 8], false);
        check(&[3, 8], false);
        check(&[1, 3, 0], false);
    }

    #[test]
    fn number_and_type() {
        let signature = Signature { inputs: vec![picture()], outputs: Vec::new() };
        assert!(signature.check(&[]).is_err());
        let ids = Tensor::i64([1, 3, 2], vec![0; 6]).unwrap();
        assert!(signature.check(&[ids]).is_err());
    }
}
