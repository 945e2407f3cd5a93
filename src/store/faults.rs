//! Failures to inject between a caller and the store: for tests that own every step.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::StoreError;
use super::engine::{Engine, Kind, Tx, Work};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It happens and is answered.
    Happens,
    /// It never happens; the caller hears that the answer was lost.
    IsLost,
    /// It happens, but the caller hears that the answer was lost.
    AnswerIsLost,
}

/// Holds calls until a test decides what becomes of them.
pub trait Faults: Send + Sync {
    /// Takes a call over.
    fn hold(&self, call: Call);
}

/// A call on its way to the store.
pub struct Call(Box<dyn FnOnce(Fate) + Send>);

impl Call {
    /// Decides what becomes of it.
    pub fn settle(self, fate: Fate) {
        (self.0)(fate);
    }
}

/// Hands a piece of work to `faults` instead of the engine.
pub(super) fn submit(
    faults: &dyn Faults,
    engine: &Arc<dyn Engine>,
    work: Box<dyn Work>,
    kind: Kind,
) {
    let engine = Arc::clone(engine);
    faults.hold(Call(Box::new(move |fate| match fate {
        Fate::Happens => engine.submit(work, kind),
        Fate::IsLost => work.answer(Err(StoreError::Closed)),
        Fate::AnswerIsLost => engine.submit(Box::new(Unheard(work)), kind),
    })));
}

/// Work whose answer is lost.
struct Unheard(Box<dyn Work>);

impl Work for Unheard {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Tx) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.run(tx)
    }

    fn answer(self: Box<Self>, _: Result<(), StoreError>) {
        self.0.answer(Err(StoreError::Closed));
    }
}
