//! Working on the queue: items are taken by lease, given back, decided; each change names the version that was seen.

use std::time::Duration;

use futures_util::FutureExt;

use crate::store::engine::{Kind, Reply, Tx};
use crate::store::jobs::ms;
use crate::store::value::values;
use crate::store::{Store, StoreError};

use super::queue::{Sealed, find};
use super::view::{Parameters, below};
use super::{COLUMNS, NewReview, ReviewKind, ReviewRow, ReviewView, add_second, read};

/// Who changes an item, which version was seen, and when.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The item.
    pub id: String,
    /// What the officer sees.
    pub view: ReviewView,
    /// Id of the officer.
    pub holder: String,
    /// The version that was seen.
    pub version: u64,
    /// Now: since 1970-01-01T00:00:00Z.
    pub now: Duration,
}

/// What an officer decides.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The verdict's name.
    pub verdict: String,
    /// The right label.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// Code of the reason.
    pub note: Option<String>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum ReviewChange {
    /// It happened: the item now.
    Done(Box<ReviewRow>),
    /// There is no such item, or it is not seen.
    Missing,
    /// The item was changed by others meanwhile: as it is now.
    Stale(Box<ReviewRow>),
    /// The version is the one that was seen, but the item is in no state for this: as it is now.
    Refused(Box<ReviewRow>),
}

/// A condition that holds while the officer of [`Hold`] holds the item; its parameters are `$1` to `$4`.
const HELD: &str =
    "id = $1 AND version = $2 AND holder = $3 AND state = 'claimed' AND $4 < lease_until";

/// Sets the state in which an item waits that nobody holds.
const WAITS: &str = "state = CASE WHEN reason = 'escalated' THEN 'escalated' ELSE 'open' END, holder = NULL, \
    lease_until = NULL, version = version + 1";

impl Store {
    /// Gives an item to an officer for `lease`, also again: the version that was seen does not matter.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_review(&self, hold: Hold, lease: Duration) -> Reply<ReviewChange> {
        self.call(Kind::Durable, self.sealed((hold, lease)), |ask, tx| claim(ask, tx).boxed())
    }

    /// Gives the next item of one of `kinds` to an officer: what is due first, then the least sure. `None` when
    /// nothing waits. `hold.id` and `hold.version` do not matter.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claim_next_review(
        &self,
        hold: Hold,
        (kind, unit): (Option<ReviewKind>, Option<String>),
        lease: Duration,
    ) -> Reply<Option<ReviewRow>> {
        let ask = self.sealed((hold, kind, unit, lease));
        self.call(Kind::Durable, ask, |ask, tx| claim_next(ask, tx).boxed())
    }

    /// Gives its holder more time, from now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn extend_review(&self, hold: Hold, lease: Duration) -> Reply<ReviewChange> {
        self.call(Kind::Durable, self.sealed((hold, lease)), |ask, tx| {
            async move {
                let (hold, lease) = &ask.what;
                let until = ms(hold.now + *lease);
                change(
                    ask,
                    hold,
                    "lease_until = $5, version = version + 1",
                    HELD,
                    &[until.into()],
                    tx,
                )
                .await
            }
            .boxed()
        })
    }

    /// Gives an item back.
    ///
    /// # Errors
    /// When the database fails.
    pub fn release_review(&self, hold: Hold) -> Reply<ReviewChange> {
        self.call(Kind::Durable, self.sealed((hold, ())), |ask, tx| {
            async move { change(ask, &ask.what.0, WAITS, HELD, &[], tx).await }.boxed()
        })
    }

    /// Decides an item that its officer holds.
    ///
    /// # Errors
    /// When the database fails.
    pub fn decide_review(&self, hold: Hold, decision: Decision) -> Reply<ReviewChange> {
        self.call(Kind::Durable, self.sealed((hold, decision)), |ask, tx| {
            async move {
                let (hold, decision) = &ask.what;
                let set = "state = 'decided', verdict = $5, label = $6, decided_unit = $7, note = $8, decided_by = $3,
                    decided = $4, holder = NULL, lease_until = NULL, version = version + 1";
                let values = values![
                    &decision.verdict,
                    &decision.label,
                    &decision.unit,
                    &decision.note
                ];
                change(ask, hold, set, HELD, values, tx).await
            }
            .boxed()
        })
    }

    /// Takes a decision back within `window` of it: its officer holds the item again for `lease`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn undo_review(
        &self,
        hold: Hold,
        (window, lease): (Duration, Duration),
    ) -> Reply<ReviewChange> {
        self.call(Kind::Durable, self.sealed((hold, (window, lease))), |ask, tx| {
            async move {
                let (hold, (window, lease)) = &ask.what;
                let set = "state = 'claimed', holder = $3, lease_until = $5, verdict = NULL, label = NULL,
                    decided_unit = NULL, note = NULL, decided_by = NULL, decided = NULL, version = version + 1";
                let held = "id = $1 AND version = $2 AND decided_by = $3 AND state = 'decided' AND settled = 0
                    AND $4 < decided + $6";
                let values = values![ms(hold.now + *lease), ms(*window)];
                change(ask, hold, set, held, values, tx).await
            }
            .boxed()
        })
    }

    /// Gives an item up to somebody who may assign.
    ///
    /// # Errors
    /// When the database fails.
    pub fn escalate_review(&self, hold: Hold, note: Option<String>) -> Reply<ReviewChange> {
        self.call(Kind::Durable, self.sealed((hold, note)), |ask, tx| {
            async move {
                let (hold, note) = &ask.what;
                let set = "state = 'escalated', reason = 'escalated', priority = 0, note = $5, holder = NULL,
                    lease_until = NULL, version = version + 1";
                change(ask, hold, set, HELD, values![note], tx).await
            }
            .boxed()
        })
    }

    /// Adds an item that asks another officer than `not_by` about what the item `first` decided; `false` when it has
    /// been asked before.
    ///
    /// # Errors
    /// When a text cannot be sealed; the reply: when the database fails.
    pub fn ask_second_review(
        &self,
        new: NewReview,
        first: &str,
        not_by: &str,
    ) -> Result<Reply<bool>, StoreError> {
        let sealed = self.seal_reviews(vec![new])?;
        let data = (sealed, first.to_owned(), not_by.to_owned());
        Ok(self.call(Kind::Durable, data, |(sealed, first, not_by), tx| {
            async move {
                let mut is_new = false;
                for it in sealed {
                    is_new = add_second(it, first, not_by, tx).await?;
                }
                Ok(is_new)
            }
            .boxed()
        }))
    }
}

/// ` AND …` that holds for what an officer may take at `now`; what is held by `own` too, where it is named.
fn free(
    view: &ReviewView,
    holder: &str,
    (now, own): (Duration, bool),
    parameters: &mut Parameters,
) -> String {
    let (holder, now) = (parameters.add(holder), parameters.add(ms(now)));
    let own = if own { format!(" OR holder = {holder}") } else { String::new() };
    let escalated = if view.may_assign { "" } else { " AND reason <> 'escalated'" };
    format!(
        " AND state <> 'decided' AND (state <> 'claimed' OR lease_until <= {now}{own}){escalated}
        AND (not_by IS NULL OR not_by <> {holder})"
    )
}

async fn claim(
    ask: &Sealed<(Hold, Duration)>,
    tx: &mut dyn Tx,
) -> Result<ReviewChange, StoreError> {
    let (hold, lease) = &ask.what;
    let mut parameters = Parameters::new(values![&hold.id, &hold.holder, ms(hold.now + *lease)]);
    let seen = hold.view.condition(&mut parameters);
    let free = free(&hold.view, &hold.holder, (hold.now, true), &mut parameters);
    let update = format!(
        "UPDATE review SET state = 'claimed', holder = $2, lease_until = $3, version = version + 1
        WHERE id = $1{seen}{free} RETURNING {COLUMNS}"
    );
    let found = tx.rows(&update, parameters.values()).await?.into_iter().next();
    match found {
        Some(row) => Ok(ReviewChange::Done(Box::new(read(row, &ask.sealer)?))),
        None => Ok(match find(&hold.view, &hold.id, &ask.sealer, tx).await? {
            Some(row) => ReviewChange::Refused(Box::new(row)),
            None => ReviewChange::Missing,
        }),
    }
}

async fn claim_next(
    ask: &Sealed<(Hold, Option<ReviewKind>, Option<String>, Duration)>,
    tx: &mut dyn Tx,
) -> Result<Option<ReviewRow>, StoreError> {
    let (hold, kind, unit, lease) = &ask.what;
    let mut parameters = Parameters::new(values![&hold.holder, ms(hold.now + *lease)]);
    let mut wanted = hold.view.condition(&mut parameters);
    wanted.push_str(&free(&hold.view, &hold.holder, (hold.now, false), &mut parameters));
    if let Some(kind) = kind {
        wanted.push_str(&format!(" AND kind = {}", parameters.add(kind.as_str())));
    }
    if let Some(unit) = unit {
        wanted.push_str(&format!(" AND ({})", below(unit, &mut parameters)));
    }
    // Elsewhere one transaction writes at a time; here others may look at the same row.
    let skip = if tx.is_postgres() { "FOR UPDATE SKIP LOCKED" } else { "" };
    let update = format!(
        "UPDATE review SET state = 'claimed', holder = $1, lease_until = $2, version = version + 1
        WHERE seq = (SELECT seq FROM review WHERE 1 = 1{wanted} ORDER BY deadline, confidence, seq LIMIT 1 {skip})
        RETURNING {COLUMNS}"
    );
    let found = tx.rows(&update, parameters.values()).await?.into_iter().next();
    found.map(|it| read(it, &ask.sealer)).transpose()
}

/// Sets columns of an item where `holds` and where it is seen; else finds out why not. Parameters of `holds` are id,
/// version, holder and now; those of `set` follow.
async fn change<T>(
    ask: &Sealed<T>,
    hold: &Hold,
    set: &str,
    holds: &str,
    values: &[crate::store::value::Value],
    tx: &mut dyn Tx,
) -> Result<ReviewChange, StoreError> {
    let mut parameters =
        Parameters::new(values![&hold.id, hold.version, &hold.holder, ms(hold.now)]);
    for value in values {
        parameters.add(value.clone());
    }
    let seen = hold.view.condition(&mut parameters);
    let update = format!("UPDATE review SET {set} WHERE {holds}{seen} RETURNING {COLUMNS}");
    if let Some(row) = tx.rows(&update, parameters.values()).await?.into_iter().next() {
        return Ok(ReviewChange::Done(Box::new(read(row, &ask.sealer)?)));
    }
    Ok(match find(&hold.view, &hold.id, &ask.sealer, tx).await? {
        None => ReviewChange::Missing,
        Some(row) if row.version != hold.version => ReviewChange::Stale(Box::new(row)),
        Some(row) => ReviewChange::Refused(Box::new(row)),
    })
}
