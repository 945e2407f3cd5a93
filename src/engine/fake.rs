//! Models without weights, for tests of everything above the engines.

use std::sync::mpsc::Receiver;

use crate::engine::{Element, EngineError, Port, Signature, TensorModel, Wanted};
use crate::tensor::{Tensor, View};

/// A model that does what its test tells it to. One input, of floats unless told otherwise, and one float output.
pub struct FakeModel {
    signature: Signature,
    behaviour: Behaviour,
}

type Function = dyn FnMut(&Tensor, &Wanted) -> Result<Tensor, EngineError> + Send;

enum Behaviour {
    Identity,
    Function(Box<Function>),
    Gated { gate: Receiver<()>, inner: Box<dyn TensorModel> },
}

impl FakeModel {
    /// Shows its inputs as its outputs.
    pub fn identity() -> FakeModel {
        FakeModel::new(Behaviour::Identity)
    }

    /// Computes each output with `function`, which may also fail or panic.
    pub fn computing(
        mut function: impl FnMut(&Tensor) -> Result<Tensor, EngineError> + Send + 'static,
    ) -> FakeModel {
        FakeModel::computing_while(move |input, _| function(input))
    }

    /// The same for a function that may look whether anybody still waits.
    pub fn computing_while(
        function: impl FnMut(&Tensor, &Wanted) -> Result<Tensor, EngineError> + Send + 'static,
    ) -> FakeModel {
        FakeModel::new(Behaviour::Function(Box::new(function)))
    }

    /// Fails every run.
    pub fn failing() -> FakeModel {
        FakeModel::computing(|_| Err(EngineError::Failed("told to".to_owned())))
    }

    /// Panics in every run.
    #[expect(clippy::panic, reason = "this is what the fake is for")]
    pub fn panicking() -> FakeModel {
        FakeModel::computing(|_| panic!("told to"))
    }

    /// Waits before each run of `inner` until the test sends one `()`; a dropped sender opens the gate for good.
    pub fn gated(gate: Receiver<()>, inner: impl TensorModel + 'static) -> FakeModel {
        let signature = inner.signature().clone();
        FakeModel { signature, behaviour: Behaviour::Gated { gate, inner: Box::new(inner) } }
    }

    /// The same with these input dimensions, outermost first; `None` where any size will do.
    pub fn with_input_dims(mut self, dims: &[Option<usize>]) -> FakeModel {
        for port in &mut self.signature.inputs {
            port.dims = Some(dims.to_vec());
        }
        self
    }

    /// The same with rows of integers for input, such as token ids.
    pub fn with_integer_input(mut self) -> FakeModel {
        for port in &mut self.signature.inputs {
            port.element = Some(Element::I64);
        }
        self
    }

    /// The same with one more input and output of any shape, as models with a state have.
    pub fn with_state(mut self) -> FakeModel {
        self.signature.inputs.push(port("state"));
        self.signature.outputs.push(port("next"));
        self
    }

    fn new(behaviour: Behaviour) -> FakeModel {
        let signature = Signature { inputs: vec![port("x")], outputs: vec![port("y")] };
        FakeModel { signature, behaviour }
    }
}

fn port(name: &str) -> Port {
    Port { name: name.to_owned(), element: Some(Element::F32), dims: None }
}

impl TensorModel for FakeModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run_while(
        &mut self,
        inputs: &[Tensor],
        wanted: &Wanted,
        visit: &mut dyn FnMut(&[View<'_>]),
    ) -> Result<(), EngineError> {
        self.signature.check(inputs)?;
        let input = inputs.first().ok_or_else(|| EngineError::BadInput("no input".to_owned()))?;
        let mut show = |tensors: &[Tensor]| {
            let views: Option<Vec<View<'_>>> = tensors.iter().map(Tensor::view).collect();
            visit(&views.ok_or_else(|| EngineError::Failed("not floats".to_owned()))?);
            Ok(())
        };
        match &mut self.behaviour {
            Behaviour::Identity => show(inputs),
            Behaviour::Function(function) => show(&[function(input, wanted)?]),
            Behaviour::Gated { gate, inner } => {
                // An error means that the test let go of the gate: it is open.
                let _ = gate.recv();
                inner.run_while(inputs, wanted, visit)
            }
        }
    }
}
