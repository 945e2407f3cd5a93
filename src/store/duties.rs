//! Duties that one of several processes has at a time: a lease, taken over when it has run out.

use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::value::values;
use super::{Store, StoreError};

/// A duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// To publish what waits in the outbox.
    Relay,
}

impl Duty {
    fn as_str(self) -> &'static str {
        match self {
            Duty::Relay => "relay",
        }
    }
}

impl Store {
    /// Takes or keeps a duty at `now`, for `lease`; `false` while it is somebody else's.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_duty(
        &self,
        duty: Duty,
        owner: &str,
        now: Duration,
        lease: Duration,
    ) -> Reply<bool> {
        let given = (duty, owner.to_owned(), now, lease);
        self.call(Kind::Relaxed, given, |(duty, owner, now, lease), tx| {
            take(*duty, owner, (*now, *lease), tx).boxed()
        })
    }

    /// Leaves a duty to whoever takes it next; one that is somebody else's stays that.
    ///
    /// # Errors
    /// When the database fails.
    pub fn leave_duty(&self, duty: Duty, owner: &str) -> Reply<()> {
        self.call(Kind::Relaxed, (duty, owner.to_owned()), |(duty, owner), tx| {
            async move {
                let delete = "DELETE FROM duty WHERE name = $1 AND owner = $2";
                tx.execute(delete, values![duty.as_str(), owner]).await?;
                Ok(())
            }
            .boxed()
        })
    }
}

async fn take(
    duty: Duty,
    owner: &str,
    (now, lease): (Duration, Duration),
    tx: &mut dyn Tx,
) -> Result<bool, StoreError> {
    let insert = "INSERT INTO duty(name, owner, until) VALUES($1, $2, $3)
        ON CONFLICT(name) DO UPDATE SET owner = excluded.owner, until = excluded.until
        WHERE duty.owner = excluded.owner OR duty.until <= $4";
    let values = values![duty.as_str(), owner, ms(now + lease), ms(now)];
    Ok(tx.execute(insert, values).await? == 1)
}
