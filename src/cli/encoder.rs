//! The sentence encoder: opened for the server and for training, and `fenwen embed`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::Value;

use crate::batch::{BatchPolicy, BatchSpec, ModelHandle};
use crate::config::Config;
use crate::engine::{Device, Placement, Tokenizer};
use crate::pipeline::encode::{self, BulkEmbeddings, BulkEncoder, Encoder};
use crate::registry::{FileRole, VerifiedModel};
use crate::service::routing::{EncoderError, Encoders, TextEncoder};
use crate::tensor::Tensor;

use super::networks::{Opener, QUEUE_ROWS};

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

/// Opens the encoder for many texts at once, with a copy of the model on every core.
pub fn open_bulk(config: &Config) -> anyhow::Result<BulkEncoder> {
    let opener = Opener::new(config)?;
    let model = opener.verified(ENCODER)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let sessions = match config.engine.sessions {
        0 => cores,
        sessions => sessions,
    };
    let threads = config.engine.threads.max(1);
    let models = opener.copies(&model, Placement { sessions, threads })?;
    Ok(BulkEncoder::new(Arc::new(tokenizer(&model)?), models))
}

/// Opens the encoder on a queue of its own.
pub fn open(config: &Config) -> anyhow::Result<Encoder> {
    Opener::new(config)?.encoder()
}

/// SHA-256 of the installed encoder's weights, in hexadecimal digits: vectors of another one mean something else.
pub fn sha256(config: &Config) -> anyhow::Result<String> {
    Opener::new(config)?.weights_sha256(ENCODER)
}

/// The installed encoder for fused classifiers, opened once for all of them.
pub(super) struct LocalEncoders {
    config: Config,
    opened: Mutex<Option<Arc<Encoder>>>,
}

impl LocalEncoders {
    pub(super) fn new(config: &Config) -> LocalEncoders {
        LocalEncoders { config: config.clone(), opened: Mutex::default() }
    }
}

impl Encoders for LocalEncoders {
    fn open(&self, wanted: &str) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        let failed = |err: anyhow::Error| EncoderError::Open { reason: format!("{err:#}") };
        let found = sha256(&self.config).map_err(failed)?;
        if found != wanted {
            return Err(EncoderError::Other { wanted: wanted.to_owned(), found });
        }
        self.installed()
    }

    fn installed(&self) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        let failed = |err: anyhow::Error| EncoderError::Open { reason: format!("{err:#}") };
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let encoder = match opened.take() {
            Some(encoder) => encoder,
            None => Arc::new(open(&self.config).map_err(failed)?),
        };
        *opened = Some(Arc::clone(&encoder));
        Ok(encoder)
    }
}

impl Opener {
    /// Opens the sentence encoder on a queue of its own.
    pub(super) fn encoder(&self) -> anyhow::Result<Encoder> {
        let model = self.verified(ENCODER)?;
        let tokenizer = Arc::new(tokenizer(&model)?);
        let copies = self.copies(&model, self.placement())?;
        let (max_rows, max_cost) = match &model.manifest().batch {
            None => (1, usize::MAX),
            Some(it) => it.on(self.device() != Device::Cpu),
        };
        let spec = BatchSpec {
            name: ENCODER.to_owned(),
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
