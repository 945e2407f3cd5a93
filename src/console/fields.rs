//! What a form or a query says: names and values, as browsers write them.

use std::collections::BTreeMap;

/// Names and values; of a name that is there twice, the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`. What cannot be read is passed over: it is as if it was not said.
    pub(super) fn parse(text: &str) -> Fields {
        let mut fields = BTreeMap::new();
        for pair in text.split('&').filter(|it| !it.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(name), Some(value)) = (decode(name), decode(value)) {
                fields.entry(name).or_insert(value);
            }
        }
        Fields(fields)
    }

    /// What is said under a name, without blanks around it; nothing is as good as not said.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|it| it.trim()).filter(|it| !it.is_empty())
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Fields::parse(text).get("a"), expected, "{text}");
    }

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        check("a=1&b=2", Some("1"));
        check("b=2&a=%E4%BF%A1%20x+y", Some("信 x y"));
        check("a=1&a=2", Some("1"));
        check("a=+&a=2", None);
        check("a", None);
        check("a=%", None);
        check("a=%ZZ", None);
        check("a=%FF", None);
        check("", None);
    }
}
