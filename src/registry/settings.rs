//! Where models are kept and where they may come from. Filled in by the caller; nothing here reads the environment.

use std::path::PathBuf;
use std::str::FromStr;

use super::fetch::Tools;
use super::manifest::ModelFile;
use super::release::Trust;
use super::source::{Source, SourceSyntaxError};
use crate::base::Secret;

/// What the registry must know from outside.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the content-addressed store; made by the first pull.
    pub store: PathBuf,
    /// A folder `<id>/model.toml` and `<id>/CARD.md` that adds to the built-in models or replaces them.
    pub manifests: Option<PathBuf>,
    /// Folders like that whose models have their files beside the manifest: those that were trained with a classifier.
    /// One that is not there has none.
    pub trained: Vec<PathBuf>,
    /// Tried before every source of a manifest, in order.
    pub mirrors: Vec<Mirror>,
    /// Another address of the Hugging Face hub (`https://…`).
    pub hub_endpoint: Option<String>,
    /// A token for private repositories of the hub.
    pub hub_token: Option<Secret<String>>,
    /// PEM certificates of the authorities to trust instead of the built-in ones, for an internal mirror.
    pub ca_file: Option<PathBuf>,
    /// Whose models are used.
    pub trust: Trust,
    /// How pip and npm are called.
    pub tools: Tools,
}

impl Settings {
    /// Built-in models kept in the folder `store`, fetched from their own sources.
    pub fn at(store: impl Into<PathBuf>) -> Settings {
        Settings {
            store: store.into(),
            manifests: None,
            trained: Vec::new(),
            mirrors: Vec::new(),
            hub_endpoint: None,
            hub_token: None,
            ca_file: None,
            trust: Trust::default(),
            tools: Tools::default(),
        }
    }

    /// The same settings with a folder tried first: `fenwen models pull --from DIR`.
    pub fn with_dir_first(mut self, folder: PathBuf) -> Settings {
        self.mirrors.insert(0, Mirror(Source::Dir(folder)));
        self
    }

    /// Every source of `file`, in the order in which they are tried.
    pub(super) fn sources_of(&self, file: &ModelFile) -> Vec<Source> {
        let mirrored = self.mirrors.iter().map(|mirror| match &mirror.0 {
            Source::Url(base) => Source::Url(format!("{base}/{}", file.sha256)),
            other => other.clone(),
        });
        mirrored.chain(file.sources.iter().cloned()).collect()
    }
}

/// A copy of the store elsewhere: `dir:<path>`, or `url:https://…` under which every file has its SHA-256 as name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror(Source);

impl FromStr for Mirror {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Mirror, MirrorError> {
        match text.trim_end_matches('/').parse::<Source>()? {
            source @ (Source::Dir(_) | Source::Url(_)) => Ok(Mirror(source)),
            _ => Err(MirrorError::Kind(text.to_owned())),
        }
    }
}

/// A mirror that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// It is not a source at all.
    #[error(transparent)]
    Syntax(#[from] SourceSyntaxError),
    /// It is a source of one file only.
    #[error("`{0}` is not a mirror: only `dir:` and `url:` are")]
    Kind(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_folder_or_an_address() {
        let check = |text: &str, good: bool| {
            assert_eq!(text.parse::<Mirror>().is_ok(), good, "{text}");
        };
        check("dir:/srv/models", true);
        check("url:https://mirror.example/models/", true);
        check("url:http://mirror.example/models", false);
        check("wheel:rapidocr==3.10.0#x", false);
        check("/srv/models", false);
    }
}
