//! What an operator wants to know of a database before a program uses it, found without changing anything: no table is
//! brought up to date and no key is made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;

use super::engine::{self, Engine, Kind, Tx};
#[cfg(feature = "postgres")]
use super::postgres::{Postgres, PostgresTls};
use super::seal::{self, Sealer};
use super::subjects::SubjectKey;
use super::value::values;
use super::{KEY_CHECK, SUBJECT_CHECK, SUBJECT_KEY, Store, StoreError};
use super::{keys, migrations, sqlite};

/// A database as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether no program has made its tables yet.
    pub is_new: bool,
    /// Changes of the tables that this program makes when it opens the database.
    pub n_missing: usize,
    /// Keys that lie beside it.
    pub n_keys: usize,
    /// Values that the newest key has not sealed; `None` where tables are older than this program.
    pub n_sealed_before: Option<u64>,
}

/// The keys that lie beside a database.
struct Found {
    folder: PathBuf,
    sealer: Sealer,
    subject_key: Option<SubjectKey>,
}

impl Store {
    /// Looks at the SQLite store under `data_dir`, and whether its file is whole.
    ///
    /// # Errors
    /// When there is none, it is damaged, the keys are open to others or not the database's, or the database is of a
    /// newer program.
    pub fn inspect(data_dir: &Path) -> Result<Inspection, StoreError> {
        let engine = sqlite::Inline::as_it_is(&data_dir.join("store.sqlite"))?;
        inspect(&engine, &data_dir.join("keys"))
    }

    /// The same of the PostgreSQL store at `url`, over connections as of [`Store::connect_over`].
    ///
    /// # Errors
    /// Those of [`Store::inspect`], and when the server cannot be reached.
    #[cfg(feature = "postgres")]
    pub fn inspect_over(
        tls: &PostgresTls,
        data_dir: &Path,
        url: &str,
    ) -> Result<Inspection, StoreError> {
        inspect(&Postgres::as_it_is(url, tls)?, &data_dir.join("keys"))
    }
}

fn inspect(engine: &dyn Engine, keys: &Path) -> Result<Inspection, StoreError> {
    let subject_key = seal::find(&keys.join(SUBJECT_KEY))?;
    let subject_key = subject_key.map(|it| SubjectKey::new(&it[..])).transpose()?;
    let found = Found { folder: keys.to_owned(), sealer: Sealer::find(keys)?, subject_key };
    let (work, reply) = engine::work(Arc::new(found), |found, tx| look(found, tx).boxed());
    engine.submit(work, Kind::Read);
    reply.wait()
}

async fn look(found: &Found, tx: &mut dyn Tx) -> Result<Inspection, StoreError> {
    let version = migrations::version(tx).await?;
    let n_missing = migrations::n_missing(version)?;
    let is_new = version == 0;
    let n_keys = found.sealer.list().len();
    if !is_new {
        compare(found, tx).await?;
    }
    // Older tables may lack what is counted.
    let is_current = n_missing == 0 && 0 < n_keys;
    let n_sealed_before =
        if is_current { Some(keys::n_sealed_before(&found.sealer, tx).await?) } else { None };
    Ok(Inspection { is_new, n_missing, n_keys, n_sealed_before })
}

/// Refuses keys that are not those of the database, where it shows which are.
async fn compare(found: &Found, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let Found { folder, sealer, subject_key } = found;
    if let Some(sealed) = shown(KEY_CHECK, tx).await? {
        if sealer.list().is_empty() {
            return Err(StoreError::Key { path: folder.clone(), what: "it is missing" });
        }
        seal::require_key(sealer, &sealed, folder)?;
    }
    if let Some(pseudonym) = shown(SUBJECT_CHECK, tx).await? {
        let path = folder.join(SUBJECT_KEY);
        let Some(key) = subject_key else {
            return Err(StoreError::Key { path, what: "it is missing" });
        };
        key.require(&pseudonym, path)?;
    }
    Ok(())
}

/// The value by which a database shows that it belongs to a key; there is none in the oldest.
async fn shown(name: &str, tx: &mut dyn Tx) -> Result<Option<Vec<u8>>, StoreError> {
    let rows = tx.rows("SELECT value FROM meta WHERE name = $1", values![name]).await?;
    rows.into_iter().next().map(|mut it| it.take()).transpose()
}
