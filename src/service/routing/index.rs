//! The index that answers questions: packed from approved sources, kept in versions, swapped while calls go on.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::ArcSwapOption;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::base::ErrorCode;
use crate::pipeline::answers::index::{AnswerIndex, IndexError, Vectors};
use crate::pipeline::answers::rank::Ranker;
use crate::pipeline::encode::Encoder;
use crate::registry::{LoadedVersion, VersionError, VersionFiles, Versions};
use crate::service::sources::SourceRow;
use crate::task::answers::Source;
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;

use super::ANSWERS;

const SETTINGS: &str = "index.json";
const SOURCES: &str = "sources.jsonl";
const VECTORS: &str = "vectors.safetensors";
const FILES: VersionFiles = &[(SETTINGS, true), (SOURCES, true), (VECTORS, false)];
/// Of the files; another one is refused.
const SCHEMA: u32 = 1;

/// What an operator should know.
const NO_ENCODER: &str =
    "語句編碼器尚未下載,問答只比對文字;請執行 fenwen models pull,再執行 fenwen qa index";
const NO_VECTORS: &str =
    "問答索引建立時沒有語句編碼器,只比對文字;請執行 fenwen models pull,再執行 fenwen qa index";
const OTHER_ENCODER: &str = "問答索引由另一個語句編碼器建立,請執行 fenwen qa index 重建";

/// Which encoder made vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderId {
    /// Its name.
    pub name: String,
    /// SHA-256 of its weights, lower-case hex.
    pub sha256: String,
}

/// An encoder of questions, and which one it is.
#[derive(Clone)]
pub struct NamedEncoder {
    /// Which.
    pub id: EncoderId,
    /// On a queue of its own.
    pub encoder: Encoder,
}

/// Opens the encoder; none where it was not pulled.
pub type EncoderFactory = Box<dyn Fn() -> Option<NamedEncoder> + Send + Sync>;

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
    Vectors(#[from] safetensors::SafeTensorError),
    /// Written by a newer program, or not whole.
    #[error("the index is of another form: build it anew with `fenwen qa index`")]
    Form,
    /// Sources and vectors do not fit.
    #[error("sources and vectors do not fit")]
    Index(#[from] IndexError),
    /// The vectors are another encoder's.
    #[error("the index was made with encoder {}, here is {}: build it anew with `fenwen qa index`", made.sha256, here.sha256)]
    Encoder {
        /// Of the index.
        made: EncoderId,
        /// Of this program.
        here: EncoderId,
    },
}

/// `index.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexSettings {
    schema: u32,
    n_sources: usize,
    encoder: Option<EncoderId>,
}

/// The versions of the index under `data_dir/answers`.
pub fn versions(answers: &Path) -> Versions {
    Versions::of_files(answers, "index", FILES)
}

/// The files of an index, by name.
///
/// # Errors
/// When the vectors do not fit the sources.
pub fn pack(
    sources: Vec<Source>,
    vectors: Option<(&EncoderId, &Vectors)>,
) -> Result<Vec<(&'static str, Vec<u8>)>, IndexFileError> {
    let json = |file| move |source| IndexFileError::Json { file, source };
    let n_sources = sources.len();
    let encoder = vectors.map(|(id, _)| id.clone());
    let settings = IndexSettings { schema: SCHEMA, n_sources, encoder };
    let settings = serde_json::to_vec_pretty(&settings).map_err(json(SETTINGS))?;
    let mut lines = Vec::new();
    for source in sources {
        serde_json::to_writer(&mut lines, &SourceRow::new(source)).map_err(json(SOURCES))?;
        lines.push(b'\n');
    }
    let mut files = vec![(SETTINGS, settings), (SOURCES, lines)];
    if let Some((_, Vectors { width, values })) = vectors {
        let bytes: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![2 * n_sources, *width], &bytes)?;
        files.push((VECTORS, safetensors::serialize([("vectors", view)], None)?));
    }
    Ok(files)
}

/// An index that answers.
pub struct ActiveIndex {
    /// It.
    pub index: AnswerIndex,
    /// Its name, version and hash.
    pub info: ModelInfo,
    /// Whose vectors it has.
    pub encoder: Option<EncoderId>,
}

impl ActiveIndex {
    /// Opens a version whose hashes were checked.
    ///
    /// # Errors
    /// When a file is broken.
    pub fn open(version: &LoadedVersion) -> Result<ActiveIndex, IndexFileError> {
        let json = |file| move |source| IndexFileError::Json { file, source };
        let file = |name: &str| version.files.get(name).map(Vec::as_slice);
        let settings = file(SETTINGS).unwrap_or_default();
        let settings: IndexSettings = serde_json::from_slice(settings).map_err(json(SETTINGS))?;
        let lines = file(SOURCES).unwrap_or_default().split(|it| *it == b'\n');
        let sources: Result<Vec<Source>, _> = lines
            .filter(|it| !it.is_empty())
            .map(|it| serde_json::from_slice::<SourceRow>(it).map(|it| it.to_source()))
            .collect();
        let sources = sources.map_err(json(SOURCES))?;
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
        Ok(ActiveIndex { index, info, encoder: settings.encoder })
    }
}

fn vectors(bytes: &[u8]) -> Result<Vectors, IndexFileError> {
    let file = SafeTensors::deserialize(bytes)?;
    let tensor = file.tensor("vectors")?;
    let &[_, width] = tensor.shape() else { return Err(IndexFileError::Form) };
    if tensor.dtype() != Dtype::F32 {
        return Err(IndexFileError::Form);
    }
    let (numbers, _) = tensor.data().as_chunks::<4>();
    Ok(Vectors { width, values: numbers.iter().map(|it| f32::from_le_bytes(*it)).collect() })
}

/// The place of the index, and its replacement by another version.
pub(super) struct IndexSlot {
    versions: Versions,
    current: ArcSwapOption<ActiveIndex>,
    open_encoder: EncoderFactory,
    encoder: OnceLock<NamedEncoder>,
    state: Mutex<SlotState>,
}

/// What was looked at last, and why it does not answer, or not fully.
#[derive(Default)]
struct SlotState {
    seen: Option<u32>,
    notice: Option<String>,
}

impl IndexSlot {
    pub(super) fn new(answers: &Path, open_encoder: EncoderFactory) -> IndexSlot {
        IndexSlot {
            versions: versions(answers),
            current: ArcSwapOption::empty(),
            open_encoder,
            encoder: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    pub(super) fn get(&self) -> Option<Arc<ActiveIndex>> {
        self.current.load_full()
    }

    /// The encoder of questions, where the index needs it and it could be opened.
    pub(super) fn encoder(&self) -> Option<&NamedEncoder> {
        self.encoder.get()
    }

    /// The index, or why there is none, with the remedy.
    pub(super) fn require(&self) -> Result<Arc<ActiveIndex>, CallError> {
        self.get().ok_or_else(|| {
            let remedy =
                "尚未建立問答索引,請先執行:fenwen qa import、fenwen qa approve 與 fenwen qa index";
            let message = self.notice().unwrap_or_else(|| remedy.to_owned());
            CallError::new(ErrorCode::Unavailable, message)
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
        let index = ActiveIndex::open(&self.versions.load(number)?)?;
        let Some(made) = &index.encoder else { return Ok((index, Some(NO_VECTORS))) };
        if self.encoder.get().is_none()
            && let Some(encoder) = (self.open_encoder)()
        {
            // Set by this function only, under the lock of the state.
            let _ = self.encoder.set(encoder);
        }
        match self.encoder.get() {
            None => Ok((index, Some(NO_ENCODER))),
            Some(here) if here.id.sha256 != made.sha256 => {
                Err(IndexFileError::Encoder { made: made.clone(), here: here.id.clone() })
            }
            Some(_) => Ok((index, None)),
        }
    }
}

fn report(error: &dyn std::error::Error) {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    tracing::error!(reason = %error, cause, "an index of sources is refused; the one before stays");
}

#[cfg(test)]
mod tests;
