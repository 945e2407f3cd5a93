//! What fenwen keeps: predictions, feedback, reviews, jobs, blobs, webhooks, messages, clients. SQLite, or PostgreSQL for
//! several nodes.
//!
//! Every call returns a [`Reply`]: an async caller awaits it, a thread waits for it. Texts, inputs and results are
//! sealed with AES-256-GCM before they reach the database. The store knows nothing of what it keeps: labels, signatures
//! and results are bytes of its callers.

mod applications;
mod approvals;
mod bells;
pub mod blobs;
pub mod clients;
mod decided;
mod drift;
mod duties;
mod engine;
mod erasure;
mod export;
pub mod faults;
mod holds;
mod inspect;
pub mod jobs;
mod keys;
pub mod messages;
mod migrations;
mod modes;
mod outbox;
#[cfg(feature = "postgres")]
mod postgres;
mod predictions;
mod promotions;
mod retention;
pub mod reviews;
mod seal;
mod sign_outs;
mod snapshot;
mod sqlite;
mod subjects;
mod taxonomies;
mod value;
pub mod warehouse;
pub mod webhooks;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;

pub use applications::{ApplicationRow, Applied};
pub use approvals::{Approval, Rejection, Request};
pub use bells::Bells;
pub use decided::{AnsweredRow, DecidedRow};
pub use drift::{DriftReference, DriftRow, Observed, Observing, Shape};
pub use duties::Duty;
pub use engine::Reply;
pub use erasure::Erasure;
pub use export::Labelled;
pub use holds::{Hold, HoldKind};
pub use inspect::Inspection;
pub use keys::{Progress, StoreKey};
pub use modes::ModeRow;
pub use outbox::OutboxRow;
#[cfg(feature = "postgres")]
pub use postgres::PostgresTls;
pub use predictions::{FeedbackRow, KeptSignature, NewPrediction, Prediction, Review};
pub use promotions::Promotion;
pub use retention::{Expiring, Keep, Purged};
pub use seal::n_unsealing_failures;
pub use sign_outs::SignOut;
pub use snapshot::{PartPlace, Snapshot};
pub use subjects::{Identifier, IdentifierKind, Mention, Subject};
pub use taxonomies::TaxonomyRow;

use engine::{Code, Engine, Kind, Tx};
use faults::Faults;
use seal::Sealer;
use subjects::SubjectKey;
use value::values;

/// Name of the sealed value by which a database shows that it belongs to a key.
const KEY_CHECK: &str = "key-check";

/// Name of the pseudonym by which a database shows that it belongs to a key of subjects.
const SUBJECT_CHECK: &str = "subject-check";

/// File of the key of subjects, beside those that seal.
const SUBJECT_KEY: &str = "subject.key";

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
    /// SQLite.
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    #[error("the database failed")]
    Postgres(#[from] tokio_postgres::Error),
    /// A transaction that many calls shared could not be committed: none of them happened.
    #[error("failed to commit: {0}")]
    Commit(String),
    /// A row has columns of other kinds than this program writes.
    #[error("a row has another shape than expected")]
    Shape,
    /// Too many calls wait.
    #[error("too many calls wait for the database")]
    Busy,
    /// The store is closing, or the answer was lost: what was asked may have happened.
    #[error("the answer of the database was lost")]
    Closed,
    /// The key file is of another length, open to others, or not the one of the database.
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
    #[error(
        "the database has version {found}, this program knows version {known}: start a program as new as the one that changed it"
    )]
    Version {
        /// In the file.
        found: i64,
        /// In this program.
        known: i64,
    },
}

impl StoreError {
    /// The same failure for another call of the same transaction.
    fn again(&self) -> StoreError {
        StoreError::Commit(self.to_string())
    }
}

/// Name of SQLite's file.
const FILE: &str = "store.sqlite";

/// The database and its key; cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    bells: Arc<Bells>,
    sealer: Arc<Sealer>,
    subject_key: Arc<SubjectKey>,
    /// The file of SQLite, whose log is folded now and then.
    file: Option<Arc<PathBuf>>,
    faults: Option<Arc<dyn Faults>>,
}

impl Store {
    /// Opens or makes the SQLite store under `data_dir`.
    ///
    /// # Errors
    /// When a file cannot be made, the key is open to others or not the database's, or the database is of a newer
    /// program.
    pub fn open(data_dir: &Path) -> Result<Store, StoreError> {
        let path = data_dir.join(FILE);
        let bells = Arc::default();
        let engine = Arc::new(sqlite::Sqlite::open(&path, &bells)?);
        Store::with(data_dir, (engine, bells), Some(Arc::new(path)))
    }

    /// Whether there is an SQLite store under `data_dir`.
    pub fn is_in(data_dir: &Path) -> bool {
        data_dir.join(FILE).is_file()
    }

    /// Opens the PostgreSQL store at `url` (`postgresql://…` or `host=… dbname=…`) with `n_connections`; the keys lie
    /// under `data_dir` and are the same on every node.
    ///
    /// # Errors
    /// Those of [`Store::open`], and when the server cannot be reached.
    #[cfg(feature = "postgres")]
    pub fn connect(data_dir: &Path, url: &str, n_connections: usize) -> Result<Store, StoreError> {
        Store::connect_over(&PostgresTls::default(), data_dir, url, n_connections)
    }

    /// The same over connections that are encrypted: where the address says `sslmode=require`, or `tls` anything.
    ///
    /// # Errors
    /// Those of [`Store::connect`], and when a file of certificates cannot be used.
    #[cfg(feature = "postgres")]
    pub fn connect_over(
        tls: &PostgresTls,
        data_dir: &Path,
        url: &str,
        n_connections: usize,
    ) -> Result<Store, StoreError> {
        let bells = Arc::default();
        let engine = postgres::Postgres::open(url, n_connections, tls, &bells)?;
        Store::with(data_dir, (Arc::new(engine), bells), None)
    }

    /// A store in memory whose calls happen at once on the caller's thread; its keys lie under `data_dir`.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub fn in_memory(data_dir: &Path) -> Result<Store, StoreError> {
        let bells = Arc::default();
        let engine = Arc::new(sqlite::Inline::open(&bells)?);
        Store::with(data_dir, (engine, bells), None)
    }

    fn with(
        data_dir: &Path,
        (engine, bells): (Arc<dyn Engine>, Arc<Bells>),
        file: Option<Arc<PathBuf>>,
    ) -> Result<Store, StoreError> {
        let keys = data_dir.join("keys");
        let sealer = Arc::new(Sealer::open(&keys)?);
        let subject_key = seal::open_or_make(&keys, SUBJECT_KEY)?;
        let subject_key = Arc::new(SubjectKey::new(&subject_key[..])?);
        Store { engine, bells, sealer, subject_key, file, faults: None }.checked(&keys)
    }

    /// What is rung when something is written that others wait for.
    pub fn bells(&self) -> &Arc<Bells> {
        &self.bells
    }

    /// Hears the bells of other processes from now on, and lets them hear ours: PostgreSQL carries them, over a connection
    /// more. On SQLite nobody hears another process.
    pub fn listen(&self) {
        self.engine.listen();
    }

    /// Does what was queued, and lets go of SQLite's file, whose log is put away then; every later call of any clone
    /// fails. Blocks for as long as that takes. Of PostgreSQL nothing has to be put away.
    pub fn close(&self) {
        self.engine.close();
    }

    /// The same store with failures injected: for tests.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Store {
        Store { faults: Some(faults), ..self.clone() }
    }

    /// Refuses keys that are not those of the database.
    fn checked(self, keys: &Path) -> Result<Store, StoreError> {
        let own = self.sealer.seal(KEY_CHECK.as_bytes(), KEY_CHECK.as_bytes())?;
        let own = (own, self.subject_key.check()?.as_str().as_bytes().to_vec());
        let found = self.call(Kind::Durable, own, |own, tx| checks(own, tx).boxed()).wait()?;
        seal::require_key(&self.sealer, &found.0, keys)?;
        self.subject_key.require(&found.1, keys.join(SUBJECT_KEY))?;
        Ok(self)
    }

    /// Folds SQLite's log into the database and empties it, so that nothing that was erased is left in it; writers wait
    /// for that long. PostgreSQL does so in its own time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn scrub(&self) -> Result<(), StoreError> {
        self.file.as_deref().map_or(Ok(()), |it| sqlite::scrub(it))
    }

    /// Asks the database for nothing, to see whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn ping(&self) -> Reply<()> {
        self.call(Kind::Query, (), |(), tx| {
            async move { tx.rows("SELECT 1", values![]).await.map(|_| ()) }.boxed()
        })
    }

    fn call<D, R>(&self, kind: Kind, data: D, code: Code<D, R>) -> Reply<R>
    where
        D: Send + Sync + 'static,
        R: Send + 'static,
    {
        let (work, reply) = engine::work(data, code);
        match &self.faults {
            Some(faults) => faults::submit(faults.as_ref(), &self.engine, work, kind),
            None => self.engine.submit(work, kind),
        }
        reply
    }
}

/// Writes the values by which keys are recognised, unless there are some; those that are there.
async fn checks(
    (sealed, subject): &(Vec<u8>, Vec<u8>),
    tx: &mut dyn Tx,
) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    Ok((check(KEY_CHECK, sealed, tx).await?, check(SUBJECT_CHECK, subject, tx).await?))
}

async fn check(name: &str, own: &[u8], tx: &mut dyn Tx) -> Result<Vec<u8>, StoreError> {
    let insert = "INSERT INTO meta(name, value) VALUES($1, $2) ON CONFLICT DO NOTHING";
    tx.execute(insert, values![name, own]).await?;
    one(tx.rows("SELECT value FROM meta WHERE name = $1", values![name]).await?)?.take()
}

/// The only row.
fn one(rows: Vec<value::Row>) -> Result<value::Row, StoreError> {
    rows.into_iter().next().ok_or(StoreError::Shape)
}

#[cfg(test)]
mod tests;
