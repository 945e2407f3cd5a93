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

/// Seconds by which a model may miss the edge of a piece.
const NEAR: f32 = 0.35;

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

    /// The moments of the recording, in thousandths of a second, of a stretch of the window.
    ///
    /// Models tell times roughly: a stretch that begins just before a piece ends, or ends just after one begins, lies on the
    /// other side, seconds away in the recording.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 30 s")]
    pub fn stretch(&self, from: f32, to: f32) -> (u64, u64) {
        let seconds = |samples: usize| samples as f32 / RATE as f32;
        let begins = |idx: usize| self.pieces.get(idx).map_or(0.0, |it| seconds(it.here));
        let ends = |idx: usize| self.pieces.get(idx).map_or(0.0, |it| seconds(it.here + it.len));
        let last = |is_before: &dyn Fn(f32) -> bool| {
            self.pieces.iter().rposition(|it| is_before(seconds(it.here))).unwrap_or(0)
        };
        let (mut first, mut final_) = (last(&|it| it <= from), last(&|it| it < to));
        let (before, after) = (ends(first) - from, to - begins(final_));
        if first + 1 == final_ && before < NEAR && after < NEAR {
            (first, final_) = if after <= before { (first, first) } else { (final_, final_) };
        } else if first < final_ {
            first += usize::from(before < NEAR);
            final_ -= usize::from(after < NEAR && first < final_);
        }
        let moment = |idx: usize, at: f32| {
            let Some(piece) = self.pieces.get(idx) else { return 0 };
            let inside =
                (f64::from((at - begins(idx)).max(0.0)) * f64::from(RATE)).round() as usize;
            (piece.there + inside.min(piece.len) as u64) * 1000 / u64::from(RATE)
        };
        let start = moment(first, from);
        (start, moment(final_, to).max(start))
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
    fn what_is_near_the_edge_of_a_piece_lies_on_the_other_side() {
        // Two seconds of speech, ten of silence, two of speech.
        let speech = |there: u64| Window {
            samples: vec![0.0; 2 * RATE as usize],
            pieces: vec![Piece { here: 0, there, len: 2 * RATE as usize }],
            ..Window::default()
        };
        let mut window = speech(0);
        window.append(speech(12 * u64::from(RATE)));
        let check = |from: f32, to: f32, expected: (u64, u64)| {
            assert_eq!(window.stretch(from, to), expected, "{from} to {to}");
        };
        check(0.5, 1.5, (500, 1_500));
        check(2.5, 3.5, (12_500, 13_500));
        check(1.8, 3.5, (12_000, 13_500));
        check(0.5, 2.2, (500, 2_000));
        check(1.9, 2.2, (12_000, 12_200));
        check(1.8, 2.1, (1_800, 2_000));
        check(0.5, 3.5, (500, 13_500));
        check(3.0, 99.0, (13_000, 14_000));
        assert_eq!(Window::default().stretch(0.0, 1.0), (0, 0));
    }
}
