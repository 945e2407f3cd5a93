//! An encoder of sentences without a model.

use std::future::ready;
use std::sync::{Arc, LazyLock};

use fenwen::base::Deadline;
use fenwen::batch::RunError;
use fenwen::pipeline::encode::{Embedding, EncodeError};
use fenwen::service::routing::{Embeddings, EncoderError, Encoders, TextEncoder};
use futures_util::FutureExt as _;
use tokio::sync::Barrier;

/// A text that is embedded only once [`N_SOCIAL`] calls with it wait.
pub(crate) const SOCIAL: &str = "戶戶";
/// More than there are threads that read texts.
pub(crate) const N_SOCIAL: usize = 8;

static COMPANY: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(N_SOCIAL));

/// SHA-256 that the made-up encoder goes by.
pub(crate) const ENCODER: &str = "e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0";

/// An encoder that tells texts with 戶 from others.
pub(super) struct FakeEncoders;

impl Encoders for FakeEncoders {
    fn open(&self, sha256: &str) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        if sha256 == ENCODER {
            return Ok(Arc::new(FakeEncoders));
        }
        Err(EncoderError::Other { wanted: sha256.to_owned(), found: ENCODER.to_owned() })
    }

    fn installed(&self) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        self.open(ENCODER)
    }
}

impl TextEncoder for FakeEncoders {
    fn embed(&self, texts: &[&str], _: Deadline) -> Result<Vec<Embedding>, EncodeError> {
        let embedding = |text: &&str| {
            let values = if text.contains('戶') { vec![1.0, 0.0] } else { vec![0.0, 1.0] };
            let n_tokens = text.chars().count();
            Embedding { values, n_tokens, is_truncated: 1000 < n_tokens }
        };
        // Whoever holds a thread for it has no company.
        if texts.contains(&SOCIAL) {
            return Err(RunError::Busy.into());
        }
        Ok(texts.iter().map(embedding).collect())
    }

    fn queue(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, EncodeError> {
        if !texts.contains(&SOCIAL) {
            return Ok(ready(self.embed(texts, deadline)).boxed());
        }
        Ok(async {
            COMPANY.wait().await;
            Ok(vec![Embedding { values: vec![1.0, 0.0], n_tokens: 2, is_truncated: false }])
        }
        .boxed())
    }
}
