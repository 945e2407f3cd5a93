//! What fenwen keeps: predictions with their sealed text until they expire, and feedback. Embedded SQLite (WAL).
//!
//! Texts are sealed with AES-256-GCM under a key of its own file before they reach the database. The store knows
//! nothing of what it keeps: labels and signatures are bytes of its callers.

mod export;
mod open;
mod seal;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use crate::base::Private;

pub use export::Labelled;
use seal::Sealer;

/// Predictions erased in one transaction, so that writers wait for milliseconds only.
const ERASE_AT_ONCE: usize = 200;

/// Why the store failed. No text holds what is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A folder or file.
    #[error("failed to {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// The key file is of another length or open to others.
    #[error("the key `{}` is unusable: {what}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        what: &'static str,
    },
    /// A text could not be sealed, or was sealed under another key.
    #[error("failed to seal or open a text")]
    Sealed,
    /// Written by a newer program.
    #[error("the database has version {found}, this program knows version {known}")]
    Version {
        /// In the file.
        found: i64,
        /// In this program.
        known: i64,
    },
}

/// A prediction to keep. No `Debug`: it holds somebody's text.
pub struct NewPrediction {
    /// Identifies it.
    pub id: String,
    /// Of which service.
    pub service: &'static str,
    /// Name, version and SHA-256 of the model.
    pub model: [String; 3],
    /// Version of the taxonomy.
    pub taxonomy: String,
    /// Labels given, in a form of the caller.
    pub labels: String,
    /// What was predicted for; sealed before it is written.
    pub text: Private<Vec<u8>>,
    /// What near-duplicates are found by; it cannot be read back.
    pub signature: Option<Vec<u8>>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// When to erase it.
    pub expires: u64,
}

/// A kept prediction without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Identifies it.
    pub id: String,
    /// Of which service.
    pub service: String,
    /// Name, version and SHA-256 of the model.
    pub model: [String; 3],
    /// Version of the taxonomy.
    pub taxonomy: String,
    /// Labels given.
    pub labels: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// When it is erased.
    pub expires: u64,
}

/// Feedback on a prediction; never changed, never deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedbackRow {
    /// The prediction.
    pub prediction: String,
    /// What was decided.
    pub verdict: String,
    /// The right label.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Id of who decided.
    pub decided_by: Option<String>,
    /// Role of who decided.
    pub role: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
}

/// The last word on a prediction, and what had been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Labels given, in the form of [`NewPrediction::labels`].
    pub given: String,
    /// What was decided.
    pub verdict: String,
    /// The right label.
    pub label: Option<String>,
}

/// The database and its key. Calls block for a write of some kilobytes: not for an async function.
pub struct Store {
    connection: Mutex<Connection>,
    sealer: Sealer,
    path: PathBuf,
}

impl Store {
    /// Opens or makes the store under `data_dir`.
    ///
    /// # Errors
    /// When a file cannot be made, the key is open to others or the database is of a newer program.
    pub fn open(data_dir: &Path) -> Result<Store, StoreError> {
        let path = data_dir.join("predictions.sqlite");
        let sealer = Sealer::open(&data_dir.join("keys"))?;
        let connection = open::database(&path)?;
        Ok(Store { connection: Mutex::new(connection), sealer, path })
    }

    /// Keeps predictions, all or none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep(&self, predictions: &[NewPrediction]) -> Result<(), StoreError> {
        let sealed: Result<Vec<Vec<u8>>, StoreError> = predictions
            .iter()
            .map(|it| self.sealer.seal(it.text.expose(), it.id.as_bytes()))
            .collect();
        let sealed = sealed?;
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO prediction(id, service, model, version, sha256, taxonomy, labels, sealed, signature, created, expires)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            for (it, sealed) in predictions.iter().zip(sealed) {
                let [model, version, sha256] = &it.model;
                insert.execute(params![
                    it.id,
                    it.service,
                    model,
                    version,
                    sha256,
                    it.taxonomy,
                    it.labels,
                    sealed,
                    it.signature,
                    signed(it.created),
                    signed(it.expires),
                ])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// A prediction that has not expired at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn prediction(&self, id: &str, now: u64) -> Result<Option<Prediction>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT id, service, model, version, sha256, taxonomy, labels, created, expires
             FROM prediction WHERE id = ?1 AND ?2 < expires",
        )?;
        let found = select.query_row(params![id, signed(now)], |row| {
            Ok(Prediction {
                id: row.get(0)?,
                service: row.get(1)?,
                model: [row.get(2)?, row.get(3)?, row.get(4)?],
                taxonomy: row.get(5)?,
                labels: row.get(6)?,
                created: unsigned(row.get(7)?),
                expires: unsigned(row.get(8)?),
            })
        });
        Ok(found.optional()?)
    }

    /// Adds feedback.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_feedback(&self, row: &FeedbackRow, about: &Prediction) -> Result<(), StoreError> {
        let [_, version, _] = &about.model;
        self.connection().execute(
            "INSERT INTO feedback(prediction, service, version, given, verdict, label, unit, reason, decided_by, role, created)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                row.prediction, about.service, version, about.labels, row.verdict, row.label,
                row.unit, row.reason, row.decided_by, row.role, signed(row.created),
            ],
        )?;
        Ok(())
    }

    /// Feedback on a prediction, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn feedback(&self, prediction: &str) -> Result<Vec<FeedbackRow>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT prediction, verdict, label, unit, reason, decided_by, role, created
             FROM feedback WHERE prediction = ?1 ORDER BY id",
        )?;
        let rows = select.query_map(params![prediction], |row| {
            Ok(FeedbackRow {
                prediction: row.get(0)?,
                verdict: row.get(1)?,
                label: row.get(2)?,
                unit: row.get(3)?,
                reason: row.get(4)?,
                decided_by: row.get(5)?,
                role: row.get(6)?,
                created: unsigned(row.get(7)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest reviews of answers of one version, one a prediction, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reviews(
        &self,
        service: &str,
        version: &str,
        limit: usize,
    ) -> Result<Vec<Review>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT given, verdict, label FROM feedback AS it WHERE service = ?1 AND version = ?2
             AND NOT EXISTS (SELECT 1 FROM feedback WHERE prediction = it.prediction AND it.id < id)
             ORDER BY id DESC LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select.query_map(params![service, version, limit], |row| {
            Ok(Review { given: row.get(0)?, verdict: row.get(1)?, label: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest signatures of a service, oldest of them first: what the index of near-duplicates is rebuilt from.
    ///
    /// # Errors
    /// When the database fails.
    pub fn signatures(
        &self,
        service: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare(
            "SELECT id, signature FROM prediction WHERE service = ?1 AND signature IS NOT NULL
             ORDER BY seq DESC LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows =
            select.query_map(params![service, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut found: Vec<(String, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
        found.reverse();
        Ok(found)
    }

    /// Erases what has expired at `now` and returns its ids; then folds the log into the database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erase_expired(&self, now: u64) -> Result<Vec<String>, StoreError> {
        // A connection of its own, so that a checkpoint keeps no writer waiting.
        let connection = open::connection(&self.path)?;
        let mut erased = Vec::new();
        loop {
            let mut delete = connection.prepare_cached(
                "DELETE FROM prediction WHERE seq IN
                 (SELECT seq FROM prediction WHERE expires <= ?1 LIMIT ?2) RETURNING id",
            )?;
            let limit = i64::try_from(ERASE_AT_ONCE).unwrap_or(i64::MAX);
            let ids = delete.query_map(params![signed(now), limit], |row| row.get(0))?;
            let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
            let n_ids = ids.len();
            erased.extend(ids);
            if n_ids < ERASE_AT_ONCE {
                break;
            }
        }
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(erased)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signed(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn unsigned(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0)
}

#[cfg(test)]
mod tests;
