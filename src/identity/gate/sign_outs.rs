//! Whose sessions ended, from node to node: the provider of logins tells only one of them.

use std::time::Duration;

use crate::store::{SignOut, StoreError};

use super::Gate;

impl Gate {
    /// Tells every other node that sessions were ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_sign_out(&self, ended: SignOut) -> Result<(), StoreError> {
        self.store.add_sign_out(ended).await
    }

    /// What was told since `from`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_outs(&self, from: Duration) -> Result<Vec<SignOut>, StoreError> {
        self.store.sign_outs(from).await
    }
}
