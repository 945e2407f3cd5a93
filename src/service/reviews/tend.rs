//! What happens to decisions when nobody calls: they become feedback.

use std::sync::Arc;
use std::time::Duration;

use crate::service::events::{Event, FeedbackReceived};
use crate::store::FeedbackRow;
use crate::store::reviews::{Decided, ReviewRow, Settlement};
use crate::task::call::{CallError, Origin};
use crate::task::prediction::Verdict;

use super::Reviews;
use crate::service::jobs::failed;

/// How often decisions are looked at.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

impl Reviews {
    /// Settles decisions for as long as it is polled.
    pub async fn tend(self: Arc<Self>) {
        loop {
            self.clock.wait(SETTLE_EVERY).await;
            // The store has said in the log why; the next look tries again.
            let _ = self.settle().await;
        }
    }

    /// Makes feedback of the decisions that can no longer be taken back, and tells of them. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle(&self) -> Result<usize, CallError> {
        let before = self.clock.unix_time().saturating_sub(self.settings.undo);
        let mut n_settled = 0;
        loop {
            let due = self.store.unsettled_reviews(before).await.map_err(|it| failed(&it))?;
            if due.is_empty() {
                return Ok(n_settled);
            }
            for row in due {
                let settlement = self.settlement(row)?;
                let settled = self.store.settle_review(settlement).await;
                n_settled += usize::from(settled.map_err(|it| failed(&it))?);
            }
        }
    }

    /// What a decision becomes. A second opinion measures the first and is no feedback of its own.
    fn settlement(&self, row: ReviewRow) -> Result<Settlement, CallError> {
        let verdict = row
            .decided
            .as_ref()
            .and_then(|it| Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == it.verdict));
        let feedback = match (&row.decided, verdict) {
            (Some(decided), Some(verdict)) if row.first.is_none() => {
                let origin = Origin {
                    org: row.org.clone(),
                    correlation: row.correlation.clone(),
                    trace_parent: None,
                };
                let event = FeedbackReceived::new(&row.prediction, verdict);
                let event = Event::FeedbackReceived(event);
                let told = self.tenants.of(&row.org).told(&event, &row.prediction, &origin)?;
                Some((feedback(&row, decided), told))
            }
            _ => None,
        };
        Ok(Settlement { row, feedback })
    }
}

fn feedback(row: &ReviewRow, decided: &Decided) -> FeedbackRow {
    FeedbackRow {
        prediction: row.prediction.clone(),
        verdict: decided.verdict.clone(),
        label: decided.label.clone(),
        unit: decided.unit.clone(),
        reason: decided.note.clone(),
        decided_by: decided.by.clone(),
        role: None,
        created: decided.at.as_secs(),
    }
}
