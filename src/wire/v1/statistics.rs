//! What officers' reviews say, the answer to `GET /api/v1/statistics`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::task::prediction::{self, AllStatistics, CardStatistics, ServiceStatistics};
use crate::task::review::Agreement;
use crate::wire::catalogue::Model;

use super::text::share;

/// One entry a service.
#[derive(Serialize, ToSchema)]
pub struct StatisticsResponse {
    /// Of the versions that answer now.
    pub services: Vec<Statistics>,
    /// ID images: what officers found who compared them with what was read; null where this node reads none.
    #[schema(required = true)]
    pub identity_documents: Option<IdentityStatistics>,
    /// How far officers agreed in the last twelve months: first and second opinions, by kind and month.
    pub agreement: Vec<AgreementStatistics>,
}

/// Agreement of officers beyond chance.
#[derive(Serialize, ToSchema)]
pub struct AgreementStatistics {
    /// `letter` or `document`.
    #[schema(example = "letter")]
    pub kind: &'static str,
    /// Month of the second opinions in Taiwan.
    #[schema(example = "2026-11")]
    pub month: String,
    /// Pairs of decisions.
    #[schema(example = 50)]
    pub pairs: usize,
    /// Share of pairs that agree.
    #[schema(example = 0.7)]
    pub observed: f64,
    /// Share that would agree by chance.
    #[schema(example = 0.5)]
    pub expected: f64,
    /// Cohen's kappa; null where chance alone would make every pair agree.
    #[schema(required = true, example = 0.4)]
    pub kappa: Option<f64>,
}

/// The newest checks of what the model that answers now has read of ID images; no value is kept of any.
#[derive(Serialize, ToSchema)]
pub struct IdentityStatistics {
    /// What reads.
    pub model: Model,
    /// Recognitions that were checked.
    #[schema(example = 120)]
    pub checked: usize,
    /// By kind of document and field.
    pub fields: Vec<FieldStatistics>,
}

/// Checks of one field of one kind of document.
#[derive(Serialize, ToSchema)]
pub struct FieldStatistics {
    /// The kind of document.
    #[schema(example = "tw_national_id_front")]
    pub document_type: String,
    /// The field.
    #[schema(example = "name")]
    pub field: String,
    /// How often it was compared.
    #[schema(example = 120)]
    pub checked: usize,
    /// How often it was right; the others were corrected.
    #[schema(example = 117)]
    pub right: usize,
    /// Share that was right.
    #[schema(example = 0.975)]
    pub measured: f64,
    /// 95 % interval of it (Wilson), low and high.
    pub interval: [f64; 2],
    /// Mean confidence that was answered.
    #[schema(example = 0.968)]
    pub confidence: f64,
}

/// The newest reviews of the answers of one service.
#[derive(Serialize, ToSchema)]
pub struct Statistics {
    /// `letters` or `documents`.
    #[schema(example = "letters")]
    pub service: &'static str,
    /// What answers.
    pub model: Model,
    /// Answers reviewed; cases that were discarded are not counted.
    #[schema(example = 200)]
    pub reviewed: usize,
    /// Those whose first label was right.
    #[schema(example = 171)]
    pub right: usize,
    /// Sure answers: promised and measured precision.
    pub promise: Promise,
    /// By first label.
    pub labels: Vec<LabelStatistics>,
}

/// Promised precision of sure answers beside the measured one.
#[derive(Serialize, ToSchema)]
pub struct Promise {
    /// Promised when the classifier was trained.
    #[schema(example = 0.95)]
    pub precision: f64,
    /// Sure answers reviewed.
    #[schema(example = 160)]
    pub reviewed: usize,
    /// Those that were right.
    #[schema(example = 153)]
    pub right: usize,
    /// Their share; null when none was reviewed.
    #[schema(required = true, example = 0.9563)]
    pub measured: Option<f64>,
    /// 95 % interval of it (Wilson), low and high.
    pub interval: [f64; 2],
    /// `untested` (too few reviews), `kept`, or `broken`: then every answer is only a suggestion.
    #[schema(example = "kept")]
    pub state: &'static str,
}

/// Reviews of answers with one first label.
#[derive(Serialize, ToSchema)]
pub struct LabelStatistics {
    /// The label.
    pub label: String,
    /// Answers reviewed.
    pub reviewed: usize,
    /// Those that were right.
    pub right: usize,
}

impl StatisticsResponse {
    /// Of each service, and of officers among themselves.
    pub fn new(all: AllStatistics, agreement: Vec<Agreement>) -> StatisticsResponse {
        let agreement = agreement.into_iter().map(AgreementStatistics::from).collect();
        let one = |it: ServiceStatistics| Statistics {
            service: it.service,
            model: it.model.into(),
            reviewed: it.n_reviewed,
            right: it.n_right,
            promise: it.promise.into(),
            labels: it
                .labels
                .into_iter()
                .map(|it| LabelStatistics { label: it.label, reviewed: it.n, right: it.n_right })
                .collect(),
        };
        StatisticsResponse {
            services: all.services.into_iter().map(one).collect(),
            identity_documents: all.cards.map(Into::into),
            agreement,
        }
    }
}

/// To four digits.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

impl From<CardStatistics> for IdentityStatistics {
    fn from(statistics: CardStatistics) -> IdentityStatistics {
        let field = |it: prediction::FieldReview| FieldStatistics {
            document_type: it.kind,
            field: it.name,
            checked: it.n,
            right: it.n_right,
            // A field is listed because it was compared.
            measured: round(it.n_right as f64 / it.n.max(1) as f64),
            interval: it.interval.map(round),
            confidence: round(it.confidence),
        };
        IdentityStatistics {
            model: statistics.model.into(),
            checked: statistics.n_checked,
            fields: statistics.fields.into_iter().map(field).collect(),
        }
    }
}

impl From<Agreement> for AgreementStatistics {
    fn from(agreement: Agreement) -> AgreementStatistics {
        let Agreement { kind, month, kappa } = agreement;
        AgreementStatistics {
            kind,
            month,
            pairs: kappa.n,
            observed: round(kappa.observed),
            expected: round(kappa.expected),
            kappa: kappa.value.map(round),
        }
    }
}

impl From<prediction::Promise> for Promise {
    fn from(promise: prediction::Promise) -> Promise {
        let state = match (promise.is_tested(), promise.is_broken()) {
            (false, _) => "untested",
            (true, false) => "kept",
            (true, true) => "broken",
        };
        Promise {
            precision: share(promise.precision),
            reviewed: promise.n,
            right: promise.n_right,
            measured: (0 < promise.n).then(|| round(promise.n_right as f64 / promise.n as f64)),
            interval: promise.interval.map(round),
            state,
        }
    }
}
