//! Events: what happened, told by ids, codes and scores, never by content.
//!
//! A type's name ends in its major version; within one, only optional fields are added. Each type has a JSON Schema in
//! `docs/reference/schemas`, printed from the types here. No field is free text of a caller: not even its own ids.

mod data;

use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::base::rfc3339;
use crate::bus::{BusError, CloudEvent, Extension, Origin, Subject};

pub use data::{
    DocumentDispatched, ExportReady, FeedbackReceived, IdentityRecognised, JobChanged, JobState,
    LabelScore, LetterClassified, ModelActivated, ModelName, SpeechTranscribed,
};

/// What stands before every type.
const TYPE_ROOT: &str = "tw.gov.moi.ai";

/// Names the schemas without saying where they are: a `tag` URI (RFC 4151), as `dataschema` must be absolute.
const SCHEMA_ROOT: &str = "tag:moi.gov.tw,2026:ai/schemas";

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// A letter was classified.
    LetterClassified(LetterClassified),
    /// A document was dispatched.
    DocumentDispatched(DocumentDispatched),
    /// An ID image was recognised.
    IdentityRecognised(IdentityRecognised),
    /// An officer gave feedback.
    FeedbackReceived(FeedbackReceived),
    /// A job changed its state.
    JobChanged(JobChanged),
    /// A recording was transcribed.
    SpeechTranscribed(SpeechTranscribed),
    /// Tables for the warehouse are ready.
    ExportReady(ExportReady),
    /// Another version of a model answers.
    ModelActivated(ModelActivated),
}

/// What surrounds an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Unique; a UUIDv7.
    pub id: String,
    /// Code of the agency whose event it is, such as `301000000A`.
    pub org: String,
    /// When it happened, since 1970-01-01T00:00:00Z.
    pub time: Duration,
    /// What it is about, such as `jobs/019a…`.
    pub about: Option<String>,
    /// Id of the first request of the whole case.
    pub correlation: Option<String>,
    /// Id of the message that caused it.
    pub causation: Option<String>,
    /// The caller's `traceparent`.
    pub trace_parent: Option<String>,
    /// Path where those who may can fetch the result.
    pub data_ref: Option<String>,
}

/// One type of event, for descriptions.
#[derive(Clone, Debug, PartialEq)]
pub struct EventType {
    /// Its name: `<service>.<noun>.<past>`, or `<noun>.<past>` for events of any service.
    pub name: &'static str,
    /// Whether the name of a service stands before it.
    pub is_any_service: bool,
    /// In words.
    pub title: &'static str,
    /// The schema of its data.
    pub schema: Value,
}

impl EventType {
    /// The whole name; `service` stands before it where it is any service's.
    pub fn name_of(&self, service: &str) -> String {
        match self.is_any_service {
            true => format!("{service}.{}", self.name),
            false => self.name.to_owned(),
        }
    }

    /// `type` of the envelope, as [`EventType::name_of`].
    pub fn kind(&self, service: &str) -> String {
        kind_of(&self.name_of(service))
    }

    /// File name of the schema.
    pub fn schema_file(&self) -> String {
        format!("{}.v1.json", self.name)
    }
}

fn kind_of(name: &str) -> String {
    format!("{TYPE_ROOT}.{name}.v1")
}

impl Event {
    /// Its name: `<service>.<noun>.<past>`.
    pub fn name(&self) -> String {
        let name = match self {
            Event::LetterClassified(_) => "letters.classification.completed",
            Event::DocumentDispatched(_) => "documents.dispatch.completed",
            Event::IdentityRecognised(_) => "identity-documents.recognition.completed",
            Event::FeedbackReceived(_) => "predictions.feedback.received",
            Event::JobChanged(it) => return format!("{}.{}", it.service, it.state.event_name()),
            Event::SpeechTranscribed(_) => "speech.transcription.completed",
            Event::ExportReady(_) => "exports.export.ready",
            Event::ModelActivated(_) => "models.version.activated",
        };
        name.to_owned()
    }

    /// The name of its schema.
    fn schema_name(&self) -> String {
        match self {
            Event::JobChanged(it) => it.state.event_name().to_owned(),
            _ => self.name(),
        }
    }

    /// Every type, for descriptions and schemas.
    pub fn types() -> Vec<EventType> {
        let mut types = vec![
            described::<LetterClassified>("letters.classification.completed", "信件已分類"),
            described::<DocumentDispatched>("documents.dispatch.completed", "公文已有分文建議"),
            described::<IdentityRecognised>(
                "identity-documents.recognition.completed",
                "證件影像已辨識",
            ),
            described::<FeedbackReceived>("predictions.feedback.received", "承辦人已回饋"),
            described::<SpeechTranscribed>("speech.transcription.completed", "錄音已轉寫"),
            described::<ExportReady>("exports.export.ready", "資料倉儲匯出已備妥"),
            described::<ModelActivated>("models.version.activated", "已啟用另一版模型"),
        ];
        for state in JobState::ALL {
            let kind = described::<JobChanged>(state.event_name(), state.title());
            types.push(EventType { is_any_service: true, ..kind });
        }
        types
    }

    /// The event in its envelope, and the subject under which it is published.
    ///
    /// # Errors
    /// [`BusError::Subject`] for an agency's code that is none, [`BusError::Event`] for a malformed attribute.
    pub fn envelope(&self, of: &Circumstances) -> Result<(Subject, CloudEvent), BusError> {
        let name = self.name();
        let service = name.split('.').next().unwrap_or(&name);
        let source = format!("/moi/ai/{service}");
        let kind = kind_of(&name);
        // Nothing in these types fails to be written.
        let data = serde_json::to_value(self).unwrap_or(Value::Null);
        let mut event = CloudEvent::new(Origin { id: &of.id, source: &source, kind: &kind })?
            .at(&rfc3339(of.time))?
            .saying(data, &format!("{SCHEMA_ROOT}/{}.v1", self.schema_name()))?;
        event.subject.clone_from(&of.about);
        let extensions = [
            ("orgcode", Some(&of.org)),
            ("correlationid", of.correlation.as_ref()),
            ("causationid", of.causation.as_ref()),
            ("traceparent", of.trace_parent.as_ref()),
            ("dataref", of.data_ref.as_ref()),
        ];
        for (name, value) in extensions {
            if let Some(value) = value {
                event = event.with(name, Extension::String(value.clone()))?;
            }
        }
        Ok((Subject::event(&of.org, &name)?, event))
    }
}

fn described<T: JsonSchema>(name: &'static str, title: &'static str) -> EventType {
    // Draft 7 is what AsyncAPI understands.
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".to_owned(), Value::String(format!("{SCHEMA_ROOT}/{name}.v1")));
        object.insert("title".to_owned(), Value::String(title.to_owned()));
    }
    EventType { name, is_any_service: false, title, schema }
}

#[cfg(test)]
mod tests;
