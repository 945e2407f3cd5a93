//! Bells: rung once something is committed that somebody waits for. They may be missed, so everybody also looks now and then.
//!
//! Over PostgreSQL other processes hear them too, once this one listens: `postgres/bell.rs` carries them.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What a transaction rings for when it is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rung {
    /// The outbox was written.
    pub(super) told: bool,
    /// A job waits.
    pub(super) waits: bool,
}

/// The bells of a store.
#[derive(Default)]
pub struct Bells {
    told: Notify,
    told_elsewhere: Notify,
    waits_elsewhere: Notify,
    /// What other processes are still to hear.
    out: Notify,
    told_out: AtomicBool,
    waits_out: AtomicBool,
}

impl Bells {
    /// Resolves when this process has written the outbox, at once when it has since the last time. For one listener.
    pub async fn told(&self) {
        self.told.notified().await;
    }

    /// The same, whoever has written it.
    pub async fn told_anywhere(&self) {
        tokio::select! {
            () = self.told.notified() => {}
            () = self.told_elsewhere.notified() => {}
        }
    }

    /// Resolves when another process has left a job to whoever is free. For one listener.
    pub async fn job_elsewhere(&self) {
        self.waits_elsewhere.notified().await;
    }

    /// Rings here, and notes it for others.
    pub(super) fn ring(&self, rung: Rung) {
        if rung == Rung::default() {
            return;
        }
        if rung.told {
            self.told.notify_one();
        }
        self.told_out.fetch_or(rung.told, Ordering::SeqCst);
        self.waits_out.fetch_or(rung.waits, Ordering::SeqCst);
        self.out.notify_one();
    }

    /// Another process rang.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "only PostgreSQL carries it"))]
    pub(super) fn hear(&self, rung: Rung) {
        if rung.told {
            self.told_elsewhere.notify_one();
        }
        if rung.waits {
            self.waits_elsewhere.notify_one();
        }
    }

    /// Resolves when other processes are to hear something.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "only PostgreSQL carries it"))]
    pub(super) async fn out(&self) {
        self.out.notified().await;
    }

    /// Wakes whoever carries rings to others.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "only PostgreSQL carries it"))]
    pub(super) fn wake(&self) {
        self.out.notify_one();
    }

    /// What they are to hear; it is theirs from now on.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "only PostgreSQL carries it"))]
    pub(super) fn take(&self) -> Rung {
        let taken = |it: &AtomicBool| it.swap(false, Ordering::SeqCst);
        Rung { told: taken(&self.told_out), waits: taken(&self.waits_out) }
    }
}
