//! Whether anybody still waits for a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::engine::EngineError;

type Stop = Box<dyn Fn() + Send>;

/// Whether anybody still waits for what a run computes; until told otherwise somebody does.
#[derive(Default)]
pub struct Wanted {
    is_given_up: AtomicBool,
    /// Stops the run from outside.
    stop: Mutex<Option<Stop>>,
}

impl Wanted {
    /// Says that nobody waits any more. The run ends at its next step, if the runtime can stop there.
    pub fn give_up(&self) {
        self.is_given_up.store(true, Ordering::SeqCst);
        if let Some(stop) = self.stop.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            stop();
        }
    }

    /// What a model asks between its steps.
    ///
    /// # Errors
    /// [`EngineError::Unwanted`] when nobody waits any more.
    pub fn check(&self) -> Result<(), EngineError> {
        if self.is_given_up.load(Ordering::SeqCst) { Err(EngineError::Unwanted) } else { Ok(()) }
    }

    /// Does `work`, for runtimes that are stopped from another thread: there `stop` is called if the run is given up
    /// meanwhile, and here if it already is.
    pub fn stopped_by<T>(&self, stop: impl Fn() + Send + 'static, work: impl FnOnce() -> T) -> T {
        let own = || self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        *own() = Some(Box::new(stop));
        // Whoever gave up before did not find it.
        if self.check().is_err()
            && let Some(stop) = own().as_ref()
        {
            stop();
        }
        let done = work();
        *own() = None;
        done
    }
}
