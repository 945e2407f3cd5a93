//! JSON in which no object has a key twice: of two values each reader would take the one that it likes.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// What the error of a key that comes twice begins with; derived readers of structs have the same words.
pub const TWICE: &str = "duplicate field";

/// Any JSON, read at once and refused at the place of a key that comes twice.
#[derive(Debug)]
pub struct Unique(pub Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Unique, D::Error> {
        json.deserialize_any(Reader).map(Unique)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut found = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            match found.entry(key) {
                Entry::Vacant(place) => _ = place.insert(fields.next_value::<Unique>()?.0),
                // Refused as the reader of the value, so that whoever keeps track of places knows this one.
                Entry::Occupied(_) => fields.next_value_seed(Refused)?,
            }
        }
        Ok(Value::Object(found))
    }
}

struct Refused;

impl<'de> DeserializeSeed<'de> for Refused {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::custom(TWICE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_keys_that_come_twice_is_read_as_ever() {
        for json in [
            r#"{"a":[1,-1,1.5,1e300,18446744073709551615,true,null,"\u7532",{}],"b":{"a":"甲"}}"#,
            "[]",
            "7",
            "null",
        ] {
            let expected: Value = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::from_str::<Unique>(json).unwrap().0, expected, "{json}");
        }
        for json in ["1e999", "[1,]", "{\"a\":1", "", &"[".repeat(200)] {
            assert!(serde_json::from_str::<Value>(json).is_err());
            let error = serde_json::from_str::<Unique>(json).err().unwrap();
            assert!(!error.is_data(), "{json}: {error}");
        }
        for json in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            let error = serde_json::from_str::<Unique>(json).err().unwrap();
            assert!(error.is_data() && error.to_string().starts_with(TWICE), "{json}: {error}");
        }
    }
}
