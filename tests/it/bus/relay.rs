//! The relay over an engine that crashes: every event of the outbox arrives, in order for each job.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenwen::bus::{Outcome, Subject};
use fenwen::service::relay::{Outbox, OutboxError, Relay};
use fenwen::store::OutboxRow;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Engine, Limits, receive, within};

const EVENTS: &str = "moi.ai.v1.evt.>";

/// An outbox in memory, which outlives every crash.
#[derive(Default)]
struct Rows(Mutex<Vec<OutboxRow>>);

impl Rows {
    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Outbox for Rows {
    fn outbox_pending(&self, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxRow>, OutboxError>> {
        let rows = self.0.lock().unwrap().iter().take(limit).cloned().collect();
        std::future::ready(Ok(rows)).boxed()
    }

    fn outbox_published(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), OutboxError>> {
        self.0.lock().unwrap().retain(|it| !ids.contains(&it.id));
        std::future::ready(Ok(())).boxed()
    }
}

/// Row `n` of a job: `3-0007`.
fn row(job: usize, n: usize) -> OutboxRow {
    let id = format!("{job}-{n:04}");
    let subject = Subject::event("301000000A", "speech.job.succeeded").unwrap();
    OutboxRow {
        body: format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t","subject":"jobs/{job}"}}"#
        ),
        id,
        subject: subject.to_string(),
        created: 0,
    }
}

/// One event more, so that something comes after those that were seen before the crash.
async fn relay_one(rows: &Rows, relay: &mut Relay) {
    rows.0.lock().unwrap().push(row(9, 0));
    within(relay.round()).await.unwrap();
}

pub(super) async fn no_event_of_the_outbox_is_lost_in_a_crash<E: Engine>() {
    let mut it = E::start(Limits { lease: Duration::from_millis(200), ..Limits::default() }).await;
    let rows = Arc::new(Rows::default());
    *rows.0.lock().unwrap() = (0..20).flat_map(|n| (0..5).map(move |job| row(job, n))).collect();
    let bus = it.bus();
    // Some are in hand at the crash.
    let (member, mut deliveries) = receive(&*bus, EVENTS, "watcher", |it| {
        if it.event.id().ends_with('3') {
            Outcome::Retry(Duration::from_secs(1))
        } else {
            Outcome::Ack
        }
    })
    .await;
    let mut relay = Relay::new(Arc::<Rows>::clone(&rows), Arc::clone(&bus));
    let round = within(relay.round()).await.unwrap();
    assert_eq!((round.n_published, round.n_failed), (100, 0));
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut note = |id: &str| {
        let (job, _) = id.split_once('-').unwrap();
        let ids = seen.entry(job.to_owned()).or_default();
        if !ids.iter().any(|it| it == id) {
            ids.push(id.to_owned());
        }
        seen.values().map(Vec::len).sum::<usize>()
    };
    for _ in 0..30 {
        note(within(deliveries.recv()).await.unwrap().event.id());
    }
    drop((member, relay, bus));
    it.crash().await;
    while let Some(delivery) = within(deliveries.recv()).await {
        note(delivery.event.id());
    }
    let (member, mut deliveries) = receive(&*it.bus(), EVENTS, "watcher", |_| Outcome::Ack).await;
    let mut relay = Relay::new(Arc::<Rows>::clone(&rows), it.bus());
    within(relay.round()).await.unwrap();
    // The last one is told after the others have been seen.
    relay_one(&rows, &mut relay).await;
    while note(within(deliveries.recv()).await.unwrap().event.id()) < 101 {}
    let settled = async {
        while !rows.is_empty() {
            relay.round().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    within(settled).await;
    member.stop().await;
}
