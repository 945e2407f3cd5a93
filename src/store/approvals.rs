//! What takes two persons: a request that one makes and another approves. Both stand in its row for good.

use std::time::Duration;

use super::StoreError;
use super::engine::Tx;
use super::jobs::{ms, time};
use super::value::{Row, values};

/// A request of one person for another's approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Identifies it.
    pub id: String,
    /// Why.
    pub reason: String,
    /// Who asked for it, and when (since 1970-01-01T00:00:00Z).
    pub asked: (String, Duration),
    /// Who approved it, and when.
    pub approved: Option<(String, Duration)>,
    /// When what was asked for was done to its end.
    pub done: Option<Duration>,
    /// Who rejected it instead.
    pub rejected: Option<Rejection>,
}

/// Why something that was asked for is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Who rejected it; whoever asked may take it back.
    pub by: String,
    /// When (since 1970-01-01T00:00:00Z).
    pub at: Duration,
    /// Why.
    pub reason: String,
}

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// It counts: do it.
    Approved,
    /// There is no such request that waits.
    Unknown,
    /// Nobody approves what he asked for himself.
    SamePerson,
    /// A legal hold is in the way.
    Held,
    /// What was asked for has gone to somebody else.
    Taken,
}

/// A table of requests. Each has the columns of a [`Request`], named as in [`COLUMNS`], beside its own.
#[derive(Clone, Copy)]
pub(super) enum Requests {
    Applications,
    Erasures,
    Promotions,
}

/// The columns of a [`Request`], in the order in which it is read.
pub(super) const COLUMNS: &str =
    "id, reason, asked_by, asked, approved_by, approved, done, rejected_by, rejected, rejection";

/// Condition of a request that waits.
const WAITS: &str = "approved IS NULL AND rejected IS NULL";

impl Requests {
    fn table(self) -> &'static str {
        match self {
            Requests::Applications => "application",
            Requests::Erasures => "erasure",
            Requests::Promotions => "promotion",
        }
    }
}

impl Request {
    /// The next columns of a row.
    pub(super) fn take(row: &mut Row) -> Result<Request, StoreError> {
        let (id, reason) = (row.take()?, row.take()?);
        let asked = (row.take()?, time(row.take()?));
        let approved_by: Option<String> = row.take()?;
        let approved = approved_by.zip(row.take::<Option<u64>>()?.map(time));
        let done = row.take::<Option<u64>>()?.map(time);
        let rejected_by: Option<String> = row.take()?;
        let rejected_at = row.take::<Option<u64>>()?.map(time);
        let why: Option<String> = row.take()?;
        let rejected = rejected_by.zip(rejected_at).zip(why);
        let rejected = rejected.map(|((by, at), reason)| Rejection { by, at, reason });
        Ok(Request { id, reason, asked, approved, done, rejected })
    }
}

/// Whether `by` may approve what waits under `id`; nothing is written yet.
pub(super) async fn may_approve(
    requests: Requests,
    (id, by): (&str, &str),
    tx: &mut dyn Tx,
) -> Result<Approval, StoreError> {
    let table = requests.table();
    let select = format!("SELECT asked_by FROM {table} WHERE id = $1 AND {WAITS}");
    let Some(mut row) = tx.rows(&select, values![id]).await?.into_iter().next() else {
        return Ok(Approval::Unknown);
    };
    let asked_by: String = row.take()?;
    Ok(if is_same(&asked_by, by) { Approval::SamePerson } else { Approval::Approved })
}

/// Whether two names are one person's.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

/// Writes an approval down that [`may_approve`] allowed in the same transaction.
pub(super) async fn approve(
    requests: Requests,
    (id, by): (&str, &str),
    now: Duration,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let table = requests.table();
    let update =
        format!("UPDATE {table} SET approved_by = $1, approved = $2 WHERE id = $3 AND {WAITS}");
    tx.execute(&update, values![by, ms(now), id]).await?;
    Ok(())
}

/// Writes down that a request will not be done; `false` when it does not wait.
pub(super) async fn reject(
    requests: Requests,
    id: &str,
    it: &Rejection,
    tx: &mut dyn Tx,
) -> Result<bool, StoreError> {
    let table = requests.table();
    let update = format!(
        "UPDATE {table} SET rejected_by = $1, rejected = $2, rejection = $3 WHERE id = $4 AND {WAITS}"
    );
    Ok(tx.execute(&update, values![&it.by, ms(it.at), &it.reason, id]).await? == 1)
}

/// Writes down that a request was done; the first time counts.
pub(super) async fn finish(
    requests: Requests,
    id: &str,
    now: Duration,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let table = requests.table();
    let update = format!("UPDATE {table} SET done = $1 WHERE id = $2 AND done IS NULL");
    tx.execute(&update, values![ms(now), id]).await?;
    Ok(())
}
