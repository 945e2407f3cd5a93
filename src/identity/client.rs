//! A registered client and the conditions under which it may call.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Hours, Network};
use crate::policy::{Denial, Purposes, Scopes};
use crate::store::clients::{ClientKey, ClientRow};

use super::member::Member;

/// A registered client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) row: ClientRow,
    pub(super) scopes: Scopes,
    pub(super) purposes: Purposes,
    pub(super) unit_paths: Vec<String>,
    hours: Option<Hours>,
    networks: Vec<Network>,
    partner: Option<Member>,
}

impl Client {
    /// `None` when a condition cannot be read: it must not be taken for none.
    pub(super) fn of(row: ClientRow) -> Option<Client> {
        let hours = row.hours.as_deref().map(|it| Hours::parse(it).ok_or(())).transpose();
        let partner = row.partner.as_deref().map(|it| Member::parse(it).ok_or(())).transpose();
        let networks = row.networks.split_ascii_whitespace().map(str::parse).collect();
        Some(Client {
            scopes: Scopes::of_known(&row.scopes),
            purposes: Purposes::Among(
                row.purposes.split_ascii_whitespace().map(str::to_owned).collect(),
            ),
            unit_paths: row.units.lines().map(str::to_owned).collect(),
            hours: hours.ok()?,
            networks: Result::ok(networks)?,
            partner: partner.ok()?,
            row,
        })
    }

    /// Whether it may call now, from there, with that certificate.
    pub(super) fn check(
        &self,
        now: Duration,
        idle: Duration,
        from: (Option<IpAddr>, Option<&[u8]>),
    ) -> Result<(), Denial> {
        let has_lapsed = self.row.expires.is_some_and(|it| it <= now);
        if !self.row.is_active || has_lapsed || self.row.used + idle <= now {
            return Err(Denial::Suspended);
        }
        if self.row.certificate.is_some() && self.row.certificate.as_deref() != from.1 {
            return Err(Denial::BadCredential);
        }
        let is_near = |it: IpAddr| self.networks.iter().any(|network| network.has(it));
        if !self.networks.is_empty() && !from.0.is_some_and(is_near) {
            return Err(Denial::Network);
        }
        if self.hours.is_some_and(|it| !it.has(now)) { Err(Denial::Hours) } else { Ok(()) }
    }
}

/// Every client and key, as of some moment.
#[derive(Default)]
pub(super) struct Registered {
    clients: HashMap<String, Arc<Client>>,
    keys: HashMap<String, ClientKey>,
}

impl Registered {
    pub(super) fn of(clients: Vec<ClientRow>, keys: Vec<ClientKey>) -> Registered {
        let mut known = HashMap::new();
        for row in clients {
            let id = row.id.clone();
            match Client::of(row) {
                Some(client) => _ = known.insert(id, Arc::new(client)),
                None => tracing::error!(client = id, "a registration is unreadable: refused"),
            }
        }
        let keys = keys.into_iter().map(|it| (it.id.clone(), it)).collect();
        Registered { clients: known, keys }
    }

    pub(super) fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }

    pub(super) fn key(&self, id: &str) -> Option<&ClientKey> {
        self.keys.get(id)
    }

    /// The client of this name at the exchange; none where two have it, as some were let in by their spelling once: which of
    /// them calls is not known.
    pub(super) fn partner(&self, name: &Member) -> Option<&Arc<Client>> {
        let mut found = self.clients.values().filter(|it| it.partner.as_ref() == Some(name));
        let client = found.next()?;
        if let Some(other) = found.next() {
            let (one, other) = (&client.row.id, &other.row.id);
            tracing::error!(one, other, "two clients have one name at the exchange: refused");
            return None;
        }
        Some(client)
    }
}
