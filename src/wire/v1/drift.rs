//! Whether answers drift away, the answer to `GET /api/v1/statistics/drift`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::task::drift::{DriftFigure, ServiceDrift};
use crate::wire::catalogue::Model;

/// One entry a service.
#[derive(Serialize, ToSchema)]
pub struct DriftResponse {
    /// Of the versions that answer now.
    pub services: Vec<Drift>,
}

/// What the answers of one service say beside those that its version gave at first.
#[derive(Serialize, ToSchema)]
pub struct Drift {
    /// `letters`, `documents` or `qa`.
    #[schema(example = "letters")]
    pub service: &'static str,
    /// What answers.
    pub model: Model,
    /// `wait` (too few answers to tell), `none`, `look` (what is asked or answered has changed) or `retrain` (officers'
    /// reviews say that the promised precision does not hold).
    #[schema(example = "none")]
    pub advice: &'static str,
    /// Comparisons of the last days, the oldest first.
    pub figures: Vec<DriftMeasure>,
}

/// One comparison of one feature on one day.
#[derive(Serialize, ToSchema)]
pub struct DriftMeasure {
    /// The day in Taiwan.
    #[schema(example = "2026-11-26")]
    pub day: String,
    /// `label` (first label), `confidence` (its probability), `length` (characters of the text) or `chinese` (their share
    /// of Chinese).
    #[schema(example = "label")]
    pub feature: String,
    /// `psi` (population stability index), `js` (Jensen–Shannon divergence in bits) or `ks` (Kolmogorov–Smirnov distance).
    #[schema(example = "psi")]
    pub measure: String,
    /// Answers in the reference.
    #[schema(example = 1000)]
    pub reference: u64,
    /// Answers that were compared with it.
    #[schema(example = 200)]
    pub window: u64,
    /// How far they lie apart.
    #[schema(example = 0.0412)]
    pub value: f64,
    /// How likely that is by chance.
    #[schema(example = 0.31)]
    pub p: f64,
    /// From where on it counts.
    #[schema(example = 0.2)]
    pub threshold: f64,
    /// Whether it counts: the value reaches the threshold, and chance does not explain it.
    #[schema(example = false)]
    pub alarm: bool,
}

impl DriftResponse {
    /// Of each service.
    pub fn new(all: Vec<ServiceDrift>) -> DriftResponse {
        let one = |it: ServiceDrift| Drift {
            service: it.service,
            advice: it.advice().as_str(),
            model: it.model.into(),
            figures: it.figures.into_iter().map(DriftMeasure::from).collect(),
        };
        DriftResponse { services: all.into_iter().map(one).collect() }
    }
}

impl From<DriftFigure> for DriftMeasure {
    fn from(it: DriftFigure) -> DriftMeasure {
        let [reference, window] = it.n;
        DriftMeasure {
            day: it.day.to_string(),
            feature: it.feature,
            measure: it.measure,
            reference,
            window,
            value: it.value,
            p: it.p,
            threshold: it.threshold,
            alarm: it.is_alarm,
        }
    }
}
