//! Registered clients and their keys.

use fenwen::store::clients::{ClientKey, ClientRow};

use super::{Fixture, NOON, SECOND};

fn row(id: &str) -> ClientRow {
    ClientRow {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        units: String::new(),
        scopes: "jobs:read".to_owned(),
        purposes: "petition-handling".to_owned(),
        hours: None,
        networks: "10.0.0.0/8".to_owned(),
        expires: Some(NOON),
        certificate: Some(vec![7; 32]),
        partner: Some(format!("TW/GOV/{id}")),
        is_active: true,
        approver: "u-1".to_owned(),
        created: NOON,
        used: NOON,
    }
}

fn key(id: &str, client: &str) -> ClientKey {
    let (id, client) = (id.to_owned(), client.to_owned());
    ClientKey { id, client, hash: vec![1; 32], is_demo: false, created: NOON }
}

pub(super) fn a_client_is_kept_switched_and_deleted(fixture: Fixture) {
    let store = &fixture.store;
    assert!(
        store.add_client(row("b")).wait().unwrap() && store.add_client(row("a")).wait().unwrap()
    );
    assert!(!store.add_client(row("a")).wait().unwrap(), "the id is taken");
    let again = ClientRow { partner: Some("TW/GOV/a".to_owned()), ..row("c") };
    assert!(!store.add_client(again).wait().unwrap(), "the name at the exchange is taken");
    let bare = ClientRow {
        hours: Some("08:00-18:00".to_owned()),
        expires: None,
        certificate: None,
        partner: None,
        ..row("c")
    };
    assert!(store.add_client(bare.clone()).wait().unwrap());
    assert_eq!(store.clients().wait().unwrap(), [row("a"), row("b"), bare]);
    let later = NOON + SECOND;
    assert!(store.set_client_active("a", false, later).wait().unwrap());
    assert!(!store.set_client_active("x", false, later).wait().unwrap());
    let suspended = ClientRow { is_active: false, ..row("a") };
    assert_eq!(store.clients().wait().unwrap()[0], suspended);
    assert!(store.set_client_active("a", true, later).wait().unwrap());
    store.touch_client("a", NOON).wait().unwrap();
    assert_eq!(store.clients().wait().unwrap()[0], ClientRow { used: later, ..row("a") });
    assert!(store.delete_client("a").wait().unwrap() && !store.delete_client("a").wait().unwrap());
    assert_eq!(store.clients().wait().unwrap().len(), 2);
}

pub(super) fn keys_go_with_their_client(fixture: Fixture) {
    let store = &fixture.store;
    assert!(store.add_client(row("a")).wait().unwrap());
    assert!(!store.add_client_key(key("k0", "x")).wait().unwrap(), "nobody's");
    for id in ["k1", "k2", "k3"] {
        assert!(store.add_client_key(key(id, "a")).wait().unwrap());
    }
    assert!(store.delete_client_key("k2").wait().unwrap());
    assert!(!store.delete_client_key("k2").wait().unwrap());
    assert_eq!(store.client_keys().wait().unwrap(), [key("k1", "a"), key("k3", "a")]);
    assert!(store.delete_client("a").wait().unwrap());
    assert!(store.client_keys().wait().unwrap().is_empty());
}
