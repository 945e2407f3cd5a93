//! Who waits for whom: the waiting room of a lane, and the place of one job in it.

use std::time::Duration;

use futures_util::FutureExt;

use crate::store::engine::{Kind, Reply, Tx};
use crate::store::value::{Row, values};
use crate::store::{Store, StoreError, one};

use super::Job;

/// Ended jobs from which the time of the next one is estimated.
const SAMPLE: u64 = 50;

/// Jobs of one agency in a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Code of the agency.
    pub org: String,
    /// How many wait, by priority, the highest first.
    pub queued: Vec<(i32, u64)>,
    /// How many are worked on.
    pub running: u64,
}

impl Share {
    fn n_queued(&self) -> u64 {
        self.queued.iter().map(|(_, n)| n).sum()
    }
}

/// The waiting room of a lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    /// Agencies with jobs there, in the order of their codes.
    pub shares: Vec<Share>,
    /// Mean time of the latest attempts of the operation that ended well.
    pub mean: Option<Duration>,
}

impl Queue {
    /// Jobs that wait.
    pub fn n_queued(&self) -> u64 {
        self.shares.iter().map(Share::n_queued).sum()
    }

    /// Jobs that are worked on.
    pub fn n_running(&self) -> u64 {
        self.shares.iter().map(|it| it.running).sum()
    }

    /// Jobs of an agency that are begun before a new one of its own of this priority.
    pub fn own_before(&self, org: &str, priority: i32) -> u64 {
        let own = self.shares.iter().find(|it| it.org == org);
        let own = own.map_or(&[][..], |it| &it.queued);
        own.iter().filter(|(found, _)| priority <= *found).map(|(_, n)| n).sum()
    }

    /// Waiting jobs that are begun before one of `org`, `own` of the same agency among them.
    ///
    /// Agencies take turns, and the one with the fewest jobs running goes first ([`Store::claim`]): while `own + 1` jobs of
    /// this agency are begun, another begins as many, and as many more as it has fewer running. Whose turn is next among
    /// equals is not known here; the others are taken to be.
    pub fn position(&self, org: &str, own: u64) -> u64 {
        let running = self.shares.iter().find(|it| it.org == org).map_or(0, |it| it.running);
        let others = self.shares.iter().filter(|it| it.org != org);
        let of_other =
            |it: &Share| (own + 1 + running).saturating_sub(it.running).min(it.n_queued());
        own + others.map(of_other).sum::<u64>()
    }
}

impl Store {
    /// Who waits and is worked for in a lane, and how long one job of the operation takes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn queue(&self, lane: &str, service: &str, operation: &str) -> Reply<Queue> {
        let ask = [lane, service, operation].map(str::to_owned);
        self.call(Kind::Read, ask, |names, tx| queue(names, tx).boxed())
    }

    /// How many jobs of its own agency are begun before a job that waits.
    ///
    /// # Errors
    /// When the database fails.
    pub fn own_before(&self, job: &Job) -> Reply<u64> {
        let place = (job.lane.clone(), job.org.clone(), job.priority, job.seq);
        self.call(Kind::Query, place, |(lane, org, priority, seq), tx| {
            let select =
                "SELECT count(*) FROM job WHERE lane = $1 AND org = $2 AND state = 'queued'
                AND ($3 < priority OR (priority = $3 AND seq < $4))";
            async move { one(tx.rows(select, values![lane, org, *priority, *seq]).await?)?.take() }
                .boxed()
        })
    }
}

async fn queue(
    [lane, service, operation]: &[String; 3],
    tx: &mut dyn Tx,
) -> Result<Queue, StoreError> {
    // Of each agency in the order of the index of claims, which holds all that is asked.
    let select = "SELECT org, priority, count(*) FROM job WHERE lane = $1 AND state = 'queued'
        GROUP BY org, priority ORDER BY org, priority DESC";
    let mut shares: Vec<Share> = Vec::new();
    for mut row in tx.rows(select, values![lane]).await? {
        let (org, count): (String, (i32, u64)) = (row.take()?, (row.take()?, row.take()?));
        match shares.last_mut().filter(|it| it.org == org) {
            Some(share) => share.queued.push(count),
            None => shares.push(Share { org, queued: vec![count], running: 0 }),
        }
    }
    let select = "SELECT org, count(*) FROM job WHERE lane = $1 AND state = 'running' GROUP BY org";
    for mut row in tx.rows(select, values![lane]).await? {
        let (org, running): (String, u64) = (row.take()?, row.take()?);
        match shares.iter_mut().find(|it| it.org == org) {
            Some(share) => share.running = running,
            None => shares.push(Share { org, queued: Vec::new(), running }),
        }
    }
    Ok(Queue { shares, mean: mean(service, operation, tx).await? })
}

async fn mean(
    service: &str,
    operation: &str,
    tx: &mut dyn Tx,
) -> Result<Option<Duration>, StoreError> {
    let select = "SELECT CAST(avg(took) AS DOUBLE PRECISION) FROM (SELECT finished - started AS took FROM job
        WHERE service = $1 AND operation = $2 AND state = 'succeeded' AND finished IS NOT NULL
        ORDER BY finished DESC LIMIT $3) AS latest";
    let mut row: Row = one(tx.rows(select, values![service, operation, SAMPLE]).await?)?;
    let mean = row.take::<Option<f64>>()?;
    Ok(mean.map(|it| Duration::from_secs_f64(it.max(0.0) / 1e3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(org: &str, queued: &[(i32, u64)], running: u64) -> Share {
        Share { org: org.to_owned(), queued: queued.to_vec(), running }
    }

    /// Place of a new job of agency `a` with priority 0.
    #[track_caller]
    fn check(shares: &[Share], expected: u64) {
        let queue = Queue { shares: shares.to_vec(), mean: None };
        let own = queue.own_before("a", 0);
        assert_eq!(queue.position("a", own), expected, "{shares:?}");
    }

    #[test]
    fn agencies_take_turns_and_the_urgent_of_ones_own_goes_first() {
        check(&[], 0);
        check(&[share("a", &[(5, 2), (0, 3), (-1, 9)], 1)], 5);
        // However many another has waiting: one of them at most is begun first, none while it has more running.
        check(&[share("b", &[(0, 10_000)], 0)], 1);
        check(&[share("b", &[(0, 10_000)], 4)], 0);
        // Where each has some, they alternate; the one that has none running catches up first.
        check(&[share("a", &[(0, 3)], 0), share("b", &[(0, 10_000)], 0)], 3 + 4);
        check(&[share("a", &[(0, 3)], 2), share("b", &[(0, 10_000)], 0)], 3 + 6);
        check(&[share("a", &[(0, 3)], 0), share("b", &[(9, 2)], 0)], 3 + 2);
    }
}
