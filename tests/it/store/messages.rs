//! Messages of the house.

use std::time::Duration;

use fenwen::store::Store;
use fenwen::store::messages::NewMessage;
use fenwen::store::webhooks::DeliveryState;

use super::{Fixture, KEEP, LEASE, NOON, SECOND, purge};

const QUIET: Duration = Duration::from_secs(600);

fn message(id: &str, recipient: &str, created: Duration) -> NewMessage {
    NewMessage {
        id: id.to_owned(),
        medium: "mail".to_owned(),
        recipient: recipient.to_owned(),
        kind: "audit-broken".to_owned(),
        body: "{}".to_owned(),
        created,
    }
}

fn add(store: &Store, new: NewMessage) -> u64 {
    store.add_messages(vec![new], QUIET).wait().unwrap()
}

fn take(store: &Store, now: Duration) -> Vec<String> {
    let taken = store.take_messages(now, LEASE, 3).wait().unwrap();
    taken.into_iter().map(|it| it.new.id).collect()
}

pub(super) fn a_message_is_queued_once_taken_once_and_recorded(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(add(store, message("1", "a", NOON)), 1);
    assert_eq!(add(store, message("1", "a", NOON + 2 * QUIET)), 0, "the same");
    assert_eq!(add(store, message("2", "a", NOON + QUIET / 2)), 0, "told a moment ago");
    assert_eq!(add(store, message("3", "b", NOON + QUIET / 2)), 1, "somebody else");
    let other = NewMessage { kind: "dead-letters".to_owned(), ..message("4", "a", NOON + SECOND) };
    assert_eq!(add(store, other), 1, "something else");
    assert_eq!(take(store, NOON), ["1"]);
    assert_eq!(take(store, NOON + LEASE - SECOND), ["4"]);
    let again = store.take_messages(NOON + LEASE, LEASE, 9).wait().unwrap();
    assert_eq!((again.len(), again[0].n_attempts), (1, 0), "its lease is over");
    let due = DeliveryState::Due(NOON + 100 * SECOND);
    store.record_message("1", due, Some("smtp_451".to_owned())).wait().unwrap();
    let row = store.messages(9).wait().unwrap().into_iter().find(|it| it.id == "1").unwrap();
    assert_eq!((row.state, row.n_attempts), (due, 1));
    assert_eq!(row.failure.as_deref(), Some("smtp_451"));
    store.record_message("1", DeliveryState::Delivered, None).wait().unwrap();
    let taken = take(store, NOON + QUIET);
    assert!(!taken.contains(&"1".to_owned()), "{taken:?}");
}

pub(super) fn two_nodes_never_send_one_message(fixture: Fixture) {
    let store = &fixture.store;
    let names: Vec<String> = (0..40).map(|it| format!("{it:02}")).collect();
    for name in &names {
        assert_eq!(add(store, message(name, name, NOON)), 1);
    }
    let mut taken: Vec<String> = std::thread::scope(|scope| {
        let node = || {
            let mut taken = Vec::new();
            loop {
                let found = take(store, NOON);
                if found.is_empty() {
                    return taken;
                }
                taken.extend(found);
            }
        };
        let nodes: Vec<_> = (0..4).map(|_| scope.spawn(node)).collect();
        nodes.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    // One may find every row in the hands of others and end early: none is lost by that.
    loop {
        let found = take(store, NOON);
        if found.is_empty() {
            break;
        }
        taken.extend(found);
    }
    taken.sort();
    assert_eq!(taken, names);
}

pub(super) fn settled_messages_are_purged(fixture: Fixture) {
    let store = &fixture.store;
    for id in ["1", "2"] {
        add(store, message(id, id, NOON));
    }
    store.record_message("1", DeliveryState::Failed, Some("smtp_550".to_owned())).wait().unwrap();
    let purged = |now| purge(store, now + KEEP.deliveries).deliveries;
    assert_eq!(purged(NOON), 0);
    assert_eq!(purged(NOON + SECOND), 1);
    let left: Vec<String> = store.messages(9).wait().unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(left, ["2"], "what is due stays");
}
