//! What is rung when something is written that others wait for.

use futures_util::FutureExt;

use super::{Fixture, NOON, claim, new_job, submit};

pub(super) fn whoever_writes_the_outbox_rings(fixture: Fixture) {
    let store = &fixture.store;
    let has_rung = || store.bells().told().now_or_never().is_some();
    assert!(!has_rung());
    submit(store, new_job(store, "a"));
    submit(store, new_job(store, "b"));
    assert!(has_rung());
    assert!(!has_rung(), "once is enough");
    assert!(store.job("a").wait().unwrap().is_some());
    assert!(!has_rung(), "who only reads does not ring");
    claim(store, "w-1", NOON, 1);
    assert!(has_rung());
    assert!(store.bells().job_elsewhere().now_or_never().is_none(), "nobody else is there");
}

#[cfg(feature = "postgres")]
mod between {
    use std::time::Duration;

    use fenwen::store::Store;
    use tokio::time::timeout;

    use super::*;

    const WATCHDOG: Duration = Duration::from_secs(60);

    async fn job_heard(store: &Store) {
        timeout(WATCHDOG, store.bells().job_elsewhere()).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn another_process_hears_of_a_job_and_of_an_event() {
        let fixture = Fixture::postgres();
        let other = Store::connect(fixture.path(), fixture.url.as_ref().unwrap(), 1).unwrap();
        other.listen();
        // Whoever begins to listen looks once: something may have been rung before.
        job_heard(&other).await;
        timeout(WATCHDOG, other.bells().told_anywhere()).await.unwrap();
        fixture.store.listen();
        submit(&fixture.store, new_job(&fixture.store, "a"));
        job_heard(&other).await;
        timeout(WATCHDOG, other.bells().told_anywhere()).await.unwrap();
        // What ended waits for nobody.
        claim(&fixture.store, "w-1", NOON, 1);
        timeout(WATCHDOG, other.bells().told_anywhere()).await.unwrap();
        assert!(other.bells().job_elsewhere().now_or_never().is_none());
    }
}
