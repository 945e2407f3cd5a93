//! Models whose cost is known: they sleep as long as they would compute.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fenwen::engine::{EngineError, Wanted};

/// What a model does with a batch; its rows come back as they went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// Nothing: what is measured is the server.
    Echo,
    /// 2 ms and 0.25 ms a row, at most 32 rows: a network that gains from company.
    Batch,
    /// 100 ms, at most 8 rows: 80 rows a second at best.
    Slow,
}

impl Work {
    /// Most rows of a batch.
    pub(super) fn max_rows(self) -> usize {
        match self {
            Work::Echo | Work::Batch => 32,
            Work::Slow => 8,
        }
    }

    fn cost(self, n_rows: usize) -> Duration {
        let rows = u32::try_from(n_rows).unwrap_or(u32::MAX);
        match self {
            Work::Echo => Duration::ZERO,
            Work::Batch => Duration::from_millis(2) + Duration::from_micros(250) * rows,
            Work::Slow => Duration::from_millis(100),
        }
    }
}

/// Steps of a batch: a network can be stopped after each layer.
const N_STEPS: u32 = 12;

/// A model at work, and the number of rows that it has computed to the end.
pub(super) struct Worker {
    work: Work,
    count: PathBuf,
    n_rows: u64,
    never: mpsc::Receiver<()>,
    _alive: mpsc::Sender<()>,
}

impl Worker {
    pub(super) fn new(work: Work, count: &Path) -> Worker {
        let (alive, never) = mpsc::channel();
        Worker { work, count: count.to_owned(), n_rows: 0, never, _alive: alive }
    }

    /// Computes a batch for as long as it is wanted. Counted where the model costs something: a file a batch is dearer
    /// than nothing.
    pub(super) fn compute(&mut self, n_rows: usize, wanted: &Wanted) -> Result<(), EngineError> {
        let cost = self.work.cost(n_rows);
        if cost.is_zero() {
            return Ok(());
        }
        let started = Instant::now();
        for step in 1..=N_STEPS {
            let end = started + cost * step / N_STEPS;
            // Nobody ever sends: it waits that long.
            let _ = self.never.recv_timeout(end.saturating_duration_since(Instant::now()));
            wanted.check()?;
        }
        self.n_rows += n_rows as u64;
        if let Err(error) = fs::write(&self.count, self.n_rows.to_string()) {
            tracing::warn!(%error, "the rows computed are not counted");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(work: Work, n_rows: usize, micros: u128) {
        assert_eq!(work.cost(n_rows).as_micros(), micros, "{work:?} {n_rows}");
    }

    #[test]
    fn cost_is_that_of_the_design() {
        check(Work::Echo, 32, 0);
        check(Work::Batch, 1, 2_250);
        check(Work::Batch, 32, 10_000);
        check(Work::Slow, 1, 100_000);
        check(Work::Slow, 8, 100_000);
    }

    #[test]
    fn computed_rows_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let mut worker = Worker::new(Work::Batch, &count);
        let wanted = Wanted::default();
        assert_eq!(worker.compute(3, &wanted), Ok(()));
        assert_eq!(worker.compute(2, &wanted), Ok(()));
        wanted.give_up();
        assert_eq!(worker.compute(4, &wanted), Err(EngineError::Unwanted));
        assert_eq!(fs::read_to_string(&count).unwrap(), "5");
    }
}
