//! The database file: its settings and its tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;

/// Version of the tables.
const VERSION: i64 = 1;

/// Longest wait for another writer: a batch of erasures, or another process.
const BUSY: Duration = Duration::from_secs(5);

/// Folded by hand, but never beyond this: 8,192 pages are 32 MiB.
const MAX_LOG_PAGES: i64 = 8192;

const TABLES: &str = "
CREATE TABLE prediction(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, service TEXT NOT NULL,
  model TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL, taxonomy TEXT NOT NULL,
  labels TEXT NOT NULL, sealed BLOB NOT NULL, signature BLOB, created INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX prediction_expires ON prediction(expires);
CREATE TABLE feedback(
  id INTEGER PRIMARY KEY AUTOINCREMENT, prediction TEXT NOT NULL, service TEXT NOT NULL, version TEXT NOT NULL,
  given TEXT NOT NULL, verdict TEXT NOT NULL, label TEXT, unit TEXT, reason TEXT, decided_by TEXT, role TEXT,
  created INTEGER NOT NULL);
CREATE INDEX feedback_prediction ON feedback(prediction);
CREATE TRIGGER feedback_stays_as_it_is BEFORE UPDATE ON feedback BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER feedback_stays BEFORE DELETE ON feedback BEGIN SELECT RAISE(ABORT, 'append only'); END;
";

/// Opens the file and makes the tables where there are none.
pub(super) fn database(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = connection(path)?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match found {
        0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        VERSION => (),
        _ => return Err(StoreError::Version { found, known: VERSION }),
    }
    transaction.commit()?;
    Ok(connection)
}

/// Opens the file: write-ahead log, deleted content overwritten.
pub(super) fn connection(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A crash of the machine may lose the last moments; a crash of the program loses nothing.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", MAX_LOG_PAGES)?;
    Ok(connection)
}
