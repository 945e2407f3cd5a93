//! Numbered changes of the tables. A number that was released is never changed again.

use super::engine::Tx;
use super::{StoreError, one};

/// Statements of one number for each engine.
struct Migration {
    sqlite: &'static str,
    #[cfg(feature = "postgres")]
    postgres: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            sqlite: include_str!(concat!("migrations/", $name, ".sqlite.sql")),
            #[cfg(feature = "postgres")]
            postgres: include_str!(concat!("migrations/", $name, ".postgres.sql")),
        }
    };
}

/// In order; the first is number 1.
const MIGRATIONS: &[Migration] = &[
    migration!("0001_predictions"),
    migration!("0002_jobs"),
    migration!("0003_webhooks"),
    migration!("0004_clients"),
    migration!("0005_reviews"),
    migration!("0006_privacy"),
    migration!("0007_promotions"),
    migration!("0008_drift"),
    migration!("0009_corrections"),
    migration!("0010_messages"),
    migration!("0011_agencies"),
    migration!("0012_proposals"),
    migration!("0013_modes"),
    migration!("0014_applications"),
    migration!("0015_sign_outs"),
    migration!("0016_versions"),
    migration!("0017_figures"),
];

/// Number of the newest tables that this program knows.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings a file up to date, in one transaction.
pub(super) fn sqlite(connection: &mut rusqlite::Connection) -> Result<(), StoreError> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let missing = missing(found)?;
    if missing.is_empty() {
        // Even the same number would be written: a start without the key changes nothing.
        return Ok(());
    }
    for migration in missing {
        transaction.execute_batch(migration.sqlite)?;
    }
    transaction.pragma_update(None, "user_version", known())?;
    transaction.commit()?;
    Ok(())
}

/// Brings a database up to date, in one transaction; several nodes may start at one time.
#[cfg(feature = "postgres")]
pub(super) async fn postgres(client: &mut tokio_postgres::Client) -> Result<(), StoreError> {
    /// Any number that no other program of this database locks by.
    const LOCK: &str = "SELECT pg_advisory_xact_lock(4620693217682128)";
    let transaction = client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    transaction
        .batch_execute("CREATE TABLE IF NOT EXISTS migration(number BIGINT PRIMARY KEY)")
        .await?;
    let row = transaction.query_one("SELECT coalesce(max(number), 0) FROM migration", &[]).await?;
    let found: i64 = row.try_get(0)?;
    for (number, migration) in (found + 1..).zip(missing(found)?) {
        transaction.batch_execute(migration.postgres).await?;
        transaction.execute("INSERT INTO migration(number) VALUES($1)", &[&number]).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Number of the tables as they are; 0 where nobody has made any.
pub(super) async fn version(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    let select = if tx.is_postgres() {
        let is_there = tx.rows("SELECT count(to_regclass('migration'))", &[]).await?;
        if !one(is_there)?.take::<bool>()? {
            return Ok(0);
        }
        "SELECT coalesce(max(number), 0) FROM migration"
    } else {
        "PRAGMA user_version"
    };
    one(tx.rows(select, &[]).await?)?.take()
}

/// How many changes tables of number `found` lack.
pub(super) fn n_missing(found: i64) -> Result<usize, StoreError> {
    missing(found).map(<[Migration]>::len)
}

/// What a database of number `found` lacks.
fn missing(found: i64) -> Result<&'static [Migration], StoreError> {
    let have = usize::try_from(found).ok();
    have.and_then(|it| MIGRATIONS.get(it..)).ok_or(StoreError::Version { found, known: known() })
}
