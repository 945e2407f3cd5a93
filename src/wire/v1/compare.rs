//! Comparison of a value read with the value a caller expects.

use unicode_normalization::UnicodeNormalization;

/// Whether `value` is what the caller expects; a `*` in `expected` stands for any one character.
///
/// Both are compared in compatibility form (NFKC), without blanks, regardless of case.
pub fn matches(expected: &str, value: &str) -> bool {
    let mut expected = comparable(expected);
    let mut value = comparable(value);
    loop {
        match (expected.next(), value.next()) {
            (None, None) => return true,
            (Some('*'), Some(_)) => (),
            (Some(wanted), Some(found)) if wanted == found => (),
            _ => return false,
        }
    }
}

fn comparable(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().filter(|ch| !ch.is_whitespace()).flat_map(char::to_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, value: &str, is_match: bool) {
        assert_eq!(matches(expected, value), is_match, "{expected} {value}");
    }

    #[test]
    fn form_does_not_matter_and_content_does() {
        check("A123456789", "A123456789", true);
        check("a123 456 789", "A123456789", true);
        check("A123456789", "A123456789", true);
        check("A12*****89", "A123456789", true);
        check("A12*****89", "A123456789", true);
        check("A12****89", "A123456789", false);
        check("A123456780", "A123456789", false);
        check("王 小明", "王小明", true);
        check("王小明", "王小名", false);
        check("", "A1", false);
        check("*", "", false);
    }
}
