//! Dynamic batching: rows from many callers, run together on the copies of one model.
//!
//! Each copy of the model has an executor thread, and whichever is free looks after the queue: it takes the rows
//! that [`BatchPolicy`] says the moment there are any, leaves the queue to the next one and runs them. So nothing ever waits for
//! company, a row changes threads once on its way to the model, and no caller waits for a lock. Where a model has shown that it
//! takes less time than waking that thread, a row that finds a free copy runs where it is. A row is answered
//! exactly once: with its own result, with its own error, or, when its caller left or its deadline passed, not at
//! all and with [`RunError::Expired`].

mod executor;
mod leaving;
mod policy;
mod profile;
mod queue;
mod stack;
mod state;
mod whole;

use std::fmt;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::base::priority::yield_to_calls;
use crate::base::{Clock, Deadline};
use crate::batch::executor::Executor;
use crate::batch::queue::{Entry, Queue};
use crate::batch::state::{Permit, Shared};
use crate::engine::{EngineError, Signature, TensorModel, Wanted};
use crate::tensor::{Tensor, View};

pub use policy::{BatchPolicy, Priority, RowKind, Waiting};
pub use state::Stats;
pub use whole::CallHandle;

/// How long a successful run proves a model's health.
const FRESH: Duration = Duration::from_secs(5);

/// How a model's queue behaves.
#[derive(Clone)]
pub struct BatchSpec {
    /// Name of the model, for threads and logs.
    pub name: String,
    /// Which rows run together.
    pub policy: BatchPolicy,
    /// Most rows that may wait.
    pub queue_rows: usize,
    /// Most elements that may wait.
    pub queue_cost: usize,
    /// A small row for warming up and for health checks.
    pub probe: Option<Tensor>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// One row's share of the model's outputs.
#[derive(Clone, Copy, Debug)]
pub struct RowOutput<'a> {
    /// The first output, without the batch dimension.
    pub view: View<'a>,
    /// Every output, the first included, without the batch dimension.
    pub views: &'a [View<'a>],
    /// Size of the row's last dimension as it was submitted.
    pub input_len: usize,
    /// The same after padding: the part of the output past `input_len / padded_len` stems from padding.
    pub padded_len: usize,
}

/// Why a row has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Too much work waits already; nothing was queued.
    #[error("too much work is waiting")]
    Busy,
    /// The deadline passed before the row ran.
    #[error("the deadline passed before the model could run")]
    Expired,
    /// The model is being shut down.
    #[error("the model is shut down")]
    Closed,
    /// The code around the model panicked on this row.
    #[error("the inference thread panicked")]
    Panicked,
    /// The model failed on this row alone.
    #[error("the model could not run")]
    Engine(#[from] EngineError),
}

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no copy of the model.
    #[error("there is no copy of the model to serve")]
    NoModel,
    /// The model does not take one row per entry of its first dimension.
    #[error("the model cannot take rows: {0}")]
    Signature(&'static str),
    /// A thread could not be started.
    #[error("failed to start an inference thread")]
    Thread(#[from] io::Error),
}

/// A cheap, cloneable handle to a model that runs on its own threads.
///
/// Dropping the last clone stops the threads and waits for the batches in flight.
pub struct ModelHandle<R> {
    inner: Arc<Inner<R>>,
    priority: Priority,
}

struct Inner<R> {
    name: String,
    /// Where rows go; without it the queue ends.
    rows: Option<Sender<Vec<Entry<R>>>>,
    queue: Arc<Mutex<Queue<R>>>,
    shared: Arc<Shared>,
    executors: Vec<Arc<Mutex<Executor<R>>>>,
    threads: Vec<JoinHandle<()>>,
    probe: Option<Tensor>,
}

impl<R: Send + 'static> ModelHandle<R> {
    /// Starts one thread for each of `models`, which must be copies of one model.
    ///
    /// `reduce` makes a row's result out of its share of the first output, on the inference thread and where the
    /// output lies; it should be quick.
    pub fn spawn(
        models: Vec<Box<dyn TensorModel>>,
        spec: BatchSpec,
        reduce: impl Fn(RowOutput<'_>) -> R + Send + Sync + 'static,
    ) -> Result<ModelHandle<R>, SpawnError> {
        let policy = fit_policy(models.first().ok_or(SpawnError::NoModel)?.as_ref(), spec.policy)?;
        let (rows, inbox) = channel();
        let limits = (spec.queue_rows, spec.queue_cost);
        let shared = Arc::new(Shared::new(spec.clock, limits, models.len(), policy.max_rows));
        let queue = Arc::new(Mutex::new(Queue::new(policy, Arc::clone(&shared), inbox)));
        let reduce: Arc<executor::Reduce<R>> = Arc::new(reduce);
        let (mut executors, mut threads) = (Vec::new(), Vec::new());
        for (idx, model) in models.into_iter().enumerate() {
            let (reduce, shared) = (Arc::clone(&reduce), Arc::clone(&shared));
            let executor = Arc::new(Mutex::new(Executor { model, reduce, shared }));
            let (own, queue, probe) = (executor.clone(), Arc::clone(&queue), spec.probe.clone());
            let thread = std::thread::Builder::new().name(format!("{}-{idx}", spec.name)).spawn(
                move || {
                    // With every core at work, calls are still admitted or refused at once.
                    yield_to_calls();
                    executor::serve(&own, &queue, probe);
                },
            )?;
            executors.push(executor);
            threads.push(thread);
        }
        let (name, probe) = (spec.name, spec.probe);
        let inner = Inner { name, rows: Some(rows), queue, shared, executors, threads, probe };
        Ok(ModelHandle { inner: Arc::new(inner), priority: Priority::default() })
    }

    /// Runs one row (a tensor without the batch dimension) and waits for its result.
    ///
    /// Never waits for a place in the queue. Dropping the future withdraws the row.
    pub async fn run(&self, row: Tensor, deadline: Deadline) -> Result<R, RunError> {
        let answer = self.submit(vec![row], deadline)?.pop().ok_or(RunError::Closed)?;
        answer.await.map_err(|_| RunError::Closed)?
    }

    /// Runs rows of one caller: all are queued or none. Results come in the rows' order; the first error ends it.
    ///
    /// More rows than the queue holds are always refused.
    pub async fn run_all(&self, rows: Vec<Tensor>, deadline: Deadline) -> Result<Vec<R>, RunError> {
        let answers = self.submit(rows, deadline)?;
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(answer.await.map_err(|_| RunError::Closed)??);
        }
        Ok(results)
    }

    /// As [`ModelHandle::run_all`], from a thread that may wait: never from an asynchronous one.
    pub fn run_all_blocking(
        &self,
        rows: Vec<Tensor>,
        deadline: Deadline,
    ) -> Result<Vec<R>, RunError> {
        let answers = self.submit(rows, deadline)?.into_iter();
        answers.map(|it| it.blocking_recv().map_err(|_| RunError::Closed)?).collect()
    }

    /// Proves that the model works: a run that succeeded moments ago, else one of the probe, past the queue's limits.
    pub async fn check(&self, deadline: Deadline) -> Result<(), RunError> {
        let now = self.inner.shared.clock.now();
        let last = self.inner.shared.last_success();
        if last.is_some_and(|it| now.saturating_duration_since(it) < FRESH) {
            return Ok(());
        }
        let Some(probe) = self.inner.probe.clone() else { return Ok(()) };
        let (entry, answer) = self.entry(probe, deadline);
        self.send(vec![entry])?;
        let left = deadline.saturating_duration_since(now);
        match tokio::time::timeout(left, answer).await {
            Ok(answer) => answer.map_err(|_| RunError::Closed)?.map(|_| ()),
            Err(_) => Err(RunError::Expired),
        }
    }

    /// Queues all rows, or none; one that is sooner run than queued is run.
    fn submit(
        &self,
        rows: Vec<Tensor>,
        deadline: Deadline,
    ) -> Result<Vec<oneshot::Receiver<Result<R, RunError>>>, RunError> {
        if rows.iter().any(|it| it.shape().is_empty() || it.shape().contains(&0)) {
            return Err(EngineError::BadInput("a row is empty".to_owned()).into());
        }
        if let [row] = rows.as_slice()
            && let Some(mut executor) = self.instant(stack::cost(row))
        {
            let (batch, answers) = rows.into_iter().map(|it| self.entry(it, deadline)).unzip();
            executor.run_batch(batch, &Wanted::default());
            return Ok(answers);
        }
        let permits = self.admit(&rows)?;
        let (entries, answers) = rows
            .into_iter()
            .zip(permits)
            .map(|(row, permit)| {
                let (mut entry, answer) = self.entry(row, deadline);
                entry.permit = Some(permit);
                (entry, answer)
            })
            .unzip();
        self.send(entries)?;
        Ok(answers)
    }

    /// A copy that is free for a row of this cost, where the caller had better run it.
    fn instant(&self, cost: usize) -> Option<MutexGuard<'_, Executor<R>>> {
        let Inner { shared, executors, .. } = self.inner.as_ref();
        if !shared.is_instant(cost) {
            return None;
        }
        executors.iter().find_map(|it| match it.try_lock() {
            Ok(executor) => Some(executor),
            Err(TryLockError::Poisoned(executor)) => Some(executor.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    }

    /// A place for each row. Where there is none, rows that nobody waits for may make some.
    fn admit(&self, rows: &[Tensor]) -> Result<Vec<Permit>, RunError> {
        let shared = &self.inner.shared;
        let admitted = shared.admit(rows).or_else(|| {
            self.tidy();
            shared.admit(rows)
        });
        admitted.ok_or_else(|| {
            shared.count_refused(rows.len());
            RunError::Busy
        })
    }

    fn entry(
        &self,
        row: Tensor,
        deadline: Deadline,
    ) -> (Entry<R>, oneshot::Receiver<Result<R, RunError>>) {
        let (reply, answer) = oneshot::channel();
        let queued_at = self.inner.shared.clock.now();
        let priority = self.priority;
        (Entry { row, priority, queued_at, deadline, permit: None, reply }, answer)
    }

    fn send(&self, entries: Vec<Entry<R>>) -> Result<(), RunError> {
        let rows = self.inner.rows.as_ref().ok_or(RunError::Closed)?;
        rows.send(entries).map_err(|_| RunError::Closed)
    }
}

impl<R> ModelHandle<R> {
    /// A handle to the same model whose rows have this priority.
    pub fn with_priority(&self, priority: Priority) -> ModelHandle<R> {
        ModelHandle { inner: Arc::clone(&self.inner), priority }
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Counts since the start, and what waits now.
    pub fn stats(&self) -> Stats {
        self.inner.shared.stats()
    }

    /// How long a new row of `cost` elements would take to be answered, behind all that waits and runs now.
    ///
    /// Learned from the runs so far; zero before the first.
    pub fn estimate(&self, cost: usize) -> Duration {
        if self.inner.shared.is_anyone_waiting() {
            self.tidy();
        }
        self.inner.shared.estimate(cost)
    }

    /// Forgets rows that nobody waits for, where every copy is at work and no executor looks after the queue.
    fn tidy(&self) {
        if let Ok(mut queue) = self.inner.queue.try_lock() {
            queue.tidy();
        }
    }
}

impl<R> Clone for ModelHandle<R> {
    fn clone(&self) -> ModelHandle<R> {
        self.with_priority(self.priority)
    }
}

impl<R> fmt::Debug for ModelHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelHandle({})", self.inner.name)
    }
}

impl<R> Drop for Inner<R> {
    fn drop(&mut self) {
        self.rows = None;
        for thread in self.threads.drain(..) {
            // A panic of the model does not end its thread.
            let _ = thread.join();
        }
    }
}

/// Whether a model takes one row per entry of its first dimension; else it takes whole calls.
pub fn takes_rows(signature: &Signature) -> bool {
    most_rows(signature).is_ok()
}

/// Checks that a model takes rows, and narrows the policy to what its graph permits.
fn fit_policy(model: &dyn TensorModel, policy: BatchPolicy) -> Result<BatchPolicy, SpawnError> {
    let most = most_rows(model.signature())?;
    let max_rows = policy.max_rows.max(1);
    Ok(BatchPolicy { max_rows: most.map_or(max_rows, |it| it.min(max_rows)), ..policy })
}

/// Most rows of a batch, where the graph limits them.
fn most_rows(signature: &Signature) -> Result<Option<usize>, SpawnError> {
    let [input] = signature.inputs.as_slice() else {
        return Err(SpawnError::Signature("it does not have exactly one input"));
    };
    if signature.outputs.is_empty() {
        return Err(SpawnError::Signature("it has no output"));
    }
    match input.dims.as_deref() {
        Some([]) => Err(SpawnError::Signature("its input is a single number")),
        Some([Some(1), ..]) => Ok(Some(1)),
        Some([Some(_), ..]) => Err(SpawnError::Signature("its batch size is fixed")),
        Some([None, ..]) | None => Ok(None),
    }
}
