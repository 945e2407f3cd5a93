//! Reviews: what officers do with the answers that wait for them.
//!
//! An item is held by lease and changed by version, so that two officers never decide the same one. A decision can be
//! taken back for a while; then it becomes feedback and is told, once. See `docs/adr/0013-reviews.md`.

mod agreement;
mod batch;
mod content;
mod enqueue;
mod refusal;
mod tend;

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, RequestId};
use crate::service::jobs::failed;
use crate::store::Store;
use crate::store::reviews::{Decision, Hold, NewReview};
use crate::task::call::CallError;
use crate::task::prediction::{Feedback, Verdict};
use crate::task::review::Agreement;
use crate::task::text::Label;

use super::tenants::Tenants;

pub use crate::store::reviews::{
    Decided, ReviewAsk, ReviewCount, ReviewKind, ReviewPage, ReviewReason, ReviewRow, ReviewSort,
    ReviewState, ReviewView, StateFilter,
};
pub use agreement::kappa;
pub use batch::{Accepted, MAX_BATCH};
pub use content::{Content, Mark, Run, SuggestedLabel, SuggestedOfficer, SuggestedUnit};
pub use enqueue::{Circumstances, ReviewRules};

use refusal::{Wanted, done, missing, refused};

/// Months of agreement that statistics look back.
const MONTHS: u32 = 12;

/// Manners of reviews.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReviewSettings {
    /// How long an officer holds an item.
    pub lease: Duration,
    /// How long a decision can be taken back.
    pub undo: Duration,
    /// Probability from which several documents may be accepted at once, in ten-thousandths.
    pub batch_from: u32,
}

impl Default for ReviewSettings {
    /// 10 minutes, 30 seconds; from 0.95.
    fn default() -> ReviewSettings {
        ReviewSettings {
            lease: Duration::from_secs(600),
            undo: Duration::from_secs(30),
            batch_from: 9_500,
        }
    }
}

impl ReviewSettings {
    /// A probability in ten-thousandths, as items have it.
    pub fn share(probability: f64) -> u32 {
        enqueue::ten_thousandths(probability)
    }
}

/// Who works on reviews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// Id of the person, or of the system that acts for nobody it names.
    pub id: String,
    /// What is seen.
    pub view: ReviewView,
}

/// Which items are wanted, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewQuery {
    /// In which state.
    pub state: StateFilter,
    /// Of one kind only.
    pub kind: Option<ReviewKind>,
    /// Of a unit and those below it only.
    pub unit: Option<String>,
    /// Held by the officer only.
    pub own: bool,
    /// As sure as this at least, in ten-thousandths.
    pub confidence_from: Option<u32>,
    /// The order.
    pub sort: ReviewSort,
    /// After this place.
    pub after: Option<ReviewPage>,
    /// Items at most.
    pub limit: usize,
}

/// One item with its content. No `Debug`: it holds somebody's text.
pub struct Review {
    /// The item.
    pub row: ReviewRow,
    /// Its content; none once it was erased.
    pub content: Option<Content>,
    /// Items of the earlier letter that this one repeats.
    pub earlier: Vec<ReviewRow>,
    /// When this was true: since 1970-01-01T00:00:00Z.
    pub now: Duration,
}

/// What an officer decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What was decided.
    pub verdict: Verdict,
    /// The right label; needed for a correction.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// Code of the reason.
    pub note: Option<String>,
}

/// The queue, for officers of this process.
pub struct Reviews {
    /// Where items are kept.
    pub store: Store,
    /// What knows labels and units, by agency.
    pub tenants: Arc<Tenants>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Manners.
    pub settings: ReviewSettings,
}

impl Reviews {
    /// A page of the queue, and the place after which the next begins; none at the end.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        officer: &Officer,
        query: ReviewQuery,
    ) -> Result<(Vec<ReviewRow>, Option<ReviewPage>), CallError> {
        let ask = ReviewAsk {
            view: officer.view.clone(),
            state: query.state,
            kind: query.kind,
            unit: query.unit,
            holder: query.own.then(|| officer.id.clone()),
            confidence_from: query.confidence_from,
            sort: query.sort,
            after: query.after,
            limit: query.limit,
            now: self.clock.unix_time(),
        };
        let rows = self.store.list_reviews(ask.clone()).await.map_err(|it| failed(&it))?;
        let next = rows.last().filter(|_| rows.len() == ask.limit).map(|it| ask.page_after(it));
        Ok((rows, next))
    }

    /// How much waits, by kind.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counts(&self, officer: &Officer) -> Result<Vec<ReviewCount>, CallError> {
        let found = self.store.count_reviews(officer.view.clone(), self.clock.unix_time());
        found.await.map_err(|it| failed(&it))
    }

    /// An item with its content.
    ///
    /// # Errors
    /// When there is none that the officer sees, or the store fails.
    pub async fn find(&self, officer: &Officer, id: &str) -> Result<Review, CallError> {
        let found = self.store.review(officer.view.clone(), id).await.map_err(|it| failed(&it))?;
        let (row, packed) = found.ok_or_else(missing)?;
        let content = packed.as_ref().and_then(Content::unpack);
        let earlier = match content.as_ref().and_then(|it| it.repeated.as_ref()) {
            Some((prediction, _)) => {
                let found = self.store.reviews_of(officer.view.clone(), prediction);
                found.await.map_err(|it| failed(&it))?
            }
            None => Vec::new(),
        };
        Ok(Review { row, content, earlier, now: self.clock.unix_time() })
    }

    /// Gives an item to the officer.
    ///
    /// # Errors
    /// When there is none that the officer sees, somebody else holds it, or it is not the officer's to decide.
    pub async fn claim(&self, officer: &Officer, id: &str) -> Result<Review, CallError> {
        let hold = self.hold(officer, id, 0);
        let changed = self.store.claim_review(hold, self.settings.lease);
        let changed = changed.await.map_err(|it| failed(&it))?;
        self.done(officer, changed, Wanted::Claim)?;
        self.find(officer, id).await
    }

    /// Gives the officer what is due first, then the least sure; none when nothing waits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_next(
        &self,
        officer: &Officer,
        kind: Option<ReviewKind>,
        unit: Option<String>,
    ) -> Result<Option<Review>, CallError> {
        let hold = self.hold(officer, "", 0);
        let found = self.store.claim_next_review(hold, (kind, unit), self.settings.lease);
        match found.await.map_err(|it| failed(&it))? {
            Some(row) => self.find(officer, &row.id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Gives the officer more time for an item.
    ///
    /// # Errors
    /// When the officer no longer holds it, or it was changed meanwhile.
    pub async fn extend(
        &self,
        officer: &Officer,
        id: &str,
        version: u64,
    ) -> Result<ReviewRow, CallError> {
        let hold = self.hold(officer, id, version);
        let changed = self.store.extend_review(hold, self.settings.lease).await;
        self.done(officer, changed.map_err(|it| failed(&it))?, Wanted::Held)
    }

    /// Gives an item back.
    ///
    /// # Errors
    /// Those of [`Reviews::extend`].
    pub async fn release(
        &self,
        officer: &Officer,
        id: &str,
        version: u64,
    ) -> Result<ReviewRow, CallError> {
        let changed = self.store.release_review(self.hold(officer, id, version)).await;
        self.done(officer, changed.map_err(|it| failed(&it))?, Wanted::Held)
    }

    /// Decides an item that the officer holds.
    ///
    /// # Errors
    /// Those of [`Reviews::extend`], and when the label or unit is none that the model or the taxonomy knows.
    pub async fn decide(
        &self,
        officer: &Officer,
        (id, version): (&str, u64),
        judgement: Judgement,
    ) -> Result<ReviewRow, CallError> {
        let found = self.store.review(officer.view.clone(), id).await.map_err(|it| failed(&it))?;
        let (row, _) = found.ok_or_else(missing)?;
        let feedback = Feedback {
            verdict: judgement.verdict,
            label: judgement.label.clone(),
            unit: judgement.unit.clone(),
            reason: None,
            decided_by: None,
            role: None,
        };
        self.tenants.of(&row.org).check_feedback(row.kind.service(), &feedback)?;
        let decision = Decision {
            verdict: judgement.verdict.as_str().to_owned(),
            label: judgement.label.filter(|_| judgement.verdict == Verdict::Corrected),
            unit: judgement.unit.filter(|_| judgement.verdict != Verdict::Discarded),
            note: judgement.note,
        };
        let changed = self.store.decide_review(self.hold(officer, id, version), decision).await;
        let row = self.done(officer, changed.map_err(|it| failed(&it))?, Wanted::Held)?;
        let verdict = judgement.verdict.as_str();
        metrics::counter!("fenwen_reviews_total", "kind" => row.kind.as_str(), "decision" => verdict)
            .increment(1);
        Ok(row)
    }

    /// Takes the officer's own decision back, within [`ReviewSettings::undo`] of it; the officer holds the item again.
    ///
    /// # Errors
    /// When it is another's decision or too late.
    pub async fn undo(
        &self,
        officer: &Officer,
        id: &str,
        version: u64,
    ) -> Result<ReviewRow, CallError> {
        let times = (self.settings.undo, self.settings.lease);
        let changed = self.store.undo_review(self.hold(officer, id, version), times).await;
        self.done(officer, changed.map_err(|it| failed(&it))?, Wanted::Undo(self.settings.undo))
    }

    /// Gives an item up to somebody who may assign.
    ///
    /// # Errors
    /// Those of [`Reviews::extend`].
    pub async fn escalate(
        &self,
        officer: &Officer,
        (id, version): (&str, u64),
        note: Option<String>,
    ) -> Result<ReviewRow, CallError> {
        let changed = self.store.escalate_review(self.hold(officer, id, version), note).await;
        self.done(officer, changed.map_err(|it| failed(&it))?, Wanted::Held)
    }

    /// Asks another officer about a decided item, without telling what was decided.
    ///
    /// # Errors
    /// When the item is not decided for good, its text is erased, or another officer was asked before.
    pub async fn second_opinion(&self, officer: &Officer, id: &str) -> Result<Review, CallError> {
        let found = self.store.review(officer.view.clone(), id).await.map_err(|it| failed(&it))?;
        let (first, content) = found.ok_or_else(missing)?;
        let by = first.decided.as_ref().filter(|_| first.is_settled).map(|it| it.by.as_deref());
        let is_first = first.first.is_none();
        let (Some(by), Some(content), true) = (by, content, is_first) else {
            let message = "須為已決定、已過復原時間且文字尚未刪除的複審,才能請求第二意見。";
            return Err(refused(message));
        };
        let now = self.clock.unix_time();
        let new = NewReview {
            id: RequestId::at(now).to_string(),
            prediction: first.prediction,
            kind: first.kind,
            org: first.org,
            unit: first.unit,
            reason: ReviewReason::SecondOpinion,
            priority: first.priority,
            confidence: first.confidence,
            is_confidential: first.is_confidential,
            deadline: first.deadline.max(now),
            created: now,
            model_version: first.model_version,
            given: first.given,
            correlation: first.correlation,
            title: first.title.unwrap_or_default(),
            content,
        };
        let id_of_new = new.id.clone();
        let asked = self.store.ask_second_review(new, &first.id, by.unwrap_or_default());
        let is_new = asked.map_err(|it| failed(&it))?.await.map_err(|it| failed(&it))?;
        if !is_new {
            return Err(refused("這筆已請求過第二意見。"));
        }
        self.find(officer, &id_of_new).await
    }

    /// Every label that a correction of an agency's item of this kind may name.
    pub fn labels(&self, kind: ReviewKind, org: &str) -> Vec<Label> {
        self.tenants.of(org).all_labels(kind.service())
    }

    /// How far officers agreed in the last twelve months, by kind and month.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn agreement(&self) -> Result<Vec<Agreement>, CallError> {
        let back = Duration::from_secs(24 * 60 * 60) * 31 * MONTHS;
        let pairs = self.store.review_pairs(self.clock.unix_time().saturating_sub(back)).await;
        Ok(agreement::agreements(&pairs.map_err(|it| failed(&it))?))
    }

    fn hold(&self, officer: &Officer, id: &str, version: u64) -> Hold {
        Hold {
            id: id.to_owned(),
            view: officer.view.clone(),
            holder: officer.id.clone(),
            version,
            now: self.clock.unix_time(),
        }
    }

    fn done(
        &self,
        officer: &Officer,
        changed: crate::store::reviews::ReviewChange,
        wanted: Wanted,
    ) -> Result<ReviewRow, CallError> {
        done(&officer.id, changed, (wanted, self.clock.unix_time()))
    }
}
