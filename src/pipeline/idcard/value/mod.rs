//! From printed characters to a typed value: one reader per kind of field.

mod address;
mod closed;
mod date;
mod name;
mod number;

use crate::media::Quad;
use crate::pipeline::idcard::text::{Bounds, Span};
use crate::task::idcard::Check;

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
    /// One of a list if it is, else what is printed.
    Preferred(&'static [&'static str]),
    /// Latin words.
    LatinWords,
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
            Kind::Place => address::read(&[first]),
            Kind::Listed(list) => closed::best(first, list),
            Kind::Preferred(list) => closed::best(first, list).or_else(|| closed::words(first)),
            Kind::LatinWords => closed::latin_words(first),
        }
    }
}
