//! The alarm before a listener's certificate expires: a metric, and a line in the log once a day.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::listen::Listener;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// How near the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// More than 30 days away.
    Far,
    /// Within 30 days: time to order another one.
    Month,
    /// Within 7 days.
    Week,
    /// No client accepts it any longer.
    Over,
}

impl Nearness {
    /// Of a certificate that is valid until `expires`, at `now`; both since 1970-01-01T00:00:00Z.
    pub fn of(expires: Duration, now: Duration) -> Nearness {
        let Some(left) = expires.checked_sub(now) else { return Nearness::Over };
        match left.as_secs() / DAY {
            0..7 => Nearness::Week,
            7..30 => Nearness::Month,
            _ => Nearness::Far,
        }
    }
}

/// What was told of each listener, and on which day.
#[derive(Default)]
pub(super) struct Alarm {
    told: BTreeMap<SocketAddr, (Nearness, u64)>,
}

impl Alarm {
    /// Sets the metric of every encrypted listener, and writes to the log what is near and was not told today.
    pub(super) fn look(&mut self, listeners: &[Listener], now: Duration) {
        for listener in listeners {
            let expires = listener.tls.as_ref().and_then(|it| it.expires());
            let (Some(expires), Ok(address)) = (expires, listener.tcp.local_addr()) else {
                continue;
            };
            metrics::gauge!("fenwen_certificate_expiry_seconds", "listener" => address.to_string())
                .set(expires.as_secs_f64());
            let nearness = Nearness::of(expires, now);
            if !self.is_news(address, nearness, now) {
                continue;
            }
            let days = expires.saturating_sub(now).as_secs() / DAY;
            match nearness {
                Nearness::Far => (),
                Nearness::Month => {
                    tracing::warn!(%address, days, "a certificate expires within 30 days");
                }
                Nearness::Week => {
                    tracing::error!(%address, days, "a certificate expires within 7 days");
                }
                Nearness::Over => tracing::error!(%address, "a certificate has expired"),
            }
        }
    }

    fn is_news(&mut self, address: SocketAddr, nearness: Nearness, now: Duration) -> bool {
        let today = (nearness, now.as_secs() / DAY);
        self.told.insert(address, today) != Some(today) && nearness != Nearness::Far
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_795_402_800);

    #[test]
    fn a_month_and_a_week_before_are_told() {
        for (left, expected) in [
            (30 * DAY, Nearness::Far),
            (30 * DAY - 1, Nearness::Month),
            (7 * DAY, Nearness::Month),
            (7 * DAY - 1, Nearness::Week),
            (0, Nearness::Week),
        ] {
            assert_eq!(Nearness::of(NOW + Duration::from_secs(left), NOW), expected, "{left}");
        }
        assert_eq!(Nearness::of(NOW - Duration::from_secs(1), NOW), Nearness::Over);
    }

    #[test]
    fn each_nearness_is_told_once_a_day() {
        let mut alarm = Alarm::default();
        let address: SocketAddr = ([127, 0, 0, 1], 8443).into();
        let day = Duration::from_secs(DAY);
        for (nearness, now, expected) in [
            (Nearness::Far, NOW, false),
            (Nearness::Month, NOW, true),
            (Nearness::Month, NOW + Duration::from_secs(5), false),
            (Nearness::Month, NOW + day, true),
            (Nearness::Week, NOW + day, true),
            (Nearness::Far, NOW + day, false),
        ] {
            assert_eq!(alarm.is_news(address, nearness, now), expected, "{nearness:?} {now:?}");
        }
        let other: SocketAddr = ([127, 0, 0, 1], 8444).into();
        assert!(alarm.is_news(other, Nearness::Month, NOW), "each listener by itself");
    }
}
