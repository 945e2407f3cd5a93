//! A worker over a store in memory, with a clock that the test moves.

use std::sync::Mutex;
use std::task::{Context, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::counted::LONG;
use super::tend::ClockWatch;
use super::*;
use crate::base::ManualClock;
use crate::store::blobs::BlobFolder;

/// What a job does, by its input.
struct Fake {
    clock: Arc<ManualClock>,
    /// One permit for each job that may go on.
    gate: Arc<Semaphore>,
    /// What jobs found of earlier attempts.
    resumed: Mutex<Vec<String>>,
}

impl JobKind for Arc<Fake> {
    fn service(&self) -> &'static str {
        "letters"
    }

    fn operation(&self) -> &'static str {
        "classify"
    }

    fn check(&self, input: &[u8]) -> Result<(), CallError> {
        if input == b"bad" { Err(CallError::bad_value("/input", "x")) } else { Ok(()) }
    }

    fn run(
        &self,
        context: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
        let fake = Arc::clone(self);
        async move {
            let input = input.collect(99).await.ok().flatten().unwrap();
            if let Some(left) = context.resume() {
                let left = String::from_utf8(left.into_inner()).unwrap();
                fake.resumed.lock().unwrap().push(left);
            }
            match input.expose().as_slice() {
                b"panic" => panic!("as it was told"),
                b"busy" => Err(JobFailure { code: ErrorCode::Overloaded, is_passing: true }),
                b"wrong" => Err(JobFailure { code: ErrorCode::BadValue, is_passing: false }),
                _ => {
                    context.progress(0.5);
                    context.checkpoint(Private::new(b"half".to_vec()));
                    fake.clock.wait(Duration::from_secs(1)).await;
                    fake.gate.acquire().await.unwrap().forget();
                    let content = Private::new(b"done".to_vec());
                    Ok(JobOutput {
                        media_type: "text/plain",
                        content,
                        event: None,
                        mentions: Vec::new(),
                    })
                }
            }
        }
        .boxed()
    }
}

/// A store, jobs and a worker.
struct Desk {
    _dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    fake: Arc<Fake>,
    jobs: Arc<Jobs>,
    worker: BoxFuture<'static, ()>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

fn caller() -> Caller {
    Caller { client: "mailbox".to_owned(), org: "301000000A".to_owned() }
}

fn order(input: &[u8]) -> JobOrder {
    let content = Private::new(input.to_vec());
    JobOrder {
        caller: caller(),
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

impl Desk {
    fn new() -> Desk {
        Desk::with(JobSettings { max_attempts: 2, ..JobSettings::default() })
    }

    fn with(settings: JobSettings) -> Desk {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Duration::from_secs(1_795_402_800)));
        let store = Store::in_memory(dir.path()).unwrap();
        let files = Arc::new(BlobFolder::new(dir.path().join("blobs")));
        let gate = Arc::new(Semaphore::new(0));
        let resumed = Mutex::default();
        let fake = Arc::new(Fake { clock: Arc::clone(&clock), gate, resumed });
        let jobs = Jobs::new(JobParts {
            store: store.clone(),
            blobs: Blobs::new(store, files),
            kinds: vec![Arc::new(Arc::clone(&fake))],
            clock: Arc::<ManualClock>::clone(&clock),
            settings,
        });
        let mut desk = Desk {
            _dir: dir,
            clock,
            fake,
            jobs,
            worker: std::future::pending().boxed(),
            stop: None,
        };
        desk.hire();
        desk
    }

    /// A new worker takes the place of the old one.
    fn hire(&mut self) {
        let worker = Worker::new(Arc::clone(&self.jobs), "w-1".to_owned());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        self.stop = Some(stop);
        self.worker = async move { worker.run(async { _ = stopped.await }).await }.boxed();
    }

    /// Lets the worker go on until it waits; whether it has ended.
    fn go_on(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        (0..20).any(|_| self.worker.poll_unpin(&mut cx).is_ready())
    }

    /// Moves the clock in steps of a second, and the worker with it.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            self.go_on();
        }
    }

    fn send(&self, input: &[u8]) -> Result<String, CallError> {
        let prepared = self.jobs.prepare(order(input)).now_or_never().unwrap()?;
        let id = prepared.outlook.id.clone();
        self.jobs.accept(prepared, None, Vec::new()).now_or_never().unwrap()?;
        Ok(id)
    }

    fn job(&self, id: &str) -> Job {
        self.jobs.find(&caller(), id).now_or_never().unwrap().unwrap()
    }

    fn state(&self, id: &str) -> JobState {
        self.job(id).state
    }
}

#[test]
fn a_job_is_done_and_its_result_is_there() {
    let mut desk = Desk::new();
    let id = desk.send(b"work").unwrap();
    desk.go_on();
    assert_eq!(desk.state(&id), JobState::Running);
    desk.fake.gate.add_permits(1);
    desk.pass(3);
    let job = desk.job(&id);
    assert_eq!((job.state, job.attempt), (JobState::Succeeded, 1));
    let result = desk.jobs.result(&job).now_or_never().unwrap().unwrap();
    let content = result.collect(99).now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(content.expose(), b"done");
}

/// Without a look now and then, so that only what the worker knows by itself brings it on.
#[test]
fn a_place_that_becomes_free_is_taken_by_what_waits() {
    let hour = Duration::from_secs(3600);
    let mut desk = Desk::with(JobSettings { slots: 2, poll: hour, ..JobSettings::default() });
    let ids: Vec<String> = (0..5).map(|_| desk.send(b"work").unwrap()).collect();
    let running = |desk: &Desk| -> Vec<bool> {
        ids.iter().map(|it| desk.state(it) == JobState::Running).collect()
    };
    desk.pass(2);
    assert_eq!(running(&desk), [true, true, false, false, false]);
    desk.fake.gate.add_permits(1);
    desk.go_on();
    assert_eq!(running(&desk), [false, true, true, false, false]);
    desk.fake.gate.add_permits(1);
    desk.pass(2);
    assert_eq!(running(&desk), [false, false, true, true, false]);
    desk.fake.gate.add_permits(9);
    desk.pass(4);
    assert!(ids.iter().all(|it| desk.state(it) == JobState::Succeeded));
}

#[test]
fn what_can_never_succeed_is_refused_before_it_is_accepted() {
    let desk = Desk::new();
    assert_eq!(desk.send(b"bad").unwrap_err().code, ErrorCode::BadValue);
    let caller = caller();
    let all = desk.jobs.list(&caller, JobFilter { limit: 9, ..JobFilter::default() });
    assert!(all.now_or_never().unwrap().unwrap().is_empty());
}

#[test]
fn a_failure_that_passes_is_tried_again_and_then_dead() {
    for input in ["busy", "panic"] {
        let mut desk = Desk::new();
        let id = desk.send(input.as_bytes()).unwrap();
        desk.go_on();
        let job = desk.job(&id);
        assert_eq!((job.state, job.attempt), (JobState::Queued, 1), "{input}");
        let pause = job.run_at - desk.clock.unix_time();
        assert!((4..=6).contains(&pause.as_secs()), "{input}: {pause:?}");
        desk.pass(8);
        assert_eq!(desk.state(&id), JobState::Dead, "{input}");
    }
    let mut desk = Desk::new();
    let id = desk.send(b"wrong").unwrap();
    desk.go_on();
    let job = desk.job(&id);
    assert_eq!((job.state, job.error.as_deref()), (JobState::Failed, Some("ER0210")));
}

#[test]
fn a_running_job_is_stopped_soon_after_it_is_taken_back() {
    let mut desk = Desk::new();
    let id = desk.send(b"work").unwrap();
    desk.go_on();
    let cancelled = desk.jobs.cancel(&caller(), &id).now_or_never().unwrap().unwrap();
    assert!(cancelled.cancel_requested && cancelled.state == JobState::Running);
    desk.go_on();
    assert_eq!(desk.state(&id), JobState::Cancelled);
    let again = desk.jobs.cancel(&caller(), &id).now_or_never().unwrap();
    assert_eq!(again.unwrap().state, JobState::Cancelled);
}

#[test]
fn the_next_attempt_begins_where_a_crashed_one_was() {
    let mut desk = Desk::new();
    let id = desk.send(b"work").unwrap();
    desk.go_on();
    desk.pass(3);
    assert_eq!(desk.job(&id).progress, Some(0.5));
    desk.hire();
    let sweep = |desk: &Desk| desk.jobs.sweep().now_or_never().unwrap().unwrap();
    desk.clock.advance(Duration::from_secs(20));
    assert_eq!(sweep(&desk), 0, "the lease goes on");
    desk.clock.advance(Duration::from_secs(12));
    assert_eq!(sweep(&desk), 1);
    desk.fake.gate.add_permits(1);
    desk.pass(12);
    let job = desk.job(&id);
    assert_eq!((job.state, job.attempt), (JobState::Succeeded, 2));
    assert_eq!(*desk.fake.resumed.lock().unwrap(), ["half"]);
}

#[test]
fn a_worker_that_is_told_to_stop_gives_long_jobs_back() {
    let mut desk = Desk::new();
    let id = desk.send(b"work").unwrap();
    desk.go_on();
    desk.pass(2);
    desk.stop = None;
    assert!(!desk.go_on(), "it has a job in hand");
    desk.clock.advance(desk.jobs.settings.drain);
    assert!(desk.go_on());
    let job = desk.job(&id);
    assert_eq!((job.state, job.attempt), (JobState::Queued, 0));
    desk.hire();
    desk.fake.gate.add_permits(1);
    desk.pass(3);
    assert_eq!(desk.state(&id), JobState::Succeeded);
    assert_eq!(*desk.fake.resumed.lock().unwrap(), ["half"]);
}

/// A wall clock that can be set, over a monotonic one that cannot.
#[derive(Debug)]
struct SetClock {
    steady: ManualClock,
    ahead: Mutex<Duration>,
}

impl Clock for SetClock {
    fn unix_time(&self) -> Duration {
        self.steady.unix_time() + *self.ahead.lock().unwrap()
    }

    fn now(&self) -> std::time::Instant {
        self.steady.now()
    }

    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.steady.wait(time)
    }
}

#[test]
fn a_clock_that_is_set_forward_ends_no_lease() {
    let desk = Desk::new();
    let steady = ManualClock::at(Duration::from_secs(1000));
    let clock = Arc::new(SetClock { steady, ahead: Mutex::default() });
    let jobs = Jobs::new(JobParts {
        store: desk.jobs.store.clone(),
        blobs: desk.jobs.blobs.clone(),
        kinds: Vec::new(),
        clock: Arc::<SetClock>::clone(&clock),
        settings: JobSettings::default(),
    });
    let mut watch = ClockWatch::new(&jobs);
    clock.steady.advance(Duration::from_secs(60));
    assert!(watch.is_steady(&jobs), "both clocks went on");
    *clock.ahead.lock().unwrap() = Duration::from_secs(3600);
    assert!(!watch.is_steady(&jobs));
    clock.steady.advance(Duration::from_secs(29));
    assert!(!watch.is_steady(&jobs), "workers may not have given a sign yet");
    clock.steady.advance(Duration::from_secs(1));
    assert!(watch.is_steady(&jobs));
}

#[test]
fn a_long_queue_is_counted_once_a_second_and_its_limit_holds() {
    let max_queued = LONG + 100;
    let desk = Desk::with(JobSettings { max_queued, ..JobSettings::default() });
    let position =
        || desk.jobs.prepare(order(b"work")).now_or_never().unwrap().unwrap().outlook.position;
    for expected in 0..LONG {
        assert_eq!(position(), expected);
        desk.send(b"work").unwrap();
    }
    // The next of them see what was counted before.
    assert_eq!((position(), position()), (LONG, LONG));
    let mut n_sent = LONG;
    while desk.send(b"work").is_ok() {
        n_sent += 1;
    }
    assert_eq!((n_sent, position()), (max_queued, LONG));
    desk.clock.advance(Duration::from_secs(2));
    assert_eq!(position(), max_queued);
    assert_eq!(desk.send(b"work").unwrap_err().code, ErrorCode::Overloaded);
}
