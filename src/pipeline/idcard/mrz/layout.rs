//! Where ICAO 9303 puts what, format by format.

use std::ops::Range;

use crate::task::idcard::MrzFormat;

/// Columns of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) line: usize,
    pub(crate) columns: Range<usize>,
}

/// A value and the column of its check digit, on the same line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) value: Slot,
    pub(crate) digit: usize,
}

/// What a column may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// A letter.
    Letter,
    /// A letter or a filler.
    Name,
    /// A digit.
    Digit,
    /// A digit or a filler.
    Optional,
    /// Anything of the alphabet.
    Any,
    /// `M`, `F`, `X` or a filler.
    Sex,
}

/// One format.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) format: MrzFormat,
    pub(crate) n_lines: usize,
    pub(crate) line_len: usize,
    /// Document codes begin with one of these.
    pub(crate) codes: &'static str,
    pub(crate) names: Slot,
    pub(crate) number: Checked,
    pub(crate) birth: Checked,
    pub(crate) sex: (usize, usize),
    pub(crate) expiry: Checked,
    pub(crate) nationality: Slot,
    /// Optional data without a check digit of their own.
    pub(crate) free: Vec<Slot>,
    /// Personal number of a passport.
    pub(crate) personal: Option<Checked>,
    /// Parts of the composite and where its digit stands.
    pub(crate) composite: Option<(Vec<Slot>, (usize, usize))>,
}

fn slot(line: usize, columns: Range<usize>) -> Slot {
    Slot { line, columns }
}

fn checked(line: usize, columns: Range<usize>) -> Checked {
    let digit = columns.end;
    Checked { value: Slot { line, columns }, digit }
}

impl Layout {
    /// All formats.
    pub(crate) fn all() -> [Layout; 5] {
        let composite =
            |end| Some((vec![slot(1, 0..10), slot(1, 13..20), slot(1, 21..end)], (1, end)));
        let td3 = Layout {
            personal: Some(checked(1, 28..42)),
            composite: composite(43),
            ..Layout::two_lines(MrzFormat::Td3, 44, "P", vec![])
        };
        let td2 = Layout {
            composite: composite(35),
            ..Layout::two_lines(MrzFormat::Td2, 36, "ACI", vec![slot(1, 28..35)])
        };
        let mrv_a = Layout::two_lines(MrzFormat::MrvA, 44, "V", vec![slot(1, 28..44)]);
        let mrv_b = Layout::two_lines(MrzFormat::MrvB, 36, "V", vec![slot(1, 28..36)]);
        [Layout::td1(), td2, td3, mrv_a, mrv_b]
    }

    fn td1() -> Layout {
        let parts = vec![slot(0, 5..30), slot(1, 0..7), slot(1, 8..15), slot(1, 18..29)];
        Layout {
            format: MrzFormat::Td1,
            n_lines: 3,
            line_len: 30,
            codes: "ACI",
            names: slot(2, 0..30),
            number: checked(0, 5..14),
            birth: checked(1, 0..6),
            sex: (1, 7),
            expiry: checked(1, 8..14),
            nationality: slot(1, 15..18),
            free: vec![slot(0, 15..30), slot(1, 18..29)],
            personal: None,
            composite: Some((parts, (1, 29))),
        }
    }

    fn two_lines(
        format: MrzFormat,
        line_len: usize,
        codes: &'static str,
        free: Vec<Slot>,
    ) -> Layout {
        Layout {
            format,
            n_lines: 2,
            line_len,
            codes,
            names: slot(0, 5..line_len),
            number: checked(1, 0..9),
            birth: checked(1, 13..19),
            sex: (1, 20),
            expiry: checked(1, 21..27),
            nationality: slot(1, 10..13),
            free,
            personal: None,
            composite: None,
        }
    }

    /// What column `column` of line `line` may hold.
    pub(crate) fn class(&self, line: usize, column: usize) -> Class {
        let within = |slot: &Slot| slot.line == line && slot.columns.contains(&column);
        let digit_of = |it: &Checked| it.value.line == line && it.digit == column;
        if line == 0 && column < 5 {
            return if column == 0 { Class::Letter } else { Class::Name };
        }
        if within(&self.names) || within(&self.nationality) {
            return Class::Name;
        }
        if within(&self.birth.value)
            || self.personal.as_ref().is_some_and(digit_of)
            || digit_of(&self.number)
        {
            return Class::Optional;
        }
        if within(&self.expiry.value) {
            return Class::Optional;
        }
        if self.sex == (line, column) {
            return Class::Sex;
        }
        let composite = self.composite.as_ref().is_some_and(|(_, at)| *at == (line, column));
        if digit_of(&self.birth) || digit_of(&self.expiry) || composite {
            return Class::Digit;
        }
        Class::Any
    }

    /// Values with a check digit of their own, each on one line.
    pub(crate) fn checked(&self) -> Vec<&Checked> {
        let mut all = vec![&self.number, &self.birth, &self.expiry];
        all.extend(self.personal.as_ref());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_a_passport_has_its_class() {
        let layouts = Layout::all();
        let td3 = layouts.iter().find(|it| it.format == MrzFormat::Td3).unwrap();
        let classes = |columns: Range<usize>| -> Vec<Class> {
            columns.map(|column| td3.class(1, column)).collect()
        };
        assert_eq!(classes(0..3), [Class::Any; 3]);
        assert_eq!(classes(9..11), [Class::Optional, Class::Name]);
        assert_eq!(classes(19..22), [Class::Digit, Class::Sex, Class::Optional]);
        assert_eq!(classes(42..44), [Class::Optional, Class::Digit]);
    }

    #[test]
    fn nothing_lies_outside_its_line() {
        for layout in Layout::all() {
            for it in layout.checked() {
                assert!(it.digit < layout.line_len && it.value.line < layout.n_lines);
            }
            for slot in layout.free.iter().chain([&layout.names, &layout.nationality]) {
                assert!(slot.columns.end <= layout.line_len && slot.line < layout.n_lines);
            }
        }
    }
}
