//! Legal holds: what must not be erased, by order of somebody, until somebody lifts it.

use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::{ms, time};
use super::value::{Row, values};
use super::{Store, StoreError};

/// What is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldKind {
    /// All that the index of subjects knows of a person, also what comes later.
    Subject,
    /// One prediction.
    Prediction,
    /// One job with its input and its result.
    Job,
    /// All jobs and predictions of a case, also those that come later.
    Case,
}

impl HoldKind {
    /// Every kind.
    pub const ALL: [HoldKind; 4] =
        [HoldKind::Subject, HoldKind::Prediction, HoldKind::Job, HoldKind::Case];

    /// As written to the database and to operators.
    pub fn as_str(self) -> &'static str {
        match self {
            HoldKind::Subject => "subject",
            HoldKind::Prediction => "prediction",
            HoldKind::Job => "job",
            HoldKind::Case => "case",
        }
    }
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Identifies it.
    pub id: String,
    /// What is held.
    pub kind: HoldKind,
    /// Which: a pseudonym of the index of subjects, an id, or the number of a case.
    pub object: String,
    /// Why.
    pub reason: String,
    /// Who approved it.
    pub approver: String,
    /// Since when: since 1970-01-01T00:00:00Z.
    pub created: Duration,
    /// When it was lifted, and who approved that.
    pub lifted: Option<(Duration, String)>,
    /// The agency whose rows it holds; none for those of all.
    pub org: Option<String>,
}

impl Store {
    /// Adds a hold; it counts from the next round of erasing.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_hold(&self, hold: Hold) -> Reply<()> {
        self.call(Kind::Durable, hold, |hold, tx| {
            async move {
                let insert = "INSERT INTO hold(id, kind, object, reason, approver, created, org)
                    VALUES($1, $2, $3, $4, $5, $6, $7)";
                let (kind, created) = (hold.kind.as_str(), ms(hold.created));
                let Hold { id, object, reason, approver, org, .. } = hold;
                let values = values![id, kind, object, reason, approver, created, org];
                tx.execute(insert, values).await?;
                Ok(())
            }
            .boxed()
        })
    }

    /// Lifts a hold at `now`; `false` when there is none that counts.
    ///
    /// # Errors
    /// When the database fails.
    pub fn lift_hold(&self, id: &str, approver: &str, now: Duration) -> Reply<bool> {
        let ask = (id.to_owned(), approver.to_owned(), now);
        self.call(Kind::Durable, ask, |(id, approver, now), tx| {
            async move {
                let update = "UPDATE hold SET lifted = $1, lifted_by = $2
                    WHERE id = $3 AND lifted IS NULL";
                Ok(tx.execute(update, values![ms(*now), approver, id]).await? == 1)
            }
            .boxed()
        })
    }

    /// Every hold, the oldest first; also those that were lifted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn holds(&self) -> Reply<Vec<Hold>> {
        self.call(Kind::Read, (), |(), tx| holds(tx).boxed())
    }
}

async fn holds(tx: &mut dyn Tx) -> Result<Vec<Hold>, StoreError> {
    let select = "SELECT id, kind, object, reason, approver, created, lifted, lifted_by, org
        FROM hold ORDER BY created, id";
    let read = |mut row: Row| -> Result<_, StoreError> {
        let id = row.take()?;
        let kind: String = row.take()?;
        let kind = HoldKind::ALL.into_iter().find(|it| it.as_str() == kind);
        Ok(Hold {
            id,
            kind: kind.ok_or(StoreError::Shape)?,
            object: row.take()?,
            reason: row.take()?,
            approver: row.take()?,
            created: time(row.take()?),
            lifted: row.take::<Option<u64>>()?.map(time).zip(row.take()?),
            org: row.take()?,
        })
    };
    tx.rows(select, values![]).await?.into_iter().map(read).collect()
}

/// Writes down anew which rows are held now. Without a hold that is nothing.
pub(super) async fn spread(tx: &mut dyn Tx) -> Result<(), StoreError> {
    const ACTIVE: &str = "hold.lifted IS NULL";
    tx.execute("DELETE FROM held", values![]).await?;
    if tx.rows("SELECT id FROM hold WHERE lifted IS NULL LIMIT 1", values![]).await?.is_empty() {
        return Ok(());
    }
    // A hold of an agency counts for its own rows only.
    let of = [("prediction", "'prediction'"), ("job", "'job'")].map(|(table, kind)| {
        let rows = format!("SELECT {kind}, {table}.id FROM {table} JOIN");
        let own = format!("{ACTIVE} AND (hold.org IS NULL OR {table}.org = hold.org) AND");
        [
            format!("{rows} hold ON {table}.id = hold.object WHERE {own} hold.kind IN ({kind})"),
            format!("{rows} hold ON {table}.case_no = hold.object WHERE {own} hold.kind = 'case'"),
            format!(
                "{rows} subject_ref ON {table}.id = subject_ref.object AND subject_ref.kind IN ({kind})
                    JOIN hold ON subject_ref.subject = hold.object WHERE {own} hold.kind = 'subject'"
            ),
        ]
    });
    // Jobs before: their blobs are found through them.
    let of_job = ["input", "attached", "checkpoint", "result", "corrections"].map(|it| {
        format!(
            "SELECT 'blob', {it} FROM job WHERE {it} IS NOT NULL
                AND id IN (SELECT object FROM held WHERE kind = 'job')"
        )
    });
    for select in of.iter().flatten().chain(&of_job) {
        // Without a condition SQLite takes `ON CONFLICT` for a join; each of these has one.
        let insert = format!("INSERT INTO held(kind, object) {select} ON CONFLICT DO NOTHING");
        tx.execute(&insert, values![]).await?;
    }
    Ok(())
}
