//! Temporary measurements.
use std::time::{Duration, Instant};
use std::sync::Arc;
use fenwen::store::Store;
use fenwen::store::blobs::BlobMeta;
use fenwen::store::jobs::*;
const NOON: Duration = Duration::from_secs(1_795_402_800);
fn meta(id: &str) -> BlobMeta { BlobMeta { id: id.into(), org: "A".into(), client: "c".into(), kind: "input".into(), media_type: "a/b".into(), size: 5, sha256: None, created: NOON, expires: NOON + Duration::from_secs(9999) } }
fn job(store: &Store, id: &str, org: &str) -> NewJob { NewJob { id: id.into(), org: org.into(), client: "c".into(), service: "letters".into(), operation: "classify".into(), lane: "letters".into(), priority: 0, max_attempts: 3, input: Payload::Inline(Box::new(store.inline_blob(meta(&format!("in{id}")), b"INPUT").unwrap())), purpose: None, case_no: None, correlation: "c".into(), traceparent: None, created: NOON, expires: NOON + Duration::from_secs(9999) } }
fn measure(name: &str, store: &Store, n: usize, threads: usize) {
    let begun = Instant::now();
    let replies: Vec<_> = (0..n).map(|it| store.submit(job(store, &format!("{name}{threads}-{it}"), ["A","B","C"][it%3]), None, 1 << 40)).collect();
    replies.into_iter().for_each(|it| { it.wait().unwrap(); });
    let submit = n as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let workers: Vec<_> = (0..threads).map(|t| { let store = store.clone(); std::thread::spawn(move || { let mut done = 0; loop {
        let found = store.claim(Claim { lanes: vec!["letters".into()], owner: format!("{t}"), limit: 1, now: NOON, lease: Duration::from_secs(30) }).wait().unwrap();
        if found.is_empty() { return done; }
        for job in found { let blob = store.inline_blob(meta(&format!("out{}", job.id)), b"RESULT").unwrap(); store.finish(&job.id, job.fence, Ending::Succeeded(Payload::Inline(Box::new(blob))), NOON).wait().unwrap().unwrap(); done += 1; }
    } }) }).collect();
    let done: usize = workers.into_iter().map(|it| it.join().unwrap()).sum();
    let rate = done as f64 / begun.elapsed().as_secs_f64();
    eprintln!("MEASURE {name} threads={threads}: submit {submit:.0}/s, claim+complete {rate:.0}/s ({done})");
}
#[test] fn rates() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for threads in [1, 16, 64] { measure("sqlite", &store, if threads == 1 { 60 } else { 2000 }, threads); }
    #[cfg(feature = "postgres")] {
        let store = Store::connect(dir.path().join("x").as_path(), &crate::servers::fresh_database(), 16);
        let _ = store.as_ref().err().map(|e| eprintln!("{e:?}"));
        let store = store.unwrap();
        for threads in [1, 16] { measure("postgres", &store, if threads == 1 { 200 } else { 2000 }, threads); }
    }
    let _ = Arc::new(0);
}
