//! The sentence encoder behind classifiers that are fused with one: opened only when such a classifier answers.

use std::sync::Arc;

use crate::base::{Deadline, ErrorCode};
use crate::batch::RunError;
use crate::pipeline::compose::{Composed, Part};
use crate::pipeline::encode::{Embedding, EncodeError, Encoder};
use crate::task::call::CallError;
use crate::task::embeddings::{EmbeddingAnswer, EmbeddingOrder};

use super::{ActiveModel, Routing, internal};

/// Texts that wait for the encoder at one time, of one call.
const TEXTS_AT_ONCE: usize = 256;

/// Turns texts into vectors. Blocks, and is not to be called on an asynchronous thread.
pub trait TextEncoder: Send + Sync {
    /// One embedding for each text, in their order.
    ///
    /// # Errors
    /// When the encoder is overloaded, late or broken.
    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Vec<Embedding>, EncodeError>;

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
    /// It cannot be opened.
    #[error("failed to open the sentence encoder: {reason}; fenwen models pull gets it")]
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
    /// The vectors of texts that a caller wants to compare itself. Opens the encoder when nothing has done so before.
    ///
    /// # Errors
    /// When there is no encoder, it is overloaded or late, or a text is longer than it reads.
    pub(in crate::service) fn embed(
        &self,
        order: &EmbeddingOrder,
        deadline: Deadline,
    ) -> Result<EmbeddingAnswer, CallError> {
        let encoder = self.encoders.installed().map_err(|error| unavailable(&error))?;
        let mut answer = EmbeddingAnswer { vectors: Vec::new(), n_tokens: 0 };
        for texts in order.texts.chunks(TEXTS_AT_ONCE) {
            let texts: Vec<&str> = texts.iter().map(|it| it.expose().as_str()).collect();
            for embedding in encoder.embed(&texts, deadline).map_err(|it| refusal(&it))? {
                if embedding.is_truncated {
                    let at = format!("/input/{}", answer.vectors.len());
                    let detail = "文字過長,編碼器讀不到結尾(約 1,500 個中文字);請分段後再送。";
                    return Err(CallError::bad_value(at, detail));
                }
                answer.n_tokens += embedding.n_tokens;
                answer.vectors.push(embedding.values);
            }
        }
        Ok(answer)
    }
}

fn unavailable(error: &EncoderError) -> CallError {
    tracing::error!(reason = %error, "texts were not embedded");
    let message = "語句編碼器尚未安裝或無法開啟,請執行:fenwen models pull use-multilingual-v3";
    CallError::new(ErrorCode::Unavailable, message)
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
