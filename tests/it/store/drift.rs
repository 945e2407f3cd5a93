//! Figures of answers, references and what was measured.

use std::time::Duration;
#[cfg(feature = "postgres")]
use std::time::Instant;

use fenwen::store::{DriftReference, DriftRow, Expiring, NewPrediction, Observing, Shape, Store};

use super::Fixture;
#[cfg(feature = "postgres")]
use super::inspect::{beside, looks};
use super::predictions::prediction;

fn of(version: &str, after: u64, limit: usize) -> Observing {
    let (service, version) = ("letters".to_owned(), version.to_owned());
    Observing { service, version, after, limit }
}

/// Three answers of version 3 on three days, the oldest without a shape.
fn fill(store: &Store) -> String {
    let version = prediction("a", 100).model[1].clone();
    let shape = |n| Some(Shape { n_chars: 10 * n, n_han: n });
    let kept = (0..3).map(|n| NewPrediction {
        created: u64::from(n),
        shape: if n == 0 { None } else { shape(n) },
        ..prediction(["a", "b", "c"][n as usize], 100)
    });
    store.keep(kept.collect(), Vec::new()).unwrap().wait().unwrap();
    version
}

pub(super) fn answers_are_seen_without_their_texts(fixture: Fixture) {
    let store = &fixture.store;
    let version = fill(store);
    let first = store.first_answers(of(&version, 0, 2)).wait().unwrap();
    let shapes: Vec<_> = first.iter().map(|it| it.shape).collect();
    assert_eq!(shapes, [None, Some(Shape { n_chars: 10, n_han: 1 })]);
    let newest = |after, since| store.newest_answers(of(&version, after, 9), since).wait().unwrap();
    assert_eq!(newest(0, 0).len(), 3);
    assert_eq!(newest(0, 0)[0].shape, Some(Shape { n_chars: 20, n_han: 2 }), "the newest first");
    assert_eq!((newest(first[1].seq, 0).len(), newest(0, 2).len()), (1, 1));
    assert!(store.first_answers(of("other", 0, 9)).wait().unwrap().is_empty());
}

/// A version that has just begun to answer has few answers among many: they are not looked for among all.
#[cfg(feature = "postgres")]
#[test]
fn answers_of_a_version_are_found_by_it() {
    let fixture = Fixture::postgres();
    let many = (0..1_000).map(|n| prediction(&format!("p-{n}"), 100)).collect();
    fixture.store.keep(many, Vec::new()).unwrap().wait().unwrap();
    beside(&fixture, ["", "VACUUM ANALYZE prediction"]);
    let fixture = fixture.reopened();
    let before = looks(&fixture, "prediction_version");
    // A connection says what it has counted once a second at most, when it has been used again.
    let until = Instant::now() + Duration::from_secs(30);
    while looks(&fixture, "prediction_version") == before {
        assert!(Instant::now() < until, "all answers were looked at");
        assert!(fixture.store.first_answers(of("new", 0, 500)).wait().unwrap().is_empty());
        beside(&fixture, ["", "SELECT pg_sleep(0.3)"]);
    }
}

pub(super) fn the_first_figures_of_a_day_stay(fixture: Fixture) {
    let store = &fixture.store;
    let reference = |body: &str| DriftReference {
        service: "letters".to_owned(),
        version: "3".to_owned(),
        last: 7,
        body: body.to_owned(),
        created: 1,
    };
    assert!(store.drift_reference("letters", "3").wait().unwrap().is_none());
    assert!(store.keep_drift_reference(reference("{}")).wait().unwrap());
    assert!(!store.keep_drift_reference(reference("other")).wait().unwrap());
    assert_eq!(store.drift_reference("letters", "3").wait().unwrap(), Some(reference("{}")));
    let row = |day, measure: &str, value| DriftRow {
        service: "letters".to_owned(),
        version: "3".to_owned(),
        day,
        feature: "label".to_owned(),
        measure: measure.to_owned(),
        n_reference: 1000,
        n_window: 200,
        value,
        p: 1e-12,
        threshold: 0.2,
        is_alarm: true,
    };
    let keep = |rows| store.keep_drift(rows).wait().unwrap();
    assert_eq!(keep(vec![row(2, "psi", 0.3), row(1, "psi", 0.1)]), 2);
    assert_eq!(keep(vec![row(2, "psi", 0.9), row(2, "js", 0.1)]), 1, "the other is known");
    let found = |since| store.drift("letters", "3", since).wait().unwrap();
    assert_eq!(found(0), [row(1, "psi", 0.1), row(2, "js", 0.1), row(2, "psi", 0.3)]);
    assert_eq!(found(2).len(), 2);
    assert!(store.drift("letters", "4", 0).wait().unwrap().is_empty());
}

pub(super) fn what_expires_soon_is_counted(fixture: Fixture) {
    let store = &fixture.store;
    let one = NewPrediction { text_expires: 50, ..prediction("a", 100) };
    store.keep(vec![one, prediction("b", 200)], Vec::new()).unwrap().wait().unwrap();
    let seconds = Duration::from_secs;
    let found = store.expiring(seconds(100)).wait().unwrap();
    let of = |class: &str| found.iter().find(|it| it.class == class).cloned().unwrap();
    assert_eq!(of("texts"), Expiring { class: "texts", n: 1, first: Some(seconds(50)) });
    let predictions = Expiring { class: "predictions", n: 1, first: Some(seconds(100)) };
    assert_eq!(of("predictions"), predictions);
    assert_eq!((of("jobs").n, of("blobs").first), (0, None));
}
