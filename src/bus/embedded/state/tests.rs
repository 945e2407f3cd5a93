//! Leases, retries, dead letters and settlement, with a clock that the test moves.

use super::*;
use crate::bus::event::{Extension, Origin};

const LEASE: Duration = Duration::from_secs(30);
const JOBS: &str = "moi.ai.v1.job.>";

struct Fixture {
    state: State,
    now: Instant,
}

impl Fixture {
    fn new() -> Fixture {
        let settings =
            EmbeddedSettings { lease: LEASE, max_waiting: 2, ..EmbeddedSettings::default() };
        Fixture { state: State::new(settings), now: Instant::now() }
    }

    fn add(&mut self, name: &str, filter: &str) -> Result<(), BusError> {
        self.state.add(name, &Filter::parse(filter).unwrap(), self.now)
    }

    fn publish(&mut self, id: &str) -> Result<Accepted, BusError> {
        let subject = Subject::job("letters", "classify").unwrap();
        let event = CloudEvent::new(Origin { id, source: "/s", kind: "t" }).unwrap();
        self.state.publish(&subject, &event, self.now)
    }

    /// Id and attempt of the next due event.
    fn take(&mut self, name: &str) -> Option<(String, u32, u64)> {
        match self.state.take(name, self.now) {
            Next::Due(taken) => Some((taken.event.id().to_owned(), taken.attempt, taken.seq)),
            Next::Sleep(_) => None,
        }
    }
}

#[test]
fn a_lease_that_ends_delivers_again_and_a_late_word_changes_nothing() {
    let mut it = Fixture::new();
    it.add("worker", JOBS).unwrap();
    let left = it.publish("1").unwrap().left;
    let (_, _, seq) = it.take("worker").unwrap();
    it.now += LEASE - Duration::from_millis(1);
    assert!(it.take("worker").is_none());
    it.state.extend("worker", seq, 1, it.now);
    it.now += LEASE - Duration::from_millis(1);
    assert!(it.take("worker").is_none(), "progress keeps the lease");
    it.now += Duration::from_millis(1);
    assert_eq!(it.take("worker"), Some(("1".to_owned(), 2, seq)));
    it.state.finish("worker", seq, 1, Outcome::Ack, it.now);
    assert_eq!(*left.borrow(), 1, "the first delivery's word comes too late");
    it.state.finish("worker", seq, 2, Outcome::Ack, it.now);
    assert_eq!(*left.borrow(), 0);
}

#[test]
fn the_fifth_failure_is_the_last() {
    let mut it = Fixture::new();
    it.add("worker", JOBS).unwrap();
    let left = it.publish("1").unwrap().left;
    for attempt in 1..=5 {
        let (_, found, seq) = it.take("worker").unwrap();
        assert_eq!(found, attempt);
        if attempt % 2 == 0 {
            it.now += LEASE;
        } else {
            it.state.finish("worker", seq, attempt, Outcome::Retry(LEASE), it.now);
            assert!(it.take("worker").is_none(), "a retry waits");
            it.now += LEASE;
        }
    }
    assert!(it.take("worker").is_none());
    assert_eq!(*left.borrow(), 0);
    it.add("graves", "moi.ai.v1.dlq.>").unwrap();
    let Next::Due(dead) = it.state.take("graves", it.now) else { unreachable!("a dead letter") };
    assert_eq!(dead.subject.as_str(), "moi.ai.v1.dlq.letters.classify");
    let text = |name| dead.event.extension(name).cloned();
    assert_eq!(text("deadreason"), Some(Extension::String("max-deliveries".to_owned())));
    assert_eq!(text("deaddeliveries"), Some(Extension::Integer(5)));
}

#[test]
fn full_is_refused_for_all_durables_together_and_ids_count_once() {
    let mut it = Fixture::new();
    assert!(!it.publish("1").unwrap().duplicate, "a queue holds what nobody takes yet");
    assert!(it.publish("1").unwrap().duplicate);
    it.publish("2").unwrap();
    assert!(matches!(it.publish("3"), Err(BusError::Full(_))));
    it.add("worker", JOBS).unwrap();
    assert!(matches!(it.publish("3"), Err(BusError::Full(_))));
    let (id, attempt, seq) = it.take("worker").unwrap();
    assert_eq!(id, "1");
    it.state.finish("worker", seq, attempt, Outcome::Ack, it.now);
    it.publish("3").unwrap();
    it.now += it.state.settings.duplicate_window;
    assert!(it.publish("2").unwrap().duplicate, "not forgotten before it is settled");
    let (_, attempt, seq) = it.take("worker").unwrap();
    it.state.finish("worker", seq, attempt, Outcome::Ack, it.now);
    assert!(!it.publish("1").unwrap().duplicate, "forgotten after the window");
}

#[test]
fn commands_have_one_taker() {
    let mut it = Fixture::new();
    it.add("a", JOBS).unwrap();
    it.add("a", JOBS).unwrap();
    assert!(it.add("b", "moi.ai.v1.job.letters.classify").is_err());
    assert!(it.add("a", "moi.ai.v1.job.letters.classify").is_err());
    it.add("c", "moi.ai.v1.evt.>").unwrap();
    it.add("d", "moi.ai.v1.evt.>").unwrap();
    assert!(matches!(it.add("e", "moi.ai.v1.rpc.>"), Err(BusError::Unroutable(_))));
}

#[test]
fn what_nobody_settles_is_not_settled() {
    let mut it = Fixture::new();
    it.add("worker", JOBS).unwrap();
    let mut left = it.publish("1").unwrap().left;
    drop(it);
    assert!(left.has_changed().is_err(), "the bus is gone: the outbox publishes again");
    assert_eq!(*left.borrow_and_update(), 1);
}
