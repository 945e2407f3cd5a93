//! Receivers and deliveries.

use std::time::Duration;

use fenwen::store::Store;
use fenwen::store::webhooks::{
    Attempt, Delivery, DeliveryState, NewDelivery, NewWebhook, Webhook, WebhookChange,
};

use super::{Fixture, KEEP, LEASE, NOON, SECOND, purge};

const ORG: &str = "301000000A";

fn new(id: &str, client: &str, names: &[&str]) -> NewWebhook {
    NewWebhook {
        id: id.to_owned(),
        org: ORG.to_owned(),
        client: client.to_owned(),
        url: "https://mailbox.gov.tw/hook".to_owned(),
        names: names.iter().map(|&it| it.to_owned()).collect(),
        created: NOON,
    }
}

#[track_caller]
fn add(store: &Store, id: &str) -> Webhook {
    store.add_webhook(new(id, "mailbox", &[]), 9).unwrap().wait().unwrap().unwrap()
}

fn delivery(id: &str, webhook: &str) -> NewDelivery {
    NewDelivery {
        id: id.to_owned(),
        webhook: webhook.to_owned(),
        name: "a.b".to_owned(),
        body: "{}".to_owned(),
        traceparent: None,
        created: NOON,
    }
}

fn queue(store: &Store, ids: &[&str], webhook: &str) {
    let new = ids.iter().map(|id| delivery(id, webhook)).collect();
    store.add_deliveries(new).wait().unwrap();
}

fn take(store: &Store, now: Duration) -> Vec<Delivery> {
    store.take_due(now, LEASE, 9).wait().unwrap()
}

fn ids(taken: &[Delivery]) -> Vec<&str> {
    taken.iter().map(|it| it.id.as_str()).collect()
}

fn attempt(status: u32) -> Attempt {
    let failure = (status != 204).then(|| "status".to_owned());
    Attempt { at: NOON, took: SECOND, status: Some(status), failure }
}

fn log(store: &Store, before: Option<u64>, limit: usize) -> Vec<(Delivery, Vec<Attempt>)> {
    store.deliveries("w", before, limit).wait().unwrap()
}

pub(super) fn a_receiver_is_kept_changed_and_deleted(fixture: Fixture) {
    let made = add(&fixture.store, "w");
    assert!(made.is_active && made.before.is_none() && made.names.is_empty());
    assert_eq!(made.created, NOON);
    let fixture = fixture.reopened();
    let store = &fixture.store;
    assert_eq!(store.webhook("w").wait().unwrap().unwrap(), made);
    let change = WebhookChange {
        names: Some(vec!["a.b".to_owned(), "c.d".to_owned()]),
        is_active: Some(false),
        ..WebhookChange::default()
    };
    let changed = store.change_webhook("w", change).wait().unwrap().unwrap();
    let expected = Webhook {
        names: vec!["a.b".to_owned(), "c.d".to_owned()],
        is_active: false,
        ..made.clone()
    };
    assert_eq!(changed, expected);
    let change =
        WebhookChange { url: Some("https://other/".to_owned()), ..WebhookChange::default() };
    assert_eq!(store.change_webhook("w", change.clone()).wait().unwrap().unwrap().names.len(), 2);
    queue(store, &["1"], "w");
    store.record_attempt("1", attempt(500), DeliveryState::Failed).wait().unwrap();
    assert!(store.delete_webhook("w").wait().unwrap());
    assert!(!store.delete_webhook("w").wait().unwrap());
    assert_eq!(store.webhook("w").wait().unwrap(), None);
    assert_eq!(store.change_webhook("w", change).wait().unwrap(), None);
    assert_eq!(store.renew_webhook("w", NOON).unwrap().wait().unwrap(), None);
    assert!(log(store, None, 9).is_empty());
    // What ends after its receiver is nobody's.
    store.record_attempt("1", attempt(204), DeliveryState::Delivered).wait().unwrap();
}

pub(super) fn a_client_has_so_many_and_sees_its_own(fixture: Fixture) {
    let store = &fixture.store;
    let add = |id: &str, client: &str| {
        store.add_webhook(new(id, client, &[]), 2).unwrap().wait().unwrap().is_some()
    };
    assert!(add("a", "mailbox") && add("b", "mailbox") && add("c", "other"));
    assert!(!add("d", "mailbox"));
    let own = store.webhooks_of("mailbox").wait().unwrap();
    assert_eq!(own.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(store.delete_webhook("a").wait().unwrap() && add("d", "mailbox"));
}

pub(super) fn secrets_are_sealed_and_renewed(fixture: Fixture) {
    let store = &fixture.store;
    let first = add(store, "w");
    assert_eq!(first.secret.expose().len(), 64);
    assert_ne!(first.secret, add(store, "x").secret);
    let renewed = store.renew_webhook("w", NOON + SECOND).unwrap().wait().unwrap().unwrap();
    assert_ne!(renewed.secret, first.secret);
    assert_eq!(renewed.before, Some((first.secret.clone(), NOON + SECOND)));
    let again = store.renew_webhook("w", NOON + 2 * SECOND).unwrap().wait().unwrap().unwrap();
    assert_eq!(again.before, Some((renewed.secret.clone(), NOON + 2 * SECOND)));
    for entry in std::fs::read_dir(fixture.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let is_in = |secret: &[u8]| bytes.windows(32).any(|it| it == &secret[..32]);
            for secret in [&first.secret, &renewed.secret, &again.secret] {
                assert!(!is_in(secret.expose()), "{}", path.display());
            }
        }
    }
}

pub(super) fn events_go_to_those_who_want_them(fixture: Fixture) {
    let store = &fixture.store;
    for (id, names) in [("all", &[][..]), ("jobs", &["c.d"]), ("letters", &["c.d", "a.b"])] {
        store.add_webhook(new(id, "mailbox", names), 9).unwrap().wait().unwrap().unwrap();
    }
    let other = NewWebhook { org: "379000000A".to_owned(), ..new("other", "mailbox", &[]) };
    store.add_webhook(other, 9).unwrap().wait().unwrap().unwrap();
    add(store, "off");
    let off = WebhookChange { is_active: Some(false), ..WebhookChange::default() };
    store.change_webhook("off", off).wait().unwrap().unwrap();
    let wanting = |name| {
        let found = store.webhooks_wanting(ORG, name).wait().unwrap();
        found.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(wanting("a.b"), ["all", "letters"]);
    assert_eq!(wanting("c.d"), ["all", "jobs", "letters"]);
    assert_eq!(wanting("a"), ["all"], "a name is compared whole");
}

pub(super) fn a_delivery_is_queued_once_taken_once_and_logged(fixture: Fixture) {
    let store = &fixture.store;
    add(store, "w");
    queue(store, &["1", "2"], "w");
    queue(store, &["2", "3"], "w");
    assert!(take(store, NOON - SECOND).is_empty());
    let taken = take(store, NOON);
    assert_eq!(ids(&taken), ["1", "2", "3"]);
    assert_eq!((taken[0].n_attempts, taken[0].created), (0, NOON));
    assert!(take(store, NOON + LEASE - SECOND).is_empty(), "somebody has them");
    let later = NOON + 500 * SECOND;
    let record = |id, status, state| {
        store.record_attempt(id, attempt(status), state).wait().unwrap();
    };
    record("1", 503, DeliveryState::Due(later));
    record("2", 204, DeliveryState::Delivered);
    assert_eq!(ids(&take(store, NOON + LEASE)), ["3"], "whoever had it fell silent");
    record("3", 410, DeliveryState::Failed);
    assert_eq!(ids(&take(store, later)), ["1"]);
    record("1", 204, DeliveryState::Delivered);
    let found = log(store, None, 2);
    assert_eq!(found.iter().map(|it| it.0.id.as_str()).collect::<Vec<_>>(), ["3", "2"]);
    let rest = log(store, Some(found[1].0.seq), 2);
    assert_eq!(rest.len(), 1);
    let (first, attempts) = &rest[0];
    assert_eq!((first.state, first.n_attempts), (DeliveryState::Delivered, 2));
    assert_eq!(attempts, &[attempt(503), attempt(204)]);
    assert!(store.redeliver("w", "3", later).wait().unwrap());
    assert!(!store.redeliver("other", "3", later).wait().unwrap());
    let again = take(store, later);
    assert_eq!((ids(&again), again[0].n_attempts), (vec!["3"], 0));
}

pub(super) fn a_receiver_that_is_switched_off_loses_what_is_due(fixture: Fixture) {
    let store = &fixture.store;
    add(store, "w");
    add(store, "x");
    queue(store, &["1", "2"], "w");
    queue(store, &["3"], "x");
    store.record_attempt("1", attempt(204), DeliveryState::Delivered).wait().unwrap();
    let off = WebhookChange { is_active: Some(false), ..WebhookChange::default() };
    store.change_webhook("w", off).wait().unwrap().unwrap();
    assert_eq!(ids(&take(store, NOON)), ["3"]);
    let states: Vec<DeliveryState> = log(store, None, 9).iter().map(|it| it.0.state).collect();
    assert_eq!(states, [DeliveryState::Failed, DeliveryState::Delivered]);
}

pub(super) fn two_senders_never_get_one_delivery(fixture: Fixture) {
    let store = &fixture.store;
    let names: Vec<String> = (0..40).map(|it| format!("{it:02}")).collect();
    for name in &names {
        queue(store, &[name], &format!("w{}", &name[1..]));
    }
    let mut taken: Vec<String> = std::thread::scope(|scope| {
        let sender = || {
            let mut taken = Vec::new();
            loop {
                let found = store.take_due(NOON, LEASE, 3).wait().unwrap();
                if found.is_empty() {
                    return taken;
                }
                taken.extend(found.into_iter().map(|it| it.id));
            }
        };
        let senders: Vec<_> = (0..4).map(|_| scope.spawn(sender)).collect();
        senders.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    // One may find every row in the hands of others and end early: none is lost by that.
    taken.extend(take(store, NOON).into_iter().map(|it| it.id));
    taken.sort();
    assert_eq!(taken, names);
}

pub(super) fn settled_deliveries_are_purged(fixture: Fixture) {
    let store = &fixture.store;
    add(store, "w");
    queue(store, &["1", "2"], "w");
    store.record_attempt("1", attempt(204), DeliveryState::Delivered).wait().unwrap();
    let purged = |now| purge(store, now + KEEP.deliveries).deliveries;
    assert_eq!(purged(NOON), 0);
    assert_eq!(purged(NOON + SECOND), 1);
    assert_eq!(purged(NOON + SECOND), 0, "one is still due");
    assert_eq!(log(store, None, 9).len(), 1);
}
