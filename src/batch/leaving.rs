//! Notices when everybody who waits for a run has left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use tokio::sync::oneshot;

use crate::engine::Wanted;

/// Those who wait for a run. Whoever leaves says so on a thread of its own: nobody has to look.
pub(super) struct Leaving {
    n_waiting: AtomicUsize,
    pub(super) wanted: Wanted,
}

impl Wake for Leaving {
    /// One has left.
    fn wake(self: Arc<Self>) {
        if self.n_waiting.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.wanted.give_up();
        }
    }
}

/// A run is wanted for as long as one of those who wait for `replies` is there.
///
/// Not from within a task: there the runtime may say that all of them have left.
pub(super) fn watch<'a, T: 'a>(
    replies: impl ExactSizeIterator<Item = &'a mut oneshot::Sender<T>>,
) -> Arc<Leaving> {
    let n_waiting = AtomicUsize::new(replies.len());
    let leaving = Arc::new(Leaving { n_waiting, wanted: Wanted::default() });
    let waker = Waker::from(Arc::clone(&leaving));
    let mut cx = Context::from_waker(&waker);
    for reply in replies {
        if reply.poll_closed(&mut cx).is_ready() {
            waker.wake_by_ref();
        }
    }
    leaving
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;

    #[test]
    fn a_run_is_wanted_until_the_last_has_left() {
        let (mut senders, mut receivers): (Vec<_>, Vec<_>) =
            (0..3).map(|_| oneshot::channel::<()>()).unzip();
        drop(receivers.pop());
        let leaving = watch(senders.iter_mut());
        let wanted = &leaving.wanted;
        for _ in 0..2 {
            assert_eq!(wanted.check(), Ok(()));
            drop(receivers.pop());
        }
        assert_eq!(wanted.check(), Err(EngineError::Unwanted));
        let none_is_left = watch(senders.iter_mut());
        assert_eq!(none_is_left.wanted.check(), Err(EngineError::Unwanted));
    }
}
