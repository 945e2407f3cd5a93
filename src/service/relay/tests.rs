//! The relay over an outbox in memory and a bus that fails when told to.

use std::sync::Mutex;

use super::*;
use crate::bus::{Handle, Receipt, Reply, Report, Request, ServiceSpec, Subscription};

#[derive(Default)]
struct Rows {
    pending: Mutex<Vec<OutboxRow>>,
    broken: Mutex<bool>,
    is_anothers: Mutex<bool>,
}

impl Outbox for Rows {
    fn outbox_pending(&self, limit: usize) -> BoxFuture<'_, Result<Vec<OutboxRow>, OutboxError>> {
        let rows = self.pending.lock().unwrap().iter().take(limit).cloned().collect();
        std::future::ready(Ok(rows)).boxed()
    }

    fn is_anothers(&self) -> bool {
        *self.is_anothers.lock().unwrap()
    }

    fn outbox_published(&self, ids: Vec<String>) -> BoxFuture<'_, Result<(), OutboxError>> {
        if *self.broken.lock().unwrap() {
            return std::future::ready(Err(OutboxError("disk full".into()))).boxed();
        }
        self.pending.lock().unwrap().retain(|it| !ids.contains(&it.id));
        std::future::ready(Ok(())).boxed()
    }
}

/// Remembers what was published; fails for the ids in `refused`; settles when `settles`.
#[derive(Default)]
struct Recorder {
    published: Mutex<Vec<String>>,
    refused: Mutex<Vec<String>>,
    unsettled: Mutex<Vec<tokio::sync::oneshot::Sender<()>>>,
    settles_later: bool,
}

impl Bus for Recorder {
    fn request(&self, _: Request, _: Duration) -> BoxFuture<'_, Result<Reply, BusError>> {
        std::future::ready(Err(BusError::Closed)).boxed()
    }

    fn serve(&self, _: ServiceSpec) -> BoxFuture<'_, Result<Handle, BusError>> {
        std::future::ready(Err(BusError::Closed)).boxed()
    }

    fn publish<'a>(
        &'a self,
        _: &'a Subject,
        event: &'a CloudEvent,
    ) -> BoxFuture<'a, Result<Receipt, BusError>> {
        let id = event.id().to_owned();
        if self.refused.lock().unwrap().contains(&id) {
            return std::future::ready(Err(BusError::Full("test".to_owned()))).boxed();
        }
        self.published.lock().unwrap().push(id);
        let (sender, settled) = tokio::sync::oneshot::channel();
        if self.settles_later {
            self.unsettled.lock().unwrap().push(sender);
        } else {
            let _ = sender.send(());
        }
        let settled = async move { settled.await.map_err(|_| BusError::Closed) }.boxed();
        std::future::ready(Ok(Receipt { duplicate: false, settled })).boxed()
    }

    fn subscribe(&self, _: Subscription) -> BoxFuture<'_, Result<Handle, BusError>> {
        std::future::ready(Err(BusError::Closed)).boxed()
    }

    fn max_message_bytes(&self) -> usize {
        0
    }

    fn report(&self) -> BoxFuture<'_, Result<Report, BusError>> {
        std::future::ready(Err(BusError::Closed)).boxed()
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

/// Rows named by what they are about and a number: `a1`, `a2`, `b1`.
fn fixture(ids: &[&str], bus: Recorder) -> (Arc<Rows>, Arc<Recorder>, Relay) {
    let row = |id: &str| OutboxRow {
        created: 0,
        id: id.to_owned(),
        subject: "moi.ai.v1.job.speech.transcribe".to_owned(),
        body: format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t","subject":"{}"}}"#,
            id.get(..1).unwrap()
        ),
    };
    let rows = Arc::new(Rows::default());
    *rows.pending.lock().unwrap() = ids.iter().map(|it| row(it)).collect();
    let bus = Arc::new(bus);
    let relay = Relay::new(Arc::<Rows>::clone(&rows), Arc::<Recorder>::clone(&bus));
    (rows, bus, relay)
}

impl Rows {
    fn left(&self) -> Vec<String> {
        self.pending.lock().unwrap().iter().map(|it| it.id.clone()).collect()
    }
}

impl Recorder {
    fn published(&self) -> Vec<String> {
        self.published.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_failure_holds_back_its_own_job_only() {
    let (rows, bus, mut relay) = fixture(&["a1", "b1", "a2", "b2", "a3"], Recorder::default());
    bus.refused.lock().unwrap().push("a2".to_owned());
    let round = relay.round().await.unwrap();
    assert_eq!(round, Round { n_published: 3, n_failed: 1, n_settled: 3 });
    assert_eq!(bus.published(), ["a1", "b1", "b2"]);
    assert_eq!(rows.left(), ["a2", "a3"]);
    bus.refused.lock().unwrap().clear();
    relay.round().await.unwrap();
    assert_eq!(bus.published(), ["a1", "b1", "b2", "a2", "a3"]);
    assert!(rows.left().is_empty());
}

#[tokio::test]
async fn what_another_publishes_is_not_read() {
    let (rows, bus, mut relay) = fixture(&["a1"], Recorder::default());
    *rows.is_anothers.lock().unwrap() = true;
    assert_eq!(relay.round().await.unwrap(), Round::default());
    assert!(bus.published().is_empty());
    *rows.is_anothers.lock().unwrap() = false;
    assert_eq!(relay.round().await.unwrap().n_published, 1);
}

#[tokio::test]
async fn pauses_grow_and_end_with_success() {
    let (_, bus, mut relay) = fixture(&["a1"], Recorder::default());
    assert_eq!(relay.pause(), LOOK_EVERY);
    bus.refused.lock().unwrap().push("a1".to_owned());
    let mut pauses = Vec::new();
    for _ in 0..12 {
        relay.round().await.unwrap();
        pauses.push(relay.pause().as_millis());
    }
    assert_eq!(
        pauses,
        [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]
    );
    bus.refused.lock().unwrap().clear();
    relay.round().await.unwrap();
    assert_eq!(relay.pause(), LOOK_EVERY);
}

#[tokio::test]
async fn what_is_not_settled_stays_in_the_outbox_and_is_not_published_twice() {
    let later = Recorder { settles_later: true, ..Recorder::default() };
    let (rows, bus, mut relay) = fixture(&["a1", "a2"], later);
    relay.round().await.unwrap();
    relay.round().await.unwrap();
    assert_eq!(bus.published(), ["a1", "a2"]);
    assert_eq!(rows.left(), ["a1", "a2"]);
    let mut unsettled = std::mem::take(&mut *bus.unsettled.lock().unwrap());
    let _ = unsettled.remove(0).send(());
    // The engine of the second is gone: nobody knows whether it arrived.
    drop(unsettled);
    assert_eq!(relay.round().await.unwrap().n_settled, 1);
    assert_eq!(rows.left(), ["a2"]);
    relay.round().await.unwrap();
    assert_eq!(bus.published(), ["a1", "a2", "a2"]);
}

#[tokio::test]
async fn a_mark_that_fails_is_made_again() {
    let (rows, bus, mut relay) = fixture(&["a1"], Recorder::default());
    *rows.broken.lock().unwrap() = true;
    assert!(relay.round().await.is_err());
    assert!(relay.round().await.is_err());
    *rows.broken.lock().unwrap() = false;
    assert_eq!(relay.round().await.unwrap().n_settled, 1);
    assert_eq!(bus.published(), ["a1"], "published once");
    assert!(rows.left().is_empty());
}

#[tokio::test]
async fn a_malformed_row_is_kept_and_told() {
    let (rows, bus, mut relay) = fixture(&["a1", "b1"], Recorder::default());
    rows.pending.lock().unwrap()[0].body = "{}".to_owned();
    assert_eq!(relay.round().await.unwrap().n_failed, 1);
    assert_eq!(bus.published(), ["b1"]);
    assert_eq!(rows.left(), ["a1"]);
}

#[tokio::test]
async fn stopping_publishes_what_waits() {
    let ids: Vec<String> = (0..600)
        .map(|it| format!("{}{it}", char::from(b'a' + u8::try_from(it % 26).unwrap())))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (rows, _, relay) = fixture(&ids, Recorder::default());
    let (stop, stopped) = watch::channel(false);
    stop.send_replace(true);
    relay.run(Arc::default(), stopped).await;
    assert!(rows.left().is_empty());
}
