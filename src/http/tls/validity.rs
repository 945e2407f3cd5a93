//! Until when a certificate is valid (X.509, RFC 5280, 4.1.2.5), read without a parser of all the rest.

use std::time::Duration;

use crate::base::Date;

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`, the version; certificates of version 1 have none.
const VERSION: u8 = 0xa0;

/// The last moment at which a certificate (DER) is valid, since 1970-01-01T00:00:00Z; none when it is no certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<Duration> {
    let (certificate, _) = value(certificate, SEQUENCE)?;
    let (body, _) = value(certificate, SEQUENCE)?;
    let rest = value(body, VERSION).map_or(body, |(_, rest)| rest);
    let (_, rest) = value(rest, INTEGER)?;
    // The algorithm and the issuer.
    let (_, rest) = value(rest, SEQUENCE)?;
    let (_, rest) = value(rest, SEQUENCE)?;
    let (validity, _) = value(rest, SEQUENCE)?;
    let (_, rest) = time(validity)?;
    Some(time(rest)?.0)
}

/// The content of the first value, which has this tag, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(first) {
        short @ 0..=0x7f => (short, rest),
        // A certificate is far below 16 MiB.
        long @ 0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(long - 0x80)?;
            (bytes.iter().fold(0, |sum, it| sum << 8 | usize::from(*it)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    (found == tag).then_some((content, rest))
}

/// A moment, in UTC and to the second as RFC 5280 wants it, and what follows it.
fn time(der: &[u8]) -> Option<(Duration, &[u8])> {
    let is_short = der.first() == Some(&UTC_TIME);
    let (text, rest) = value(der, if is_short { UTC_TIME } else { GENERALIZED_TIME })?;
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, digits) = digits.split_at_checked(if is_short { 2 } else { 4 })?;
    if digits.len() != 10 || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    // Two digits from 50 on are of the last century.
    let century = match is_short {
        true if "50" <= year => "19",
        true => "20",
        false => "",
    };
    let part = |at: usize| digits.get(at..at + 2);
    let date = Date::parse_iso(&format!("{century}{year}-{}-{}", part(0)?, part(2)?))?;
    let number = |at: usize| part(at)?.parse::<u64>().ok();
    let (hour, minute, second) = (number(4)?, number(6)?, number(8)?);
    if 23 < hour || 59 < minute || 59 < second {
        return None;
    }
    let seconds = 3600 * hour + 60 * minute + second;
    let days = u64::from(date.unix_days());
    Some((Duration::from_secs(24 * 3600 * days + seconds), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate of which only the head is there: serial 1, empty algorithm and issuer, these two times.
    fn head(version: &[u8], times: [(u8, &str); 2]) -> Vec<u8> {
        let tlv = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            [&[tag, 0x81, length][..], content].concat()
        };
        let times = times.map(|(tag, text)| tlv(tag, text.as_bytes())).concat();
        let empty = [SEQUENCE, 0];
        let serial = [INTEGER, 1, 1];
        let body =
            [version, &serial[..], &empty[..], &empty[..], &tlv(SEQUENCE, &times)[..]].concat();
        tlv(SEQUENCE, &tlv(SEQUENCE, &body))
    }

    fn check(time: (u8, &str), expected: Option<u64>) {
        let before = (UTC_TIME, "200101000000Z");
        for version in [&[VERSION, 3, INTEGER, 1, 2][..], &[][..]] {
            let found = not_after(&head(version, [before, time]));
            assert_eq!(found.map(|it| it.as_secs()), expected, "{time:?}");
        }
    }

    #[test]
    fn both_forms_of_a_moment_are_read() {
        check((UTC_TIME, "261123023107Z"), Some(1_795_401_067));
        check((GENERALIZED_TIME, "20261123023107Z"), Some(1_795_401_067));
        check((UTC_TIME, "700101000000Z"), Some(0));
        check((GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["261123023107", "2611230231Z", "261323023107Z", "26112302310xZ", "261123243107Z"]
        {
            check((UTC_TIME, text), None);
        }
        check((SEQUENCE, "261123023107Z"), None);
    }

    #[test]
    fn a_cut_certificate_is_none() {
        let whole = head(&[], [(UTC_TIME, "200101000000Z"), (UTC_TIME, "261123023107Z")]);
        assert!(not_after(&whole).is_some());
        for n_bytes in 0..whole.len() {
            assert_eq!(not_after(&whole[..n_bytes]), None, "{n_bytes}");
        }
    }
}
