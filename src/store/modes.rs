//! In which mode agencies have services, where somebody has chosen one.

use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::outbox::{self, OutboxRow};
use super::value::{Row, owned, values};
use super::{Store, StoreError};

/// A mode that somebody has chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeRow {
    /// Code of the agency.
    pub org: String,
    /// The service.
    pub service: String,
    /// The mode.
    pub mode: String,
    /// Why.
    pub reason: String,
    /// Who chose it.
    pub by: String,
    /// When: since 1970-01-01T00:00:00Z.
    pub at: Duration,
}

impl Store {
    /// Every mode that was chosen, by agency and service.
    ///
    /// # Errors
    /// When the database fails.
    pub fn modes(&self) -> Reply<Vec<ModeRow>> {
        self.call(Kind::Read, (), |(), tx| modes(tx).boxed())
    }

    /// Keeps a mode in place of the one before, and the event that tells of it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_mode(&self, row: ModeRow, told: OutboxRow) -> Reply<()> {
        self.call(Kind::Durable, (row, told), |(row, told), tx| {
            async move {
                set(row, tx).await?;
                outbox::add(told, tx)
            }
            .boxed()
        })
    }

    /// Forgets the mode of an agency's service, so that the settings hold again, and keeps the event that tells of it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unset_mode(&self, org: &str, service: &str, told: OutboxRow) -> Reply<()> {
        let data = (org.to_owned(), service.to_owned(), told);
        self.call(Kind::Durable, data, |(org, service, told), tx| {
            async move {
                let delete = "DELETE FROM service_mode WHERE org = $1 AND service = $2";
                tx.write(delete, owned![org, service])?;
                outbox::add(told, tx)
            }
            .boxed()
        })
    }
}

async fn set(row: &ModeRow, tx: &mut dyn Tx) -> Result<(), StoreError> {
    let insert = "INSERT INTO service_mode(org, service, mode, reason, changed_by, changed)
        VALUES($1, $2, $3, $4, $5, $6) ON CONFLICT(org, service) DO UPDATE SET
        mode = excluded.mode, reason = excluded.reason, changed_by = excluded.changed_by, changed = excluded.changed";
    let values = values![&row.org, &row.service, &row.mode, &row.reason, &row.by, ms(row.at)];
    tx.execute(insert, values).await.map(drop)
}

async fn modes(tx: &mut dyn Tx) -> Result<Vec<ModeRow>, StoreError> {
    let select = "SELECT org, service, mode, reason, changed_by, changed FROM service_mode
        ORDER BY org, service";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(ModeRow {
            org: row.take()?,
            service: row.take()?,
            mode: row.take()?,
            reason: row.take()?,
            by: row.take()?,
            at: Duration::from_millis(row.take()?),
        })
    };
    tx.rows(select, values![]).await?.into_iter().map(read).collect()
}
