//! Character errors between what was said and what was written, after one normalisation of both.

use unicode_normalization::UnicodeNormalization as _;

use super::numbers;
use super::script::{self, Script};

/// Errors of one clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Characters put in, left out or exchanged.
    pub n_errors: usize,
    /// Characters that were said.
    pub n_chars: usize,
}

impl Errors {
    /// Errors of an answer.
    pub fn of(truth: &str, answer: &str) -> Errors {
        let (truth, answer) = (normal(truth), normal(answer));
        let mut row: Vec<usize> = (0..=answer.len()).collect();
        for (n_before, expected) in truth.iter().enumerate() {
            let mut diagonal = std::mem::replace(&mut row[0], n_before + 1);
            for (at, found) in answer.iter().enumerate() {
                let exchanged = diagonal + usize::from(expected != found);
                diagonal = row[at + 1];
                row[at + 1] = exchanged.min(diagonal + 1).min(row[at] + 1);
            }
        }
        Errors { n_errors: row[answer.len()], n_chars: truth.len() }
    }

    /// Errors of some clips together.
    pub fn sum(clips: impl IntoIterator<Item = Errors>) -> Errors {
        clips.into_iter().fold(Errors::default(), |sum, it| Errors {
            n_errors: sum.n_errors + it.n_errors,
            n_chars: sum.n_chars + it.n_chars,
        })
    }

    /// Errors for each character that was said.
    pub fn rate(self) -> f64 {
        self.n_errors as f64 / self.n_chars.max(1) as f64
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(truth: &str, answer: &str, n_errors: usize, n_chars: usize) {
        assert_eq!(Errors::of(truth, answer), Errors { n_errors, n_chars });
    }

    #[test]
    fn errors_are_counted_after_normalisation() {
        if cfg!(feature = "opencc") {
            check("請問里長的電話", "请问里长的电话", 0, 7);
        }
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
    fn rates_are_of_all_characters() {
        let sum = Errors::sum([Errors::of("甲乙", "甲"), Errors::of("甲乙丙丁", "甲乙丙丁")]);
        assert!((sum.rate() - 1.0 / 6.0).abs() < 1e-9);
        assert_eq!(Errors::default().rate(), 0.0);
    }
}
