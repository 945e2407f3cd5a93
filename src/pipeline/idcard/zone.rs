//! Fields from a machine-readable zone, and its agreement with what is printed above it.

use crate::pipeline::idcard::mrz::{Found, Part};
use crate::pipeline::idcard::text::Row;
use crate::pipeline::idcard::value::Reading;
use crate::task::idcard::{Check, FieldName, MrzFormat};

/// A printed value less sure than this yields to the zone's when check digits prove the zone's.
const SURE: f32 = 0.9;

/// The zone's own fields.
pub(crate) fn fields(zone: &Found) -> Vec<(FieldName, Reading)> {
    let number = match zone.mrz.format {
        MrzFormat::Td3 => FieldName::PassportNo,
        MrzFormat::Td1 | MrzFormat::Td2 | MrzFormat::MrvA | MrzFormat::MrvB => {
            FieldName::CardNumber
        }
    };
    let mut fields = vec![
        (FieldName::Name, reading(&zone.name, None)),
        (FieldName::NameEn, reading(&zone.name, None)),
        (number, reading(&zone.number, Some("mrz_number"))),
        (FieldName::Nationality, reading(&zone.nationality, None)),
        (FieldName::BirthDate, date(&zone.birth, "mrz_birth")),
    ];
    if let Some((sex, part)) = &zone.sex {
        fields.push((
            FieldName::Sex,
            Reading { value: sex.as_str().to_owned(), ..reading(part, None) },
        ));
    }
    fields.push((FieldName::ExpiryDate, date(&zone.expiry, "mrz_expiry")));
    fields.retain(|it| !it.1.value.is_empty());
    fields
}

fn reading(part: &Part, digit: Option<&'static str>) -> Reading {
    let checks = digit.zip(part.digit).map(|(name, ok)| Check { name, ok });
    Reading {
        value: part.value.clone(),
        raw: part.raw.clone(),
        p: part.p,
        quad: part.quad,
        checks: checks.into_iter().collect(),
        proven: part.proven,
        doubtful: false,
        repair: part.repaired.then_some("mrz"),
    }
}

fn date(part: &Part, digit: &'static str) -> Reading {
    let reading = reading(part, Some(digit));
    let month = part.raw.get(2..4).and_then(|it| it.parse().ok()).unwrap_or(0_u8);
    let day = part.raw.get(4..6).and_then(|it| it.parse().ok()).unwrap_or(0_u8);
    reading.check("calendar", (1..=12).contains(&month) && (1..=31).contains(&day))
}

/// Compares printed fields with the zone, and takes from the zone what is not printed or not legible.
pub(crate) fn merge(found: &mut Vec<(FieldName, Reading)>, zone: &Found) {
    let mut of_zone = fields(zone);
    of_zone.retain(|it| !matches!(it.0, FieldName::Name | FieldName::Nationality));
    if let Some(part) = &zone.personal {
        of_zone.push((FieldName::IdNumber, reading(part, Some("mrz_optional"))));
    }
    for (name, from_zone) in of_zone {
        let Some((_, printed)) = found.iter_mut().find(|it| it.0 == name) else {
            if name != FieldName::IdNumber && name != FieldName::CardNumber {
                found.push((name, from_zone));
            }
            continue;
        };
        let agrees = plain(&printed.value) == plain(&from_zone.value);
        if !agrees && from_zone.proven && (printed.p < SURE || !printed.is_sound()) {
            *printed = from_zone;
            continue;
        }
        // A name has no check digit: disagreement is worth a look, not a refutation.
        let is_name = name == FieldName::NameEn;
        if agrees || !is_name {
            *printed = printed.clone().check("mrz_match", agrees);
        } else {
            printed.doubtful = true;
        }
        printed.proven |=
            agrees && (from_zone.proven || name == FieldName::NameEn || name == FieldName::Sex);
    }
}

/// Gives names from the zone the hyphens and apostrophes that the print above it has: the zone cannot hold them.
pub(crate) fn hyphenate(found: &mut [(FieldName, Reading)], rows: &[Row]) {
    let lines: Vec<String> = rows.iter().map(|row| row.span().compact()).collect();
    for (_, name) in
        found.iter_mut().filter(|it| matches!(it.0, FieldName::Name | FieldName::NameEn))
    {
        let parts: Vec<String> =
            name.value.split(", ").map(|part| as_printed(part, &lines)).collect();
        name.value = parts.join(", ");
    }
}

/// `part` as the first line prints it that begins with its letters and joins them by a hyphen or an apostrophe.
fn as_printed(part: &str, lines: &[String]) -> String {
    let joined = |line: &String| {
        let mut left = part.chars().filter(|ch| *ch != ' ').peekable();
        let mut text = String::new();
        for ch in line.chars() {
            match left.peek() {
                Some(next) if *next == ch.to_ascii_uppercase() => {
                    text.push(*next);
                    left.next();
                }
                Some(_) if matches!(ch, '-' | '\'') && !text.is_empty() => text.push(ch),
                _ => break,
            }
        }
        (left.peek().is_none() && text.contains(['-', '\''])).then_some(text)
    };
    lines.iter().find_map(joined).unwrap_or_else(|| part.to_owned())
}

/// Letters and digits only: the zone has no hyphens, commas or blanks.
fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|ch| ch.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::as_printed;

    #[test]
    fn hyphens_come_from_the_print() {
        let lines = ["Surname", "SMYTHE-KENTCIMEN", "O'NEILL", "HARRY"].map(str::to_owned);
        assert_eq!(as_printed("SMYTHE KENT", &lines), "SMYTHE-KENT");
        assert_eq!(as_printed("ONEILL", &lines), "O'NEILL");
        assert_eq!(as_printed("HARRY", &lines), "HARRY");
        assert_eq!(as_printed("SMYTHE KENTON", &lines), "SMYTHE KENTON");
    }
}
