//! A whole recording: read in pieces, heard by as many workers as there are models, given segment by segment.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::base::Private;
use crate::engine::speech::{ShouldStop, SpeechError, SpeechModel};
use crate::engine::{EngineError, TensorModel};
use crate::media::audio::{AudioError, AudioReader, Chunk, RATE, Survey};
use crate::media::text::is_han;
use crate::task::speech::{
    Segment, SpeechNotice, SpeechProgress, SpokenLanguage, Transcript, Word,
};

use super::activity::{Activity, FRAME};
use super::hear::{self, HearOptions, Utterance};
use super::line::Line;
use super::script::Scribe;
use super::windows::{Cut, Window, Windower};
use super::{numbers, punctuate, redact};

/// Models of one transcription.
pub struct Ears<'m> {
    /// Tells speech from everything else.
    pub activity: &'m mut dyn TensorModel,
    /// Hear windows, each in a thread of its own; at least one.
    pub speech: Vec<&'m mut dyn SpeechModel>,
}

/// Told how a transcription goes. Called from the thread that called [`transcribe`].
pub trait Observer {
    /// The segments of one more window are finished; `resume` is where to go on after them.
    fn heard(&mut self, segments: &[Segment], resume: &Resume);

    /// So much of the recording is done.
    fn progress(&mut self, progress: SpeechProgress);
}

/// Where a transcription goes on: everything before is finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// For each channel, the first sample at 16 kHz that is still to be heard.
    pub heard_until: Vec<u64>,
}

/// Why a recording was not transcribed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TranscribeError {
    /// The recording cannot be read.
    #[error("the recording cannot be read")]
    Audio(#[from] AudioError),
    /// Nobody wants the transcript any more.
    #[error("the transcription was stopped")]
    Stopped,
    /// A model failed.
    #[error("a model failed")]
    Engine(#[from] EngineError),
}

impl From<SpeechError> for TranscribeError {
    fn from(error: SpeechError) -> TranscribeError {
        match error {
            SpeechError::Stopped => TranscribeError::Stopped,
            SpeechError::Engine(error) => TranscribeError::Engine(error),
        }
    }
}

/// What is to be heard of a recording, and how.
pub struct Listening<'a> {
    /// What is known of the recording.
    pub survey: &'a Survey,
    /// How windows are heard.
    pub options: &'a HearOptions,
    /// Where to begin.
    pub resume: &'a Resume,
    /// Whether nobody wants the transcript any more.
    pub should_stop: &'a ShouldStop,
}

/// Hears the whole of `reader`, from where an earlier call was broken off.
///
/// Gives what was heard now, without what was finished before; [`finish`] puts both together.
///
/// # Errors
/// When the recording is damaged, a model fails, or soon after `should_stop` says so.
pub fn transcribe(
    reader: AudioReader<'_>,
    ears: Ears<'_>,
    listening: &Listening<'_>,
    observer: &mut dyn Observer,
) -> Result<Vec<Segment>, TranscribeError> {
    let n_workers = ears.speech.len();
    let options = listening.options;
    let has_failed = Arc::new(AtomicBool::new(false));
    let stop: ShouldStop = {
        let should_stop = Arc::clone(listening.should_stop);
        let has_failed = Arc::clone(&has_failed);
        Arc::new(move || has_failed.load(Ordering::Relaxed) || should_stop())
    };
    // Few windows wait: each holds half a minute of sound.
    let (work, queue) = mpsc::sync_channel::<(usize, Window)>(n_workers);
    let (done, results) = mpsc::channel();
    let queue = Mutex::new(queue);
    thread::scope(|scope| {
        for model in ears.speech {
            let (queue, done, stop) = (&queue, done.clone(), &stop);
            scope.spawn(move || {
                while let Some((number, window)) = next(queue) {
                    let heard = hear_safely(model, &window, options, stop);
                    if done.send((number, window.channel, window.end(), heard)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let mut run = Run::new(listening, observer);
        let read = run.read(reader, ears.activity, work, &results);
        if read.is_err() {
            has_failed.store(true, Ordering::Relaxed);
        }
        // The workers end when the queue does, and have given everything by then.
        let collected = run.collect(&results);
        read.and(collected).map(|()| run.segments)
    })
}

/// A model that panics has failed; its thread goes on, so that nobody waits for it in vain.
fn hear_safely(
    model: &mut dyn SpeechModel,
    window: &Window,
    options: &HearOptions,
    should_stop: &ShouldStop,
) -> Result<Vec<Utterance>, SpeechError> {
    catch_unwind(AssertUnwindSafe(|| hear::hear(model, window, options, should_stop)))
        .unwrap_or_else(
            |_| Err(EngineError::Crashed("the speech model panicked".to_owned()).into()),
        )
}

/// The transcript of segments in any order: sorted, personal data found across them.
pub fn finish(survey: &Survey, mut segments: Vec<Segment>) -> Transcript {
    segments.sort_by_key(|it| (it.start, it.channel));
    redact::redact(&mut segments);
    Transcript {
        duration: survey.n_samples * 1000 / u64::from(RATE),
        channels: n_channels(survey),
        segments,
        notices: notices(survey),
    }
}

fn notices(survey: &Survey) -> Vec<SpeechNotice> {
    let found = [
        (SpeechNotice::Truncated, survey.damage.is_cut),
        (SpeechNotice::Gaps, 0 < survey.damage.n_missing),
        (SpeechNotice::Quiet, survey.is_quiet()),
    ];
    found.into_iter().filter(|it| it.1).map(|it| it.0).collect()
}

/// Channels that are listened to: two that say the same are one.
pub fn n_channels(survey: &Survey) -> usize {
    if survey.is_dual_mono { 1 } else { survey.info.channels as usize }
}

type Outcome = (usize, usize, u64, Result<Vec<Utterance>, SpeechError>);

fn next(queue: &Mutex<Receiver<(usize, Window)>>) -> Option<(usize, Window)> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// What the reading thread keeps.
struct Run<'o> {
    observer: &'o mut dyn Observer,
    should_stop: &'o ShouldStop,
    resume: Resume,
    n_samples: u64,
    /// A window failed: what comes after it would leave a hole.
    is_broken: bool,
    n_sent: usize,
    n_taken: usize,
    /// Windows that were finished before an earlier one.
    early: BTreeMap<usize, Outcome>,
    scribes: Vec<Scribe>,
    segments: Vec<Segment>,
}

impl<'o> Run<'o> {
    fn new(listening: &'o Listening<'_>, observer: &'o mut dyn Observer) -> Run<'o> {
        let n_channels = n_channels(listening.survey);
        let mut resume = listening.resume.clone();
        resume.heard_until.resize(n_channels, 0);
        Run {
            observer,
            should_stop: listening.should_stop,
            resume,
            n_samples: listening.survey.n_samples,
            is_broken: false,
            n_sent: 0,
            n_taken: 0,
            early: BTreeMap::new(),
            scribes: (0..n_channels).map(|_| Scribe::default()).collect(),
            segments: Vec::new(),
        }
    }

    /// Reads to the end and gives the windows to the workers; the queue ends with this call.
    fn read(
        &mut self,
        mut reader: AudioReader<'_>,
        activity: &mut dyn TensorModel,
        work: SyncSender<(usize, Window)>,
        results: &Receiver<Outcome>,
    ) -> Result<(), TranscribeError> {
        let n_channels = self.scribes.len();
        let mut activity = Activity::new(activity, n_channels);
        let mut windowers: Vec<Windower> =
            (0..n_channels).map(|it| Windower::new(it, Cut::default())).collect();
        let mut rest = Chunk { channels: vec![Vec::new(); n_channels] };
        let mut chunk = Chunk::default();
        let mut is_over = false;
        while !is_over {
            if (self.should_stop)() {
                return Err(TranscribeError::Stopped);
            }
            is_over = !reader.read(&mut chunk)?;
            for (rest, new) in rest.channels.iter_mut().zip(&chunk.channels) {
                rest.extend_from_slice(new);
                if is_over && !rest.is_empty() {
                    rest.resize(rest.len().next_multiple_of(FRAME), 0.0);
                }
            }
            let n_frames = rest.len() / FRAME;
            for idx in 0..n_frames {
                let range = idx * FRAME..(idx + 1) * FRAME;
                let frame: Vec<&[f32]> =
                    rest.channels.iter().filter_map(|it| it.get(range.clone())).collect();
                let probabilities = activity.frame(&frame)?;
                for ((windower, frame), it) in windowers.iter_mut().zip(&frame).zip(probabilities) {
                    let window = windower.push(frame, it);
                    self.send(window, &work, results)?;
                }
            }
            rest.channels.iter_mut().for_each(|it| drop(it.drain(..n_frames * FRAME)));
        }
        for window in windowers.into_iter().flat_map(Windower::finish) {
            self.send(Some(window), &work, results)?;
        }
        Ok(())
    }

    fn send(
        &mut self,
        window: Option<Window>,
        work: &SyncSender<(usize, Window)>,
        results: &Receiver<Outcome>,
    ) -> Result<(), TranscribeError> {
        let until = window.as_ref().and_then(|it| self.resume.heard_until.get(it.channel));
        if let Some(window) = window.filter(|it| until.is_some_and(|until| *until < it.end())) {
            // An error would mean that no worker is left: the results say why.
            let _ = work.send((self.n_sent, window));
            self.n_sent += 1;
        }
        while let Ok(outcome) = results.try_recv() {
            self.take(outcome)?;
        }
        Ok(())
    }

    fn collect(&mut self, results: &Receiver<Outcome>) -> Result<(), TranscribeError> {
        let mut collected = Ok(());
        while let Ok(outcome) = results.recv() {
            if !self.is_broken {
                collected = self.take(outcome);
            }
        }
        let total = self.n_samples * 1000 / u64::from(RATE);
        if collected.is_ok() {
            self.observer.progress(SpeechProgress { done: total, total });
        }
        collected
    }

    /// Takes the result of a window; gives it on in the order in which the windows were cut.
    fn take(&mut self, outcome: Outcome) -> Result<(), TranscribeError> {
        self.early.insert(outcome.0, outcome);
        while let Some((_, channel, end, heard)) = self.early.remove(&self.n_taken) {
            self.n_taken += 1;
            let scribe = self.scribes.get_mut(channel);
            let scribe = scribe.ok_or(TranscribeError::Stopped)?;
            self.is_broken = heard.is_err();
            let mut segments = segments(channel, heard?, scribe);
            redact::redact(&mut segments);
            if let Some(until) = self.resume.heard_until.get_mut(channel) {
                *until = end.max(*until);
            }
            self.observer.heard(&segments, &self.resume);
            let heard_until = self.resume.heard_until.iter().max().copied().unwrap_or(0);
            let millis = |samples: u64| samples * 1000 / u64::from(RATE);
            let (done, total) = (millis(heard_until.min(self.n_samples)), millis(self.n_samples));
            self.observer.progress(SpeechProgress { done, total });
            self.segments.append(&mut segments);
        }
        Ok(())
    }
}

/// The segments of one window, as they are written.
fn segments(channel: usize, utterances: Vec<Utterance>, scribe: &mut Scribe) -> Vec<Segment> {
    let starts: Vec<u64> = utterances.iter().skip(1).map(|it| it.start).collect();
    let mut segments = Vec::with_capacity(utterances.len());
    for (idx, utterance) in utterances.into_iter().enumerate() {
        let Utterance { start, end, language, mut line, confidence } = utterance;
        if language == SpokenLanguage::Mandarin {
            line = scribe.rewrite(line);
            numbers::write_numbers(&mut line);
            let until_next = starts.get(idx).map(|it| it.saturating_sub(end));
            punctuate::punctuate(&mut line, until_next);
        }
        line.trim();
        segments.push(Segment {
            channel,
            start,
            end,
            language,
            text: Private::new(line.text()),
            words: words(&line),
            pii: Vec::new(),
            confidence,
        });
    }
    segments
}

/// The words of a line: a Chinese character each, other characters together, marks with the word before them.
pub(super) fn words(line: &Line) -> Vec<Word> {
    let mut words: Vec<(String, Word)> = Vec::new();
    let mut is_open = false;
    for (offset, it) in line.chars.iter().enumerate() {
        let is_letter = it.ch.is_alphanumeric() && !is_han(it.ch);
        let continues = is_letter && is_open || !it.ch.is_alphanumeric();
        match words.last_mut() {
            Some((text, word)) if continues => {
                text.push(it.ch);
                if it.ch.is_alphanumeric() {
                    word.end = it.end;
                    word.confidence = word.confidence.min(it.confidence);
                }
            }
            _ => {
                let text = Private::new(String::new());
                let (start, end, confidence) = (it.start, it.end, it.confidence);
                words.push((it.ch.to_string(), Word { text, offset, start, end, confidence }));
            }
        }
        is_open = is_letter;
    }
    words.into_iter().map(|(text, word)| Word { text: Private::new(text), ..word }).collect()
}

#[cfg(test)]
mod tests;
