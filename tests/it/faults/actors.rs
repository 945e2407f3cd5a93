//! Those who act in the world: a kind of job, clients, and the relay from the outbox to a bus that loses things.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenwen::base::{Clock, ErrorCode, ManualClock, Private};
use fenwen::service::jobs::{
    BlobReader, Caller, JobContext, JobFailure, JobInput, JobKind, JobOrder, JobOutput, Jobs,
    Repetition,
};
use fenwen::store::Store;
use fenwen::task::call::CallError;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::LONGEST_MS;

/// Chance from a seed: SplitMix64.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Chance that several share.
pub(super) type Shared = Arc<Mutex<Chance>>;

pub(super) fn below(chance: &Shared, n: u64) -> u64 {
    chance.lock().unwrap().below(n)
}

/// A place below `n`.
pub(super) fn pick(chance: &Shared, n: usize) -> usize {
    usize::try_from(below(chance, n as u64)).unwrap()
}

/// A kind of job that takes its time, and now and then fails, panics or leaves a checkpoint.
pub(super) struct Errand {
    pub(super) clock: Arc<ManualClock>,
    pub(super) chance: Shared,
    /// Attempts that were begun: job and fence.
    pub(super) begun: Arc<Mutex<Vec<(String, u64)>>>,
}

impl JobKind for Errand {
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
        let (clock, chance) = (Arc::clone(&self.clock), Arc::clone(&self.chance));
        let job = context.job();
        let name = format!("{}/{}", job.id, job.fence);
        self.begun.lock().unwrap().push((job.id.clone(), job.fence));
        async move {
            let content = input.collect(1 << 10).await.ok().flatten();
            assert_eq!(content.unwrap().expose(), b"INPUT");
            if let Some(left) = context.resume() {
                assert!(left.expose().starts_with(context.job().id.as_bytes()));
            }
            let steps = below(&chance, 3);
            for step in 0..steps {
                let ms = below(&chance, LONGEST_MS / 2);
                clock.wait(Duration::from_millis(ms)).await;
                context.progress((step + 1) as f64 / steps as f64);
                context.checkpoint(Private::new(name.clone().into_bytes()));
            }
            match below(&chance, 12) {
                0 => Err(JobFailure { code: ErrorCode::Unavailable, is_passing: true }),
                1 => Err(JobFailure { code: ErrorCode::BadValue, is_passing: false }),
                _ => {
                    let content = Private::new(name.into_bytes());
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

/// Sends jobs until each is accepted, and takes one back; ids of the accepted go to `accepted`.
pub(super) async fn client(
    jobs: Arc<Jobs>,
    name: String,
    n_jobs: u64,
    accepted: Arc<Mutex<Vec<String>>>,
) {
    let caller = Caller { client: name.clone(), org: name };
    for number in 0..n_jobs {
        let id = loop {
            match send(&jobs, &caller, number).await {
                Ok(answer) => break String::from_utf8(answer).unwrap(),
                Err(error) => assert_eq!(error.code, ErrorCode::Unavailable, "{}", error.message),
            }
        };
        accepted.lock().unwrap().push(id.clone());
        if number == 1 {
            // Whether it is heard or not: the job ends all the same.
            let _ = jobs.cancel(&caller, &id).await;
        }
    }
}

async fn send(jobs: &Jobs, caller: &Caller, number: u64) -> Result<Vec<u8>, CallError> {
    let content = Private::new(b"INPUT".to_vec());
    let order = JobOrder {
        caller: caller.clone(),
        service: "letters".to_owned(),
        operation: "classify".to_owned(),
        input: JobInput::Bytes { media_type: "text/plain", content, at: "" },
        priority: 0,
        purpose: None,
        case_no: None,
        correlation: "c".to_owned(),
        traceparent: None,
    };
    let prepared = jobs.prepare(order).await?;
    let answer = prepared.outlook.id.clone().into_bytes();
    let key = format!("{number}");
    let repetition = Repetition { key, route: "jobs", fingerprint: vec![1] };
    jobs.accept(prepared, Some(repetition), answer).await
}

/// What arrived on the bus: bodies, in order, repetitions included.
pub(super) type Delivered = Arc<Mutex<Vec<String>>>;

/// Publishes the outbox. The bus loses events and acknowledgements; what was not acknowledged is published again, and
/// nothing behind it before.
pub(super) async fn relay(
    store: Store,
    clock: Arc<ManualClock>,
    chance: Shared,
    delivered: Delivered,
) {
    loop {
        let pending = store.outbox_pending(3).await.unwrap_or_default();
        let mut told = Vec::new();
        for row in pending {
            let fate = below(&chance, 10);
            if fate != 0 {
                delivered.lock().unwrap().push(row.body);
            }
            if fate <= 1 {
                break;
            }
            told.push(row.id);
        }
        if !told.is_empty() {
            // Unheard is as good as undone: the events are published once more.
            let _ = store.outbox_published(told, 1).await;
        }
        clock.wait(Duration::from_secs(2)).await;
    }
}
