//! Commands: messages that wait on the bus until a node has made a job of each, as a call over HTTP becomes one whose
//! caller prefers that.
//!
//! What waits may be delivered twice, so the id of a command is the key of its repetitions. What can never succeed becomes a
//! dead letter with the code of the failure; what may pass comes again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base::{ErrorCode, Private, hex};
use crate::bus::{
    Bus, BusError, CloudEvent, Data, Delivery, Extension, Filter, Handle, Headers, Outcome, ROOT,
    Request, Subject, Subscription,
};
use crate::service::jobs::{JobInput, JobOrder, Repetition};
use crate::task::call::CallError;
use crate::task::service::ServiceName;
use crate::wire::call::{TRACE_PARENT, is_request_id};

use super::call::{self, Manner};
use super::operation::Asked;
use super::{Operation, Rpc, later};

/// Commands of one service that a node reads at one time; the work on their jobs is the workers'.
const MAX_READING: usize = 8;

/// Under which route repetitions are known, beside those of calls.
const ROUTE: &str = "commands";

/// Pauses before a command is delivered again; the longest also for what follows.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
];

/// Receives the commands of the services that this node has, until the handles are stopped or dropped. Each service has a
/// durable of its own: nodes that have it share its commands, and those of others wait for theirs.
///
/// # Errors
/// As [`Bus::subscribe`].
pub async fn receive(bus: &dyn Bus, rpc: &Arc<Rpc>) -> Result<Vec<Handle>, BusError> {
    let mut handles = Vec::new();
    for service in ServiceName::ALL.into_iter().filter(|it| rpc.service.has(*it)) {
        let name = service.as_str();
        let rpc = Arc::clone(rpc);
        let handler = Arc::new(move |delivery| {
            let rpc = Arc::clone(&rpc);
            async move { received(&rpc, delivery).await }.boxed()
        });
        let subscription = Subscription {
            filter: Filter::parse(&format!("{ROOT}.job.{name}.>"))?,
            durable: format!("commands-{name}"),
            max_in_flight: MAX_READING,
            handler,
        };
        handles.push(bus.subscribe(subscription).await?);
    }
    Ok(handles)
}

async fn received(rpc: &Rpc, delivery: Delivery) -> Outcome {
    let Delivery { subject, event, headers, attempt, .. } = delivery;
    let Some(operation) = operation_of(&subject) else {
        tracing::warn!(%subject, "a command for an operation that does not become a job");
        return Outcome::Reject(ErrorCode::NotFound.number());
    };
    let command = Command::of(&event);
    let request = request(subject, &event, headers);
    let reply = call::answer(rpc, operation, &Manner::Later(command), request).await;
    match reply.failure {
        None => Outcome::Ack,
        // Too slow, too many, or something of ours.
        Some((408 | 429 | 500.., _)) => Outcome::Retry(pause(attempt)),
        Some((_, code)) => Outcome::Reject(code),
    }
}

/// The operation of a command, where it becomes a job.
fn operation_of(subject: &Subject) -> Option<Operation> {
    let is_it = |it: &Operation| {
        it.becomes_job() && Subject::job(it.service(), it.name()).is_ok_and(|it| it == *subject)
    };
    Operation::ALL.into_iter().find(is_it)
}

/// The document of a command as a request has it.
fn request(subject: Subject, event: &CloudEvent, mut headers: Headers) -> Request {
    // Those of the message are about its envelope.
    let (media_type, body) = match &event.data {
        Some(Data::Json(document)) => ("application/json", document.to_string().into_bytes()),
        Some(Data::Binary(bytes)) => ("application/octet-stream", bytes.clone()),
        None => ("application/json", Value::Null.to_string().into_bytes()),
    };
    headers.insert("content-type".to_owned(), media_type.to_owned());
    if let Some(Extension::String(trace)) = event.extension(TRACE_PARENT) {
        headers.entry(TRACE_PARENT.to_owned()).or_insert_with(|| trace.clone());
    }
    Request { subject, headers, body: Private::new(body) }
}

fn pause(attempt: u32) -> Duration {
    let idx = (attempt.saturating_sub(1) as usize).min(PAUSES.len() - 1);
    PAUSES.get(idx).copied().unwrap_or_default()
}

/// What a command says beside its document.
pub(super) struct Command {
    id: String,
    source: String,
    correlation: Option<String>,
}

impl Command {
    fn of(event: &CloudEvent) -> Command {
        let correlation = match event.extension("correlationid") {
            Some(Extension::String(id)) => Some(id.clone()),
            _ => None,
        };
        Command { id: event.id().to_owned(), source: event.source().to_owned(), correlation }
    }

    /// By which its sender knows what follows: the case that it names, else the command itself.
    pub(super) fn correlation(&self) -> &str {
        self.correlation.as_ref().unwrap_or(&self.id)
    }

    /// Makes a job of it, once; the answer is that of the call over HTTP.
    pub(super) async fn accept(
        &self,
        rpc: &Rpc,
        operation: Operation,
        asked: Asked<'_>,
    ) -> Result<Vec<u8>, CallError> {
        // Events, which carry them on, have ids of this form only.
        for (id, at) in [(self.id.as_str(), "/id"), (self.correlation(), "/correlationid")] {
            if !is_request_id(id) {
                return Err(CallError::bad_value(at, "應為 1 到 64 個英數字、-、_ 或 .。"));
            }
        }
        asked.require_json()?;
        if rpc.service.is_draining() {
            let message = "服務即將停機,請改送其他節點或稍後再試。";
            return Err(CallError::new(ErrorCode::Unavailable, message));
        }
        let repetition = self.repetition(operation, asked.body.expose());
        // Before anything is looked at: of a repetition the upload may be gone by now.
        if let Some(answer) = rpc.jobs.answered(&asked.caller, &repetition).await? {
            return Ok(answer);
        }
        match operation {
            Operation::TranscribeRecording => later::order(rpc, asked, Some(repetition)).await,
            _ => order(rpc, operation, asked, repetition).await,
        }
    }

    fn repetition(&self, operation: Operation, document: &[u8]) -> Repetition {
        let names = Sha256::new().chain_update(&self.source).chain_update([0]);
        let key = hex(&names.chain_update(&self.id).finalize());
        let of = format!("{}.{}", operation.service(), operation.name());
        let fingerprint = Sha256::new().chain_update(of).chain_update([0]).chain_update(document);
        Repetition { key, route: ROUTE, fingerprint: fingerprint.finalize().to_vec() }
    }
}

/// The job of an operation that takes texts.
async fn order(
    rpc: &Rpc,
    operation: Operation,
    asked: Asked<'_>,
    repetition: Repetition,
) -> Result<Vec<u8>, CallError> {
    rpc.options.purpose.noting(&asked.cx).check_document(asked.body.expose())?;
    let order = JobOrder {
        caller: asked.caller,
        service: operation.service().to_owned(),
        operation: operation.name().to_owned(),
        input: JobInput::Bytes { media_type: "application/json", content: asked.body, at: "" },
        priority: 0,
        purpose: None,
        case_no: None,
        correlation: asked.cx.origin.correlation.clone(),
        traceparent: asked.cx.origin.trace_parent.clone(),
    };
    later::accept(rpc, order, Some(repetition)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_a_job_is_found_by_its_subject() {
        for (text, expected) in [
            ("moi.ai.v1.job.letters.classify", Some(Operation::ClassifyLetters)),
            ("moi.ai.v1.job.documents.dispatch", Some(Operation::DispatchDocument)),
            ("moi.ai.v1.job.speech.transcribe", Some(Operation::TranscribeRecording)),
            ("moi.ai.v1.job.speech.correct", None),
            ("moi.ai.v1.job.qa.answer", None),
            ("moi.ai.v1.rpc.letters.classify", None),
            ("moi.ai.v1.job.letters.classify.now", None),
        ] {
            assert_eq!(operation_of(&Subject::parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let seconds: Vec<u64> = [0, 1, 2, 3, 4, 5, 99].map(|it| pause(it).as_secs()).to_vec();
        assert_eq!(seconds, [5, 5, 60, 300, 1800, 1800, 1800]);
    }
}
