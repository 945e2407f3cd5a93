//! Where recordings are taken in: as jobs one after another, as calls that somebody waits for, and live.
//!
//! Ears block for as long as a recording takes, so each runs in a thread of its own, which ends soon after nobody waits
//! for it any longer. The number of threads is that of the places.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::base::{Clock, Deadline, ErrorCode, Private};
use crate::engine::speech::ShouldStop;
use crate::media::audio::{self, AudioInfo, AudioLimits, AudioReader, Input};
use crate::pipeline::speech::{Observer, Resume, redact};
use crate::service::jobs::BlobReader;
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;
use crate::task::speech::{Segment, SpeechOrder, SpeechProgress, Transcript};

use super::live::Parked;
use super::{Ear, Run, SealedFile, finish, refused};

/// Recordings that are looked at by their headers at one time.
const LOOKS: usize = 2;

/// The ears of a process. Each hears one recording at a time.
pub struct SpeechParts {
    /// Hears the recordings of jobs.
    pub recordings: Arc<dyn Ear>,
    /// Hears what somebody waits for.
    pub calls: Arc<dyn Ear>,
}

/// Who hears.
enum Ears {
    /// This node.
    Here(SpeechParts),
    /// Other nodes, and what they would hear: jobs are taken in for them.
    Elsewhere(AudioLimits),
    /// Nobody until an operator does this.
    Missing(String),
}

/// Bounds of what is heard at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechLimits {
    /// Bytes of a recording that comes with its call.
    pub direct_bytes: usize,
    /// Calls with recordings that wait or are heard; the next one is refused.
    pub calls: usize,
    /// Live streams at one time; the next one is refused.
    pub streams: usize,
    /// Longest silence of a live client: it sends frames also when nobody speaks.
    pub idle: Duration,
    /// How long a broken live stream can be taken up again.
    pub resume: Duration,
    /// Longest live stream.
    pub stream: Duration,
}

impl Default for SpeechLimits {
    /// 25 MiB, 4 calls, 4 streams; 30 s, 60 s, four hours.
    fn default() -> SpeechLimits {
        SpeechLimits {
            direct_bytes: 25 << 20,
            calls: 4,
            streams: 4,
            idle: Duration::from_secs(30),
            resume: Duration::from_secs(60),
            stream: Duration::from_secs(4 * 3600),
        }
    }
}

/// The desk. Cheap to share behind an `Arc`.
pub struct Speech {
    ears: Ears,
    pub(super) limits: SpeechLimits,
    pub(super) clock: Arc<dyn Clock>,
    recordings: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    turn: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    pub(super) streams: Arc<Semaphore>,
    pub(super) parked: Parked,
}

/// A transcript and which model heard it.
pub struct HeardRecording {
    /// What was said.
    pub transcript: Transcript,
    /// Who heard it.
    pub model: ModelInfo,
}

/// Told the segments of each window, from a thread that may wait.
pub type Told = Box<dyn FnMut(&[Segment]) + Send>;

impl Speech {
    /// A desk with these ears.
    pub fn new(parts: SpeechParts, limits: SpeechLimits, clock: Arc<dyn Clock>) -> Arc<Speech> {
        Arc::new(Speech::with(Ears::Here(parts), limits, clock))
    }

    /// A desk that takes in recordings for other nodes, which hear what is within `audio`.
    pub fn elsewhere(
        audio: AudioLimits,
        limits: SpeechLimits,
        clock: Arc<dyn Clock>,
    ) -> Arc<Speech> {
        Arc::new(Speech::with(Ears::Elsewhere(audio), limits, clock))
    }

    /// A desk that hears nothing until an operator does what `remedy` says: sentences that also say why.
    pub fn deaf(remedy: String, clock: Arc<dyn Clock>) -> Arc<Speech> {
        Arc::new(Speech::with(Ears::Missing(remedy), SpeechLimits::default(), clock))
    }

    fn with(ears: Ears, limits: SpeechLimits, clock: Arc<dyn Clock>) -> Speech {
        Speech {
            ears,
            limits,
            clock,
            recordings: Arc::new(Semaphore::new(1)),
            admitted: Arc::new(Semaphore::new(limits.calls)),
            turn: Arc::new(Semaphore::new(1)),
            looks: Arc::new(Semaphore::new(LOOKS)),
            streams: Arc::new(Semaphore::new(limits.streams)),
            parked: Parked::default(),
        }
    }

    /// Bounds.
    pub fn limits(&self) -> &SpeechLimits {
        &self.limits
    }

    /// Which model hears; none without ears.
    pub fn model(&self) -> Option<&ModelInfo> {
        self.ears().ok().map(|it| it.calls.model())
    }

    /// Refuses at once what could not be heard here and now.
    ///
    /// # Errors
    /// With the remedy when there are no ears: [`ErrorCode::Unavailable`] on a node that leaves them to others,
    /// [`ErrorCode::Conflict`] where they were never installed.
    pub fn require_ready(&self) -> Result<(), CallError> {
        self.ears().map(|_| ())
    }

    /// Refuses at once what could not be heard later either.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] with the remedy when there are no ears, here or elsewhere.
    pub fn require_jobs(&self) -> Result<(), CallError> {
        self.heard().map(|_| ())
    }

    pub(super) fn ears(&self) -> Result<&SpeechParts, CallError> {
        match &self.ears {
            Ears::Here(parts) => Ok(parts),
            Ears::Elsewhere(_) => {
                let message = "這個節點不直接轉寫(server.services),請以 POST /api/v1/speech/transcriptions 建立工作,或改送提供此服務的節點。";
                Err(CallError::new(ErrorCode::Unavailable, message))
            }
            Ears::Missing(remedy) => Err(CallError::new(ErrorCode::Conflict, remedy.clone())),
        }
    }

    /// What is heard, here or elsewhere.
    fn heard(&self) -> Result<&AudioLimits, CallError> {
        match &self.ears {
            Ears::Elsewhere(limits) => Ok(limits),
            Ears::Here(_) | Ears::Missing(_) => self.ears().map(|it| it.recordings.limits()),
        }
    }

    /// Takes a place for a call before its recording is read; refuses at once when there is none.
    ///
    /// # Errors
    /// When there are no ears, or too many calls wait.
    pub fn admit(self: &Arc<Self>) -> Result<AdmittedCall, CallError> {
        self.require_ready()?;
        let place = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| {
            let message = "等候轉寫的請求過多,請稍後再試,或改用 POST /api/v1/speech/transcriptions 建立工作。";
            let error = CallError::new(ErrorCode::Overloaded, message);
            error.retry_after(Duration::from_secs(5))
        })?;
        Ok(AdmittedCall { speech: Arc::clone(self), place })
    }

    /// Looks at the headers of an upload, so that what is no recording is refused before it becomes a job.
    ///
    /// # Errors
    /// When it is no recording that is read; with the remedy.
    pub async fn inspect_upload(&self, reader: BlobReader) -> Result<AudioInfo, CallError> {
        self.inspect(SealedFile::new(reader)).await
    }

    /// Looks at the headers of a recording that came with its call; gives it back.
    ///
    /// # Errors
    /// As [`Speech::inspect_upload`].
    pub async fn inspect_bytes(
        &self,
        recording: Private<Vec<u8>>,
    ) -> Result<Private<Vec<u8>>, CallError> {
        let recording = Arc::new(recording);
        let shared = Shared(Arc::clone(&recording));
        self.inspect(Cursor::new(shared)).await?;
        Arc::try_unwrap(recording).map_err(|_| internal())
    }

    async fn inspect(&self, input: impl Input + 'static) -> Result<AudioInfo, CallError> {
        let limits = self.heard()?.clone();
        let look = Arc::clone(&self.looks).acquire_owned().await.map_err(|_| internal())?;
        let open = move || {
            let opened = AudioReader::open(input, &limits).map(|it| it.info());
            drop(look);
            opened.map_err(|error| refused(&error))
        };
        on_thread("speech-look", open).await?
    }

    /// Waits for the one place where recordings of jobs are heard.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, CallError> {
        Arc::clone(&self.recordings).acquire_owned().await.map_err(|_| internal())
    }

    /// Hears a recording that somebody waits for, when it is its turn.
    pub(super) async fn hear_call(
        &self,
        recording: Private<Vec<u8>>,
        order: SpeechOrder,
        deadline: Option<Deadline>,
        told: Told,
    ) -> Result<HeardRecording, CallError> {
        let ear = Arc::clone(&self.ears()?.calls);
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| internal())?;
        let wanted = Wanted::default();
        let clock = Arc::clone(&self.clock);
        let is_wanted = wanted.flag();
        let should_stop: ShouldStop = Arc::new(move || {
            let is_late = deadline.is_some_and(|it| it <= clock.now());
            is_late || !is_wanted.load(Ordering::Acquire)
        });
        let work = move || {
            let heard = hear(ear.as_ref(), recording.expose(), &order, &should_stop, told);
            drop(turn);
            heard
        };
        let heard = on_thread("speech-call", work).await;
        drop(wanted);
        heard?
    }
}

fn hear(
    ear: &dyn Ear,
    recording: &[u8],
    order: &SpeechOrder,
    should_stop: &ShouldStop,
    told: Told,
) -> Result<HeardRecording, CallError> {
    let survey = audio::survey(Cursor::new(recording), ear.limits());
    let survey = survey.map_err(|error| refused(&error))?;
    let resume = Resume::default();
    let run = Run { survey: &survey, order, resume: &resume, should_stop };
    let heard = ear.hear(&mut Cursor::new(recording), &run, &mut Teller(told))?;
    Ok(HeardRecording { transcript: finish(&survey, heard), model: ear.model().clone() })
}

struct Teller(Told);

impl Observer for Teller {
    fn heard(&mut self, segments: &[Segment], _: &Resume) {
        // Whatever the ear does: nothing is told without its marks.
        let mut segments = segments.to_vec();
        redact::redact(&mut segments);
        (self.0)(&segments);
    }

    fn progress(&mut self, _: SpeechProgress) {}
}

/// A call that has its place. Dropping it gives the place back, and ends the work for it soon after.
pub struct AdmittedCall {
    speech: Arc<Speech>,
    place: OwnedSemaphorePermit,
}

impl AdmittedCall {
    /// Transcribes a recording. `told` hears of the segments of each window.
    ///
    /// # Errors
    /// When it is no recording that is read, or is not heard by the deadline; with the remedy.
    pub async fn transcribe(
        self,
        recording: Private<Vec<u8>>,
        order: SpeechOrder,
        deadline: Deadline,
        told: Told,
    ) -> Result<HeardRecording, CallError> {
        let heard = self.speech.hear_call(recording, order, Some(deadline), told);
        let heard = tokio::time::timeout_at(deadline.into(), heard).await;
        drop(self.place);
        match heard.unwrap_or_else(|_| Err(CallError::timeout())) {
            Err(error) if error.code == ErrorCode::Timeout => Err(CallError::new(
                ErrorCode::Timeout,
                "未能在期限內完成轉寫,請改用 POST /api/v1/speech/transcriptions 建立工作,或分段送件。",
            )),
            heard => heard,
        }
    }
}

/// Somebody waits for as long as this is not dropped.
pub(super) struct Wanted(Arc<AtomicBool>);

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted(Arc::new(AtomicBool::new(true)))
    }
}

impl Wanted {
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Does something that blocks in a thread of its own: the runtime's are few, and needed to read what is sealed.
pub(super) async fn on_thread<R: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, CallError> {
    let (teller, told) = oneshot::channel();
    let begun = thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody may wait any longer.
        let _ = teller.send(work());
    });
    begun.map_err(|_| internal())?;
    // A panic ends the thread without a word.
    told.await.map_err(|_| internal())
}

struct Shared(Arc<Private<Vec<u8>>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

pub(super) fn internal() -> CallError {
    CallError::new(ErrorCode::Internal, "系統發生錯誤。")
}
