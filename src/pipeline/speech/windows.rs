//! Frames with probabilities → utterances → windows for the model: utterances of one channel, without the silence
//! between them, as many as fit.
//!
//! A speech model hears a word better among others, and every window costs it a start. Long silences cost it as much
//! as speech, and it hears things in them. So utterances are put together with a breath between them, and each
//! position of a window knows where in the recording it was.

use std::collections::VecDeque;

use crate::media::audio::RATE;

use super::activity::FRAME;

/// How speech is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// Probability at which an utterance begins.
    pub begin: f32,
    /// Probability below which it may end.
    pub end: f32,
    /// Frames below `end` after which it has ended.
    pub silence: usize,
    /// Frames of speech that an utterance needs.
    pub shortest: usize,
    /// Frames kept before and after it.
    pub margin: usize,
    /// Frames of a window at most.
    pub longest: usize,
    /// Frames of a silence after which a window is given although it is not full.
    pub patience: usize,
}

impl Default for Cut {
    /// 0.5 and 0.35; 0.3 s of silence; 0.1 s of speech; 0.2 s around; windows of 28 s; 5 s of patience.
    fn default() -> Cut {
        Cut {
            begin: 0.5,
            end: 0.35,
            silence: 9,
            shortest: 3,
            margin: 6,
            longest: 875,
            patience: 156,
        }
    }
}

/// Sound for the model. No `Debug`: it is somebody's voice.
#[derive(Clone, Default)]
pub struct Window {
    /// Channel of the recording.
    pub channel: usize,
    /// Samples at 16 kHz.
    pub samples: Vec<f32>,
    /// Frames in which somebody speaks.
    pub n_spoken: usize,
    /// Where its pieces were in the recording.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy)]
struct Piece {
    /// First sample in the window.
    here: usize,
    /// The same sample in the recording.
    there: u64,
    len: usize,
}

impl Window {
    /// First sample in the recording.
    pub fn begin(&self) -> u64 {
        self.pieces.first().map_or(0, |it| it.there)
    }

    /// One past the last sample in the recording.
    pub fn end(&self) -> u64 {
        self.pieces.last().map_or(0, |it| it.there + it.len as u64)
    }

    /// The moment of the recording, in thousandths of a second, that lies `seconds` after the window's beginning.
    ///
    /// `is_end` tells how to take a moment between two pieces: as the end of the first, or the beginning of the next.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 30 s")]
    pub fn moment(&self, seconds: f32, is_end: bool) -> u64 {
        let here = (f64::from(seconds.max(0.0)) * f64::from(RATE)).round() as usize;
        let before = |piece: &&Piece| if is_end { piece.here < here } else { piece.here <= here };
        let piece = self.pieces.iter().rev().find(before).or(self.pieces.first());
        let sample =
            piece.map_or(0, |it| it.there + (here.saturating_sub(it.here)).min(it.len) as u64);
        sample * 1000 / u64::from(RATE)
    }

    /// How many seconds of silence of the recording lie between two moments of the window.
    pub fn skipped(&self, from: f32, to: f32) -> f32 {
        let real = self.moment(to, false).saturating_sub(self.moment(from, true)) as f32 / 1000.0;
        (real - (to - from)).max(0.0)
    }

    fn push(&mut self, there: u64, samples: &[f32]) {
        match self.pieces.last_mut() {
            Some(last) if last.there + last.len as u64 == there => last.len += samples.len(),
            _ => self.pieces.push(Piece { here: self.samples.len(), there, len: samples.len() }),
        }
        self.samples.extend_from_slice(samples);
    }

    fn append(&mut self, other: Window) {
        for piece in other.pieces {
            let samples = other.samples.get(piece.here..piece.here + piece.len);
            self.push(piece.there, samples.unwrap_or_default());
        }
        self.n_spoken += other.n_spoken;
    }

    fn n_frames(&self) -> usize {
        self.samples.len() / FRAME
    }
}

/// Cuts one channel.
pub struct Windower {
    cut: Cut,
    channel: usize,
    /// Frames seen so far.
    n_seen: u64,
    /// The last frames before an utterance.
    lead: VecDeque<Vec<f32>>,
    /// The utterance that is going on, with the probability of each frame.
    utterance: Window,
    probabilities: Vec<f32>,
    n_quiet: usize,
    is_speaking: bool,
    /// Utterances that wait for more.
    waiting: Window,
    n_since_speech: usize,
}

impl Windower {
    /// At the beginning of a channel.
    pub fn new(channel: usize, cut: Cut) -> Windower {
        let empty = || Window { channel, ..Window::default() };
        Windower {
            cut,
            channel,
            n_seen: 0,
            lead: VecDeque::new(),
            utterance: empty(),
            probabilities: Vec::new(),
            n_quiet: 0,
            is_speaking: false,
            waiting: empty(),
            n_since_speech: 0,
        }
    }

    /// Takes the next frame; gives a window when one is complete.
    pub fn push(&mut self, frame: &[f32], probability: f32) -> Option<Window> {
        let at = self.n_seen * FRAME as u64;
        self.n_seen += 1;
        if !self.is_speaking && probability < self.cut.begin {
            self.n_since_speech += 1;
            self.lead.push_back(frame.to_vec());
            if self.cut.margin < self.lead.len() {
                self.lead.pop_front();
            }
            let is_late = self.cut.patience < self.n_since_speech;
            return if is_late { self.take_waiting() } else { None };
        }
        if !self.is_speaking {
            self.is_speaking = true;
            let first = at - (self.lead.len() * FRAME) as u64;
            for (idx, frame) in std::mem::take(&mut self.lead).iter().enumerate() {
                self.utterance.push(first + (idx * FRAME) as u64, frame);
                self.probabilities.push(0.0);
            }
        }
        self.utterance.push(at, frame);
        self.probabilities.push(probability);
        self.n_quiet = if probability < self.cut.end { self.n_quiet + 1 } else { 0 };
        self.n_since_speech = self.n_quiet;
        if self.cut.silence.max(self.cut.margin) <= self.n_quiet {
            return self.end_utterance();
        }
        if self.cut.longest <= self.utterance.n_frames() {
            return self.split_utterance();
        }
        None
    }

    /// What is left at the end of the recording: at most two windows.
    pub fn finish(mut self) -> Vec<Window> {
        let full = if self.is_speaking { self.end_utterance() } else { None };
        full.into_iter().chain(self.take_waiting()).collect()
    }

    /// First sample that no window given so far holds: where a broken transcription goes on.
    pub fn settled(&self) -> u64 {
        let open = [&self.waiting, &self.utterance];
        let begun = open.iter().filter(|it| !it.samples.is_empty()).map(|it| it.begin()).min();
        let lead = (self.lead.len() * FRAME) as u64;
        begun.unwrap_or((self.n_seen * FRAME as u64).saturating_sub(lead))
    }

    fn end_utterance(&mut self) -> Option<Window> {
        let mut utterance = self.take_utterance();
        let n_quiet = std::mem::take(&mut self.n_quiet);
        let probabilities = std::mem::take(&mut self.probabilities);
        self.is_speaking = false;
        let n_speech = probabilities.iter().filter(|it| self.cut.end <= **it).count();
        // Frames of silence beyond the margin go back to the lead of what comes next.
        let surplus = n_quiet.saturating_sub(self.cut.margin) * FRAME;
        let kept = utterance.samples.len() - surplus;
        self.lead = utterance.samples.split_off(kept).chunks(FRAME).map(<[f32]>::to_vec).collect();
        if let Some(last) = utterance.pieces.last_mut() {
            last.len -= surplus;
        }
        utterance.n_spoken = n_speech;
        if n_speech < self.cut.shortest { None } else { self.join(utterance) }
    }

    /// Cuts an utterance that is too long where speech was least likely in its last third.
    fn split_utterance(&mut self) -> Option<Window> {
        let from = self.probabilities.len() * 2 / 3;
        let candidates = self.probabilities.iter().enumerate().skip(from);
        let at = candidates.min_by(|a, b| a.1.total_cmp(b.1)).map_or(from, |it| it.0).max(1);
        let mut head = self.take_utterance();
        let tail = head.samples.split_off(at * FRAME);
        let begin = head.begin() + (at * FRAME) as u64;
        if let Some(last) = head.pieces.last_mut() {
            last.len = head.samples.len();
        }
        self.utterance.push(begin, &tail);
        head.n_spoken = self.probabilities.drain(..at).filter(|it| self.cut.end <= *it).count();
        self.join(head)
    }

    /// Adds an utterance to those that wait; gives them when there is no room for it.
    fn join(&mut self, utterance: Window) -> Option<Window> {
        let n_frames = self.waiting.n_frames() + utterance.n_frames();
        let full = if self.cut.longest < n_frames { self.take_waiting() } else { None };
        self.waiting.append(utterance);
        full
    }

    fn take_utterance(&mut self) -> Window {
        let empty = Window { channel: self.channel, ..Window::default() };
        std::mem::replace(&mut self.utterance, empty)
    }

    fn take_waiting(&mut self) -> Option<Window> {
        let empty = Window { channel: self.channel, ..Window::default() };
        let waiting = std::mem::replace(&mut self.waiting, empty);
        (!waiting.samples.is_empty()).then_some(waiting)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "digits")]

    use super::*;

    /// Runs over frames: a digit is the probability in tenths, and the value of every sample in the frame.
    fn windows(pattern: &str, cut: Cut) -> Vec<Window> {
        let mut windower = Windower::new(1, cut);
        let mut found = Vec::new();
        for digit in pattern.bytes() {
            let level = f32::from(digit - b'0') / 10.0;
            found.extend(windower.push(&[level; FRAME], level));
        }
        found.extend(windower.finish());
        found
    }

    const CUT: Cut =
        Cut { begin: 0.5, end: 0.35, silence: 3, shortest: 2, margin: 2, longest: 12, patience: 8 };

    /// The frames of each window by their digits, and the frame of the recording that each piece begins with.
    #[track_caller]
    fn check(pattern: &str, expected: &[(&str, &[u64])]) {
        let found: Vec<(String, Vec<u64>)> = windows(pattern, CUT)
            .iter()
            .map(|window| {
                assert_eq!(window.channel, 1);
                let digit = |it: &[f32]| char::from(b'0' + (it[0] * 10.0).round() as u8);
                let digits: String = window.samples.chunks(FRAME).map(digit).collect();
                // Frames below the end's probability are not spoken in.
                let n_spoken = digits.chars().filter(|it| '4' <= *it).count();
                assert_eq!(window.n_spoken, n_spoken, "{digits} of {pattern}");
                (digits, window.pieces.iter().map(|it| it.there / FRAME as u64).collect())
            })
            .collect();
        let found: Vec<(&str, &[u64])> =
            found.iter().map(|it| (it.0.as_str(), it.1.as_slice())).collect();
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn speech_is_cut_out_with_a_margin() {
        check("0000000", &[]);
        check("000008880000000", &[("0088800", &[3])]);
        check("888", &[("888", &[0])]);
        check("0000080000000", &[]);
        check("00008840480000", &[("0088404800", &[2])]);
    }

    #[test]
    fn utterances_share_a_window_without_their_silence() {
        check("00880000008800000", &[("008800008800", &[0, 8])]);
        check("88800000088800000888", &[("888000088800", &[0, 7]), ("00888", &[15])]);
    }

    #[test]
    fn a_long_silence_gives_the_window() {
        check("8880000000000000888", &[("88800", &[0]), ("00888", &[14])]);
    }

    #[test]
    fn a_long_utterance_is_cut_where_it_is_quietest() {
        check("888888888848888888888", &[("8888888888", &[0]), ("48888888888", &[10])]);
    }

    #[test]
    fn moments_are_those_of_the_recording() {
        let all = windows("00880000008800000", CUT);
        let seconds = |frames: f32| frames * FRAME as f32 / RATE as f32;
        let check = |frames: f32, is_end: bool, expected: u64| {
            assert_eq!(all[0].moment(seconds(frames), is_end), expected * 32, "{frames}");
        };
        check(0.0, false, 0);
        check(3.0, false, 3);
        check(6.0, true, 6);
        check(6.0, false, 8);
        check(9.0, false, 11);
        check(99.0, true, 14);
        assert!((all[0].skipped(seconds(5.0), seconds(7.0)) - seconds(2.0)).abs() < 0.01);
        assert_eq!(all[0].skipped(seconds(1.0), seconds(2.0)), 0.0);
    }
}
