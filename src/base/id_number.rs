//! 統一編號 and 統一證號: three shapes of one checksum.

/// Weights of the ten characters; the leading letter brings its tens digit on top.
const WEIGHTS: [u32; 10] = [9, 8, 7, 6, 5, 4, 3, 2, 1, 1];

/// Sex as an identity number or a document states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

impl Sex {
    /// `M` or `F`.
    pub fn as_str(self) -> &'static str {
        match self {
            Sex::Male => "M",
            Sex::Female => "F",
        }
    }
}

/// A string of the right shape for an identity number; the checksum may or may not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdNumber {
    /// 國民身分證統一編號: a letter, then 1 or 2.
    National(Sex),
    /// 新式統一證號: a letter, then 8 or 9.
    Resident(Sex),
    /// 舊式統一證號: two letters, the second A to D.
    LegacyResident(Sex),
}

impl IdNumber {
    /// Length of all three shapes.
    pub const LEN: usize = 10;

    /// The shape of `text`, if it has one.
    pub fn shape(text: &str) -> Option<IdNumber> {
        let bytes: [u8; IdNumber::LEN] = text.as_bytes().try_into().ok()?;
        let [first, second, rest @ ..] = bytes;
        if !first.is_ascii_uppercase() || !rest.iter().all(u8::is_ascii_digit) {
            return None;
        }
        match second {
            b'1' => Some(IdNumber::National(Sex::Male)),
            b'2' => Some(IdNumber::National(Sex::Female)),
            b'8' => Some(IdNumber::Resident(Sex::Male)),
            b'9' => Some(IdNumber::Resident(Sex::Female)),
            b'A' | b'C' => Some(IdNumber::LegacyResident(Sex::Male)),
            b'B' | b'D' => Some(IdNumber::LegacyResident(Sex::Female)),
            _ => None,
        }
    }

    /// The sex that the second character states.
    pub fn sex(self) -> Sex {
        match self {
            IdNumber::National(sex) | IdNumber::Resident(sex) | IdNumber::LegacyResident(sex) => {
                sex
            }
        }
    }

    /// Whether `text` has the shape of an identity number and its check digit holds.
    pub fn checksum_holds(text: &str) -> bool {
        IdNumber::shape(text).is_some() && weighted_sum(text).is_some_and(|sum| sum % 10 == 0)
    }
}

fn weighted_sum(text: &str) -> Option<u32> {
    let mut sum = text.chars().next().and_then(letter_code)? / 10;
    for (ch, weight) in text.chars().zip(WEIGHTS) {
        let units = ch.to_digit(10).or_else(|| letter_code(ch).map(|code| code % 10))?;
        sum += units * weight;
    }
    Some(sum)
}

/// The two-digit number of a letter, A10 to Z33; not in alphabetical order.
fn letter_code(ch: char) -> Option<u32> {
    let position = "ABCDEFGHJKLMNPQRSTUVXYWZIO".find(ch)?;
    u32::try_from(position + 10).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: bool) {
        assert_eq!(IdNumber::checksum_holds(text), expected, "{text}");
    }

    #[test]
    fn published_vectors() {
        check("A123456789", true);
        check("A234567893", true);
        check("A800000014", true);
        check("AA00000009", true);
        check("AC01234567", true);
        check("A234567890", false);
        check("A123456788", false);
        check("A323456789", false);
        check("a123456789", false);
        check("A12345678", false);
        check("", false);
        check("A12345678９", false);
    }

    #[test]
    fn letters_out_of_order() {
        let codes: Vec<Option<u32>> = "AHIJNOPVWXYZ".chars().map(letter_code).collect();
        let expected = [10, 17, 34, 18, 22, 35, 23, 29, 32, 30, 31, 33].map(Some);
        assert_eq!(codes, expected);
    }

    #[test]
    fn the_second_character_tells_the_sex() {
        for (text, sex) in [("A123456789", "M"), ("A234567893", "F"), ("AC01234567", "M")] {
            assert_eq!(IdNumber::shape(text).unwrap().sex().as_str(), sex, "{text}");
        }
    }

    proptest! {
        #[test]
        fn exactly_one_check_digit_fits(head in "[A-Z]([1289]|[A-D])", tail in 0_u32..10_000_000) {
            let fitting = (0..10).filter(|digit| {
                IdNumber::checksum_holds(&format!("{head}{tail:07}{digit}"))
            });
            prop_assert_eq!(fitting.count(), 1);
        }

        #[test]
        fn any_text_is_fine(text in "\\PC{0,12}") {
            IdNumber::checksum_holds(&text);
        }
    }
}
