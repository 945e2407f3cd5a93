//! Live streams: what was said since the last finished utterance is heard again and again as it grows, until it ends.
//!
//! A stream holds no more sound than its open utterance. Its frames may come faster than they are heard: then fewer
//! partial results are given, and in the end the sender has to wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::OwnedSemaphorePermit;

use crate::base::{Deadline, ErrorCode, Private, RequestId};
use crate::task::call::CallError;
use crate::task::speech::{Millis, Segment, SpeechOrder};

use super::{HeardRecording, Speech};

/// New sound after which it is worth to hear again.
const STEP: Millis = 500;
/// The same as a part of what was heard before: one of so many.
const SHARE: Millis = 8;
/// Silence that ends an utterance.
const PAUSE: Millis = 700;
/// Sound after which an utterance is ended although nobody pauses.
const LONGEST: Millis = 15_000;
/// Sound that is kept when nothing was said: a word may have begun.
const KEPT: Millis = 1_000;
/// Sound that may wait to be heard; more is not read.
const MOST: Millis = 30_000;
/// Finished utterances that a client can ask for again.
const MAX_AGAIN: usize = 200;

/// How a stream sounds and is to be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// Samples a second: 8000 or 16000.
    pub rate: u32,
    /// What is likely to be said.
    pub order: SpeechOrder,
}

/// What a stream tells.
#[derive(Clone, PartialEq)]
pub enum LiveEvent {
    /// What was said so far since the last finished utterance; it may change.
    Partial(Vec<Segment>),
    /// A finished utterance, and its number from 0.
    Final(u64, Segment),
}

/// A stream of mono samples of 16 bits, little end first.
pub struct Live {
    options: LiveOptions,
    /// Not heard to its end yet.
    samples: Vec<u8>,
    /// Samples before those.
    n_before: u64,
    /// Bytes of `samples` that were heard already, though not finally.
    n_heard: usize,
    is_over: bool,
    next: u64,
    finals: VecDeque<(u64, Segment)>,
}

/// The open utterance, being heard.
pub struct LiveWork {
    /// Resolves with what was heard.
    pub heard: BoxFuture<'static, Result<HeardRecording, CallError>>,
    /// Bytes that it was given.
    n_bytes: usize,
}

impl LiveWork {
    /// Waits for it; what [`Live::take`] needs.
    ///
    /// # Errors
    /// When the sound could not be heard.
    pub async fn done(&mut self) -> Result<(HeardRecording, usize), CallError> {
        let heard = (&mut self.heard).await?;
        Ok((heard, self.n_bytes))
    }
}

impl Live {
    /// A stream without a sample.
    pub fn new(options: LiveOptions) -> Live {
        Live {
            options,
            samples: Vec::new(),
            n_before: 0,
            n_heard: 0,
            is_over: false,
            next: 0,
            finals: VecDeque::new(),
        }
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When it holds half a sample, or comes after the end.
    pub fn push(&mut self, frame: &[u8]) -> Result<(), CallError> {
        if !frame.len().is_multiple_of(2) {
            return Err(CallError::bad_value("/frame", "應為 16 位元的整數樣本。"));
        }
        if self.is_over {
            return Err(CallError::bad_value("/frame", "結束之後不可再傳送聲音。"));
        }
        self.samples.extend_from_slice(frame);
        Ok(())
    }

    /// No frame follows.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// Whether the stream has ended and everything was heard.
    pub fn is_done(&self) -> bool {
        self.is_over && self.samples.is_empty()
    }

    /// Whether another frame may be read.
    pub fn has_room(&self) -> bool {
        self.millis(self.samples.len()) < MOST
    }

    /// Sound received so far.
    pub fn received(&self) -> Millis {
        let n_samples = self.n_before + self.samples.len() as u64 / 2;
        n_samples * 1000 / u64::from(self.options.rate.max(1))
    }

    /// Finished utterances from number `from` on, as far as they are kept.
    pub fn again(&self, from: u64) -> Vec<LiveEvent> {
        let finals = self.finals.iter().filter(|it| from <= it.0);
        finals.map(|(id, it)| LiveEvent::Final(*id, it.clone())).collect()
    }

    /// Begins to hear the open utterance, when there is enough new of it.
    pub fn begin(&mut self, speech: &Arc<Speech>) -> Option<LiveWork> {
        let new = self.millis(self.samples.len() - self.n_heard);
        // The more there is, the longer it takes to hear it once more.
        let step = STEP.max(self.millis(self.n_heard) / SHARE);
        let is_due = if self.is_over { !self.samples.is_empty() } else { step <= new };
        if !is_due {
            return None;
        }
        let n_bytes = self.samples.len();
        self.n_heard = n_bytes;
        let recording = Private::new(wav(self.options.rate, &self.samples));
        let (speech, order) = (Arc::clone(speech), self.options.order.clone());
        let heard =
            async move { speech.hear_call(recording, order, None, Box::new(|_| ())).await }.boxed();
        Some(LiveWork { heard, n_bytes })
    }

    /// What became of the sound that was heard.
    pub fn take(&mut self, (heard, n_bytes): (HeardRecording, usize)) -> Vec<LiveEvent> {
        let segments = heard.transcript.segments;
        let length = self.millis(n_bytes);
        // Frames may have come while it was heard: then it was not the end.
        let is_last = self.is_over && n_bytes == self.samples.len();
        let (n_final, cut) =
            if is_last { (segments.len(), length) } else { settle(&segments, length) };
        let start = self.n_before * 1000 / u64::from(self.options.rate.max(1));
        let mut segments = segments.into_iter().map(|it| moved(it, start));
        let mut events = Vec::new();
        for segment in segments.by_ref().take(n_final) {
            self.finals.push_back((self.next, segment.clone()));
            self.finals.drain(..self.finals.len().saturating_sub(MAX_AGAIN));
            events.push(LiveEvent::Final(self.next, segment));
            self.next += 1;
        }
        let open: Vec<Segment> = segments.collect();
        if !open.is_empty() {
            events.push(LiveEvent::Partial(open));
        }
        self.forget(if is_last { n_bytes } else { self.bytes(cut).min(n_bytes) });
        events
    }

    fn forget(&mut self, n_bytes: usize) {
        self.samples.drain(..n_bytes);
        self.n_before += n_bytes as u64 / 2;
        self.n_heard = self.n_heard.saturating_sub(n_bytes);
    }

    fn millis(&self, n_bytes: usize) -> Millis {
        n_bytes as u64 / 2 * 1000 / u64::from(self.options.rate.max(1))
    }

    /// Whole samples.
    fn bytes(&self, millis: Millis) -> usize {
        let n_samples = millis * u64::from(self.options.rate) / 1000;
        usize::try_from(2 * n_samples).unwrap_or(usize::MAX)
    }
}

/// How many of the segments are finished, and up to where the sound is no longer needed.
fn settle(segments: &[Segment], length: Millis) -> (usize, Millis) {
    let Some(last) = segments.last() else { return (0, length.saturating_sub(KEPT)) };
    let n_quiet = segments.iter().take_while(|it| it.end + PAUSE <= length).count();
    if n_quiet == segments.len() {
        return (n_quiet, last.end.min(length));
    }
    if LONGEST <= length && segments.len() == 1 {
        return (1, length);
    }
    let n_final = if LONGEST <= length { segments.len() - 1 } else { n_quiet };
    let end_before = n_final.checked_sub(1).and_then(|it| segments.get(it)).map_or(0, |it| it.end);
    let next_start = segments.get(n_final).map_or(length, |it| it.start);
    // Half of the pause before it belongs to the next one.
    let cut = if n_final == 0 { 0 } else { end_before.midpoint(next_start.max(end_before)) };
    (n_final, cut.min(length))
}

fn moved(segment: Segment, by: Millis) -> Segment {
    let mut segment = segment;
    segment.start += by;
    segment.end += by;
    for word in &mut segment.words {
        word.start += by;
        word.end += by;
    }
    segment
}

/// Mono samples of 16 bits as a file.
fn wav(rate: u32, samples: &[u8]) -> Vec<u8> {
    let n_bytes = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(samples.len() + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&n_bytes.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&rate.saturating_mul(2).to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&n_bytes.to_le_bytes());
    file.extend_from_slice(samples);
    file
}

/// Streams whose connection broke, by their tokens.
#[derive(Default)]
pub(super) struct Parked(Mutex<BTreeMap<String, ParkedStream>>);

struct ParkedStream {
    client: String,
    live: Live,
    until: Instant,
}

impl Parked {
    fn forget(&self, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, it| now < it.until);
    }

    fn take(&self, token: &str, client: &str) -> Option<Live> {
        let mut parked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if parked.get(token).is_none_or(|it| it.client != client) {
            return None;
        }
        parked.remove(token).map(|it| it.live)
    }

    fn put(&self, token: String, stream: ParkedStream, most: usize) {
        let mut parked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Tokens begin with their time: the oldest makes room.
        while most <= parked.len() && parked.pop_first().is_some() {}
        parked.insert(token, stream);
    }
}

/// A stream that has its place. Dropping it gives the place back.
pub struct Stream {
    /// The sound.
    pub live: Live,
    /// By which its client takes it up again.
    pub token: String,
    /// Until when it must have ended.
    pub deadline: Deadline,
    speech: Arc<Speech>,
    client: String,
    place: OwnedSemaphorePermit,
}

impl Speech {
    /// Opens a stream of a client.
    ///
    /// # Errors
    /// When there are no ears, or there are as many streams as there may be.
    pub fn open_stream(
        self: &Arc<Self>,
        client: &str,
        options: LiveOptions,
    ) -> Result<Stream, CallError> {
        self.stream(client, |token| (token, Live::new(options)))
    }

    /// Takes a stream up again whose connection broke.
    ///
    /// # Errors
    /// As [`Speech::open_stream`]; [`ErrorCode::NotFound`] when there is no such stream, or it waited too long.
    pub fn resume_stream(self: &Arc<Self>, client: &str, token: &str) -> Result<Stream, CallError> {
        self.parked.forget(self.clock.now());
        let live = self.parked.take(token, client).ok_or_else(|| {
            let message = "沒有這個串流,或中斷過久,請開始新的串流。";
            CallError::new(ErrorCode::NotFound, message)
        })?;
        self.stream(client, |_| (token.to_owned(), live))
    }

    fn stream(
        self: &Arc<Self>,
        client: &str,
        live: impl FnOnce(String) -> (String, Live),
    ) -> Result<Stream, CallError> {
        self.require_ready()?;
        let place = Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            let error = CallError::new(ErrorCode::Overloaded, "即時串流已達上限,請稍後再試。");
            error.retry_after(Duration::from_secs(5))
        })?;
        let (token, live) = live(RequestId::fresh(self.clock.as_ref()).to_string());
        let (speech, client) = (Arc::clone(self), client.to_owned());
        let deadline = self.clock.now() + self.limits.stream;
        Ok(Stream { live, token, deadline, speech, client, place })
    }
}

impl Stream {
    /// Keeps the stream for its client for a while; resolves when that is over.
    pub async fn park(self) {
        let Stream { live, token, speech, client, place, .. } = self;
        drop(place);
        let now = speech.clock.now();
        let until = now + speech.limits.resume;
        speech.parked.forget(now);
        speech.parked.put(token, ParkedStream { client, live, until }, speech.limits.streams);
        speech.clock.wait(speech.limits.resume).await;
        speech.parked.forget(speech.clock.now());
    }

    /// Begins to hear the open utterance, when there is enough new of it.
    pub fn begin(&mut self) -> Option<LiveWork> {
        self.live.begin(&self.speech)
    }

    /// Whether it has gone on for too long.
    pub fn is_late(&self) -> bool {
        self.deadline <= self.speech.clock.now()
    }

    /// What is told when a stream cannot go on.
    pub fn late() -> CallError {
        CallError::new(ErrorCode::Timeout, "串流已達時間上限,請開始新的串流。")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::idcard::ModelInfo;
    use crate::task::speech::{SpokenLanguage, Transcript};

    fn segment(start: Millis, end: Millis) -> Segment {
        Segment {
            channel: 0,
            start,
            end,
            language: SpokenLanguage::Mandarin,
            text: Private::new("好".to_owned()),
            words: Vec::new(),
            pii: Vec::new(),
            confidence: 0.9,
        }
    }

    #[test]
    fn utterances_are_finished_by_pauses_or_their_length() {
        let check = |spans: &[(Millis, Millis)], length, expected| {
            let segments: Vec<Segment> = spans.iter().map(|it| segment(it.0, it.1)).collect();
            assert_eq!(settle(&segments, length), expected, "{spans:?} of {length}");
        };
        check(&[], 500, (0, 0));
        check(&[], 3000, (0, 2000));
        check(&[(0, 900)], 1000, (0, 0));
        check(&[(0, 900)], 1600, (1, 900));
        check(&[(0, 900), (1700, 2000)], 2100, (1, 1300));
        check(&[(0, 15_000)], 15_000, (1, 15_000));
        check(&[(0, 7000), (7200, 15_000)], 15_100, (1, 7100));
        check(&[(0, 9_000)], 8_000, (0, 0));
    }

    fn heard(spans: &[(Millis, Millis)]) -> HeardRecording {
        let segments = spans.iter().map(|it| segment(it.0, it.1)).collect();
        HeardRecording {
            transcript: Transcript { duration: 0, channels: 1, segments },
            model: ModelInfo { name: "m".into(), version: "1".into(), sha256: "0".into() },
        }
    }

    fn names(events: &[LiveEvent]) -> Vec<String> {
        let name = |it: &LiveEvent| match it {
            LiveEvent::Partial(open) => format!("? {}", open[0].start),
            LiveEvent::Final(id, it) => format!("{id} {}", it.start),
        };
        events.iter().map(name).collect()
    }

    #[test]
    fn times_are_those_of_the_stream_and_finished_sound_is_forgotten() {
        let order = SpeechOrder::default();
        let mut live = Live::new(LiveOptions { rate: 8000, order });
        live.push(&[0; 32_000]).unwrap();
        assert_eq!(live.received(), 2000);
        let found = live.take((heard(&[(100, 900), (1700, 2000)]), 32_000));
        assert_eq!(names(&found), ["0 100", "? 1700"]);
        assert_eq!(live.samples.len(), 32_000 - 1300 * 16);
        live.push(&[0; 8000]).unwrap();
        live.end();
        assert!(!live.is_done() && live.push(&[0; 2]).is_err());
        let n_bytes = live.samples.len();
        let found = live.take((heard(&[(400, 700)]), n_bytes));
        assert_eq!(names(&found), ["1 1700"]);
        assert!(live.is_done());
        assert_eq!(live.received(), 2500);
        assert_eq!(names(&live.again(0)), ["0 100", "1 1700"]);
        assert_eq!(names(&live.again(1)), ["1 1700"]);
    }

    #[test]
    fn half_a_sample_is_refused_and_a_full_stream_waits() {
        let order = SpeechOrder::default();
        let mut live = Live::new(LiveOptions { rate: 16_000, order });
        assert!(live.push(&[0; 3]).is_err());
        live.push(&vec![0; 29_000 * 32]).unwrap();
        assert!(live.has_room());
        live.push(&vec![0; 1000 * 32]).unwrap();
        assert!(!live.has_room());
    }
}
