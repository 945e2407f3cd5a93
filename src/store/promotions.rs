//! Which versions of models may answer: proposed by one person, approved by another.

use std::time::Duration;

use futures_util::FutureExt;

use super::approvals::{self, Approval, COLUMNS, Rejection, Request, Requests};
use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::value::{Row, values};
use super::{Store, StoreError};

/// A request to let a version of a model answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Who asked, who approved.
    pub request: Request,
    /// Which model.
    pub model: String,
    /// Which version of it.
    pub version: u32,
    /// SHA-256 over the version as it was proposed: what is approved is what was seen.
    pub sha256: String,
}

impl Store {
    /// Keeps a proposal; it waits for somebody else. `false` when the same version waits already: two that ask at one time
    /// are one proposal.
    ///
    /// # Errors
    /// When the database fails.
    pub fn propose_promotion(&self, promotion: Promotion) -> Reply<bool> {
        self.call(Kind::Durable, promotion, |it, tx| insert(it, tx).boxed())
    }

    /// Approves a proposal at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn approve_promotion(&self, id: &str, by: &str, now: Duration) -> Reply<Approval> {
        self.call(Kind::Durable, (id.to_owned(), by.to_owned(), now), |(id, by, now), tx| {
            approve(id, by, *now, tx).boxed()
        })
    }

    /// Rejects a proposal; `false` when it does not wait.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reject_promotion(&self, id: &str, rejection: Rejection) -> Reply<bool> {
        self.call(Kind::Durable, (id.to_owned(), rejection), |(id, it), tx| {
            approvals::reject(Requests::Promotions, id, it, tx).boxed()
        })
    }

    /// Notes at `now` that the version of a proposal answers.
    ///
    /// # Errors
    /// When the database fails.
    pub fn promoted(&self, id: &str, now: Duration) -> Reply<()> {
        self.call(Kind::Durable, (id.to_owned(), now), |(id, now), tx| {
            approvals::finish(Requests::Promotions, id, *now, tx).boxed()
        })
    }

    /// Every proposal, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn promotions(&self) -> Reply<Vec<Promotion>> {
        self.call(Kind::Read, (), |(), tx| promotions(tx).boxed())
    }
}

async fn insert(it: &Promotion, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let insert = "INSERT INTO promotion(id, reason, asked_by, asked, model, version, sha256)
        VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(model, version, sha256)
        WHERE approved IS NULL AND rejected IS NULL DO NOTHING";
    let Request { id, reason, asked, .. } = &it.request;
    let values = values![id, reason, &asked.0, ms(asked.1), &it.model, it.version, &it.sha256];
    Ok(tx.execute(insert, values).await? == 1)
}

async fn promotions(tx: &mut dyn Tx) -> Result<Vec<Promotion>, StoreError> {
    let select =
        format!("SELECT {COLUMNS}, model, version, sha256 FROM promotion ORDER BY asked, id");
    let read = |mut row: Row| -> Result<_, StoreError> {
        let request = Request::take(&mut row)?;
        let (model, version, sha256) = (row.take()?, row.take()?, row.take()?);
        Ok(Promotion { request, model, version, sha256 })
    };
    tx.rows(&select, values![]).await?.into_iter().map(read).collect()
}

async fn approve(
    id: &str,
    by: &str,
    now: Duration,
    tx: &mut dyn Tx,
) -> Result<Approval, StoreError> {
    let approval = approvals::may_approve(Requests::Promotions, (id, by), tx).await?;
    if approval == Approval::Approved {
        approvals::approve(Requests::Promotions, (id, by), now, tx).await?;
    }
    Ok(approval)
}
