//! Who is registered, for operators: grants and the ids of keys, never a hash.

use std::time::Duration;

use crate::store::StoreError;

use super::Gate;

/// A registered client, as operators see it. Times are since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Identifies it.
    pub id: String,
    /// Code of its agency.
    pub org: String,
    /// Units below which it may see rows, by line; the whole agency when empty.
    pub units: String,
    /// Names of its scopes, between spaces.
    pub scopes: String,
    /// Codes of its purposes, between spaces.
    pub purposes: String,
    /// When of a day it may call; always when none.
    pub hours: Option<String>,
    /// Where it may call from, between spaces; from everywhere when empty.
    pub networks: String,
    /// When it ends.
    pub expires: Option<Duration>,
    /// Its name at the exchange.
    pub partner: Option<String>,
    /// Whether it may call.
    pub is_active: bool,
    /// Who approved it.
    pub approver: String,
    /// About when it last called.
    pub used: Duration,
    /// Its keys: the part that is no secret, when it was made, whether it is for demonstrations.
    pub keys: Vec<(String, Duration, bool)>,
}

impl Gate {
    /// Every client, by its id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn registrations(&self) -> Result<Vec<Registration>, StoreError> {
        let (clients, keys) = (self.store.clients().await?, self.store.client_keys().await?);
        let mut found = Vec::with_capacity(clients.len());
        for row in clients {
            let own = keys.iter().filter(|it| it.client == row.id);
            found.push(Registration {
                keys: own.map(|it| (it.id.clone(), it.created, it.is_demo)).collect(),
                id: row.id,
                org: row.org,
                units: row.units,
                scopes: row.scopes,
                purposes: row.purposes,
                hours: row.hours,
                networks: row.networks,
                expires: row.expires,
                partner: row.partner,
                is_active: row.is_active,
                approver: row.approver,
                used: row.used,
            });
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }
}
