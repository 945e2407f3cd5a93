//! From printed characters to a typed value: one reader per kind of field.

mod address;
mod closed;
mod date;
mod name;
mod number;
mod phrase;
mod street;

use crate::media::Quad;
use crate::media::text::is_han;
use crate::pipeline::idcard::text::{Bounds, Span};
use crate::task::idcard::Check;

/// Chinese characters that may stand beside a listed word which lost its label.
const MAX_BESIDE_WORD: usize = 1;

/// What kind of value a field holds, and with it how it is read.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A Chinese name.
    NameZh,
    /// A name in Latin letters.
    NameEn,
    Sex,
    Date,
    /// An identity number of a national or a resident.
    Id,
    /// A number of this many digits.
    Digits(usize, usize),
    /// Letters and digits.
    Code(usize, usize),
    Address,
    /// A county, perhaps with a district, on one line.
    Place,
    /// One of a list.
    Listed(&'static [&'static str]),
    /// One of a list if it is, else the Chinese words printed.
    Preferred(&'static [&'static str]),
    /// The Chinese words printed, with a list that corrects them.
    Printed(&'static [&'static str]),
    /// Latin words, with a list of phrases that corrects them.
    Phrase(&'static [&'static str]),
}

/// A value read.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) value: String,
    /// As printed.
    pub(crate) raw: String,
    /// Lowest probability of its characters.
    pub(crate) p: f32,
    pub(crate) quad: Quad,
    pub(crate) checks: Vec<Check>,
    /// Whether a check digit proves the value and no other likely reading satisfies it.
    pub(crate) proven: bool,
    /// Whether a person must look whatever the probability.
    pub(crate) doubtful: bool,
    pub(crate) repair: Option<&'static str>,
}

impl Reading {
    /// A value that stands in one span as printed there.
    fn plain(span: Span<'_>, value: String) -> Reading {
        Reading {
            value,
            raw: span.printed(),
            p: span.p(),
            quad: span.quad(),
            checks: Vec::new(),
            proven: false,
            doubtful: false,
            repair: None,
        }
    }

    pub(crate) fn check(mut self, name: &'static str, ok: bool) -> Reading {
        self.checks.push(Check { name, ok });
        self
    }

    /// Whether no check refutes the value.
    pub(crate) fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    /// Appends a value that continues on another line.
    fn join(mut self, other: &Reading, between: &str) -> Reading {
        self.value = format!("{}{between}{}", self.value, other.value);
        self.raw = format!("{} {}", self.raw, other.raw);
        self.p = self.p.min(other.p);
        self.quad = Bounds::of(&self.quad).with(Bounds::of(&other.quad)).quad();
        self.doubtful |= other.doubtful;
        self
    }
}

impl Kind {
    /// The words that a listed value may be.
    pub(crate) fn list(self) -> &'static [&'static str] {
        match self {
            Kind::Listed(list) | Kind::Preferred(list) | Kind::Printed(list) => list,
            _ => &[],
        }
    }

    /// Whether a listed word stands in the span.
    pub(crate) fn holds(self, span: Span<'_>) -> bool {
        closed::find(span, self.list()).is_some()
    }

    /// Whether the span is a listed phrase, but for few letters.
    pub(crate) fn is_phrase(self, span: Span<'_>) -> bool {
        matches!(self, Kind::Phrase(list) if phrase::find(span, list).is_some())
    }

    /// Whether a listed word stands in the span, and little else.
    pub(crate) fn names(self, span: Span<'_>) -> bool {
        let n_han = span.cells().iter().filter(|cell| is_han(cell.ch())).count();
        let is_alone = |word: Reading| n_han <= word.value.chars().count() + MAX_BESIDE_WORD;
        closed::find(span, self.list()).is_some_and(|it| is_alone(it.1))
    }

    /// Reads a value from where it should stand: a span, and those that may continue it.
    pub(crate) fn read(self, spans: &[Span<'_>]) -> Option<Reading> {
        let first = *spans.first()?;
        match self {
            Kind::NameZh => name::chinese(spans),
            Kind::NameEn => name::latin(first),
            Kind::Sex => closed::sex(first),
            Kind::Date => date::read(first),
            Kind::Id => number::identity(first),
            Kind::Digits(min, max) => number::digits(first, min, max),
            Kind::Code(min, max) => number::code(first, min, max),
            Kind::Address => address::read(spans),
            Kind::Place => address::place(first),
            Kind::Listed(list) => closed::best(first, list),
            Kind::Preferred(list) => closed::preferred(first, list),
            Kind::Printed(list) => closed::printed(first, list),
            Kind::Phrase(list) => phrase::read(first, list),
        }
    }
}
