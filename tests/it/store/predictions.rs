//! Predictions, feedback, taxonomies.

use fenwen::base::Private;
use fenwen::store::{FeedbackRow, NewPrediction, OutboxRow, Store, TaxonomyRow};

use super::{Fixture, SECOND, purge};

const ORG: &str = "301000000A";

const TEXT: &str = "我的身分證字號是A123456789";

pub(super) fn prediction(id: &str, expires: u64) -> NewPrediction {
    NewPrediction {
        id: id.to_owned(),
        org: ORG.to_owned(),
        service: "letters",
        model: ["letters", "3", "00"].map(str::to_owned),
        taxonomy: "2026-10".to_owned(),
        labels: "[]".to_owned(),
        text: Private::new(TEXT.as_bytes().to_vec()),
        signature: Some(id.as_bytes().to_vec()),
        subjects: Vec::new(),
        shape: None,
        case_no: None,
        mode: None,
        made_by: None,
        created: 10,
        text_expires: expires,
        expires,
    }
}

/// What the bus is to be told about a prediction.
pub(super) fn told(id: &str) -> OutboxRow {
    OutboxRow { id: format!("e-{id}"), subject: "a".to_owned(), body: "{}".to_owned(), created: 10 }
}

fn outbox(store: &Store) -> Vec<String> {
    store.outbox_pending(9).wait().unwrap().into_iter().map(|it| it.id).collect()
}

fn keep(store: &Store, predictions: Vec<NewPrediction>) {
    let told = predictions.iter().map(|it| told(&it.id)).collect();
    store.keep(predictions, told).unwrap().wait().unwrap();
}

/// Of predictions with a signature, oldest first, read in pages of two.
fn ids(store: &Store) -> Vec<String> {
    let (mut newest_first, mut before) = (Vec::new(), u64::MAX);
    loop {
        let page = store.signatures("letters", before, 2).wait().unwrap();
        let Some(last) = page.last() else { break };
        before = last.seq;
        newest_first.extend(page.into_iter().map(|it| it.id));
    }
    newest_first.reverse();
    newest_first
}

pub(super) fn what_is_kept_comes_back_and_expires(fixture: Fixture) {
    let store = &fixture.store;
    keep(store, vec![prediction("a", 100), prediction("b", 200)]);
    let both = vec![prediction("c", 100), prediction("a", 100)];
    assert!(store.keep(both, vec![told("c")]).unwrap().wait().is_err(), "all or none");
    let again = store.keep(vec![prediction("d", 100)], vec![told("d"), told("a")]).unwrap();
    assert!(again.wait().is_err(), "without its event it is not kept");
    assert_eq!(outbox(store), ["e-a", "e-b"]);
    let find = |id: &str, now| store.prediction(id, now).wait().unwrap();
    assert_eq!(find("a", 0).unwrap().org, ORG);
    assert_eq!(find("a", 99).unwrap().model[1], "3");
    assert_eq!((find("a", 100), find("c", 0), find("d", 0)), (None, None, None));
    assert_eq!(ids(store), ["a", "b"]);
    let purged = purge(store, 150 * SECOND);
    assert_eq!((purged.texts, purged.predictions), (vec!["a".to_owned()], 1));
    assert_eq!(purge(store, 150 * SECOND).total(), 0);
    store.scrub().unwrap();
    assert_eq!(ids(&fixture.reopened().store), ["b"]);
}

pub(super) fn many_are_kept_together_in_their_order(fixture: Fixture) {
    let store = &fixture.store;
    let many = |from: u32| -> Vec<_> {
        (from..from + 100).map(|it| prediction(&format!("{it:03}"), 100)).collect()
    };
    let outbox = || -> Vec<String> {
        store.outbox_pending(999).wait().unwrap().into_iter().map(|it| it.id).collect()
    };
    keep(store, many(0));
    let told_of: Vec<String> = (0..100).map(|it| format!("e-{it:03}")).collect();
    assert_eq!(outbox(), told_of);
    let mut spoilt = many(100);
    spoilt[60] = prediction("007", 100);
    assert!(store.keep(spoilt, vec![told("x")]).unwrap().wait().is_err(), "one is there already");
    assert_eq!((outbox(), store.prediction("100", 0).wait().unwrap()), (told_of.clone(), None));
    store.outbox_published(told_of, 7).wait().unwrap();
    keep(store, many(100));
    assert_eq!(outbox().len(), 100);
}

pub(super) fn the_newest_of_a_service_come_first(fixture: Fixture) {
    let store = &fixture.store;
    let other = NewPrediction { service: "qa", ..prediction("x", 100) };
    let elsewhere = NewPrediction { org: "379000000A".to_owned(), ..prediction("y", 100) };
    let of = |id, expires| prediction(id, expires);
    keep(store, vec![of("a", 100), other, of("b", 20), of("c", 100), elsewhere]);
    let check = |now, limit, expected: &[&str]| {
        let found = store.newest("letters", ORG, now, limit).wait().unwrap();
        assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), expected);
    };
    check(50, 9, &["c", "a"]);
    check(10, 2, &["c", "b"]);
}

pub(super) fn feedback_is_appended_and_the_latest_counts(fixture: Fixture) {
    let store = &fixture.store;
    keep(store, vec![prediction("a", 100), prediction("b", 100)]);
    for (id, label) in [("a", "x"), ("b", "y"), ("a", "z")] {
        let about = store.prediction(id, 0).wait().unwrap().unwrap();
        let row = FeedbackRow {
            prediction: id.to_owned(),
            verdict: "corrected".to_owned(),
            label: Some(label.to_owned()),
            unit: None,
            reason: None,
            decided_by: Some("u-88".to_owned()),
            role: None,
            created: 11,
        };
        store.add_feedback(row, about, told(label)).wait().unwrap();
    }
    assert_eq!(outbox(store), ["e-a", "e-b", "e-x", "e-y", "e-z"]);
    assert_eq!(store.feedback("a").wait().unwrap().len(), 2);
    let page = |after| store.labelled("letters", 50, after).wait().unwrap();
    let rows = page(0);
    let last = rows.last().unwrap().seq;
    let seen: Vec<(String, String)> = rows
        .into_iter()
        .map(|it| {
            assert_eq!(it.text.expose(), TEXT.as_bytes());
            (it.id, it.label.unwrap())
        })
        .collect();
    assert_eq!(seen, [("b".to_owned(), "y".to_owned()), ("a".to_owned(), "z".to_owned())]);
    assert!(page(last).is_empty());
    assert!(store.labelled("letters", 100, 0).wait().unwrap().is_empty(), "expired");
}

pub(super) fn versions_of_taxonomies_are_added_only(fixture: Fixture) {
    let row = |version: &str, valid_from, body: &str| TaxonomyRow {
        name: "units".to_owned(),
        version: version.to_owned(),
        body: body.to_owned(),
        valid_from,
        created: 1,
    };
    let add = |row| fixture.store.add_taxonomy(row).wait().unwrap();
    assert!(add(row("2026-10", 20, "b")) && add(row("2026-01", 10, "a")));
    assert!(!add(row("2026-10", 30, "other")));
    let found = fixture.store.taxonomies("units").wait().unwrap();
    let bodies: Vec<&str> = found.iter().map(|it| it.body.as_str()).collect();
    assert_eq!(bodies, ["a", "b"]);
    assert!(fixture.store.taxonomies("other").wait().unwrap().is_empty());
}
