//! The sentence encoder behind classifiers that are fused with one: opened only when such a classifier answers.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::{Deadline, ErrorCode};
use crate::batch::RunError;
use crate::pipeline::compose::{Composed, Part};
use crate::pipeline::encode::{Embedding, EncodeError, Encoder};
use crate::task::call::CallError;
use crate::task::embeddings::{EmbeddingAnswer, EmbeddingOrder};

use super::{ActiveModel, Routing, internal};

/// Texts that wait for the encoder at one time, of one call.
const TEXTS_AT_ONCE: usize = 256;

/// Embeddings on their way.
pub type Embeddings = BoxFuture<'static, Result<Vec<Embedding>, EncodeError>>;

/// Turns texts into vectors. Blocks, and is not to be called on an asynchronous thread.
pub trait TextEncoder: Send + Sync {
    /// One embedding for each text, in their order.
    ///
    /// # Errors
    /// When the encoder is overloaded, late or broken.
    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Vec<Embedding>, EncodeError>;

    /// Reads texts and gives what their embeddings come of: texts of many calls run together. To be waited for on an
    /// asynchronous thread.
    ///
    /// # Errors
    /// As of [`TextEncoder::embed`].
    fn queue(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, EncodeError> {
        Ok(std::future::ready(self.embed(texts, deadline)).boxed())
    }

    /// As [`TextEncoder::embed`], the vectors alone.
    ///
    /// # Errors
    /// As of [`TextEncoder::embed`].
    fn encode(&self, texts: &[&str], deadline: Deadline) -> Result<Vec<Vec<f32>>, EncodeError> {
        Ok(self.embed(texts, deadline)?.into_iter().map(|it| it.values).collect())
    }
}

impl TextEncoder for Encoder {
    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Vec<Embedding>, EncodeError> {
        self.encode_all_blocking(texts, deadline)
    }

    fn queue(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, EncodeError> {
        Ok(Encoder::queue(self, texts, deadline)?.boxed())
    }
}

/// Opens encoders.
pub trait Encoders: Send + Sync {
    /// The encoder whose weights have this SHA-256; another one would give other vectors.
    ///
    /// # Errors
    /// When that is none of the encoders of this installation, or it cannot be opened.
    fn open(&self, sha256: &str) -> Result<Arc<dyn TextEncoder>, EncoderError>;

    /// The encoder that every installation has, the same one that [`Encoders::open`] gives.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn installed(&self) -> Result<Arc<dyn TextEncoder>, EncoderError>;
}

/// Why a fused classifier has no encoder.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// Other encoders are known here.
    #[error(
        "the classifier was trained on encoder {wanted}, here is {found}: pull that model (of an encoder that was trained \
         with the classifier: models.manifests = \"DIR\", fenwen models pull ID --from DIR/ID), or train anew"
    )]
    Other {
        /// SHA-256 that the classifier names.
        wanted: String,
        /// Those that are known.
        found: String,
    },
    /// Its files are not on this machine.
    #[error("the sentence encoder is not on this machine: run `fenwen models pull {id}`")]
    Missing {
        /// The model.
        id: String,
    },
    /// It is here and cannot be opened.
    #[error("failed to open the sentence encoder: {reason}")]
    Open {
        /// Why, the whole chain.
        reason: String,
    },
}

impl ActiveModel {
    /// The vector of each text of a call that the classifier's encoder is to embed; none for one without an encoder.
    pub(super) fn embed(
        &self,
        calls: &[Vec<Part<'_>>],
        deadline: Deadline,
    ) -> Result<Vec<Option<Vec<f32>>>, CallError> {
        let Some(encoder) = &self.encoder else { return Ok(vec![None; calls.len()]) };
        let inputs = self.classifier.inputs();
        let composed: Vec<Composed> = calls.iter().map(|it| Composed::new(inputs, it)).collect();
        let texts: Vec<&str> =
            composed.iter().map(|it| self.classifier.embedded(&it.texts())).collect();
        let found = encoder.encode(&texts, deadline).map_err(|it| refusal(&it))?;
        Ok(found.into_iter().map(Some).collect())
    }
}

impl Routing {
    /// Whether there is an encoder for [`Routing::embed`]; opens it when nothing has done so before.
    pub(in crate::service) fn embeds(&self) -> bool {
        self.encoders.installed().is_ok()
    }

    /// The vectors of texts that a caller wants to compare itself, on their way: the last of them are not waited for
    /// here, so that the texts of many calls run together. Opens the encoder when nothing has done so before.
    ///
    /// # Errors
    /// When there is no encoder, it is overloaded or late, or a text is longer than it reads.
    pub(in crate::service) fn embed(
        &self,
        order: &EmbeddingOrder,
        deadline: Deadline,
    ) -> Result<impl Future<Output = Result<EmbeddingAnswer, CallError>> + use<>, CallError> {
        let encoder = self.encoders.installed().map_err(|error| not_installed(&error))?;
        let texts: Vec<&str> = order.texts.iter().map(|it| it.expose().as_str()).collect();
        let mut answer = EmbeddingAnswer { vectors: Vec::new(), n_tokens: 0 };
        let n_last = texts.len().saturating_sub(1) % TEXTS_AT_ONCE + 1;
        let (first, last) = texts.split_at(texts.len().saturating_sub(n_last));
        for texts in first.chunks(TEXTS_AT_ONCE) {
            let found = encoder.embed(texts, deadline).map_err(|it| refusal(&it))?;
            add(&mut answer, found)?;
        }
        let queued = encoder.queue(last, deadline).map_err(|it| refusal(&it))?;
        Ok(async move {
            let found = queued.await.map_err(|it| refusal(&it))?;
            add(&mut answer, found)?;
            Ok(answer)
        })
    }
}

fn add(answer: &mut EmbeddingAnswer, found: Vec<Embedding>) -> Result<(), CallError> {
    for embedding in found {
        if embedding.is_truncated {
            let at = format!("/input/{}", answer.vectors.len());
            let detail = "文字過長,編碼器讀不到結尾(約 1,500 個中文字);請分段後再送。";
            return Err(CallError::bad_value(at, detail));
        }
        answer.n_tokens += embedding.n_tokens;
        answer.vectors.push(embedding.values);
    }
    Ok(())
}

fn not_installed(error: &EncoderError) -> CallError {
    tracing::error!(reason = %error, "texts were not embedded");
    let message = match error {
        EncoderError::Missing { id } => {
            format!("語句編碼器尚未安裝,請執行:fenwen models pull {id}")
        }
        EncoderError::Other { .. } | EncoderError::Open { .. } => {
            "語句編碼器無法開啟,原因見紀錄檔;請執行:fenwen models verify,檔案毀損者以 fenwen models pull 重新下載".to_owned()
        }
    };
    CallError::new(ErrorCode::Conflict, message)
}

fn refusal(error: &EncodeError) -> CallError {
    match error {
        EncodeError::Run(RunError::Expired) => CallError::timeout(),
        EncodeError::Run(RunError::Busy) => {
            CallError::new(ErrorCode::Overloaded, "語句編碼器等候的工作已滿,請稍後再試。")
        }
        EncodeError::Run(RunError::Closed) => {
            CallError::new(ErrorCode::Unavailable, "服務正在停止,請稍後再試。")
        }
        other => internal(other),
    }
}
