//! Keeping what was corrected of a result, beside it and as long.

use sha2::{Digest, Sha256};

use crate::base::{ErrorCode, Private, hex};
use crate::service::events::{Circumstances, Event, TranscriptCorrected};
use crate::service::subjects::Identifier;
use crate::store::OutboxRow;
use crate::store::blobs::BlobMeta;
use crate::store::jobs::{Correction, Job};
use crate::task::call::{CallError, Origin};

use super::{Caller, Jobs, failed};

/// Times that corrections are looked for while others are put in their place.
const LOOKS: usize = 3;

/// Bytes of all corrections of a result: they lie in a row of the database.
const MAX_BYTES: usize = 1 << 20;

/// Everything that was corrected of a result, with one change more. No `Debug`: it holds somebody's words.
pub struct Corrected {
    /// All of it, as it is kept.
    pub content: Private<Vec<u8>>,
    /// Whom it mentions.
    pub mentions: Vec<Identifier>,
    /// The utterance that was changed.
    pub segment: usize,
    /// Whether a correction of it was taken back.
    pub is_taken_back: bool,
}

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

    /// Keeps what was corrected of a result in the place of what was before, and tells of it; the job then. `job` is as
    /// its author saw it.
    ///
    /// # Errors
    /// [`ErrorCode::PreconditionFailed`] when somebody else has changed it meanwhile, or it is gone;
    /// [`ErrorCode::TooLarge`] when there is no place for more; and when the store fails.
    pub async fn correct(
        &self,
        job: &Job,
        corrected: Corrected,
        origin: &Origin,
    ) -> Result<Job, CallError> {
        let told = self.told_of(job, &corrected, origin)?;
        let content = corrected.content;
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
            subjects: self.store.subjects(&corrected.mentions),
            now: self.now(),
            told,
        };
        let kept = self.store.correct(correction).await.map_err(|it| failed(&it))?;
        kept.ok_or_else(already_corrected)
    }

    fn told_of(
        &self,
        job: &Job,
        corrected: &Corrected,
        origin: &Origin,
    ) -> Result<OutboxRow, CallError> {
        let change = if corrected.is_taken_back { "taken_back" } else { "corrected" };
        let event = Event::TranscriptCorrected(TranscriptCorrected {
            job_id: job.id.clone(),
            segment: u32::try_from(corrected.segment).unwrap_or(u32::MAX),
            version: job.n_corrections + 1,
            change: change.to_owned(),
        });
        let about = format!("jobs/{}", job.id);
        let of = Circumstances {
            org: job.org.clone(),
            data_ref: Some(format!("/api/v1/speech/transcriptions/{}", job.id)),
            ..Circumstances::of(origin, about, self.clock.as_ref())
        };
        event.outbox_row(&of).map_err(|error| {
            tracing::error!(%error, "failed to write the event of a correction");
            CallError::new(ErrorCode::Internal, "系統發生錯誤。")
        })
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
