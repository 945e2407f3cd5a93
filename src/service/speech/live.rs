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
#[cfg(feature = "audio")]
use crate::media::audio::{OpusCall, PacketError, RATE};
use crate::task::call::CallError;
use crate::task::speech::{FrameCoding, Millis, Segment, SpeechOrder};

use super::{Assist, HeardRecording, Speech};

/// New sound after which it is worth to hear again.
const STEP: Millis = 500;
/// The same while no word was heard: the first ones are waited for, and to look whether somebody speaks costs little.
const FIRST_STEP: Millis = 96;
/// Speech after which the first words are no longer waited for like that: it may be in a language that is not transcribed.
const EAGER: Millis = 1_000;
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
    /// Samples a second: 8000 or 16000, and 48000 of Opus.
    pub rate: u32,
    /// How its frames are coded.
    pub coding: FrameCoding,
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

/// A stream of mono samples of 16 bits, little end first, or of what becomes them.
pub struct Live {
    order: SpeechOrder,
    /// Samples a second of `samples`.
    rate: u32,
    /// Makes samples of packets.
    #[cfg(feature = "audio")]
    opus: Option<OpusCall>,
    /// Not heard to its end yet.
    samples: Vec<u8>,
    /// Samples before those.
    n_before: u64,
    /// Bytes of `samples` that were heard already, though not finally.
    n_heard: usize,
    is_over: bool,
    /// Whether the first words are still waited for.
    is_eager: bool,
    /// Whether it is heard with care: drafts show what is said while it is said, and end nothing.
    is_careful: bool,
    next: u64,
    finals: VecDeque<(u64, Segment)>,
    /// What was asked in it, where somebody wants to know.
    pub assist: Option<Assist>,
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
    ///
    /// # Errors
    /// When this program cannot read what is coded so.
    pub fn new(options: LiveOptions) -> Result<Live, CallError> {
        let LiveOptions { rate, coding, order } = options;
        #[cfg_attr(not(feature = "audio"), expect(unused_mut, reason = "only Opus needs more"))]
        let mut live = Live {
            order,
            rate,
            #[cfg(feature = "audio")]
            opus: None,
            samples: Vec::new(),
            n_before: 0,
            n_heard: 0,
            is_over: false,
            is_eager: true,
            is_careful: false,
            next: 0,
            finals: VecDeque::new(),
            assist: None,
        };
        match coding {
            FrameCoding::Pcm => {}
            #[cfg(feature = "audio")]
            FrameCoding::Opus => live.expect_opus()?,
            #[cfg(not(feature = "audio"))]
            FrameCoding::Opus => {
                let message = "本程式未含 Opus 解碼,請改送 pcm。";
                return Err(CallError::bad_value("/encoding", message));
            }
        }
        Ok(live)
    }

    #[cfg(feature = "audio")]
    fn expect_opus(&mut self) -> Result<(), CallError> {
        let call = OpusCall::new();
        let call =
            call.ok_or_else(|| CallError::new(ErrorCode::Internal, "Opus 解碼器無法啟動。"))?;
        // Whatever it was encoded from, it is decoded at the rate that is heard.
        (self.opus, self.rate) = (Some(call), RATE);
        Ok(())
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When it holds half a sample or no packet, or comes after the end.
    pub fn push(&mut self, frame: &[u8]) -> Result<(), CallError> {
        if self.is_over {
            return Err(CallError::bad_value("/frame", "結束之後不可再傳送聲音。"));
        }
        #[cfg(feature = "audio")]
        if let Some(call) = &mut self.opus {
            let mut samples = Vec::new();
            call.push(frame, &mut samples).map_err(told)?;
            self.samples.extend(samples.iter().flat_map(|it| it.to_le_bytes()));
            return Ok(());
        }
        if !frame.len().is_multiple_of(2) {
            return Err(CallError::bad_value("/frame", "應為 16 位元的整數樣本。"));
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
        n_samples * 1000 / u64::from(self.rate.max(1))
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
        let shortest = if self.is_eager { FIRST_STEP } else { STEP };
        let step = shortest.max(self.millis(self.n_heard) / SHARE);
        let is_due =
            if self.is_over { !self.samples.is_empty() } else { step <= new || self.is_careful };
        if !is_due {
            return None;
        }
        let n_bytes = self.samples.len();
        self.n_heard = n_bytes;
        self.is_careful |= self.is_over;
        let recording = Private::new(wav(self.rate, &self.samples));
        let order = SpeechOrder { is_draft: !self.is_careful, ..self.order.clone() };
        let speech = Arc::clone(speech);
        let heard =
            async move { speech.hear_call(recording, order, None, Box::new(|_| ())).await }.boxed();
        Some(LiveWork { heard, n_bytes })
    }

    /// What became of the sound that was heard.
    pub fn take(&mut self, (heard, n_bytes): (HeardRecording, usize)) -> Vec<LiveEvent> {
        let segments = heard.transcript.segments;
        let length = self.millis(n_bytes);
        let was_careful = std::mem::take(&mut self.is_careful);
        // Frames may have come while it was heard: then it was not the end.
        let is_last = self.is_over && was_careful && n_bytes == self.samples.len();
        let (mut n_final, mut cut) =
            if is_last { (segments.len(), length) } else { settle(&segments, length) };
        if !was_careful {
            self.is_careful = 0 < n_final || 0 < cut;
            (n_final, cut) = (0, 0);
        }
        let start = self.n_before * 1000 / u64::from(self.rate.max(1));
        let mut segments = segments.into_iter().map(|it| moved(it, start));
        let mut events = Vec::new();
        for segment in segments.by_ref().take(n_final) {
            self.finals.push_back((self.next, segment.clone()));
            self.finals.drain(..self.finals.len().saturating_sub(MAX_AGAIN));
            if let Some(assist) = &mut self.assist {
                assist.note(self.next, &segment);
            }
            events.push(LiveEvent::Final(self.next, segment));
            self.next += 1;
        }
        let open: Vec<Segment> = segments.collect();
        let begun = open.first().map_or(0, |it| (start + length).saturating_sub(it.start));
        self.is_eager = begun < EAGER && open.iter().all(|it| it.text.expose().is_empty());
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
        n_bytes as u64 / 2 * 1000 / u64::from(self.rate.max(1))
    }

    /// Whole samples.
    fn bytes(&self, millis: Millis) -> usize {
        let n_samples = millis * u64::from(self.rate) / 1000;
        usize::try_from(2 * n_samples).unwrap_or(usize::MAX)
    }
}

/// What a client is told about a packet that is refused.
#[cfg(feature = "audio")]
fn told(error: PacketError) -> CallError {
    let message = match error {
        PacketError::Malformed => {
            "不是合格的 Opus 封包:每則訊息應恰為一個封包,不含 Ogg 或 RTP 標頭。"
        }
        PacketError::Length => "每個 Opus 封包應為 20 至 60 毫秒。",
        PacketError::Lost => "連續遺失的封包過多,請重新連線。",
    };
    CallError::bad_value("/frame", message)
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
    /// When there are no ears, there are as many streams as there may be, or this program does not read their coding.
    pub fn open_stream(
        self: &Arc<Self>,
        client: &str,
        options: LiveOptions,
    ) -> Result<Stream, CallError> {
        let live = Live::new(options)?;
        self.stream(client, |token| (token, live))
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
    /// Keeps the stream for its client for a while, from now on; what is returned resolves when that is over.
    pub fn park(self) -> impl Future<Output = ()> {
        let Stream { live, token, speech, client, place, .. } = self;
        drop(place);
        let now = speech.clock.now();
        let until = now + speech.limits.resume;
        speech.parked.forget(now);
        speech.parked.put(token, ParkedStream { client, live, until }, speech.limits.streams);
        async move {
            speech.clock.wait(speech.limits.resume).await;
            speech.parked.forget(speech.clock.now());
        }
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
mod tests;
