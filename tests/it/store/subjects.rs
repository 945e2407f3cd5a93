//! Subjects: found by a pseudonym, erased by two persons, not while a hold is in the way.

use std::sync::Arc;
use std::time::Duration;

use fenwen::base::Private;
use fenwen::store::blobs::{BlobFolder, Blobs};
use fenwen::store::jobs::{Ending, Payload, Success};
use fenwen::store::{
    Approval, Erasure, Hold, HoldKind, Identifier, IdentifierKind, Mention, NewPrediction,
    Rejection, Request, Store, Subject,
};

use super::blobs::{block_on, files};
use super::predictions::prediction;
use super::{Fixture, NOON, SECOND, claim, meta, new_job, purge, submit};

const ID_NUMBER: &str = "A123456789";

fn subject(store: &Store, text: &str) -> Subject {
    let value = Private::new(text.to_owned());
    store.subject(&Identifier { kind: IdentifierKind::IdNumber, value }).unwrap()
}

fn mentioning(store: &Store, id: &str, created: Duration) -> NewPrediction {
    let mut it = prediction(id, (NOON + 9000 * SECOND).as_secs());
    (it.created, it.subjects) = (created.as_secs(), vec![subject(store, ID_NUMBER)]);
    it
}

fn keep(store: &Store, prediction: NewPrediction) {
    store.keep(vec![prediction], Vec::new()).unwrap().wait().unwrap();
}

fn blobs(fixture: &Fixture) -> Blobs {
    let folder = BlobFolder::new(fixture.path().join("blobs"));
    Blobs::new(fixture.store.clone(), Arc::new(folder))
}

/// A prediction, and a job with a large result, that mention somebody; and one of each that do not.
fn fill(fixture: &Fixture) {
    let store = &fixture.store;
    keep(store, mentioning(store, "p", NOON));
    keep(store, prediction("q", (NOON + 9000 * SECOND).as_secs()));
    submit(store, new_job(store, "k"));
    let mut job = new_job(store, "j");
    job.subjects = vec![subject(store, ID_NUMBER)];
    job.priority = 9;
    submit(store, job);
    let job = claim(store, "w", NOON, 1).remove(0);
    let large = Private::new(vec![7; 100_000]);
    let result = block_on(blobs(fixture).keep_in_files(meta("0a", 0), large)).unwrap();
    let payload = Payload::Blob(result);
    let subjects = vec![subject(store, "B1")];
    let success = Success { payload, told: None, figures: None, subjects };
    store.finish("j", job.fence, Ending::Succeeded(success), NOON).wait().unwrap();
}

fn mentions(store: &Store, text: &str) -> Vec<Mention> {
    let found = store.mentions(&subject(store, text)).wait().unwrap();
    found.into_iter().map(|it| it.0).collect()
}

fn ask(store: &Store) -> Erasure {
    let request = Request {
        id: "e-1".to_owned(),
        reason: "當事人申請".to_owned(),
        asked: ("王承辦".to_owned(), NOON),
        approved: None,
        done: None,
        rejected: None,
    };
    let erasure = Erasure { request, subject: subject(store, ID_NUMBER), org: None };
    store.ask_erasure(erasure.clone()).wait().unwrap();
    erasure
}

fn approve(store: &Store, by: &str) -> Approval {
    store.approve_erasure("e-1", by, NOON + SECOND).wait().unwrap()
}

fn erase(store: &Store) -> u64 {
    let erasure = store.erasures().wait().unwrap().remove(0);
    store.erase_mentions(erasure, NOON + 2 * SECOND).wait().unwrap()
}

pub(super) fn a_person_is_found_in_every_writing(fixture: Fixture) {
    let store = &fixture.store;
    fill(&fixture);
    let expected = [Mention::Job("j".to_owned()), Mention::Prediction("p".to_owned())];
    for text in [ID_NUMBER, "a123456789", "Ａ１２３４５６７８９"] {
        assert_eq!(mentions(store, text), expected, "{text}");
    }
    assert_eq!(mentions(store, "B1"), expected[..1], "the result names another");
    assert!(mentions(store, "C1").is_empty());
    purge(store, NOON + 9001 * SECOND);
    assert!(mentions(store, ID_NUMBER).is_empty(), "the index goes with what it points at");
}

pub(super) fn two_persons_erase_and_nothing_is_left(fixture: Fixture) {
    let store = &fixture.store;
    fill(&fixture);
    ask(store);
    assert_eq!(erase(store), 0, "nothing before it is approved");
    assert_eq!(approve(store, " 王承辦"), Approval::SamePerson);
    assert_eq!(approve(store, "李科長"), Approval::Approved);
    assert_eq!(approve(store, "李科長"), Approval::Unknown, "once");
    assert_eq!((erase(store), erase(store)), (2, 0));
    assert!(mentions(store, ID_NUMBER).is_empty() && mentions(store, "B1").is_empty());
    assert!(store.prediction("p", 0).wait().unwrap().is_none());
    assert!(store.job("j").wait().unwrap().is_none());
    assert!(store.blob("in-j").wait().unwrap().is_none());
    assert_eq!(files(&fixture.path().join("blobs")).len(), 1);
    assert_eq!(block_on(blobs(&fixture).sweep()).unwrap(), 1);
    assert_eq!(files(&fixture.path().join("blobs")).len(), 0);
    assert!(store.prediction("q", 0).wait().unwrap().is_some());
    assert!(store.job("k").wait().unwrap().is_some(), "others stay");
    let kept = store.erasures().wait().unwrap().remove(0);
    assert_eq!(kept.request.done, Some(NOON + 2 * SECOND));
    assert_eq!(store.erased_since(NOON + SECOND).wait().unwrap(), ["p"]);
    assert!(store.erased_since(NOON + 2 * SECOND).wait().unwrap().is_empty());
}

pub(super) fn a_hold_stops_an_erasure(fixture: Fixture) {
    let store = &fixture.store;
    fill(&fixture);
    ask(store);
    let held = [
        (HoldKind::Subject, subject(store, ID_NUMBER).as_str().to_owned()),
        (HoldKind::Job, "j".to_owned()),
        (HoldKind::Prediction, "p".to_owned()),
    ];
    for (kind, object) in held {
        let hold = Hold {
            id: kind.as_str().to_owned(),
            kind,
            object,
            reason: "訴訟".to_owned(),
            approver: "法制處".to_owned(),
            created: NOON,
            lifted: None,
            org: None,
        };
        store.add_hold(hold).wait().unwrap();
        assert_eq!(approve(store, "李科長"), Approval::Held, "{kind:?}");
        if kind == HoldKind::Subject {
            purge(store, NOON + 9000 * SECOND);
            assert_eq!(mentions(store, ID_NUMBER).len(), 2, "all that mentions a subject is held");
        }
        store.lift_hold(kind.as_str(), "處長", NOON).wait().unwrap();
    }
    assert_eq!(approve(store, "李科長"), Approval::Approved);
}

/// What comes from elsewhere is done again, for what was there at its time.
pub(super) fn what_came_after_the_approval_stays(fixture: Fixture) {
    let store = &fixture.store;
    keep(store, mentioning(store, "before", NOON));
    keep(store, mentioning(store, "after", NOON + 60 * SECOND));
    let approved = Some(("李科長".to_owned(), NOON + SECOND));
    let id = "from-elsewhere".to_owned();
    let asked = ask(store);
    let elsewhere = Erasure { request: Request { id, approved, ..asked.request }, ..asked };
    for _ in 0..2 {
        store.adopt_erasure(elsewhere.clone()).wait().unwrap();
    }
    assert_eq!(store.erasures().wait().unwrap().len(), 2);
    assert_eq!(store.erase_mentions(elsewhere, NOON).wait().unwrap(), 1);
    assert_eq!(mentions(store, ID_NUMBER), [Mention::Prediction("after".to_owned())]);
}

/// Rows of two agencies that mention one person.
fn two_agencies(store: &Store) {
    for (id, org) in [("own", "379000000A"), ("other", "301000000A")] {
        let org = org.to_owned();
        keep(store, NewPrediction { org, ..mentioning(store, id, NOON) });
    }
}

pub(super) fn an_agency_erases_its_own_rows_only(fixture: Fixture) {
    let store = &fixture.store;
    two_agencies(store);
    let person = subject(store, ID_NUMBER);
    let found = |org: &str| store.mentions_in(&person, org).wait().unwrap().len();
    assert_eq!((found("379000000A"), found("301000000A"), found("A")), (1, 1, 0));
    let asked = ask(store);
    let org = Some("379000000A".to_owned());
    let request = Request { id: "e-2".to_owned(), ..asked.request };
    store.ask_erasure(Erasure { request, org: org.clone(), ..asked }).wait().unwrap();
    // What holds another agency's rows is not in the way; what holds this one's is.
    let hold = |id: &str, org: &Option<String>| Hold {
        id: id.to_owned(),
        kind: HoldKind::Subject,
        object: person.as_str().to_owned(),
        reason: "訴訟".to_owned(),
        approver: "法制處".to_owned(),
        created: NOON,
        lifted: None,
        org: org.clone(),
    };
    store.add_hold(hold("h-1", &Some("301000000A".to_owned()))).wait().unwrap();
    store.add_hold(hold("h-2", &org)).wait().unwrap();
    let approve = || store.approve_erasure("e-2", "李科長", NOON + SECOND).wait().unwrap();
    assert_eq!(approve(), Approval::Held);
    store.lift_hold("h-2", "處長", NOON).wait().unwrap();
    assert_eq!(approve(), Approval::Approved);
    let erasure = store.erasures().wait().unwrap().into_iter().find(|it| it.org == org).unwrap();
    let erase = || store.erase_mentions(erasure.clone(), NOON + 2 * SECOND).wait().unwrap();
    assert_eq!((erase(), erase()), (1, 0));
    assert_eq!(mentions(store, ID_NUMBER), [Mention::Prediction("other".to_owned())]);
    let erasures = store.erasures().wait().unwrap();
    let done: Vec<bool> = erasures.iter().map(|it| it.request.done.is_some()).collect();
    assert_eq!(done, [false, true]);
}

pub(super) fn an_agency_holds_its_own_rows_only(fixture: Fixture) {
    let store = &fixture.store;
    two_agencies(store);
    let hold = Hold {
        id: "h".to_owned(),
        kind: HoldKind::Subject,
        object: subject(store, ID_NUMBER).as_str().to_owned(),
        reason: "訴訟".to_owned(),
        approver: "法制處".to_owned(),
        created: NOON,
        lifted: None,
        org: Some("379000000A".to_owned()),
    };
    store.add_hold(hold.clone()).wait().unwrap();
    assert_eq!(store.holds().wait().unwrap(), [hold]);
    purge(store, NOON + 9001 * SECOND);
    assert_eq!(mentions(store, ID_NUMBER), [Mention::Prediction("own".to_owned())]);
}

pub(super) fn a_rejected_erasure_waits_no_more(fixture: Fixture) {
    let store = &fixture.store;
    keep(store, mentioning(store, "p", NOON));
    ask(store);
    let reason = "非本人申請".to_owned();
    let rejection = Rejection { by: "李科長".to_owned(), at: NOON + SECOND, reason };
    assert!(store.reject_erasure("e-1", rejection.clone()).wait().unwrap());
    assert!(!store.reject_erasure("e-1", rejection.clone()).wait().unwrap(), "once");
    assert_eq!(approve(store, "陳專委"), Approval::Unknown);
    assert_eq!(erase(store), 0);
    assert_eq!(store.erasures().wait().unwrap()[0].request.rejected, Some(rejection));
    assert_eq!(mentions(store, ID_NUMBER).len(), 1);
}
