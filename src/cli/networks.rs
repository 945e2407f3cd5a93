//! From the registry to running networks: which engine, how many copies, how many threads.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::base::{Clock, SystemClock, hex};
use crate::batch::{BatchPolicy, BatchSpec, ModelHandle, RowOutput};
use crate::config::{Config, Isolation, OnnxEngine};
use crate::engine::{self, Device, EngineKind, OpenOptions, Placement, TensorModel};
use crate::pipeline::idcard::detect;
use crate::pipeline::idcard::face;
use crate::pipeline::idcard::lexicon;
use crate::pipeline::idcard::networks::Networks;
use crate::pipeline::idcard::orient;
use crate::pipeline::idcard::read::ReadOptions;
use crate::pipeline::idcard::recognise::{Alphabet, RowWidth};
use crate::pipeline::idcard::{Calibration, IdCardPipeline};
use crate::registry::{
    FileRole, ModelEngine, ModelRegistry, ModelTask, Settings, VerifiedFile, VerifiedModel,
};
use crate::task::idcard::ModelInfo;
use crate::tensor::Tensor;

use super::recogniser::Recogniser;

/// The models of ID images.
pub(super) const DETECTOR: &str = "ppocrv6-small-det";
const CLASSIFIER: &str = "ppocr-line-cls";
pub(super) const RECOGNISER: &str = "ppocrv6-small-rec";
const FACE_FINDER: &str = "yunet-face";

/// Copies of one network at most, whatever the cores: each holds its own working memory.
const MAX_SESSIONS: usize = 4;
/// Padded elements of a batch for one real element, at most.
const MAX_PADDING: f64 = 1.15;
/// Rows that may wait for one network.
pub(super) const QUEUE_ROWS: usize = 4096;
/// Elements that may wait for one network: 1 GiB of floats.
pub(super) const QUEUE_COST: usize = 1 << 28;

/// Models that the card did not take. Of the whole process: wherever something is opened, it has an opener of its own.
static ON_PROCESSOR: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Models that compute on the processor though a card is there, because it did not take them.
pub(super) fn on_processor() -> MutexGuard<'static, BTreeSet<String>> {
    ON_PROCESSOR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How networks are opened on this machine.
pub(super) struct Opener {
    registry: ModelRegistry,
    options: OpenOptions,
    /// Runs ONNX networks on a card; `options` say what does on the processor.
    on_card: EngineKind,
    placement: Placement,
    clock: Arc<dyn Clock>,
}

impl Opener {
    /// Threads that cut lines out of pictures: few, because each keeps memory of its own, and where the processor
    /// computes the networks too, it has little to spare. A card waits for them.
    pub(super) fn blocking_threads(&self) -> usize {
        match self.device() {
            Device::Cpu => (n_cores() / 4).clamp(2, 8),
            Device::Cuda(_) => (n_cores() / 4 * 3).clamp(2, 16),
        }
    }

    /// Chooses the engine: ONNX Runtime where its library was pulled, else the built-in one, which is slower.
    pub(super) fn new(config: &Config) -> anyhow::Result<Opener> {
        Opener::with(config, super::models::settings(config)?)
    }

    /// As [`Opener::new`], with the models of these settings.
    pub(super) fn with(config: &Config, settings: Settings) -> anyhow::Result<Opener> {
        let registry = ModelRegistry::open(settings)?;
        let device = choose_device(config)?;
        let placement = placement(config, device);
        let (engine, ort_library) = choose_engine(config, &registry, device)?;
        let isolation = config.engine.isolation;
        let threads = placement.threads;
        let options = OpenOptions {
            engine,
            device,
            threads,
            ort_library,
            isolation,
            ..OpenOptions::default()
        };
        let on_card = match config.engine.onnx {
            OnnxEngine::Ort => EngineKind::Ort,
            _ => EngineKind::Candle,
        };
        // In a process of its own the library is opened there, and nowhere else.
        if let (EngineKind::Ort, Device::Cuda(_), Isolation::None) = (on_card, device, isolation) {
            engine::check_ort_device(&options).with_context(|| {
                format!("ONNX Runtime 無法使用 {device},所需程式庫見 gpu/README.md")
            })?;
        }
        Ok(Opener { registry, options, on_card, placement, clock: Arc::new(SystemClock) })
    }

    /// Where networks compute, those that can.
    pub(super) fn device(&self) -> Device {
        self.options.device
    }

    /// The engine that runs ONNX networks.
    pub(super) fn engine(&self) -> EngineKind {
        self.engine_on(self.options.device)
    }

    fn engine_on(&self, device: Device) -> EngineKind {
        match device {
            Device::Cpu => self.options.engine,
            Device::Cuda(_) => self.on_card,
        }
    }

    /// Opens the pipeline of ID images.
    pub(super) fn idcard(&self) -> anyhow::Result<IdCardPipeline> {
        let alphabet = self.alphabet()?;
        let networks = Networks {
            detector: self.serve(DETECTOR, &[3, 64, 64], |row| detect::reduce(row.view))?,
            classifier: self.serve(CLASSIFIER, &[3, 48, 192], |row| orient::reduce(row.view))?,
            recogniser: self.serve(RECOGNISER, &[3, 48, 48], move |row| {
                let width = RowWidth { real: row.input_len, padded: row.padded_len };
                alphabet.reduce(row.view, width)
            })?,
            face_finder: self.serve(
                FACE_FINDER,
                &[3, face::SIDE as usize, face::SIDE as usize],
                |row| face::reduce(row.views),
            )?,
        };
        let calibration = Arc::new(self.calibration()?);
        Ok(IdCardPipeline { networks, options: ReadOptions::default(), calibration })
    }

    /// The recogniser's calibration; scores stay as they are without one.
    fn calibration(&self) -> anyhow::Result<Calibration> {
        let Some(table) = &self.registry.model(RECOGNISER)?.manifest.calibration else {
            return Ok(Calibration::default());
        };
        let knots = table.points.iter().map(|[score, probability]| (*score, *probability));
        Calibration::new(knots.collect())
            .with_context(|| format!("模型「{RECOGNISER}」的校準值未遞增"))
    }

    /// The pipeline of ID images, as the service sees it.
    pub(super) fn recogniser(&self, clock: Arc<dyn Clock>) -> anyhow::Result<Recogniser> {
        Ok(Recogniser::new(self.idcard()?, self.idcard_model()?, clock))
    }

    /// The set of models that reads ID images; its hash is that of the sorted hashes of its files.
    pub(super) fn idcard_model(&self) -> anyhow::Result<ModelInfo> {
        let mut hashes = Vec::new();
        for id in [DETECTOR, CLASSIFIER, RECOGNISER] {
            hashes.push(self.weights(id)?.sha256().to_owned());
        }
        hashes.sort();
        let sha256 = hex(&Sha256::digest(hashes.concat()));
        let version = self.registry.model(RECOGNISER)?.manifest.version.clone();
        Ok(ModelInfo { name: "idcard".to_owned(), version, sha256 })
    }

    /// The recogniser's dictionary, with the characters that Taiwan's documents can hold.
    fn alphabet(&self) -> anyhow::Result<Alphabet> {
        let header = engine::read_header(&self.weights(RECOGNISER)?)?;
        let dictionary = header.metadata.get("character").context("辨識模型沒有字典")?;
        Ok(Alphabet::new(dictionary, lexicon::allowed)?)
    }

    fn serve<R: Send + 'static>(
        &self,
        id: &str,
        probe_shape: &[usize],
        reduce: impl Fn(RowOutput<'_>) -> R + Send + Sync + 'static,
    ) -> anyhow::Result<ModelHandle<R>> {
        let models = self.copies(&self.registry.verified(id)?, self.placement)?;
        let probe = Tensor::f32(probe_shape, vec![0.0; probe_shape.iter().product()])?;
        let spec = BatchSpec {
            name: id.to_owned(),
            policy: self.policy(id)?,
            queue_rows: QUEUE_ROWS,
            queue_cost: QUEUE_COST,
            probe: Some(probe),
            clock: Arc::clone(&self.clock),
        };
        Ok(ModelHandle::spawn(models, spec, reduce)?)
    }

    /// Which rows run together, as the manifest says; each alone where it says nothing.
    fn policy(&self, id: &str) -> anyhow::Result<BatchPolicy> {
        let limits = self.registry.model(id)?.manifest.batch.clone();
        Ok(limits.map_or(BatchPolicy::SINGLE, |limits| {
            let (max_rows, max_cost) = limits.on(self.options.device != Device::Cpu);
            BatchPolicy { max_rows, max_cost, max_padding: MAX_PADDING }
        }))
    }

    /// Opens copies of a model on the engine that its manifest names.
    pub(super) fn copies(
        &self,
        model: &VerifiedModel,
        placement: Placement,
    ) -> anyhow::Result<Vec<Box<dyn TensorModel>>> {
        let id = &model.manifest().id;
        let weights =
            model.file(FileRole::Weights).with_context(|| format!("模型「{id}」未指定權重"))?;
        let device = match model.manifest().task {
            // It hears 32 milliseconds at a time: the way to a card would cost more.
            ModelTask::VoiceActivity => Device::Cpu,
            _ => self.options.device,
        };
        let engine_on = |device| match model.manifest().engine {
            ModelEngine::Candle => Ok(EngineKind::Candle),
            ModelEngine::Onnx | ModelEngine::Library => Ok(self.engine_on(device)),
            ModelEngine::Linear => anyhow::bail!("模型「{id}」是分類器,不是網路"),
            ModelEngine::Whisper => anyhow::bail!("模型「{id}」用於語音,不接受張量"),
        };
        let open = |device| {
            let options = OpenOptions {
                engine: engine_on(device)?,
                device,
                threads: placement.threads,
                ..self.options.clone()
            };
            let models = engine::open_replicas(weights, &options, placement.sessions);
            models.with_context(|| format!("無法開啟模型「{id}」"))
        };
        match device {
            Device::Cpu => open(device),
            Device::Cuda(_) => open(device).or_else(|reason| {
                let reason = format!("{reason:#}");
                tracing::warn!(model = %id, %device, reason, "the model computes on the processor");
                on_processor().insert(id.to_string());
                open(Device::Cpu)
            }),
        }
    }

    /// The models that are known.
    pub(super) fn registry(&self) -> &ModelRegistry {
        &self.registry
    }

    /// The model of that name, its files hashed.
    pub(super) fn verified(&self, id: &str) -> anyhow::Result<VerifiedModel> {
        Ok(self.registry.verified(id)?)
    }

    /// How copies of a model share the processor.
    pub(super) fn placement(&self) -> Placement {
        self.placement
    }

    /// Tells the time.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// SHA-256 of a model's weights, which are hashed anew.
    pub(super) fn weights_sha256(&self, id: &str) -> anyhow::Result<String> {
        Ok(self.weights(id)?.sha256().to_owned())
    }

    fn weights(&self, id: &str) -> anyhow::Result<VerifiedFile> {
        let model = self.registry.verified(id)?;
        let weights = model.file(FileRole::Weights);
        Ok(weights.with_context(|| format!("模型「{id}」未指定權重"))?.clone())
    }
}

/// Cores that this process may use.
pub(super) fn n_cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Two threads a copy: one copy of the detector holds a hundred megabytes while it runs, and two threads share it.
///
/// On another device two copies: the work of one around its runs fills the pauses of the other.
fn placement(config: &Config, device: Device) -> Placement {
    if let (Device::Cuda(_), 0) = (device, config.engine.sessions) {
        return Placement { sessions: 2, threads: config.engine.threads.max(1) };
    }
    let automatic = Placement::divide(
        n_cores(),
        match config.engine.sessions {
            0 => (n_cores() / 2).clamp(1, MAX_SESSIONS),
            sessions => sessions,
        },
    );
    match config.engine.threads {
        0 => automatic,
        threads => Placement { threads, ..automatic },
    }
}

/// Where networks compute.
fn choose_device(config: &Config) -> anyhow::Result<Device> {
    match (config.engine.onnx, config.engine.device.parse()) {
        // ONNX Runtime has a way of its own to a card, in every build; it is asked once its library is known.
        (OnnxEngine::Ort, Ok(device)) => Ok(device),
        _ => Ok(engine::choose_device(&config.engine.device)?),
    }
}

fn choose_engine(
    config: &Config,
    registry: &ModelRegistry,
    device: Device,
) -> anyhow::Result<(EngineKind, Option<VerifiedFile>)> {
    let library = |device| ort_library(config, registry, device);
    match config.engine.onnx {
        OnnxEngine::Ort => Ok((EngineKind::Ort, Some(library(device)?))),
        OnnxEngine::Rten => Ok((EngineKind::Rten, None)),
        OnnxEngine::Candle => Ok((EngineKind::Candle, None)),
        OnnxEngine::Auto if !cfg!(feature = "ort") => Ok((EngineKind::Rten, None)),
        OnnxEngine::Auto => match library(Device::Cpu) {
            Ok(library) => Ok((EngineKind::Ort, Some(library))),
            Err(err) => {
                tracing::warn!(reason = %err, "ONNX Runtime is not available: the built-in engine is about half as fast");
                Ok((EngineKind::Rten, None))
            }
        },
    }
}

/// ONNX Runtime's library for a device; the one for cards opens libraries that lie beside it.
fn ort_library(
    config: &Config,
    registry: &ModelRegistry,
    device: Device,
) -> anyhow::Result<VerifiedFile> {
    let library = match device {
        Device::Cpu => registry.verified("onnxruntime")?.file(FileRole::Library).cloned(),
        Device::Cuda(_) => {
            let dir = config.data_dir().join("runtimes");
            let laid_out = registry.verified("onnxruntime-cuda")?.laid_out(&dir, FileRole::Library);
            laid_out.with_context(|| format!("無法寫入資料夾 {}", dir.display()))?
        }
    };
    library.context("執行環境未指定程式庫")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onnx_runtime_on_a_card_is_another_library() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |device: &str| {
            let mut config = Config::default();
            config.engine.onnx = OnnxEngine::Ort;
            config.engine.device = device.to_owned();
            let settings = Settings::at(dir.path().to_owned());
            Opener::with(&config, settings).map(drop).unwrap_err().to_string()
        };
        assert!(
            refused("cpu").ends_with("run `fenwen models pull onnxruntime`"),
            "{}",
            refused("cpu")
        );
        let on_card = refused("cuda:0");
        assert!(on_card.ends_with("run `fenwen models pull onnxruntime-cuda`"), "{on_card}");
        assert!(refused("cuda").contains("expected `auto`"), "{}", refused("cuda"));
    }
}
