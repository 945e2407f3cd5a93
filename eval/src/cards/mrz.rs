//! Machine-readable zones after ICAO 9303: TD1, TD2, TD3, MRV-A and MRV-B.

use crate::cards::date::Day;
use crate::cards::people::Sex;

/// What a machine-readable zone says.
#[derive(Clone, Debug)]
pub struct Zone {
    /// One or two letters: `P`, `V`, `I`, `AC`.
    pub kind: &'static str,
    /// Issuing state, three letters.
    pub issuer: &'static str,
    /// Nationality, three letters.
    pub nationality: &'static str,
    /// Family name, as printed.
    pub surname: String,
    /// Given names, as printed.
    pub given: String,
    /// Document number.
    pub number: String,
    /// Birth.
    pub birth: Day,
    /// Sex.
    pub sex: Sex,
    /// Last day of validity.
    pub expiry: Day,
    /// Optional data, such as the personal number.
    pub optional: String,
}

impl Zone {
    /// TD3: two lines of 44, passports.
    pub fn td3(&self) -> Vec<String> {
        let number = self.number_and_digit();
        let dates = self.dates_and_sex();
        let optional = fill(&self.optional, 14);
        let digit = if self.optional.is_empty() { '<' } else { check_digit(&optional) };
        let composite = format!("{number}{}{}{optional}{digit}", &dates[..7], &dates[8..]);
        let total = check_digit(&composite);
        vec![
            fill(&format!("{}{}", self.opening(), self.names()), 44),
            format!("{number}{}{dates}{optional}{digit}{total}", self.nationality),
        ]
    }

    /// TD2: two lines of 36, larger cards.
    pub fn td2(&self) -> Vec<String> {
        let number = self.number_and_digit();
        let dates = self.dates_and_sex();
        let optional = fill(&self.optional, 7);
        let composite = format!("{number}{}{}{optional}", &dates[..7], &dates[8..]);
        let total = check_digit(&composite);
        vec![
            fill(&format!("{}{}", self.opening(), self.names()), 36),
            format!("{number}{}{dates}{optional}{total}", self.nationality),
        ]
    }

    /// TD1: three lines of 30, cards.
    pub fn td1(&self) -> Vec<String> {
        let first =
            fill(&format!("{}{}{}", self.opening(), self.number_and_digit(), self.optional), 30);
        let dates = self.dates_and_sex();
        let composite = format!("{}{}{}{}", &first[5..], &dates[..7], &dates[8..], fill("", 11));
        let total = check_digit(&composite);
        let second = format!("{dates}{}{}{total}", self.nationality, fill("", 11));
        vec![first, second, fill(&self.names(), 30)]
    }

    /// MRV-A (44) or MRV-B (36): visas, which have no composite digit.
    pub fn visa(&self, length: usize) -> Vec<String> {
        let head =
            format!("{}{}{}", self.number_and_digit(), self.nationality, self.dates_and_sex());
        vec![
            fill(&format!("{}{}", self.opening(), self.names()), length),
            fill(&format!("{head}{}", self.optional), length),
        ]
    }

    fn opening(&self) -> String {
        format!("{}{}", fill(self.kind, 2), self.issuer)
    }

    fn names(&self) -> String {
        format!("{}<<{}", letters(&self.surname), letters(&self.given))
    }

    fn number_and_digit(&self) -> String {
        let number = fill(&self.number, 9);
        format!("{number}{}", check_digit(&number))
    }

    /// Birth with its digit, sex, expiry with its digit: 15 characters.
    fn dates_and_sex(&self) -> String {
        let (birth, expiry) = (self.birth.mrz(), self.expiry.mrz());
        let (birth_digit, expiry_digit) = (check_digit(&birth), check_digit(&expiry));
        format!("{birth}{birth_digit}{}{expiry}{expiry_digit}", self.sex.letter())
    }
}

/// Weights 7, 3, 1; digits count as themselves, letters from 10, fillers as 0.
fn check_digit(text: &str) -> char {
    let value = |ch: char| ch.to_digit(36).unwrap_or(0);
    let sum: u32 =
        text.chars().zip([7, 3, 1].into_iter().cycle()).map(|(ch, w)| value(ch) * w).sum();
    char::from_digit(sum % 10, 10).unwrap_or('0')
}

/// Everything but letters becomes one filler.
fn letters(name: &str) -> String {
    let words: Vec<&str> =
        name.split(|ch: char| !ch.is_ascii_alphabetic()).filter(|it| !it.is_empty()).collect();
    words.join("<")
}

fn fill(text: &str, length: usize) -> String {
    text.chars().chain(std::iter::repeat('<')).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::{Day, Sex, Zone};

    /// The specimen of ICAO 9303 parts 4 to 7.
    fn specimen(kind: &'static str, optional: &str) -> Zone {
        Zone {
            kind,
            issuer: "UTO",
            nationality: "UTO",
            surname: "ERIKSSON".into(),
            given: "ANNA MARIA".into(),
            number: if kind == "P" { "L898902C3" } else { "D23145890" }.into(),
            birth: Day { year: 1974, month: 8, day: 12 },
            sex: Sex::Female,
            expiry: Day { year: 2012, month: 4, day: 15 },
            optional: optional.into(),
        }
    }

    fn check(lines: &[String], expected: &[&str]) {
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_standards_specimens_come_out() {
        check(
            &specimen("P", "ZE184226B").td3(),
            &[
                "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
                "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
            ],
        );
        check(
            &specimen("I", "").td1(),
            &[
                "I<UTOD231458907<<<<<<<<<<<<<<<",
                "7408122F1204159UTO<<<<<<<<<<<6",
                "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
            ],
        );
        check(
            &specimen("I", "").td2(),
            &["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"],
        );
        let visa = Zone { number: "L8988901C".into(), ..specimen("V", "6ZE184226B") };
        check(
            &visa.visa(44),
            &[
                "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
                "L8988901C4UTO7408122F12041596ZE184226B<<<<<<",
            ],
        );
    }

    #[test]
    fn without_optional_data_td3_has_a_filler_for_its_digit() {
        let lines = specimen("P", "").td3();
        assert_eq!(lines[1].len(), 44);
        assert!(
            lines[1].starts_with("L898902C36UTO7408122F1204159<<<<<<<<<<<<<<<"),
            "{}",
            lines[1]
        );
    }
}
