//! The audit log of calls over the bus.

use crate::audit::{
    Actor, ActorKind, AuditEvent, CallEnd, CallRecord, Listener, NotWritten, Row, Word,
};
use crate::base::{ErrorCode, RequestId};
use crate::policy::Route;
use crate::task::call::{CallError, Said};
use crate::wire::problem;

use super::call::Proven;
use super::{Operation, Rpc};

/// What is recorded of a call: who calls is what was proven, or what the gateway in front says where nothing needs
/// to be, and nobody when that is malformed.
pub(super) fn row(
    rpc: &Rpc,
    operation: Operation,
    proven: Option<&Proven>,
    (request_id, trace_id): (RequestId, &str),
) -> Row {
    let client = proven.and_then(|it| Word::new(&it.caller.client));
    let actor = client.clone().map_or_else(Actor::unknown, |id| Actor {
        org: proven.and_then(|it| Word::new(&it.caller.org)),
        asserted: proven.is_none_or(|it| !it.is_proven),
        ..Actor::of(ActorKind::System, id)
    });
    let action = Word::new(&format!("{}.{}", operation.service(), operation.name()));
    let action = action.unwrap_or(Word::of("long"));
    let (method, path) = operation.route();
    let reads = Route::find(method, path).is_some_and(Route::reads_kept);
    Row {
        client,
        is_off_hours: reads && rpc.service.notices().is_off_hours(),
        request_id: Word::new(&request_id.to_string()),
        trace_id: Word::new(trace_id),
        ..Row::new(AuditEvent::BusCalled, Listener::Bus, actor, action)
    }
}

/// Works between the two rows of a call. Every operation touches personal data, so none is done or answered unless that
/// is on record.
pub(super) async fn recorded(
    rpc: &Rpc,
    row: Row,
    said: &Said,
    work: impl Future<Output = Result<Vec<u8>, CallError>>,
) -> Result<Vec<u8>, CallError> {
    let opened = CallRecord::open(&rpc.audit, &rpc.clock, row).await;
    let record = opened.map_err(|NotWritten| not_recorded())?;
    let answer = work.await;
    let error = answer.as_ref().err().map(|it| it.code);
    let end = CallEnd {
        status: error.map_or(200, problem::status),
        reason: error.map(ErrorCode::number),
        purpose: said.get().and_then(|it| Word::new(&it.code)),
        case_no: said.get().and_then(|it| Word::new(it.case_no.as_ref()?)),
        object: None,
        proven: None,
    };
    match record.close(end).await {
        Err(NotWritten) if answer.is_ok() => Err(not_recorded()),
        _ => answer,
    }
}

fn not_recorded() -> CallError {
    let message =
        "稽核紀錄目前無法寫入,為保護個資暫停處理;請稍後再試,並通知維運人員檢查稽核目錄與磁碟空間。";
    CallError::new(ErrorCode::Unrecorded, message)
}
