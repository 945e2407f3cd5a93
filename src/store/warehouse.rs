//! What a day left, for the warehouse: rows without texts, names and case numbers.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Generate, Key};
use futures_util::FutureExt;

use crate::base::Secret;

use super::engine::{Kind, Reply, Tx};
use super::reviews::ReviewKind;
use super::value::{Row, values};
use super::{Store, StoreError};

/// Rows of one answer.
const PAGE: u64 = 5_000;

/// Name of the key of pseudonyms among the settings that the store keeps for itself.
const KEY: &str = "pseudonyms";

/// Which rows are wanted: those of a time, after one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First second, since 1970-01-01T00:00:00Z.
    pub from: u64,
    /// One past the last.
    pub until: u64,
    /// `seq` of the last row that was read; 0 for the first.
    pub after: u64,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayPrediction {
    /// Place among all.
    pub seq: u64,
    /// Identifies it.
    pub id: String,
    /// Of which service.
    pub service: String,
    /// Name, version and SHA-256 of the model.
    pub model: [String; 3],
    /// Version of the taxonomy.
    pub taxonomy: String,
    /// Labels given, in the form of `NewPrediction::labels`.
    pub labels: String,
    /// Agency that it counts for; empty where it was given before agencies were kept.
    pub org: String,
    /// In which mode the agency had the service then; none where there were no modes.
    pub mode: Option<String>,
    /// Characters of the text that are not blank; none of what is no text, or was kept before they were counted.
    pub n_chars: Option<u64>,
}

/// A word of an officer on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFeedback {
    /// Place among all.
    pub seq: u64,
    /// The prediction.
    pub prediction: String,
    /// Of which service.
    pub service: String,
    /// Version of the model that answered.
    pub version: String,
    /// Labels given, in the form of `NewPrediction::labels`.
    pub given: String,
    /// What was decided.
    pub verdict: String,
    /// The right label.
    pub label: Option<String>,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// The same of the answer, while it is held.
    pub answered: Option<u64>,
}

/// A job that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayJob {
    /// Place among all.
    pub seq: u64,
    /// Agency that it counts for.
    pub org: String,
    /// Which service.
    pub service: String,
    /// Its state's name.
    pub state: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// When its latest attempt began.
    pub started: Option<u64>,
    /// When it ended.
    pub finished: Option<u64>,
}

/// A recording that was transcribed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayRecording {
    /// Place among all.
    pub seq: u64,
    /// Agency that it counts for.
    pub org: String,
    /// What was told of the transcript, in JSON.
    pub figures: String,
    /// How often it was corrected since.
    pub n_corrections: u64,
}

/// A review that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayReview {
    /// Place among all.
    pub seq: u64,
    /// Agency that it counts for.
    pub org: String,
    /// Of which service.
    pub service: &'static str,
    /// Why it was reviewed.
    pub reason: String,
    /// What was decided.
    pub verdict: String,
    /// Milliseconds since 1970-01-01T00:00:00Z: when it came in.
    pub created: u64,
    /// Until when it should have been decided.
    pub deadline: u64,
    /// When it was.
    pub decided: u64,
}

impl Store {
    /// Answers given in a stretch of time, some thousand, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn day_predictions(&self, stretch: Stretch) -> Reply<Vec<DayPrediction>> {
        self.call(Kind::Read, stretch, |it, tx| predictions(*it, tx).boxed())
    }

    /// Feedback given in a stretch of time, some thousand, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn day_feedback(&self, stretch: Stretch) -> Reply<Vec<DayFeedback>> {
        self.call(Kind::Read, stretch, |it, tx| feedback(*it, tx).boxed())
    }

    /// Jobs accepted in a stretch of time, some thousand, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn day_jobs(&self, stretch: Stretch) -> Reply<Vec<DayJob>> {
        self.call(Kind::Read, stretch, |it, tx| jobs(*it, tx).boxed())
    }

    /// Recordings transcribed in a stretch of time, some thousand, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn day_recordings(&self, stretch: Stretch) -> Reply<Vec<DayRecording>> {
        self.call(Kind::Read, stretch, |it, tx| recordings(*it, tx).boxed())
    }

    /// Reviews decided in a stretch of time, and past undoing, some thousand, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn day_reviews(&self, stretch: Stretch) -> Reply<Vec<DayReview>> {
        self.call(Kind::Read, stretch, |it, tx| reviews(*it, tx).boxed())
    }

    /// The key of pseudonyms, made when it is asked for first: the same for every node and every export.
    ///
    /// # Errors
    /// When the database fails, or the key does not open.
    pub fn pseudonym_key(&self) -> Result<Secret<Vec<u8>>, StoreError> {
        let fresh = Key::<Aes256Gcm>::try_generate().map_err(|_| StoreError::Sealed)?;
        let sealed = self.sealer.seal(&fresh, KEY.as_bytes())?;
        let kept = self.call(Kind::Durable, sealed, |it, tx| key(it, tx).boxed()).wait()?;
        Ok(Secret::new(self.sealer.unseal(&kept, KEY.as_bytes())?))
    }
}

async fn predictions(it: Stretch, tx: &mut dyn Tx) -> Result<Vec<DayPrediction>, StoreError> {
    let select =
        "SELECT seq, id, service, model, version, sha256, taxonomy, labels, org, mode, n_chars FROM prediction
        WHERE $1 <= created AND created < $2 AND $3 < seq ORDER BY seq LIMIT $4";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DayPrediction {
            seq: row.take()?,
            id: row.take()?,
            service: row.take()?,
            model: [row.take()?, row.take()?, row.take()?],
            taxonomy: row.take()?,
            labels: row.take()?,
            org: row.take()?,
            mode: row.take()?,
            n_chars: row.take()?,
        })
    };
    let values = values![it.from, it.until, it.after, PAGE];
    tx.rows(select, values).await?.into_iter().map(read).collect()
}

async fn recordings(it: Stretch, tx: &mut dyn Tx) -> Result<Vec<DayRecording>, StoreError> {
    let select = "SELECT seq, org, figures, n_corrections FROM job
        WHERE service = 'speech' AND operation = 'transcribe' AND $1 <= finished AND finished < $2 AND $3 < seq
            AND state = 'succeeded' AND figures IS NOT NULL ORDER BY seq LIMIT $4";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DayRecording {
            seq: row.take()?,
            org: row.take()?,
            figures: row.take()?,
            n_corrections: row.take()?,
        })
    };
    let values = values![ms(it.from), ms(it.until), it.after, PAGE];
    tx.rows(select, values).await?.into_iter().map(read).collect()
}

async fn reviews(it: Stretch, tx: &mut dyn Tx) -> Result<Vec<DayReview>, StoreError> {
    let select = "SELECT seq, org, kind, reason, verdict, created, deadline, decided FROM review
        WHERE state = 'decided' AND settled = 1 AND $1 <= decided AND decided < $2 AND $3 < seq ORDER BY seq LIMIT $4";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DayReview {
            seq: row.take()?,
            org: row.take()?,
            service: row.take::<String>()?.parse::<ReviewKind>()?.service(),
            reason: row.take()?,
            verdict: row.take()?,
            created: row.take()?,
            deadline: row.take()?,
            decided: row.take()?,
        })
    };
    let values = values![ms(it.from), ms(it.until), it.after, PAGE];
    tx.rows(select, values).await?.into_iter().map(read).collect()
}

async fn feedback(it: Stretch, tx: &mut dyn Tx) -> Result<Vec<DayFeedback>, StoreError> {
    let select = "SELECT f.seq, f.prediction, f.service, f.version, f.given, f.verdict, f.label, f.reason, f.created, p.created
        FROM feedback f LEFT JOIN prediction p ON p.id = f.prediction
        WHERE $1 <= f.created AND f.created < $2 AND $3 < f.seq ORDER BY f.seq LIMIT $4";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DayFeedback {
            seq: row.take()?,
            prediction: row.take()?,
            service: row.take()?,
            version: row.take()?,
            given: row.take()?,
            verdict: row.take()?,
            label: row.take()?,
            reason: row.take()?,
            created: row.take()?,
            answered: row.take()?,
        })
    };
    let values = values![it.from, it.until, it.after, PAGE];
    tx.rows(select, values).await?.into_iter().map(read).collect()
}

async fn jobs(it: Stretch, tx: &mut dyn Tx) -> Result<Vec<DayJob>, StoreError> {
    let select = "SELECT seq, org, service, state, created, started, finished FROM job
        WHERE $1 <= created AND created < $2 AND $3 < seq ORDER BY seq LIMIT $4";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(DayJob {
            seq: row.take()?,
            org: row.take()?,
            service: row.take()?,
            state: row.take()?,
            created: row.take()?,
            started: row.take()?,
            finished: row.take()?,
        })
    };
    let values = values![ms(it.from), ms(it.until), it.after, PAGE];
    tx.rows(select, values).await?.into_iter().map(read).collect()
}

fn ms(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

async fn key(fresh: &[u8], tx: &mut dyn Tx) -> Result<Vec<u8>, StoreError> {
    let insert = "INSERT INTO meta(name, value) VALUES($1, $2) ON CONFLICT(name) DO NOTHING";
    tx.execute(insert, values![KEY, fresh]).await?;
    let rows = tx.rows("SELECT value FROM meta WHERE name = $1", values![KEY]).await?;
    rows.into_iter().next().ok_or(StoreError::Shape)?.take()
}
