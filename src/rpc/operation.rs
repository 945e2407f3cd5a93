//! The operations: from a request's body to an answer's, through the one door.

use serde::Serialize;

use crate::base::{ErrorCode, Private};
use crate::bus::{Subject, SubjectError};
use crate::policy::Scopes;
use crate::service::jobs::Caller;
use crate::service::{Service, Unread};
use crate::task::call::{CallContext, CallError, Task};
use crate::task::idcard::{IdCall, ModelInfo};
use crate::task::service::ServiceName;
use crate::wire::v1::documents::DocumentFormat;
use crate::wire::v1::picture::{self, Picture};
use crate::wire::v1::recognition::RecognitionAnswer;
use crate::wire::v1::{answers, dispatch, letters, prediction, suggestions};

use super::{Rpc, jobs, later};

/// What can be asked over the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Classification of letters.
    ClassifyLetters,
    /// Dispatch of a document.
    DispatchDocument,
    /// Recognition of ID images.
    RecogniseIdentity,
    /// An answer to a question.
    AnswerQuestion,
    /// Sources for what was asked in a call.
    SuggestAnswers,
    /// Feedback on a prediction.
    AddFeedback,
    /// Transcription of a recording, as a job.
    TranscribeRecording,
    /// Another text for an utterance of a transcript.
    CorrectTranscript,
    /// How far a job is.
    ReadJob,
    /// What came of a job.
    ReadJobResult,
    /// Takes a job back.
    CancelJob,
    /// The caller's jobs.
    ListJobs,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 12] = [
        Operation::ClassifyLetters,
        Operation::DispatchDocument,
        Operation::RecogniseIdentity,
        Operation::AnswerQuestion,
        Operation::SuggestAnswers,
        Operation::AddFeedback,
        Operation::TranscribeRecording,
        Operation::CorrectTranscript,
        Operation::ReadJob,
        Operation::ReadJobResult,
        Operation::CancelJob,
        Operation::ListJobs,
    ];

    /// The service that it belongs to, as in subjects.
    pub fn service(self) -> &'static str {
        match self {
            Operation::ClassifyLetters => "letters",
            Operation::DispatchDocument => "documents",
            Operation::RecogniseIdentity => "identity-documents",
            Operation::AnswerQuestion | Operation::SuggestAnswers => "qa",
            Operation::AddFeedback => "predictions",
            Operation::TranscribeRecording | Operation::CorrectTranscript => "speech",
            Operation::ReadJob
            | Operation::ReadJobResult
            | Operation::CancelJob
            | Operation::ListJobs => "jobs",
        }
    }

    /// Its name, as in subjects.
    pub fn name(self) -> &'static str {
        match self {
            Operation::ClassifyLetters => "classify",
            Operation::DispatchDocument => "dispatch",
            Operation::RecogniseIdentity => "recognise",
            Operation::AnswerQuestion => "answer",
            Operation::SuggestAnswers => "suggest",
            Operation::AddFeedback => "feedback",
            Operation::TranscribeRecording => "transcribe",
            Operation::CorrectTranscript => "correct",
            Operation::ReadJob => "read",
            Operation::ReadJobResult => "result",
            Operation::CancelJob => "cancel",
            Operation::ListJobs => "list",
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Operation::ClassifyLetters => "信件智能分類",
            Operation::DispatchDocument => "電子公文智能分文",
            Operation::RecogniseIdentity => "證件影像辨識",
            Operation::AnswerQuestion => "客戶問答",
            Operation::SuggestAnswers => "客服輔助",
            Operation::AddFeedback => "預測的回饋",
            Operation::TranscribeRecording => "語音轉寫",
            Operation::CorrectTranscript => "更正逐字稿",
            Operation::ReadJob => "工作狀態",
            Operation::ReadJobResult => "工作的結果",
            Operation::CancelJob => "取消工作",
            Operation::ListJobs => "工作清單",
        }
    }

    /// Method and path of the same over HTTP, whose rules hold here too.
    pub fn route(self) -> (&'static str, &'static str) {
        let path = match self {
            Operation::ClassifyLetters => "/api/v1/letters/classifications",
            Operation::DispatchDocument => "/api/v1/documents/dispatch-suggestions",
            Operation::RecogniseIdentity => "/api/v1/identity-documents/recognitions",
            Operation::AnswerQuestion => "/api/v1/qa/answers",
            Operation::SuggestAnswers => "/api/v1/qa/suggestions",
            Operation::AddFeedback => "/api/v1/predictions/{id}/feedback",
            Operation::TranscribeRecording => "/api/v1/speech/transcriptions",
            Operation::CorrectTranscript => {
                let path = "/api/v1/speech/transcriptions/{id}/segments/{number}/correction";
                return ("PUT", path);
            }
            Operation::ReadJob => return ("GET", "/api/v1/jobs/{id}"),
            Operation::ReadJobResult => return ("GET", "/api/v1/jobs/{id}/result"),
            Operation::CancelJob => "/api/v1/jobs/{id}/cancel",
            Operation::ListJobs => return ("GET", "/api/v1/jobs"),
        };
        ("POST", path)
    }

    /// The schema of its request, among those of the HTTP description.
    pub fn request(self) -> &'static str {
        match self {
            Operation::ClassifyLetters => "ClassificationRequest",
            Operation::DispatchDocument => "DispatchRequest",
            Operation::RecogniseIdentity => "PictureRequest",
            Operation::AnswerQuestion => "AnswerRequest",
            Operation::SuggestAnswers => "SuggestionRequest",
            Operation::AddFeedback => "NamedFeedbackRequest",
            Operation::TranscribeRecording => "TranscriptionRequest",
            Operation::CorrectTranscript => "NamedCorrectionRequest",
            Operation::ReadJob | Operation::ReadJobResult | Operation::CancelJob => {
                "NamedJobRequest"
            }
            Operation::ListJobs => "JobListRequest",
        }
    }

    /// The schema of its answer; none where the answer is empty, or is that of another operation.
    pub fn reply(self) -> Option<&'static str> {
        match self {
            Operation::ClassifyLetters => Some("ClassificationResponse"),
            Operation::DispatchDocument => Some("DispatchResponse"),
            Operation::RecogniseIdentity => Some("RecognitionAnswer"),
            Operation::AnswerQuestion => Some("AnswerResponse"),
            Operation::SuggestAnswers => Some("SuggestionResponse"),
            Operation::AddFeedback | Operation::ReadJobResult => None,
            Operation::TranscribeRecording => Some("JobAccepted"),
            Operation::CorrectTranscript => Some("CorrectionResponse"),
            Operation::ReadJob | Operation::CancelJob => Some("JobResponse"),
            Operation::ListJobs => Some("JobPage"),
        }
    }

    /// Where it is asked.
    ///
    /// # Errors
    /// Never for these names.
    pub fn subject(self) -> Result<Subject, SubjectError> {
        Subject::rpc(self.service(), self.name())
    }

    /// Whether it may be sent as a command, too, which becomes a job.
    pub fn becomes_job(self) -> bool {
        matches!(
            self,
            Operation::ClassifyLetters
                | Operation::DispatchDocument
                | Operation::TranscribeRecording
        )
    }

    /// Whether a node with this service answers it; a job is taken in anywhere.
    pub(super) fn is_here(self, service: &Service) -> bool {
        let of = match self {
            Operation::ClassifyLetters => ServiceName::Letters,
            Operation::DispatchDocument => ServiceName::Documents,
            Operation::RecogniseIdentity => ServiceName::IdentityDocuments,
            Operation::AnswerQuestion | Operation::SuggestAnswers => ServiceName::Questions,
            Operation::AddFeedback
            | Operation::TranscribeRecording
            | Operation::CorrectTranscript
            | Operation::ReadJob
            | Operation::ReadJobResult
            | Operation::CancelJob
            | Operation::ListJobs => return true,
        };
        service.has(of)
    }

    /// Which model answers now.
    pub(super) fn model(self, service: &Service) -> Option<ModelInfo> {
        match self {
            Operation::ClassifyLetters => {
                service.classifier(Task::Letters).map(|it| it.info.clone())
            }
            Operation::DispatchDocument => {
                service.classifier(Task::Documents).map(|it| it.info.clone())
            }
            Operation::RecogniseIdentity => service.idcard_model(),
            Operation::AnswerQuestion | Operation::SuggestAnswers => service.answers().0,
            Operation::AddFeedback
            | Operation::CorrectTranscript
            | Operation::ReadJob
            | Operation::ReadJobResult
            | Operation::CancelJob
            | Operation::ListJobs => None,
            Operation::TranscribeRecording => service.speech().model().cloned(),
        }
    }

    /// Answers with a JSON document, or with nothing.
    pub(super) async fn run(self, rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
        match self {
            Operation::ClassifyLetters => classify(rpc, asked).await,
            Operation::DispatchDocument => dispatch(rpc, asked).await,
            Operation::RecogniseIdentity => recognise(rpc, asked).await,
            Operation::AnswerQuestion => answer(rpc, asked).await,
            Operation::SuggestAnswers => suggest(rpc, asked).await,
            Operation::AddFeedback => feedback(rpc, asked).await,
            Operation::TranscribeRecording => later::transcribe(rpc, asked).await,
            Operation::CorrectTranscript => Box::pin(later::correct(rpc, asked)).await,
            Operation::ReadJob => jobs::read(rpc, asked).await,
            Operation::ReadJobResult => Box::pin(jobs::result(rpc, asked)).await,
            Operation::CancelJob => jobs::cancel(rpc, asked).await,
            Operation::ListJobs => jobs::list(rpc, asked).await,
        }
    }
}

/// A request before its body is read.
pub(super) struct Asked<'a> {
    /// The call.
    pub(super) cx: CallContext,
    /// Who calls.
    pub(super) caller: Caller,
    /// In whose name: a person's where one is proven.
    pub(super) by: String,
    /// What the caller may do.
    pub(super) scopes: Scopes,
    /// Lower case, without parameters; JSON when the caller said nothing.
    pub(super) media_type: &'a str,
    /// Bytes that the answer may have.
    pub(super) max_reply: usize,
    /// The body.
    pub(super) body: Private<Vec<u8>>,
}

impl Asked<'_> {
    pub(super) fn require_json(&self) -> Result<(), CallError> {
        if self.media_type == "application/json" {
            return Ok(());
        }
        Err(CallError::new(ErrorCode::UnsupportedMedia, "請以 application/json 傳送。"))
    }

    pub(super) fn require_short(&self, limit: usize) -> Result<(), CallError> {
        if self.body.expose().len() <= limit {
            return Ok(());
        }
        Err(CallError::new(ErrorCode::TooLarge, format!("內容超過 {limit} 位元組的上限。")))
    }
}

async fn classify(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_json_bytes)?;
    let admitted = rpc.service.admit(&asked.cx, Task::Letters)?;
    let ask = rpc.options.purpose.noting(&asked.cx);
    let body = asked.body;
    let n_bytes = body.expose().len();
    let read = move || letters::parse(body.expose(), ask);
    let answers = admitted.classify_letters(Unread { n_bytes, read }).await?;
    encode(&letters::ClassificationResponse::from(answers))
}

async fn dispatch(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    let form = DocumentFormat::of(asked.media_type).ok_or_else(|| {
        let message = "請以 application/json 或 application/xml(DI)傳送。";
        CallError::new(ErrorCode::UnsupportedMedia, message)
    })?;
    asked.require_short(rpc.options.max_json_bytes)?;
    let admitted = rpc.service.admit(&asked.cx, Task::Documents)?;
    let ask = rpc.options.purpose.noting(&asked.cx);
    let body = asked.body;
    let n_bytes = body.expose().len();
    let read = move || form.parse(body.expose(), ask);
    let answer = admitted.dispatch_document(Unread { n_bytes, read }).await?;
    encode(&dispatch::DispatchResponse::from(answer))
}

async fn recognise(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    let admitted = rpc.service.admit(&asked.cx, Task::IdCard)?;
    let order = picture::parse(asked.body.expose(), rpc.options.purpose.noting(&asked.cx))?;
    let limit = rpc.options.max_image_bytes;
    let mut pictures = Vec::new();
    for picture in order.pictures {
        let file = match picture {
            Picture::File(file) => file,
            Picture::Upload(id) => {
                let claimed = rpc.uploads.claim(&id, limit);
                let claimed = tokio::time::timeout_at(asked.cx.deadline.into(), claimed).await;
                claimed.unwrap_or_else(|_| Err(CallError::timeout()))?
            }
        };
        if limit < file.expose().len() {
            return Err(picture::too_large(limit));
        }
        pictures.push(file);
    }
    let wanted = order.order.wanted;
    let answers = admitted.recognise_id(IdCall { pictures, wanted }).await?;
    let model = rpc.service.idcard_model().ok_or_else(internal)?;
    let answer = RecognitionAnswer::new(asked.cx.request_id, &order.order, answers, model);
    encode(&answer.ok_or_else(internal)?)
}

async fn answer(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_meta_bytes)?;
    let admitted = rpc.service.admit(&asked.cx, Task::Answers)?;
    let ask = rpc.options.purpose.noting(&asked.cx);
    let body = asked.body;
    let n_bytes = body.expose().len();
    let read = move || answers::parse(body.expose(), ask);
    let answer = admitted.answer_question(Unread { n_bytes, read }).await?;
    encode(&answers::AnswerResponse::from(answer))
}

async fn suggest(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_json_bytes)?;
    let admitted = rpc.service.admit(&asked.cx, Task::Answers)?;
    let ask = rpc.options.purpose.noting(&asked.cx);
    let body = asked.body;
    let n_bytes = body.expose().len();
    let read = move || suggestions::parse(body.expose(), ask);
    let found = admitted.suggest_answers(Unread { n_bytes, read }).await?;
    encode(&suggestions::SuggestionResponse::from(found))
}

async fn feedback(rpc: &Rpc, asked: Asked<'_>) -> Result<Vec<u8>, CallError> {
    asked.require_json()?;
    asked.require_short(rpc.options.max_meta_bytes)?;
    let admitted = rpc.service.admit(&asked.cx, Task::Predictions)?;
    let (id, feedback) = prediction::parse_named(asked.body.expose())?;
    admitted.add_feedback(id, Unread { n_bytes: 0, read: || Ok(feedback) }).await?;
    Ok(Vec::new())
}

pub(super) fn encode(answer: &impl Serialize) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(answer).map_err(|_| internal())
}

fn internal() -> CallError {
    CallError::new(ErrorCode::Internal, "系統發生錯誤。")
}
