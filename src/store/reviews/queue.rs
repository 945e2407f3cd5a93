//! Looking at the queue: pages of it, one item, numbers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::Private;
use crate::store::engine::{Kind, Reply, Tx};
use crate::store::jobs::{ms, time};
use crate::store::seal::Sealer;
use crate::store::value::{Row, values};
use crate::store::{Store, StoreError};

use super::view::{Parameters, below};
use super::{COLUMNS, ReviewKind, ReviewRow, ReviewView, read};

/// In which order items come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReviewSort {
    /// What is due first; then the least sure.
    #[default]
    Deadline,
    /// The least sure first; then what is due.
    Confidence,
    /// The most urgent first; then what is due.
    Priority,
}

impl ReviewSort {
    /// The two columns, before the place.
    fn columns(self) -> [&'static str; 2] {
        match self {
            ReviewSort::Deadline => ["deadline", "confidence"],
            ReviewSort::Confidence => ["confidence", "deadline"],
            ReviewSort::Priority => ["priority", "deadline"],
        }
    }

    fn key(self, row: &ReviewRow) -> ReviewPage {
        let (deadline, confidence) = (ms(row.deadline), u64::from(row.confidence));
        match self {
            ReviewSort::Deadline => ReviewPage(deadline, confidence, row.seq),
            ReviewSort::Confidence => ReviewPage(confidence, deadline, row.seq),
            ReviewSort::Priority => ReviewPage(u64::from(row.priority), deadline, row.seq),
        }
    }
}

/// Which items are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateFilter {
    /// What is not decided.
    #[default]
    Waiting,
    /// What nobody holds, and that is not escalated.
    Open,
    /// What somebody holds.
    Claimed,
    /// What waits for somebody who may assign.
    Escalated,
    /// What is decided: the newest decision first, whatever the order.
    Decided,
}

/// The place of an item in an order: the next page begins after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReviewPage(pub u64, pub u64, pub u64);

/// Which page of the queue is wanted.
#[derive(Clone, Debug)]
pub struct ReviewAsk {
    /// What the asker sees.
    pub view: ReviewView,
    /// In which state.
    pub state: StateFilter,
    /// Of one kind only.
    pub kind: Option<ReviewKind>,
    /// Of a unit and those below it only.
    pub unit: Option<String>,
    /// Held by somebody only.
    pub holder: Option<String>,
    /// As sure as this at least, in ten-thousandths.
    pub confidence_from: Option<u32>,
    /// The order.
    pub sort: ReviewSort,
    /// After this place.
    pub after: Option<ReviewPage>,
    /// Items at most.
    pub limit: usize,
    /// Now: since 1970-01-01T00:00:00Z.
    pub now: Duration,
}

impl ReviewAsk {
    /// The place of one of its items.
    pub fn page_after(&self, row: &ReviewRow) -> ReviewPage {
        match &row.decided {
            Some(decided) if self.state == StateFilter::Decided => {
                ReviewPage(ms(decided.at), 0, row.seq)
            }
            _ => self.sort.key(row),
        }
    }
}

/// How much of a kind waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReviewCount {
    /// The kind.
    pub kind: ReviewKind,
    /// What nobody holds, and that is not escalated.
    pub n_open: u64,
    /// What somebody holds.
    pub n_claimed: u64,
    /// What waits for somebody who may assign.
    pub n_escalated: u64,
    /// How much of all that should be decided by now.
    pub n_overdue: u64,
}

/// Two decisions on one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewPair {
    /// What was reviewed.
    pub kind: ReviewKind,
    /// When the second was decided.
    pub at: Duration,
    /// Labels given.
    pub given: String,
    /// Verdict and label of the first officer.
    pub first: (String, Option<String>),
    /// Of the second.
    pub second: (String, Option<String>),
}

/// What is asked, and the key to open what is found.
pub(super) struct Sealed<T> {
    pub(super) what: T,
    pub(super) sealer: Arc<Sealer>,
}

/// An item, and its content until that is erased.
type Opened = (ReviewRow, Option<Private<Vec<u8>>>);

impl Store {
    /// A page of the queue.
    ///
    /// # Errors
    /// When the database fails or a title does not open.
    pub fn list_reviews(&self, ask: ReviewAsk) -> Reply<Vec<ReviewRow>> {
        self.call(Kind::Read, self.sealed(ask), |ask, tx| list(ask, tx).boxed())
    }

    /// How much waits, by kind.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count_reviews(&self, view: ReviewView, now: Duration) -> Reply<Vec<ReviewCount>> {
        self.call(Kind::Read, (view, now), |(view, now), tx| count(view, *now, tx).boxed())
    }

    /// An item that `view` sees, and its content until that is erased.
    ///
    /// # Errors
    /// When the database fails or a text does not open.
    pub fn review(&self, view: ReviewView, id: &str) -> Reply<Option<Opened>> {
        let ask = self.sealed((view, id.to_owned()));
        self.call(Kind::Read, ask, |ask, tx| {
            async move {
                let Some(row) = find(&ask.what.0, &ask.what.1, &ask.sealer, tx).await? else {
                    return Ok(None);
                };
                let content = content(&row.id, &ask.sealer, tx).await?;
                Ok(Some((row, content)))
            }
            .boxed()
        })
    }

    /// The items of an answer that `view` sees, the oldest first.
    ///
    /// # Errors
    /// When the database fails or a title does not open.
    pub fn reviews_of(&self, view: ReviewView, prediction: &str) -> Reply<Vec<ReviewRow>> {
        let ask = self.sealed((view, prediction.to_owned()));
        self.call(Kind::Read, ask, |ask, tx| {
            async move {
                let (view, prediction) = &ask.what;
                let mut parameters = Parameters::new(values![prediction]);
                let seen = view.condition(&mut parameters);
                let select = format!(
                    "SELECT {COLUMNS} FROM review WHERE prediction = $1{seen} ORDER BY seq LIMIT 20"
                );
                let rows = tx.rows(&select, parameters.values()).await?;
                rows.into_iter().map(|it| read(it, &ask.sealer)).collect()
            }
            .boxed()
        })
    }

    /// Pairs of decisions whose second was decided from `from` on, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn review_pairs(&self, from: Duration) -> Reply<Vec<ReviewPair>> {
        self.call(Kind::Read, from, |from, tx| pairs(*from, tx).boxed())
    }

    pub(super) fn sealed<T>(&self, what: T) -> Sealed<T> {
        Sealed { what, sealer: Arc::clone(&self.sealer) }
    }
}

/// ` AND …` for a state at a time.
fn in_state(state: StateFilter, now: &str) -> String {
    match state {
        // The words of the partial indexes.
        StateFilter::Waiting => " AND state <> 'decided'".to_owned(),
        StateFilter::Open => format!(
            " AND state <> 'decided' AND reason <> 'escalated' AND (state = 'open' OR lease_until <= {now})"
        ),
        StateFilter::Claimed => {
            format!(" AND state <> 'decided' AND state = 'claimed' AND {now} < lease_until")
        }
        StateFilter::Escalated => format!(
            " AND state <> 'decided' AND reason = 'escalated' AND (state = 'escalated' OR lease_until <= {now})"
        ),
        StateFilter::Decided => " AND state = 'decided'".to_owned(),
    }
}

async fn list(ask: &Sealed<ReviewAsk>, tx: &mut dyn Tx) -> Result<Vec<ReviewRow>, StoreError> {
    let it = &ask.what;
    let mut parameters = Parameters::new(values![it.limit as u64]);
    let mut sql = format!("SELECT {COLUMNS} FROM review WHERE 1 = 1");
    sql.push_str(&it.view.condition(&mut parameters));
    let now = match it.state {
        StateFilter::Waiting | StateFilter::Decided => String::new(),
        _ => parameters.add(ms(it.now)),
    };
    sql.push_str(&in_state(it.state, &now));
    if let Some(kind) = it.kind {
        sql.push_str(&format!(" AND kind = {}", parameters.add(kind.as_str())));
    }
    if let Some(unit) = &it.unit {
        sql.push_str(&format!(" AND ({})", below(unit, &mut parameters)));
    }
    if let Some(holder) = &it.holder {
        sql.push_str(&format!(" AND holder = {}", parameters.add(holder)));
    }
    if let Some(least) = it.confidence_from {
        sql.push_str(&format!(" AND {} <= confidence", parameters.add(least)));
    }
    let [first, second] = it.sort.columns();
    match (it.state, it.after) {
        (StateFilter::Decided, Some(ReviewPage(decided, _, seq))) => {
            let (decided, seq) = (parameters.add(decided), parameters.add(seq));
            sql.push_str(&format!(" AND (decided, seq) < ({decided}, {seq})"));
        }
        (_, Some(ReviewPage(one, two, seq))) => {
            let places = [parameters.add(one), parameters.add(two), parameters.add(seq)];
            sql.push_str(&format!(" AND ({first}, {second}, seq) > ({})", places.join(", ")));
        }
        (_, None) => (),
    }
    sql.push_str(&match it.state {
        StateFilter::Decided => " ORDER BY decided DESC, seq DESC LIMIT $1".to_owned(),
        _ => format!(" ORDER BY {first}, {second}, seq LIMIT $1"),
    });
    let rows = tx.rows(&sql, parameters.values()).await?;
    rows.into_iter().map(|row| read(row, &ask.sealer)).collect()
}

async fn count(
    view: &ReviewView,
    now: Duration,
    tx: &mut dyn Tx,
) -> Result<Vec<ReviewCount>, StoreError> {
    let mut parameters = Parameters::new(values![ms(now)]);
    let seen = view.condition(&mut parameters);
    let select = format!(
        "SELECT kind,
            sum(CASE WHEN reason <> 'escalated' AND (state <> 'claimed' OR lease_until <= $1) THEN 1 ELSE 0 END),
            sum(CASE WHEN state = 'claimed' AND $1 < lease_until THEN 1 ELSE 0 END),
            sum(CASE WHEN reason = 'escalated' AND (state <> 'claimed' OR lease_until <= $1) THEN 1 ELSE 0 END),
            sum(CASE WHEN deadline <= $1 THEN 1 ELSE 0 END)
        FROM review WHERE state <> 'decided'{seen} GROUP BY kind ORDER BY kind"
    );
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(ReviewCount {
            kind: row.take::<String>()?.parse()?,
            n_open: row.take()?,
            n_claimed: row.take()?,
            n_escalated: row.take()?,
            n_overdue: row.take()?,
        })
    };
    tx.rows(&select, parameters.values()).await?.into_iter().map(read).collect()
}

/// An item that `view` sees.
pub(super) async fn find(
    view: &ReviewView,
    id: &str,
    sealer: &Sealer,
    tx: &mut dyn Tx,
) -> Result<Option<ReviewRow>, StoreError> {
    let mut parameters = Parameters::new(values![id]);
    let seen = view.condition(&mut parameters);
    let select = format!("SELECT {COLUMNS} FROM review WHERE id = $1{seen}");
    let found = tx.rows(&select, parameters.values()).await?.into_iter().next();
    found.map(|it| read(it, sealer)).transpose()
}

/// The content of an item; none once it was erased.
async fn content(
    id: &str,
    sealer: &Sealer,
    tx: &mut dyn Tx,
) -> Result<Option<Private<Vec<u8>>>, StoreError> {
    let rows = tx.rows("SELECT sealed FROM review WHERE id = $1", values![id]).await?;
    let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
    let Some(sealed) = row.take::<Option<Vec<u8>>>()? else { return Ok(None) };
    Ok(Some(Private::new(sealer.unseal(&sealed, id.as_bytes())?)))
}

async fn pairs(from: Duration, tx: &mut dyn Tx) -> Result<Vec<ReviewPair>, StoreError> {
    let select = "SELECT later.kind, later.decided, later.given, earlier.verdict, earlier.label, later.verdict, later.label
        FROM review AS later JOIN review AS earlier ON earlier.id = later.first
        WHERE later.state = 'decided' AND earlier.state = 'decided' AND $1 <= later.decided
        ORDER BY later.decided, later.seq";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(ReviewPair {
            kind: row.take::<String>()?.parse()?,
            at: time(row.take()?),
            given: row.take()?,
            first: (row.take()?, row.take()?),
            second: (row.take()?, row.take()?),
        })
    };
    tx.rows(select, values![ms(from)]).await?.into_iter().map(read).collect()
}
