//! Calendar days, in every way the documents print them.

use crate::cards::chance::Chance;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The day on which all documents of the generator are looked at; dates of issue lie before it.
pub const TODAY: Day = Day { year: 2026, month: 6, day: 30 };

/// A calendar day of the common era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Year of the common era.
    pub year: u32,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
}

impl Day {
    /// A day in `first..=last` (years); never a 29 February or a 31st, so that adding years stays valid.
    pub fn draw(chance: &mut Chance, first: u32, last: u32) -> Self {
        let (year, month) = (chance.between(first, last), chance.between(1, 12));
        let longest = if month == 2 { 28 } else { 30 };
        Self { year, month, day: chance.between(1, longest) }
    }

    /// The same day `years` later.
    pub fn plus_years(self, years: u32) -> Self {
        Self { year: self.year + years, ..self }
    }

    /// Year of the Republic.
    pub fn roc_year(self) -> u32 {
        self.year - 1911
    }

    /// `1990-06-05`.
    pub fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `1990/06/05`.
    pub fn slashes(self) -> String {
        format!("{:04}/{:02}/{:02}", self.year, self.month, self.day)
    }

    /// `79/06/05`.
    pub fn roc_slashes(self) -> String {
        format!("{}/{:02}/{:02}", self.roc_year(), self.month, self.day)
    }

    /// `079.06.05` with any separator.
    pub fn roc_padded(self, separator: &str) -> String {
        format!("{:03}{separator}{:02}{separator}{:02}", self.roc_year(), self.month, self.day)
    }

    /// `民國 79 年 6 月 5 日` with the blank given between its parts.
    pub fn roc_words(self, blank: &str) -> String {
        let (year, month, day) = (self.roc_year(), self.month, self.day);
        format!("民國{blank}{year}{blank}年{blank}{month}{blank}月{blank}{day}{blank}日")
    }

    /// `05 JUN 1990`.
    pub fn english(self) -> String {
        let month = MONTHS.get(self.month as usize - 1).copied().unwrap_or_default();
        format!("{:02} {month} {:04}", self.day, self.year)
    }

    /// `900605`, as machine-readable zones have it.
    pub fn mrz(self) -> String {
        format!("{:02}{:02}{:02}", self.year % 100, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Day};

    #[test]
    fn one_day_prints_in_every_style() {
        let day = Day { year: 1990, month: 6, day: 5 };
        let printed = [
            day.iso(),
            day.slashes(),
            day.roc_slashes(),
            day.roc_padded("."),
            day.roc_words(" "),
            day.english(),
            day.mrz(),
        ];
        let expected = [
            "1990-06-05",
            "1990/06/05",
            "79/06/05",
            "079.06.05",
            "民國 79 年 6 月 5 日",
            "05 JUN 1990",
            "900605",
        ];
        assert_eq!(printed, expected);
    }

    #[test]
    fn drawn_days_exist() {
        let mut chance = Chance::new(5, 0);
        for _ in 0..2000 {
            let day = Day::draw(&mut chance, 1940, 2020);
            assert!((1..=12).contains(&day.month) && day.day >= 1);
            assert!(day.day <= if day.month == 2 { 28 } else { 30 });
        }
    }
}
