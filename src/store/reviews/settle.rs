//! What becomes of decisions: they turn into feedback once they cannot be taken back, and their texts are erased later.

use std::time::Duration;

use futures_util::FutureExt;

use crate::store::engine::{Kind, Reply, Tx};
use crate::store::jobs::ms;
use crate::store::outbox::{self, OutboxRow};
use crate::store::predictions::{self, About, FeedbackRow};
use crate::store::value::{owned, values};
use crate::store::{Store, StoreError};

use super::{COLUMNS, ReviewRow, read};

/// Items settled or erased in one transaction.
const AT_ONCE: u64 = 200;

/// How a decision is settled.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The item as it was decided.
    pub row: ReviewRow,
    /// Feedback on its answer, and the event that tells of it; none for a second opinion.
    pub feedback: Option<(FeedbackRow, OutboxRow)>,
}

impl Store {
    /// Decisions of `before` or earlier that are not settled, the oldest first; some hundred at most.
    ///
    /// # Errors
    /// When the database fails or a title does not open.
    pub fn unsettled_reviews(&self, before: Duration) -> Reply<Vec<ReviewRow>> {
        self.call(Kind::Read, self.sealed(before), |ask, tx| {
            async move {
                let select = format!(
                    "SELECT {COLUMNS} FROM review WHERE state = 'decided' AND settled = 0 AND decided <= $1
                    ORDER BY decided, seq LIMIT $2"
                );
                let rows = tx.rows(&select, values![ms(ask.what), AT_ONCE]).await?;
                rows.into_iter().map(|it| read(it, &ask.sealer)).collect()
            }
            .boxed()
        })
    }

    /// Settles a decision: with its feedback, in one transaction. `false` when it was taken back or is settled.
    ///
    /// # Errors
    /// When the database fails.
    pub fn settle_review(&self, settlement: Settlement) -> Reply<bool> {
        self.call(Kind::Durable, settlement, |it, tx| settle(it, tx).boxed())
    }
}

/// Erases the texts of `limit` items that were decided before, unless their prediction is held.
pub(in crate::store) async fn erase(
    before: Duration,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<u64, StoreError> {
    let erase = "UPDATE review SET sealed = NULL, sealed_title = NULL WHERE seq IN
        (SELECT seq FROM review WHERE state = 'decided' AND sealed IS NOT NULL AND decided < $1
            AND NOT EXISTS (SELECT 1 FROM held WHERE held.kind = 'prediction' AND held.object = review.prediction)
            LIMIT $2)";
    tx.execute(erase, values![ms(before), limit]).await
}

/// Deletes `limit` items without a text that were decided before.
pub(in crate::store) async fn forget(
    before: Duration,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<u64, StoreError> {
    let forget = "DELETE FROM review WHERE seq IN
        (SELECT seq FROM review WHERE state = 'decided' AND sealed IS NULL AND decided < $1 LIMIT $2)";
    tx.execute(forget, values![ms(before), limit]).await
}

async fn settle(it: &Settlement, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let row = &it.row;
    let update = "UPDATE review SET settled = 1, version = version + 1
        WHERE id = $1 AND version = $2 AND state = 'decided' AND settled = 0";
    if tx.execute(update, values![&row.id, row.version]).await? == 0 {
        return Ok(false);
    }
    if let Some((feedback, told)) = &it.feedback {
        let about =
            About { service: row.kind.service(), version: &row.model_version, given: &row.given };
        predictions::insert_feedback(feedback, about, tx)?;
        outbox::add(told, tx)?;
    }
    Ok(true)
}

/// Closes the items of an answer on which the calling system has told the decision itself. Second opinions stay: they
/// are asked of officers here.
pub(in crate::store) fn close_by_feedback(
    row: &FeedbackRow,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let update = "UPDATE review SET state = 'decided', verdict = $2, label = $3, decided_unit = $4, decided_by = $5,
            decided = $6, note = $7, settled = 1, holder = NULL, lease_until = NULL, version = version + 1
        WHERE prediction = $1 AND state <> 'decided' AND first IS NULL";
    let values = owned![
        &row.prediction,
        &row.verdict,
        &row.label,
        &row.unit,
        &row.decided_by,
        row.created * 1000,
        &row.reason,
    ];
    tx.write(update, values)
}
