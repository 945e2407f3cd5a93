//! Keys: rotation while others write (EN-3), a key that is not the one (EN-4), and old data that stays readable.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fenwen::base::{Clock, SystemClock};
use fenwen::store::webhooks::NewWebhook;
use fenwen::store::{Progress, Store, StoreError};

use super::blobs::block_on;
use super::predictions::prediction;
use super::{Fixture, NOON, new_job, submit};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn keep(store: &Store, id: &str) {
    store.keep(vec![prediction(id, 100)], Vec::new()).unwrap().wait().unwrap();
}

fn seal_all(store: &Store) -> u64 {
    let mut progress = Progress::default();
    while let Some(next) = store.seal_anew(progress.clone()).wait().unwrap() {
        progress = next;
    }
    progress.n_sealed
}

fn fill(store: &Store) {
    keep(store, "p");
    submit(store, new_job(store, "j"));
    let hook = NewWebhook {
        id: "w".to_owned(),
        org: "o".to_owned(),
        client: "c".to_owned(),
        url: "https://example.tw/".to_owned(),
        names: Vec::new(),
        created: NOON,
    };
    store.add_webhook(hook, 9).unwrap().wait().unwrap();
    store.renew_webhook("w", NOON).unwrap().wait().unwrap();
    store.pseudonym_key().unwrap();
}

/// Everything that is sealed opens.
#[track_caller]
fn check_opens(store: &Store) {
    assert!(store.prediction_text("p").wait().unwrap().is_some());
    let blob = store.blob("in-j").wait().unwrap().unwrap();
    assert_eq!(store.inline_content(&blob).unwrap().unwrap().expose(), b"INPUT");
    let hook = store.webhook("w").wait().unwrap().unwrap();
    assert_eq!(hook.before.unwrap().0.expose().len(), 64);
    assert_eq!(store.pseudonym_key().unwrap().expose().len(), 32);
}

pub(super) fn a_new_key_seals_and_the_old_one_still_opens(fixture: Fixture) {
    let store = &fixture.store;
    fill(store);
    let pseudonyms = store.pseudonym_key().unwrap();
    assert_eq!(store.add_key().unwrap(), 2);
    check_opens(store);
    // The key's own mark, the pseudonyms' key, a text, a blob's key and two secrets of a webhook.
    assert_eq!(store.sealed_before().wait().unwrap(), 6);
    assert_eq!(seal_all(store), 6);
    assert_eq!((store.sealed_before().wait().unwrap(), seal_all(store)), (0, 0));
    check_opens(store);
    assert!(store.pseudonym_key().unwrap() == pseudonyms);
    let numbers: Vec<u16> = store.keys().iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2]);
    check_opens(&fixture.reopened().store);
}

/// A database from before keys had numbers.
pub(super) fn what_was_sealed_without_a_number_opens(fixture: Fixture) {
    // What is written there cannot be reached in the other engine.
    let database = fixture.path().join("store.sqlite");
    if !database.is_file() {
        return;
    }
    fill(&fixture.store);
    let other = rusqlite::Connection::open(&database).unwrap();
    for (table, column) in [
        ("prediction", "sealed"),
        ("blob", "sealed_key"),
        ("webhook", "sealed"),
        ("webhook", "sealed_before"),
    ] {
        other.execute(&format!("UPDATE {table} SET {column} = substr({column}, 5)"), []).unwrap();
    }
    let meta = "UPDATE meta SET value = substr(value, 5) WHERE name IN ('key-check', 'pseudonyms')";
    other.execute(meta, []).unwrap();
    drop(other);
    let fixture = fixture.reopened();
    check_opens(&fixture.store);
    assert_eq!(seal_all(&fixture.store), 6, "it gets one");
    check_opens(&fixture.store);
}

pub(super) fn keys_are_put_away_when_nothing_needs_them(fixture: Fixture) {
    let store = &fixture.store;
    fill(store);
    store.add_key().unwrap();
    let now = SystemClock.unix_time();
    let run = |store: &Store, now| block_on(store.retire_keys(now, HOUR)).unwrap();
    assert_eq!(run(store, now + 2 * HOUR), None, "texts still need the old one");
    seal_all(store);
    assert_eq!(run(store, now), None, "a server may not know the new one yet");
    let retired = run(store, now + 2 * HOUR).unwrap();
    assert_eq!(retired.len(), 1);
    assert!(retired[0].ends_with("retired.store.key"));
    let fixture = fixture.reopened();
    check_opens(&fixture.store);
    // Without the one that is left nothing opens, and no other takes its place.
    fs::rename(keys(&fixture).join("store.2.key"), keys(&fixture).join("gone")).unwrap();
    assert!(matches!(reopen(&fixture), Err(StoreError::Key { .. })));
}

fn keys(fixture: &Fixture) -> std::path::PathBuf {
    fixture.path().join("keys")
}

fn reopen(fixture: &Fixture) -> Result<Store, StoreError> {
    #[cfg(feature = "postgres")]
    if let Some(url) = &fixture.url {
        return Store::connect(fixture.path(), url, 1);
    }
    Store::open(fixture.path())
}

/// A server of another process seals under the old key until it looks; what it reads it always opens.
pub(super) fn a_rotation_goes_on_while_others_write(fixture: Fixture) {
    let other = reopen(&fixture).unwrap();
    let (store, done) = (&fixture.store, AtomicBool::new(false));
    fill(store);
    let n_written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut n = 0;
            while !done.load(Ordering::Acquire) {
                keep(&other, &format!("o{n}"));
                n += 1;
                other.prediction_text("p").wait().unwrap().unwrap();
            }
            n
        });
        store.add_key().unwrap();
        seal_all(store);
        other.refresh_keys().unwrap();
        done.store(true, Ordering::Release);
        writer.join().unwrap()
    });
    seal_all(store);
    assert_eq!(store.sealed_before().wait().unwrap(), 0);
    for n in 0..n_written {
        assert!(other.prediction_text(&format!("o{n}")).wait().unwrap().is_some());
    }
    let (first, second) = (fingerprints(store), fingerprints(&other));
    assert!(first == second && first.len() == 2 && Path::new(&store.keys()[1].path).is_file());
}

fn fingerprints(store: &Store) -> Vec<String> {
    store.keys().into_iter().map(|it| it.fingerprint).collect()
}
