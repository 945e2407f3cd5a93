//! A recording as a job: heard window by window, each noted, so that an interrupted attempt is gone on with.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::base::ErrorCode;
use crate::engine::speech::ShouldStop;
use crate::media::audio;
use crate::pipeline::speech::{Observer, Resume};
use crate::service::events::{Event, SpeechTranscribed};
use crate::service::jobs::{JobContext, JobFailure, JobOutput};
use crate::service::subjects;
use crate::task::call::CallError;
use crate::task::speech::{Segment, SpeechOrder, SpeechProgress};

use super::desk::{Wanted, on_thread};
use super::{Ear, KeptTranscript, Run, SealedFile, Speech, finish, n_channels, refused};

impl Speech {
    /// Transcribes an upload of the job's client. The result is a [`KeptTranscript`].
    ///
    /// # Errors
    /// When there is no such upload, it is no recording that is read, or there are no ears.
    pub async fn transcribe_job(
        &self,
        context: JobContext,
        upload: &str,
        order: SpeechOrder,
    ) -> Result<JobOutput, JobFailure> {
        let ear = Arc::clone(&self.ears()?.recordings);
        let reader = context.upload(upload).await;
        let reader = reader.map_err(|_| JobFailure { code: ErrorCode::Internal, is_passing: true });
        let gone = JobFailure { code: ErrorCode::NotFound, is_passing: false };
        let file = SealedFile::new(reader?.ok_or(gone)?);
        let place = self.place().await?;
        let wanted = Wanted::default();
        let (is_wanted, asked) = (wanted.flag(), context.clone());
        let should_stop: ShouldStop =
            Arc::new(move || asked.is_unwanted() || !is_wanted.load(Ordering::Acquire));
        let work = move || {
            let transcribed = transcribe(ear.as_ref(), file, &context, &order, &should_stop);
            drop(place);
            transcribed
        };
        let transcribed = on_thread("speech-job", work).await;
        drop(wanted);
        Ok(transcribed??)
    }
}

fn transcribe(
    ear: &dyn Ear,
    mut file: SealedFile,
    context: &JobContext,
    order: &SpeechOrder,
    should_stop: &ShouldStop,
) -> Result<JobOutput, CallError> {
    let survey = audio::survey(&mut file, ear.limits()).map_err(|error| refused(&error))?;
    let left = context.resume().and_then(|it| KeptTranscript::unpack(it.expose()).ok());
    // Another model would hear with another voice.
    let left = left.filter(|it| &it.model == ear.model());
    let mut kept = left.unwrap_or_else(|| KeptTranscript {
        transcript: finish(&survey, Vec::new()),
        speakers: order.speakers.clone(),
        model: ear.model().clone(),
        resume: Resume::default(),
    });
    if kept.transcript.channels != n_channels(&survey) {
        return Err(CallError::new(ErrorCode::ContentRefused, "錄音檔的聲道與先前不同。"));
    }
    let resume = kept.resume.clone();
    let run = Run { survey: &survey, order, resume: &resume, should_stop };
    let mut noter = Noter { context, kept: &mut kept };
    ear.hear(&mut file, &run, &mut noter)?;
    kept.transcript = finish(&survey, std::mem::take(&mut kept.transcript.segments));
    kept.resume = Resume::default();
    let event = Event::SpeechTranscribed(SpeechTranscribed::new(
        &context.job().id,
        &kept.transcript,
        &kept.model,
    ));
    let mentions = subjects::identifiers_spoken(&kept.transcript.segments);
    let (media_type, content) = ("application/json", kept.encode()?);
    Ok(JobOutput { media_type, content, event: Some(event), mentions })
}

/// Notes what was heard after each window.
struct Noter<'a> {
    context: &'a JobContext,
    kept: &'a mut KeptTranscript,
}

impl Observer for Noter<'_> {
    fn heard(&mut self, segments: &[Segment], resume: &Resume) {
        self.kept.transcript.segments.extend_from_slice(segments);
        self.kept.resume = resume.clone();
        // What is not noted is heard once more, should it come to that.
        if let Ok(packed) = self.kept.pack() {
            self.context.checkpoint(packed);
        }
    }

    fn progress(&mut self, progress: SpeechProgress) {
        let SpeechProgress { done, total } = progress;
        self.context.progress(done as f64 / total.max(1) as f64);
    }
}
