//! The one purge: rounds over every class of data, until nothing is left that has expired and is not held.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Clock;
use crate::store::Store;
use crate::store::blobs::Blobs;

pub use crate::store::{Hold, HoldKind, Keep, Purged, StoreError};

/// Erases what has expired. A round may be cut at any point: the next one goes on.
pub struct Purge {
    store: Store,
    blobs: Blobs,
    clock: Arc<dyn Clock>,
    keep: Keep,
}

impl Purge {
    /// A purge of a store and the files of its blobs.
    pub fn new(store: Store, blobs: Blobs, clock: Arc<dyn Clock>, keep: Keep) -> Purge {
        Purge { store, blobs, clock, keep }
    }

    /// Erases some hundred rows of each class, and the files of destroyed blobs; nothing is left when the total is 0.
    ///
    /// # Errors
    /// When the database or a file fails; what was erased by then stays erased, and the next round goes on.
    pub async fn round(&self) -> Result<Purged, StoreError> {
        let purged = self.store.purge(self.clock.unix_time(), self.keep).await?;
        self.blobs.sweep().await?;
        Ok(purged)
    }

    /// Predictions that requests of subjects have erased since a time, also through other processes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erased_since(&self, since: Duration) -> Result<Vec<String>, StoreError> {
        self.store.erased_since(since).await
    }

    /// As [`Store::scrub`].
    ///
    /// # Errors
    /// When the database fails.
    pub fn scrub(&self) -> Result<(), StoreError> {
        self.store.scrub()
    }

    /// As [`Store::refresh_keys`].
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn refresh_keys(&self) -> Result<(), StoreError> {
        self.store.refresh_keys()
    }

    /// Now, since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> Duration {
        self.clock.unix_time()
    }
}
