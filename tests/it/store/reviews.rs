//! Reviews: the queue, leases, decisions, and what becomes of them.

use std::time::Duration;

use fenwen::base::Private;
use fenwen::store::reviews::{
    Decision, Hold, NewReview, ReviewAsk, ReviewChange, ReviewKind, ReviewReason, ReviewRow,
    ReviewSort, ReviewState, ReviewView, Settlement, StateFilter,
};
use fenwen::store::{FeedbackRow, Keep, NewPrediction, Store};

use super::predictions::told;
use super::{Fixture, KEEP, NOON, SECOND};

const ORG: &str = "301000000A";
const LEASE: Duration = Duration::from_secs(600);
const WINDOW: Duration = Duration::from_secs(30);
const CONTENT: &[u8] = b"the letter of A123456789";

fn new_review(id: &str) -> NewReview {
    NewReview {
        id: id.to_owned(),
        prediction: format!("p-{id}"),
        kind: ReviewKind::Letter,
        org: ORG.to_owned(),
        unit: Some("301000000A/戶政司".to_owned()),
        reason: ReviewReason::RequiresHuman,
        priority: 2,
        confidence: 5_000,
        is_confidential: false,
        deadline: NOON + 100 * SECOND,
        created: NOON,
        model_version: "3".to_owned(),
        given: r#"[["RIS-02",0.5]]"#.to_owned(),
        correlation: "c-1".to_owned(),
        title: Private::new(format!("title of {id}")),
        content: Private::new(CONTENT.to_vec()),
    }
}

fn add(store: &Store, reviews: Vec<NewReview>) {
    store.keep_for_review(Vec::new(), Vec::new(), reviews).unwrap().wait().unwrap();
}

fn view() -> ReviewView {
    ReviewView {
        org: ORG.to_owned(),
        units: Vec::new(),
        kinds: vec![ReviewKind::Letter, ReviewKind::Document],
        sees_confidential: true,
        may_assign: false,
    }
}

fn hold(id: &str, holder: &str, version: u64, now: Duration) -> Hold {
    Hold { id: id.to_owned(), view: view(), holder: holder.to_owned(), version, now }
}

fn accept() -> Decision {
    Decision { verdict: "accepted".to_owned(), label: None, unit: None, note: None }
}

#[track_caller]
fn done(change: ReviewChange) -> ReviewRow {
    match change {
        ReviewChange::Done(row) => *row,
        other => unreachable!("{other:?}"),
    }
}

#[track_caller]
fn claim(store: &Store, id: &str, holder: &str, now: Duration) -> ReviewRow {
    done(store.claim_review(hold(id, holder, 0, now), LEASE).wait().unwrap())
}

fn ask(state: StateFilter, sort: ReviewSort) -> ReviewAsk {
    ReviewAsk {
        view: view(),
        state,
        kind: None,
        unit: None,
        holder: None,
        confidence_from: None,
        sort,
        after: None,
        limit: 2,
        now: NOON,
    }
}

/// Ids of all pages.
fn pages(store: &Store, mut ask: ReviewAsk) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = store.list_reviews(ask.clone()).wait().unwrap();
        let Some(last) = page.last() else { return ids };
        ask.after = Some(ask.page_after(last));
        ids.extend(page.into_iter().map(|it| it.id));
    }
}

fn waiting(store: &Store, view: ReviewView) -> Vec<String> {
    pages(store, ReviewAsk { view, ..ask(StateFilter::Waiting, ReviewSort::Deadline) })
}

/// A review that was accepted 10 s after it came in, for good.
pub(super) fn decided_and_settled(store: &Store, id: &str) {
    add(store, vec![new_review(id)]);
    let held = claim(store, id, "u-1", NOON);
    let decided = hold(id, "u-1", held.version, NOON + 10 * SECOND);
    let row = done(store.decide_review(decided, accept()).wait().unwrap());
    assert!(store.settle_review(Settlement { row, feedback: None }).wait().unwrap());
}

pub(super) fn pages_cover_each_item_once_in_order(fixture: Fixture) {
    let store = &fixture.store;
    let of = |id, deadline, confidence, priority| NewReview {
        deadline: NOON + deadline * SECOND,
        confidence,
        priority,
        ..new_review(id)
    };
    add(store, vec![of("a", 9, 10, 2), of("b", 9, 5, 2), of("c", 1, 90, 2), of("d", 9, 10, 1)]);
    add(store, vec![NewReview { kind: ReviewKind::Document, ..of("e", 50, 1, 3) }]);
    let check = |sort, expected: [&str; 5]| {
        assert_eq!(pages(store, ask(StateFilter::Waiting, sort)), expected);
    };
    check(ReviewSort::Deadline, ["c", "b", "a", "d", "e"]);
    check(ReviewSort::Confidence, ["e", "b", "a", "d", "c"]);
    check(ReviewSort::Priority, ["d", "c", "a", "b", "e"]);
    claim(store, "b", "u-1", NOON);
    let of_state = |state, now| pages(store, ReviewAsk { now, ..ask(state, ReviewSort::Deadline) });
    assert_eq!(of_state(StateFilter::Open, NOON), ["c", "a", "d", "e"]);
    assert_eq!(of_state(StateFilter::Claimed, NOON), ["b"]);
    assert_eq!(of_state(StateFilter::Claimed, NOON + LEASE), [""; 0]);
    assert_eq!(of_state(StateFilter::Open, NOON + LEASE), ["c", "b", "a", "d", "e"]);
    let waiting = ask(StateFilter::Waiting, ReviewSort::Deadline);
    let documents = ReviewAsk { kind: Some(ReviewKind::Document), ..waiting.clone() };
    assert_eq!(pages(store, documents), ["e"]);
    let sure = ReviewAsk { confidence_from: Some(10), ..waiting.clone() };
    assert_eq!(pages(store, sure), ["c", "a", "d"]);
    let own = ReviewAsk { holder: Some("u-1".to_owned()), ..waiting };
    assert_eq!(pages(store, own), ["b"]);
    for (id, after) in [("c", 1), ("a", 2), ("d", 2)] {
        let seen = claim(store, id, "u-2", NOON);
        let decided = hold(id, "u-2", seen.version, NOON + after * SECOND);
        done(store.decide_review(decided, accept()).wait().unwrap());
    }
    assert_eq!(of_state(StateFilter::Decided, NOON), ["d", "a", "c"], "the newest first");
    let counts = store.count_reviews(view(), NOON + 10 * SECOND).wait().unwrap();
    let counts: Vec<_> =
        counts.iter().map(|it| (it.kind, it.n_open, it.n_claimed, it.n_overdue)).collect();
    assert_eq!(counts, [(ReviewKind::Document, 1, 0, 0), (ReviewKind::Letter, 0, 1, 1)]);
}

pub(super) fn what_is_not_to_be_seen_is_not_there(fixture: Fixture) {
    let store = &fixture.store;
    let unit =
        |id, unit: Option<&str>| NewReview { unit: unit.map(str::to_owned), ..new_review(id) };
    let civil = "301000000A/民政司";
    add(store, vec![unit("a", Some(civil)), unit("b", Some("301000000A/民政司/第三科"))]);
    add(store, vec![unit("c", Some("301000000A/民政司第三科")), unit("d", None)]);
    add(store, vec![NewReview { is_confidential: true, ..unit("e", Some(civil)) }]);
    add(store, vec![NewReview { org: "379000000A".to_owned(), ..unit("f", Some(civil)) }]);
    add(store, vec![NewReview { kind: ReviewKind::Transcript, ..unit("g", Some(civil)) }]);
    assert_eq!(waiting(store, view()), ["a", "b", "c", "d", "e"]);
    let own = ReviewView { units: vec![civil.to_owned()], sees_confidential: false, ..view() };
    assert_eq!(waiting(store, own.clone()), ["a", "b"]);
    let two = vec![civil.to_owned(), "301000000A/民政司第三科".to_owned()];
    assert_eq!(waiting(store, ReviewView { units: two, ..view() }), ["a", "b", "c", "e"]);
    let nothing = ReviewView { kinds: Vec::new(), ..view() };
    assert_eq!(waiting(store, nothing), [""; 0]);
    for id in ["c", "d", "e", "f", "g"] {
        assert!(store.review(own.clone(), id).wait().unwrap().is_none(), "{id}");
        let claimed = Hold { view: own.clone(), ..hold(id, "u-1", 1, NOON) };
        let found = store.claim_review(claimed, LEASE).wait().unwrap();
        assert_eq!(found, ReviewChange::Missing, "{id}");
    }
    let asked = ReviewAsk {
        unit: Some("301000000A/民政司/第三科".to_owned()),
        ..ask(StateFilter::Waiting, ReviewSort::Deadline)
    };
    assert_eq!(pages(store, asked), ["b"]);
}

pub(super) fn an_item_is_held_by_lease(fixture: Fixture) {
    let store = &fixture.store;
    add(store, vec![new_review("a")]);
    let first = claim(store, "a", "u-1", NOON);
    assert_eq!(first.held(NOON), Some(("u-1", NOON + LEASE)));
    let other = store.claim_review(hold("a", "u-2", 0, NOON), LEASE).wait().unwrap();
    assert!(matches!(other, ReviewChange::Refused(row) if row.held(NOON).is_some()));
    let later = NOON + 500 * SECOND;
    let extended = store.extend_review(hold("a", "u-1", first.version, later), LEASE);
    let extended = done(extended.wait().unwrap());
    assert_eq!(extended.held(later), Some(("u-1", later + LEASE)));
    let late = hold("a", "u-1", first.version, later);
    let stale = store.decide_review(late, accept()).wait().unwrap();
    assert!(matches!(stale, ReviewChange::Stale(row) if row.version == extended.version));
    let over = later + LEASE;
    let lost = store.decide_review(hold("a", "u-1", extended.version, over), accept());
    assert!(matches!(lost.wait().unwrap(), ReviewChange::Refused(_)), "its lease is over");
    let second = claim(store, "a", "u-2", over);
    let late = store.release_review(hold("a", "u-1", extended.version, over)).wait().unwrap();
    assert!(matches!(late, ReviewChange::Stale(_)));
    let given_back = store.release_review(hold("a", "u-2", second.version, over)).wait().unwrap();
    assert_eq!(done(given_back).state_at(over), ReviewState::Open);
}

pub(super) fn the_next_item_is_what_is_due_then_the_least_sure(fixture: Fixture) {
    let store = &fixture.store;
    let of = |id, deadline: u32, confidence| NewReview {
        deadline: NOON + deadline * SECOND,
        confidence,
        ..new_review(id)
    };
    add(store, vec![of("a", 9, 10), of("b", 9, 5), of("c", 1, 90)]);
    add(store, vec![NewReview { kind: ReviewKind::Document, ..of("d", 0, 0) }]);
    let next = |holder, now| {
        let letters = (Some(ReviewKind::Letter), None);
        let found = store.claim_next_review(hold("", holder, 0, now), letters, LEASE);
        found.wait().unwrap().map(|it| it.id)
    };
    assert_eq!(next("u-1", NOON).as_deref(), Some("c"));
    assert_eq!(next("u-1", NOON).as_deref(), Some("b"), "what one holds is not given again");
    assert_eq!(next("u-2", NOON).as_deref(), Some("a"));
    assert_eq!(next("u-2", NOON), None);
    assert_eq!(next("u-2", NOON + LEASE).as_deref(), Some("c"), "a lease is over");
    let elsewhere = (None, Some("301000000A/民政司".to_owned()));
    let found = store.claim_next_review(hold("", "u-1", 0, NOON), elsewhere, LEASE);
    assert_eq!(found.wait().unwrap(), None);
}

pub(super) fn two_officers_never_get_or_decide_one_item(fixture: Fixture) {
    let store = &fixture.store;
    let ids: Vec<String> = (0..20).map(|it| format!("r{it:02}")).collect();
    add(store, ids.iter().map(|it| new_review(it)).collect());
    // Each of four takes what comes next until nothing does, and decides it.
    let work = |holder: String| {
        let store = store.clone();
        std::thread::spawn(move || {
            let mut got = Vec::new();
            let next = |store: &Store| {
                let asked = hold("", &holder, 0, NOON);
                store.claim_next_review(asked, (None, None), LEASE).wait().unwrap()
            };
            while let Some(row) = next(&store) {
                let decided = hold(&row.id, &holder, row.version, NOON + SECOND);
                done(store.decide_review(decided, accept()).wait().unwrap());
                got.push(row.id);
            }
            got
        })
    };
    let officers: Vec<_> = (0..4).map(|it| work(format!("u-{it}"))).collect();
    let mut got: Vec<String> = officers.into_iter().flat_map(|it| it.join().unwrap()).collect();
    got.sort();
    assert_eq!(got, ids);
    // Eight want one item, and eight decide under one name at one version: one of each does.
    add(store, vec![new_review("x")]);
    let replies: Vec<_> = (0..8)
        .map(|it| store.claim_review(hold("x", &format!("u-{it}"), 1, NOON), LEASE))
        .collect();
    let held: Vec<ReviewRow> = replies
        .into_iter()
        .filter_map(|it| match it.wait().unwrap() {
            ReviewChange::Done(row) => Some(*row),
            _ => None,
        })
        .collect();
    assert_eq!(held.len(), 1);
    let (holder, _) = held[0].lease.clone().unwrap();
    let decide =
        || store.decide_review(hold("x", &holder, held[0].version, NOON + SECOND), accept());
    let replies: Vec<_> = (0..8).map(|_| decide()).collect();
    let n_done = replies
        .into_iter()
        .map(|it| it.wait().unwrap())
        .filter(|it| matches!(it, ReviewChange::Done(_)));
    assert_eq!(n_done.count(), 1);
}

pub(super) fn a_decision_is_taken_back_or_settled_once(fixture: Fixture) {
    let store = &fixture.store;
    add(store, vec![new_review("a")]);
    let held = claim(store, "a", "u-1", NOON);
    let wrong = Decision { label: Some("RIS-05".to_owned()), ..accept() };
    let decided = store.decide_review(hold("a", "u-1", held.version, NOON), wrong).wait();
    let decided = done(decided.unwrap());
    let undo = |holder: &str, version, now| {
        store.undo_review(hold("a", holder, version, now), (WINDOW, LEASE)).wait().unwrap()
    };
    let refused = undo("u-2", decided.version, NOON);
    assert!(matches!(refused, ReviewChange::Refused(_)), "another officer's decision");
    let late = undo("u-1", decided.version, NOON + WINDOW);
    assert!(matches!(late, ReviewChange::Refused(_)), "too late");
    let again = done(undo("u-1", decided.version, NOON + WINDOW - SECOND));
    assert_eq!((again.decided.clone(), again.held(NOON).is_some()), (None, true));
    let decided = hold("a", "u-1", again.version, NOON + WINDOW);
    let decided = done(store.decide_review(decided, accept()).wait().unwrap());
    assert!(store.unsettled_reviews(NOON).wait().unwrap().is_empty());
    let due = store.unsettled_reviews(NOON + WINDOW).wait().unwrap();
    assert_eq!(due, std::slice::from_ref(&decided));
    let feedback = FeedbackRow {
        prediction: "p-a".to_owned(),
        verdict: "accepted".to_owned(),
        label: None,
        unit: None,
        reason: None,
        decided_by: Some("u-1".to_owned()),
        role: None,
        created: 11,
    };
    let settlement = Settlement { row: decided.clone(), feedback: Some((feedback, told("s"))) };
    let settle = || store.settle_review(settlement.clone());
    let replies: Vec<_> = (0..3).map(|_| settle()).collect();
    let n_done = replies.into_iter().filter_map(|it| it.wait().unwrap().then_some(()));
    assert_eq!(n_done.count(), 1);
    assert_eq!(store.feedback("p-a").wait().unwrap().len(), 1);
    assert_eq!(store.outbox_pending(9).wait().unwrap().len(), 1);
    assert_eq!(store.reviews("letters", "3", 9).wait().unwrap()[0].given, r#"[["RIS-02",0.5]]"#);
    assert!(matches!(undo("u-1", decided.version + 1, NOON), ReviewChange::Refused(_)));
    assert!(store.unsettled_reviews(NOON + LEASE).wait().unwrap().is_empty());
}

pub(super) fn what_is_escalated_waits_for_those_who_may_assign(fixture: Fixture) {
    let store = &fixture.store;
    add(store, vec![new_review("a")]);
    let held = claim(store, "a", "u-1", NOON);
    let given_up = hold("a", "u-1", held.version, NOON);
    let given_up = store.escalate_review(given_up, Some("unclear".to_owned())).wait().unwrap();
    assert_eq!(done(given_up).state, ReviewState::Escalated);
    let refused = store.claim_review(hold("a", "u-1", 0, NOON), LEASE).wait().unwrap();
    assert!(matches!(refused, ReviewChange::Refused(_)));
    let none = store.claim_next_review(hold("", "u-1", 0, NOON), (None, None), LEASE);
    assert_eq!(none.wait().unwrap(), None);
    let chief = |version| Hold {
        view: ReviewView { may_assign: true, ..view() },
        ..hold("a", "u-9", version, NOON)
    };
    let held = done(store.claim_review(chief(0), LEASE).wait().unwrap());
    assert_eq!((held.reason, held.priority), (ReviewReason::Escalated, 0));
    let back = done(store.release_review(chief(held.version)).wait().unwrap());
    assert_eq!(back.state, ReviewState::Escalated, "it waits as it did");
    assert_eq!(
        pages(store, ask(StateFilter::Escalated, ReviewSort::Deadline)),
        ["a"],
        "everybody sees that it waits"
    );
}

pub(super) fn a_second_opinion_is_another_officers(fixture: Fixture) {
    let store = &fixture.store;
    add(store, vec![new_review("a")]);
    let held = claim(store, "a", "u-1", NOON);
    done(store.decide_review(hold("a", "u-1", held.version, NOON), accept()).wait().unwrap());
    let second = |id| NewReview {
        prediction: "p-a".to_owned(),
        reason: ReviewReason::SecondOpinion,
        ..new_review(id)
    };
    let ask_for = |id| store.ask_second_review(second(id), "a", "u-1").unwrap().wait().unwrap();
    assert!(ask_for("b") && !ask_for("c"), "one second opinion");
    let refused = store.claim_review(hold("b", "u-1", 0, NOON), LEASE).wait().unwrap();
    assert!(matches!(refused, ReviewChange::Refused(_)), "not the first officer's");
    let held = claim(store, "b", "u-2", NOON);
    assert_eq!((held.first.as_deref(), held.decided), (Some("a"), None));
    assert!(store.review_pairs(NOON).wait().unwrap().is_empty());
    let other =
        Decision { verdict: "corrected".to_owned(), label: Some("RIS-05".to_owned()), ..accept() };
    let decided = hold("b", "u-2", held.version, NOON + SECOND);
    done(store.decide_review(decided, other).wait().unwrap());
    let pairs = store.review_pairs(NOON).wait().unwrap();
    assert_eq!(pairs[0].first, ("accepted".to_owned(), None));
    assert_eq!(pairs[0].second, ("corrected".to_owned(), Some("RIS-05".to_owned())));
    assert!(store.review_pairs(NOON + 2 * SECOND).wait().unwrap().is_empty());
    let of = store.reviews_of(view(), "p-a").wait().unwrap();
    assert_eq!(of.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

pub(super) fn feedback_from_elsewhere_closes_items(fixture: Fixture) {
    let store = &fixture.store;
    let prediction = NewPrediction {
        id: "p-a".to_owned(),
        org: ORG.to_owned(),
        service: "letters",
        model: ["letters", "3", "00"].map(str::to_owned),
        taxonomy: "2026-10".to_owned(),
        labels: "[]".to_owned(),
        text: Private::new(Vec::new()),
        signature: None,
        subjects: Vec::new(),
        shape: None,
        case_no: None,
        mode: None,
        made_by: None,
        created: 10,
        text_expires: 100,
        expires: 100,
    };
    let reviews = vec![new_review("a"), new_review("b")];
    store.keep_for_review(vec![prediction], Vec::new(), reviews).unwrap().wait().unwrap();
    let held = claim(store, "a", "u-1", NOON);
    let about = store.prediction("p-a", 0).wait().unwrap().unwrap();
    let row = FeedbackRow {
        prediction: "p-a".to_owned(),
        verdict: "corrected".to_owned(),
        label: Some("RIS-05".to_owned()),
        unit: None,
        reason: None,
        decided_by: None,
        role: None,
        created: NOON.as_secs(),
    };
    store.add_feedback(row, about, told("f")).wait().unwrap();
    let (closed, _) = store.review(view(), "a").wait().unwrap().unwrap();
    assert_eq!((closed.state, closed.is_settled), (ReviewState::Decided, true));
    assert_eq!(closed.decided.unwrap().label.as_deref(), Some("RIS-05"));
    let late = store.decide_review(hold("a", "u-1", held.version, NOON), accept()).wait().unwrap();
    assert!(matches!(late, ReviewChange::Stale(_)));
    assert_eq!(waiting(store, view()), ["b"]);
}

pub(super) fn texts_are_sealed_and_erased_after_the_decision(fixture: Fixture) {
    let store = &fixture.store;
    let both =
        store.keep_for_review(Vec::new(), vec![told("x")], vec![new_review("a"), new_review("a")]);
    assert!(both.unwrap().wait().is_err(), "all or none");
    add(store, vec![new_review("a"), new_review("b")]);
    let held = claim(store, "a", "u-1", NOON);
    done(store.decide_review(hold("a", "u-1", held.version, NOON), accept()).wait().unwrap());
    let (row, content) = store.review(view(), "a").wait().unwrap().unwrap();
    assert_eq!(row.title.unwrap().expose(), "title of a");
    assert_eq!(content.unwrap().expose(), CONTENT);
    let purge = |review_texts, reviews| {
        let keep = Keep { review_texts, reviews, ..KEEP };
        let purged = store.purge(NOON + SECOND, keep).wait().unwrap();
        (purged.review_texts, purged.reviews)
    };
    assert_eq!(purge(SECOND, SECOND), (0, 0), "not yet");
    assert_eq!(purge(Duration::ZERO, SECOND), (1, 0));
    let (row, content) = store.review(view(), "a").wait().unwrap().unwrap();
    assert_eq!((row.title, content), (None, None));
    assert_eq!(row.decided.unwrap().verdict, "accepted");
    assert_eq!(purge(SECOND, Duration::ZERO), (0, 1), "the rest of it");
    assert!(store.review(view(), "a").wait().unwrap().is_none());
    assert!(store.review(view(), "b").wait().unwrap().is_some(), "what waits stays");
}
