//! Units of an agency through time, and what another version of them would change.

use crate::base::Date;

/// The units that answers are given for, and the versions that were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxonomyState {
    /// Code of the agency, the head of every path.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// The version that holds.
    pub version: String,
    /// Today, in Taiwan.
    pub today: Date,
    /// Every unit, also those that are gone, by path.
    pub units: Vec<TaxonomyUnit>,
    /// What became of units, the oldest first.
    pub changes: Vec<TaxonomyChange>,
    /// Versions that were added, by the day from which they hold.
    pub versions: Vec<TaxonomyVersion>,
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxonomyUnit {
    /// `301000000A/戶政司`.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// Other names under which labels may call it.
    pub aliases: Vec<String>,
    /// First day; none when it was there before the records.
    pub from: Option<Date>,
    /// First day on which it is no more.
    pub to: Option<Date>,
    /// What it is for.
    pub scope: String,
}

/// What became of units on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxonomyChange {
    /// The day.
    pub on: Date,
    /// The units before.
    pub from: Vec<String>,
    /// Those after; the first one carries most of the duties.
    pub to: Vec<String>,
    /// The ministry that the duties went to instead.
    pub ministry: Option<String>,
}

/// A version that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxonomyVersion {
    /// Its name.
    pub version: String,
    /// From when it holds.
    pub valid_from: Date,
    /// When it was added: seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// Whether it is the one that holds.
    pub is_current: bool,
}

/// What another version would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaxonomyComparison {
    /// Its name.
    pub version: String,
    /// Paths that only it has.
    pub added: Vec<String>,
    /// Paths that it lacks.
    pub removed: Vec<String>,
    /// Paths of units that differ, and in what: `aliases`, `from`, `to`, `scope`.
    pub changed: Vec<(String, Vec<&'static str>)>,
    /// Units that are the same.
    pub n_equal: usize,
    /// Labels of active classifiers that would mean something else.
    pub labels: Vec<LabelMove>,
}

/// A label that would mean something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMove {
    /// Service of the classifier.
    pub service: &'static str,
    /// The label.
    pub label: String,
    /// The unit that it means now; none when it means none.
    pub before: Option<String>,
    /// The unit that it would mean.
    pub after: Option<String>,
}
