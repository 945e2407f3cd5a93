//! Models that take tensors, made of functions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fenwen::base::{Clock, SystemClock};
use fenwen::batch::{BatchPolicy, BatchSpec};
use fenwen::engine::TensorModel;
use fenwen::engine::fake::FakeModel;
use fenwen::service::infer::{NetworkError, Networks, OpenedNetwork};
use fenwen::task::infer::KnownModel;
use fenwen::tensor::Tensor;

use super::SkippingClock;

/// `same` shows its input as its output, `broken` fails each run, `missing` is not pulled; `slow` is as `same`, but an
/// hour of its clock passes in each run.
pub(crate) struct FakeNetworks(Vec<KnownModel>);

impl FakeNetworks {
    pub(crate) fn new() -> Arc<FakeNetworks> {
        let known = |name: &str| KnownModel {
            name: name.to_owned(),
            version: "3".to_owned(),
            platform: "onnx",
        };
        Arc::new(FakeNetworks(["broken", "missing", "same", "slow"].map(known).to_vec()))
    }
}

impl Networks for FakeNetworks {
    fn known(&self) -> &[KnownModel] {
        &self.0
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
