//! A registered client and the conditions under which it may call.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Network;
use crate::policy::{Denial, Purposes, Scopes};
use crate::store::clients::{ClientKey, ClientRow};

use super::member::Member;

const DAY_MINUTES: u64 = 24 * 60;

/// Taiwan is eight hours ahead of UTC, and has no summer time.
const OFFSET_MINUTES: u64 = 8 * 60;

/// A part of each day, by the clock of Taiwan; it may pass midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u64,
    until: u64,
}

impl Hours {
    /// Reads `08:00-18:00`: minutes from the first to before the second.
    pub fn parse(text: &str) -> Option<Hours> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let is_two = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit());
            if !is_two(hour) || !is_two(minute) {
                return None;
            }
            let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
            (minute < 60 && hour * 60 + minute <= DAY_MINUTES).then_some(hour * 60 + minute)
        };
        let (from, until) = text.split_once('-')?;
        let hours = Hours { from: minute(from)?, until: minute(until)? };
        (hours.from != hours.until).then_some(hours)
    }

    fn has(self, now: Duration) -> bool {
        let minute = (now.as_secs() / 60 + OFFSET_MINUTES) % DAY_MINUTES;
        if self.from < self.until {
            (self.from..self.until).contains(&minute)
        } else {
            self.from <= minute || minute < self.until
        }
    }
}

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

    /// The client of this name at the exchange.
    pub(super) fn partner(&self, name: &Member) -> Option<&Arc<Client>> {
        self.clients.values().find(|it| it.partner.as_ref() == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hours: &str, utc: (u64, u64), expected: Option<bool>) {
        let now = Duration::from_secs(60 * (60 * utc.0 + utc.1));
        assert_eq!(Hours::parse(hours).map(|it| it.has(now)), expected, "{hours} {utc:?}");
    }

    #[test]
    fn hours_are_those_of_taiwan() {
        check("08:00-18:00", (0, 0), Some(true));
        check("08:00-18:00", (9, 59), Some(true));
        check("08:00-18:00", (10, 0), Some(false));
        check("08:00-18:00", (23, 59), Some(false));
        check("22:00-06:00", (15, 0), Some(true));
        check("22:00-06:00", (22, 0), Some(false));
        check("00:00-24:00", (3, 0), Some(true));
        for bad in
            ["", "8:00-18:00", "08:00", "08:00-25:00", "08:60-09:00", "08:00-08:00", "+8:00-18:00"]
        {
            check(bad, (0, 0), None);
        }
    }
}
