//! How PostgreSQL finds the rows of the outbox.

use std::time::{Duration, Instant};

use fenwen::store::OutboxRow;

use super::Fixture;
use super::inspect::{beside, looks};

fn tell(fixture: &Fixture, ids: std::ops::Range<u32>) -> Vec<String> {
    let ids: Vec<String> = ids.map(|it| format!("event-{it:04}")).collect();
    for id in &ids {
        let (subject, body) = ("fenwen.told".to_owned(), "{}".to_owned());
        let row = OutboxRow { id: id.clone(), subject, body, created: 1 };
        fixture.store.tell(row).wait().unwrap();
    }
    ids
}

/// The index of what waits is short in an idle moment, when statistics are taken, and long under load: with its help
/// every mark would walk everything that waits.
#[test]
fn a_mark_is_found_by_the_name_of_its_event() {
    let fixture = Fixture::postgres();
    let store = &fixture.store;
    store.outbox_published(tell(&fixture, 0..300), 7).wait().unwrap();
    beside(&fixture, ["", "VACUUM ANALYZE outbox"]);
    let waiting = tell(&fixture, 300..310);
    // Another connection plans anew; the one before says what it has counted when it ends.
    let fixture = fixture.reopened();
    beside(&fixture, ["", "SELECT pg_sleep(1)"]);
    let both = || ["outbox_id_key", "outbox_pending"].map(|it| looks(&fixture, it));
    let before = both();
    // A connection says what it has counted once a second at most, when it has been used again.
    let until = Instant::now() + Duration::from_secs(30);
    while both() == before {
        assert!(Instant::now() < until, "nothing was looked into");
        fixture.store.outbox_published(waiting.clone(), 7).wait().unwrap();
        beside(&fixture, ["", "SELECT pg_sleep(0.3)"]);
    }
    assert_eq!(both()[1], before[1]);
}
