//! Versions of taxonomies: added, never changed.

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::value::{Row, values};
use super::{Store, StoreError};

/// A version of a taxonomy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxonomyRow {
    /// Which taxonomy.
    pub name: String,
    /// Which version.
    pub version: String,
    /// Its content, in a form of the caller.
    pub body: String,
    /// From when it holds: seconds since 1970-01-01T00:00:00Z.
    pub valid_from: u64,
    /// When it was added.
    pub created: u64,
}

impl Store {
    /// Adds a version; `false` when there is one of this name and version, which stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_taxonomy(&self, row: TaxonomyRow) -> Reply<bool> {
        self.call(Kind::Durable, row, |row, tx| add(row, tx).boxed())
    }

    /// Every version of a taxonomy, the one that holds longest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn taxonomies(&self, name: &str) -> Reply<Vec<TaxonomyRow>> {
        self.call(Kind::Read, name.to_owned(), |name, tx| versions(name, tx).boxed())
    }
}

async fn add(row: &TaxonomyRow, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let insert = "INSERT INTO taxonomy(name, version, body, valid_from, created)
        VALUES($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    let values = values![&row.name, &row.version, &row.body, row.valid_from, row.created];
    Ok(tx.execute(insert, values).await? == 1)
}

async fn versions(name: &str, tx: &mut dyn Tx) -> Result<Vec<TaxonomyRow>, StoreError> {
    let select = "SELECT name, version, body, valid_from, created FROM taxonomy WHERE name = $1
        ORDER BY valid_from, version";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(TaxonomyRow {
            name: row.take()?,
            version: row.take()?,
            body: row.take()?,
            valid_from: row.take()?,
            created: row.take()?,
        })
    };
    tx.rows(select, values![name]).await?.into_iter().map(read).collect()
}
