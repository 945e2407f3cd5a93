//! Documents, the answer to `POST /api/v1/documents/dispatch-suggestions`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::task::documents::{DispatchAnswer, DispatchDeadline, DispatchReason};
use crate::task::text::TextPlace;
use crate::wire::catalogue::Model;
use crate::wire::names;

use super::recognition::DISCLOSURE;
use super::text::{Ministry, share};

/// The answer.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is its own key on the wire")]
pub struct DispatchResponse {
    /// Identifies the prediction; feedback names it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub prediction_id: String,
    /// Your id.
    #[schema(required = true)]
    pub external_id: Option<String>,
    /// `pilot` or `live`; `shadow`: what was suggested is kept to be compared, and not answered.
    #[schema(example = "pilot")]
    pub mode: &'static str,
    /// Main unit first.
    pub units: Vec<Unit>,
    /// Best first; empty without officers in the request.
    pub officers: Vec<SuggestedOfficer>,
    /// Officers of the unit who cannot take it.
    pub excluded: Vec<Excluded>,
    /// The first unit is not likely enough for the promised precision.
    pub abstained: bool,
    /// How far the main unit may be used, by the rules of the unit; `suggest` when it is not sure, or when the
    /// reviewed answers have broken the promise.
    pub automation: names::Automation,
    /// Why.
    pub reasons: Vec<DispatchBecause>,
    /// By when.
    pub deadline: Deadline,
    /// Whether it is another ministry's (移文).
    pub out_of_remit: bool,
    /// The likely ministry; null when the document is ours.
    #[schema(required = true)]
    pub ministry: Option<Ministry>,
    /// What answered.
    pub model: Model,
    /// Version of the taxonomy.
    #[schema(example = "2023-09-20")]
    pub taxonomy_version: String,
    /// Always: a person decides.
    pub requires_human: bool,
    /// Always: the answer supports a decision and is none.
    pub decision_support: bool,
    /// To be shown with the result.
    pub disclosure: &'static str,
}

/// A suggested unit.
#[derive(Serialize, ToSchema)]
pub struct Unit {
    /// Path `301000000A/<司署>/<科>`.
    #[schema(example = "301000000A/戶政司/第二科")]
    pub unit: String,
    /// Its name.
    #[schema(example = "第二科")]
    pub name: String,
    /// Calibrated probability, 0 to 1; 1 by exact rule.
    pub score: f64,
    /// `main` or `co`.
    #[schema(example = "main")]
    pub role: &'static str,
}

/// A suggested officer.
#[derive(Serialize, ToSchema)]
pub struct SuggestedOfficer {
    /// Id.
    #[schema(example = "u-1023")]
    pub officer_id: String,
    /// By the documented rule, 0 to 1.
    pub score: f64,
    /// 前案, 職掌, 案量.
    pub basis: Vec<&'static str>,
}

/// An officer who cannot take it.
#[derive(Serialize, ToSchema)]
pub struct Excluded {
    /// Id.
    pub officer_id: String,
    /// 差假 or 迴避.
    pub why: &'static str,
}

/// Why a unit or officer is suggested.
#[derive(Serialize, ToSchema)]
pub struct DispatchBecause {
    /// `own_number`, `prior_case` or `term`.
    #[schema(example = "own_number")]
    pub kind: &'static str,
    /// The number, of `own_number` and `prior_case`.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    #[schema(example = "台內戶字第1140123456號")]
    pub reference: Option<String>,
    /// `subject`, `body` or `cited_numbers`, of `own_number` and `term`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// Which paragraph or number, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// First code point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<usize>,
    /// One past the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<usize>,
    /// What it added to the score, of `term`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

/// By when a document must be answered.
#[derive(Serialize, ToSchema)]
pub struct Deadline {
    /// The last day, ISO 8601.
    #[schema(example = "2026-11-27")]
    pub date: String,
    /// Working days allowed; null for a document with its own day.
    #[schema(required = true)]
    pub working_days: Option<u16>,
    /// Whether the loaded calendar lists every day that was counted; if not, a holiday may be missing.
    pub calendar_complete: bool,
    /// The rule in words.
    #[schema(example = "速件:3 個工作日")]
    pub rule: &'static str,
}

impl From<DispatchAnswer> for DispatchResponse {
    fn from(answer: DispatchAnswer) -> DispatchResponse {
        let units = answer.units.into_iter().map(|it| Unit {
            unit: it.unit,
            name: it.name,
            score: share(it.score),
            role: it.role.as_str(),
        });
        let officers = answer.officers.into_iter().map(|it| SuggestedOfficer {
            officer_id: it.id,
            score: share(it.score),
            basis: it.basis,
        });
        let excluded =
            answer.excluded.into_iter().map(|(officer_id, why)| Excluded { officer_id, why });
        DispatchResponse {
            prediction_id: answer.prediction_id,
            external_id: answer.external_id,
            mode: answer.mode.as_str(),
            units: units.collect(),
            officers: officers.collect(),
            excluded: excluded.collect(),
            abstained: answer.abstained,
            automation: names::Automation(answer.automation),
            reasons: answer.reasons.into_iter().map(DispatchBecause::from).collect(),
            deadline: answer.deadline.into(),
            out_of_remit: answer.out_of_remit,
            ministry: answer.ministry.map(Ministry::from),
            model: answer.model.into(),
            taxonomy_version: answer.taxonomy_version,
            requires_human: true,
            decision_support: true,
            disclosure: DISCLOSURE,
        }
    }
}

impl From<DispatchReason> for DispatchBecause {
    fn from(reason: DispatchReason) -> DispatchBecause {
        match reason {
            DispatchReason::OwnNumber { number, place } => {
                DispatchBecause { reference: Some(number), ..at("own_number", Some(place)) }
            }
            DispatchReason::PriorCase { reference } => {
                DispatchBecause { reference: Some(reference), ..at("prior_case", None) }
            }
            DispatchReason::Term { place, weight } => {
                DispatchBecause { weight: Some(share(weight)), ..at("term", Some(place)) }
            }
        }
    }
}

fn at(kind: &'static str, place: Option<TextPlace>) -> DispatchBecause {
    DispatchBecause {
        kind,
        reference: None,
        field: place.map(|it| it.field.as_str()),
        index: place.and_then(|it| it.field.index()),
        start: place.map(|it| it.start),
        end: place.map(|it| it.end),
        weight: None,
    }
}

impl From<DispatchDeadline> for Deadline {
    fn from(deadline: DispatchDeadline) -> Deadline {
        Deadline {
            date: deadline.date.to_string(),
            working_days: deadline.working_days,
            calendar_complete: deadline.calendar_complete,
            rule: deadline.rule,
        }
    }
}
