//! What only this module can see: sealing, groups of the writer, and the key of a database.

use std::os::unix::fs::PermissionsExt;

use futures_util::future::BoxFuture;

use super::seal::BlobKey;
use super::*;
use crate::base::Private;

const ORG: &str = "301000000A";

const TEXT: &str = "我的身分證字號是A123456789";

fn prediction(id: &str) -> NewPrediction {
    NewPrediction {
        id: id.to_owned(),
        org: ORG.to_owned(),
        service: "letters",
        model: ["letters", "3", "00"].map(str::to_owned),
        taxonomy: "2026-10".to_owned(),
        labels: "[]".to_owned(),
        text: Private::new(TEXT.as_bytes().to_vec()),
        signature: None,
        subjects: Vec::new(),
        shape: None,
        case_no: None,
        mode: None,
        made_by: None,
        created: 10,
        text_expires: 100,
        expires: 100,
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
fn no_text_lies_open_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.keep(vec![prediction("a")], Vec::new()).unwrap().wait().unwrap();
    let bytes = bytes_of(dir.path());
    assert!(bytes.windows(7).any(|it| it == b"2026-10"), "the rest is there");
    assert!(!bytes.windows(10).any(|it| it == b"A123456789"));
    let key = dir.path().join("keys/store.key");
    for path in [&key, &dir.path().join("store.sqlite"), &dir.path().join("store.sqlite-wal")] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Key { .. })));
}

#[test]
fn a_database_refuses_another_key() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    assert!(Store::open(dir.path()).is_ok());
    std::fs::remove_file(dir.path().join("keys/store.key")).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Key { .. })));
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
    let key = BlobKey::fresh().unwrap();
    let wrapped = key.sealed(&sealer, "a").unwrap();
    let sealed = key.seal(b"part", b"a/1").unwrap();
    let again = BlobKey::open(&sealer, &wrapped, "a").unwrap();
    assert_eq!(again.unseal(&sealed, b"a/1").unwrap(), b"part");
    assert!(again.unseal(&sealed, b"a/2").is_err());
    assert!(BlobKey::open(&sealer, &wrapped, "b").is_err());
    assert!(sealer.unseal(&sealed, b"a/1").is_err(), "a blob's key is its own");
}

/// Work that fails after it has written.
fn half_done<'a>(name: &'a String, tx: &'a mut dyn Tx) -> BoxFuture<'a, Result<(), StoreError>> {
    async move {
        let insert = "INSERT INTO meta(name, value) VALUES($1, $2)";
        tx.execute(insert, values![name, &b"x"[..]]).await?;
        Err(StoreError::Shape)
    }
    .boxed()
}

#[test]
fn what_fails_is_undone_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let kept = store.keep(vec![prediction("a")], Vec::new()).unwrap();
    let failed = store.call(Kind::Durable, "half".to_owned(), half_done);
    let kept_too = store.keep(vec![prediction("b")], Vec::new()).unwrap();
    assert!(kept.wait().is_ok() && failed.wait().is_err() && kept_too.wait().is_ok());
    let count = store.call(Kind::Read, (), |(), tx| {
        async move {
            let rows = tx.rows("SELECT count(*) FROM meta WHERE name = 'half'", &[]).await?;
            one(rows)?.take::<u64>()
        }
        .boxed()
    });
    assert_eq!(count.wait().unwrap(), 0);
    assert!(store.prediction("b", 0).wait().unwrap().is_some());
}

#[test]
fn a_reader_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let refused = store.call(Kind::Read, "x".to_owned(), |_, tx| {
        async move { tx.execute("DELETE FROM meta", &[]).await }.boxed()
    });
    assert!(refused.wait().is_err());
}

#[test]
fn a_closed_store_has_done_what_was_queued_and_puts_its_log_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let other = store.clone();
    let queued = store.keep(vec![prediction("a")], Vec::new()).unwrap();
    store.close();
    queued.wait().unwrap();
    assert!(matches!(other.clients().wait(), Err(StoreError::Closed)));
    assert!(matches!(other.delete_client("a").wait(), Err(StoreError::Closed)));
    let log = dir.path().join("store.sqlite-wal");
    assert!(!log.try_exists().unwrap());
    other.close();
}
