//! The sentence encoder behind classifiers that are fused with one: opened only when such a classifier answers.

use std::sync::Arc;

use crate::base::{Deadline, ErrorCode};
use crate::batch::RunError;
use crate::pipeline::compose::{Composed, Part};
use crate::pipeline::encode::{EncodeError, Encoder};
use crate::task::call::CallError;

use super::{ActiveModel, internal};

/// Turns texts into vectors. Blocks, and is not to be called on an asynchronous thread.
pub trait TextEncoder: Send + Sync {
    /// One vector for each text, in their order.
    ///
    /// # Errors
    /// When the encoder is overloaded, late or broken.
    fn encode(&self, texts: &[&str], deadline: Deadline) -> Result<Vec<Vec<f32>>, EncodeError>;
}

impl TextEncoder for Encoder {
    fn encode(&self, texts: &[&str], deadline: Deadline) -> Result<Vec<Vec<f32>>, EncodeError> {
        let found = self.encode_all_blocking(texts, deadline)?;
        Ok(found.into_iter().map(|it| it.values).collect())
    }
}

/// Opens encoders.
pub trait Encoders: Send + Sync {
    /// The encoder whose weights have this SHA-256; another one would give other vectors.
    ///
    /// # Errors
    /// When that is not the encoder of this installation, or it cannot be opened.
    fn open(&self, sha256: &str) -> Result<Arc<dyn TextEncoder>, EncoderError>;
}

/// Why a fused classifier has no encoder.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    /// Another encoder is installed.
    #[error(
        "the classifier was trained on encoder {wanted}, here is {found}: pull that model, or train anew"
    )]
    Other {
        /// SHA-256 that the classifier names.
        wanted: String,
        /// SHA-256 of the installed one.
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
