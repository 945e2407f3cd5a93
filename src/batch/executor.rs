//! Runs batches on one copy of a model and answers every row of them, whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use crate::batch::queue::{Batch, Queue};
use crate::batch::state::{Ending, Run, Shared};
use crate::batch::{RowOutput, RunError, leaving, stack};
use crate::engine::{EngineError, TensorModel, Wanted};
use crate::tensor::{ShapeError, Tensor, View};

/// Makes a row's result out of its output.
pub(crate) type Reduce<R> = dyn Fn(RowOutput<'_>) -> R + Send + Sync;

/// One copy of a model, and what becomes of its outputs.
pub(crate) struct Executor<R> {
    pub(crate) model: Box<dyn TensorModel>,
    pub(crate) reduce: Arc<Reduce<R>>,
    pub(crate) shared: Arc<Shared>,
}

/// Warms up, then runs batches until the queue ends. The executor is locked for as long as it runs one.
pub(crate) fn serve<R>(
    executor: &Mutex<Executor<R>>,
    queue: &Mutex<Queue<R>>,
    probe: Option<Tensor>,
) {
    let lock = || executor.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(probe) = probe {
        // A failure shows again in the first health check.
        let _ = lock().run_one(probe, &Wanted::default());
    }
    // It looks after the queue until there is a batch. Other free executors wait for the queue's lock meanwhile.
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    while let Some(mut batch) = next() {
        let leaving = leaving::watch(batch.iter_mut().map(|it| &mut it.reply));
        lock().run_batch(batch, &leaving.wanted);
    }
}

impl<R> Executor<R> {
    /// Answers every row, unless it is not `wanted` any more.
    pub(crate) fn run_batch(&mut self, mut batch: Batch<R>, wanted: &Wanted) {
        if 1 < batch.len() {
            let rows: Vec<&Tensor> = batch.iter().map(|it| &it.row).collect();
            let lens: Vec<usize> = batch.iter().map(|it| stack::len(&it.row)).collect();
            let real_cost = rows.iter().map(|it| stack::cost(it)).sum();
            if let Ok(results) = self.run_input((stack::stack(&rows), real_cost), &lens, wanted) {
                for (entry, result) in batch.into_iter().zip(results) {
                    // The caller may have left meanwhile.
                    let _ = entry.reply.send(Ok(result));
                }
                return;
            }
            // One bad row must not cost the others their results: each has a run of its own.
            batch.retain(|it| !it.reply.is_closed());
            batch.iter().for_each(|_| self.shared.count_retried());
        }
        for entry in batch {
            let result = if entry.deadline <= self.shared.clock.now() {
                Err(RunError::Expired)
            } else {
                self.run_one(entry.row, wanted)
            };
            let _ = entry.reply.send(result);
        }
    }

    fn run_one(&mut self, row: Tensor, wanted: &Wanted) -> Result<R, RunError> {
        let (len, cost) = (stack::len(&row), stack::cost(&row));
        let mut results = self.run_input((stack::single(row), cost), &[len], wanted)?;
        results.pop().ok_or_else(wrong_rows)
    }

    /// Runs the model once; a result for each row, in order, or an error.
    fn run_input(
        &mut self,
        (input, real_cost): (Result<Tensor, ShapeError>, usize),
        lens: &[usize],
        wanted: &Wanted,
    ) -> Result<Vec<R>, RunError> {
        let input = input.map_err(|err| EngineError::BadInput(err.to_string()))?;
        let run = Run { n_rows: lens.len(), real_cost, padded_cost: stack::cost(&input) };
        let padded_len = stack::len(&input);
        let mut results = Vec::with_capacity(lens.len());
        let mut visit = |outputs: &[View<'_>]| {
            if outputs.iter().any(|it| it.shape().first() != Some(&lens.len())) {
                return;
            }
            for (row_idx, &input_len) in lens.iter().enumerate() {
                let views: Vec<View<'_>> =
                    outputs.iter().filter_map(|it| it.row(row_idx)).collect();
                if let Some(&view) = views.first() {
                    let output = RowOutput { view, views: &views, input_len, padded_len };
                    results.push((self.reduce)(output));
                }
            }
        };
        self.shared.begin(&run);
        let started = self.shared.clock.now();
        let model = &mut self.model;
        let outcome =
            catch_unwind(AssertUnwindSafe(|| model.run_while(&[input], wanted, &mut visit)));
        let result = match outcome {
            Ok(Ok(())) if results.len() == lens.len() => Ok(results),
            Ok(Ok(())) => Err(wrong_rows()),
            Ok(Err(err)) => Err(RunError::Engine(err)),
            Err(_) => Err(RunError::Panicked),
        };
        let ending = match &result {
            Ok(_) => Ending::Success,
            Err(RunError::Panicked) => Ending::Panic,
            Err(RunError::Engine(EngineError::Unwanted)) => Ending::GivenUp,
            Err(_) => Ending::Failure,
        };
        self.shared.end(&run, started, ending);
        result
    }
}

fn wrong_rows() -> RunError {
    RunError::Engine(EngineError::Failed("the output has not one entry for each row".to_owned()))
}
