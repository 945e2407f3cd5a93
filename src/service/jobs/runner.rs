//! A worker: takes jobs by lease, does them, gives signs of life, and tells how they ended.
//!
//! One future, without tasks of its own: dropping it is what a crash looks like to the store.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select, select_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::Notify;

use crate::base::{Attribute, ErrorCode, RequestId, Span, SpanKind, Spans, TraceContext};
use crate::service::events::Circumstances;
use crate::store::StoreError;
use crate::store::blobs::BlobReader;
use crate::store::jobs::{Beat, Claim, Ending, Job, JobState, Payload, Success};

use super::kind::{JobContext, JobFailure, JobKind, JobOutput, lane};
use super::{CHECKPOINT_BYTES, Caller, Jobs};

/// Works on jobs until it is told to stop.
pub struct Worker {
    jobs: Arc<Jobs>,
    owner: String,
    /// Its lanes, and jobs at one time.
    lanes: Vec<String>,
    slots: usize,
    /// Where spans of attempts go.
    spans: Spans,
    /// Rung when running jobs are to be given back.
    give_back: Notify,
}

/// Something that has happened to a worker.
enum Step {
    /// Of a claim for at most so many.
    Claimed(usize, Result<Vec<Job>, StoreError>),
    Ended,
    Rang,
    Ticked,
    Stop,
    Late,
}

/// Why a job is no longer kept.
enum Lost {
    /// Its client no longer wants it.
    Unwanted,
    /// Another worker may have it.
    Taken,
}

impl Worker {
    /// A worker of this process; `owner` names it to operators.
    pub fn new(jobs: Arc<Jobs>, owner: String) -> Worker {
        let mut lanes: Vec<String> = jobs.kinds.values().map(|it| lane(it.as_ref())).collect();
        lanes.dedup();
        let slots = jobs.settings.slots;
        Worker { jobs, owner, lanes, slots, spans: Spans::default(), give_back: Notify::new() }
    }

    /// The same, which tells of its attempts as spans.
    pub fn traced(self, spans: Spans) -> Worker {
        Worker { spans, ..self }
    }

    /// The same for all services but this one.
    pub fn without(mut self, service: &str) -> Worker {
        self.lanes.retain(|it| it.split('/').next() != Some(service));
        self
    }

    /// The same for this service only, with places of its own: long jobs of it keep no others waiting.
    pub fn only(mut self, service: &str, slots: usize) -> Worker {
        self.lanes.retain(|it| it.split('/').next() == Some(service));
        Worker { slots, ..self }
    }

    /// Whether there are jobs for it at all.
    pub fn has_work(&self) -> bool {
        !self.lanes.is_empty()
    }

    /// Works until `stop` resolves and the jobs in hand have ended. Those that take longer than the settings allow are
    /// given back, and begin at their checkpoint elsewhere.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let jobs = &self.jobs;
        let slots = self.slots;
        let mut steps: FuturesUnordered<BoxFuture<'_, Step>> = FuturesUnordered::new();
        steps.push(stop.map(|()| Step::Stop).boxed());
        steps.push(self.tick());
        steps.push(self.bell());
        let (mut n_running, mut is_claiming, mut is_hungry, mut is_stopping) =
            (0, false, true, false);
        loop {
            if is_stopping && n_running == 0 && !is_claiming {
                return;
            }
            if is_hungry && !is_stopping && !is_claiming && n_running < slots {
                (is_hungry, is_claiming) = (false, true);
                steps.push(self.claim(slots - n_running));
            }
            match steps.next().await {
                Some(Step::Claimed(limit, Ok(claimed))) => {
                    is_claiming = false;
                    // Where it found fewer, nothing more waits, and whoever adds something rings.
                    is_hungry |= limit <= claimed.len();
                    n_running += claimed.len();
                    for job in claimed {
                        steps.push(self.work_on(job).map(|()| Step::Ended).boxed());
                    }
                }
                Some(Step::Claimed(_, Err(error))) => {
                    // Jobs of a lost answer are free again when their lease is over.
                    is_claiming = false;
                    tracing::warn!(reason = %error, "jobs could not be claimed");
                }
                Some(Step::Ended) => n_running -= 1,
                Some(Step::Rang) => {
                    is_hungry = true;
                    steps.push(self.bell());
                }
                Some(Step::Ticked) => {
                    is_hungry = true;
                    steps.push(self.tick());
                }
                Some(Step::Stop) => {
                    is_stopping = true;
                    let drain = jobs.clock.wait(jobs.settings.drain);
                    steps.push(drain.map(|()| Step::Late).boxed());
                }
                Some(Step::Late) => self.give_back.notify_waiters(),
                None => return,
            }
        }
    }

    fn tick(&self) -> BoxFuture<'_, Step> {
        self.jobs.clock.wait(self.jobs.settings.poll).map(|()| Step::Ticked).boxed()
    }

    fn bell(&self) -> BoxFuture<'_, Step> {
        let bells = self.lanes.iter().filter_map(|it| self.jobs.doorbells.get(it));
        let rung: Vec<_> = bells.map(|it| Box::pin(it.notified())).collect();
        if rung.is_empty() {
            return std::future::pending().boxed();
        }
        select_all(rung).map(|_| Step::Rang).boxed()
    }

    fn claim(&self, limit: usize) -> BoxFuture<'_, Step> {
        let claim = Claim {
            lanes: self.lanes.clone(),
            owner: self.owner.clone(),
            limit,
            now: self.jobs.now(),
            lease: self.jobs.settings.lease,
        };
        self.jobs.store.claim(claim).map(move |it| Step::Claimed(limit, it)).boxed()
    }

    /// One attempt, from the claim to its end in the store.
    async fn work_on(&self, job: Job) {
        let (id, fence) = (job.id.clone(), job.fence);
        let (trace, start) = (job.traceparent.clone(), self.jobs.now());
        let Some(ending) = self.attempt(job).await else {
            metrics::counter!("fenwen_job_leases_lost_total").increment(1);
            return;
        };
        let made = match &ending {
            Ending::Succeeded(Success { payload: Payload::Blob(id), .. }) => Some(id.clone()),
            _ => None,
        };
        let told = self.jobs.store.finish(&id, fence, ending, self.jobs.now()).await;
        self.jobs.changed.notify_waiters();
        match told {
            Ok(Some(job)) => {
                self.record(&job, trace.as_deref(), start);
                let labels = [("service", job.service), ("state", job.state.to_string())];
                metrics::counter!("fenwen_job_attempts_total", &labels).increment(1);
            }
            Ok(None) => {
                metrics::counter!("fenwen_job_stale_endings_total").increment(1);
                self.forget(made).await;
            }
            // When it did not happen, the lease ends and another attempt begins.
            Err(error) => {
                tracing::error!(job = id, reason = %error, "the end of a job was not heard");
            }
        }
    }

    /// The span of an attempt, in the trace of the call that made the job.
    fn record(&self, job: &Job, trace: Option<&str>, start: Duration) {
        let Some(caller) = trace.and_then(TraceContext::parse) else { return };
        let end = self.jobs.now();
        let Some(begun) = self.spans.begin(Some(caller), RequestId::at(end).bytes()) else {
            return;
        };
        self.spans.record(Span {
            name: format!("job {}.{}", job.service, job.operation),
            kind: SpanKind::Consumer,
            begun,
            start,
            end,
            attributes: vec![
                ("fenwen.job.service", Attribute::Text(job.service.clone())),
                ("fenwen.job.operation", Attribute::Text(job.operation.clone())),
                ("fenwen.job.state", Attribute::Text(job.state.to_string())),
                ("fenwen.job.attempt", Attribute::Number(job.attempt.into())),
            ],
            is_error: matches!(job.state, JobState::Failed | JobState::Dead),
        });
    }

    /// Destroys a large result that came too late.
    async fn forget(&self, result: Option<String>) {
        let Some(id) = result else { return };
        if let Err(error) = self.jobs.blobs.delete(&id).await {
            // It expires with the others.
            tracing::warn!(blob = id, reason = %error, "a late result was not destroyed");
        }
    }

    /// How the attempt ended; `None` when the job is no longer ours.
    async fn attempt(&self, job: Job) -> Option<Ending> {
        let jobs = &self.jobs;
        let kind = jobs.kinds.get(&(job.service.as_str(), job.operation.as_str())).map(Arc::clone);
        let Some(kind) = kind else {
            // A worker of another version may know it.
            return Some(self.after(&job, passing(ErrorCode::Unavailable)));
        };
        let (context, input) = match self.open(&job).await {
            Ok(opened) => opened,
            Err(failure) => return Some(self.after(&job, failure)),
        };
        let run = run_kind(kind, context.clone(), input);
        let keep = std::pin::pin!(self.keep(&context));
        let stopped = self.give_back.notified();
        let stopped = std::pin::pin!(stopped);
        let outcome = match select(run, select(keep, stopped)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right((Either::Left((lost, _)), _)) => {
                context.stop();
                return match lost {
                    Lost::Unwanted => Some(Ending::Cancelled),
                    Lost::Taken => None,
                };
            }
            Either::Right((Either::Right(_), _)) => {
                context.stop();
                return Some(Ending::GivenBack);
            }
        };
        let kept = match outcome {
            Ok(output) => self.keep_result(&job, output).await,
            Err(failure) => Err(failure),
        };
        Some(kept.unwrap_or_else(|failure| self.after(&job, failure)))
    }

    /// The input, and what an interrupted attempt left.
    async fn open(&self, job: &Job) -> Result<(JobContext, BlobReader), JobFailure> {
        let blobs = &self.jobs.blobs;
        let unreadable = |error: StoreError| {
            tracing::error!(job = job.id, reason = %error, "an input could not be read");
            passing(ErrorCode::Internal)
        };
        let input = blobs.read(job.input.as_deref().unwrap_or_default()).await;
        let Some(input) = input.map_err(unreadable)? else {
            return Err(JobFailure { code: ErrorCode::NotFound, is_passing: false });
        };
        let checkpoint = match &job.checkpoint {
            Some(id) => match blobs.read(id).await.map_err(unreadable)? {
                Some(reader) => reader.collect(CHECKPOINT_BYTES).await.map_err(unreadable)?,
                None => None,
            },
            None => None,
        };
        Ok((JobContext::new(job.clone(), blobs.clone(), checkpoint), input))
    }

    /// Gives signs of life for as long as it is polled; resolves when the job is lost.
    async fn keep(&self, context: &JobContext) -> Lost {
        let jobs = &self.jobs;
        let mut held_until = jobs.clock.now() + jobs.settings.lease;
        loop {
            tokio::select! {
                biased;
                () = jobs.clock.wait(jobs.settings.beat) => {}
                () = jobs.unwanted.notified() => {}
                () = context.urgent().notified() => {}
            }
            let sent = jobs.clock.now();
            match self.beat(context).await {
                Ok(Some(job)) if job.cancel_requested => return Lost::Unwanted,
                Ok(Some(_)) => held_until = sent + jobs.settings.lease,
                Ok(None) => return Lost::Taken,
                Err(error) => {
                    tracing::warn!(job = context.job().id, reason = %error, "a sign of life was not heard");
                }
            }
            if held_until <= jobs.clock.now() {
                return Lost::Taken;
            }
        }
    }

    async fn beat(&self, context: &JobContext) -> Result<Option<Job>, StoreError> {
        let jobs = &self.jobs;
        let job = context.job();
        let (progress, checkpoint) = context.take_news();
        let blob = match &checkpoint {
            Some(content) => {
                let bytes = content.expose();
                let media = ("checkpoint", "application/octet-stream");
                let meta = jobs.meta(caller(job), media, job.expires);
                Some(jobs.store.inline_blob(meta, bytes)?)
            }
            None => None,
        };
        let beat = Beat {
            id: job.id.clone(),
            fence: job.fence,
            now: jobs.now(),
            lease: jobs.settings.lease,
            progress,
            checkpoint: blob,
        };
        let told = jobs.store.beat(beat).await;
        match &told {
            Ok(_) if progress.is_some() => jobs.changed.notify_waiters(),
            Ok(_) => (),
            Err(_) => context.keep_news(progress, checkpoint),
        }
        told
    }

    async fn keep_result(&self, job: &Job, output: JobOutput) -> Result<Ending, JobFailure> {
        let figures = output.event.as_ref().and_then(|it| serde_json::to_string(it).ok());
        let told = output.event.map(|it| it.outbox_row(&self.circumstances(job))).transpose();
        let told = told.map_err(|error| {
            tracing::error!(job = job.id, reason = %error, "an event of a job could not be made");
            JobFailure { code: ErrorCode::Internal, is_passing: false }
        })?;
        let meta = self.jobs.meta(caller(job), ("result", output.media_type), job.expires);
        let subjects = self.jobs.store.subjects(&output.mentions);
        match self.jobs.blobs.keep(meta, output.content).await {
            Ok(payload) => Ok(Ending::Succeeded(Success { payload, told, figures, subjects })),
            Err(error) => {
                tracing::error!(job = job.id, reason = %error, "a result could not be kept");
                Err(passing(ErrorCode::Internal))
            }
        }
    }

    /// What surrounds an event of a job that has just ended.
    fn circumstances(&self, job: &Job) -> Circumstances {
        let time = self.jobs.now();
        Circumstances {
            id: RequestId::at(time).to_string(),
            org: job.org.clone(),
            time,
            about: Some(format!("jobs/{}", job.id)),
            correlation: Some(job.correlation.clone()),
            trace_parent: job.traceparent.clone(),
            data_ref: Some(format!("/api/v1/jobs/{}/result", job.id)),
            ..Circumstances::default()
        }
    }

    /// What follows a failed attempt.
    fn after(&self, job: &Job, failure: JobFailure) -> Ending {
        let code = failure.code.number().to_owned();
        if failure.is_passing {
            self.jobs.again(job.attempt, job.max_attempts, code)
        } else {
            Ending::Failed(code)
        }
    }
}

impl Jobs {
    /// Another attempt after a pause, or none when there were enough.
    pub(super) fn again(&self, attempt: u32, max_attempts: u32, code: String) -> Ending {
        if max_attempts <= attempt {
            return Ending::Dead(code);
        }
        let pause = self.settings.backoff.after(attempt, self.jitter.next());
        Ending::Retry(self.now() + pause, code)
    }
}

/// Does the job; a panic is a failure like others.
fn run_kind(
    kind: Arc<dyn JobKind>,
    context: JobContext,
    input: BlobReader,
) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
    let run = AssertUnwindSafe(async move { kind.run(context, input).await }).catch_unwind();
    run.map(|it| it.unwrap_or(Err(passing(ErrorCode::Internal)))).boxed()
}

fn passing(code: ErrorCode) -> JobFailure {
    JobFailure { code, is_passing: true }
}

fn caller(job: &Job) -> Caller {
    Caller { client: job.client.clone(), org: job.org.clone() }
}
