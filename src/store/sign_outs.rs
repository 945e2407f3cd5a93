//! Whose sessions the provider of logins has ended: told to one node, read by every other.

use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::value::{Row, values};
use super::{Store, StoreError};

/// For so long they are kept: no session lives longer.
const KEPT: Duration = Duration::from_secs(8 * 60 * 60);

/// That a session at the provider was ended, or all of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOut {
    /// Identifies it.
    pub id: String,
    /// Whose sessions: the id of the person at the provider.
    pub subject: Option<String>,
    /// Which one.
    pub sid: Option<String>,
    /// When: since 1970-01-01T00:00:00Z.
    pub at: Duration,
}

impl Store {
    /// Keeps that sessions were ended, and forgets those that ended long ago.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_sign_out(&self, row: SignOut) -> Reply<()> {
        self.call(Kind::Durable, row, |row, tx| add(row, tx).boxed())
    }

    /// Those since `from`, the earliest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sign_outs(&self, from: Duration) -> Reply<Vec<SignOut>> {
        self.call(Kind::Read, from, |from, tx| since(*from, tx).boxed())
    }
}

async fn add(row: &SignOut, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let old = ms(row.at.saturating_sub(KEPT));
    tx.execute("DELETE FROM sign_out WHERE at < $1", values![old]).await?;
    let insert = "INSERT INTO sign_out(id, subject, sid, at) VALUES($1, $2, $3, $4)";
    tx.execute(insert, values![&row.id, &row.subject, &row.sid, ms(row.at)]).await.map(drop)
}

async fn since(from: Duration, tx: &mut dyn Tx) -> Result<Vec<SignOut>, StoreError> {
    let select = "SELECT id, subject, sid, at FROM sign_out WHERE $1 <= at ORDER BY at, id";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(SignOut {
            id: row.take()?,
            subject: row.take()?,
            sid: row.take()?,
            at: Duration::from_millis(row.take()?),
        })
    };
    tx.rows(select, values![ms(from)]).await?.into_iter().map(read).collect()
}
