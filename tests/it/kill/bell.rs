//! A worker that looks once an hour does at once what another process has accepted: it hears the bell.

use std::sync::Arc;
use std::time::Duration;

use fenwen::service::jobs::{JobSettings, Worker};
use fenwen::store::Store;

use super::{jobs_with, send};
use crate::servers::fresh_database;

const HOUR: Duration = Duration::from_secs(60 * 60);
const WATCHDOG: Duration = Duration::from_secs(60);
/// One alone might be found by the look that comes after the job before.
const JOBS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_another_process_is_heard_of() {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database();
    let open = || Store::connect(folder.path(), &database, 2).unwrap();
    let (here, there) = (open(), open());
    let settings = JobSettings { poll: HOUR, ..JobSettings::default() };
    let jobs = jobs_with(here.clone(), folder.path(), settings);
    let elsewhere = jobs_with(there.clone(), folder.path(), JobSettings::default());
    here.listen();
    there.listen();
    let worker = Worker::new(Arc::clone(&jobs), "w-1".to_owned());
    let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
    let listening = tokio::spawn(Arc::clone(&jobs).listen());
    for _ in 0..JOBS {
        let id = send(&elsewhere).await;
        let ended = tokio::time::timeout(WATCHDOG, jobs.ended(&id, HOUR)).await;
        assert!(ended.unwrap().unwrap().state.is_final());
    }
    working.abort();
    listening.abort();
}
