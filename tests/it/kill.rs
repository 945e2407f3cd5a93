//! `kill -9` of the only process, again and again, over SQLite: nothing that was accepted is lost or done twice.
//!
//! The process that is killed is this test binary, told by a variable to play the server.

#[cfg(feature = "postgres")]
mod bell;
#[cfg(all(feature = "nats", feature = "postgres"))]
mod cluster;
#[cfg(feature = "postgres")]
mod upgrade;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fenwen::base::{Private, SystemClock};
use fenwen::service::jobs::{
    Backoff, BlobReader, Blobs, Caller, JobContext, JobFailure, JobFilter, JobInput, JobKind,
    JobOrder, JobOutput, JobParts, JobSettings, Jobs, Worker,
};
use fenwen::store::Store;
use fenwen::store::blobs::BlobFolder;
use fenwen::task::call::CallError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// Names the folder of the store to the process that plays the server.
const FOLDER: &str = "FENWEN_KILL_FOLDER";

/// Times that the server is killed.
const ROUNDS: usize = 12;

/// Jobs that one life of the server accepts before it is killed.
const ACCEPTED: usize = 25;

/// A job that answers with its own id and fence.
struct Echo;

impl JobKind for Echo {
    fn service(&self) -> &'static str {
        "letters"
    }

    fn operation(&self) -> &'static str {
        "classify"
    }

    fn check(&self, _: &[u8]) -> Result<(), CallError> {
        Ok(())
    }

    fn run(
        &self,
        context: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
        async move {
            input.collect(99).await.unwrap().unwrap();
            let (id, fence) = (&context.job().id, context.job().fence);
            let content = Private::new(format!("{id}/{fence}").into_bytes());
            Ok(JobOutput { media_type: "text/plain", content, event: None, mentions: Vec::new() })
        }
        .boxed()
    }
}

fn jobs(folder: &Path) -> (Store, Arc<Jobs>) {
    let store = Store::open(folder).unwrap();
    (store.clone(), jobs_over(store, folder))
}

fn jobs_over(store: Store, folder: &Path) -> Arc<Jobs> {
    let settings = JobSettings {
        lease: Duration::from_secs(1),
        beat: Duration::from_millis(300),
        max_attempts: 1000,
        backoff: Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(1) },
        ..JobSettings::default()
    };
    jobs_with(store, folder, settings)
}

fn jobs_with(store: Store, folder: &Path, settings: JobSettings) -> Arc<Jobs> {
    let files = Arc::new(BlobFolder::new(folder.join("blobs")));
    Jobs::new(JobParts {
        blobs: Blobs::new(store.clone(), files),
        store,
        kinds: vec![Arc::new(Echo)],
        clock: Arc::new(SystemClock),
        settings,
    })
}

fn order() -> JobOrder {
    let caller = Caller { client: "mailbox".to_owned(), org: "301000000A".to_owned() };
    let content = Private::new(b"INPUT".to_vec());
    JobOrder {
        caller,
        service: "letters".to_owned(),
        operation: "classify".to_owned(),
        input: JobInput::Bytes { media_type: "text/plain", content, at: "" },
        priority: 0,
        purpose: None,
        case_no: None,
        correlation: "c".to_owned(),
        traceparent: None,
    }
}

async fn send(jobs: &Jobs) -> String {
    let prepared = jobs.prepare(order()).await.unwrap();
    let id = prepared.outlook.id.clone();
    jobs.accept(prepared, None, Vec::new()).await.unwrap();
    id
}

/// Plays the server when it is asked to; does nothing in an ordinary run.
#[test]
fn the_server_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (_store, jobs) = jobs(Path::new(&folder));
        let worker = Worker::new(Arc::clone(&jobs), format!("{}", std::process::id()));
        tokio::spawn(async move { worker.run(std::future::pending()).await });
        tokio::spawn(Arc::clone(&jobs).tend());
        loop {
            // Whoever reads this line has the promise.
            writeln!(std::io::stdout(), "accepted {}", send(&jobs).await).unwrap();
        }
    });
}

#[test]
fn nothing_is_lost_when_the_only_process_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut accepted = BTreeSet::new();
    for _ in 0..ROUNDS {
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args(["kill::the_server_that_is_killed", "--exact", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let ids = lines.filter_map(|it| Some(it.unwrap().split_once("accepted ")?.1.to_owned()));
        accepted.extend(ids.take(ACCEPTED));
        // SIGKILL: nothing of it runs any further.
        server.kill().unwrap();
        server.wait().unwrap();
    }
    assert_eq!(accepted.len(), ROUNDS * ACCEPTED);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (store, jobs) = jobs(dir.path());
    runtime.block_on(async {
        let worker = Worker::new(Arc::clone(&jobs), "last".to_owned());
        tokio::spawn(async move { worker.run(std::future::pending()).await });
        tokio::spawn(Arc::clone(&jobs).tend());
        for id in &accepted {
            let job = jobs.ended(id, Duration::from_secs(60)).await.unwrap();
            assert!(job.state.is_final(), "{job:?}");
        }
    });
    check(&store, &accepted);
}

fn check(store: &Store, accepted: &BTreeSet<String>) {
    let filter = JobFilter { limit: 9999, ..JobFilter::default() };
    let mut told = 0;
    for job in store.jobs(filter).wait().unwrap() {
        let events = store.job_events(&job.id, 0).wait().unwrap();
        told += events.len();
        let n_endings = events.iter().filter(|it| it.state.is_final()).count();
        if !accepted.contains(&job.id) {
            // Accepted, but nobody was told: it may still wait.
            assert!(n_endings <= 1, "{events:?}");
            continue;
        }
        assert_eq!(n_endings, 1, "{events:?}");
        let blob = store.blob(job.result.as_deref().unwrap()).wait().unwrap().unwrap();
        let content = store.inline_content(&blob).unwrap().unwrap();
        assert_eq!(content.expose(), format!("{}/{}", job.id, job.fence).as_bytes());
    }
    assert_eq!(store.outbox_pending(99_999).wait().unwrap().len(), told, "every change is told");
}
