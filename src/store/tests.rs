//! The store over a folder of its own.

use std::os::unix::fs::PermissionsExt;

use super::*;

const TEXT: &str = "我的身分證字號是A123456789";

fn prediction(id: &str, expires: u64) -> NewPrediction {
    NewPrediction {
        id: id.to_owned(),
        service: "letters",
        model: ["letters", "3", "00"].map(str::to_owned),
        taxonomy: "2026-10".to_owned(),
        labels: "[]".to_owned(),
        text: Private::new(TEXT.as_bytes().to_vec()),
        signature: Some(id.as_bytes().to_vec()),
        created: 10,
        expires,
    }
}

fn feedback(id: &str, label: &str) -> FeedbackRow {
    FeedbackRow {
        prediction: id.to_owned(),
        verdict: "corrected".to_owned(),
        label: Some(label.to_owned()),
        unit: None,
        reason: None,
        decided_by: Some("u-88".to_owned()),
        role: None,
        created: 11,
    }
}

/// Every file of the folder, read whole.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn what_is_kept_comes_back_and_expires() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.keep(&[prediction("a", 100), prediction("b", 200)]).unwrap();
    assert_eq!(store.prediction("a", 99).unwrap().unwrap().model[1], "3");
    assert_eq!(store.prediction("a", 100).unwrap(), None);
    assert_eq!(store.prediction("c", 0).unwrap(), None);
    let ids = |store: &Store| -> Vec<String> {
        store.signatures("letters", 9).unwrap().into_iter().map(|it| it.0).collect()
    };
    assert_eq!(ids(&store), ["a", "b"]);
    assert_eq!(store.erase_expired(150).unwrap(), ["a"]);
    drop(store);
    assert_eq!(ids(&Store::open(dir.path()).unwrap()), ["b"]);
}

#[test]
fn no_text_lies_open_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.keep(&[prediction("a", 100)]).unwrap();
    let bytes = bytes_of(dir.path());
    assert!(bytes.windows(7).any(|it| it == b"2026-10"), "the rest is there");
    assert!(!bytes.windows(10).any(|it| it == b"A123456789"));
    let key = dir.path().join("keys/predictions.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Key { .. })));
}

#[test]
fn feedback_is_appended_and_the_latest_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.keep(&[prediction("a", 100), prediction("b", 100)]).unwrap();
    for (id, label) in [("a", "x"), ("b", "y"), ("a", "z")] {
        let about = store.prediction(id, 0).unwrap().unwrap();
        store.add_feedback(&feedback(id, label), &about).unwrap();
    }
    assert_eq!(store.feedback("a").unwrap().len(), 2);
    let mut seen = Vec::new();
    store
        .labelled("letters", 50, |it| {
            assert_eq!(it.text.expose(), TEXT.as_bytes());
            seen.push((it.id, it.label.unwrap()));
            Ok::<(), StoreError>(())
        })
        .unwrap();
    assert_eq!(seen, [("b".to_owned(), "y".to_owned()), ("a".to_owned(), "z".to_owned())]);
    let connection = store.connection();
    assert!(connection.execute("UPDATE feedback SET label = 'q'", []).is_err());
    assert!(connection.execute("DELETE FROM feedback", []).is_err());
}

#[test]
fn a_text_opens_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let sealer = Sealer::open(dir.path()).unwrap();
    let sealed = sealer.seal(b"text", b"a").unwrap();
    assert_eq!(sealer.unseal(&sealed, b"a").unwrap(), b"text");
    assert!(sealer.unseal(&sealed, b"b").is_err());
    assert!(sealer.unseal(&sealed[..20], b"a").is_err());
    assert!(sealer.unseal(&[], b"a").is_err());
    assert_ne!(sealer.seal(b"text", b"a").unwrap(), sealed);
}

#[test]
fn the_newest_of_a_service_come_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let other = NewPrediction { service: "qa", ..prediction("x", 100) };
    store.keep(&[prediction("a", 100), other, prediction("b", 20), prediction("c", 100)]).unwrap();
    let ids = |now, limit| -> Vec<String> {
        store.newest("letters", now, limit).unwrap().into_iter().map(|it| it.id).collect()
    };
    assert_eq!(ids(50, 9), ["c", "a"]);
    assert_eq!(ids(10, 2), ["c", "b"]);
}
