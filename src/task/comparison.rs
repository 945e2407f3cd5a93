//! How what a service answered compares with what officers decided.

use super::service::ServiceName;
use super::text::Mode;

/// Answers of an agency's service in one mode beside the last word on each.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Code of the agency.
    pub org: String,
    /// The service.
    pub service: ServiceName,
    /// The mode in which the answers were made.
    pub mode: Mode,
    /// Answers that are kept, decided or not.
    pub n_answered: u64,
    /// The decided ones, of the newest that are looked at; what was discarded says nothing.
    pub all: Agreed,
    /// By what was decided, the most frequent first.
    pub units: Vec<(String, Agreed)>,
    /// By the version that answered, the newest decision first.
    pub versions: Vec<(String, Agreed)>,
    /// The newest answers that differ from what was decided.
    pub differences: Vec<Difference>,
}

/// What a version would have answered to texts that officers have decided on, beside the version that answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// The version that is proposed.
    pub candidate: String,
    /// The version that answers.
    pub active: String,
    /// How often the proposed one says what was decided.
    pub of_candidate: Agreed,
    /// How often the active one does.
    pub of_active: Agreed,
    /// How often both say the same.
    pub alike: Agreed,
    /// By what was decided, the most frequent first: the proposed one and the active one.
    pub units: Vec<(String, Agreed, Agreed)>,
    /// The newest texts to which they say something else.
    pub differences: Vec<ReplayDifference>,
}

/// A text to which two versions say something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayDifference {
    /// The prediction.
    pub prediction: String,
    /// What the proposed version says first.
    pub candidate: String,
    /// What the active one says first.
    pub active: String,
    /// What was decided.
    pub decided: String,
}

/// How many of some decisions say what was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreed {
    /// Decisions.
    pub n: usize,
    /// Those that say what was answered first.
    pub n_equal: usize,
    /// 95 % interval of their share (Wilson).
    pub interval: [f64; 2],
}

/// An answer that differs from what was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The prediction.
    pub prediction: String,
    /// The label that was answered first, and its probability.
    pub given: (String, f32),
    /// What was decided.
    pub decided: String,
    /// Version of the model that answered.
    pub version: String,
    /// When it was decided: seconds since 1970-01-01T00:00:00Z.
    pub at: u64,
}
