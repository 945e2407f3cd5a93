//! Applications of systems: registered when another person approves, or not at all.

use fenwen::store::clients::ClientRow;
use fenwen::store::{ApplicationRow, Applied, Approval, Rejection, Request};

use super::{Fixture, NOON, SECOND};

fn application(id: &str, client: &str) -> ApplicationRow {
    let request = Request {
        id: id.to_owned(),
        reason: "SO-1".to_owned(),
        asked: ("u-1".to_owned(), NOON),
        approved: None,
        done: None,
        rejected: None,
    };
    ApplicationRow {
        request,
        sender: "platform".to_owned(),
        org: "301000000A".to_owned(),
        client: client.to_owned(),
        content: "{}".to_owned(),
    }
}

fn client(id: &str) -> ClientRow {
    ClientRow {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        units: String::new(),
        scopes: "jobs:read".to_owned(),
        purposes: "p".to_owned(),
        hours: None,
        networks: String::new(),
        expires: None,
        certificate: None,
        partner: None,
        is_active: true,
        approver: "u-2".to_owned(),
        created: NOON,
        used: NOON,
    }
}

pub(super) fn an_application_and_its_client_come_together(fixture: Fixture) {
    let store = &fixture.store;
    assert_eq!(store.apply(application("1", "a")).wait().unwrap(), Applied::Kept);
    assert_eq!(store.apply(application("2", "a")).wait().unwrap(), Applied::Waits);
    assert_eq!(store.apply(application("3", "b")).wait().unwrap(), Applied::Kept);
    let approve = |id: &str, by: &str, of: &str| {
        store.approve_application(id, by, NOON + SECOND, client(of)).wait().unwrap()
    };
    assert_eq!(approve("1", " U-1", "a"), Approval::SamePerson, "who applied");
    assert_eq!(approve("1", "Platform ", "a"), Approval::SamePerson, "who handed it over");
    assert_eq!(approve("2", "u-2", "a"), Approval::Unknown);
    assert!(store.clients().wait().unwrap().is_empty());
    assert_eq!(approve("1", "u-2", "a"), Approval::Approved);
    assert_eq!(approve("1", "u-2", "a"), Approval::Unknown, "once");
    assert_eq!(approve("3", "u-2", "a"), Approval::Taken);
    let kept = store.applications().wait().unwrap();
    let approved = Some(("u-2".to_owned(), NOON + SECOND));
    assert_eq!(
        (kept[0].request.approved.clone(), kept[0].request.done),
        (approved, Some(NOON + SECOND))
    );
    assert_eq!(kept[1].request.approved, None, "neither happened");
    assert_eq!(store.clients().wait().unwrap(), [client("a")]);
    let rejection = Rejection { by: "u-2".to_owned(), at: NOON + SECOND, reason: "r".to_owned() };
    let reject = |id: &str| store.reject_application(id, rejection.clone()).wait().unwrap();
    assert!(reject("3") && !reject("3") && !reject("1"));
    assert_eq!(approve("3", "u-2", "b"), Approval::Unknown, "it was rejected");
    assert_eq!(store.apply(application("4", "b")).wait().unwrap(), Applied::Kept);
}

pub(super) fn one_sender_has_so_many_waiting(fixture: Fixture) {
    let store = &fixture.store;
    for n in 0..200 {
        let it = application(&n.to_string(), &n.to_string());
        assert_eq!(store.apply(it).wait().unwrap(), Applied::Kept);
    }
    assert_eq!(store.apply(application("x", "x")).wait().unwrap(), Applied::TooMany);
    let other = ApplicationRow { sender: "other".to_owned(), ..application("x", "x") };
    assert_eq!(store.apply(other).wait().unwrap(), Applied::Kept);
}
