//! A change of a transcript by a person, from what was seen to what is kept and told: the same over HTTP and over the bus.

use std::collections::BTreeMap;

use crate::base::{ErrorCode, Private};
use crate::service::jobs::{self, Job, JobState, Jobs, already_corrected, failed};
use crate::task::call::{CallError, Origin};
use crate::task::speech::{CorrectedSegment, Rendition, Transcript};

use super::{Corrections, Editor, KeptTranscript};

/// Bytes of a transcript that is read.
const KEPT_BYTES: u64 = 64 << 20;

/// What was heard of a recording, all of it, and what persons have corrected.
pub struct Heard {
    /// As it was when both were read.
    pub job: Job,
    /// What was heard.
    pub kept: KeptTranscript,
    /// What was corrected.
    pub corrections: Corrections,
}

/// What a person wants of an utterance. No `Debug`: it holds somebody's words.
pub struct Change {
    /// The utterance.
    pub segment: usize,
    /// How often the transcript had been changed when it was seen.
    pub seen: u64,
    /// Another text, and which one was changed; none takes the newest back.
    pub words: Option<(Rendition, Private<String>)>,
    /// Who, and when.
    pub editor: Editor,
}

/// A transcript after a change.
pub struct Changed {
    /// The job then.
    pub job: Job,
    /// With the texts that count now.
    pub transcript: Transcript,
    /// Who speaks on each channel.
    pub speakers: Vec<String>,
    /// Which utterances are corrected.
    pub about: BTreeMap<usize, CorrectedSegment>,
    /// Which rendition was changed.
    pub rendition: Rendition,
    /// The utterances that are shown otherwise in it than before.
    pub differs: Vec<usize>,
}

/// What a job that has succeeded has heard.
///
/// # Errors
/// When it has expired, or the store fails.
pub async fn heard(jobs: &Jobs, job: Job) -> Result<Heard, CallError> {
    let content = jobs.result(&job).await?.collect(KEPT_BYTES).await;
    let content = content.map_err(|it| failed(&it))?.ok_or_else(internal)?;
    let kept = KeptTranscript::decode(content.expose())?;
    let (job, corrections) = jobs.corrections(job).await?;
    let corrections = corrections.map(|it| Corrections::decode(it.expose())).transpose()?;
    Ok(Heard { job, kept, corrections: corrections.unwrap_or_default() })
}

/// Changes the transcript of a job, which the caller may see, and tells of it.
///
/// # Errors
/// [`ErrorCode::Conflict`] before the job has succeeded, [`ErrorCode::PreconditionFailed`] when somebody has changed it since
/// it was seen, and those of [`Corrections`] and of the store.
pub async fn change(
    jobs: &Jobs,
    job: Job,
    change: Change,
    origin: &Origin,
) -> Result<Changed, CallError> {
    if job.state != JobState::Succeeded {
        return Err(CallError::new(ErrorCode::Conflict, "轉寫尚未完成,完成後才能更正。"));
    }
    let heard = heard(jobs, job).await?;
    if heard.job.n_corrections != change.seen {
        return Err(already_corrected());
    }
    let work = move || made(heard, change);
    let made = tokio::task::spawn_blocking(work).await;
    let (changed, corrected) = made.map_err(|_| internal())??;
    let job = jobs.correct(&changed.job, corrected, origin).await?;
    Ok(Changed { job, ..changed })
}

/// The change itself: computation.
fn made(heard: Heard, change: Change) -> Result<(Changed, jobs::Corrected), CallError> {
    let Heard { job, kept: KeptTranscript { mut transcript, speakers, .. }, mut corrections } =
        heard;
    let Change { segment, words, editor, .. } = change;
    let segments = transcript.segments.clone();
    let before = corrections.apply(segments.clone());
    let at = (before.segments.as_slice(), segment);
    let is_taken_back = words.is_none();
    let rendition = words.as_ref().map(|it| it.0).unwrap_or_default();
    match words {
        Some((rendition, text)) => corrections.write(at, (rendition, text.expose()), editor)?,
        None => corrections.take_back(at, editor)?,
    }
    let after = corrections.apply(segments);
    let mentions = after.mentions();
    let both = before.segments.iter().zip(&after.segments).enumerate();
    let differs = both
        .filter(|(idx, (one, other))| {
            *idx == segment || one.shown(rendition) != other.shown(rendition)
        })
        .map(|it| it.0)
        .collect();
    transcript.segments = after.segments;
    let corrected =
        jobs::Corrected { content: corrections.encode()?, mentions, segment, is_taken_back };
    let changed = Changed { job, transcript, speakers, about: after.about, rendition, differs };
    Ok((changed, corrected))
}

fn internal() -> CallError {
    CallError::new(ErrorCode::Internal, "系統發生錯誤。")
}
