//! Modes of services, and predictions beside what was decided on them.

use fenwen::store::{AnsweredRow, FeedbackRow, ModeRow, NewPrediction, Store};

use super::predictions::{prediction, told};
use super::{Fixture, NOON, SECOND};

fn chosen(org: &str, service: &str, mode: &str) -> ModeRow {
    ModeRow {
        org: org.to_owned(),
        service: service.to_owned(),
        mode: mode.to_owned(),
        reason: "試辦".to_owned(),
        by: "u-1".to_owned(),
        at: NOON,
    }
}

pub(super) fn a_mode_takes_the_place_of_the_one_before(fixture: Fixture) {
    let store = &fixture.store;
    let set = |row: &ModeRow, event| store.set_mode(row.clone(), told(event)).wait();
    let (first, other) = (chosen("B", "letters", "shadow"), chosen("A", "letters", "off"));
    set(&first, "1").unwrap();
    set(&other, "2").unwrap();
    let by = "u-2".to_owned();
    let later = ModeRow { by, at: NOON + SECOND, ..chosen("B", "letters", "live") };
    set(&later, "3").unwrap();
    assert_eq!(store.modes().wait().unwrap(), [other.clone(), later.clone()]);
    assert!(set(&first, "3").is_err(), "without its event it is not kept");
    let fixture = fixture.reopened();
    let store = &fixture.store;
    assert_eq!(store.modes().wait().unwrap(), [other, later.clone()]);
    for event in ["4", "5"] {
        store.unset_mode("A", "letters", told(event)).wait().unwrap();
    }
    assert_eq!(store.modes().wait().unwrap(), [later]);
    let n_told = store.outbox_pending(9).wait().unwrap().len();
    assert_eq!(n_told, 5, "each is told");
}

fn answered(id: &str, org: &str, mode: Option<&'static str>) -> NewPrediction {
    let labels = r#"[["甲",0.9]]"#.to_owned();
    NewPrediction { org: org.to_owned(), mode, labels, ..prediction(id, 100) }
}

fn decide(store: &Store, id: &str, (verdict, label): (&str, Option<&str>), event: &str) {
    let about = store.prediction(id, 0).wait().unwrap().unwrap();
    let row = FeedbackRow {
        prediction: id.to_owned(),
        verdict: verdict.to_owned(),
        label: label.map(str::to_owned),
        unit: None,
        reason: None,
        decided_by: None,
        role: None,
        created: 20,
    };
    store.add_feedback(row, about, told(event)).wait().unwrap();
}

pub(super) fn answers_lie_beside_the_last_word_on_them(fixture: Fixture) {
    let store = &fixture.store;
    let kept = vec![
        answered("a", "A", Some("shadow")),
        answered("b", "A", Some("shadow")),
        answered("c", "B", Some("pilot")),
        answered("d", "B", None),
        NewPrediction { made_by: Some("u-7".to_owned()), ..answered("e", "B", Some("pilot")) },
    ];
    store.keep(kept, Vec::new()).unwrap().wait().unwrap();
    decide(store, "a", ("corrected", Some("乙")), "1");
    decide(store, "a", ("corrected", Some("甲")), "2");
    decide(store, "c", ("accepted", None), "3");
    decide(store, "d", ("accepted", None), "4");
    let found = |org, now| store.decided("letters", org, now, 9).wait().unwrap();
    let all = found(None, 0);
    let shown: Vec<_> = all
        .iter()
        .map(|it| (it.prediction.as_str(), it.mode.as_str(), it.label.as_deref()))
        .collect();
    assert_eq!(shown, [("c", "pilot", None), ("a", "shadow", Some("甲"))]);
    assert_eq!((all[1].given.as_str(), all[1].version.as_str()), (r#"[["甲",0.9]]"#, "3"));
    assert_eq!(found(Some("A"), 0), all[1..]);
    assert_eq!(found(None, 100), [], "what has expired is not compared");
    assert_eq!(store.decided("documents", None, 0, 9).wait().unwrap(), []);
    let row = |org: &str, mode: &str, n| AnsweredRow {
        org: org.to_owned(),
        service: "letters".to_owned(),
        mode: mode.to_owned(),
        n,
    };
    assert_eq!(
        store.answered(None, 0).wait().unwrap(),
        [row("A", "shadow", 2), row("B", "pilot", 2)]
    );
    assert_eq!(store.answered(Some("B"), 0).wait().unwrap(), [row("B", "pilot", 2)]);
    let made_by = |id| store.prediction(id, 0).wait().unwrap().unwrap().made_by;
    assert_eq!((made_by("e").as_deref(), made_by("a")), (Some("u-7"), None));
}
