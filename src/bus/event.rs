//! CloudEvents 1.0, structured JSON: the envelope of everything that is published.
//!
//! Written by hand: the NATS binding of the specification is structured only, and its Rust kit is tied to an older
//! client. The rules are those of the specification (cloudevents/spec.md 1.0.2, formats/json-format.md).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::base::{TWICE, Unique, is_rfc3339};

/// Media type of the structured form.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// Bytes of an event in its structured form.
pub const MAX_EVENT_BYTES: usize = 64 << 10;

/// Characters of the name of an attribute.
const MAX_NAME: usize = 20;

/// Why something is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not a JSON object.
    #[error("an event is a JSON object")]
    NotAnObject,
    /// A key stands twice in it, so that each reader would take the value that it likes.
    #[error("a key stands twice in the event")]
    Twice,
    /// Larger than [`MAX_EVENT_BYTES`].
    #[error("an event has {0} bytes, more than {MAX_EVENT_BYTES}")]
    TooLarge(usize),
    /// The specification's version is not `1.0`.
    #[error("the event is not of CloudEvents 1.0")]
    Version,
    /// A required attribute is missing, or an attribute has a value that its rule forbids.
    #[error("attribute `{0}` of the event is missing or malformed")]
    Attribute(&'static str),
    /// The name or value of an extension breaks the rules.
    #[error("an extension of the event is malformed")]
    Extension,
    /// Both `data` and `data_base64`, or base64 that is none.
    #[error("the event's data is malformed")]
    Data,
}

/// The value of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i32),
    /// Text, also a URI or a moment.
    String(String),
}

/// What an event says. Its debug form shows nothing of it.
#[derive(Clone, PartialEq)]
pub enum Data {
    /// A JSON value.
    Json(Value),
    /// Bytes.
    Binary(Vec<u8>),
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[…]")
    }
}

/// An event. Its debug form leaves the data out.
#[derive(Clone, PartialEq)]
pub struct CloudEvent {
    id: String,
    source: String,
    kind: String,
    /// What it is about, within the source.
    pub subject: Option<String>,
    /// When it happened, RFC 3339.
    time: Option<String>,
    data_content_type: Option<String>,
    data_schema: Option<String>,
    extensions: BTreeMap<String, Extension>,
    /// What it says.
    pub data: Option<Data>,
}

/// The attributes that every event has.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Unique within the source.
    pub id: &'a str,
    /// Where it comes from, a URI reference.
    pub source: &'a str,
    /// `type`: which kind of event.
    pub kind: &'a str,
}

impl CloudEvent {
    /// An event without optional attributes.
    ///
    /// # Errors
    /// [`EventError::Attribute`] for an empty or malformed one.
    pub fn new(origin: Origin<'_>) -> Result<CloudEvent, EventError> {
        Ok(CloudEvent {
            id: text("id", origin.id)?,
            source: uri("source", origin.source)?,
            kind: text("type", origin.kind)?,
            subject: None,
            time: None,
            data_content_type: None,
            data_schema: None,
            extensions: BTreeMap::new(),
            data: None,
        })
    }

    /// The same event, which happened then.
    ///
    /// # Errors
    /// [`EventError::Attribute`] unless `time` is RFC 3339.
    pub fn at(self, time: &str) -> Result<CloudEvent, EventError> {
        if !is_rfc3339(time) {
            return Err(EventError::Attribute("time"));
        }
        Ok(CloudEvent { time: Some(time.to_owned()), ..self })
    }

    /// The same event saying a JSON value, described by the schema with this absolute URI.
    ///
    /// # Errors
    /// [`EventError::Attribute`] unless the schema is an absolute URI.
    pub fn saying(self, data: Value, schema: &str) -> Result<CloudEvent, EventError> {
        Ok(CloudEvent {
            data: Some(Data::Json(data)),
            data_schema: Some(absolute_uri("dataschema", schema)?),
            data_content_type: Some("application/json".to_owned()),
            ..self
        })
    }

    /// The same event with an extension; one of that name is replaced.
    ///
    /// # Errors
    /// [`EventError::Extension`] for a name that is not 1 to 20 of `a-z` and `0-9`, or is one of the specification's.
    pub fn with(mut self, name: &str, value: Extension) -> Result<CloudEvent, EventError> {
        check_extension(name, &value)?;
        self.extensions.insert(name.to_owned(), value);
        Ok(self)
    }

    /// Unique within the source.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it comes from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// `type`: which kind of event.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// When it happened.
    pub fn time(&self) -> Option<&str> {
        self.time.as_deref()
    }

    /// The schema of its data.
    pub fn data_schema(&self) -> Option<&str> {
        self.data_schema.as_deref()
    }

    /// The extension of that name.
    pub fn extension(&self, name: &str) -> Option<&Extension> {
        self.extensions.get(name)
    }

    /// The structured form.
    ///
    /// # Errors
    /// [`EventError::TooLarge`].
    pub fn to_json(&self) -> Result<Vec<u8>, EventError> {
        let mut object = Map::new();
        let mut put = |name: &str, value: &str| {
            object.insert(name.to_owned(), Value::String(value.to_owned()));
        };
        put("specversion", "1.0");
        put("id", &self.id);
        put("source", &self.source);
        put("type", &self.kind);
        for (name, value) in [
            ("subject", &self.subject),
            ("time", &self.time),
            ("datacontenttype", &self.data_content_type),
            ("dataschema", &self.data_schema),
        ] {
            if let Some(value) = value {
                put(name, value);
            }
        }
        for (name, value) in &self.extensions {
            let value = match value {
                Extension::Boolean(value) => Value::Bool(*value),
                Extension::Integer(value) => Value::from(*value),
                Extension::String(value) => Value::String(value.clone()),
            };
            object.insert(name.clone(), value);
        }
        match &self.data {
            Some(Data::Json(value)) => {
                object.insert("data".to_owned(), value.clone());
            }
            Some(Data::Binary(bytes)) => {
                object.insert("data_base64".to_owned(), Value::String(STANDARD.encode(bytes)));
            }
            None => (),
        }
        let json = Value::Object(object).to_string().into_bytes();
        if MAX_EVENT_BYTES < json.len() {
            return Err(EventError::TooLarge(json.len()));
        }
        Ok(json)
    }

    /// Reads the structured form.
    ///
    /// # Errors
    /// See [`EventError`]; its texts never repeat values.
    pub fn from_json(json: &[u8]) -> Result<CloudEvent, EventError> {
        if MAX_EVENT_BYTES < json.len() {
            return Err(EventError::TooLarge(json.len()));
        }
        let mut object = match serde_json::from_slice(json) {
            Ok(Unique(Value::Object(object))) => object,
            Err(error) if error.to_string().starts_with(TWICE) => return Err(EventError::Twice),
            _ => return Err(EventError::NotAnObject),
        };
        // Null stands for an absent attribute (JSON format, 2.2), but for `data` it is a value.
        object.retain(|name, value| name == "data" || !value.is_null());
        if object.remove("specversion") != Some(Value::String("1.0".to_owned())) {
            return Err(EventError::Version);
        }
        let mut take = |name: &'static str| match object.remove(name) {
            None => Ok(None),
            Some(Value::String(value)) => text(name, &value).map(Some),
            Some(_) => Err(EventError::Attribute(name)),
        };
        let required = |name, value: Option<String>| value.ok_or(EventError::Attribute(name));
        let id = required("id", take("id")?)?;
        let source = required("source", take("source")?)?;
        let kind = required("type", take("type")?)?;
        let mut event = CloudEvent::new(Origin { id: &id, source: &source, kind: &kind })?;
        event.subject = take("subject")?;
        if let Some(time) = take("time")? {
            event = event.at(&time)?;
        }
        event.data_content_type = take("datacontenttype")?;
        // The specification wants an absolute one; others are sent by many and harm nobody.
        event.data_schema = take("dataschema")?.map(|it| uri("dataschema", &it)).transpose()?;
        event.data = data(object.remove("data"), object.remove("data_base64"))?;
        for (name, value) in object {
            event = event.with(&name, extension(value)?)?;
        }
        Ok(event)
    }
}

impl fmt::Debug for CloudEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudEvent")
            .field("id", &self.id)
            .field("type", &self.kind)
            .finish_non_exhaustive()
    }
}

fn data(json: Option<Value>, base64: Option<Value>) -> Result<Option<Data>, EventError> {
    match (json, base64) {
        (None, None) => Ok(None),
        (Some(value), None) => Ok(Some(Data::Json(value))),
        (None, Some(Value::String(text))) => {
            STANDARD.decode(text).map(|it| Some(Data::Binary(it))).map_err(|_| EventError::Data)
        }
        (_, Some(_)) => Err(EventError::Data),
    }
}

fn extension(value: Value) -> Result<Extension, EventError> {
    match value {
        Value::Bool(value) => Ok(Extension::Boolean(value)),
        Value::String(value) => Ok(Extension::String(value)),
        Value::Number(value) => value
            .as_i64()
            .and_then(|it| i32::try_from(it).ok())
            .map(Extension::Integer)
            .ok_or(EventError::Extension),
        _ => Err(EventError::Extension),
    }
}

fn check_extension(name: &str, value: &Extension) -> Result<(), EventError> {
    const RESERVED: [&str; 9] = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "data",
    ];
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_name = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain);
    let is_text = match value {
        Extension::String(text) => !text.chars().any(char::is_control),
        Extension::Boolean(_) | Extension::Integer(_) => true,
    };
    let is_good = is_name && is_text && !RESERVED.contains(&name);
    if is_good { Ok(()) } else { Err(EventError::Extension) }
}

/// Text without control characters, not empty.
fn text(name: &'static str, value: &str) -> Result<String, EventError> {
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(EventError::Attribute(name));
    }
    Ok(value.to_owned())
}

/// A URI reference: its characters only, not whether it leads anywhere.
fn uri(name: &'static str, value: &str) -> Result<String, EventError> {
    let is_uri = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if value.is_empty() || !value.bytes().all(is_uri) {
        return Err(EventError::Attribute(name));
    }
    Ok(value.to_owned())
}

/// A URI with its scheme.
fn absolute_uri(name: &'static str, value: &str) -> Result<String, EventError> {
    let scheme = value.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it));
    if !is_scheme {
        return Err(EventError::Attribute(name));
    }
    uri(name, value)
}

#[cfg(test)]
mod tests;
