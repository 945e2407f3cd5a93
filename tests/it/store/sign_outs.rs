//! Whose sessions ended: what one node tells, the others read.

use std::time::Duration;

use fenwen::store::SignOut;

use super::{Fixture, NOON, SECOND};

fn ended(id: &str, sid: Option<&str>, at: Duration) -> SignOut {
    let subject = sid.is_none().then(|| "u-1".to_owned());
    SignOut { id: id.to_owned(), subject, sid: sid.map(str::to_owned), at }
}

pub(super) fn sign_outs_are_read_by_time_and_forgotten_after_a_day_of_work(fixture: Fixture) {
    let store = &fixture.store;
    let add = |row: &SignOut| store.add_sign_out(row.clone()).wait();
    let (first, second) = (ended("b", Some("s-1"), NOON), ended("a", None, NOON + SECOND));
    add(&second).unwrap();
    add(&first).unwrap();
    assert!(add(&first).is_err(), "each is told once");
    assert_eq!(store.sign_outs(NOON).wait().unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.sign_outs(NOON + SECOND).wait().unwrap(), std::slice::from_ref(&second));
    let evening = ended("c", None, NOON + Duration::from_secs(8 * 60 * 60) + SECOND);
    add(&evening).unwrap();
    assert_eq!(store.sign_outs(Duration::ZERO).wait().unwrap(), [second, evening]);
}
