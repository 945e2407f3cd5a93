//! From the registry to running networks: which engine, how many copies, how many threads.

use std::sync::Arc;

use anyhow::Context;

use crate::base::{Clock, SystemClock};
use crate::batch::{BatchPolicy, BatchSpec, ModelHandle, RowOutput};
use crate::config::{Config, OnnxEngine};
use crate::engine::{self, Device, EngineKind, OpenOptions, Placement};
use crate::pipeline::idcard::detect;
use crate::pipeline::idcard::lexicon;
use crate::pipeline::idcard::networks::Networks;
use crate::pipeline::idcard::orient;
use crate::pipeline::idcard::recognise::{Alphabet, RowWidth};
use crate::registry::{FileRole, ModelRegistry, VerifiedFile};
use crate::tensor::Tensor;

/// Copies of one network at most, whatever the cores: each holds its own working memory.
const MAX_SESSIONS: usize = 4;
/// Rows that may wait for one network.
const QUEUE_ROWS: usize = 4096;
/// Elements that may wait for one network: 1 GiB of floats.
const QUEUE_COST: usize = 1 << 28;

/// How networks are opened on this machine.
pub(super) struct Opener {
    registry: ModelRegistry,
    options: OpenOptions,
    placement: Placement,
    clock: Arc<dyn Clock>,
}

impl Opener {
    /// Chooses the engine: ONNX Runtime where its library was pulled, else the built-in one, which is slower.
    pub(super) fn new(config: &Config) -> anyhow::Result<Opener> {
        let registry = ModelRegistry::open(super::models::settings(config)?)?;
        let device: Device = config.engine.device.parse()?;
        let placement = placement(config);
        let (engine, ort_library) = choose_engine(config, &registry)?;
        let isolation = config.engine.isolation;
        let threads = placement.threads;
        let options = OpenOptions { engine, device, threads, ort_library, isolation, ..OpenOptions::default() };
        Ok(Opener { registry, options, placement, clock: Arc::new(SystemClock) })
    }

    /// The engine in use.
    pub(super) fn engine(&self) -> EngineKind {
        self.options.engine
    }

    /// Opens the networks of ID images.
    pub(super) fn idcard(&self) -> anyhow::Result<Networks> {
        let alphabet = self.alphabet()?;
        Ok(Networks {
            detector: self
                .serve("ppocrv6-small-det", &[3, 64, 64], |row| detect::reduce(row.view))?,
            classifier: self
                .serve("ppocr-line-cls", &[3, 48, 192], |row| orient::reduce(row.view))?,
            recogniser: self.serve("ppocrv6-small-rec", &[3, 48, 48], move |row| {
                let width = RowWidth { real: row.input_len, padded: row.padded_len };
                alphabet.reduce(row.view, width)
            })?,
        })
    }

    /// The recogniser's dictionary, with the characters that Taiwan's documents can hold.
    fn alphabet(&self) -> anyhow::Result<Alphabet> {
        let header = engine::read_header(&self.weights("ppocrv6-small-rec")?)?;
        let dictionary =
            header.metadata.get("character").context("the recogniser has no dictionary")?;
        Ok(Alphabet::new(dictionary, lexicon::allowed)?)
    }

    fn serve<R: Send + 'static>(
        &self,
        id: &str,
        probe_shape: &[usize],
        reduce: impl Fn(RowOutput<'_>) -> R + Send + Sync + 'static,
    ) -> anyhow::Result<ModelHandle<R>> {
        let weights = self.weights(id)?;
        let models = engine::open_replicas(&weights, &self.options, self.placement.sessions)
            .with_context(|| format!("failed to open model `{id}`"))?;
        let probe = Tensor::f32(probe_shape, vec![0.0; probe_shape.iter().product()])?;
        let spec = BatchSpec {
            name: id.to_owned(),
            policy: BatchPolicy::SINGLE,
            queue_rows: QUEUE_ROWS,
            queue_cost: QUEUE_COST,
            probe: Some(probe),
            clock: Arc::clone(&self.clock),
        };
        Ok(ModelHandle::spawn(models, spec, reduce)?)
    }

    fn weights(&self, id: &str) -> anyhow::Result<VerifiedFile> {
        let model = self.registry.verified(id)?;
        let weights = model.file(FileRole::Weights);
        Ok(weights.with_context(|| format!("model `{id}` names no weights"))?.clone())
    }
}

fn placement(config: &Config) -> Placement {
    let automatic = Placement::for_this_machine(match config.engine.sessions {
        0 => MAX_SESSIONS,
        sessions => sessions,
    });
    match config.engine.threads {
        0 => automatic,
        threads => Placement { threads, ..automatic },
    }
}

fn choose_engine(
    config: &Config,
    registry: &ModelRegistry,
) -> anyhow::Result<(EngineKind, Option<VerifiedFile>)> {
    let library = || -> anyhow::Result<VerifiedFile> {
        let runtime = registry.verified("onnxruntime")?;
        Ok(runtime.file(FileRole::Library).context("the runtime names no library")?.clone())
    };
    match config.engine.onnx {
        OnnxEngine::Ort => Ok((EngineKind::Ort, Some(library()?))),
        OnnxEngine::Rten => Ok((EngineKind::Rten, None)),
        OnnxEngine::Auto if !cfg!(feature = "ort") => Ok((EngineKind::Rten, None)),
        OnnxEngine::Auto => match library() {
            Ok(library) => Ok((EngineKind::Ort, Some(library))),
            Err(err) => {
                tracing::warn!(reason = %err, "ONNX Runtime is not available: the built-in engine is about half as fast");
                Ok((EngineKind::Rten, None))
            }
        },
    }
}
