//! Predictions made earlier, and what officers say of them.

use crate::task::idcard::{DocumentType, FieldName, ModelInfo};

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
    pub const fn as_str(self) -> &'static str {
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

/// What an officer found who compared an ID image with what was read of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CardCheck {
    /// Kind of document.
    pub kind: DocumentType,
    /// Each field that was compared.
    pub fields: Vec<FieldCheck>,
    /// Id of who decided.
    pub decided_by: Option<String>,
    /// Role of who decided.
    pub role: Option<String>,
}

/// Whether a field was read right; without its value.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldCheck {
    /// Which.
    pub name: FieldName,
    /// Whether the officer found it so.
    pub is_right: bool,
    /// As it was answered, 0 to 1.
    pub confidence: f32,
}

/// A prediction as kept: labels and provenance, no text.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptPrediction {
    /// Identifies it.
    pub id: String,
    /// Of which service: `letters` or `documents`.
    pub service: String,
    /// In which mode the agency had it; none before there were modes.
    pub mode: Option<String>,
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

/// What officers' reviews say about the answers of one service, of the version that answers now.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceStatistics {
    /// `letters` or `documents`.
    pub service: &'static str,
    /// What answers.
    pub model: ModelInfo,
    /// Answers reviewed, of the newest that are looked at.
    pub n_reviewed: usize,
    /// Those whose first label was right.
    pub n_right: usize,
    /// The sure ones among them.
    pub promise: Promise,
    /// By first label.
    pub labels: Vec<LabelReview>,
}

/// Promised precision beside the measured one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promise {
    /// Promised when the classifier was trained; 0: nothing was.
    pub precision: f32,
    /// Sure answers reviewed.
    pub n: usize,
    /// Those that were right.
    pub n_right: usize,
    /// 95 % interval of their share.
    pub interval: [f64; 2],
    /// Fewer reviews say nothing.
    pub min_reviewed: usize,
}

impl Promise {
    /// Whether enough was reviewed to tell.
    pub fn is_tested(&self) -> bool {
        self.min_reviewed <= self.n
    }

    /// Whether the whole interval lies below the promise.
    pub fn is_broken(&self) -> bool {
        self.is_tested() && self.interval[1] < f64::from(self.precision)
    }
}

/// What is told of all answers.
#[derive(Clone, Debug, PartialEq)]
pub struct AllStatistics {
    /// Of services whose answers are labels.
    pub services: Vec<ServiceStatistics>,
    /// Of ID images, where this node reads them.
    pub cards: Option<CardStatistics>,
}

/// What officers found who compared ID images with what the model that answers now had read of them.
#[derive(Clone, Debug, PartialEq)]
pub struct CardStatistics {
    /// What reads.
    pub model: ModelInfo,
    /// Recognitions that were checked, of the newest that are looked at.
    pub n_checked: usize,
    /// By kind of document and field.
    pub fields: Vec<FieldReview>,
}

/// Checks of one field of one kind of document.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldReview {
    /// The kind, by its wire name.
    pub kind: String,
    /// The field, by its wire name.
    pub name: String,
    /// How often it was compared.
    pub n: usize,
    /// How often it was right; otherwise it was corrected.
    pub n_right: usize,
    /// 95 % interval of the share that was right.
    pub interval: [f64; 2],
    /// Mean confidence that was answered.
    pub confidence: f64,
}

/// Reviews of answers with one first label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelReview {
    /// The label.
    pub label: String,
    /// Answers reviewed.
    pub n: usize,
    /// Those that were right.
    pub n_right: usize,
}
