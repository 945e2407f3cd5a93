//! Which items somebody sees, as a condition of statements.

use std::fmt::Write;

use crate::store::value::Value;

use super::ReviewKind;

/// What somebody may see and do. What is not seen is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewView {
    /// Code of the agency.
    pub org: String,
    /// Units at or below which items are seen; every item of the agency when empty.
    pub units: Vec<String>,
    /// Kinds that are seen.
    pub kinds: Vec<ReviewKind>,
    /// Whether letters of informers are seen.
    pub sees_confidential: bool,
    /// Whether escalated items may be taken.
    pub may_assign: bool,
}

/// Parameters of a statement that is put together: each one that is added says how it is written.
pub(super) struct Parameters(Vec<Value>);

impl Parameters {
    /// Beginning with those of the fixed part.
    pub(super) fn new(values: &[Value]) -> Parameters {
        Parameters(values.to_vec())
    }

    pub(super) fn add(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.0
    }
}

impl ReviewView {
    /// ` AND …` that holds for what is seen.
    pub(super) fn condition(&self, parameters: &mut Parameters) -> String {
        let mut sql = format!(" AND org = {}", parameters.add(&self.org));
        let kinds: Vec<String> = self.kinds.iter().map(|it| format!("'{}'", it.as_str())).collect();
        // Nothing is in an empty list, but that is not written everywhere.
        let kinds = if kinds.is_empty() { "''".to_owned() } else { kinds.join(", ") };
        let _ = write!(sql, " AND kind IN ({kinds})");
        if !self.sees_confidential {
            sql.push_str(" AND is_confidential = 0");
        }
        if !self.units.is_empty() {
            let below: Vec<String> = self.units.iter().map(|it| below(it, parameters)).collect();
            let _ = write!(sql, " AND ({})", below.join(" OR "));
        }
        sql
    }
}

/// A condition that holds for items of a unit and of those below it.
pub(super) fn below(unit: &str, parameters: &mut Parameters) -> String {
    let own = parameters.add(unit);
    let start = parameters.add(format!("{unit}/").as_str());
    // No LIKE: it would not tell capitals, and a path may hold its wildcards.
    format!("unit = {own} OR substr(unit, 1, length(CAST({start} AS TEXT))) = {start}")
}
