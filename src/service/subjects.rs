//! Whom a text mentions: identifiers that the detector of personal data finds in it.

use serde_json::Value;

use crate::base::Private;
use crate::pipeline::letters::pii::{self, PiiKind};
use crate::pipeline::speech::redact;
use crate::task::speech::Segment;

pub use crate::store::{Identifier, IdentifierKind, Subject};

/// The identifiers in a text, each as often as it stands there.
pub fn identifiers(text: &str) -> Vec<Identifier> {
    let mut found = Vec::new();
    let mut chars = text.chars();
    let mut at = 0;
    for it in pii::find_identifiers(text) {
        let value: String =
            chars.by_ref().skip(it.span.start - at).take(it.span.end - it.span.start).collect();
        at = it.span.end;
        let kind = match it.kind {
            PiiKind::NationalId | PiiKind::ResidentCertificate => IdentifierKind::IdNumber,
            PiiKind::MobilePhone | PiiKind::Landline => IdentifierKind::Phone,
            PiiKind::Email => IdentifierKind::Email,
            PiiKind::BankCard | PiiKind::Plate | PiiKind::Address | PiiKind::BirthDate => continue,
        };
        found.push(Identifier { kind, value: Private::new(value) });
    }
    found
}

/// The identifiers in what was said, also dictated ones and those that go on in the next segment.
pub fn identifiers_spoken(segments: &[Segment]) -> Vec<Identifier> {
    let spoken = redact::spoken(segments).into_iter();
    let identifier = |(kind, value)| {
        let kind = match kind {
            "national_id" | "resident_certificate" => IdentifierKind::IdNumber,
            "email" => IdentifierKind::Email,
            // A run of digits that no rule names is most likely a number to call.
            "mobile_phone" | "landline" | redact::UNNAMED => IdentifierKind::Phone,
            _ => return None,
        };
        Some(Identifier { kind, value: Private::new(value) })
    };
    spoken.filter_map(identifier).collect()
}

/// Those in all texts of a JSON document; none where it is no JSON.
pub fn identifiers_in_json(json: &[u8]) -> Vec<Identifier> {
    serde_json::from_slice(json).map(|it| identifiers_in(&it)).unwrap_or_default()
}

/// The same, of one that is read already.
pub fn identifiers_in(json: &Value) -> Vec<Identifier> {
    let (mut found, mut values) = (Vec::new(), vec![json]);
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) => found.extend(identifiers(text)),
            Value::Array(items) => values.extend(items),
            Value::Object(fields) => values.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => (),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &[Identifier], expected: &[(IdentifierKind, &str)]) {
        let mut found: Vec<(IdentifierKind, &str)> =
            found.iter().map(|it| (it.kind, it.value.expose().as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn identifiers_are_found_and_other_personal_data_is_not() {
        let text =
            "我是A123456789,電話0912-345-678、02-23565000,信箱 ming@example.tw,住臺北市信義路5號";
        let expected = [
            (IdentifierKind::IdNumber, "A123456789"),
            (IdentifierKind::Phone, "02-23565000"),
            (IdentifierKind::Phone, "0912-345-678"),
            (IdentifierKind::Email, "ming@example.tw"),
        ];
        check(&identifiers(text), &expected);
    }

    #[test]
    fn every_text_of_a_document_is_read() {
        let json = r#"{"letters":[{"subject":"A123456789"},{"body":["\u0030912345678"],"n":1}]}"#;
        let expected =
            [(IdentifierKind::IdNumber, "A123456789"), (IdentifierKind::Phone, "0912345678")];
        check(&identifiers_in_json(json.as_bytes()), &expected);
        check(&identifiers_in_json(b"{"), &[]);
    }
}
