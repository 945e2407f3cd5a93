//! What waits for an officer: answers to be reviewed, who holds them, and what was decided.
//!
//! An item is held by lease, and each change of it raises its version: whoever changes it says which version was seen.
//! Its text is sealed, and erased some time after the decision; what was decided stays.

mod queue;
mod settle;
mod view;
mod work;

use std::str::FromStr;
use std::time::Duration;

use crate::base::Private;

use super::engine::Tx;
use super::jobs::{ms, time};
use super::seal::Sealer;
use super::value::{Row, Value, owned};
use super::{Store, StoreError};

pub use queue::{ReviewAsk, ReviewCount, ReviewPage, ReviewPair, ReviewSort, StateFilter};
pub use settle::Settlement;
pub(super) use settle::{close_by_feedback, erase, forget};
pub use view::ReviewView;
pub use work::{Decision, Hold, ReviewChange};

macro_rules! names {
    ($(#[doc = $about:literal])+ $kind:ident { $($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $kind {
            /// Every one.
            pub const ALL: &[$kind] = &[$($kind::$variant),+];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($kind::$variant => $name,)+
                }
            }
        }

        impl FromStr for $kind {
            type Err = StoreError;

            fn from_str(name: &str) -> Result<$kind, StoreError> {
                $kind::ALL.iter().copied().find(|it| it.as_str() == name).ok_or(StoreError::Shape)
            }
        }
    };
}

names! {
    /// What is reviewed.
    ReviewKind {
        /// A letter and its label.
        Letter = "letter",
        /// A document and its units.
        Document = "document",
        /// What was read of an ID image.
        IdentityDocument = "identity_document",
        /// A transcript.
        Transcript = "transcript",
    }
}

names! {
    /// Why it waits.
    ReviewReason {
        /// A person must decide.
        RequiresHuman = "requires_human",
        /// A sure answer, drawn by chance.
        Sampled = "sampled",
        /// Another officer is asked, without being told what the first decided.
        SecondOpinion = "second_opinion",
        /// An officer gave it up to somebody with more to say.
        Escalated = "escalated",
    }
}

names! {
    /// Where it stands.
    ReviewState {
        /// Nobody holds it.
        Open = "open",
        /// An officer holds it.
        Claimed = "claimed",
        /// It is decided.
        Decided = "decided",
        /// It waits for somebody who may assign.
        Escalated = "escalated",
    }
}

impl ReviewKind {
    /// The service whose predictions these are.
    pub fn service(self) -> &'static str {
        match self {
            ReviewKind::Letter => "letters",
            ReviewKind::Document => "documents",
            ReviewKind::IdentityDocument => "identity-documents",
            ReviewKind::Transcript => "speech",
        }
    }
}

/// An item to be reviewed. No `Debug`: it holds somebody's text. Times are since 1970-01-01T00:00:00Z, to the
/// millisecond.
pub struct NewReview {
    /// Identifies it.
    pub id: String,
    /// The answer in question.
    pub prediction: String,
    /// What it is.
    pub kind: ReviewKind,
    /// Agency that it belongs to.
    pub org: String,
    /// Path of the unit that was suggested, if it is one.
    pub unit: Option<String>,
    /// Why it waits.
    pub reason: ReviewReason,
    /// Lower goes first, where one sorts by it.
    pub priority: u32,
    /// Probability of the first suggestion, in ten-thousandths.
    pub confidence: u32,
    /// Whether only those may see it who may see letters of informers.
    pub is_confidential: bool,
    /// When it should be decided.
    pub deadline: Duration,
    /// When it came.
    pub created: Duration,
    /// Version of the model that answered.
    pub model_version: String,
    /// Labels given, in the form of `NewPrediction::labels`.
    pub given: String,
    /// First request of the case.
    pub correlation: String,
    /// One line for lists; sealed before it is written.
    pub title: Private<String>,
    /// Text and suggestions, in a form of the caller; sealed before it is written.
    pub content: Private<Vec<u8>>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The verdict's name.
    pub verdict: String,
    /// The right label; none for an accepted first label and for no case at all.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// Id of who decided; none when the calling system did not say.
    pub by: Option<String>,
    /// When.
    pub at: Duration,
    /// Code of the reason.
    pub note: Option<String>,
}

/// An item as kept. All times are since 1970-01-01T00:00:00Z, to the millisecond.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewRow {
    /// Place among all items.
    pub seq: u64,
    /// Identifies it.
    pub id: String,
    /// The answer in question.
    pub prediction: String,
    /// What it is.
    pub kind: ReviewKind,
    /// Agency that it belongs to.
    pub org: String,
    /// Path of the unit that was suggested.
    pub unit: Option<String>,
    /// Why it waits.
    pub reason: ReviewReason,
    /// Lower goes first, where one sorts by it.
    pub priority: u32,
    /// Probability of the first suggestion, in ten-thousandths.
    pub confidence: u32,
    /// Whether only those may see it who may see letters of informers.
    pub is_confidential: bool,
    /// When it should be decided.
    pub deadline: Duration,
    /// When it came.
    pub created: Duration,
    /// Version of the model that answered.
    pub model_version: String,
    /// Labels given.
    pub given: String,
    /// First request of the case.
    pub correlation: String,
    /// The item whose decision this one is to be compared with.
    pub first: Option<String>,
    /// Who may not decide it: who decided the first.
    pub not_by: Option<String>,
    /// Where it stands, as written: a lease may be over.
    pub state: ReviewState,
    /// Rises with every change.
    pub version: u64,
    /// Who holds it, and until when.
    pub lease: Option<(String, Duration)>,
    /// What was decided.
    pub decided: Option<Decided>,
    /// Whether the decision is feedback by now, and can no longer be taken back.
    pub is_settled: bool,
    /// One line for lists; none once it was erased.
    pub title: Option<Private<String>>,
}

impl ReviewRow {
    /// Where it stands at `now`: an item whose lease is over waits again.
    pub fn state_at(&self, now: Duration) -> ReviewState {
        match &self.lease {
            Some((_, until)) if self.state == ReviewState::Claimed && *until <= now => {
                self.waiting()
            }
            _ => self.state,
        }
    }

    /// The state in which it waits.
    fn waiting(&self) -> ReviewState {
        match self.reason {
            ReviewReason::Escalated => ReviewState::Escalated,
            _ => ReviewState::Open,
        }
    }

    /// Who holds it at `now`, and until when.
    pub fn held(&self, now: Duration) -> Option<(&str, Duration)> {
        let (holder, until) = self.lease.as_ref()?;
        let is_held = self.state == ReviewState::Claimed && now < *until;
        is_held.then_some((holder.as_str(), *until))
    }
}

/// Columns of [`ReviewRow`] in its order.
const COLUMNS: &str = "seq, id, prediction, kind, org, unit, reason, priority, confidence, is_confidential, deadline, \
    created, model_version, given, correlation, first, not_by, state, version, holder, lease_until, verdict, label, \
    decided_unit, decided_by, decided, note, settled, sealed_title";

/// What a title is sealed for: not what the content is, so that neither opens as the other.
fn title_of(id: &str) -> String {
    format!("{id}/title")
}

fn read(mut row: Row, sealer: &Sealer) -> Result<ReviewRow, StoreError> {
    let (seq, id): (u64, String) = (row.take()?, row.take()?);
    let mut found = ReviewRow {
        seq,
        prediction: row.take()?,
        kind: row.take::<String>()?.parse()?,
        org: row.take()?,
        unit: row.take()?,
        reason: row.take::<String>()?.parse()?,
        priority: row.take()?,
        confidence: row.take()?,
        is_confidential: row.take()?,
        deadline: time(row.take()?),
        created: time(row.take()?),
        model_version: row.take()?,
        given: row.take()?,
        correlation: row.take()?,
        first: row.take()?,
        not_by: row.take()?,
        state: row.take::<String>()?.parse()?,
        version: row.take()?,
        lease: row.take::<Option<String>>()?.zip(row.take::<Option<u64>>()?.map(time)),
        decided: None,
        is_settled: false,
        title: None,
        id,
    };
    found.decided = decided(&mut row)?;
    found.is_settled = row.take()?;
    if let Some(sealed) = row.take::<Option<Vec<u8>>>()? {
        let title = sealer.unseal(&sealed, title_of(&found.id).as_bytes())?;
        let title = String::from_utf8(title).map_err(|_| StoreError::Shape)?;
        found.title = Some(Private::new(title));
    }
    Ok(found)
}

fn decided(row: &mut Row) -> Result<Option<Decided>, StoreError> {
    let verdict: Option<String> = row.take()?;
    let (label, unit, by) = (row.take()?, row.take()?, row.take()?);
    let at = row.take::<Option<u64>>()?.map(time);
    let note = row.take()?;
    Ok(verdict.zip(at).map(|(verdict, at)| Decided { verdict, label, unit, by, at, note }))
}

/// An item with its texts sealed.
pub(super) struct SealedReview {
    new: NewReview,
    title: Vec<u8>,
    content: Vec<u8>,
}

impl Store {
    /// Items with their texts sealed.
    pub(super) fn seal_reviews(
        &self,
        reviews: Vec<NewReview>,
    ) -> Result<Vec<SealedReview>, StoreError> {
        let seal = |mut new: NewReview| {
            let title = std::mem::take(&mut new.title);
            let content = std::mem::take(&mut new.content);
            Ok(SealedReview {
                title: self.sealer.seal(title.expose().as_bytes(), title_of(&new.id).as_bytes())?,
                content: self.sealer.seal(content.expose(), new.id.as_bytes())?,
                new,
            })
        };
        reviews.into_iter().map(seal).collect()
    }
}

/// Adds an item.
pub(super) fn add(sealed: &SealedReview, tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.write(INSERT, parameters(sealed, None))
}

/// Adds a second opinion; `false` when the item `first` has one already.
async fn add_second(
    sealed: &SealedReview,
    first: &str,
    not_by: &str,
    tx: &mut dyn Tx,
) -> Result<bool, StoreError> {
    Ok(tx.execute(INSERT, &parameters(sealed, Some((first, not_by)))).await? == 1)
}

const INSERT: &str = "INSERT INTO review(id, prediction, kind, org, unit, reason, priority, confidence, is_confidential,
        deadline, created, model_version, given, correlation, first, not_by, state, version, settled,
        sealed_title, sealed)
    VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'open', 1, 0, $17, $18)
    ON CONFLICT(first) DO NOTHING";

/// Those of [`INSERT`].
fn parameters(sealed: &SealedReview, second: Option<(&str, &str)>) -> Vec<Value> {
    let it = &sealed.new;
    owned![
        &it.id,
        &it.prediction,
        it.kind.as_str(),
        &it.org,
        &it.unit,
        it.reason.as_str(),
        it.priority,
        it.confidence,
        it.is_confidential,
        ms(it.deadline),
        ms(it.created),
        &it.model_version,
        &it.given,
        &it.correlation,
        second.map(|it| it.0),
        second.map(|it| it.1),
        &sealed.title,
        &sealed.content,
    ]
}
