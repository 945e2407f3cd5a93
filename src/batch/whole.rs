//! Whole calls, one after another on the copies of a model: for models that take several inputs, or that show no row for
//! each row of their input, such as those with a state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

use crate::base::priority::yield_to_calls;
use crate::base::{Clock, Deadline};
use crate::engine::{TensorModel, Wanted};
use crate::tensor::{Tensor, View};

use super::{RunError, SpawnError, leaving};

/// Calls that may wait for a copy.
const WAITING: usize = 8;

type Reply = oneshot::Sender<Result<Vec<Tensor>, RunError>>;

struct Call {
    inputs: Vec<Tensor>,
    deadline: Deadline,
    reply: Reply,
}

/// A model that runs whole calls on its own threads.
///
/// Dropping it stops the threads and waits for the calls in flight.
pub struct CallHandle {
    calls: Option<SyncSender<Call>>,
    threads: Vec<JoinHandle<()>>,
}

impl CallHandle {
    /// Starts one thread for each of `models`, which must be copies of one model.
    ///
    /// # Errors
    /// When there is none, or a thread cannot be started.
    pub fn spawn(
        models: Vec<Box<dyn TensorModel>>,
        name: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<CallHandle, SpawnError> {
        if models.is_empty() {
            return Err(SpawnError::NoModel);
        }
        let (calls, inbox) = sync_channel(WAITING);
        let inbox = Arc::new(Mutex::new(inbox));
        let spawn = |(idx, model): (usize, Box<dyn TensorModel>)| {
            let (inbox, clock) = (Arc::clone(&inbox), Arc::clone(clock));
            Builder::new().name(format!("{name}-{idx}")).spawn(move || {
                yield_to_calls();
                serve(model, &inbox, clock.as_ref());
            })
        };
        let threads = models.into_iter().enumerate().map(spawn).collect::<Result<_, _>>()?;
        Ok(CallHandle { calls: Some(calls), threads })
    }

    /// All outputs for `inputs`, in the order of the model.
    ///
    /// # Errors
    /// When too many calls wait, the deadline passed before it ran, or the model failed.
    pub async fn run(
        &self,
        inputs: Vec<Tensor>,
        deadline: Deadline,
    ) -> Result<Vec<Tensor>, RunError> {
        let (reply, answer) = oneshot::channel();
        let calls = self.calls.as_ref().ok_or(RunError::Closed)?;
        calls.try_send(Call { inputs, deadline, reply }).map_err(|error| match error {
            TrySendError::Full(_) => RunError::Busy,
            TrySendError::Disconnected(_) => RunError::Closed,
        })?;
        answer.await.map_err(|_| RunError::Closed)?
    }
}

impl Drop for CallHandle {
    fn drop(&mut self) {
        self.calls = None;
        for thread in self.threads.drain(..) {
            // A panic of the model does not end its thread.
            let _ = thread.join();
        }
    }
}

fn serve(mut model: Box<dyn TensorModel>, inbox: &Mutex<Receiver<Call>>, clock: &dyn Clock) {
    loop {
        let call = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Call { inputs, deadline, mut reply }) = call else { return };
        if reply.is_closed() {
            continue;
        }
        let is_late = deadline <= clock.now();
        let leaving = leaving::watch([&mut reply].into_iter());
        let result = if is_late {
            Err(RunError::Expired)
        } else {
            run(model.as_mut(), &inputs, &leaving.wanted)
        };
        // The caller may have left meanwhile.
        let _ = reply.send(result);
    }
}

fn run(
    model: &mut dyn TensorModel,
    inputs: &[Tensor],
    wanted: &Wanted,
) -> Result<Vec<Tensor>, RunError> {
    let mut outputs = Vec::new();
    // A view's shape fits its elements.
    let owned = |it: &View<'_>| Tensor::f32(it.shape(), it.data().to_vec()).ok();
    let mut visit = |views: &[View<'_>]| outputs = views.iter().filter_map(owned).collect();
    let outcome = catch_unwind(AssertUnwindSafe(|| model.run_while(inputs, wanted, &mut visit)));
    outcome.map_err(|_| RunError::Panicked)??;
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::base::SystemClock;
    use crate::engine::fake::FakeModel;

    fn handle(model: FakeModel) -> CallHandle {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        CallHandle::spawn(vec![Box::new(model)], "fake", &clock).unwrap()
    }

    fn number(value: f32) -> Vec<Tensor> {
        vec![Tensor::f32([1], vec![value]).unwrap()]
    }

    fn soon() -> Deadline {
        SystemClock.now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn a_call_is_answered_whole_or_with_its_failure() {
        assert_eq!(handle(FakeModel::identity()).run(number(2.0), soon()).await, Ok(number(2.0)));
        let failed = handle(FakeModel::failing()).run(number(2.0), soon()).await;
        assert!(matches!(failed, Err(RunError::Engine(_))), "{failed:?}");
        let panicking = handle(FakeModel::panicking());
        for _ in 0..2 {
            assert_eq!(panicking.run(number(2.0), soon()).await, Err(RunError::Panicked));
        }
        let late = handle(FakeModel::identity()).run(number(2.0), SystemClock.now()).await;
        assert_eq!(late, Err(RunError::Expired));
    }

    #[tokio::test]
    async fn calls_beyond_those_that_may_wait_are_refused() {
        let (gate, opening) = channel();
        let handle = handle(FakeModel::gated(opening, FakeModel::identity()));
        let mut calls: Vec<_> =
            (0..2 * WAITING).map(|_| Box::pin(handle.run(number(1.0), soon()))).collect();
        let polled: Vec<_> = calls.iter_mut().map(futures_util::FutureExt::now_or_never).collect();
        let n_refused = polled.iter().filter(|it| **it == Some(Err(RunError::Busy))).count();
        // The one that runs may have left its place or not.
        assert!([WAITING - 1, WAITING].contains(&n_refused), "{n_refused}");
        drop(gate);
    }
}
