//! Duties that one process has at a time, and the relay that is one of them.

use std::sync::Arc;
use std::time::Duration;

use fenwen::base::{Clock, ManualClock, SystemClock};
use fenwen::bus::{Bus, Embedded, EmbeddedSettings, Subject};
use fenwen::service::relay::{Outbox, Relay, StoreOutbox};
use fenwen::store::{Duty, OutboxRow};

use super::{Fixture, NOON, SECOND};

pub(super) fn one_has_a_duty_until_its_lease_runs_out(fixture: Fixture) {
    let store = &fixture.store;
    let take = |owner: &str, at: Duration| {
        store.take_duty(Duty::Relay, owner, at, 5 * SECOND).wait().unwrap()
    };
    assert!(take("a", NOON));
    assert!(!take("b", NOON + 4 * SECOND));
    assert!(take("a", NOON + 4 * SECOND), "it is kept");
    assert!(!take("b", NOON + 8 * SECOND));
    assert!(take("b", NOON + 9 * SECOND), "it has run out");
    assert!(!take("a", NOON + 10 * SECOND));
    store.leave_duty(Duty::Relay, "a").wait().unwrap();
    assert!(!take("a", NOON + 10 * SECOND), "it was not theirs to leave");
    store.leave_duty(Duty::Relay, "b").wait().unwrap();
    assert!(take("a", NOON + 10 * SECOND));
}

pub(super) fn one_of_two_relays_publishes(fixture: Fixture) {
    let store = fixture.store.clone();
    let clock = Arc::new(ManualClock::at(NOON));
    let tell = |n: usize| {
        let id = format!("019a9f4e5d7c7d3e9c550d6a3f2b1c{n:02}");
        let body = format!(r#"{{"specversion":"1.0","id":"{id}","source":"/s","type":"t"}}"#);
        let subject = Subject::event("301000000A", "speech.job.succeeded").unwrap().to_string();
        store.tell(OutboxRow { id, subject, body, created: 0 }).wait().unwrap();
    };
    let bus: Arc<dyn Bus> =
        Arc::new(Embedded::new(EmbeddedSettings::default(), Arc::new(SystemClock)));
    let outbox = || {
        let ticking: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        Arc::new(StoreOutbox::shared(store.clone(), ticking))
    };
    let (ours, theirs) = (outbox(), outbox());
    let relay = |outbox: &Arc<StoreOutbox>| {
        let outbox: Arc<dyn Outbox> = Arc::<StoreOutbox>::clone(outbox);
        Relay::new(outbox, Arc::clone(&bus))
    };
    let (mut one, mut other) = (relay(&ours), relay(&theirs));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let round = |relay: &mut Relay| runtime.block_on(relay.round()).unwrap().n_published;
    tell(1);
    assert!(!ours.is_anothers() && !theirs.is_anothers(), "nobody has asked");
    assert_eq!((round(&mut one), round(&mut other)), (1, 0));
    tell(2);
    assert_eq!((round(&mut other), round(&mut one)), (0, 1), "whoever has begun goes on");
    assert!(!ours.is_anothers() && theirs.is_anothers(), "for a while there is nothing to read");
    clock.advance(SECOND);
    assert!(!theirs.is_anothers(), "it looks again");
    tell(3);
    clock.advance(5 * SECOND);
    assert_eq!((round(&mut other), round(&mut one)), (1, 0), "one fell silent");
}
