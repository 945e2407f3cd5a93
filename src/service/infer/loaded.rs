//! A model that answers: its queue, and the calls that go there.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::base::{Deadline, ErrorCode};
use crate::batch::{CallHandle, ModelHandle, RunError, SpawnError};
use crate::task::call::CallError;
use crate::task::infer::{ModelStatistics, TensorModelInfo};
use crate::tensor::Tensor;

use super::split::{check_size, n_elements_of, reduce, stacked};
use super::tally::Tally;
use super::{OpenedNetwork, PLACES, failed, overloaded};

/// Rows of one call that wait at one time.
const ROWS_AT_ONCE: usize = 32;

/// What runs a model's calls: row by row, or each whole.
enum Queue {
    Rows(ModelHandle<Vec<Tensor>>),
    Calls(CallHandle),
}

impl Queue {
    fn spawn(opened: OpenedNetwork, takes_rows: bool) -> Result<Queue, SpawnError> {
        let OpenedNetwork { copies, spec } = opened;
        if takes_rows {
            return Ok(Queue::Rows(ModelHandle::spawn(copies, spec, reduce)?));
        }
        Ok(Queue::Calls(CallHandle::spawn(copies, &spec.name, &spec.clock)?))
    }
}

/// A model that answers.
pub(super) struct Loaded {
    /// What it takes and gives.
    pub(super) info: Arc<TensorModelInfo>,
    queue: Option<Queue>,
    /// Places of the calls in flight.
    pub(super) calls: Arc<Semaphore>,
    /// What it has done.
    pub(super) tally: Tally,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // Dropping the queue waits for the threads: whoever drops this may be asynchronous.
        if let Some(queue) = self.queue.take() {
            let dropped = thread::Builder::new().name("unload".to_owned()).spawn(|| drop(queue));
            if dropped.is_err() {
                tracing::warn!("a model was unloaded without a thread of its own");
            }
        }
    }
}

impl Loaded {
    /// Starts the queue of a model.
    pub(super) fn new(info: TensorModelInfo, opened: OpenedNetwork) -> Result<Loaded, SpawnError> {
        let queue = Queue::spawn(opened, info.takes_rows)?;
        let calls = Arc::new(Semaphore::new(PLACES as usize));
        let tally = Tally::default();
        Ok(Loaded { info: Arc::new(info), queue: Some(queue), calls, tally })
    }

    /// The same, which tells of these versions.
    pub(super) fn telling(mut self, versions: Vec<String>) -> Loaded {
        Arc::make_mut(&mut self.info).versions = versions;
        self
    }

    /// What it has done for callers.
    pub(super) fn statistics(&self) -> ModelStatistics {
        let counted = self.tally.statistics();
        let n_runs = match &self.queue {
            Some(Queue::Rows(handle)) => {
                let stats = handle.stats();
                stats.batches.saturating_sub(stats.failed + stats.given_up)
            }
            // Each call is a run of its own.
            _ => counted.answered.n_calls,
        };
        let (name, version) = (self.info.name.clone(), self.info.version.clone());
        ModelStatistics { name, version, n_runs, ..counted }
    }

    /// Refuses now what would be answered after `left`, behind all that waits.
    pub(super) fn require_in_time(&self, rows: &[Tensor], left: Duration) -> Result<(), CallError> {
        if left.is_zero() {
            return Err(CallError::timeout());
        }
        let cost = rows.iter().map(n_elements_of).sum();
        let needed = match &self.queue {
            Some(Queue::Rows(handle)) => handle.estimate(cost),
            _ => Duration::ZERO,
        };
        if needed <= left {
            return Ok(());
        }
        let message = "目前無法在期限內完成,請稍後再試或放寬期限。";
        let later = (needed - left).max(Duration::from_secs(1));
        Err(CallError::new(ErrorCode::Overloaded, message).retry_after(later))
    }

    /// Computes on inputs, row by row where the model takes rows.
    pub(super) async fn run(
        &self,
        inputs: Vec<Tensor>,
        deadline: Deadline,
    ) -> Result<Outputs, CallError> {
        match &self.queue {
            None => Err(overloaded()),
            Some(Queue::Rows(handle)) => {
                Ok(Outputs::OfRows(self.run_rows(handle, inputs, deadline).await?))
            }
            Some(Queue::Calls(handle)) => {
                let outputs = handle.run(inputs, deadline).await;
                let outputs = outputs.map_err(|error| refusal(&self.info.name, error))?;
                check_size(outputs.iter().map(n_elements_of).sum())?;
                Ok(Outputs::Whole(outputs))
            }
        }
    }

    /// The outputs of each row.
    async fn run_rows(
        &self,
        handle: &ModelHandle<Vec<Tensor>>,
        mut rows: Vec<Tensor>,
        deadline: Deadline,
    ) -> Result<Vec<Vec<Tensor>>, CallError> {
        let mut found: Vec<Vec<Tensor>> = Vec::with_capacity(rows.len());
        let mut n_elements = 0_usize;
        while !rows.is_empty() {
            let later = rows.split_off(rows.len().min(ROWS_AT_ONCE));
            let outputs = handle.run_all(std::mem::replace(&mut rows, later), deadline).await;
            let outputs = outputs.map_err(|error| refusal(&self.info.name, error))?;
            n_elements += outputs.iter().flatten().map(n_elements_of).sum::<usize>();
            check_size(n_elements)?;
            found.extend(outputs);
        }
        Ok(found)
    }
}

/// What a model gave, before it is put together.
pub(super) enum Outputs {
    OfRows(Vec<Vec<Tensor>>),
    Whole(Vec<Tensor>),
}

impl Outputs {
    pub(super) fn n_elements(&self) -> usize {
        match self {
            Outputs::OfRows(rows) => rows.iter().flatten().map(n_elements_of).sum(),
            Outputs::Whole(outputs) => outputs.iter().map(n_elements_of).sum(),
        }
    }

    pub(super) fn whole(self) -> Result<Vec<Tensor>, CallError> {
        match self {
            Outputs::OfRows(rows) => stacked(rows),
            Outputs::Whole(outputs) => Ok(outputs),
        }
    }
}

fn refusal(name: &str, error: RunError) -> CallError {
    match error {
        RunError::Expired => CallError::timeout(),
        RunError::Busy => overloaded(),
        RunError::Closed => CallError::new(ErrorCode::Unavailable, "模型正在卸載,請稍後再試。"),
        RunError::Engine(reason) => {
            tracing::warn!(model = name, %reason, "a model could not compute on tensors");
            let message = "模型無法計算這個形狀或內容的輸入,請核對 GET /v2/models/{name} 的說明。";
            CallError::new(ErrorCode::ContentRefused, message)
        }
        RunError::Panicked => failed(name, &error),
    }
}
