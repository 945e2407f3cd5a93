//! Models that take tensors, made of functions.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use fenwen::base::{Clock, SystemClock};
use fenwen::batch::{BatchPolicy, BatchSpec};
use fenwen::engine::TensorModel;
use fenwen::engine::fake::FakeModel;
use fenwen::service::infer::{NetworkError, Networks, OpenedNetwork};
use fenwen::task::infer::KnownModel;
use fenwen::tensor::Tensor;

use super::SkippingClock;

/// `same` shows its input as its output, `broken` fails each run, `missing` is not pulled; `slow` is as `same`, but an
/// hour of its clock passes in each run. `twice` is another version that doubles its input, and `stuck` is one that computes
/// nothing for as long as its networks live.
pub(crate) struct FakeNetworks {
    known: Vec<KnownModel>,
    _hold: Sender<()>,
    gate: Mutex<Option<Receiver<()>>>,
}

impl FakeNetworks {
    pub(crate) fn new() -> Arc<FakeNetworks> {
        let known = |(name, version): (&str, &str)| KnownModel {
            name: name.to_owned(),
            version: version.to_owned(),
            platform: "onnx",
            n_bytes: 1 << 20,
        };
        let names = [
            ("broken", "3"),
            ("missing", "4"),
            ("same", "3"),
            ("slow", "3"),
            ("stateful", "3"),
            ("stuck", "4"),
            ("twice", "4"),
        ];
        let (hold, gate) = channel();
        let gate = Mutex::new(Some(gate));
        Arc::new(FakeNetworks { known: names.map(known).to_vec(), _hold: hold, gate })
    }
}

impl Networks for FakeNetworks {
    fn known(&self) -> &[KnownModel] {
        &self.known
    }

    fn check(&self, name: &str) -> Result<(), NetworkError> {
        if name == "missing" { Err(NetworkError::NotPulled) } else { Ok(()) }
    }

    fn open(&self, name: &str) -> Result<OpenedNetwork, NetworkError> {
        let dims = [None, Some(2)];
        let skipping = Arc::new(SkippingClock::default());
        let mut clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let model: Box<dyn TensorModel> = match name {
            "same" => Box::new(FakeModel::identity().with_input_dims(&dims)),
            "slow" => {
                clock = Arc::<SkippingClock>::clone(&skipping);
                let compute = move |input: &Tensor| {
                    skipping.0.fetch_add(60 * 60, Ordering::SeqCst);
                    Ok(input.clone())
                };
                Box::new(FakeModel::computing(compute).with_input_dims(&dims))
            }
            "twice" => {
                let twice = |it: &Tensor| {
                    let values = it.as_f32().unwrap_or_default().iter().map(|it| 2.0 * it);
                    Ok(Tensor::f32(it.shape(), values.collect::<Vec<f32>>()).unwrap())
                };
                Box::new(FakeModel::computing(twice).with_input_dims(&dims))
            }
            "stuck" => {
                let gate = self.gate.lock().unwrap().take().ok_or(NetworkError::NotPulled)?;
                let inner = FakeModel::identity().with_input_dims(&dims);
                Box::new(FakeModel::gated(gate, inner))
            }
            "stateful" => Box::new(FakeModel::identity().with_state()),
            "broken" => Box::new(FakeModel::failing()),
            _ => return Err(NetworkError::NotPulled),
        };
        let spec = BatchSpec {
            name: name.to_owned(),
            policy: BatchPolicy { max_rows: 4, max_cost: 1024, max_padding: 1.0 },
            queue_rows: 64,
            queue_cost: 1 << 20,
            probe: None,
            clock,
        };
        Ok(OpenedNetwork { copies: vec![model], spec })
    }
}
