//! A door that counts who is inside, so that an ending can wait for the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::BusError;

/// More than ever run at one time.
const MAX_INSIDE: u32 = 1 << 20;

/// The door.
#[derive(Clone)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    closed: Arc<AtomicBool>,
}

/// Who holds it is inside.
pub(super) struct Pass {
    _place: OwnedSemaphorePermit,
}

impl Gate {
    pub(super) fn new() -> Gate {
        Gate {
            places: Arc::new(Semaphore::new(MAX_INSIDE as usize)),
            closed: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Lets one in, unless the door is closed.
    pub(super) fn enter(&self) -> Result<Pass, BusError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        // Closed is read after the place is taken: whoever closes first counts this one, or refuses it.
        if self.is_closed() {
            return Err(BusError::Closed);
        }
        place.map(|it| Pass { _place: it }).map_err(|_| BusError::Full("the bus".to_owned()))
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Resolves when nobody is inside.
    pub(super) async fn empty(&self) {
        // An error would mean a closed semaphore, which this one never is.
        drop(self.places.acquire_many(MAX_INSIDE).await);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_last_one_out_ends_the_wait() {
        let gate = Gate::new();
        let pass = gate.enter().ok().unwrap();
        gate.close();
        assert!(matches!(gate.enter(), Err(BusError::Closed)));
        let mut empty = Box::pin(gate.empty());
        assert!((&mut empty).now_or_never().is_none());
        drop(pass);
        empty.await;
    }
}
