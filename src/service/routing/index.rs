//! The index that answers questions: packed from approved sources, kept in versions, swapped while calls go on.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::{ErrorCode, hex};
use crate::pipeline::answers::index::{AnswerIndex, IndexError, Vectors};
use crate::pipeline::answers::rank::Ranker;
use crate::registry::{LoadedVersion, VersionError, VersionFiles, Versions};
use crate::service::sources::SourceRow;
use crate::task::answers::Source;
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;

use super::ANSWERS;
use super::encoder::{EncoderError, Encoders, TextEncoder};

const SETTINGS: &str = "index.json";
const SOURCES: &str = "sources.jsonl";
const VECTORS: &str = "vectors.safetensors";
/// Of its tensors, the one that an older index lacks.
const NEARNESS: &str = "nearness";
const FILES: VersionFiles = &[(SETTINGS, true), (SOURCES, true), (VECTORS, false)];
/// Of the files; another one is refused.
const SCHEMA: u32 = 1;

/// Sources that a demonstration answers from, in the form of an index's own.
const EXAMPLES: &[u8] = include_bytes!("index/examples.jsonl");

/// What an operator should know.
const BY_EXAMPLES: &str = "尚未建立問答索引,以內建的展示資料回答;請執行 fenwen qa import、fenwen qa approve 與 fenwen qa index";
const NO_ENCODER: &str =
    "語句編碼器尚未下載,問答只比對文字;請執行 fenwen models pull,再執行 fenwen qa index";
const BROKEN_ENCODER: &str = "語句編碼器無法開啟,問答只比對文字;請執行 fenwen models verify,檔案毀損者以 fenwen models pull 重新下載,再執行 fenwen qa index";
const NO_VECTORS: &str =
    "問答索引建立時沒有語句編碼器,只比對文字;請執行 fenwen models pull,再執行 fenwen qa index";
const OTHER_ENCODER: &str = "問答索引由另一個語句編碼器建立,請執行 fenwen qa index 重建";

/// Why an index cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexFileError {
    /// Its files.
    #[error("failed to read the version")]
    Version(#[from] VersionError),
    /// Settings or a source.
    #[error("`{file}` is no such file")]
    Json {
        /// Which.
        file: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The vectors.
    #[error("failed to read or write the vectors")]
    Vectors(#[from] SafeTensorError),
    /// Written by a newer program, or not whole.
    #[error("the index is of another form: build it anew with `fenwen qa index`")]
    Form,
    /// Sources and vectors do not fit.
    #[error("sources and vectors do not fit")]
    Index(#[from] IndexError),
    /// The vectors are another encoder's.
    #[error(
        "the index was made with encoder {made}, here is {here}: build it anew with `fenwen qa index`"
    )]
    Encoder {
        /// SHA-256 of the index's.
        made: String,
        /// SHA-256 of the installed one.
        here: String,
    },
}

/// `index.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexSettings {
    schema: u32,
    n_sources: usize,
    /// SHA-256 of the weights of the encoder that made the vectors.
    encoder: Option<String>,
}

/// The versions of the index under `data_dir/answers`.
pub fn versions(answers: &Path) -> Versions {
    Versions::of_files(answers, "index", FILES)
}

/// The files of an index, by name; vectors come with the SHA-256 of their encoder's weights.
///
/// # Errors
/// When the vectors do not fit the sources.
pub fn pack(
    sources: Vec<Source>,
    vectors: Option<(&str, &Vectors)>,
) -> Result<Vec<(&'static str, Vec<u8>)>, IndexFileError> {
    let json = |file| move |source| IndexFileError::Json { file, source };
    let n_sources = sources.len();
    let encoder = vectors.map(|(sha256, _)| sha256.to_owned());
    let settings = IndexSettings { schema: SCHEMA, n_sources, encoder };
    let settings = serde_json::to_vec_pretty(&settings).map_err(json(SETTINGS))?;
    let mut lines = Vec::new();
    for source in sources {
        serde_json::to_writer(&mut lines, &SourceRow::new(source)).map_err(json(SOURCES))?;
        lines.push(b'\n');
    }
    let mut files = vec![(SETTINGS, settings), (SOURCES, lines)];
    if let Some((_, Vectors { width, values, nearness })) = vectors {
        let (values, nearness) = (bytes(values), bytes(nearness));
        let vectors = TensorView::new(Dtype::F32, vec![2 * n_sources, *width], &values)?;
        let nearness = TensorView::new(Dtype::F32, vec![2 * n_sources], &nearness)?;
        let tensors = [("vectors", vectors), (NEARNESS, nearness)];
        files.push((VECTORS, safetensors::serialize(tensors, None)?));
    }
    Ok(files)
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
}

/// An index that answers.
pub struct ActiveIndex {
    /// It.
    pub index: AnswerIndex,
    /// Its name, version and hash.
    pub info: ModelInfo,
    /// SHA-256 of the weights of the encoder whose vectors it has.
    pub made_by: Option<String>,
    /// That encoder, where it is at hand; without it words alone are compared.
    pub(super) encoder: Option<Arc<dyn TextEncoder>>,
}

impl ActiveIndex {
    /// Opens a version whose hashes were checked, without its encoder.
    ///
    /// # Errors
    /// When a file is broken.
    pub fn open(version: &LoadedVersion) -> Result<ActiveIndex, IndexFileError> {
        let json = |file| move |source| IndexFileError::Json { file, source };
        let file = |name: &str| version.files.get(name).map(Vec::as_slice);
        let settings = file(SETTINGS).unwrap_or_default();
        let settings: IndexSettings = serde_json::from_slice(settings).map_err(json(SETTINGS))?;
        let sources = sources(file(SOURCES).unwrap_or_default())?;
        let vectors = file(VECTORS).map(vectors).transpose()?;
        let is_whole =
            settings.n_sources == sources.len() && settings.encoder.is_some() == vectors.is_some();
        if settings.schema != SCHEMA || !is_whole {
            return Err(IndexFileError::Form);
        }
        let info = ModelInfo {
            name: ANSWERS.to_owned(),
            version: version.number.to_string(),
            sha256: version.sha256.clone(),
        };
        let index = AnswerIndex::new(sources, vectors, Ranker::default())?;
        Ok(ActiveIndex { index, info, made_by: settings.encoder, encoder: None })
    }

    /// The built-in examples, by words only: what a demonstration answers from until an index was built.
    ///
    /// # Errors
    /// When this program was built with a broken file.
    pub(super) fn of_examples() -> Result<ActiveIndex, IndexFileError> {
        let info = ModelInfo {
            name: ANSWERS.to_owned(),
            version: "examples".to_owned(),
            sha256: hex(&Sha256::digest(EXAMPLES)),
        };
        let index = AnswerIndex::new(sources(EXAMPLES)?, None, Ranker::default())?;
        Ok(ActiveIndex { index, info, made_by: None, encoder: None })
    }
}

fn sources(lines: &[u8]) -> Result<Vec<Source>, IndexFileError> {
    lines
        .split(|it| *it == b'\n')
        .filter(|it| !it.is_empty())
        .map(|it| serde_json::from_slice::<SourceRow>(it).map(|it| it.to_source()))
        .collect::<Result<_, _>>()
        .map_err(|source| IndexFileError::Json { file: SOURCES, source })
}

fn vectors(bytes: &[u8]) -> Result<Vectors, IndexFileError> {
    let file = SafeTensors::deserialize(bytes)?;
    let tensor = file.tensor("vectors")?;
    let &[_, width] = tensor.shape() else { return Err(IndexFileError::Form) };
    let values = numbers(&tensor)?;
    match file.tensor(NEARNESS) {
        Ok(tensor) => Ok(Vectors { width, values, nearness: numbers(&tensor)? }),
        // Packed before it was kept.
        Err(SafeTensorError::TensorNotFound(_)) => Ok(Vectors::new(width, values)),
        Err(error) => Err(error.into()),
    }
}

fn numbers(tensor: &TensorView<'_>) -> Result<Vec<f32>, IndexFileError> {
    if tensor.dtype() != Dtype::F32 {
        return Err(IndexFileError::Form);
    }
    let (numbers, _) = tensor.data().as_chunks::<4>();
    Ok(numbers.iter().map(|it| f32::from_le_bytes(*it)).collect())
}

/// The place of the index, and its replacement by another version.
pub(super) struct IndexSlot {
    versions: Versions,
    current: ArcSwapOption<ActiveIndex>,
    encoders: Arc<dyn Encoders>,
    state: Mutex<SlotState>,
}

/// What was looked at last, and why it does not answer, or not fully.
struct SlotState {
    seen: Option<u32>,
    notice: Option<String>,
}

impl IndexSlot {
    /// With what answers until a version is active, if anything is to.
    pub(super) fn new(
        answers: &Path,
        encoders: Arc<dyn Encoders>,
        examples: Option<ActiveIndex>,
    ) -> IndexSlot {
        let notice = examples.is_some().then(|| BY_EXAMPLES.to_owned());
        IndexSlot {
            versions: versions(answers),
            current: ArcSwapOption::from_pointee(examples),
            encoders,
            state: Mutex::new(SlotState { seen: None, notice }),
        }
    }

    pub(super) fn get(&self) -> Option<Arc<ActiveIndex>> {
        self.current.load_full()
    }

    /// The index, or why there is none, with the remedy.
    pub(super) fn require(&self) -> Result<Arc<ActiveIndex>, CallError> {
        self.get().ok_or_else(|| match self.notice() {
            Some(refused) => CallError::new(ErrorCode::Unavailable, refused),
            None => {
                let remedy = "尚未建立問答索引,請先執行:fenwen qa import、fenwen qa approve 與 fenwen qa index";
                CallError::new(ErrorCode::Conflict, remedy)
            }
        })
    }

    /// What an operator should know.
    pub(super) fn notice(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).notice.clone()
    }

    /// Whether a source of this id may be named in feedback.
    pub(super) fn names_source(&self, id: &str) -> bool {
        self.get().is_some_and(|it| it.index.sources().iter().any(|source| source.id == id))
    }

    /// Opens the version that the pointer names unless it was looked at before; a refused one is reported in the log
    /// and the one before stays.
    pub(super) fn refresh(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match self.versions.active() {
            Ok(Some(number)) => number,
            Ok(None) => return,
            Err(error) => return report(&error),
        };
        if state.seen == Some(number) {
            return;
        }
        state.seen = Some(number);
        match self.open(number) {
            Ok((index, notice)) => {
                tracing::info!(version = number, "an index of sources answers");
                self.current.store(Some(Arc::new(index)));
                state.notice = notice.map(str::to_owned);
            }
            Err(error) => {
                report(&error);
                let message = match error {
                    IndexFileError::Encoder { .. } => OTHER_ENCODER.to_owned(),
                    _ => format!("問答索引第 {number} 版無法開啟,請執行 fenwen qa index 重建"),
                };
                state.notice = Some(message);
            }
        }
    }

    fn open(&self, number: u32) -> Result<(ActiveIndex, Option<&'static str>), IndexFileError> {
        let mut index = ActiveIndex::open(&self.versions.load(number)?)?;
        let Some(made) = &index.made_by else { return Ok((index, Some(NO_VECTORS))) };
        match self.encoders.open(made) {
            Ok(encoder) => {
                index.encoder = Some(encoder);
                Ok((index, None))
            }
            Err(EncoderError::Other { wanted, found }) => {
                Err(IndexFileError::Encoder { made: wanted, here: found })
            }
            Err(error) => {
                tracing::warn!(reason = %error, "questions are compared by words only");
                let is_missing = matches!(error, EncoderError::Missing { .. });
                Ok((index, Some(if is_missing { NO_ENCODER } else { BROKEN_ENCODER })))
            }
        }
    }
}

fn report(error: &dyn std::error::Error) {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    tracing::error!(reason = %error, cause, "an index of sources is refused; the one before stays");
}

#[cfg(test)]
mod tests;
