//! A recogniser that answers when the test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use fenwen::base::Deadline;
use fenwen::task::call::CallError;
use fenwen::task::idcard::{Health, IdImage, Load, ModelInfo, RecogniseId, Recognition};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::super::card;

/// Recognises every picture as the same card.
pub(crate) struct FakeRecogniser {
    /// One permit per picture that may be answered.
    pub(crate) gate: Semaphore,
    /// Pictures whose recognition has begun.
    pub(crate) begun: AtomicUsize,
    /// Pictures whose recognition was dropped before its end.
    pub(crate) dropped: AtomicUsize,
    /// What [`RecogniseId::estimate`] says per picture, in milliseconds.
    pub(crate) estimate_ms: AtomicU64,
    /// Width that makes recognition panic.
    panic_width: u32,
    document: fn() -> Recognition,
    this: std::sync::Weak<FakeRecogniser>,
}

/// Width of a picture that makes the fake panic.
pub(crate) const PANIC_WIDTH: u32 = 13;

impl FakeRecogniser {
    /// Answers at once.
    pub(crate) fn open() -> Arc<FakeRecogniser> {
        FakeRecogniser::reading(card::card)
    }

    /// Answers this at once.
    pub(crate) fn reading(document: fn() -> Recognition) -> Arc<FakeRecogniser> {
        FakeRecogniser::with_permits(Semaphore::MAX_PERMITS, document)
    }

    /// Answers only what the test adds permits for.
    pub(crate) fn gated() -> Arc<FakeRecogniser> {
        FakeRecogniser::with_permits(0, card::card)
    }

    fn with_permits(n_permits: usize, document: fn() -> Recognition) -> Arc<FakeRecogniser> {
        Arc::new_cyclic(|this| FakeRecogniser {
            gate: Semaphore::new(n_permits),
            begun: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            estimate_ms: AtomicU64::new(0),
            panic_width: PANIC_WIDTH,
            document,
            this: this.clone(),
        })
    }
}

/// Counts a recognition that was dropped before its end.
struct Ongoing(Arc<FakeRecogniser>, bool);

impl Drop for Ongoing {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl RecogniseId for FakeRecogniser {
    fn recognise(
        &self,
        image: IdImage,
        _: Deadline,
    ) -> BoxFuture<'static, Result<Recognition, CallError>> {
        let this = self.this.upgrade().unwrap();
        async move {
            this.begun.fetch_add(1, Ordering::SeqCst);
            let mut ongoing = Ongoing(Arc::clone(&this), false);
            assert_ne!(image.pixels.width, this.panic_width, "A123456789 in a panic message");
            this.gate.acquire().await.unwrap().forget();
            ongoing.1 = true;
            Ok((this.document)())
        }
        .boxed()
    }

    fn estimate(&self, load: Load) -> Duration {
        let ms = self.estimate_ms.load(Ordering::SeqCst);
        Duration::from_millis(ms * (load.pictures_ahead as u64 + 1))
    }

    fn health(&self) -> Health {
        Health::Ready
    }

    fn model(&self) -> ModelInfo {
        ModelInfo { name: "fake".into(), version: "1".into(), sha256: "0".repeat(64) }
    }
}
