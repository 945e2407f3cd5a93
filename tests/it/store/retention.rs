//! Retention: each class goes at its limit (RT-1), unless it is held (RT-2), also after a crash (RT-3).

use std::sync::Arc;
use std::time::Instant;

use fenwen::base::{Private, RequestId};
use fenwen::store::blobs::{BlobFolder, Blobs};
use fenwen::store::jobs::{Ending, IdempotencyKey};
use fenwen::store::webhooks::{Attempt, DeliveryState, NewDelivery, NewWebhook};
use fenwen::store::{FeedbackRow, Hold, HoldKind, NewPrediction, Store};

use crate::http::client::WATCHDOG;

use super::blobs::{files, run};
use super::predictions::{prediction, told};
use super::{Fixture, KEEP, NOON, SECOND, claim, meta, new_job, purge, submit};

fn keep(store: &Store, predictions: Vec<NewPrediction>) {
    store.keep(predictions, Vec::new()).unwrap().wait().unwrap();
}

fn expiring(id: &str, text: u64, rest: u64) -> NewPrediction {
    NewPrediction { text_expires: text, ..prediction(id, rest) }
}

fn feedback(store: &Store, id: &str, created: u64) {
    let about = store.prediction(id, 0).wait().unwrap().unwrap();
    let row = FeedbackRow {
        prediction: id.to_owned(),
        verdict: "accepted".to_owned(),
        label: None,
        unit: None,
        reason: None,
        decided_by: None,
        role: None,
        created,
    };
    store.add_feedback(row, about, told(id)).wait().unwrap();
}

fn hold(store: &Store, kind: HoldKind, object: &str) -> String {
    let hold = Hold {
        id: RequestId::at(NOON).to_string(),
        kind,
        object: object.to_owned(),
        reason: "台內法字第1號".to_owned(),
        approver: "法制處".to_owned(),
        created: NOON,
        lifted: None,
        org: None,
    };
    let id = hold.id.clone();
    store.add_hold(hold).wait().unwrap();
    id
}

/// A job that has ended; it expires 100 seconds after noon.
fn ended(store: &Store, id: &str, case: Option<&str>) {
    let mut job = new_job(store, id);
    job.case_no = case.map(str::to_owned);
    submit(store, job);
    let job = claim(store, "w", NOON, 1).remove(0);
    store.finish(&job.id, job.fence, Ending::Failed("ER0500".to_owned()), NOON).wait().unwrap();
}

pub(super) fn each_class_is_gone_at_its_limit(fixture: Fixture) {
    let store = &fixture.store;
    let until = NOON + 100 * SECOND;
    keep(store, vec![expiring("p", until.as_secs(), until.as_secs())]);
    feedback(store, "p", (until - KEEP.feedback).as_secs());
    let key = IdempotencyKey {
        key: "k".to_owned(),
        route: "jobs",
        fingerprint: b"f".to_vec(),
        answer: b"a".to_vec(),
        expires: until,
    };
    store.submit(new_job(store, "j"), Some(key), 9).wait().unwrap();
    store.cancel("j", NOON).wait().unwrap();
    let told = store.outbox_pending(9).wait().unwrap().into_iter().map(|it| it.id).collect();
    let published = until - KEEP.events - SECOND / 1000;
    store.outbox_published(told, u64::try_from(published.as_millis()).unwrap()).wait().unwrap();
    let hook = NewWebhook {
        id: "w".to_owned(),
        org: "o".to_owned(),
        client: "c".to_owned(),
        url: "https://example.tw/".to_owned(),
        names: Vec::new(),
        created: NOON,
    };
    store.add_webhook(hook, 9).unwrap().wait().unwrap();
    let delivery = NewDelivery {
        id: "d".to_owned(),
        webhook: "w".to_owned(),
        name: "job.dead".to_owned(),
        body: "{}".to_owned(),
        traceparent: None,
        created: until - KEEP.deliveries - SECOND / 1000,
    };
    store.add_deliveries(vec![delivery]).wait().unwrap();
    let attempt = Attempt { at: NOON, took: SECOND, status: Some(204), failure: None };
    store.record_attempt("d", attempt, DeliveryState::Delivered).wait().unwrap();
    assert_eq!(purge(store, until - SECOND).total(), 0, "nothing goes before its time");
    let purged = purge(store, until);
    assert_eq!(purged.texts, ["p"]);
    let counts: Vec<(&str, u64)> = purged.counts().into_iter().collect();
    let expected = [
        ("blobs", 1),
        ("deliveries", 1),
        ("events", 3),
        ("feedback", 1),
        ("jobs", 1),
        ("predictions", 1),
        ("repetitions", 1),
        ("review_texts", 0),
        ("reviews", 0),
        ("texts", 1),
    ];
    assert_eq!(counts, expected);
    assert_eq!(purge(store, until).total(), 0);
}

pub(super) fn a_text_goes_before_its_prediction_and_feedback_last(fixture: Fixture) {
    let store = &fixture.store;
    keep(store, vec![expiring("p", 100, 200)]);
    feedback(store, "p", 50);
    let text = || store.prediction_text("p").wait().unwrap();
    assert!(text().is_some());
    assert_eq!(purge(store, 100 * SECOND).texts, ["p"]);
    assert!(text().is_none() && store.prediction("p", 150).wait().unwrap().is_some());
    assert!(store.signatures("letters", u64::MAX, 9).wait().unwrap().is_empty());
    assert!(store.labelled("letters", 0, 0).wait().unwrap().is_empty());
    assert_eq!(purge(store, 200 * SECOND).predictions, 1);
    assert_eq!(store.feedback("p").wait().unwrap().len(), 1, "it is kept for longer");
    assert_eq!(purge(store, 1049 * SECOND).total(), 0);
    assert_eq!(purge(store, 1050 * SECOND).feedback, 1);
}

/// RT-1: neither the sealed key nor the sealed content is left in any file.
pub(super) fn what_was_destroyed_is_in_no_file(fixture: Fixture) {
    let store = &fixture.store;
    let is_sqlite = fixture.path().join("store.sqlite").is_file();
    let text = || store.prediction_text("p").wait().unwrap();
    keep(store, vec![expiring("p", 100, 100)]);
    submit(store, new_job(store, "j"));
    store.cancel("j", NOON).wait().unwrap();
    assert!(text().is_some());
    let kept = is_sqlite.then(|| kept_bytes(&fixture));
    purge(store, NOON + 100 * SECOND);
    store.scrub().unwrap();
    assert!(text().is_none() && store.blob("in-j").wait().unwrap().is_none());
    let all: Vec<u8> =
        files(fixture.path()).iter().flat_map(|it| std::fs::read(it).unwrap()).collect();
    for needle in kept.iter().flatten() {
        assert!(!all.windows(needle.len()).any(|it| it == needle), "something is left");
    }
}

/// Before the log is so long that whoever writes would have to.
#[test]
fn the_log_is_folded_once_enough_was_written() {
    let fixture = Fixture::sqlite();
    let store = &fixture.store;
    let database = fixture.path().join("store.sqlite");
    let len = || std::fs::metadata(&database).unwrap().len();
    let some =
        |from: u32| (from..from + 50).map(|it| expiring(&it.to_string(), 100, 100)).collect();
    keep(store, some(0));
    let before = len();
    (1..20).for_each(|it| keep(store, some(it * 50)));
    let end = Instant::now() + WATCHDOG;
    while len() == before {
        assert!(Instant::now() < end, "what was written is still in the log alone");
        std::thread::yield_now();
    }
}

/// What a thief would need: the sealed text of the prediction, the sealed key and the content of the job's input.
fn kept_bytes(fixture: &Fixture) -> Vec<Vec<u8>> {
    let database = rusqlite::Connection::open(fixture.path().join("store.sqlite")).unwrap();
    let column = |sql: &str| database.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let found = vec![
        column("SELECT sealed FROM prediction"),
        column("SELECT signature FROM prediction"),
        column("SELECT sealed_key FROM blob"),
        column("SELECT content FROM blob"),
    ];
    assert!(found.iter().all(|it| !it.is_empty()));
    // A signature of one byte would be found anywhere.
    found.into_iter().filter(|it| 16 < it.len()).collect()
}

pub(super) fn a_hold_stops_the_purge_until_it_is_lifted(fixture: Fixture) {
    let store = &fixture.store;
    let late = NOON + 100 * SECOND;
    for (id, case) in [("j-case", Some("C-1")), ("j-held", None), ("j-free", None)] {
        ended(store, id, case);
    }
    let of_case = NewPrediction { case_no: Some("C-1".to_owned()), ..expiring("p-case", 100, 100) };
    keep(store, vec![of_case, expiring("p-held", 100, 100), expiring("p-free", 100, 100)]);
    let holds =
        [(HoldKind::Case, "C-1"), (HoldKind::Job, "j-held"), (HoldKind::Prediction, "p-held")]
            .map(|(kind, object)| hold(store, kind, object));
    let purged = purge(store, late);
    assert_eq!((purged.texts, purged.jobs, purged.blobs), (vec!["p-free".to_owned()], 1, 1));
    assert!(store.job("j-free").wait().unwrap().is_none());
    assert!(store.blob("in-j-held").wait().unwrap().is_some(), "with what belongs to it");
    assert!(store.prediction_text("p-case").wait().unwrap().is_some());
    for id in &holds {
        assert!(store.lift_hold(id, "處長", late).wait().unwrap());
        assert!(!store.lift_hold(id, "處長", late).wait().unwrap(), "once");
    }
    let kept = store.holds().wait().unwrap();
    assert!(kept.iter().all(|it| it.lifted == Some((late, "處長".to_owned()))));
    let purged = purge(store, late);
    assert_eq!((purged.texts.len(), purged.jobs, purged.blobs), (2, 2, 2));
}

pub(super) fn a_round_is_bounded_and_the_next_goes_on(fixture: Fixture) {
    let store = &fixture.store;
    let many = (0..450).map(|it| expiring(&format!("p{it:03}"), 100, 100)).collect();
    keep(store, many);
    let n_texts: Vec<usize> = (0..3).map(|_| purge(store, 100 * SECOND).texts.len()).collect();
    assert_eq!(n_texts, [200, 200, 50]);
    assert_eq!(purge(&fixture.reopened().store, 100 * SECOND).total(), 0);
}

pub(super) fn files_that_a_crash_left_are_deleted_later(fixture: Fixture) {
    run(async {
        let folder = fixture.path().join("blobs");
        let open =
            |store: &Store| Blobs::new(store.clone(), Arc::new(BlobFolder::new(folder.clone())));
        let blobs = open(&fixture.store);
        for id in ["0a", "0b"] {
            blobs.keep_in_files(meta(id, 0), Private::new(vec![7; 1000])).await.unwrap();
        }
        let purged = fixture.store.purge(NOON + 100 * SECOND, KEEP).await.unwrap();
        assert_eq!((purged.blobs, files(&folder).len()), (2, 2), "the program ends here");
        drop(blobs);
        let fixture = fixture.reopened();
        assert_eq!(open(&fixture.store).sweep().await.unwrap(), 2);
        assert_eq!(files(&folder).len(), 0);
    });
}
