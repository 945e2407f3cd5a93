//! Uploads by parts, and what is left of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fenwen::base::Private;
use fenwen::store::StoreError;
use fenwen::store::blobs::{Blob, BlobFiles, BlobFolder, BlobMeta, Blobs, Completed};
use fenwen::store::jobs::Payload;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::{Fixture, NOON, SECOND, meta, purge};

fn blobs(fixture: &Fixture) -> Blobs {
    let folder = BlobFolder::new(fixture.path().join("blobs"));
    Blobs::new(fixture.store.clone(), Arc::new(folder))
}

pub(super) fn run(test: impl Future<Output = ()>) {
    block_on(test);
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn content(part: u8) -> Vec<u8> {
    let mut bytes = vec![part; 1000];
    bytes.extend_from_slice("A123456789".as_bytes());
    bytes
}

fn hash(bytes: &[u8]) -> String {
    fenwen::base::hex(&Sha256::digest(bytes))
}

async fn open(blobs: &Blobs, id: &str, size: u64) -> Blob {
    blobs.open(meta(id, size)).await.unwrap();
    blobs.find(id).await.unwrap().unwrap()
}

async fn put(blobs: &Blobs, blob: &Blob, number: u32, bytes: Vec<u8>) -> bool {
    blobs.put_part(blob, number, Private::new(bytes)).await.unwrap()
}

async fn read(blobs: &Blobs, id: &str) -> Option<Vec<u8>> {
    let reader = blobs.read(id).await.unwrap()?;
    Some(reader.collect(1 << 30).await.unwrap().unwrap().into_inner())
}

/// Every file below the folder.
pub(super) fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

pub(super) fn parts_come_in_any_order_and_again(fixture: Fixture) {
    run(async {
        let blobs = blobs(&fixture);
        let whole = [content(1), content(2), content(3)].concat();
        let blob = open(&blobs, "0a1b", whole.len() as u64).await;
        assert!(put(&blobs, &blob, 3, content(3)).await);
        assert!(put(&blobs, &blob, 2, content(9)).await);
        assert!(put(&blobs, &blob, 1, content(1)).await);
        assert!(put(&blobs, &blob, 2, content(2)).await, "again, and other");
        assert!(blobs.read("0a1b").await.unwrap().is_none(), "it is not whole yet");
        assert_eq!(files(&fixture.path().join("blobs")).len(), 3);
        let completed = blobs.complete(&blob, &hash(&whole)).await.unwrap();
        let expected = BlobMeta { sha256: Some(hash(&whole)), ..blob.meta.clone() };
        assert_eq!(completed, Completed::Whole(expected.clone()));
        for blob in [&blob, &blobs.find("0a1b").await.unwrap().unwrap()] {
            let again = blobs.complete(blob, &hash(&whole)).await.unwrap();
            assert_eq!(again, Completed::Whole(expected.clone()), "its answer was lost");
            assert_eq!(blobs.complete(blob, "00").await.unwrap(), Completed::NotOpen);
        }
        assert_eq!(read(&blobs, "0a1b").await.unwrap(), whole);
        assert!(!put(&blobs, &blob, 1, content(7)).await, "closed");
        assert_eq!(files(&fixture.path().join("blobs")).len(), 3);
        for path in files(fixture.path()) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(10).any(|it| it == b"A123456789"), "{}", path.display());
        }
    });
}

pub(super) fn a_wrong_blob_is_not_closed(fixture: Fixture) {
    run(async {
        let blobs = blobs(&fixture);
        let blob = open(&blobs, "0a", 2020).await;
        let complete = async |hash: &str| blobs.complete(&blob, hash).await.unwrap();
        assert_eq!(complete("00").await, Completed::Lacking(vec![]));
        put(&blobs, &blob, 2, content(2)).await;
        assert_eq!(complete("00").await, Completed::Lacking(vec![(2, 1010)]));
        put(&blobs, &blob, 1, content(1)).await;
        assert_eq!(complete("00").await, Completed::OtherHash);
        put(&blobs, &blob, 3, content(3)).await;
        assert_eq!(complete("00").await, Completed::OtherSize);
        assert!(read(&blobs, "0a").await.is_none());
    });
}

/// Files that are read when their test lets them.
struct Held {
    files: BlobFolder,
    begun: Arc<Semaphore>,
    reads: Arc<Semaphore>,
}

impl BlobFiles for Held {
    fn write(
        &self,
        blob: &str,
        place: &str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        self.files.write(blob, place, bytes)
    }

    fn read(&self, blob: &str, place: &str) -> BoxFuture<'static, Result<Vec<u8>, StoreError>> {
        let (begun, reads) = (Arc::clone(&self.begun), Arc::clone(&self.reads));
        let read = self.files.read(blob, place);
        async move {
            begun.add_permits(1);
            reads.acquire().await.unwrap().forget();
            read.await
        }
        .boxed()
    }

    fn delete(
        &self,
        blob: &str,
        place: Option<&str>,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        self.files.delete(blob, place)
    }
}

/// Blobs that are read when their test lets them; what is told when a read begins, and what lets it.
fn held(fixture: &Fixture) -> (Blobs, Arc<Semaphore>, Arc<Semaphore>) {
    let (begun, reads) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let files = BlobFolder::new(fixture.path().join("blobs"));
    let held = Held { files, begun: Arc::clone(&begun), reads: Arc::clone(&reads) };
    (Blobs::new(fixture.store.clone(), Arc::new(held)), begun, reads)
}

pub(super) fn no_part_changes_while_a_blob_is_closed(fixture: Fixture) {
    run(async {
        let (blobs, begun, reads) = held(&fixture);
        let blob = open(&blobs, "0a", 2020).await;
        put(&blobs, &blob, 1, content(1)).await;
        put(&blobs, &blob, 2, content(2)).await;
        let whole = [content(1), content(2)].concat();
        let hash = hash(&whole);
        tokio::select! {
            _ = blobs.complete(&blob, &hash) => unreachable!("nothing was read"),
            it = begun.acquire() => it.unwrap().forget(),
        }
        assert!(!put(&blobs, &blob, 1, content(7)).await, "whoever closed it may come again");
        let change = async {
            begun.acquire().await.unwrap().forget();
            let was_put = [1, 2].map(|it| put(&blobs, &blob, it, content(9)));
            let was_put = futures_util::future::join_all(was_put).await;
            reads.add_permits(99);
            was_put
        };
        let (completed, was_put) = tokio::join!(blobs.complete(&blob, &hash), change);
        assert_eq!(was_put, [false, false]);
        assert!(matches!(completed.unwrap(), Completed::Whole(_)));
        assert_eq!(read(&blobs, "0a").await.unwrap(), whole);
        assert_eq!(files(&fixture.path().join("blobs")).len(), 2);
    });
}

pub(super) fn a_part_that_came_in_between_closes_nothing(fixture: Fixture) {
    run(async {
        let (slow, begun, reads) = held(&fixture);
        let blobs = blobs(&fixture);
        // The second is read when it is gone.
        for (id, other) in [("0a", 1), ("0b", 2)] {
            let blob = open(&blobs, id, 2020).await;
            put(&blobs, &blob, 1, content(1)).await;
            put(&blobs, &blob, 2, content(2)).await;
            let change = async {
                begun.acquire().await.unwrap().forget();
                reads.add_permits(1);
                begun.acquire().await.unwrap().forget();
                let wrong = blobs.complete(&blob, "00").await.unwrap();
                let was_put = put(&blobs, &blob, other, content(9)).await;
                reads.add_permits(1);
                (wrong, was_put)
            };
            let hash = hash(&[content(1), content(2)].concat());
            let (right, change) = tokio::join!(slow.complete(&blob, &hash), change);
            assert_eq!(change, (Completed::OtherHash, true), "a wrong hash lets parts in again");
            assert_eq!(right.unwrap(), Completed::Changed);
            assert!(read(&blobs, id).await.is_none());
        }
    });
}

pub(super) fn an_exchanged_part_does_not_open(fixture: Fixture) {
    run(async {
        let blobs = blobs(&fixture);
        let blob = open(&blobs, "0a", 2020).await;
        put(&blobs, &blob, 1, content(1)).await;
        put(&blobs, &blob, 2, content(2)).await;
        let whole = [content(1), content(2)].concat();
        blobs.complete(&blob, &hash(&whole)).await.unwrap();
        let found = files(&fixture.path().join("blobs"));
        let (first, second) = (&found[0], &found[1]);
        let (one, two) = (std::fs::read(first).unwrap(), std::fs::read(second).unwrap());
        std::fs::write(first, &two).unwrap();
        std::fs::write(second, &one).unwrap();
        let reader = blobs.read("0a").await.unwrap().unwrap();
        assert!(reader.collect(9999).await.is_err(), "exchanged");
        std::fs::write(first, &one[..one.len() - 1]).unwrap();
        std::fs::write(second, &two).unwrap();
        let reader = blobs.read("0a").await.unwrap().unwrap();
        assert!(reader.collect(9999).await.is_err(), "cut short");
    });
}

pub(super) fn a_destroyed_blob_leaves_nothing(fixture: Fixture) {
    run(async {
        let blobs = blobs(&fixture);
        for id in ["0a", "0b"] {
            let blob = open(&blobs, id, 1010).await;
            put(&blobs, &blob, 1, content(1)).await;
            blobs.complete(&blob, &hash(&content(1))).await.unwrap();
        }
        blobs.delete("0a").await.unwrap();
        blobs.delete("0a").await.unwrap();
        assert!(read(&blobs, "0a").await.is_none() && read(&blobs, "0b").await.is_some());
        assert_eq!(files(&fixture.path().join("blobs")).len(), 1);
        assert_eq!(purge(&fixture.store, NOON + 99 * SECOND).blobs, 0);
        assert_eq!(purge(&fixture.store, NOON + 100 * SECOND).blobs, 1);
        assert_eq!(files(&fixture.path().join("blobs")).len(), 1, "the key goes first");
        assert_eq!((blobs.sweep().await.unwrap(), blobs.sweep().await.unwrap()), (1, 0));
        assert_eq!(files(&fixture.path().join("blobs")).len(), 0);
    });
}

pub(super) fn a_large_result_lies_in_files(fixture: Fixture) {
    run(async {
        let blobs = blobs(&fixture);
        let keep = async |id: &str, bytes: Vec<u8>| {
            blobs.keep(meta(id, 0), Private::new(bytes)).await.unwrap()
        };
        assert!(matches!(keep("0a", vec![7; 64 << 10]).await, Payload::Inline(_)));
        let large = vec![7; (4 << 20) + 1];
        assert!(matches!(keep("0b", large.clone()).await, Payload::Blob(id) if id == "0b"));
        assert_eq!(files(&fixture.path().join("blobs")).len(), 2);
        assert_eq!(read(&blobs, "0b").await.unwrap(), large);
        let reader = blobs.read("0b").await.unwrap().unwrap();
        assert_eq!(reader.meta().created, NOON + Duration::ZERO);
        assert!(reader.collect(4 << 20).await.unwrap().is_none(), "longer than wanted");
    });
}
