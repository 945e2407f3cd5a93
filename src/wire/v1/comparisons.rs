//! How what services answered compares with what officers decided, the answer to `GET /api/v1/statistics/comparisons`.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::rfc3339;
use crate::task::comparison::{self, Agreed, Comparison, Replay};

use super::text::share;

/// One entry for each agency, service and mode that has answers.
#[derive(Serialize, ToSchema)]
pub struct ComparisonResponse {
    /// By service, agency and mode.
    pub items: Vec<ModeComparison>,
}

/// Answers of an agency's service in one mode beside the last word on each.
#[derive(Serialize, ToSchema)]
pub struct ModeComparison {
    /// Code of the agency.
    #[schema(example = "301000000A")]
    pub org: String,
    /// `letters`, `documents` or `qa`.
    #[schema(example = "letters")]
    pub service: &'static str,
    /// The mode in which the answers were made; those of `shadow` were shown to nobody before they were decided.
    #[schema(example = "shadow")]
    pub mode: &'static str,
    /// Answers that are kept.
    #[schema(example = 412)]
    pub answered: u64,
    /// Those of the newest decisions that say what was answered.
    pub agreement: AgreedShare,
    /// By what was decided, the most frequent first.
    pub units: Vec<NamedShare>,
    /// By version of the model, the newest decision first.
    pub versions: Vec<NamedShare>,
    /// The newest answers that differ from what was decided; at most 50.
    pub differences: Vec<DifferenceResponse>,
}

/// How many decisions say what was answered.
#[derive(Serialize, ToSchema)]
pub struct AgreedShare {
    /// Decisions; cases that were discarded are not counted.
    #[schema(example = 200)]
    pub decided: usize,
    /// Those that say what was answered first.
    #[schema(example = 171)]
    pub equal: usize,
    /// Their share; null before the first decision.
    #[schema(required = true, example = 0.855)]
    pub share: Option<f64>,
    /// 95 % interval of it (Wilson), low and high.
    pub interval: [f64; 2],
}

/// The same of a part.
#[derive(Serialize, ToSchema)]
pub struct NamedShare {
    /// The unit or label that was decided, or the version.
    #[schema(example = "301000000A/戶政司")]
    pub name: String,
    /// How many agree.
    #[serde(flatten)]
    pub agreement: AgreedShare,
}

/// An answer that differs from what was decided.
#[derive(Serialize, ToSchema)]
pub struct DifferenceResponse {
    /// The prediction, as `GET /api/v1/predictions/{id}` has it for whoever may see it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub prediction_id: String,
    /// The label that was answered first.
    pub given: String,
    /// Its probability.
    pub score: f64,
    /// What was decided.
    pub decided: String,
    /// Version of the model.
    #[schema(example = "3")]
    pub version: String,
    /// When it was decided.
    #[schema(example = "2026-11-27T01:02:03Z")]
    pub decided_at: String,
}

impl From<Vec<Comparison>> for ComparisonResponse {
    fn from(found: Vec<Comparison>) -> ComparisonResponse {
        ComparisonResponse { items: found.into_iter().map(ModeComparison::from).collect() }
    }
}

impl From<Comparison> for ModeComparison {
    fn from(it: Comparison) -> ModeComparison {
        let named = |it: Vec<(String, Agreed)>| -> Vec<NamedShare> {
            let one = |(name, it): (String, Agreed)| NamedShare { name, agreement: it.into() };
            it.into_iter().map(one).collect()
        };
        ModeComparison {
            org: it.org,
            service: it.service.as_str(),
            mode: it.mode.as_str(),
            answered: it.n_answered,
            agreement: it.all.into(),
            units: named(it.units),
            versions: named(it.versions),
            differences: it.differences.into_iter().map(DifferenceResponse::from).collect(),
        }
    }
}

impl From<Agreed> for AgreedShare {
    fn from(it: Agreed) -> AgreedShare {
        AgreedShare {
            decided: it.n,
            equal: it.n_equal,
            share: (0 < it.n).then(|| round(it.n_equal as f64 / it.n as f64)),
            interval: it.interval.map(round),
        }
    }
}

impl From<comparison::Difference> for DifferenceResponse {
    fn from(it: comparison::Difference) -> DifferenceResponse {
        DifferenceResponse {
            prediction_id: it.prediction,
            given: it.given.0,
            score: share(it.given.1),
            decided: it.decided,
            version: it.version,
            decided_at: rfc3339(Duration::from_secs(it.at)),
        }
    }
}

/// A version that is proposed beside the one that answers: what both say to texts that officers have decided on.
#[derive(Serialize, ToSchema)]
pub struct ReplayResponse {
    /// The model.
    #[schema(example = "letters")]
    pub model: String,
    /// The version that is proposed.
    #[schema(example = "4")]
    pub candidate_version: String,
    /// The version that answers.
    #[schema(example = "3")]
    pub active_version: String,
    /// How often the proposed one says what was decided.
    pub candidate: AgreedShare,
    /// How often the active one does.
    pub active: AgreedShare,
    /// How often both say the same.
    pub alike: AgreedShare,
    /// By what was decided, the most frequent first.
    pub units: Vec<ReplayUnit>,
    /// The newest texts to which they say something else; at most 50.
    pub differences: Vec<ReplayDifference>,
}

/// The same of a part.
#[derive(Serialize, ToSchema)]
pub struct ReplayUnit {
    /// What was decided.
    #[schema(example = "301000000A/戶政司")]
    pub name: String,
    /// The proposed version.
    pub candidate: AgreedShare,
    /// The active one.
    pub active: AgreedShare,
}

/// A text to which two versions say something else.
#[derive(Serialize, ToSchema)]
pub struct ReplayDifference {
    /// The prediction.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub prediction_id: String,
    /// What the proposed version says first.
    pub candidate: String,
    /// What the active one says first.
    pub active: String,
    /// What was decided.
    pub decided: String,
}

impl From<(String, Replay)> for ReplayResponse {
    fn from((model, it): (String, Replay)) -> ReplayResponse {
        let unit = |(name, candidate, active): (String, Agreed, Agreed)| ReplayUnit {
            name,
            candidate: candidate.into(),
            active: active.into(),
        };
        let difference = |it: comparison::ReplayDifference| ReplayDifference {
            prediction_id: it.prediction,
            candidate: it.candidate,
            active: it.active,
            decided: it.decided,
        };
        ReplayResponse {
            model,
            candidate_version: it.candidate,
            active_version: it.active,
            candidate: it.of_candidate.into(),
            active: it.of_active.into(),
            alike: it.alike.into(),
            units: it.units.into_iter().map(unit).collect(),
            differences: it.differences.into_iter().map(difference).collect(),
        }
    }
}

/// To four digits.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
