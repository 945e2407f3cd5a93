//! Predictions beside what was decided on them, by the mode in which they were made.

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::value::{Row, values};
use super::{Store, StoreError};

/// A prediction, and the last word on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedRow {
    /// The prediction.
    pub prediction: String,
    /// Code of the agency that asked.
    pub org: String,
    /// In which mode the agency had the service.
    pub mode: String,
    /// Version of the model that answered.
    pub version: String,
    /// Labels given, in the form in which they were kept.
    pub given: String,
    /// What was decided.
    pub verdict: String,
    /// The right label.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// When it was decided: seconds since 1970-01-01T00:00:00Z.
    pub decided: u64,
}

/// How many predictions an agency's service has made in a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredRow {
    /// Code of the agency that asked.
    pub org: String,
    /// The service.
    pub service: String,
    /// The mode.
    pub mode: String,
    /// How many.
    pub n: u64,
}

impl Store {
    /// What was decided last on predictions of `service`, of an agency or of all, that were made in some mode and have
    /// not expired at `now`; the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn decided(
        &self,
        service: &str,
        org: Option<&str>,
        now: u64,
        limit: usize,
    ) -> Reply<Vec<DecidedRow>> {
        let org = org.unwrap_or_default().to_owned();
        let data = (service.to_owned(), org, now, limit as u64);
        self.call(Kind::Read, data, |(service, org, now, limit), tx| {
            decided((service, org), *now, *limit, tx).boxed()
        })
    }

    /// How many predictions, of an agency or of all, were made in which mode, of those that have not expired at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn answered(&self, org: Option<&str>, now: u64) -> Reply<Vec<AnsweredRow>> {
        let org = org.unwrap_or_default().to_owned();
        self.call(Kind::Read, (org, now), |(org, now), tx| answered(org, *now, tx).boxed())
    }
}

async fn decided(
    (service, org): (&str, &str),
    now: u64,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<Vec<DecidedRow>, StoreError> {
    let select = "SELECT made.id, made.org, made.mode, it.version, it.given, it.verdict, it.label, it.unit, it.created
        FROM feedback AS it JOIN prediction AS made ON made.id = it.prediction
        WHERE it.service = $1 AND made.mode IS NOT NULL AND ($2 = '' OR made.org = $2) AND $3 < made.expires
        AND NOT EXISTS (SELECT 1 FROM feedback AS later
            WHERE later.prediction = it.prediction AND it.seq < later.seq)
        ORDER BY it.seq DESC LIMIT $4";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DecidedRow {
            prediction: row.take()?,
            org: row.take()?,
            mode: row.take()?,
            version: row.take()?,
            given: row.take()?,
            verdict: row.take()?,
            label: row.take()?,
            unit: row.take()?,
            decided: row.take()?,
        })
    };
    tx.rows(select, values![service, org, now, limit]).await?.into_iter().map(read).collect()
}

async fn answered(org: &str, now: u64, tx: &mut dyn Tx) -> Result<Vec<AnsweredRow>, StoreError> {
    let select = "SELECT org, service, mode, count(*) FROM prediction
        WHERE mode IS NOT NULL AND ($1 = '' OR org = $1) AND $2 < expires
        GROUP BY org, service, mode ORDER BY org, service, mode";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(AnsweredRow {
            org: row.take()?,
            service: row.take()?,
            mode: row.take()?,
            n: row.take()?,
        })
    };
    tx.rows(select, values![org, now]).await?.into_iter().map(read).collect()
}
