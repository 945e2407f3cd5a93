//! A copy of the database for a backup, of one moment, taken while others write.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use futures_util::FutureExt;
use rusqlite::{Connection, OpenFlags};

use super::engine::Kind;
use super::value::{Row, values};
use super::{Store, StoreError};

/// A part of a blob: the blob, and the name of its file.
pub type PartPlace = (String, String);

impl Store {
    /// Copies the database into a new file, readable by its owner only. Writers do not wait. `None` on PostgreSQL, which
    /// has programs of its own for that.
    ///
    /// # Errors
    /// When the file is there already, or the database fails.
    pub fn snapshot(&self, to: &Path) -> Result<Option<Snapshot>, StoreError> {
        let Some(path) = self.file.as_deref() else { return Ok(None) };
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        made.map_err(|source| StoreError::File { action: "create", path: to.to_owned(), source })?;
        // One read transaction whatever is written meanwhile; and no page of what was erased, as a copy by pages has.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let source = Connection::open_with_flags(path, flags)?;
        source.busy_timeout(super::sqlite::BUSY)?;
        source.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        Snapshot::open(to).map(Some)
    }

    /// Every blob that is whole.
    ///
    /// # Errors
    /// When the database fails.
    pub fn complete_blobs(&self) -> super::Reply<Vec<String>> {
        self.call(Kind::Read, (), |(), tx| {
            async move {
                let select = "SELECT id FROM blob WHERE state = 'complete' ORDER BY id";
                super::retention::ids(tx.rows(select, values![]).await?)
            }
            .boxed()
        })
    }

    /// Every part of every blob in files.
    ///
    /// # Errors
    /// When the database fails.
    pub fn part_places(&self) -> super::Reply<Vec<PartPlace>> {
        self.call(Kind::Read, (), |(), tx| {
            async move {
                let rows =
                    tx.rows("SELECT blob, place FROM blob_part ORDER BY blob, number", values![]);
                let read =
                    |mut row: Row| -> Result<_, StoreError> { Ok((row.take()?, row.take()?)) };
                rows.await?.into_iter().map(read).collect()
            }
            .boxed()
        })
    }
}

/// A copied database.
pub struct Snapshot(Connection);

impl Snapshot {
    /// Opens a copy, or the database of a store that nobody has open.
    ///
    /// # Errors
    /// When it is no database, or damaged.
    pub fn open(path: &Path) -> Result<Snapshot, StoreError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" { Ok(Snapshot(connection)) } else { Err(StoreError::Shape) }
    }

    /// Rows of every table.
    ///
    /// # Errors
    /// When the database fails.
    pub fn counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let select =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut statement = self.0.prepare(select)?;
        let names = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut counts = BTreeMap::new();
        for name in names {
            let name = name?;
            // The name is our own.
            let count = format!("SELECT count(*) FROM \"{name}\"");
            let n_rows: i64 = self.0.query_row(&count, [], |row| row.get(0))?;
            counts.insert(name, u64::try_from(n_rows).unwrap_or_default());
        }
        Ok(counts)
    }

    /// Every part of every blob in files.
    ///
    /// # Errors
    /// When the database fails.
    pub fn part_places(&self) -> Result<Vec<PartPlace>, StoreError> {
        let mut statement =
            self.0.prepare("SELECT blob, place FROM blob_part ORDER BY blob, number")?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Destroys a blob in the copy that was destroyed in the database meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub fn destroy(&self, blob: &str) -> Result<(), StoreError> {
        self.0.execute("DELETE FROM blob WHERE id = ?1", [blob])?;
        self.0.execute("DELETE FROM blob_part WHERE blob = ?1", [blob])?;
        Ok(())
    }
}
