//! The highest 密等 that a document in JSON states anywhere, read before anything else of it is.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::media::exchange::Secrecy;

/// Where a document states it.
const PLACE: [&str; 2] = ["document", "secrecy"];

/// The highest of all grades that are stated, where one key comes twice too; none when the text is no JSON.
pub(super) fn highest(json: &[u8]) -> Option<Secrecy> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    Grade(&PLACE).deserialize(&mut reader).ok()
}

/// Reads what lies below the rest of the place.
struct Grade<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Grade<'_> {
    type Value = Secrecy;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Secrecy, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Grade<'_> {
    type Value = Secrecy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Secrecy, E> {
        Ok(Secrecy::Ordinary)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secrecy, E> {
        Ok(Secrecy::Ordinary)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secrecy, E> {
        Ok(Secrecy::Ordinary)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secrecy, E> {
        Ok(Secrecy::Ordinary)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secrecy, E> {
        Ok(Secrecy::Ordinary)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secrecy, E> {
        Ok(if self.0.is_empty() { Secrecy::read(text) } else { Secrecy::Ordinary })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Secrecy, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Secrecy::Ordinary)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Secrecy, A::Error> {
        let mut highest = Secrecy::Ordinary;
        while let Some(key) = fields.next_key::<String>()? {
            match self.0.split_first() {
                Some((name, rest)) if key == *name => {
                    highest = highest.max(fields.next_value_seed(Grade(rest))?);
                }
                _ => _ = fields.next_value::<IgnoredAny>()?,
            }
        }
        Ok(highest)
    }
}
