//! The sentence encoder: opened for the server and for training, and `fenwen embed`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::Value;

use crate::batch::{BatchPolicy, BatchSpec, ModelHandle};
use crate::config::Config;
use crate::engine::{Device, Placement, Tokenizer};
use crate::pipeline::classify;
use crate::pipeline::encode::{self, BulkEmbeddings, BulkEncoder, Encoder};
use crate::registry::{FileRole, ModelRegistry, ModelTask, RegistryError, Settings, VerifiedModel};
use crate::service::routing::{EncoderError, Encoders, TextEncoder};
use crate::tensor::Tensor;

use super::networks::{Opener, QUEUE_ROWS};
use super::words::one_line;

/// The model.
pub(super) const ENCODER: &str = crate::task::embeddings::MODEL;
/// Token ids that may wait for it.
const QUEUE_IDS: usize = 1 << 20;
/// Most padded ids for one real one in a batch; the candle engine computes none of them.
const MAX_PADDING: f64 = 2.0;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 資料(JSONL,每行一筆)
    #[arg(long, value_name = "FILE.jsonl")]
    data: PathBuf,
    /// 文字欄位名稱
    #[arg(long, value_name = "FIELD")]
    text: String,
    /// 輸出的 NumPy 檔:每行一個 512 維單位向量(float32)
    #[arg(long, value_name = "FILE.npy")]
    out: PathBuf,
}

/// Opens the installed encoder for many texts at once, with a copy of the model on every core.
pub fn open_bulk(config: &Config) -> anyhow::Result<BulkEncoder> {
    let opener = Opener::new(config)?;
    let model = opener.verified(ENCODER)?;
    opener.bulk(config, &model)
}

/// As [`open_bulk`], the encoder whose weights have this SHA-256: an installed one, or the one that `fenwen train` has
/// written beside the classifier in `folder`.
///
/// # Errors
/// When there is none, with the remedy.
pub fn open_bulk_of(config: &Config, wanted: &str, folder: &Path) -> anyhow::Result<BulkEncoder> {
    let mut settings = super::models::settings(config)?;
    settings.trained.push(folder.to_owned());
    let opener = Opener::with(config, settings)?;
    let other = |found| EncoderError::Other { wanted: wanted.to_owned(), found };
    let model = opener.verified(&opener.encoder_id(wanted).map_err(other)?)?;
    opener.bulk(config, &model)
}

/// Opens the encoder on a queue of its own.
pub fn open(config: &Config) -> anyhow::Result<Encoder> {
    Opener::new(config)?.encoder(ENCODER)
}

/// SHA-256 of the installed encoder's weights, in hexadecimal digits: vectors of another one mean something else.
pub fn sha256(config: &Config) -> anyhow::Result<String> {
    Opener::new(config)?.weights_sha256(ENCODER)
}

/// Where encoders lie that came with classifiers.
pub(super) fn trained(config: &Config) -> PathBuf {
    config.data_dir().join("encoders")
}

/// Copies the encoder that the trained classifier in `folder` brings into the data directory, unless it is here.
pub(super) fn bring(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let Some(wanted) = named_by(folder)? else { return Ok(()) };
    let settings = super::models::settings(config)?;
    let here = ModelRegistry::open(settings.clone())?;
    if here.by_weights(&wanted).is_some_and(|it| here.verified(it.manifest.id.as_str()).is_ok()) {
        return Ok(());
    }
    let beside = ModelRegistry::open(Settings { trained: vec![folder.to_owned()], ..settings })?;
    let Some(model) = beside.by_weights(&wanted) else { return Ok(()) };
    let id = model.manifest.id.as_str();
    // Hashed here and, like every model, whenever it is opened.
    let model = beside.verified(id)?;
    let (from, to) = (folder.join(id), trained(config));
    let copied = |path: &Path| format!("無法將語句編碼器複製到 {}", path.display());
    fs::create_dir_all(&to).with_context(|| copied(&to))?;
    let work = tempfile::Builder::new().prefix(".encoder-").tempdir_in(config.data_dir())?;
    let names = model.manifest().files.iter().map(|it| it.name.as_str());
    for name in names.chain(["model.toml", "CARD.md"]) {
        let path = work.path().join(name);
        fs::copy(from.join(name), &path).with_context(|| copied(&path))?;
        File::open(&path)?.sync_all()?;
    }
    let to = to.join(id);
    if to.is_dir() {
        // It is broken, or it would have been found.
        fs::remove_dir_all(&to).with_context(|| copied(&to))?;
    }
    fs::rename(work.keep(), &to).with_context(|| copied(&to))
}

/// The hash of the encoder that the classifier in a folder is fused with.
fn named_by(folder: &Path) -> anyhow::Result<Option<String>> {
    let path = folder.join("classifier.json");
    match fs::read(&path) {
        // Whoever copies the classifier tells.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        bytes => {
            let bytes = bytes.with_context(|| format!("無法讀取 {}", path.display()))?;
            let settings = classify::Settings::read(&bytes);
            Ok(settings.ok().and_then(|it| it.fused).map(|it| it.encoder))
        }
    }
}

/// The installed encoders for fused classifiers and for the index, each opened once for all of them.
pub(super) struct LocalEncoders {
    config: Config,
    opened: Mutex<Opened>,
}

/// What is open.
#[derive(Default)]
struct Opened {
    /// The one that every installation has: callers ask for it one by one, so that it stays.
    common: Option<Arc<Encoder>>,
    /// Every one by the hash of its weights, as long as somebody uses it.
    by_hash: BTreeMap<String, Weak<Encoder>>,
}

impl LocalEncoders {
    pub(super) fn new(config: &Config) -> LocalEncoders {
        LocalEncoders { config: config.clone(), opened: Mutex::default() }
    }

    /// The encoder whose weights have this hash; the file is hashed anew each time.
    fn open_by_hash(&self, wanted: &str) -> anyhow::Result<Result<Arc<Encoder>, String>> {
        let opener = Opener::new(&self.config)?;
        let id = match opener.encoder_id(wanted) {
            Ok(id) => id,
            Err(found) => return Ok(Err(found)),
        };
        opener.verified(&id)?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(encoder) = opened.by_hash.get(wanted).and_then(Weak::upgrade) {
            return Ok(Ok(encoder));
        }
        let encoder = Arc::new(opener.encoder(&id)?);
        opened.by_hash.retain(|_, it| 0 < it.strong_count());
        opened.by_hash.insert(wanted.to_owned(), Arc::downgrade(&encoder));
        if id == ENCODER {
            opened.common = Some(Arc::clone(&encoder));
        }
        Ok(Ok(encoder))
    }

    fn common(&self) -> anyhow::Result<Arc<Encoder>> {
        let known = self.opened.lock().unwrap_or_else(PoisonError::into_inner).common.clone();
        match known {
            Some(encoder) => Ok(encoder),
            None => self.open_by_hash(&sha256(&self.config)?)?.map_err(anyhow::Error::msg),
        }
    }
}

impl Encoders for LocalEncoders {
    fn open(&self, wanted: &str) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        match self.open_by_hash(wanted).map_err(failed)? {
            Ok(encoder) => Ok(encoder),
            Err(found) => Err(EncoderError::Other { wanted: wanted.to_owned(), found }),
        }
    }

    fn installed(&self) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        Ok(self.common().map_err(failed)?)
    }
}

fn failed(err: anyhow::Error) -> EncoderError {
    match err.chain().find_map(|it| it.downcast_ref()) {
        Some(RegistryError::Missing { id, .. }) => EncoderError::Missing { id: id.to_string() },
        _ => EncoderError::Open { reason: one_line(&err) },
    }
}

impl Opener {
    /// The name of the sentence encoder whose weights have this SHA-256 by its manifest; else the names of those that are
    /// known.
    fn encoder_id(&self, wanted: &str) -> Result<String, String> {
        if let Some(model) = self.registry().by_weights(wanted) {
            return Ok(model.manifest.id.to_string());
        }
        let models = self.registry().models().map(|it| &it.manifest);
        let encoders = models.filter(|it| it.task == ModelTask::SentenceEmbedding);
        let names: Vec<&str> = encoders.map(|it| it.id.as_str()).collect();
        Err(names.join(", "))
    }

    /// Copies of an encoder for many texts at once, one on every core.
    fn bulk(&self, config: &Config, model: &VerifiedModel) -> anyhow::Result<BulkEncoder> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let sessions = match config.engine.sessions {
            0 => cores,
            sessions => sessions,
        };
        let threads = config.engine.threads.max(1);
        let models = self.copies(model, Placement { sessions, threads })?;
        Ok(BulkEncoder::new(Arc::new(tokenizer(model)?), models))
    }

    /// Opens a sentence encoder on a queue of its own.
    pub(super) fn encoder(&self, id: &str) -> anyhow::Result<Encoder> {
        let model = self.verified(id)?;
        let tokenizer = Arc::new(tokenizer(&model)?);
        let copies = self.copies(&model, self.placement())?;
        let (max_rows, max_cost) = match &model.manifest().batch {
            None => (1, usize::MAX),
            Some(it) => it.on(self.device() != Device::Cpu),
        };
        let spec = BatchSpec {
            name: id.to_owned(),
            policy: BatchPolicy { max_rows, max_cost, max_padding: MAX_PADDING },
            queue_rows: QUEUE_ROWS,
            queue_cost: QUEUE_IDS,
            probe: Some(probe(&tokenizer)?),
            clock: self.clock(),
        };
        Ok(Encoder::new(tokenizer, ModelHandle::spawn(copies, spec, encode::reduce)?))
    }
}

/// A short text, for warming up and health checks.
fn probe(tokenizer: &Tokenizer) -> anyhow::Result<Tensor> {
    let ids: Vec<i64> = tokenizer.tokenize("內政部").ids.into_iter().map(i64::from).collect();
    Ok(Tensor::i64([ids.len()], ids)?)
}

/// The tokenizer that the model names.
pub(super) fn tokenizer(model: &VerifiedModel) -> anyhow::Result<Tokenizer> {
    let file = model
        .file(FileRole::Tokenizer)
        .with_context(|| format!("模型「{}」未指定斷詞器", model.manifest().id))?;
    Ok(Tokenizer::open(file)?)
}

/// Embeds every line of a file.
pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    let texts = read_texts(&options.data, &options.text)?;
    let mut encoder = open_bulk(config)?;
    let bar = ProgressBar::new(u64::try_from(texts.len())?);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let embeddings =
        encoder.encode(&texts, |n_texts| bar.inc(u64::try_from(n_texts).unwrap_or(0)))?;
    bar.finish_and_clear();
    let file = File::create(&options.out)
        .with_context(|| format!("無法寫入 {}", options.out.display()))?;
    write_npy(BufWriter::new(file), &embeddings)?;
    let n_truncated = embeddings.n_truncated;
    let mut out = std::io::stdout().lock();
    Ok(writeln!(out, "{} 筆,其中 {n_truncated} 筆過長而截斷", texts.len())?)
}

/// The text of every line; a line without it is an error that names the line.
fn read_texts(path: &Path, field: &str) -> anyhow::Result<Vec<String>> {
    let file = File::open(path).with_context(|| format!("無法讀取 {}", path.display()))?;
    let mut texts = Vec::new();
    for (idx, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("無法讀取 {}", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let mut row: Value = serde_json::from_str(&line)
            .with_context(|| format!("第 {} 列({})不是 JSON", idx + 1, path.display()))?;
        match row.get_mut(field).map(Value::take) {
            Some(Value::String(text)) => texts.push(text),
            _ => bail!("第 {} 列({})沒有文字欄位「{field}」", idx + 1, path.display()),
        }
    }
    ensure!(!texts.is_empty(), "{} 沒有文字", path.display());
    Ok(texts)
}

/// Writes a matrix as NumPy does, version 1 of the format: a header padded to 64 bytes, then the numbers.
fn write_npy(mut out: impl Write, embeddings: &BulkEmbeddings) -> anyhow::Result<()> {
    let n_rows = embeddings.rows().count();
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({n_rows}, {}), }}",
        embeddings.width
    );
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&u16::try_from(header.len())?.to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for value in &embeddings.values {
        out.write_all(&value.to_le_bytes())?;
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_written_as_numpy_reads_it() {
        let embeddings =
            BulkEmbeddings { values: vec![1.0, -2.0, 0.5, 4.0], width: 2, n_truncated: 0 };
        let mut out = Vec::new();
        write_npy(&mut out, &embeddings).unwrap();
        let (header, data) = out.split_at(out.len() - 16);
        assert_eq!(header.len() % 64, 0);
        assert!(header.starts_with(b"\x93NUMPY\x01\x00") && header.ends_with(b"\n"));
        let text = String::from_utf8_lossy(header);
        assert!(text.contains("'descr': '<f4'") && text.contains("'shape': (2, 2)"), "{text}");
        assert_eq!(data[4..8], (-2.0_f32).to_le_bytes());
    }

    #[test]
    fn an_encoder_that_is_not_here_is_told_from_one_that_is_broken() {
        let id = crate::registry::ModelId::try_from(ENCODER.to_owned()).unwrap();
        let missing = RegistryError::Missing { id, file: "w".to_owned() };
        let found = failed(anyhow::Error::new(missing).context("外層"));
        assert!(matches!(&found, EncoderError::Missing { id } if id == ENCODER), "{found}");
        assert!(matches!(failed(anyhow::anyhow!("壞")), EncoderError::Open { .. }));
    }

    #[test]
    fn a_line_without_the_text_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.jsonl");
        let read = |content: &str| {
            std::fs::write(&path, content).unwrap();
            read_texts(&path, "t").map_err(|err| format!("{err:#}"))
        };
        assert_eq!(read("{\"t\":\"甲\"}\n\n{\"t\":\"\"}\n").unwrap(), ["甲", ""]);
        assert!(read("{\"t\":\"甲\"}\n{\"t\":1}\n").unwrap_err().contains("第 2 列"));
        assert!(read("{\"t\":\"甲\"}\n{").unwrap_err().contains("第 2 列"));
        assert!(read("\n").unwrap_err().contains("沒有文字"));
    }
}
