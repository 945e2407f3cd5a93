//! What the documents of letters and of official documents share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::letters;
use crate::task::text::{self, TextField, TextPlace};

use super::id::VisibleId;
use super::meta::Purpose;

/// Why a text is read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CasePurpose {
    /// Code of the purpose: 1 to 64 of `a-z`, `0-9` and `-`.
    #[schema(example = "petition-handling", pattern = "^[a-z0-9-]{1,64}$")]
    pub code: String,
    /// The case, if there is one: at most 64 characters.
    #[schema(example = "MB1140012345")]
    pub case_no: Option<VisibleId>,
}

impl From<CasePurpose> for Purpose {
    fn from(purpose: CasePurpose) -> Purpose {
        Purpose { code: purpose.code, case_no: purpose.case_no }
    }
}

/// A label.
#[derive(Serialize, ToSchema)]
pub struct Label {
    /// As the model was trained with.
    #[schema(example = "RIS-02")]
    pub code: String,
    /// In words.
    #[schema(example = "戶籍登記")]
    pub name: String,
    /// Path of the unit; null when the label names no unit of today.
    #[schema(required = true, example = "301000000A/戶政司")]
    pub unit: Option<String>,
    /// Calibrated probability, 0 to 1.
    #[schema(example = 0.91)]
    pub score: f64,
}

impl From<text::Label> for Label {
    fn from(label: text::Label) -> Label {
        let text::Label { code, name, unit, score } = label;
        Label { code, name, unit, score: share(score) }
    }
}

/// A piece of a field of a letter as sent: Unicode code points, end exclusive.
#[derive(Serialize, ToSchema)]
pub struct Place {
    /// `subject` or `body`.
    #[schema(example = "body")]
    pub field: &'static str,
    /// First code point.
    #[schema(example = 7)]
    pub start: usize,
    /// One past the last.
    #[schema(example = 12)]
    pub end: usize,
}

impl Place {
    pub(super) fn new(place: TextPlace) -> Place {
        Place { field: place.field.as_str(), start: place.start, end: place.end }
    }
}

/// Which of the two hashes belongs to a field of a letter.
pub(super) fn hash_of(field: TextField, hashes: &[String; 2]) -> &str {
    let [subject, body] = hashes;
    if field == TextField::Subject { subject } else { body }
}

/// Another ministry.
#[derive(Serialize, ToSchema)]
pub struct Ministry {
    /// Its name.
    #[schema(example = "交通部")]
    pub name: String,
    /// Probability that the matter is not ours, 0 to 1.
    pub score: f64,
}

impl From<letters::Ministry> for Ministry {
    fn from(ministry: letters::Ministry) -> Ministry {
        Ministry { name: ministry.name, score: share(ministry.score) }
    }
}

/// A probability or weight, to four digits; JSON knows no NaN.
pub(super) fn share(value: f32) -> f64 {
    let value = f64::from(value);
    if value.is_finite() { (value * 1e4).round() / 1e4 } else { 0.0 }
}
