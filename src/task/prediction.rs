//! Predictions made earlier, and what officers say of them.

use crate::task::idcard::ModelInfo;

/// What an officer decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first label is right.
    Accepted,
    /// Another label is.
    Corrected,
    /// None is: spam, a duplicate, no case at all.
    Discarded,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 3] = [Verdict::Accepted, Verdict::Corrected, Verdict::Discarded];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Corrected => "corrected",
            Verdict::Discarded => "discarded",
        }
    }
}

/// Feedback on a prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// What was decided.
    pub verdict: Verdict,
    /// The right label; needed for a correction.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Id of who decided.
    pub decided_by: Option<String>,
    /// Role of who decided.
    pub role: Option<String>,
}

/// A prediction as kept: labels and provenance, no text.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptPrediction {
    /// Identifies it.
    pub id: String,
    /// Of which service: `letters` or `documents`.
    pub service: String,
    /// What answered.
    pub model: ModelInfo,
    /// Version of the taxonomy.
    pub taxonomy_version: String,
    /// Labels with their scores, most likely first.
    pub labels: Vec<(String, f32)>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// When it is erased.
    pub expires: u64,
    /// Feedback so far, oldest first: verdict, label, seconds since 1970-01-01T00:00:00Z.
    pub feedback: Vec<(String, Option<String>, u64)>,
}
