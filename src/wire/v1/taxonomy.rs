//! Units of an agency through time, and other versions of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::{Date, rfc3339};
use crate::task::call::CallError;
use crate::task::taxonomy::{
    LabelMove, TaxonomyChange, TaxonomyComparison, TaxonomyState, TaxonomyUnit, TaxonomyVersion,
};

use super::body;

/// Longest file, in bytes.
pub const MAX_TAXONOMY: usize = 1 << 20;

/// A version of the units. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"toml": "version = \"2027-01-01\"\ntenant = \"301000000A\"\n…", "valid_from": "2027-01-01"}))]
pub struct TaxonomyRequest {
    /// The file, as TOML: at most 1 MiB.
    pub toml: String,
    /// From when it holds, in Taiwan.
    #[schema(value_type = String, format = Date)]
    pub valid_from: String,
}

/// The units that answers are given for.
#[derive(Serialize, ToSchema)]
pub struct TaxonomyResponse {
    /// Code of the agency, the head of every path.
    #[schema(example = "301000000A")]
    pub tenant: String,
    /// Its name.
    #[schema(example = "內政部")]
    pub name: String,
    /// The version that holds.
    #[schema(example = "2023-09-20")]
    pub version: String,
    /// Every unit, also those that are gone, by path.
    pub units: Vec<TaxonomyUnitResponse>,
    /// What became of units, the oldest first.
    pub changes: Vec<TaxonomyChangeResponse>,
    /// Versions that were added, by the day from which they hold.
    pub versions: Vec<TaxonomyVersionResponse>,
}

/// A unit.
#[derive(Serialize, ToSchema)]
pub struct TaxonomyUnitResponse {
    /// Its path.
    #[schema(example = "301000000A/戶政司")]
    pub path: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// First day; null when it was there before the records.
    #[schema(required = true)]
    pub valid_from: Option<String>,
    /// First day on which it is no more.
    #[schema(required = true)]
    pub valid_to: Option<String>,
    /// What it is for.
    pub duties: String,
}

/// What became of units on a day.
#[derive(Serialize, ToSchema)]
pub struct TaxonomyChangeResponse {
    /// The day.
    #[schema(example = "2023-09-20")]
    pub on: String,
    /// The units before.
    pub before: Vec<String>,
    /// Those after; the first one carries most of the duties.
    pub after: Vec<String>,
    /// The ministry that the duties went to instead.
    #[schema(required = true)]
    pub ministry: Option<String>,
}

/// A version that was added.
#[derive(Serialize, ToSchema)]
pub struct TaxonomyVersionResponse {
    /// Its name.
    pub version: String,
    /// From when it holds.
    pub valid_from: String,
    /// When it was added.
    pub created: String,
    /// Whether it is the one that holds.
    pub current: bool,
}

/// What another version would change.
#[derive(Serialize, ToSchema)]
pub struct TaxonomyComparisonResponse {
    /// Its name.
    pub version: String,
    /// Paths that only it has.
    pub added: Vec<String>,
    /// Paths that it lacks.
    pub removed: Vec<String>,
    /// Units that differ.
    pub changed: Vec<ChangedUnit>,
    /// Units that are the same.
    pub equal: usize,
    /// Labels of active classifiers that would mean another unit, or none.
    pub labels: Vec<MovedLabel>,
}

/// A unit that differs.
#[derive(Serialize, ToSchema)]
pub struct ChangedUnit {
    /// Its path.
    pub path: String,
    /// In what: `aliases`, `from`, `to`, `scope`.
    pub fields: Vec<&'static str>,
}

/// A label that would mean another unit.
#[derive(Serialize, ToSchema)]
pub struct MovedLabel {
    /// `letters` or `documents`.
    pub service: &'static str,
    /// The label.
    pub label: String,
    /// The unit that it means now; null when it means none.
    #[schema(required = true)]
    pub before: Option<String>,
    /// The unit that it would mean.
    #[schema(required = true)]
    pub after: Option<String>,
}

/// Reads a [`TaxonomyRequest`].
///
/// # Errors
/// When it is malformed.
pub fn parse(json: &[u8]) -> Result<(String, Date), CallError> {
    let request: TaxonomyRequest = body::parse(json, "", &[""])?;
    if MAX_TAXONOMY < request.toml.len() {
        return Err(CallError::bad_value("/toml", "不可超過 1 MiB。"));
    }
    let day = Date::parse_iso(&request.valid_from);
    let day = day.ok_or_else(|| CallError::bad_value("/valid_from", "應為 YYYY-MM-DD。"))?;
    Ok((request.toml, day))
}

impl From<TaxonomyState> for TaxonomyResponse {
    fn from(it: TaxonomyState) -> TaxonomyResponse {
        TaxonomyResponse {
            tenant: it.tenant,
            name: it.name,
            version: it.version,
            units: it.units.into_iter().map(TaxonomyUnitResponse::from).collect(),
            changes: it.changes.into_iter().map(TaxonomyChangeResponse::from).collect(),
            versions: it.versions.into_iter().map(TaxonomyVersionResponse::from).collect(),
        }
    }
}

impl From<TaxonomyUnit> for TaxonomyUnitResponse {
    fn from(it: TaxonomyUnit) -> TaxonomyUnitResponse {
        TaxonomyUnitResponse {
            path: it.path,
            aliases: it.aliases,
            valid_from: it.from.map(|it| it.to_string()),
            valid_to: it.to.map(|it| it.to_string()),
            duties: it.scope,
        }
    }
}

impl From<TaxonomyChange> for TaxonomyChangeResponse {
    fn from(it: TaxonomyChange) -> TaxonomyChangeResponse {
        let TaxonomyChange { on, from, to, ministry } = it;
        TaxonomyChangeResponse { on: on.to_string(), before: from, after: to, ministry }
    }
}

impl From<TaxonomyVersion> for TaxonomyVersionResponse {
    fn from(it: TaxonomyVersion) -> TaxonomyVersionResponse {
        TaxonomyVersionResponse {
            version: it.version,
            valid_from: it.valid_from.to_string(),
            created: rfc3339(std::time::Duration::from_secs(it.created)),
            current: it.is_current,
        }
    }
}

impl From<TaxonomyComparison> for TaxonomyComparisonResponse {
    fn from(it: TaxonomyComparison) -> TaxonomyComparisonResponse {
        let changed = |(path, fields)| ChangedUnit { path, fields };
        let moved = |LabelMove { service, label, before, after }| MovedLabel {
            service,
            label,
            before,
            after,
        };
        TaxonomyComparisonResponse {
            version: it.version,
            added: it.added,
            removed: it.removed,
            changed: it.changed.into_iter().map(changed).collect(),
            equal: it.n_equal,
            labels: it.labels.into_iter().map(moved).collect(),
        }
    }
}
