//! Versions of models: proposed by one person, approved by another.

use fenwen::store::{Approval, Promotion, Rejection, Request};

use super::{Fixture, NOON, SECOND};

fn promotion(id: &str, version: u32) -> Promotion {
    let request = Request {
        id: id.to_owned(),
        reason: "年度重訓".to_owned(),
        asked: ("王承辦".to_owned(), NOON),
        approved: None,
        done: None,
        rejected: None,
    };
    let sha256 = format!("{version:064}");
    Promotion { request, model: "letters".to_owned(), version, sha256 }
}

pub(super) fn one_proposes_and_another_approves(fixture: Fixture) {
    let store = &fixture.store;
    for it in [promotion("p-1", 1), promotion("p-2", 2)] {
        assert!(store.propose_promotion(it).wait().unwrap());
    }
    let approve = |by: &str| store.approve_promotion("p-2", by, NOON + SECOND).wait().unwrap();
    assert_eq!(approve(" 王承辦 "), Approval::SamePerson);
    assert_eq!(store.promotions().wait().unwrap(), [promotion("p-1", 1), promotion("p-2", 2)]);
    assert_eq!(approve("李科長"), Approval::Approved);
    assert_eq!(approve("陳專委"), Approval::Unknown, "once");
    for at in [2, 3] {
        store.promoted("p-2", NOON + at * SECOND).wait().unwrap();
    }
    let mut second = promotion("p-2", 2);
    second.request.approved = Some(("李科長".to_owned(), NOON + SECOND));
    second.request.done = Some(NOON + 2 * SECOND);
    assert_eq!(store.promotions().wait().unwrap(), [promotion("p-1", 1), second]);
}

pub(super) fn what_was_rejected_is_not_approved(fixture: Fixture) {
    let store = &fixture.store;
    for it in [promotion("p-1", 1), promotion("p-2", 2)] {
        assert!(store.propose_promotion(it).wait().unwrap());
    }
    let approve = |id: &str| store.approve_promotion(id, "李科長", NOON + SECOND).wait().unwrap();
    let reason = "召回率下降".to_owned();
    let rejection = Rejection { by: "李科長".to_owned(), at: NOON + SECOND, reason };
    let reject = |id: &str| store.reject_promotion(id, rejection.clone()).wait().unwrap();
    assert!(reject("p-1") && !reject("p-1") && !reject("p-3"));
    assert_eq!(approve("p-1"), Approval::Unknown);
    assert_eq!(approve("p-2"), Approval::Approved);
    assert!(!reject("p-2"), "it was approved");
    let kept = store.promotions().wait().unwrap();
    assert_eq!(kept[0].request.rejected, Some(rejection.clone()));
    assert_eq!((kept[1].request.rejected.is_none(), kept[0].request.done), (true, None));
}

pub(super) fn a_version_waits_once(fixture: Fixture) {
    let store = &fixture.store;
    // Both are on their way before either is answered.
    let asked = ["p-1", "p-2"].map(|it| store.propose_promotion(promotion(it, 1)));
    let kept = asked.map(|it| it.wait().unwrap());
    assert_eq!(kept.iter().filter(|it| **it).count(), 1, "{kept:?}");
    let waiting = store.promotions().wait().unwrap();
    assert_eq!(waiting.len(), 1);
    // The same number with other content, as another node may have it, is another proposal.
    let other = Promotion { sha256: "f".repeat(64), ..promotion("p-3", 1) };
    assert!(store.propose_promotion(other).wait().unwrap());
    let reason = "召回率下降".to_owned();
    let rejection = Rejection { by: "李科長".to_owned(), at: NOON + SECOND, reason };
    assert!(store.reject_promotion(&waiting[0].request.id, rejection).wait().unwrap());
    assert!(store.propose_promotion(promotion("p-4", 1)).wait().unwrap(), "nobody waits any more");
    let approved = store.approve_promotion("p-4", "李科長", NOON + SECOND).wait().unwrap();
    assert_eq!(approved, Approval::Approved);
    assert!(store.propose_promotion(promotion("p-5", 1)).wait().unwrap(), "it may be let in again");
}
