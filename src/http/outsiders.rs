//! Connections that are closed before a request: the audit log tells of them, and nobody can flood it by coming again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::audit::{Actor, AuditEvent, Listener, Outcome, Row, Word};

/// How long after a row no other names the same address.
const PAUSE: Duration = Duration::from_secs(60);

/// Most addresses that are named within that time; connections from others are counted only.
const MAX_NAMED: usize = 64;

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It came from where none may come.
    Network,
    /// The client showed no certificate that counts, where one is required or one was shown.
    Certificate,
}

impl Why {
    /// Its name in records and metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Why::Network => "network",
            Why::Certificate => "certificate",
        }
    }
}

/// Who was turned away lately, for one reason.
pub(super) struct Outsiders {
    why: Why,
    named: HashMap<IpAddr, Duration>,
    /// Connections that no row counts yet, and the address of the last.
    untold: Option<(u64, IpAddr)>,
    told_at: Duration,
}

impl Outsiders {
    /// Nobody yet.
    pub(super) fn new(why: Why) -> Outsiders {
        Outsiders { why, named: HashMap::new(), untold: None, told_at: Duration::ZERO }
    }

    /// Whether they were turned away for that.
    pub(super) fn is_for(&self, why: Why) -> bool {
        self.why == why
    }

    /// Counts a connection that was closed. The row to write, if any: it counts those that no row counted before.
    pub(super) fn came(&mut self, address: IpAddr, now: Duration) -> Option<Row> {
        self.named.retain(|_, named_at| now.saturating_sub(*named_at) < PAUSE);
        self.untold = Some((self.untold.map_or(1, |(n, _)| n.saturating_add(1)), address));
        if self.named.contains_key(&address) || MAX_NAMED <= self.named.len() {
            return None;
        }
        self.tell(now)
    }

    /// The row for those that were counted only, once a while has passed since the last row.
    pub(super) fn overdue(&mut self, now: Duration) -> Option<Row> {
        if now.saturating_sub(self.told_at) < PAUSE { None } else { self.tell(now) }
    }

    fn tell(&mut self, now: Duration) -> Option<Row> {
        let (n_closed, address) = self.untold.take()?;
        self.named.insert(address, now);
        self.told_at = now;
        Some(Row {
            outcome: Some(Outcome::Denied),
            reason: Some(Word::of(self.why.as_str())),
            ip: Some(address),
            count: Some(n_closed),
            ..Row::new(
                AuditEvent::ConnectionRefused,
                Listener::Api,
                Actor::unknown(),
                Word::of("connect"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    /// Address and count of a row.
    fn told(row: Option<Row>) -> Option<(IpAddr, u64)> {
        row.map(|it| (it.ip.unwrap(), it.count.unwrap()))
    }

    #[test]
    fn who_comes_again_is_counted_and_told_later() {
        let mut outsiders = Outsiders::new(Why::Network);
        let at = |seconds: u64| Duration::from_secs(1_000_000 + seconds);
        assert_eq!(told(outsiders.came(address(1), at(0))), Some((address(1), 1)));
        for _ in 0..10 {
            assert_eq!(told(outsiders.came(address(1), at(1))), None);
        }
        assert_eq!(told(outsiders.overdue(at(59))), None);
        assert_eq!(told(outsiders.overdue(at(60))), Some((address(1), 10)));
        assert_eq!(told(outsiders.overdue(at(600))), None, "nobody came");
        assert_eq!(told(outsiders.came(address(2), at(601))), Some((address(2), 1)));
        assert_eq!(told(outsiders.came(address(1), at(601))), Some((address(1), 1)));
    }

    #[test]
    fn many_addresses_make_few_rows() {
        let mut outsiders = Outsiders::new(Why::Network);
        let now = Duration::from_secs(1_000_000);
        let rows: Vec<Row> = (0..10_000).filter_map(|n| outsiders.came(address(n), now)).collect();
        assert_eq!(rows.len(), MAX_NAMED);
        let left = outsiders.overdue(now + PAUSE).unwrap();
        let counted: u64 = rows.iter().chain([&left]).filter_map(|it| it.count).sum();
        assert_eq!(counted, 10_000, "each connection is counted once");
        assert!(outsiders.named.len() <= MAX_NAMED + 1);
        assert!(rows.iter().all(|it| it.reason == Some(Word::of("network"))));
    }
}
