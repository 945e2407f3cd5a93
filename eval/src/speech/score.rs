//! Character errors between what was said and what was written, after one normalisation of both.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]

use fenwen::pipeline::speech::numbers;
use fenwen::pipeline::speech::script::{self, Script};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

use crate::cards::chance::Chance;

/// Samples for an interval.
const N_SAMPLES: usize = 2000;

/// Errors of one clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Errors {
    /// Characters put in, left out or exchanged.
    pub(super) n_errors: usize,
    /// Characters that were said.
    pub(super) n_chars: usize,
}

/// A rate with the 95 % interval that resampling the clips gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Interval {
    pub(super) rate: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Compatibility forms, Traditional characters, numbers in digits, lower case; no marks, no blanks.
fn normal(text: &str) -> Vec<char> {
    let text: String = text.nfkc().collect();
    // A Traditional text stays as it is: the conversion would read 里長 as Simplified, and write 裡長.
    let is_simplified = Script::of(&text) == Script::Simplified;
    let text = if is_simplified { script::to_traditional(&text) } else { text };
    let text = numbers::written(&text);
    text.chars()
        .filter(|it| it.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .map(|it| if it == '臺' { '台' } else { it })
        .collect()
}

/// Errors of an answer.
pub(super) fn errors(truth: &str, answer: &str) -> Errors {
    let (truth, answer) = (normal(truth), normal(answer));
    let mut row: Vec<usize> = (0..=answer.len()).collect();
    for (idx, expected) in truth.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = idx + 1;
        for (at, found) in answer.iter().enumerate() {
            let exchanged = diagonal + usize::from(expected != found);
            diagonal = row[at + 1];
            row[at + 1] = exchanged.min(diagonal + 1).min(row[at] + 1);
        }
    }
    Errors { n_errors: row[answer.len()], n_chars: truth.len() }
}

/// Errors for each character that was said, over all clips.
pub(super) fn rate(clips: &[Errors]) -> Interval {
    let of = |picked: &mut dyn Iterator<Item = Errors>| {
        let sum = picked.fold(Errors::default(), |sum, it| Errors {
            n_errors: sum.n_errors + it.n_errors,
            n_chars: sum.n_chars + it.n_chars,
        });
        sum.n_errors as f64 / sum.n_chars.max(1) as f64
    };
    let mut chance = Chance::new(11, 4);
    let mut rates: Vec<f64> =
        (0..N_SAMPLES).map(|_| of(&mut (0..clips.len()).map(|_| *chance.pick(clips)))).collect();
    rates.sort_by(f64::total_cmp);
    let at = |share: f64| rates[((N_SAMPLES - 1) as f64 * share) as usize];
    Interval { rate: of(&mut clips.iter().copied()), low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(truth: &str, answer: &str, n_errors: usize, n_chars: usize) {
        assert_eq!(errors(truth, answer), Errors { n_errors, n_chars });
    }

    #[test]
    fn errors_are_counted_after_normalisation() {
        check("請問里長的電話", "请问里长的电话", 0, 7);
        check("請問,電話?", "請問電話。", 0, 4);
        check("三百五十元", "350元", 0, 4);
        check("臺北市", "台北市", 0, 3);
        check("ABC", "abc", 0, 3);
        check("請問電話", "請問電", 1, 4);
        check("請問電話", "請問電畫", 1, 4);
        check("請問電話", "請問一下電話", 2, 4);
        check("", "謝謝", 2, 0);
        check("", "", 0, 0);
    }

    #[test]
    fn the_interval_holds_the_rate() {
        let clips: Vec<Errors> =
            (0..40).map(|it| Errors { n_errors: it % 4, n_chars: 10 }).collect();
        let found = rate(&clips);
        assert!((found.rate - 0.15).abs() < 1e-9);
        assert!(found.low < 0.15 && 0.15 < found.high && found.high - found.low < 0.1);
    }
}
