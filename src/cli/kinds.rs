//! What the services of this program do as jobs: the same calls that a transport makes, through the same door.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::base::{Clock, ErrorCode, Private, RequestId};
use crate::service::jobs::{BlobReader, Job, JobContext, JobFailure, JobKind, JobOutput, Matter};
use crate::service::subjects::{self, Identifier};
use crate::service::{Admitted, Service, Unread};
use crate::task::call::{CallContext, CallError, Origin, Said, SaidPurpose, Task};
use crate::task::service::ServiceName;
use crate::wire::v1::dispatch::DispatchResponse;
use crate::wire::v1::documents;
use crate::wire::v1::letters::{self, ClassificationResponse};
use crate::wire::v1::meta::PurposeRule;
use crate::wire::v1::speech;

/// The service of recordings, whose jobs take long.
pub const SPEECH: &str = "speech";

/// Media type of inputs and results.
const JSON: &str = "application/json";

/// What the kinds of job share.
#[derive(Clone)]
pub struct TextKind {
    /// The door.
    pub service: Arc<Service>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Whether a call must name its purpose.
    pub rule: PurposeRule,
    /// Longest time of one attempt.
    pub time: Duration,
    /// Largest input in bytes.
    pub max_bytes: u64,
}

/// Every kind of job that this program knows.
pub fn all(texts: &TextKind) -> Vec<Arc<dyn JobKind>> {
    vec![
        Arc::new(ClassifyLetters(texts.clone())),
        Arc::new(DispatchDocument(texts.clone())),
        Arc::new(TranscribeRecording(texts.clone())),
    ]
}

impl TextKind {
    async fn open(
        &self,
        task: Task,
        job: &Job,
        input: BlobReader,
    ) -> Result<(Admitted, Private<Vec<u8>>), JobFailure> {
        let content = self.collect(input).await?;
        let deadline = self.clock.now() + self.time;
        let origin = Arc::new(Origin {
            org: job.org.clone(),
            correlation: job.correlation.clone(),
            trace_parent: job.traceparent.clone(),
        });
        let said = Said::default();
        if let Some(code) = job.purpose.clone() {
            said.note(SaidPurpose { code, case_no: job.case_no.clone() });
        }
        let cx = CallContext {
            request_id: RequestId::fresh(self.clock.as_ref()),
            deadline,
            origin,
            purposes: None,
            said: Arc::new(said),
        };
        Ok((self.service.admit(&cx, task)?, content))
    }

    fn require_on(&self, org: &str, service: ServiceName) -> Result<(), CallError> {
        self.service.modes().require_on(org, service).map(drop)
    }

    async fn collect(&self, input: BlobReader) -> Result<Private<Vec<u8>>, JobFailure> {
        let content = input.collect(self.max_bytes).await;
        let passing = JobFailure { code: ErrorCode::Internal, is_passing: true };
        let content = content.map_err(|_| passing)?;
        content.ok_or(JobFailure { code: ErrorCode::TooLarge, is_passing: false })
    }
}

fn output(answer: &impl Serialize, mentions: Vec<Identifier>) -> Result<JobOutput, JobFailure> {
    let content = serde_json::to_vec(answer);
    let content =
        content.map_err(|_| JobFailure { code: ErrorCode::Internal, is_passing: false })?;
    Ok(JobOutput { media_type: JSON, content: Private::new(content), event: None, mentions })
}

/// `letters` `classify`.
struct ClassifyLetters(TextKind);

impl JobKind for ClassifyLetters {
    fn service(&self) -> &'static str {
        "letters"
    }

    fn operation(&self) -> &'static str {
        "classify"
    }

    fn admits(&self, org: &str) -> Result<(), CallError> {
        self.0.require_on(org, ServiceName::Letters)
    }

    fn check(&self, input: &[u8]) -> Result<(), CallError> {
        letters::parse(input, self.0.rule.clone()).map(|_| ())
    }

    fn run(
        &self,
        context: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
        let kind = self.0.clone();
        async move {
            let (admitted, json) = kind.open(Task::Letters, context.job(), input).await?;
            let mentions = subjects::identifiers_in_json(json.expose());
            let (n_bytes, rule) = (json.expose().len(), kind.rule);
            let read = move || letters::parse(json.expose(), rule);
            let answers = admitted.classify_letters(Unread { n_bytes, read }).await?;
            output(&ClassificationResponse::from(answers), mentions)
        }
        .boxed()
    }
}

/// `documents` `dispatch`.
struct DispatchDocument(TextKind);

impl JobKind for DispatchDocument {
    fn service(&self) -> &'static str {
        "documents"
    }

    fn operation(&self) -> &'static str {
        "dispatch"
    }

    fn admits(&self, org: &str) -> Result<(), CallError> {
        self.0.require_on(org, ServiceName::Documents)
    }

    fn check(&self, input: &[u8]) -> Result<(), CallError> {
        documents::parse(input, self.0.rule.clone()).map(|_| ())
    }

    fn run(
        &self,
        context: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
        let kind = self.0.clone();
        async move {
            let (admitted, json) = kind.open(Task::Documents, context.job(), input).await?;
            let mentions = subjects::identifiers_in_json(json.expose());
            let (n_bytes, rule) = (json.expose().len(), kind.rule);
            let read = move || documents::parse(json.expose(), rule);
            let answer = admitted.dispatch_document(Unread { n_bytes, read }).await?;
            output(&DispatchResponse::from(answer), mentions)
        }
        .boxed()
    }
}

/// `speech` `transcribe`.
struct TranscribeRecording(TextKind);

impl JobKind for TranscribeRecording {
    fn service(&self) -> &'static str {
        SPEECH
    }

    fn operation(&self) -> &'static str {
        "transcribe"
    }

    fn admits(&self, org: &str) -> Result<(), CallError> {
        self.0.require_on(org, ServiceName::Speech)
    }

    fn check(&self, input: &[u8]) -> Result<(), CallError> {
        speech::parse_input(input, self.0.rule.clone()).map(|_| ())
    }

    fn matter(&self) -> Matter {
        Matter::Recording
    }

    fn attached(&self, input: &[u8]) -> Option<String> {
        speech::parse_input(input, PurposeRule::Optional).ok().map(|it| it.0)
    }

    fn run(
        &self,
        context: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
        let kind = self.0.clone();
        async move {
            let json = kind.collect(input).await?;
            let (upload, order) = speech::parse_input(json.expose(), kind.rule)?;
            let speech = kind.service.speech_for(&context.job().org)?;
            speech.transcribe_job(context, &upload, order.order).await
        }
        .boxed()
    }
}
