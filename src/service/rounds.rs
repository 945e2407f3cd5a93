//! What is queued and sent in rounds, again and again, until somebody says to stop: webhooks and messages.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use crate::base::Clock;
use crate::bus::{CloudEvent, Handler, Outcome};
use crate::store::StoreError;

/// Between two looks at what is due.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a round goes on after the word to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Queues what an event asks for; an event for which that fails comes again. `what` is queued, for the log.
pub(super) fn queueing<F>(
    what: &'static str,
    queue: impl Fn(Arc<CloudEvent>) -> F + Send + Sync + 'static,
) -> Handler
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    Arc::new(move |delivery| {
        let queued = queue(delivery.event);
        async move {
            match queued.await {
                Ok(()) => Outcome::Ack,
                Err(error) => {
                    tracing::error!(%error, what, "failed to queue what an event asks for");
                    Outcome::Retry(PAUSE)
                }
            }
        }
        .boxed()
    })
}

/// Makes rounds until told to stop: the next one at once where there was something to do, after a pause otherwise. A round
/// tells how much was due; the one that is being made when the word comes may still end.
pub(super) async fn until_stopped<F>(
    (mut stopped, clock): (watch::Receiver<bool>, &dyn Clock),
    what: &'static str,
    mut round: impl FnMut() -> F,
) where
    F: Future<Output = Result<usize, StoreError>>,
{
    while !*stopped.borrow() {
        let made = tokio::select! {
            made = round() => made,
            // What is cut is sent again by the next process, under the same id.
            () = told_to_stop(stopped.clone(), clock) => return,
        };
        match made {
            Ok(1..) => continue,
            Ok(0) => (),
            Err(error) => tracing::error!(%error, what, "a round failed"),
        }
        // Ends by the timeout, or because somebody says so; an error means that nobody is left who could.
        let stop = stopped.wait_for(|it| *it);
        if let Ok(Err(_)) = tokio::time::timeout(PAUSE, stop).await {
            return;
        }
    }
}

/// Works on all that is due, so many at one time. Returns how many there were; of several failures the first.
pub(super) async fn work_off<T, F>(
    due: Vec<T>,
    at_once: usize,
    work: impl FnMut(T) -> F,
) -> Result<usize, StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let n_due = due.len();
    let mut worked = futures_util::stream::iter(due).map(work).buffer_unordered(at_once);
    let mut result = Ok(n_due);
    while let Some(one) = worked.next().await {
        result = result.and_then(|n_due| one.map(|()| n_due));
    }
    result
}

/// Resolves a while after somebody says so.
async fn told_to_stop(mut stopped: watch::Receiver<bool>, clock: &dyn Clock) {
    // An error means that nobody is left who could: the same as if it had been said.
    let _ = stopped.wait_for(|it| *it).await;
    clock.wait(GRACE).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::base::SystemClock;

    #[tokio::test]
    async fn rounds_are_made_until_somebody_says_to_stop() {
        let (stop, stopped) = watch::channel(false);
        let made = AtomicUsize::new(0);
        // Something is due twice; then a round fails, while somebody says to stop.
        let round = || {
            let n = made.fetch_add(1, Ordering::Relaxed);
            if n == 2 {
                stop.send_replace(true);
            }
            std::future::ready(if n < 2 { Ok(3) } else { Err(StoreError::Closed) })
        };
        until_stopped((stopped.clone(), &SystemClock), "things", round).await;
        assert_eq!(made.load(Ordering::Relaxed), 3);
        until_stopped((stopped, &SystemClock), "things", round).await;
        assert_eq!(made.load(Ordering::Relaxed), 3, "it was said before");
    }

    #[tokio::test]
    async fn all_that_is_due_is_worked_on_although_some_of_it_fails() {
        let worked = AtomicUsize::new(0);
        let work = |it: usize| {
            worked.fetch_add(1, Ordering::Relaxed);
            std::future::ready(if it == 2 { Err(StoreError::Closed) } else { Ok(()) })
        };
        assert_eq!(work_off(vec![1, 3, 4], 2, work).await.unwrap(), 3);
        assert!(work_off(vec![1, 2, 3, 4], 2, work).await.is_err());
        assert_eq!(worked.load(Ordering::Relaxed), 7);
    }
}
