//! Official documents: what a dispatch takes and what it suggests.

use crate::base::{Date, Private};
use crate::media::exchange::Priority;
use crate::task::idcard::ModelInfo;

use super::letters::Ministry;
use super::text::{Automation, Label, Mode, TextPlace};

/// Code points of a subject.
pub const MAX_SUBJECT: usize = 1_000;
/// Code points of all paragraphs together.
pub const MAX_BODY: usize = 200_000;
/// Paragraphs, cited numbers, officers, prior cases and attachments, each.
pub const MAX_ENTRIES: usize = 1_000;

/// A document of ordinary secrecy, within its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchDocument {
    /// The caller's own id, or its number.
    pub external_id: Option<String>,
    /// 速別.
    pub priority: Priority,
    /// 主旨.
    pub subject: Private<String>,
    /// Paragraphs.
    pub body: Vec<Private<String>>,
    /// Numbers that it cites, as listed by the caller.
    pub cited_numbers: Vec<String>,
    /// Day of receipt in Taiwan; none: today.
    pub received: Option<Date>,
    /// The day that it states for itself.
    pub due: Option<Date>,
}

/// An officer, as the caller's system knows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerState {
    /// Id, never a name.
    pub id: String,
    /// Path of the unit.
    pub unit: String,
    /// Words of the duties.
    pub duties: Vec<String>,
    /// Cases not yet closed.
    pub n_open: u32,
    /// Away.
    pub on_leave: bool,
    /// Must not handle this matter.
    pub conflict: bool,
}

/// How an earlier case is tied to this one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CaseTie {
    /// The document cites its number.
    CitedNumber,
    /// From the same applicant.
    SameApplicant,
    /// Its text is like this one, 0 to 1.
    Similar(f32),
}

/// An earlier case.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierCase {
    /// Its number.
    pub reference: String,
    /// Who handled it.
    pub officer: String,
    /// How it is tied to this one.
    pub tie: CaseTie,
}

/// What is asked about a document.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchOrder {
    /// The document.
    pub document: DispatchDocument,
    /// Units and officers wanted, each; none: as configured.
    pub top_k: Option<usize>,
    /// Whether officers are wanted.
    pub with_officers: bool,
    /// Officers to choose from.
    pub officers: Vec<OfficerState>,
    /// Earlier cases, newest first.
    pub earlier: Vec<EarlierCase>,
}

/// Main or co-handling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// 主辦.
    Main,
    /// 會辦.
    Co,
}

impl Role {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Main => "main",
            Role::Co => "co",
        }
    }
}

/// A suggested unit.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitSuggestion {
    /// Path, or the model's own label where the taxonomy knows no such unit.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// Calibrated probability; 1 by exact rule.
    pub score: f32,
    /// Main or co-handling.
    pub role: Role,
}

/// A suggested officer.
#[derive(Clone, Debug, PartialEq)]
pub struct OfficerSuggestion {
    /// Id.
    pub id: String,
    /// By the rule of `pipeline::documents::officer`, 0 to 1.
    pub score: f32,
    /// 前案, 職掌, 案量.
    pub basis: Vec<&'static str>,
}

/// Why a unit or an officer is suggested.
#[derive(Clone, Debug, PartialEq)]
pub enum DispatchReason {
    /// It answers a number of ours.
    OwnNumber {
        /// The number, as printed.
        number: String,
        /// Where it is cited.
        place: TextPlace,
    },
    /// An officer handled a tied case.
    PriorCase {
        /// Its number.
        reference: String,
    },
    /// Words that drove the first unit.
    Term {
        /// Where.
        place: TextPlace,
        /// What they added to the score.
        weight: f32,
    },
}

/// By when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DispatchDeadline {
    /// The last day.
    pub date: Date,
    /// Working days allowed; none for a document with its own day.
    pub working_days: Option<u16>,
    /// Whether the loaded calendar lists every day that was counted.
    pub calendar_complete: bool,
    /// The rule in words.
    pub rule: &'static str,
}

/// What a document gave.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchAnswer {
    /// Identifies the prediction.
    pub prediction_id: String,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// Main unit first.
    pub units: Vec<UnitSuggestion>,
    /// The labels behind the units, for the record.
    pub labels: Vec<Label>,
    /// Best first.
    pub officers: Vec<OfficerSuggestion>,
    /// Officers of the unit who cannot take it, and why.
    pub excluded: Vec<(String, &'static str)>,
    /// The first unit is not likely enough.
    pub abstained: bool,
    /// How far the main unit may be used.
    pub automation: Automation,
    /// Why.
    pub reasons: Vec<DispatchReason>,
    /// By when.
    pub deadline: DispatchDeadline,
    /// Whether it is another ministry's.
    pub out_of_remit: bool,
    /// The most likely other ministry; none without a model or a rule that says so.
    pub ministry: Option<Ministry>,
    /// What answered.
    pub model: ModelInfo,
    /// Version of the taxonomy.
    pub taxonomy_version: String,
    /// How far answers are used.
    pub mode: Mode,
}
