//! Figures of answers without their texts, and what was measured of them night by night.

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::value::{Row, Value, owned, values};
use super::{Store, StoreError};

/// What is counted of a text when it is answered: nothing of it can be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Characters that are not blank.
    pub n_chars: u32,
    /// Those of them that are Chinese.
    pub n_han: u32,
}

/// An answer as drift is measured on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Place among all.
    pub seq: u64,
    /// Labels given, in the form of `NewPrediction::labels`.
    pub labels: String,
    /// Of the text; none of answers that were kept before it was counted.
    pub shape: Option<Shape>,
}

/// What later answers of a version are held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftReference {
    /// Of which service.
    pub service: String,
    /// Of which version of its model.
    pub version: String,
    /// `seq` of the last answer in it; later ones are held against it.
    pub last: u64,
    /// Its figures, in a form of the caller.
    pub body: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
}

/// One measure of one feature on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftRow {
    /// Of which service.
    pub service: String,
    /// Of which version of its model.
    pub version: String,
    /// Days since 1970-01-01, in Taiwan.
    pub day: u32,
    /// What was compared.
    pub feature: String,
    /// How.
    pub measure: String,
    /// Answers in the reference.
    pub n_reference: u64,
    /// Answers in the window.
    pub n_window: u64,
    /// How far they lie apart.
    pub value: f64,
    /// How likely that is by chance.
    pub p: f64,
    /// From where on it counts.
    pub threshold: f64,
    /// Whether it counts.
    pub is_alarm: bool,
}

/// Which answers are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observing {
    /// Of which service.
    pub service: String,
    /// Of which version of its model.
    pub version: String,
    /// After this `seq`; 0 for all.
    pub after: u64,
    /// At most so many.
    pub limit: usize,
}

impl Store {
    /// The first answers of a version, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn first_answers(&self, of: Observing) -> Reply<Vec<Observed>> {
        self.call(Kind::Read, of, |of, tx| answers(of, (0, "ASC"), tx).boxed())
    }

    /// The newest answers of a version given since `since` (seconds since 1970-01-01T00:00:00Z), newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn newest_answers(&self, of: Observing, since: u64) -> Reply<Vec<Observed>> {
        self.call(Kind::Read, (of, since), |(of, since), tx| {
            answers(of, (*since, "DESC"), tx).boxed()
        })
    }

    /// The reference of a version, once there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drift_reference(&self, service: &str, version: &str) -> Reply<Option<DriftReference>> {
        let of = (service.to_owned(), version.to_owned());
        self.call(Kind::Read, of, |(service, version), tx| reference(service, version, tx).boxed())
    }

    /// Keeps a reference; `false` when there is one already, which stays.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_drift_reference(&self, reference: DriftReference) -> Reply<bool> {
        self.call(Kind::Durable, reference, |it, tx| {
            async move {
                let insert = "INSERT INTO drift_reference(service, version, last, body, created)
                    VALUES($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
                let values = values![&it.service, &it.version, it.last, &it.body, it.created];
                Ok(tx.execute(insert, values).await? == 1)
            }
            .boxed()
        })
    }

    /// Keeps what was measured; how many are new. Of several nodes the first one's counts.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_drift(&self, rows: Vec<DriftRow>) -> Reply<u64> {
        self.call(Kind::Durable, rows, |rows, tx| insert(rows, tx).boxed())
    }

    /// What was measured of a version since a day (days since 1970-01-01), the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drift(&self, service: &str, version: &str, since: u32) -> Reply<Vec<DriftRow>> {
        let of = (service.to_owned(), version.to_owned(), since);
        self.call(Kind::Read, of, |(service, version, since), tx| {
            let select =
                "WHERE service = $1 AND version = $2 AND $3 <= day ORDER BY day, feature, measure";
            measured((select, owned![service, version, *since]), tx).boxed()
        })
    }

    /// What was measured of every service on a day (days since 1970-01-01).
    ///
    /// # Errors
    /// When the database fails.
    pub fn day_drift(&self, day: u32) -> Reply<Vec<DriftRow>> {
        self.call(Kind::Read, day, |day, tx| {
            let select = "WHERE day = $1 ORDER BY service, version, feature, measure";
            measured((select, owned![*day]), tx).boxed()
        })
    }
}

async fn answers(
    of: &Observing,
    (since, order): (u64, &str),
    tx: &mut dyn Tx,
) -> Result<Vec<Observed>, StoreError> {
    let select = format!(
        "SELECT seq, labels, n_chars, n_han FROM prediction
        WHERE service = $1 AND version = $2 AND $3 < seq AND $4 <= created ORDER BY seq {order} LIMIT $5"
    );
    let values = values![&of.service, &of.version, of.after, since, of.limit as u64];
    let read = |mut row: Row| -> Result<_, StoreError> {
        let (seq, labels) = (row.take()?, row.take()?);
        let counts = row.take::<Option<u32>>()?.zip(row.take::<Option<u32>>()?);
        let shape = counts.map(|(n_chars, n_han)| Shape { n_chars, n_han });
        Ok(Observed { seq, labels, shape })
    };
    tx.rows(&select, values).await?.into_iter().map(read).collect()
}

async fn reference(
    service: &str,
    version: &str,
    tx: &mut dyn Tx,
) -> Result<Option<DriftReference>, StoreError> {
    let select = "SELECT service, version, last, body, created FROM drift_reference
        WHERE service = $1 AND version = $2";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DriftReference {
            service: row.take()?,
            version: row.take()?,
            last: row.take()?,
            body: row.take()?,
            created: row.take()?,
        })
    };
    tx.rows(select, values![service, version]).await?.into_iter().next().map(read).transpose()
}

async fn insert(rows: &[DriftRow], tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let insert = "INSERT INTO drift(service, version, day, feature, measure, n_reference, n_window, value, p, threshold, is_alarm)
        VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let mut n_new = 0;
    for it in rows {
        let values = values![
            &it.service,
            &it.version,
            it.day,
            &it.feature,
            &it.measure,
            it.n_reference,
            it.n_window,
            it.value,
            it.p,
            it.threshold,
            it.is_alarm,
        ];
        n_new += tx.execute(insert, values).await?;
    }
    Ok(n_new)
}

/// The rows that a condition names.
async fn measured(
    (condition, values): (&'static str, Vec<Value>),
    tx: &mut dyn Tx,
) -> Result<Vec<DriftRow>, StoreError> {
    let select = format!(
        "SELECT service, version, day, feature, measure, n_reference, n_window, value, p, threshold, is_alarm
        FROM drift {condition}"
    );
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DriftRow {
            service: row.take()?,
            version: row.take()?,
            day: row.take()?,
            feature: row.take()?,
            measure: row.take()?,
            n_reference: row.take()?,
            n_window: row.take()?,
            value: row.take()?,
            p: row.take()?,
            threshold: row.take()?,
            is_alarm: row.take()?,
        })
    };
    tx.rows(&select, &values).await?.into_iter().map(read).collect()
}
