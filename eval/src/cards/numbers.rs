//! Identity numbers of Taiwan, with right and (on request) wrong check digits.
//!
//! Written apart from the rules in `fenwen`, so that one mistake cannot hide in both.

use crate::cards::chance::Chance;
use crate::cards::people::Sex;

/// The letters in the order of their codes 10 to 35.
const LETTERS: &str = "ABCDEFGHJKLMNPQRSTUVXYWZIO";

/// Letters that are still issued.
const ISSUED: &str = "ABCDEFGHIJKMNOPQTUVWXZ";

/// A number and whether its check digit is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// As printed, without blanks.
    pub text: String,
    /// Whether the check digit holds.
    pub valid: bool,
}

/// 國民身分證統一編號: a letter, the sex (1, 2), seven digits and the check digit.
pub fn national_id(chance: &mut Chance, sex: Sex, valid: bool) -> Number {
    let second = if sex == Sex::Male { '1' } else { '2' };
    let body = format!("{}{second}{}", letter(chance, ISSUED), chance.digits(7));
    close(body, valid)
}

/// 新式統一證號: a letter, 8 or 9, a digit for the kind of person, six digits and the check digit.
pub fn resident_new(chance: &mut Chance, sex: Sex, valid: bool) -> Number {
    let second = if sex == Sex::Male { '8' } else { '9' };
    let kind = chance.pick(&['0', '0', '0', '7', '8', '9']);
    let body = format!("{}{second}{kind}{}", letter(chance, ISSUED), chance.digits(6));
    close(body, valid)
}

/// 舊式統一證號: two letters (the second A to D), seven digits and the check digit.
pub fn resident_old(chance: &mut Chance, sex: Sex, valid: bool) -> Number {
    let second = if sex == Sex::Male { letter(chance, "AC") } else { letter(chance, "BD") };
    let body = format!("{}{second}{}", letter(chance, ISSUED), chance.digits(7));
    close(body, valid)
}

/// The check digit of the first nine characters of a number; `None` for other characters.
pub fn check_digit(body: &str) -> Option<u32> {
    let mut sum = 0;
    for (idx, ch) in body.chars().enumerate() {
        let weight = if idx == 0 { 0 } else { 9 - u32::try_from(idx).ok()? };
        sum += match (idx, ch.to_digit(10)) {
            (0, None) => code(ch)? / 10 + code(ch)? % 10 * 9,
            (1, None) => code(ch)? % 10 * weight,
            (1.., Some(digit)) => digit * weight,
            _ => return None,
        };
    }
    Some((10 - sum % 10) % 10)
}

fn code(letter: char) -> Option<u32> {
    let position = LETTERS.chars().position(|it| it == letter)?;
    u32::try_from(position).ok().map(|it| it + 10)
}

fn letter(chance: &mut Chance, of: &str) -> char {
    let letters: Vec<char> = of.chars().collect();
    *chance.pick(&letters)
}

fn close(body: String, valid: bool) -> Number {
    let right = check_digit(&body).unwrap_or(0);
    let digit = if valid { right } else { (right + 3) % 10 };
    Number { text: format!("{body}{digit}"), valid }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Sex, check_digit, national_id, resident_new, resident_old};

    #[test]
    fn published_numbers_pass() {
        for number in ["A123456789", "A800000014", "AA00000009", "AC01234567", "A234567893"] {
            let expected = number.chars().last().and_then(|it| it.to_digit(10));
            assert_eq!(check_digit(&number[..9]), expected, "{number}");
        }
    }

    #[test]
    fn other_characters_have_no_check_digit() {
        for body in ["112345678", "A1234-678", "é12345678"] {
            assert_eq!(check_digit(body), None, "{body}");
        }
    }

    #[test]
    fn drawn_numbers_keep_their_promise() {
        let mut chance = Chance::new(9, 9);
        for round in 0..300 {
            let valid = round % 3 != 0;
            for make in [national_id, resident_new, resident_old] {
                let number = make(&mut chance, Sex::Female, valid);
                let last = number.text.chars().last().and_then(|it| it.to_digit(10));
                assert_eq!(check_digit(&number.text[..9]) == last, valid, "{}", number.text);
                assert_eq!(number.text.len(), 10);
            }
        }
    }
}
