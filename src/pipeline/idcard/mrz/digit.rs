//! The check digit of ICAO 9303.

/// The check digit over `chars`: weights 7, 3, 1; letters count from 10, fillers 0.
pub(crate) fn check_digit(chars: impl IntoIterator<Item = char>) -> char {
    let sum: u32 = chars
        .into_iter()
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(ch, weight)| value(ch) * weight)
        .sum();
    char::from_digit(sum % 10, 10).unwrap_or('0')
}

/// Whether `digit` is the check digit over `chars`; a filler stands for the digit of an empty field.
pub(crate) fn holds(chars: &[char], digit: char) -> bool {
    let expected = check_digit(chars.iter().copied());
    digit == expected || (digit == '<' && chars.iter().all(|ch| *ch == '<'))
}

fn value(ch: char) -> u32 {
    ch.to_digit(36).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: char) {
        assert_eq!(check_digit(text.chars()), expected, "{text}");
    }

    #[test]
    fn published_vectors() {
        check("L898902C3", '6');
        check("740812", '2');
        check("120415", '9');
        check("ZE184226B<<<<<", '1');
        check("D23145890", '7');
        check("<<<<<<", '0');
    }

    #[test]
    fn an_empty_field_may_carry_a_filler() {
        assert!(holds(&['<'; 14], '<'));
        assert!(holds(&['<'; 14], '0'));
        assert!(!holds(&['1', '<'], '<'));
    }
}
