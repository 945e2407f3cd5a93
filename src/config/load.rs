//! Reads settings from their four sources and resolves the directories.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

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
    #[error("無法讀取設定檔 {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key is unknown or a value does not fit.
    #[error("設定有誤:{0}")]
    Invalid(String),
    /// The profile forbids it.
    #[error("執行模式 {profile} 不接受這些設定:{findings}")]
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
        let mut layers = Layers::default();
        let file = overrides.file.clone().or_else(|| env_path("FENWEN_CONFIG"));
        if let Some(path) = file {
            let text = std::fs::read_to_string(&path)
                .map_err(|source| ConfigError::File { path: path.clone(), source })?;
            let source = path.display().to_string();
            let table = table(&text).map_err(|why| invalid(&source, &why))?;
            layers.add(&source, table)?;
        }
        for (name, value) in environment() {
            let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
            layers.set(&name, &key, &value)?;
        }
        for pair in &overrides.set {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| invalid(&format!("--set {pair}"), "請寫成 key.path=value"))?;
            layers.set(&format!("--set {key}"), key, value)?;
        }
        let mut config = layers.config;
        config.profile = overrides.profile.unwrap_or(config.profile);
        config.server.listen = overrides.listen.unwrap_or(config.server.listen);
        config.data_dir = overrides.data_dir.clone().or(config.data_dir);
        Ok(config)
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

/// Start of the names of variables that are settings.
const PREFIX: &str = "FENWEN_";

/// Settings, one source laid over the other; each is checked when it comes, so that an error names its source.
#[derive(Default)]
struct Layers {
    table: Table,
    config: Config,
}

impl Layers {
    fn add(&mut self, source: &str, table: Table) -> Result<(), ConfigError> {
        lay_over(&mut self.table, table);
        self.config = serde_path_to_error::deserialize(Value::Table(self.table.clone()))
            .map_err(|err| invalid(source, &explain(&err)))?;
        Ok(())
    }

    /// One value, being TOML or, failing that, plain text.
    fn set(&mut self, source: &str, key: &str, value: &str) -> Result<(), ConfigError> {
        let plain = || table(&format!("{key} = {}", Value::String(value.to_owned())));
        let table = table(&format!("{key} = {value}"))
            .or_else(|_| plain())
            .map_err(|_| invalid(source, &format!("「{key}」不是設定項目的路徑")))?;
        self.add(source, table)
    }
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => lay_over(old, new),
            (_, value) => _ = below.insert(key, value),
        }
    }
}

/// Reads TOML; what is wrong is told with its line, without quoting it: it may be a secret.
fn table(text: &str) -> Result<Table, String> {
    text.parse::<Table>().map_err(|err| {
        let before = err.span().and_then(|it| text.get(..it.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, err.message())
    })
}

fn invalid(source: &str, why: &str) -> ConfigError {
    ConfigError::Invalid(format!("{source}: {why}"))
}

/// One line, with the key that it is about.
fn explain(err: &serde_path_to_error::Error<toml::de::Error>) -> String {
    let why = err.inner().message().replace('\n', " ");
    match err.path().to_string() {
        path if path == "." => why,
        path => format!("`{path}`: {why}"),
    }
}

fn user_data_dir() -> PathBuf {
    env_path("XDG_DATA_HOME")
        .or_else(|| env_path("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| Path::new("data").to_owned(), |base| base.join("fenwen"))
}

/// The variables that are settings, by name; what is no text is none.
fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let is_setting = |(name, _): &(String, String)| {
        name.starts_with(PREFIX) && name != "FENWEN_CONFIG" && name.len() > PREFIX.len()
    };
    let mut found: Vec<_> = std::env::vars_os().filter_map(text).filter(is_setting).collect();
    found.sort_unstable();
    found
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
    fn an_error_names_its_source_and_hides_the_value() {
        let of_set = load("", &["server.max_connections=many"]).unwrap_err().to_string();
        assert!(
            of_set.contains("--set") && of_set.contains("`server.max_connections`"),
            "{of_set}"
        );
        let of_file = load("\n[models]\ntoken = hunter2", &[]).unwrap_err().to_string();
        assert!(of_file.contains("fenwen.toml: line 3"), "{of_file}");
        assert!(!of_file.contains("hunter2") && !of_file.contains('\n'), "{of_file}");
    }

    #[test]
    fn a_table_is_laid_over_a_table_key_by_key() {
        let config = load(
            "[log]\nlevel = \"warn\"\n[server]\nlisten = \"127.0.0.1:7\"",
            &["server={max_connections=5}"],
        )
        .unwrap();
        assert_eq!((config.server.listen.port(), config.server.max_connections), (7, 5));
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
