//! Keeping what was corrected of a result, beside it and as long.

use sha2::{Digest, Sha256};

use crate::base::{ErrorCode, Private, hex};
use crate::service::subjects::Identifier;
use crate::store::blobs::BlobMeta;
use crate::store::jobs::{Correction, Job};
use crate::task::call::CallError;

use super::{Caller, Jobs, failed};

/// Times that corrections are looked for while others are put in their place.
const LOOKS: usize = 3;

/// Bytes of all corrections of a result: they lie in a row of the database.
const MAX_BYTES: usize = 1 << 20;

impl Jobs {
    /// What was corrected of a job's result, none when nothing was; and the job as it was then.
    ///
    /// # Errors
    /// When it has expired, or the store fails.
    pub async fn corrections(
        &self,
        mut job: Job,
    ) -> Result<(Job, Option<Private<Vec<u8>>>), CallError> {
        for _ in 0..LOOKS {
            let Some(id) = &job.corrections else { return Ok((job, None)) };
            if let Some(reader) = self.blobs.read(id).await.map_err(|it| failed(&it))? {
                let content = reader.collect(MAX_BYTES as u64).await.map_err(|it| failed(&it))?;
                return Ok((job, content));
            }
            // Others have taken their place.
            let found = self.store.job(&job.id).await.map_err(|it| failed(&it))?;
            job = found.ok_or_else(gone)?;
        }
        Err(gone())
    }

    /// Keeps what was corrected of a result in the place of what was before; the job then. `job` is as its author saw
    /// it.
    ///
    /// # Errors
    /// [`ErrorCode::PreconditionFailed`] when somebody else has changed it meanwhile, or it is gone;
    /// [`ErrorCode::TooLarge`] when there is no place for more; and when the store fails.
    pub async fn correct(
        &self,
        job: &Job,
        content: Private<Vec<u8>>,
        mentions: &[Identifier],
    ) -> Result<Job, CallError> {
        if MAX_BYTES < content.expose().len() {
            let message = "這件逐字稿的更正已達上限,無法再更正。";
            return Err(CallError::new(ErrorCode::TooLarge, message));
        }
        let caller = Caller { client: job.client.clone(), org: job.org.clone() };
        let meta = BlobMeta {
            size: content.expose().len() as u64,
            sha256: Some(hex(&Sha256::digest(content.expose()))),
            ..self.meta(caller, ("corrections", "application/json"), job.expires)
        };
        let blob = self.store.inline_blob(meta, content.expose()).map_err(|it| failed(&it))?;
        let correction = Correction {
            job: job.id.clone(),
            seen: job.n_corrections,
            blob,
            subjects: self.store.subjects(mentions),
            now: self.now(),
        };
        let kept = self.store.correct(correction).await.map_err(|it| failed(&it))?;
        kept.ok_or_else(already_corrected)
    }
}

fn gone() -> CallError {
    CallError::new(ErrorCode::NotFound, "結果已逾保存期限。")
}

/// Somebody has changed the corrections since their author looked.
pub fn already_corrected() -> CallError {
    let message = "這份逐字稿已由他人或另一個視窗更正,請重新載入後再試。";
    CallError::new(ErrorCode::PreconditionFailed, message)
}
