//! From a text to the vector that tells what it is about: tokens, then the sentence encoder.

mod bulk;

use std::fmt;
use std::sync::Arc;

use crate::base::Deadline;
use crate::batch::{ModelHandle, RowOutput, RunError};
use crate::engine::{EngineError, Tokenizer, Tokens};
use crate::tensor::Tensor;

pub use bulk::{BulkEmbeddings, BulkEncoder};

/// Turns texts into embeddings on a model's queue. Cheap to clone.
#[derive(Clone)]
pub struct Encoder {
    tokenizer: Arc<Tokenizer>,
    model: ModelHandle<Vec<f32>>,
}

/// What a text is about: a unit vector (512 numbers with the default encoder).
#[derive(Clone, PartialEq)]
pub struct Embedding {
    /// The vector.
    pub values: Vec<f32>,
    /// Tokens that were read of the text.
    pub n_tokens: usize,
    /// Whether the end of the text was left out, by the tokenizer's limits.
    pub is_truncated: bool,
}

impl Embedding {
    fn of(values: Vec<f32>, tokens: &Tokens) -> Embedding {
        Embedding { values, n_tokens: tokens.ids.len(), is_truncated: tokens.is_truncated }
    }
}

impl fmt::Debug for Embedding {
    /// The values tell of a person's letter: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding[{}]", self.values.len())
    }
}

/// Why a text has no embedding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The encoder did not run.
    #[error("the sentence encoder gave no answer")]
    Run(#[from] RunError),
}

impl From<EngineError> for EncodeError {
    fn from(error: EngineError) -> EncodeError {
        EncodeError::Run(error.into())
    }
}

/// What a model's queue makes of a row: the embedding itself.
pub fn reduce(row: RowOutput<'_>) -> Vec<f32> {
    row.view.data().to_vec()
}

impl Encoder {
    /// An encoder of this tokenizer and a model whose queue answers with [`reduce`].
    pub fn new(tokenizer: Arc<Tokenizer>, model: ModelHandle<Vec<f32>>) -> Encoder {
        Encoder { tokenizer, model }
    }

    /// Reads texts here, on a thread that may be kept busy, and gives what their embeddings come of, in their order; all
    /// are queued or none, once it is waited for.
    ///
    /// # Errors
    /// When a text cannot be a row.
    pub fn queue(
        &self,
        texts: &[&str],
        deadline: Deadline,
    ) -> Result<impl Future<Output = Result<Vec<Embedding>, EncodeError>> + use<>, EncodeError>
    {
        let (tokens, rows) = self.rows(texts)?;
        let model = self.model.clone();
        Ok(async move {
            let values = model.run_all(rows, deadline).await?;
            Ok(embeddings(values, &tokens))
        })
    }

    /// The embeddings of texts, for a thread that may wait: never an asynchronous one.
    ///
    /// # Errors
    /// When a text cannot be a row, or the encoder does not run.
    pub fn encode_all_blocking(
        &self,
        texts: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<Embedding>, EncodeError> {
        let (tokens, rows) = self.rows(texts)?;
        Ok(embeddings(self.model.run_all_blocking(rows, deadline)?, &tokens))
    }

    fn rows(&self, texts: &[&str]) -> Result<(Vec<Tokens>, Vec<Tensor>), EngineError> {
        let tokens: Vec<Tokens> = texts.iter().map(|it| self.tokenizer.tokenize(it)).collect();
        let rows = tokens.iter().map(row).collect::<Result<_, _>>()?;
        Ok((tokens, rows))
    }

    /// Proves that the encoder works.
    pub async fn check(&self, deadline: Deadline) -> Result<(), RunError> {
        self.model.check(deadline).await
    }
}

fn embeddings(values: Vec<Vec<f32>>, tokens: &[Tokens]) -> Vec<Embedding> {
    values.into_iter().zip(tokens).map(|(it, tokens)| Embedding::of(it, tokens)).collect()
}

/// The ids of a text as a row of the encoder's queue.
fn row(tokens: &Tokens) -> Result<Tensor, EngineError> {
    let ids: Vec<i64> = tokens.ids.iter().map(|id| i64::from(*id)).collect();
    Tensor::i64([ids.len()], ids).map_err(|err| EngineError::BadInput(err.to_string()))
}

#[cfg(test)]
mod tests;
