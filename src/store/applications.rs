//! What systems apply for: a registration that one person asks for and another approves.

use std::time::Duration;

use futures_util::FutureExt;

use super::approvals::{self, Approval, COLUMNS, Rejection, Request, Requests, is_same};
use super::clients::{self, ClientRow};
use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::value::{Row, values};
use super::{Store, StoreError};

/// Applications of one sender that may wait at one time.
const MAX_WAITING: u64 = 200;

/// An application of a system. The reason of its request is the number that the applicant knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationRow {
    /// Who applied, who approved.
    pub request: Request,
    /// Who handed it over.
    pub sender: String,
    /// Code of the agency of the system.
    pub org: String,
    /// Id of the system.
    pub client: String,
    /// What it asks for, as JSON.
    pub content: String,
}

/// What became of an application that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It waits for an approval.
    Kept,
    /// One of the same system waits already.
    Waits,
    /// Too many of the same sender wait.
    TooMany,
}

impl Store {
    /// Keeps an application; it waits for somebody else.
    ///
    /// # Errors
    /// When the database fails.
    pub fn apply(&self, row: ApplicationRow) -> Reply<Applied> {
        self.call(Kind::Durable, row, |row, tx| insert(row, tx).boxed())
    }

    /// Every application, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn applications(&self) -> Reply<Vec<ApplicationRow>> {
        self.call(Kind::Read, (), |(), tx| applications(tx).boxed())
    }

    /// Approves an application at `now` in the name of `by` and registers the client that it asks for, or neither.
    ///
    /// # Errors
    /// When the database fails.
    pub fn approve_application(
        &self,
        id: &str,
        by: &str,
        now: Duration,
        client: ClientRow,
    ) -> Reply<Approval> {
        let given = (id.to_owned(), by.to_owned(), now, client);
        self.call(Kind::Durable, given, |(id, by, now, client), tx| {
            approve((id, by), *now, client, tx).boxed()
        })
    }

    /// Rejects an application; `false` when it does not wait.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reject_application(&self, id: &str, rejection: Rejection) -> Reply<bool> {
        self.call(Kind::Durable, (id.to_owned(), rejection), |(id, it), tx| {
            approvals::reject(Requests::Applications, id, it, tx).boxed()
        })
    }
}

async fn insert(it: &ApplicationRow, tx: &mut dyn Tx) -> Result<Applied, StoreError> {
    let count = "SELECT count(*) FROM application
        WHERE sender = $1 AND approved IS NULL AND rejected IS NULL";
    let n_waiting: u64 = super::one(tx.rows(count, values![&it.sender]).await?)?.take()?;
    if MAX_WAITING <= n_waiting {
        return Ok(Applied::TooMany);
    }
    let insert =
        "INSERT INTO application(id, reason, asked_by, asked, sender, org, client, content)
        VALUES($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT(client)
        WHERE approved IS NULL AND rejected IS NULL DO NOTHING";
    let Request { id, reason, asked, .. } = &it.request;
    let (sender, org, client, content) = (&it.sender, &it.org, &it.client, &it.content);
    let values = values![id, reason, &asked.0, ms(asked.1), sender, org, client, content];
    let is_kept = tx.execute(insert, values).await? == 1;
    Ok(if is_kept { Applied::Kept } else { Applied::Waits })
}

async fn applications(tx: &mut dyn Tx) -> Result<Vec<ApplicationRow>, StoreError> {
    let select = format!(
        "SELECT {COLUMNS}, sender, org, client, content FROM application ORDER BY asked, id"
    );
    let read = |mut row: Row| -> Result<_, StoreError> {
        let request = Request::take(&mut row)?;
        let (sender, org) = (row.take()?, row.take()?);
        Ok(ApplicationRow { request, sender, org, client: row.take()?, content: row.take()? })
    };
    tx.rows(&select, values![]).await?.into_iter().map(read).collect()
}

async fn approve(
    (id, by): (&str, &str),
    now: Duration,
    client: &ClientRow,
    tx: &mut dyn Tx,
) -> Result<Approval, StoreError> {
    let of = Requests::Applications;
    let approval = approvals::may_approve(of, (id, by), tx).await?;
    if approval != Approval::Approved {
        return Ok(approval);
    }
    let select = "SELECT sender FROM application WHERE id = $1";
    let sender: String = super::one(tx.rows(select, values![id]).await?)?.take()?;
    if is_same(&sender, by) {
        return Ok(Approval::SamePerson);
    }
    if !clients::add(client, tx).await? {
        return Ok(Approval::Taken);
    }
    approvals::approve(of, (id, by), now, tx).await?;
    approvals::finish(of, id, now, tx).await?;
    Ok(Approval::Approved)
}
