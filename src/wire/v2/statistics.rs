//! What models have done, in the words of Triton's statistics. What is not measured is left out.

use serde::Serialize;
use utoipa::ToSchema;

use crate::task::infer::{CallTime, ModelStatistics};

/// Statistics of versions of models.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsResponse {
    /// One for each version that is loaded.
    pub model_stats: Vec<VersionStatistics>,
}

/// What a version has done since it was loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionStatistics {
    /// Name of the model.
    pub name: String,
    /// The version.
    pub version: String,
    /// When a call ended last, in milliseconds since 1970; 0 when none has.
    pub last_inference: u64,
    /// Rows of the calls that were answered.
    pub inference_count: u64,
    /// Runs of the model that succeeded: rows of several calls run together. Those of a trial that nobody hears are among them.
    pub execution_count: u64,
    /// Calls and their time.
    pub inference_stats: InferenceStatistics,
}

/// Calls by how they ended; a caller that left before the end is neither.
#[derive(Debug, Serialize, ToSchema)]
pub struct InferenceStatistics {
    /// Answered.
    pub success: StatisticDuration,
    /// Failed, whatever the reason.
    pub fail: StatisticDuration,
}

/// A number of calls and their time.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticDuration {
    /// How many.
    pub count: u64,
    /// Nanoseconds from the body to the answer, of all of them together.
    pub ns: u64,
}

impl FromIterator<ModelStatistics> for StatisticsResponse {
    fn from_iter<I: IntoIterator<Item = ModelStatistics>>(found: I) -> StatisticsResponse {
        let version = |it: ModelStatistics| VersionStatistics {
            name: it.name,
            version: it.version,
            last_inference: u64::try_from(it.last.as_millis()).unwrap_or(u64::MAX),
            inference_count: it.n_rows,
            execution_count: it.n_runs,
            inference_stats: InferenceStatistics {
                success: it.answered.into(),
                fail: it.failed.into(),
            },
        };
        StatisticsResponse { model_stats: found.into_iter().map(version).collect() }
    }
}

impl From<CallTime> for StatisticDuration {
    fn from(calls: CallTime) -> StatisticDuration {
        let ns = u64::try_from(calls.time.as_nanos()).unwrap_or(u64::MAX);
        StatisticDuration { count: calls.n_calls, ns }
    }
}
