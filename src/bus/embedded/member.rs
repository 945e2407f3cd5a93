//! A member of a durable: takes what is due, has it received, and says what became of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::Shared;
use super::state::{Next, Taken};
use crate::bus::message::{Delivery, Handle, Handler, Headers, Subscription, received};

/// Longest sleep when nothing is due; whatever changes wakes the member earlier.
const LONGEST_SLEEP: Duration = Duration::from_secs(60 * 60);

/// Starts the member's task.
pub(super) fn start(shared: &Arc<Shared>, subscription: Subscription) -> Handle {
    let (stop, stopped) = watch::channel(false);
    let member = Member {
        shared: Arc::clone(shared),
        durable: Arc::from(subscription.durable.as_str()),
        handler: subscription.handler,
        places: Arc::new(Semaphore::new(subscription.max_in_flight.max(1))),
        stopped,
        closing: shared.closing.subscribe(),
    };
    let task = tokio::spawn(member.run());
    Handle::of(task, move || _ = stop.send_replace(true))
}

struct Member {
    shared: Arc<Shared>,
    durable: Arc<str>,
    handler: Handler,
    places: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    closing: watch::Receiver<bool>,
}

impl Member {
    async fn run(mut self) {
        // Dropping the set ends every delivery: an aborted member leaves as a crashed one would.
        let mut running = JoinSet::new();
        let (mut stopped, mut closing) = (self.stopped.clone(), self.closing.clone());
        loop {
            let next = tokio::select! {
                biased;
                // An error means that the other side is gone: then this member ends, too.
                _ = stopped.wait_for(|it| *it) => None,
                _ = closing.wait_for(|it| *it) => None,
                next = self.next() => next,
            };
            let Some((taken, place)) = next else { break };
            running.spawn(deliver(Arc::clone(&self.shared), self.delivery(taken), place));
            while running.try_join_next().is_some() {}
        }
        while running.join_next().await.is_some() {}
    }

    /// Waits for a place and for something due. Nothing is taken when this future is dropped.
    async fn next(&mut self) -> Option<(Taken, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // From here on a change is not missed.
            changed.as_mut().enable();
            let now = self.shared.clock.now();
            let sleep = match self.shared.state().take(&self.durable, now) {
                Next::Due(taken) => return Some((taken, place)),
                Next::Sleep(sleep) => sleep,
            };
            // Ends by the timeout when something becomes due.
            let _ = tokio::time::timeout(sleep.unwrap_or(LONGEST_SLEEP), changed).await;
        }
    }

    fn delivery(&self, taken: Taken) -> (Arc<str>, Taken, Handler) {
        (Arc::clone(&self.durable), taken, Arc::clone(&self.handler))
    }
}

async fn deliver(
    shared: Arc<Shared>,
    (durable, taken, handler): (Arc<str>, Taken, Handler),
    place: OwnedSemaphorePermit,
) {
    // A bus that is closing takes nothing new: the event stays in the outbox.
    let Ok(_pass) = shared.gate.enter() else { return };
    let (seq, attempt) = (taken.seq, taken.attempt);
    let extend = {
        let (shared, durable) = (Arc::downgrade(&shared), Arc::clone(&durable));
        move || {
            if let Some(shared) = shared.upgrade() {
                let now = shared.clock.now();
                shared.state().extend(&durable, seq, attempt, now);
            }
            std::future::ready(()).boxed()
        }
    };
    let delivery = Delivery {
        subject: taken.subject,
        event: taken.event,
        headers: Headers::new(),
        attempt,
        progress: Arc::new(extend),
    };
    if let Some(outcome) = received(&handler, delivery).await {
        let now = shared.clock.now();
        shared.state().finish(&durable, seq, attempt, outcome, now);
    }
    drop(place);
    shared.changed.notify_waiters();
}
