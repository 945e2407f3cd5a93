//! Receivers of the log: in order, at least once, across failures and restarts.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use fenwen::audit::{AuditEvent, Forward, ForwardError, Forwarded, Pump, Recorder};
use fenwen::base::{Clock, ManualClock, SystemClock};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{recorder, row, rows};

/// A receiver that may be away.
#[derive(Default)]
struct Receiver {
    is_away: AtomicBool,
    taken: Mutex<Vec<Forwarded>>,
}

impl Receiver {
    fn ids(&self, kind: &str) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        taken.iter().filter(|it| it.kind == kind).map(|it| it.id.clone()).collect()
    }
}

impl Forward for Receiver {
    fn name(&self) -> &'static str {
        "test"
    }

    fn send(&self, lines: Vec<Forwarded>) -> BoxFuture<'_, Result<(), ForwardError>> {
        async move {
            if self.is_away.load(Ordering::SeqCst) {
                return Err(ForwardError("away".into()));
            }
            self.taken.lock().unwrap().extend(lines);
            Ok(())
        }
        .boxed()
    }
}

fn pump(recorder: &Arc<Recorder>, receiver: &Arc<Receiver>) -> Pump {
    let receiver: Arc<dyn Forward> = Arc::<Receiver>::clone(receiver);
    Pump::new(Arc::clone(recorder), receiver, Arc::new(SystemClock))
}

async fn send_all(pump: &Pump) {
    while pump.round().await.unwrap() != 0 {}
}

fn open(folder: &Path) -> Arc<Recorder> {
    Arc::new(recorder(folder, |it| it.segment_bytes = 2000))
}

#[tokio::test]
async fn a_receiver_that_was_away_misses_nothing_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Arc::new(Receiver::default());
    let log = open(dir.path());
    for n in 0..10 {
        log.append(row(n)).await.unwrap();
    }
    send_all(&pump(&log, &receiver)).await;
    receiver.is_away.store(true, Ordering::SeqCst);
    for n in 10..20 {
        log.append(row(n)).await.unwrap();
    }
    assert!(pump(&log, &receiver).round().await.is_err());
    log.close();
    drop(log);
    let log = open(dir.path());
    log.append(row(20)).await.unwrap();
    receiver.is_away.store(false, Ordering::SeqCst);
    send_all(&pump(&log, &receiver)).await;
    let expected: Vec<String> = (1..=21).map(|it| format!("n-{it}")).collect();
    assert_eq!(receiver.ids("audit.row"), expected);
    assert!(!receiver.ids("audit.checkpoint").is_empty());
    let taken = receiver.taken.lock().unwrap();
    assert!(taken.iter().all(|it| it.line.starts_with('{') && it.line.ends_with('}')));
}

#[tokio::test]
async fn a_failure_and_its_end_are_events() {
    let dir = tempfile::tempdir().unwrap();
    let receiver = Arc::new(Receiver::default());
    receiver.is_away.store(true, Ordering::SeqCst);
    let log = open(dir.path());
    log.append(row(1)).await.unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock.unix_time()));
    let port: Arc<dyn Forward> = Arc::<Receiver>::clone(&receiver);
    let ticking: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let pump = Pump::new(Arc::clone(&log), port, ticking);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut running = Box::pin(pump.run(stopped));
    assert!((&mut running).now_or_never().is_none(), "the receiver is away");
    receiver.is_away.store(false, Ordering::SeqCst);
    // What the pump itself has recorded is on the disk behind this row.
    log.append(row(2)).await.unwrap();
    clock.advance(std::time::Duration::from_secs(5));
    assert!((&mut running).now_or_never().is_none());
    stop.send(true).unwrap();
    running.await;
    log.append(row(3)).await.unwrap();
    let events: Vec<AuditEvent> = rows(dir.path()).into_iter().map(|it| it.event).collect();
    let expected = [
        AuditEvent::ApiCalled,
        AuditEvent::ForwardFailed,
        AuditEvent::ApiCalled,
        AuditEvent::ForwardRestored,
        AuditEvent::ApiCalled,
    ];
    assert_eq!(events, expected);
}
