//! One call: who asks until when, and what a caller is told when it fails.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::base::{Deadline, ErrorCode, RequestId};

/// What is known of a call before its body is read.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// Identifies the call in logs and replies.
    pub request_id: RequestId,
    /// After this moment nobody waits for the answer.
    pub deadline: Deadline,
    /// What it belongs to.
    pub origin: Arc<Origin>,
    /// Purposes that are approved for the caller; any when none are told.
    pub purposes: Option<Arc<[String]>>,
    /// What comes out about it while it is worked on: for the record.
    pub said: Arc<Said>,
}

/// What comes out about a call while it is worked on. Each is noted once: the first counts.
#[derive(Debug, Default)]
pub struct Said {
    purpose: OnceLock<SaidPurpose>,
    caller: OnceLock<ProvenCaller>,
}

/// Who was proven to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenCaller {
    /// The client system.
    pub client: String,
    /// Code of its agency.
    pub org: String,
    /// Id of the person, or of the system where nobody is behind it.
    pub subject: String,
}

/// A purpose as it was said, and well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidPurpose {
    /// Code of the purpose.
    pub code: String,
    /// Number of the case.
    pub case_no: Option<String>,
}

impl Said {
    /// Notes a purpose, unless there is one.
    pub fn note(&self, purpose: SaidPurpose) {
        // A second one changes nothing.
        let _ = self.purpose.set(purpose);
    }

    /// The purpose, once it is read.
    pub fn get(&self) -> Option<&SaidPurpose> {
        self.purpose.get()
    }

    /// Notes who was proven, unless that is noted.
    pub fn note_caller(&self, caller: ProvenCaller) {
        // A second one changes nothing.
        let _ = self.caller.set(caller);
    }

    /// Who was proven.
    pub fn caller(&self) -> Option<&ProvenCaller> {
        self.caller.get()
    }
}

/// What a call belongs to, for the events that tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Code of the caller's agency: 1 to 64 letters, digits and hyphens.
    pub org: String,
    /// First request of the whole case.
    pub correlation: String,
    /// W3C trace context of the caller.
    pub trace_parent: Option<String>,
}

/// The services, as admission sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Recognition of ID images.
    IdCard,
    /// Classification of letters.
    Letters,
    /// Dispatch of documents.
    Documents,
    /// Answers to questions.
    Answers,
    /// Predictions made earlier, and feedback on them.
    Predictions,
    /// Vectors of texts.
    Embeddings,
}

/// A failed call, as its caller sees it. Its texts never carry input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// Which failure.
    pub code: ErrorCode,
    /// What went wrong and what to do, in Traditional Chinese.
    pub message: String,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// The quota that is used up.
    pub spent: Option<Spent>,
    /// Which values of the input are wrong.
    pub errors: Vec<FieldError>,
}

/// A quota that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Calls that a client may make.
    pub calls: u32,
    /// In this time.
    pub window: Duration,
    /// Until the next one.
    pub reset: Duration,
}

/// A wrong value in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Which failure.
    pub code: ErrorCode,
    /// What is expected there, in Traditional Chinese.
    pub detail: String,
}

impl CallError {
    /// A failure with a message in Traditional Chinese.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> CallError {
        CallError {
            code,
            message: message.into(),
            retry_after: None,
            spent: None,
            errors: Vec::new(),
        }
    }

    /// The same failure, worth trying again after `delay`.
    pub fn retry_after(self, delay: Duration) -> CallError {
        CallError { retry_after: Some(delay), ..self }
    }

    /// A call that is one too many, as this quota says.
    pub fn too_many(spent: Spent, message: impl Into<String>) -> CallError {
        let error = CallError::new(ErrorCode::Overloaded, message).retry_after(spent.reset);
        CallError { spent: Some(spent), ..error }
    }

    /// The same failure where what was read stands at `place` of what the caller sent.
    pub fn within(mut self, place: &str) -> CallError {
        for it in &mut self.errors {
            let pointer = format!("{place}{}", it.pointer);
            self.message = self.message.replacen(&it.pointer, &pointer, 1);
            it.pointer = pointer;
        }
        self
    }

    /// A bad value at `pointer`.
    pub fn bad_value(pointer: impl Into<String>, detail: impl Into<String>) -> CallError {
        let (pointer, detail) = (pointer.into(), detail.into());
        let mut error = CallError::new(ErrorCode::BadValue, format!("{pointer}:{detail}"));
        error.errors.push(FieldError { pointer, code: ErrorCode::BadValue, detail });
        error
    }

    /// The deadline passed.
    pub fn timeout() -> CallError {
        CallError::new(ErrorCode::Timeout, "未能在期限內完成處理,請稍後再試。")
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call failed with {}", self.code.number())
    }
}

impl std::error::Error for CallError {}
