//! Several documents accepted at once: each is taken, checked and decided by itself.

use futures_util::future::join_all;

use crate::task::call::CallError;
use crate::task::prediction::Verdict;

use super::refusal::refused;
use super::{Judgement, Officer, ReviewKind, ReviewRow, Reviews};

/// Items of one batch: a page, so that each was shown.
pub const MAX_BATCH: usize = 50;

/// What became of an item of a batch.
pub struct Accepted {
    /// The item.
    pub id: String,
    /// It as decided, or why not.
    pub outcome: Result<ReviewRow, CallError>,
}

impl Reviews {
    /// Accepts the first suggestion of documents whose version the officer saw and whose probability is high enough.
    /// What cannot be accepted is told; the others are accepted all the same.
    pub async fn accept_all(&self, officer: &Officer, items: Vec<(String, u64)>) -> Vec<Accepted> {
        let one = async |(id, version): (String, u64)| {
            let outcome = self.accept_one(officer, &id, version).await;
            Accepted { id, outcome }
        };
        join_all(items.into_iter().take(MAX_BATCH).map(one)).await
    }

    async fn accept_one(
        &self,
        officer: &Officer,
        id: &str,
        version: u64,
    ) -> Result<ReviewRow, CallError> {
        let row = self.find(officer, id).await?.row;
        if row.version != version {
            return Err(refused("這筆內容已變更,請重新載入後再決定。"));
        }
        if row.kind != ReviewKind::Document || row.confidence < self.settings.batch_from {
            return Err(refused("整批接受只適用於信心度達門檻的公文,請個別決定。"));
        }
        let held = self.claim(officer, id).await?.row;
        let accept = Judgement { verdict: Verdict::Accepted, label: None, unit: None, note: None };
        self.decide(officer, (id, held.version), accept).await
    }
}
