//! Token by token: what may follow what, which is taken, and what became of it.
//!
//! The rules are OpenAI's (whisper, decoding.py): times come in pairs and never go back, the first is near the
//! beginning, and where a time is likelier than any text it is a time.

use crate::engine::speech::{DecodeOptions, HeardSpan, HeardToken, RATE, most_tokens};

use super::tokens::Tokens;

/// Marks of time in a second.
pub(super) const PER_SECOND: u32 = 50;
/// The latest first mark, a second after the beginning.
const LATEST_FIRST: u32 = PER_SECOND;
/// Samples of one mark.
const SAMPLES: usize = RATE as usize / PER_SECOND as usize;

/// One decode.
pub(super) struct Decoding<'t> {
    tokens: &'t Tokens,
    temperature: f32,
    given: Vec<u32>,
    /// Most tokens that are taken.
    most: usize,
    /// The last mark of time that lies in the sound.
    last_time: u32,
    /// What was taken, with its probability.
    taken: Vec<(u32, f32)>,
    no_speech: f32,
    chance: u64,
}

impl<'t> Decoding<'t> {
    /// A decode of a sound of so many samples by a network with room for `max_tokens`.
    pub(super) fn new(
        tokens: &'t Tokens,
        options: &DecodeOptions,
        n_samples: usize,
        max_tokens: usize,
    ) -> Self {
        let mut given = Vec::new();
        if let Some(text) = &options.prompt {
            given.push(tokens.previous);
            given.extend(tokens.encode(text));
        }
        given.extend([tokens.start, tokens.language(options.language), tokens.transcribe]);
        let most = max_tokens / 2;
        given.drain(..given.len().saturating_sub(most));
        let n_times = u32::try_from(n_samples.div_ceil(SAMPLES)).unwrap_or_default();
        Decoding {
            tokens,
            temperature: options.temperature,
            given,
            most: most.min(most_tokens(n_samples)),
            last_time: tokens.time + n_times.max(LATEST_FIRST),
            taken: Vec::new(),
            no_speech: 0.0,
            chance: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// What comes before the first token.
    pub(super) fn given(&self) -> &[u32] {
        &self.given
    }

    /// The place of the mark of the beginning among what is given.
    pub(super) fn start(&self) -> usize {
        self.given.iter().position(|it| *it == self.tokens.start).unwrap_or_default()
    }

    /// Learns from the logits after the mark of the beginning whether anybody speaks.
    pub(super) fn begin(&mut self, logits: &[f32]) {
        self.no_speech = probability(logits, self.tokens.no_speech);
    }

    /// Takes the next token; none at the end of the text, or when there is no room for more.
    pub(super) fn take(&mut self, logits: &mut [f32]) -> Option<u32> {
        self.apply_rules(logits);
        let (token, probability) = self.pick(logits);
        if token == self.tokens.end {
            return None;
        }
        self.taken.push((token, probability));
        (self.taken.len() < self.most).then_some(token)
    }

    fn is_time(&self, token: u32) -> bool {
        self.tokens.time <= token
    }

    /// Hides the tokens that may not come next.
    fn apply_rules(&self, logits: &mut [f32]) {
        let hide = |logits: &mut [f32], from: u32, to: u32| {
            let to = (to as usize).min(logits.len());
            if let Some(range) = logits.get_mut((from as usize).min(to)..to) {
                range.fill(f32::NEG_INFINITY);
            }
        };
        let all = u32::try_from(logits.len()).unwrap_or(u32::MAX);
        let (end, time) = (self.tokens.end, self.tokens.time);
        hide(logits, end + 1, time);
        hide(logits, self.last_time + 1, all);
        let mut back = self.taken.iter().rev().map(|it| it.0);
        let (last, before) = (back.next(), back.next());
        if last.is_none() {
            hide(logits, 0, time);
            hide(logits, time + LATEST_FIRST + 1, all);
            return;
        }
        if last.is_some_and(|it| self.is_time(it)) {
            if before.is_none_or(|it| self.is_time(it)) {
                hide(logits, time, all);
            } else {
                hide(logits, 0, end);
            }
        }
        if let Some(latest) = self.taken.iter().rev().map(|it| it.0).find(|it| self.is_time(*it)) {
            // A time may stand twice in a row, as the end of one utterance and the beginning of the next.
            let again = last == Some(latest) && before.is_some_and(|it| !self.is_time(it));
            hide(logits, time, if again { latest } else { latest + 1 });
        }
        if self.taken.len() == 1
            && let Some(blank) = self.tokens.blank
        {
            hide(logits, blank, blank + 1);
            hide(logits, end, end + 1);
        }
        self.prefer_times(logits);
    }

    /// Where all times together are likelier than any text, it is a time.
    fn prefer_times(&self, logits: &mut [f32]) {
        let Some((texts, times)) = logits.split_at_mut_checked(self.tokens.time as usize) else {
            return;
        };
        let likeliest = texts.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let most = times.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if most == f32::NEG_INFINITY {
            return;
        }
        let together = most + times.iter().map(|it| (it - most).exp()).sum::<f32>().ln();
        if likeliest < together {
            texts.fill(f32::NEG_INFINITY);
        }
    }

    /// The likeliest token, or one by chance when there is a temperature; with its probability.
    fn pick(&mut self, logits: &[f32]) -> (u32, f32) {
        let ids = || (0_u32..).zip(logits.iter().copied());
        let likeliest = ids().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(self.tokens.end, |it| it.0);
        let mut token = likeliest;
        if 0.0 < self.temperature {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let temperature = self.temperature;
            let weight = |it: f32| ((it - most) / temperature).exp();
            let sum: f32 = logits.iter().map(|it| weight(*it)).sum();
            let mut left = self.unit() * sum;
            for (id, logit) in ids() {
                left -= weight(logit);
                if left <= 0.0 {
                    token = id;
                    break;
                }
            }
        }
        (token, probability(logits, token))
    }

    /// A number from 0 to 1; the sequence is the same for every decode (xorshift, Marsaglia 2003).
    fn unit(&mut self) -> f32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 40) as f32 / 16_777_216.0
    }
}

fn probability(logits: &[f32], token: u32) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|it| (it - most).exp()).sum();
    logits.get(token as usize).map_or(0.0, |it| (it - most).exp() / sum)
}

/// The utterances of a decode, and how many samples of the sound they cover.
///
/// A decode that ends with the time of an utterance not yet begun goes on there; any other has heard all.
pub(super) fn spans(
    decoding: &Decoding<'_>,
    tokens: &Tokens,
    n_samples: usize,
) -> (Vec<HeardSpan>, usize) {
    let seconds = |token: u32| (token - tokens.time) as f32 / PER_SECOND as f32;
    let length = n_samples as f32 / RATE as f32;
    let mut found = Vec::new();
    let (mut begin, mut open) = (0.0, Vec::new());
    let (mut is_closed, mut goes_on) = (false, None);
    for (token, probability) in &decoding.taken {
        if let Some(bytes) = tokens.bytes(*token) {
            open.push((bytes, *probability));
            (is_closed, goes_on) = (false, None);
        } else if decoding.is_time(*token) {
            let time = seconds(*token).min(length);
            if !open.is_empty() {
                found.push(span(&std::mem::take(&mut open), begin, time, decoding.no_speech));
                is_closed = true;
            } else if is_closed {
                goes_on = Some(*token);
            }
            begin = time;
        }
    }
    if !open.is_empty() {
        found.push(span(&open, begin, length, decoding.no_speech));
    }
    let used =
        goes_on.map_or(n_samples, |it| ((it - tokens.time) as usize * SAMPLES).min(n_samples));
    (found, used)
}

/// An utterance whose tokens share its time by their length.
fn span(tokens: &[(&[u8], f32)], start: f32, end: f32, no_speech: f32) -> HeardSpan {
    let n_bytes = tokens.iter().map(|it| it.0.len()).sum::<usize>().max(1) as f32;
    let mut at = start;
    let tokens = tokens.iter().map(|(bytes, probability)| {
        let begin = at;
        at += (end - start) * bytes.len() as f32 / n_bytes;
        HeardToken { bytes: bytes.to_vec(), probability: *probability, start: begin, end: at }
    });
    let tokens = tokens.collect();
    HeardSpan { start, end, no_speech, tokens }
}
