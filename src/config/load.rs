//! Reads settings from their four sources and resolves the directories.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};

use super::{Config, Finding, Profile};

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<Profile>,
    /// `--listen`.
    pub listen: Option<std::net::SocketAddr>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--set key.path=value`, in order.
    pub set: Vec<String>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file is missing or unreadable.
    #[error("failed to read the configuration file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key is unknown or a value does not fit.
    #[error("invalid configuration: {0}")]
    Invalid(String),
    /// The profile forbids it.
    #[error("the `{profile}` profile refuses these settings: {findings}")]
    Unsafe {
        /// The profile.
        profile: &'static str,
        /// What is wrong, one sentence each.
        findings: String,
    },
}

impl Config {
    /// Loads settings and refuses those that the profile forbids.
    pub fn load(overrides: &Overrides) -> Result<Config, ConfigError> {
        let config = Config::read(overrides)?;
        let fatal: Vec<String> =
            config.check().into_iter().filter(Finding::is_fatal).map(|it| it.message).collect();
        if fatal.is_empty() {
            return Ok(config);
        }
        let profile = match config.profile {
            Profile::Demo => "demo",
            Profile::Production => "production",
        };
        Err(ConfigError::Unsafe { profile, findings: fatal.join("; ") })
    }

    /// Loads settings without the profile's rules; for `fenwen config check`.
    pub fn read(overrides: &Overrides) -> Result<Config, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        let file = overrides.file.clone().or_else(|| env_path("FENWEN_CONFIG"));
        if let Some(path) = file {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| ConfigError::File { path: path.clone(), source })?;
            figment = figment.merge(Toml::string(&text));
        }
        figment = figment.merge(Env::prefixed("FENWEN_").ignore(&["config"]).split("__"));
        for pair in &overrides.set {
            figment = figment.merge(set_one(pair)?);
        }
        if let Some(profile) = overrides.profile {
            figment = figment.merge(Serialized::default("profile", profile));
        }
        if let Some(listen) = overrides.listen {
            figment = figment.merge(Serialized::default("server.listen", listen));
        }
        if let Some(data_dir) = &overrides.data_dir {
            figment = figment.merge(Serialized::default("data_dir", data_dir));
        }
        figment.extract().map_err(|err| ConfigError::Invalid(explain(err)))
    }

    /// Where fenwen keeps what it must not lose.
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(user_data_dir)
    }

    /// Where model files lie; shared by all data directories of a user, so that they are pulled once.
    pub fn model_store(&self) -> PathBuf {
        self.models.store.clone().unwrap_or_else(|| user_data_dir().join("models"))
    }
}

/// `key.path=value`, the value being TOML or, failing that, a plain string.
fn set_one(pair: &str) -> Result<figment::providers::Data<Toml>, ConfigError> {
    let (key, value) = pair
        .split_once('=')
        .ok_or_else(|| ConfigError::Invalid(format!("`--set {pair}`: write key.path=value")))?;
    let plain = toml::Value::String(value.to_owned()).to_string();
    let line = format!("{key} = {value}");
    let text = if line.parse::<toml::Table>().is_ok() { line } else { format!("{key} = {plain}") };
    text.parse::<toml::Table>()
        .map_err(|_| ConfigError::Invalid(format!("`--set {pair}`: `{key}` is not a key path")))?;
    Ok(Toml::string(&text))
}

/// One line a problem, with the key it belongs to.
fn explain(err: figment::Error) -> String {
    let lines: Vec<String> = err.into_iter().map(|it| it.to_string()).collect();
    lines.join("; ")
}

fn user_data_dir() -> PathBuf {
    env_path("XDG_DATA_HOME")
        .or_else(|| env_path("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| Path::new("data").to_owned(), |base| base.join("fenwen"))
}

/// The only place where the environment is read by name.
#[expect(clippy::disallowed_methods, reason = "this is the module that may")]
fn env_path(name: &str) -> Option<PathBuf> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(toml: &str, set: &[&str]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("fenwen.toml");
        std::fs::write(&file, toml).unwrap();
        let set = set.iter().map(|&pair| pair.to_owned()).collect();
        Config::load(&Overrides { file: Some(file), set, ..Overrides::default() })
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let config =
            load("[idcard]\nqueue = 7\n[limits]\nmeta_bytes = 9", &["idcard.queue=8"]).unwrap();
        assert_eq!((config.idcard.queue, config.limits.meta_bytes), (8, 9));
        assert_eq!(config.server.listen.port(), 8080);
    }

    #[test]
    fn unknown_keys_are_errors_that_name_the_key() {
        for (toml, key) in [("colour = 1", "colour"), ("[server]\nlissten = \"x\"", "lissten")] {
            let err = load(toml, &[]).unwrap_err().to_string();
            assert!(err.contains(key), "{err}");
        }
        assert!(load("", &["idcard.quue=1"]).unwrap_err().to_string().contains("quue"));
    }

    #[test]
    fn values_of_set_are_toml_or_plain_text() {
        let config = load("", &["server.listen=127.0.0.1:9", "engine.onnx=rten"]).unwrap();
        assert_eq!(config.server.listen.port(), 9);
        assert!(load("", &["queue"]).is_err());
    }

    #[test]
    fn secrets_never_print() {
        let config = load("[models]\ntoken = \"hunter2\"", &[]).unwrap();
        assert_eq!(config.models.token.as_ref().unwrap().expose(), "hunter2");
        let shown = toml::to_string(&config).unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("[…]"), "{shown}");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
