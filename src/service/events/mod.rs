//! Events: what happened, told by ids, codes and scores, never by content.
//!
//! A type's name ends in its major version; within one, only optional fields are added. Each type has a JSON Schema in
//! `docs/reference/schemas`, printed from the types here. No field is free text of a caller: not even its own ids.

mod data;

use std::sync::LazyLock;
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use crate::base::{Clock, EVENT_ROOT, RequestId, SCHEMA_ROOT, rfc3339};
use crate::bus::{BusError, CloudEvent, Extension, Origin, Subject};
use crate::store::OutboxRow;
use crate::task::call;

pub use data::{
    DocumentDispatched, ExportReady, FeedbackReceived, IdentityRecognised, LabelScore,
    LetterClassified, ModeChanged, ModelActivated, ModelName, NoticeRaised, QuestionUnanswered,
    SpeechTranscribed, TranscriptCorrected,
};
// The store tells of jobs itself, in the transaction that changes them.
pub use crate::store::jobs::{JobChanged, JobState};

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
    /// No approved source answered a question.
    QuestionUnanswered(QuestionUnanswered),
    /// A job changed its state.
    JobChanged(JobChanged),
    /// A recording was transcribed.
    SpeechTranscribed(SpeechTranscribed),
    /// A transcript was corrected.
    TranscriptCorrected(TranscriptCorrected),
    /// Tables for the warehouse are ready.
    ExportReady(ExportReady),
    /// Another version of a model answers.
    ModelActivated(ModelActivated),
    /// An agency has a service in another mode.
    ModeChanged(ModeChanged),
    /// Somebody must look at something.
    NoticeRaised(NoticeRaised),
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
    /// Place among the events about the same thing.
    pub sequence: Option<String>,
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

    /// The schema as it is served and committed.
    pub fn schema_text(&self) -> String {
        format!("{:#}\n", self.schema)
    }

    /// File name of the schema.
    pub fn schema_file(&self) -> String {
        format!("{}.v1.json", self.name)
    }
}

fn kind_of(name: &str) -> String {
    format!("{EVENT_ROOT}.{name}.v1")
}

impl Circumstances {
    /// Of something that happens now in a call.
    pub fn of(origin: &call::Origin, about: String, clock: &dyn Clock) -> Circumstances {
        let time = clock.unix_time();
        Circumstances {
            id: RequestId::at(time).to_string(),
            org: origin.org.clone(),
            time,
            about: Some(about),
            correlation: Some(origin.correlation.clone()),
            trace_parent: origin.trace_parent.clone(),
            ..Circumstances::default()
        }
    }
}

impl Event {
    /// Its name: `<service>.<noun>.<past>`.
    pub fn name(&self) -> String {
        let name = match self {
            Event::LetterClassified(_) => "letters.classification.completed",
            Event::DocumentDispatched(_) => "documents.dispatch.completed",
            Event::IdentityRecognised(_) => "identity-documents.recognition.completed",
            Event::FeedbackReceived(_) => "predictions.feedback.received",
            Event::QuestionUnanswered(_) => "qa.question.unanswered",
            Event::JobChanged(it) => return format!("{}.{}", it.service, it.state.event_name()),
            Event::SpeechTranscribed(_) => "speech.transcription.completed",
            Event::TranscriptCorrected(_) => "speech.transcript.corrected",
            Event::ExportReady(_) => "exports.export.ready",
            Event::ModelActivated(_) => "models.version.activated",
            Event::ModeChanged(_) => "models.mode.changed",
            Event::NoticeRaised(_) => "operation.notice.raised",
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

    /// Whether some event has this name.
    pub fn is_name(name: &str) -> bool {
        let is_service = |it: &str| {
            (1..=64).contains(&it.len())
                && it.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        };
        let of_service = name.split_once('.').filter(|(service, _)| is_service(service));
        Event::types().iter().any(|it| match it.is_any_service {
            true => of_service.is_some_and(|(_, rest)| rest == it.name),
            false => name == it.name,
        })
    }

    /// Every type, for descriptions and schemas.
    pub fn types() -> &'static [EventType] {
        static TYPES: LazyLock<Vec<EventType>> = LazyLock::new(Event::all_types);
        &TYPES
    }

    fn all_types() -> Vec<EventType> {
        let mut types = vec![
            described::<LetterClassified>("letters.classification.completed", "信件已分類"),
            described::<DocumentDispatched>("documents.dispatch.completed", "公文已有分文建議"),
            described::<IdentityRecognised>(
                "identity-documents.recognition.completed",
                "證件影像已辨識",
            ),
            described::<FeedbackReceived>("predictions.feedback.received", "承辦人已回饋"),
            described::<QuestionUnanswered>("qa.question.unanswered", "問題查無資料,須由專人處理"),
            described::<SpeechTranscribed>("speech.transcription.completed", "錄音已轉寫"),
            described::<TranscriptCorrected>("speech.transcript.corrected", "逐字稿已更正"),
            described::<ExportReady>("exports.export.ready", "資料倉儲匯出已備妥"),
            described::<ModelActivated>("models.version.activated", "已啟用另一版模型"),
            described::<ModeChanged>("models.mode.changed", "機關的服務階段已變更"),
            described::<NoticeRaised>("operation.notice.raised", "有事項須維運人員處理"),
        ];
        for state in JobState::ALL {
            let kind = described::<JobChanged>(state.event_name(), title_of(state));
            types.push(EventType { is_any_service: true, ..kind });
        }
        types
    }

    /// The event as it waits in the outbox.
    ///
    /// # Errors
    /// As [`Event::envelope`].
    pub fn outbox_row(&self, of: &Circumstances) -> Result<OutboxRow, BusError> {
        let (subject, event) = self.envelope(of)?;
        Ok(OutboxRow {
            id: of.id.clone(),
            subject: subject.to_string(),
            body: String::from_utf8_lossy(&event.to_json()?).into_owned(),
            created: u64::try_from(of.time.as_millis()).unwrap_or(u64::MAX),
        })
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
            ("sequence", of.sequence.as_ref()),
        ];
        for (name, value) in extensions {
            if let Some(value) = value {
                event = event.with(name, Extension::String(value.clone()))?;
            }
        }
        Ok((Subject::event(&of.org, &name)?, event))
    }
}

/// A change of a job in words.
fn title_of(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "工作已受理",
        JobState::Running => "工作已開始",
        JobState::Succeeded => "工作已完成",
        JobState::Failed => "工作失敗",
        JobState::Cancelled => "工作已取消",
        JobState::Dead => "工作已放棄,待人工處理",
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
