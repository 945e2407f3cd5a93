//! Moments as text: RFC 3339 in UTC, to the millisecond.

use std::time::Duration;

use super::Date;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// `2026-11-23T02:31:07.412Z` of a time since 1970-01-01T00:00:00Z, for a caller that has a clock.
pub fn rfc3339(unix_time: Duration) -> String {
    let seconds = unix_time.as_secs();
    let date = Date::from_unix_days(u32::try_from(seconds / DAY).unwrap_or(u32::MAX));
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", unix_time.subsec_millis())
}

/// The time since 1970-01-01T00:00:00Z of a moment as [`rfc3339`] writes it; none for any other writing.
pub fn from_rfc3339(text: &str) -> Option<Duration> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, millis) = time.split_once('.')?;
    let days = u64::from(Date::parse_iso(date)?.unix_days());
    let mut fields = clock.split(':').map(|it| it.parse::<u64>().ok());
    let seconds = fields.try_fold(0_u64, |all, it| all.checked_mul(60)?.checked_add(it?))?;
    let seconds = (days * DAY).checked_add(seconds)?;
    let moment =
        Duration::from_secs(seconds).checked_add(Duration::from_millis(millis.parse().ok()?))?;
    (rfc3339(moment) == text).then_some(moment)
}

/// Whether `text` is a moment by RFC 3339: a real day, a time, an offset.
pub fn is_rfc3339(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't']) else { return false };
    let Some(zone_at) = time.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, zone) = time.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|it| it.is_ascii_digit());
    let is_zone = zone.eq_ignore_ascii_case("z")
        || fields(zone.get(1..).unwrap_or_default(), &[23, 59]).is_some();
    Date::parse_iso(date).is_some()
        && fields(clock, &[23, 59, 60]).is_some()
        && is_fraction
        && is_zone
}

/// Two-digit fields between colons, none above its largest value.
fn fields(text: &str, largest: &[u8]) -> Option<()> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_field = |(part, &most): (&&str, &u8)| {
        let is_number = part.len() == 2 && part.bytes().all(|it| it.is_ascii_digit());
        is_number && part.parse::<u8>().is_ok_and(|it| it <= most)
    };
    (parts.len() == largest.len() && parts.iter().zip(largest).all(is_field)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written() {
        assert_eq!(rfc3339(Duration::ZERO), "1970-01-01T00:00:00.000Z");
        let moment = Duration::from_millis(1_795_401_067_412);
        assert_eq!(rfc3339(moment), "2026-11-23T02:31:07.412Z");
        assert_eq!(from_rfc3339("2026-11-23T02:31:07.412Z"), Some(moment));
        for other in
            ["2026-11-23T02:31:07Z", "2026-11-23T2:31:07.412Z", "2026-11-23T02:31:60.000Z", "x"]
        {
            assert_eq!(from_rfc3339(other), None, "{other}");
        }
    }

    fn check(text: &str, expected: bool) {
        assert_eq!(is_rfc3339(text), expected, "{text}");
    }

    #[test]
    fn moments_are_recognised() {
        check("2018-04-05T17:31:00Z", true);
        check("2026-11-23T02:31:07.412+08:00", true);
        check("2016-12-31t23:59:60z", true);
        check("2018-04-05", false);
        check("2018-04-05 17:31:00Z", false);
        check("2018-04-05T17:31:00", false);
        check("2018-04-05T17:31:00.Z", false);
        check("2018-04-05T24:00:00Z", false);
        check("2018-02-30T17:31:00Z", false);
        check("2018-04-05T17:31Z", false);
        check("2018-04-05T17:31:00+8:00", false);
        check("C018-04-05T17:31:00Z", false);
    }
}
