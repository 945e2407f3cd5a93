//! Who may come in: a bounded number of calls, and a bounded number of pixels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::ErrorCode;
use crate::task::call::{CallError, Task};

use super::ServiceLimits;

/// Pixels that one permit of the memory budget stands for.
const PIXELS_PER_PERMIT: u64 = 4096;

/// The budgets. Everything taken from them comes back by `Drop`.
pub(super) struct Admission {
    calls: Arc<Semaphore>,
    max_calls: u32,
    texts: Arc<Semaphore>,
    max_texts: u32,
    memory: Arc<Semaphore>,
    max_memory: u32,
    load: Arc<Admitted>,
    max_pixels: u64,
    draining: AtomicBool,
    retry_after: Duration,
}

/// Pictures and pixels of calls that are being answered.
#[derive(Default)]
struct Admitted {
    pictures: AtomicUsize,
    pixels: AtomicU64,
}

/// A share of the pixel budget; dropped when the call is over.
pub(super) struct Weight {
    load: Arc<Admitted>,
    pictures: usize,
    pixels: u64,
    /// Pictures admitted before this call and not answered yet.
    pub(super) pictures_ahead: usize,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.load.pictures.fetch_sub(self.pictures, Ordering::Relaxed);
        self.load.pixels.fetch_sub(self.pixels, Ordering::Relaxed);
    }
}

impl Admission {
    pub(super) fn new(limits: &ServiceLimits) -> Admission {
        let max_memory = permits(limits.max_decoded_pixels);
        Admission {
            calls: Arc::new(Semaphore::new(limits.max_in_flight as usize)),
            max_calls: limits.max_in_flight,
            texts: Arc::new(Semaphore::new(limits.max_texts_in_flight as usize)),
            max_texts: limits.max_texts_in_flight,
            memory: Arc::new(Semaphore::new(max_memory as usize)),
            max_memory,
            load: Arc::default(),
            max_pixels: limits.max_admitted_pixels,
            draining: AtomicBool::new(false),
            retry_after: limits.retry_after,
        }
    }

    /// Takes one of the places for calls of the task's kind, or refuses at once.
    pub(super) fn enter(&self, task: Task) -> Result<OwnedSemaphorePermit, CallError> {
        if self.is_draining() {
            let message = "服務即將停機,請改送其他節點或稍後再試。";
            return Err(
                CallError::new(ErrorCode::Unavailable, message).retry_after(self.retry_after)
            );
        }
        let places = match task {
            Task::IdCard => &self.calls,
            Task::Letters
            | Task::Documents
            | Task::Answers
            | Task::Predictions
            | Task::Embeddings => &self.texts,
        };
        Arc::clone(places).try_acquire_owned().map_err(|_| self.overloaded())
    }

    /// Books the pixels of a call, or refuses at once. A call that comes alone is never refused.
    pub(super) fn weigh(&self, pictures: usize, pixels: u64) -> Result<Weight, CallError> {
        let pictures_ahead = self.load.pictures.fetch_add(pictures, Ordering::Relaxed);
        let pixels_ahead = self.load.pixels.fetch_add(pixels, Ordering::Relaxed);
        let weight = Weight { load: Arc::clone(&self.load), pictures, pixels, pictures_ahead };
        if 0 < pixels_ahead && self.max_pixels < pixels_ahead.saturating_add(pixels) {
            return Err(self.overloaded());
        }
        Ok(weight)
    }

    /// Waits, first come first served, for the memory of one decoded picture.
    pub(super) async fn memory(&self, pixels: u64) -> Result<OwnedSemaphorePermit, CallError> {
        let n_permits = permits(pixels).min(self.max_memory);
        let permit = Arc::clone(&self.memory).acquire_many_owned(n_permits).await;
        permit.map_err(|_| self.overloaded())
    }

    pub(super) fn overloaded(&self) -> CallError {
        CallError::new(ErrorCode::Overloaded, "目前請求過多,請稍後再試。")
            .retry_after(self.retry_after)
    }

    pub(super) fn begin_drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Resolves when no call is in.
    pub(super) async fn empty(&self) {
        // Taking every place waits for the last call to leave; an error would mean a closed semaphore, so: empty.
        drop(self.calls.acquire_many(self.max_calls).await);
        drop(self.texts.acquire_many(self.max_texts).await);
    }

    pub(super) fn n_calls(&self) -> usize {
        let n_free = self.calls.available_permits() + self.texts.available_permits();
        (self.max_calls as usize + self.max_texts as usize).saturating_sub(n_free)
    }

    pub(super) fn pixels(&self) -> u64 {
        self.load.pixels.load(Ordering::Relaxed)
    }
}

fn permits(pixels: u64) -> u32 {
    u32::try_from(pixels.div_ceil(PIXELS_PER_PERMIT)).unwrap_or(u32::MAX).clamp(1, 1 << 24)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn admission() -> Admission {
        Admission::new(&ServiceLimits {
            max_in_flight: 2,
            max_admitted_pixels: 100,
            ..ServiceLimits::default()
        })
    }

    fn check<T>(result: Result<T, CallError>, expected: Option<ErrorCode>) {
        assert_eq!(result.err().map(|it| it.code), expected);
    }

    #[test]
    fn places_are_counted_and_come_back() {
        let admission = admission();
        let first = admission.enter(Task::IdCard);
        let second = admission.enter(Task::IdCard);
        assert_eq!(admission.n_calls(), 2);
        check(admission.enter(Task::IdCard), Some(ErrorCode::Overloaded));
        drop(first);
        check(admission.enter(Task::IdCard), None);
        admission.begin_drain();
        check(admission.enter(Task::IdCard), Some(ErrorCode::Unavailable));
        check(second, None);
    }

    #[test]
    fn pixels_are_counted_and_come_back() {
        let admission = admission();
        let first = admission.weigh(1, 500);
        check(admission.weigh(1, 1), Some(ErrorCode::Overloaded));
        check(first, None);
        assert_eq!(admission.pixels(), 0);
        let first = admission.weigh(1, 60);
        assert_eq!(admission.weigh(2, 40).ok().map(|it| it.pictures_ahead), Some(1));
        check(first, None);
    }

    #[tokio::test]
    async fn memory_is_waited_for() {
        let admission = Admission::new(&ServiceLimits {
            max_decoded_pixels: PIXELS_PER_PERMIT,
            ..ServiceLimits::default()
        });
        let first = admission.memory(u64::MAX).await;
        let mut second = Box::pin(admission.memory(1));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        check(second.await, None);
    }
}
