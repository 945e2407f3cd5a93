//! When utterances are said: clips of one set joined with pauses, so that each one's beginning and end are known.

use fenwen::media::audio::RATE;
use fenwen::task::speech::Segment;
use serde::Serialize;

use super::clips::Clip;
use crate::idcard::tally::Rate;

/// Clips of one recording.
const CLIPS: usize = 6;
/// Silence between two clips, in seconds: long enough to be two utterances.
const PAUSE: f64 = 1.5;
/// Samples of a frame by which a voice is told from silence, 20 ms.
const FRAME: usize = RATE as usize / 50;
/// Power of such a frame beside the loudest of its clip that is still voice (-35 dB).
const VOICE: f32 = 3.2e-4;
/// Seconds by which a time may be wrong and still serve to find the place.
const NEAR: f64 = 0.3;

/// Clips in one recording, and when each is said, in seconds.
pub(super) struct Call {
    pub(super) samples: Vec<f32>,
    pub(super) said: Vec<(f64, f64)>,
}

/// How far times are from the truth, of the utterances that were heard.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Timing {
    /// Utterances, and those of them in whose time nothing was heard.
    n_utterances: usize,
    n_missed: usize,
    /// Of beginnings and of ends.
    begins: Distance,
    ends: Distance,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Distance {
    /// Median and 90th percentile, in seconds.
    median: f64,
    p90: f64,
    /// Share within 0.3 s, with its Wilson 95 % interval.
    near: f64,
    interval: (f64, f64),
}

/// The clips of each set, a few to a recording.
pub(super) fn calls(clips: &[Clip]) -> Vec<Call> {
    clips
        .chunk_by(|a, b| a.set == b.set)
        .flat_map(|set| set.chunks(CLIPS))
        .map(|clips| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds")]
            let pause = vec![0.0; (PAUSE * f64::from(RATE)) as usize];
            let mut call = Call { samples: pause.clone(), said: Vec::new() };
            for clip in clips {
                let offset = call.samples.len() as f64 / f64::from(RATE);
                call.said
                    .extend(voiced(&clip.samples).map(|(from, to)| (offset + from, offset + to)));
                call.samples.extend_from_slice(&clip.samples);
                call.samples.extend_from_slice(&pause);
            }
            call
        })
        .collect()
}

/// Where the voice of a clip begins and ends, in seconds; none in silence.
fn voiced(samples: &[f32]) -> Option<(f64, f64)> {
    let powers: Vec<f32> =
        samples.chunks(FRAME).map(|it| it.iter().map(|it| it * it).sum()).collect();
    let most = powers.iter().copied().fold(0.0, f32::max);
    let is_voice = |it: &f32| 0.0 < most && VOICE * most <= *it;
    let first = powers.iter().position(is_voice)?;
    let last = powers.iter().rposition(is_voice)?;
    let seconds = |frames: usize| (frames * FRAME) as f64 / f64::from(RATE);
    Some((seconds(first), seconds(last + 1)))
}

/// Distances of what was heard from when it was said.
#[derive(Default)]
pub(super) struct Times {
    n_missed: usize,
    begins: Vec<f64>,
    ends: Vec<f64>,
}

impl Times {
    /// Compares a recording: of the segments that touch an utterance, the first begins and the last ends it.
    pub(super) fn add(&mut self, said: &[(f64, f64)], segments: &[Segment]) {
        for (from, to) in said {
            let times = segments.iter().map(|it| (it.start as f64 / 1e3, it.end as f64 / 1e3));
            let touching: Vec<(f64, f64)> = times.filter(|it| it.0 < *to && *from < it.1).collect();
            let begin = touching.iter().map(|it| it.0).reduce(f64::min);
            let end = touching.iter().map(|it| it.1).reduce(f64::max);
            match begin.zip(end) {
                Some((begin, end)) => {
                    self.begins.push((begin - from).abs());
                    self.ends.push((end - to).abs());
                }
                None => self.n_missed += 1,
            }
        }
    }

    pub(super) fn timing(self) -> Timing {
        Timing {
            n_utterances: self.begins.len() + self.n_missed,
            n_missed: self.n_missed,
            begins: distance(self.begins),
            ends: distance(self.ends),
        }
    }
}

fn distance(mut found: Vec<f64>) -> Distance {
    found.sort_by(f64::total_cmp);
    let at = |tenths: usize| {
        let last = found.len().saturating_sub(1);
        found.get(last * tenths / 10).copied().unwrap_or(0.0)
    };
    let rate = Rate { k: found.iter().filter(|it| **it <= NEAR).count(), n: found.len() };
    let near = rate.share().unwrap_or(0.0);
    Distance { median: at(5), p90: at(9), near, interval: rate.interval() }
}

/// What the report says.
pub(super) fn markdown(timing: &Timing) -> String {
    let Timing { n_utterances, n_missed, begins, ends } = timing;
    let row = |name: &str, it: &Distance| {
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        let (low, high) = it.interval;
        let near = format!("{} ({}–{})", percent(it.near), percent(low), percent(high));
        format!("| {name} | {:.2} | {:.2} | {near} |\n", it.median, it.p90)
    };
    format!(
        "\n## Times\n\n{n_utterances} clean clips, {CLIPS} to a recording with {PAUSE} s between them; nothing was heard in {n_missed}. Seconds from \
         where the voice begins and ends.\n\n| of | median | 90 % | within {NEAR} s, % (95 %) |\n|---|---|---|---|\n{}{}",
        row("beginnings", begins),
        row("ends", ends)
    )
}

#[cfg(test)]
mod tests {
    use fenwen::base::Private;
    use fenwen::task::speech::SpokenLanguage;

    use super::*;

    fn segment(start: u64, end: u64) -> Segment {
        Segment {
            channel: 0,
            start,
            end,
            language: SpokenLanguage::Mandarin,
            text: Private::new(String::new()),
            words: Vec::new(),
            pii: Vec::new(),
            confidence: 1.0,
        }
    }

    #[test]
    fn times_are_compared_with_those_of_the_voice() {
        let clip = |set: &str| Clip {
            set: set.to_owned(),
            name: String::new(),
            text: String::new(),
            samples: [vec![0.0; 8_000], vec![0.5; 16_000], vec![0.0; 8_000]].concat(),
            seed: 0,
        };
        let calls = calls(&[clip("a"), clip("a"), clip("b")]);
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].said, [(2.0, 3.0), (5.5, 6.5)]);
        let mut times = Times::default();
        // One in two parts, half a second late; the other was not heard.
        times.add(&calls[0].said, &[segment(2_500, 2_600), segment(2_700, 3_100)]);
        let found = times.timing();
        assert_eq!((found.n_utterances, found.n_missed), (2, 1));
        assert_eq!((found.begins.median, found.begins.near), (0.5, 0.0));
        assert!((found.ends.median - 0.1).abs() < 1e-9 && found.ends.near == 1.0);
    }
}
