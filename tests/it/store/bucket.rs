//! Blobs in a bucket: a small server of ours that speaks as much of S3 as they need.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ETAG, LAST_MODIFIED};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use fenwen::base::{Date, Private, Secret};
use fenwen::store::blobs::{BlobBucket, Blobs, BucketPlace, Completed};
use fenwen::warehouse::{Day, ExportError, deliver, export};
use sha2::{Digest, Sha256};

use super::{Fixture, meta};

const BUCKET: &str = "/sealed/";

/// Objects by name, and calls that are still to fail.
#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Bytes>,
    /// What was put or deleted, in order.
    changes: Vec<String>,
    n_failing: usize,
}

type Shared = Arc<Mutex<Bucket>>;

async fn answer(
    State(bucket): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(HeaderName, &'static str); 2], Bytes) {
    let (status, bytes) = found(bucket, &method, &uri, &headers, body);
    let stamps = [(ETAG, "\"an-object\""), (LAST_MODIFIED, "Thu, 26 Nov 2026 00:00:00 GMT")];
    (status, stamps, bytes)
}

fn found(
    bucket: Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> (StatusCode, Bytes) {
    let mut bucket = bucket.lock().unwrap();
    let signed = headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !signed.starts_with("AWS4-HMAC-SHA256 Credential=AKTEST/") {
        return (StatusCode::FORBIDDEN, Bytes::new());
    }
    if 0 < bucket.n_failing {
        bucket.n_failing -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
    }
    // Names of objects are encoded in paths.
    let name = uri.path().strip_prefix(BUCKET).unwrap_or_default().replace("%3D", "=");
    match *method {
        Method::PUT => {
            bucket.changes.push(format!("+{name}"));
            bucket.objects.insert(name, body);
            (StatusCode::OK, Bytes::new())
        }
        Method::GET if name.is_empty() => (StatusCode::OK, listed(&bucket.objects, uri).into()),
        Method::GET => match bucket.objects.get(&name) {
            Some(found) => (StatusCode::OK, found.clone()),
            None => (StatusCode::NOT_FOUND, Bytes::new()),
        },
        Method::DELETE => {
            bucket.changes.push(format!("-{name}"));
            bucket.objects.remove(&name);
            (StatusCode::NO_CONTENT, Bytes::new())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, Bytes::new()),
    }
}

fn listed(objects: &BTreeMap<String, Bytes>, uri: &Uri) -> String {
    let query = uri.query().unwrap_or_default().replace("%2F", "/");
    let prefix = query.split('&').find_map(|it| it.strip_prefix("prefix=")).unwrap_or_default();
    let mut xml = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
    for (name, bytes) in objects.iter().filter(|(name, _)| name.starts_with(prefix)) {
        let _ = write!(
            xml,
            "<Contents><Key>{name}</Key><Size>{}</Size>\
             <LastModified>2026-11-26T00:00:00.000Z</LastModified></Contents>",
            bytes.len()
        );
    }
    xml + "</ListBucketResult>"
}

async fn serve(bucket: Shared) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).with_state(bucket);
    tokio::spawn(async move { axum::serve(listener, router).await });
    addr
}

fn blobs(fixture: &Fixture, addr: SocketAddr, access_key: &str) -> Blobs {
    Blobs::new(fixture.store.clone(), Arc::new(opened(addr, access_key)))
}

fn opened(addr: SocketAddr, access_key: &str) -> BlobBucket {
    let place = BucketPlace {
        endpoint: &format!("http://{addr}"),
        region: "tw-north-1",
        bucket: "sealed",
        prefix: "fenwen",
        access_key,
        secret_key: &Secret::new("a synthetic key".to_owned()),
    };
    BlobBucket::open(&place).unwrap()
}

fn hash(bytes: &[u8]) -> String {
    fenwen::base::hex(&Sha256::digest(bytes))
}

#[tokio::test]
async fn a_blob_lies_sealed_in_a_bucket_until_it_is_destroyed() {
    let fixture = Fixture::sqlite();
    let bucket = Shared::default();
    let addr = serve(Arc::clone(&bucket)).await;
    let blobs = blobs(&fixture, addr, "AKTEST");
    let parts = [b"A123456789 ".repeat(100), b"second".to_vec()];
    let whole = parts.concat();
    blobs.open(meta("0a1b", whole.len() as u64)).await.unwrap();
    let blob = blobs.find("0a1b").await.unwrap().unwrap();
    bucket.lock().unwrap().n_failing = 1;
    for (number, part) in [(2, &parts[1]), (1, &parts[0])] {
        assert!(blobs.put_part(&blob, number, Private::new(part.clone())).await.unwrap());
    }
    let completed = blobs.complete(&blob, &hash(&whole)).await.unwrap();
    assert!(matches!(completed, Completed::Whole(_)), "{completed:?}");
    {
        let objects = &bucket.lock().unwrap().objects;
        assert_eq!(objects.len(), 2);
        assert!(objects.keys().all(|it| it.starts_with("fenwen/0a1b/")), "{:?}", objects.keys());
        let is_seen = |bytes: &Bytes| bytes.windows(10).any(|it| it == b"A123456789");
        assert!(!objects.values().any(is_seen), "what lies there is sealed");
    }
    let reader = blobs.read("0a1b").await.unwrap().unwrap();
    assert_eq!(reader.collect(1 << 20).await.unwrap().unwrap().into_inner(), whole);
    blobs.delete("0a1b").await.unwrap();
    assert!(bucket.lock().unwrap().objects.is_empty());
    assert!(blobs.read("0a1b").await.unwrap().is_none());
}

#[tokio::test]
async fn a_bucket_that_refuses_keeps_nothing() {
    let fixture = Fixture::sqlite();
    let bucket = Shared::default();
    let blobs = blobs(&fixture, serve(Arc::clone(&bucket)).await, "SOMEONE");
    blobs.open(meta("0a1c", 4)).await.unwrap();
    let blob = blobs.find("0a1c").await.unwrap().unwrap();
    let refused = blobs.put_part(&blob, 1, Private::new(b"text".to_vec())).await.unwrap_err();
    assert!(refused.to_string().contains("write"), "{refused}");
    assert!(bucket.lock().unwrap().objects.is_empty());
    assert_eq!(blobs.complete(&blob, &hash(b"text")).await.unwrap(), Completed::Lacking(vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_day_is_delivered_once_its_manifest_last() {
    let fixture = Fixture::sqlite();
    let bucket = Shared::default();
    let addr = serve(Arc::clone(&bucket)).await;
    let to = opened(addr, "AKTEST");
    let out = fixture.path().join("out");
    let day =
        Day { day: Date::parse_iso("2026-11-23").unwrap(), calls: &[], sign: &|_| String::new() };
    let exported = export(&fixture.store, &day, &out).unwrap();
    let jobs = exported.iter().find(|it| it.table == "ai_job_daily").unwrap();
    let changes = || std::mem::take(&mut bucket.lock().unwrap().changes);
    assert!(deliver(jobs, &to).await.unwrap());
    let first = changes();
    let of = |name: &str| format!("fenwen/ai_job_daily/dt=2026-11-23/{name}");
    assert_eq!(first.last(), Some(&format!("+{}", of("manifest.json"))));
    assert!(first.contains(&"+fenwen/ai_job_daily/data-dictionary.json".to_owned()), "{first:?}");
    for it in first.iter().filter(|it| it.contains("dt=")) {
        let name = it.rsplit('/').next().unwrap();
        let own = std::fs::read(jobs.folder.join(name)).unwrap();
        assert_eq!(bucket.lock().unwrap().objects[&of(name)], own, "{name}");
    }
    // The same again: nothing is written.
    assert!(!deliver(jobs, &to).await.unwrap());
    assert_eq!(changes(), [""; 0]);
    // Another: no manifest stands while the files are exchanged.
    std::fs::write(jobs.folder.join("manifest.json"), "{}").unwrap();
    assert!(deliver(jobs, &to).await.unwrap());
    let again = changes();
    assert_eq!(again.first(), Some(&format!("-{}", of("manifest.json"))));
    assert_eq!(again.get(1..), Some(&first[..]));
    // A bucket that refuses is told, and has no manifest of what is missing.
    let refused = deliver(jobs, &opened(addr, "SOMEONE")).await.unwrap_err();
    assert!(matches!(refused, ExportError::Store(_)), "{refused}");
}
