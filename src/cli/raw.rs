//! Models of the registry that callers may reach with tensors of their own: opened when they are loaded.

use anyhow::Context;

use crate::batch::{BatchPolicy, BatchSpec};
use crate::config::{Config, ModelTrial};
use crate::engine::Device;
use crate::registry::{ModelEngine, ModelManifest, ModelRegistry, RegistryError};
use crate::service::infer::{NetworkError, Networks, OpenedNetwork};
use crate::task::infer::{KnownModel, Trial};

use super::networks::{Opener, QUEUE_COST, QUEUE_ROWS};

/// The models of this installation.
pub struct RawNetworks {
    config: Config,
    known: Vec<KnownModel>,
}

impl RawNetworks {
    /// Those that the registry knows. Opens none.
    ///
    /// # Errors
    /// When a manifest cannot be read.
    pub fn new(config: &Config) -> anyhow::Result<RawNetworks> {
        let registry = ModelRegistry::open(super::models::settings(config)?)?;
        let known = registry.models().filter_map(|it| known(&it.manifest)).collect();
        Ok(RawNetworks { config: config.clone(), known })
    }

    /// The versions that are tried, by the settings.
    ///
    /// # Errors
    /// When one is no model of this kind, or has the version of the one that answers.
    pub fn trials(&self) -> anyhow::Result<Vec<Trial>> {
        let version = |name: &str| {
            let found = self.known.iter().find(|it| it.name == name);
            found
                .map(|it| &it.version)
                .with_context(|| format!("models.trials:模型庫中沒有以張量呼叫的模型「{name}」"))
        };
        let trial = |it: &ModelTrial| {
            anyhow::ensure!(
                version(&it.model)? != version(&it.candidate)?,
                "models.trials:「{}」與「{}」的 version 相同",
                it.model,
                it.candidate
            );
            Ok(Trial {
                model: it.model.clone(),
                candidate: it.candidate.clone(),
                percent: it.canary_percent,
                is_shadow: it.shadow,
            })
        };
        self.config.models.trials.iter().map(trial).collect()
    }

    fn opened(&self, name: &str) -> anyhow::Result<OpenedNetwork> {
        let opener = Opener::new(&self.config)?;
        let model = opener.verified(name)?;
        let copies = opener.copies(&model, opener.placement())?;
        let limits = model.manifest().batch.as_ref();
        let policy = limits.map_or(BatchPolicy::SINGLE, |limits| {
            let (max_rows, max_cost) = limits.on(opener.device() != Device::Cpu);
            BatchPolicy { max_rows, max_cost, max_padding: 1.0 }
        });
        let spec = BatchSpec {
            name: format!("raw-{name}"),
            policy,
            queue_rows: QUEUE_ROWS,
            queue_cost: QUEUE_COST,
            probe: None,
            clock: opener.clock(),
        };
        Ok(OpenedNetwork { copies, spec })
    }
}

impl Networks for RawNetworks {
    fn known(&self) -> &[KnownModel] {
        &self.known
    }

    fn check(&self, name: &str) -> Result<(), NetworkError> {
        let verified = Opener::new(&self.config).and_then(|it| it.verified(name));
        verified.map(drop).map_err(|error| not_opened(&error))
    }

    fn open(&self, name: &str) -> Result<OpenedNetwork, NetworkError> {
        self.opened(name).map_err(|error| not_opened(&error))
    }
}

fn not_opened(error: &anyhow::Error) -> NetworkError {
    match error.downcast_ref() {
        Some(RegistryError::Missing { .. }) => NetworkError::NotPulled,
        _ => NetworkError::Open { reason: format!("{error:#}") },
    }
}

/// A model that takes tensors; none for one that does not.
fn known(manifest: &ModelManifest) -> Option<KnownModel> {
    let platform = match manifest.engine {
        ModelEngine::Onnx => "onnx",
        ModelEngine::Candle => "candle",
        ModelEngine::Linear | ModelEngine::Whisper | ModelEngine::Library => return None,
    };
    let (name, version) = (manifest.id.to_string(), manifest.version.clone());
    let n_bytes = manifest.files.iter().map(|it| it.bytes).sum();
    Some(KnownModel { name, version, platform, n_bytes })
}
