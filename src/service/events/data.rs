//! The data of each type of event.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::task::answers::{Answer, Refusal};
use crate::task::documents::DispatchAnswer;
use crate::task::idcard::{IdAnswer, ModelInfo};
use crate::task::letters::{LetterAnswer, LetterAnswers};
use crate::task::prediction::Verdict;
use crate::task::service::ServiceName;
use crate::task::speech::Transcript;
use crate::task::text::{Label, Mode};

/// Labels that an event tells.
const MAX_LABELS: usize = 3;

/// A model, by name and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelName {
    /// Name, such as `letters`.
    pub name: String,
    /// Version.
    pub version: String,
}

impl From<&ModelInfo> for ModelName {
    fn from(model: &ModelInfo) -> ModelName {
        ModelName { name: model.name.clone(), version: model.version.clone() }
    }
}

/// A label of the model with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LabelScore {
    /// As the model was trained with.
    pub code: String,
    /// Calibrated probability, 0 to 1, to four digits.
    pub score: f64,
}

impl From<&Label> for LabelScore {
    fn from(label: &Label) -> LabelScore {
        LabelScore { code: label.code.clone(), score: share(label.score) }
    }
}

/// A letter was classified.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LetterClassified {
    /// The prediction.
    pub prediction_id: String,
    /// The most likely labels, at most three.
    pub labels: Vec<LabelScore>,
    /// Whether the first label is not likely enough.
    pub abstained: bool,
    /// The prediction of an earlier letter that says nearly the same.
    pub repeated: Option<String>,
    /// What answered.
    pub model: ModelName,
    /// Version of the taxonomy.
    pub taxonomy_version: String,
    /// `shadow`, `pilot` or `live`.
    pub mode: String,
}

impl LetterClassified {
    /// The event of one letter of a call. Its flags stay out: they say what the letter is about.
    pub fn new(letter: &LetterAnswer, of: &LetterAnswers) -> LetterClassified {
        LetterClassified {
            prediction_id: letter.prediction_id.clone(),
            labels: letter.labels.iter().take(MAX_LABELS).map(LabelScore::from).collect(),
            abstained: letter.abstained,
            repeated: letter.flags.repeated.as_ref().map(|it| it.prediction_id.clone()),
            model: (&of.model).into(),
            taxonomy_version: of.taxonomy_version.clone(),
            mode: of.mode.as_str().to_owned(),
        }
    }
}

/// A document was dispatched.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DocumentDispatched {
    /// The prediction.
    pub prediction_id: String,
    /// The labels behind the suggested units, at most three.
    pub labels: Vec<LabelScore>,
    /// Whether the first unit is not likely enough.
    pub abstained: bool,
    /// Whether it is another ministry's.
    pub out_of_remit: bool,
    /// What answered.
    pub model: ModelName,
    /// Version of the taxonomy.
    pub taxonomy_version: String,
    /// `shadow`, `pilot` or `live`.
    pub mode: String,
}

impl DocumentDispatched {
    /// The event of an answer. Officers, numbers and reasons stay out.
    pub fn new(answer: &DispatchAnswer) -> DocumentDispatched {
        DocumentDispatched {
            prediction_id: answer.prediction_id.clone(),
            labels: answer.labels.iter().take(MAX_LABELS).map(LabelScore::from).collect(),
            abstained: answer.abstained,
            out_of_remit: answer.out_of_remit,
            model: (&answer.model).into(),
            taxonomy_version: answer.taxonomy_version.clone(),
            mode: answer.mode.as_str().to_owned(),
        }
    }
}

/// An ID image was recognised. It says nothing of the person: the fields are in the answer only.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct IdentityRecognised {
    /// The recognition.
    pub recognition_id: String,
    /// Kind of each document, in the order sent.
    pub document_types: Vec<String>,
    /// Pictures that should be taken again.
    pub n_retake: u32,
    /// What answered.
    pub model: ModelName,
}

impl IdentityRecognised {
    /// The event of a call.
    pub fn new(recognition_id: &str, answers: &[IdAnswer], model: &ModelInfo) -> Self {
        let retake = answers.iter().filter(|it| !it.recognition.quality.retake.is_empty());
        IdentityRecognised {
            recognition_id: recognition_id.to_owned(),
            document_types: answers
                .iter()
                .map(|it| it.recognition.document_type.as_str().to_owned())
                .collect(),
            n_retake: u32::try_from(retake.count()).unwrap_or(u32::MAX),
            model: model.into(),
        }
    }
}

/// An officer gave feedback. Who it was and why stays in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FeedbackReceived {
    /// The prediction.
    pub prediction_id: String,
    /// `accepted`, `corrected` or `discarded`.
    pub decision: String,
}

impl FeedbackReceived {
    /// The event of one feedback.
    pub fn new(prediction_id: &str, verdict: Verdict) -> FeedbackReceived {
        FeedbackReceived {
            prediction_id: prediction_id.to_owned(),
            decision: verdict.as_str().to_owned(),
        }
    }
}

/// No approved source answered a question, and a person takes over. What was asked stays in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QuestionUnanswered {
    /// The prediction, which is also the answer's id.
    pub prediction_id: String,
    /// Code of the agency that was asked, such as `301000000A`.
    pub org_code: String,
    /// `nothing_found`, `other_place`, `other_agency`, `words_missing`, `not_alike` or `not_shown`.
    pub refusal_reason: String,
    /// The index that was asked.
    pub model: ModelName,
    /// Path of the report that counts all such questions of the agency.
    pub report: String,
}

impl QuestionUnanswered {
    /// Path of the report.
    pub const REPORT: &'static str = "/api/v1/qa/unanswered";

    /// The event of a refused question. The nearest source stays out: it says what the question was about.
    pub fn new(answer: &Answer, refusal: Refusal, org: &str) -> QuestionUnanswered {
        QuestionUnanswered {
            prediction_id: answer.id.clone(),
            org_code: org.to_owned(),
            refusal_reason: refusal.as_str().to_owned(),
            model: (&answer.index).into(),
            report: QuestionUnanswered::REPORT.to_owned(),
        }
    }
}

/// A recording was transcribed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SpeechTranscribed {
    /// The job.
    pub job_id: String,
    /// Length of the recording in seconds.
    pub audio_seconds: f64,
    /// Segments of the transcript.
    pub segments: u32,
    /// Share of words in doubt, 0 to 1.
    pub low_confidence_ratio: f64,
    /// What answered.
    pub model: ModelName,
}

impl SpeechTranscribed {
    /// The event of a job.
    pub fn new(job_id: &str, transcript: &Transcript, model: &ModelInfo) -> SpeechTranscribed {
        SpeechTranscribed {
            job_id: job_id.to_owned(),
            audio_seconds: Duration::from_millis(transcript.duration).as_secs_f64(),
            segments: u32::try_from(transcript.segments.len()).unwrap_or(u32::MAX),
            low_confidence_ratio: share(transcript.low_confidence_ratio()),
            model: model.into(),
        }
    }
}

/// A person corrected an utterance of a transcript, or took a correction back. What was written, and by whom, is in the
/// transcript only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TranscriptCorrected {
    /// The job.
    pub job_id: String,
    /// The utterance: its `id` in the transcript.
    pub segment: u32,
    /// How often the transcript was changed, this change with it: its `version`.
    pub version: u64,
    /// `corrected` or `taken_back`.
    pub change: String,
}

/// Tables for the warehouse are ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ExportReady {
    /// The export.
    pub export_id: String,
    /// Of which day: `2026-11-23`.
    pub day: String,
    /// Number of tables.
    pub tables: u32,
    /// Rows of all tables.
    pub rows: u64,
    /// SHA-256 of the manifests of all tables, one after another by their names, lower-case hex.
    pub manifest_sha256: String,
}

/// Another version of a model answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelActivated {
    /// The version that answers now.
    pub model: ModelName,
    /// The version before; none for the first.
    pub previous_version: Option<String>,
    /// SHA-256 of its content, lower-case hex.
    pub sha256: String,
}

/// An agency has a service in another mode. Who chose it is in the audit log only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModeChanged {
    /// The service: `letters`, `documents`, `speech`, `qa` or `identity-documents`.
    pub service: String,
    /// `off`, `shadow`, `pilot` or `live`.
    pub mode: String,
}

impl ModeChanged {
    /// The event of a choice.
    pub fn new(service: ServiceName, mode: Mode) -> ModeChanged {
        ModeChanged { service: service.as_str().to_owned(), mode: mode.as_str().to_owned() }
    }
}

/// A probability to four digits; JSON knows no NaN.
fn share(value: f32) -> f64 {
    let value = f64::from(value);
    if value.is_finite() { (value * 1e4).round() / 1e4 } else { 0.0 }
}

/// Somebody must look at something. What it is about is told on the first page and in the log only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NoticeRaised {
    /// What kind: `release-refused`, `repeated-refusals`, `off-hours-reading`, `audit-broken`, `not-unsealed`,
    /// `dead-letters`, `disk-nearly-full`, `on-processor` or `bus-away`.
    pub kind: String,
}
