//! What a model is: the checked form of `models/<id>/model.toml`.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::constants::{
    BatchLimits, CalibrationTable, Golden, GoldenText, Postprocess, Preprocess,
};
use super::convert::Conversion;
use super::digest::Digest;
use super::source::{Package, Source};

/// The manifest format this program understands.
pub(super) const SCHEMA: u32 = 1;

/// A described model. Invariants: at least one file, every role at most once, every file has a source and a size.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    schema: u32,
    /// Name, equal to the folder's.
    pub id: ModelId,
    /// Version of the weights, as their publisher counts.
    pub version: String,
    /// What it is for.
    pub task: ModelTask,
    /// What runs it.
    pub engine: ModelEngine,
    /// Whether `fenwen models pull` without a name fetches it, where a service of the node needs it.
    #[serde(default)]
    pub default: bool,
    /// SPDX identifier of the weights' licence.
    pub licence: String,
    /// Who made it, from what, and how it came here.
    pub provenance: String,
    /// Machines it runs on, `architecture-system`; empty means all.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// Its files.
    #[serde(rename = "file")]
    pub files: Vec<ModelFile>,
    /// What its file is made of where no source has it whole; needed only while it is made.
    #[serde(default, rename = "part")]
    pub parts: Vec<ModelFile>,
    /// How the file is made of the parts.
    pub conversion: Option<Conversion>,
    /// Archives named in the sources, with their sizes, for the progress bar.
    #[serde(default, rename = "archive")]
    pub archives: Vec<Archive>,
    /// Class names, by output index.
    #[serde(default)]
    pub labels: Vec<String>,
    /// How its input is made.
    pub preprocess: Option<Preprocess>,
    /// How its output is read.
    pub postprocess: Option<Postprocess>,
    /// How much it may be given at once.
    pub batch: Option<BatchLimits>,
    /// From raw scores to probabilities, fitted on dev data.
    pub calibration: Option<CalibrationTable>,
    /// A known input with its known output.
    pub golden: Option<Golden>,
    /// A known text with its known output.
    pub golden_text: Option<GoldenText>,
}

impl ModelManifest {
    /// Parses and checks a manifest.
    pub fn parse(text: &str) -> Result<ModelManifest, ManifestError> {
        let manifest: ModelManifest =
            toml::from_str(text).map_err(|error| ManifestError::Syntax(error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Size of all files together.
    pub fn n_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Whether every file is part of the program.
    pub fn is_embedded(&self) -> bool {
        self.files.iter().all(|file| file.sources.contains(&Source::Embedded))
    }

    /// Whether it runs on this kind of machine.
    pub fn fits_this_machine(&self) -> bool {
        let here = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        self.platforms.is_empty() || self.platforms.contains(&here)
    }

    /// Size of an archive, if the manifest states it.
    pub(super) fn archive_bytes(&self, package: &Package) -> Option<u64> {
        self.archives.iter().find(|it| it.package == *package).map(|it| it.bytes)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.schema != SCHEMA {
            return Err(ManifestError::Schema(self.schema));
        }
        for (what, text) in [
            ("version", &self.version),
            ("licence", &self.licence),
            ("provenance", &self.provenance),
        ] {
            if text.trim().is_empty() {
                return Err(ManifestError::Empty(what));
            }
        }
        if self.files.is_empty() {
            return Err(ManifestError::Empty("file"));
        }
        let mut roles = BTreeSet::new();
        for file in &self.files {
            if !roles.insert(file.role) {
                return Err(ManifestError::SameRole(file.role));
            }
        }
        if self.parts.is_empty() == self.conversion.is_some() {
            return Err(ManifestError::Empty("part"));
        }
        if self.parts.iter().any(|it| it.sources.contains(&Source::Convert)) {
            return Err(ManifestError::ConvertedPart);
        }
        for file in self.files.iter().chain(&self.parts) {
            let is_plain = |ch: char| ch.is_ascii_alphanumeric() || "._-".contains(ch);
            if file.name.starts_with('.') || !file.name.chars().all(is_plain) {
                return Err(ManifestError::FileName(file.name.clone()));
            }
            if file.name.is_empty() || file.bytes == 0 || file.sources.is_empty() {
                return Err(ManifestError::File(file.role));
            }
        }
        self.golden.iter().try_for_each(Golden::check_shape)
    }
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// What it is to the engine.
    pub role: FileRole,
    /// Its plain name, without folders.
    pub name: String,
    /// Its exact size; nothing longer is ever read.
    pub bytes: u64,
    /// Its hash.
    pub sha256: Digest,
    /// Where it can be had, best first.
    pub sources: Vec<Source>,
}

/// An archive that sources name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Which.
    pub package: Package,
    /// Its size.
    pub bytes: u64,
}

/// What a file is to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileRole {
    /// The network.
    Weights,
    /// A list of characters or words.
    Dictionary,
    /// A tokenizer.
    Tokenizer,
    /// Settings.
    Config,
    /// What its labels mean.
    Labels,
    /// A native library, opened at run time.
    Library,
    /// What a runtime opens to compute on a card.
    Provider,
    /// What a runtime and its provider have between them.
    Bridge,
    /// What another file is made of.
    Part,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelTask {
    /// Where is text?
    TextDetection,
    /// Which text is in this line?
    TextRecognition,
    /// Does this line stand on its head?
    LineOrientation,
    /// Which side of this page is up?
    PageOrientation,
    /// Face detection.
    FaceDetection,
    /// What is this text about?
    SentenceEmbedding,
    /// Whose is this text?
    TextClassification,
    /// Which words are spoken here?
    SpeechRecognition,
    /// Does anybody speak here?
    VoiceActivity,
    /// It runs other models.
    Runtime,
}

impl fmt::Display for ModelTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ModelTask::TextDetection => "text-detection",
            ModelTask::TextRecognition => "text-recognition",
            ModelTask::LineOrientation => "line-orientation",
            ModelTask::PageOrientation => "page-orientation",
            ModelTask::FaceDetection => "face-detection",
            ModelTask::SentenceEmbedding => "sentence-embedding",
            ModelTask::TextClassification => "text-classification",
            ModelTask::SpeechRecognition => "speech-recognition",
            ModelTask::VoiceActivity => "voice-activity",
            ModelTask::Runtime => "runtime",
        })
    }
}

/// What runs a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelEngine {
    /// Any engine that reads ONNX: ONNX Runtime or rten.
    Onnx,
    /// candle: bare weights of a network that this program knows.
    Candle,
    /// Hashed n-grams and hyperplanes, by this program itself.
    Linear,
    /// whisper.cpp, or Whisper on candle: both read its files.
    Whisper,
    /// Nothing: it is a native library itself.
    Library,
}

/// The name of a model. Invariant: 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter; safe as a folder name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ModelId(String);

impl ModelId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ModelId {
    type Error = ManifestError;

    fn try_from(text: String) -> Result<ModelId, ManifestError> {
        let is_plain = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '-';
        let begins_well = text.starts_with(|ch: char| ch.is_ascii_lowercase());
        if begins_well && text.len() <= 64 && text.chars().all(is_plain) {
            Ok(ModelId(text))
        } else {
            Err(ManifestError::Id(text))
        }
    }
}

impl std::borrow::Borrow<str> for ModelId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is not TOML of the right shape.
    #[error("{0}")]
    Syntax(String),
    /// It is of another format.
    #[error("schema {0} is not supported, only {SCHEMA}")]
    Schema(u32),
    /// The name is not allowed.
    #[error("`{0}` is not a model id (a-z, 0-9 and -, beginning with a letter, at most 64)")]
    Id(String),
    /// The name is not the folder's.
    #[error("the id must be that of its folder, `{0}`")]
    Folder(String),
    /// A required text or list is empty.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// Two files have one role.
    #[error("two files have the role {0:?}")]
    SameRole(FileRole),
    /// A part of a conversion would have to be converted itself.
    #[error("a part cannot be made of parts")]
    ConvertedPart,
    /// The name is not a plain file name.
    #[error("`{0}` is not a plain file name")]
    FileName(String),
    /// A file has no name, size or source.
    #[error("the {0:?} file needs a name, a size and a source")]
    File(FileRole),
    /// The golden input is not a small `[rows, channels, height, width]`.
    #[error("the golden shape must be four numbers with a product of 1 to {}", Golden::MAX_VALUES)]
    GoldenShape,
    /// The manifest is not a small text file.
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    /// There is no card beside it.
    #[error("CARD.md is missing")]
    NoCard,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        schema = 1
        id = "a-model"
        version = "1"
        task = "text-detection"
        engine = "onnx"
        licence = "Apache-2.0"
        provenance = "made by hand"
        [[file]]
        role = "weights"
        name = "a.onnx"
        bytes = 3
        sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
        sources = ["dir:/srv/models"]
    "#;

    fn check(from: &str, to: &str, error: &str) {
        assert!(GOOD.contains(from), "{from}");
        let found = ModelManifest::parse(&GOOD.replace(from, to)).unwrap_err().to_string();
        assert!(found.contains(error), "{to}: {found}");
    }

    #[test]
    fn a_manifest_is_whole_or_refused() {
        assert_eq!(ModelManifest::parse(GOOD).unwrap().n_bytes(), 3);
        check("schema = 1", "schema = 2", "schema 2");
        check("\"a-model\"", "\"../etc\"", "not a model id");
        check("\"a-model\"", "\"\"", "not a model id");
        check("\"Apache-2.0\"", "\" \"", "`licence` is empty");
        check("\"a.onnx\"", "\"a/b.onnx\"", "plain file name");
        check("\"a.onnx\"", "\"..\"", "plain file name");
        check("bytes = 3", "bytes = 0", "needs a name");
        check("bytes = 3", "bytes = -3", "bytes");
        check("[\"dir:/srv/models\"]", "[]", "needs a name");
        check("\"dir:", "\"ftp:", "bad source");
        check("\"0000", "\"zz00", "64 lower-case");
        check("version =", "colour = 1\nversion =", "unknown field");
        check("role =", "colour = 1\nrole =", "unknown field");
    }

    #[test]
    fn one_file_per_role() {
        let twice = format!("{GOOD}\n{}", &GOOD[GOOD.find("[[file]]").unwrap()..]);
        let error = ModelManifest::parse(&twice).unwrap_err();
        assert_eq!(error, ManifestError::SameRole(FileRole::Weights));
    }

    #[test]
    fn a_foreign_platform_does_not_fit() {
        let foreign = GOOD.replace("[[file]]", "platforms = [\"sparc-solaris\"]\n[[file]]");
        assert!(!ModelManifest::parse(&foreign).unwrap().fits_this_machine());
        assert!(ModelManifest::parse(GOOD).unwrap().fits_this_machine());
    }
}
