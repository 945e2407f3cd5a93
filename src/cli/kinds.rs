//! What the services of this program do as jobs: the same calls that a transport makes, through the same door.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::base::{Clock, ErrorCode, Private, RequestId};
use crate::service::jobs::{BlobReader, JobContext, JobFailure, JobKind, JobOutput};
use crate::service::{Admitted, Service, Unread};
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::v1::dispatch::DispatchResponse;
use crate::wire::v1::documents;
use crate::wire::v1::letters::{self, ClassificationResponse};
use crate::wire::v1::meta::PurposeRule;

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
    vec![Arc::new(ClassifyLetters(texts.clone())), Arc::new(DispatchDocument(texts.clone()))]
}

impl TextKind {
    async fn open(
        &self,
        task: Task,
        input: BlobReader,
    ) -> Result<(Admitted, Private<Vec<u8>>), JobFailure> {
        let passing = |code| JobFailure { code, is_passing: true };
        let content = input.collect(self.max_bytes).await;
        let content = content.map_err(|_| passing(ErrorCode::Internal))?;
        let content = content.ok_or(JobFailure { code: ErrorCode::TooLarge, is_passing: false })?;
        let deadline = self.clock.now() + self.time;
        let cx = CallContext { request_id: RequestId::fresh(self.clock.as_ref()), deadline };
        Ok((self.service.admit(&cx, task)?, content))
    }
}

fn output(answer: &impl Serialize) -> Result<JobOutput, JobFailure> {
    let content = serde_json::to_vec(answer);
    let content =
        content.map_err(|_| JobFailure { code: ErrorCode::Internal, is_passing: false })?;
    Ok(JobOutput { media_type: JSON, content: Private::new(content) })
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

    fn check(&self, input: &[u8]) -> Result<(), CallError> {
        letters::parse(input, self.0.rule).map(|_| ())
    }

    fn run(
        &self,
        _: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
        let kind = self.0.clone();
        async move {
            let (admitted, json) = kind.open(Task::Letters, input).await?;
            let (n_bytes, rule) = (json.expose().len(), kind.rule);
            let read = move || letters::parse(json.expose(), rule);
            let answers = admitted.classify_letters(Unread { n_bytes, read }).await?;
            output(&ClassificationResponse::from(answers))
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

    fn check(&self, input: &[u8]) -> Result<(), CallError> {
        documents::parse(input, self.0.rule).map(|_| ())
    }

    fn run(
        &self,
        _: JobContext,
        input: BlobReader,
    ) -> BoxFuture<'static, Result<JobOutput, JobFailure>> {
        let kind = self.0.clone();
        async move {
            let (admitted, json) = kind.open(Task::Documents, input).await?;
            let (n_bytes, rule) = (json.expose().len(), kind.rule);
            let read = move || documents::parse(json.expose(), rule);
            let answer = admitted.dispatch_document(Unread { n_bytes, read }).await?;
            output(&DispatchResponse::from(answer))
        }
        .boxed()
    }
}
