//! What is done on the screen 個資. Each act is on record before it is answered.

use axum::Json;
use axum::body::Body;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::audit::{Actor, ActorKind, AuditEvent, Listener, Outcome, Row, Word};
use crate::base::{ErrorCode, Private};
use crate::console::format;
use crate::console::shell::Visit;
use crate::http::{media_type, refusal, status};
use crate::policy::{Kind, Principal};
use crate::service::privacy::{
    Approval, CopiedFile, Found, HoldKind, Identifier, IdentifierKind, PrivacyError, Subject,
};
use crate::task::call::CallError;

/// Longest body, in bytes.
const MAX_BODY: usize = 16 << 10;

/// Largest content of one row, and of all together, that is copied out over the network, in bytes.
const MAX_CONTENT: u64 = 64 << 20;

/// What is asked. No `Debug`: it may hold an identifier.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    r#do: String,
    kind: String,
    identifier: String,
    held: String,
    object: String,
    id: String,
    reason: String,
    by: String,
}

/// What was done, and what is recorded of it.
struct Done {
    answer: Value,
    object: Option<Word>,
    count: Option<u64>,
}

/// `POST /console/privacy`.
pub(in crate::console::screens) async fn act(visit: Visit, body: Body) -> Response {
    match acted(&visit, body).await {
        Ok(answer) => ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        Err(error) => refusal(error),
    }
}

async fn acted(visit: &Visit, body: Body) -> Result<Value, CallError> {
    // A form of another site can send text, but not this type without asking first.
    if media_type(visit.headers()) != "application/json" {
        let message = "請以 application/json 傳送。";
        return Err(CallError::new(ErrorCode::UnsupportedMedia, message));
    }
    let asked = axum::body::to_bytes(body, MAX_BODY).await.ok();
    let asked = asked.and_then(|it| serde_json::from_slice::<Asked>(&it).ok());
    let asked = asked.ok_or_else(|| CallError::bad_value("", "內容有誤,請重新整理後再試。"))?;
    let (event, action) = match asked.r#do.as_str() {
        "find" => (AuditEvent::SubjectFound, "console privacy find"),
        "copy" => (AuditEvent::SubjectExported, "console privacy copy"),
        "ask" => (AuditEvent::ErasureAsked, "console privacy ask"),
        "approve" => (AuditEvent::ErasureDone, "console privacy approve"),
        "hold" => (AuditEvent::RetentionHeld, "console privacy hold"),
        "lift" => (AuditEvent::RetentionLifted, "console privacy lift"),
        _ => return Err(CallError::bad_value("/do", "沒有這個動作。")),
    };
    let principal = visit.principal.as_deref();
    let principal = principal.ok_or_else(|| CallError::new(ErrorCode::Forbidden, "沒有權限。"))?;
    let by = by(principal, &asked)?;
    let done = perform(visit, &asked, &by).await;
    let mut row = row(principal, (event, action), &by);
    match &done {
        Ok(done) => {
            row.object = done.object.clone();
            row.count = done.count;
        }
        Err(error) => row.outcome = Some(Outcome::of_status(status(error.code).as_u16())),
    }
    let written = visit.console.audit.append(row).await;
    let done = done?;
    match written {
        Ok(_) => Ok(done.answer),
        Err(_) => Err(CallError::new(
            ErrorCode::Unrecorded,
            "稽核紀錄目前無法寫入;請通知維運人員檢查稽核目錄與磁碟空間。",
        )),
    }
}

/// In whose name something is done: who has proven it, or what whoever is local says.
fn by(principal: &Principal, asked: &Asked) -> Result<String, CallError> {
    let needs_name = matches!(asked.r#do.as_str(), "ask" | "approve" | "hold" | "lift");
    if principal.kind != Kind::Local {
        return Ok(super::name(principal).to_owned());
    }
    if needs_name { said("/by", &asked.by) } else { Ok(String::new()) }
}

/// A word that may stand in a row: 1 to 128 characters.
fn said(pointer: &str, text: &str) -> Result<String, CallError> {
    let word = Word::new(text.trim()).map(|it| it.as_str().to_owned());
    word.ok_or_else(|| CallError::bad_value(pointer, "請填 1 到 128 個字元,不得換行。"))
}

fn row(principal: &Principal, (event, action): (AuditEvent, &'static str), by: &str) -> Row {
    let kind = match principal.kind {
        Kind::Person => ActorKind::Person,
        Kind::System | Kind::Local => ActorKind::System,
    };
    let id = Word::new(&principal.subject);
    let actor = id.map_or(Actor::unknown(), |id| Actor::of(kind, id));
    let actor = Actor { org: Word::new(&principal.org), ..actor };
    Row {
        outcome: Some(Outcome::Success),
        person: Word::new(by),
        client: Word::new(&principal.client),
        ..Row::new(event, Listener::Api, actor, Word::of(action))
    }
}

async fn perform(visit: &Visit, asked: &Asked, by: &str) -> Result<Done, CallError> {
    let privacy = &visit.console.privacy;
    let object = |kind: &str, id: &str| Word::new(&format!("{kind}/{id}"));
    match asked.r#do.as_str() {
        "find" | "copy" => {
            let subject = subject(visit, asked)?;
            let found = privacy.find(&subject).await.map_err(failed)?;
            let count = Some(found.len() as u64);
            let answer = match asked.r#do.as_str() {
                "find" => json!({"items": found.iter().map(item).collect::<Vec<_>>()}),
                _ => json!({"files": copied(visit, &found).await?}),
            };
            Ok(Done { answer, object: object("subjects", subject.as_str()), count })
        }
        "ask" => {
            let (subject, reason) = (subject(visit, asked)?, said("/reason", &asked.reason)?);
            let object = object("subjects", subject.as_str());
            let id = privacy.ask_erasure(subject, (reason, by.to_owned())).await.map_err(failed)?;
            Ok(Done { answer: json!({"id": id}), object, count: None })
        }
        "approve" => {
            let n = privacy.approve_erasure(&asked.id, by).await.map_err(failed)?;
            let object = object("erasures", &asked.id);
            Ok(Done { answer: json!({"erased": n}), object, count: Some(n) })
        }
        "hold" => {
            let (held, reason) = (held(visit, asked)?, said("/reason", &asked.reason)?);
            let id = privacy.hold(held, (reason, by.to_owned())).await.map_err(failed)?;
            let object = object("holds", &id);
            Ok(Done { answer: json!({"id": id}), object, count: None })
        }
        _ => {
            if !privacy.lift(&asked.id, by).await.map_err(failed)? {
                return Err(CallError::new(ErrorCode::NotFound, "沒有這項保全,或已解除。"));
            }
            let object = object("holds", &asked.id);
            Ok(Done { answer: json!({}), object, count: None })
        }
    }
}

fn subject(visit: &Visit, asked: &Asked) -> Result<Subject, CallError> {
    let kind = match asked.kind.as_str() {
        "id-number" => IdentifierKind::IdNumber,
        "phone" => IdentifierKind::Phone,
        "email" => IdentifierKind::Email,
        _ => return Err(CallError::bad_value("/kind", "沒有這種識別資料。")),
    };
    let value = Private::new(asked.identifier.trim().to_owned());
    let found = visit.console.privacy.subject(&Identifier { kind, value });
    found.ok_or_else(|| CallError::bad_value("/identifier", "請填識別資料。"))
}

fn held(visit: &Visit, asked: &Asked) -> Result<(HoldKind, String), CallError> {
    let kind = HoldKind::ALL.into_iter().find(|it| it.as_str() == asked.held);
    match kind {
        None => Err(CallError::bad_value("/held", "沒有這種保全對象。")),
        Some(HoldKind::Subject) => {
            Ok((HoldKind::Subject, subject(visit, asked)?.as_str().to_owned()))
        }
        Some(kind) => Ok((kind, said("/object", &asked.object)?)),
    }
}

fn item(it: &Found) -> Value {
    let (kind, id) = it.mention.parts();
    json!({
        "kind": kind, "id": id, "noted": format::moment(it.noted), "service": it.service,
        "expires": it.expires.map(format::moment),
    })
}

/// Copies of what was found; a content that is no text is in base64.
async fn copied(visit: &Visit, found: &[Found]) -> Result<Vec<Value>, CallError> {
    let mut files = Vec::new();
    let mut left = MAX_CONTENT;
    for it in found {
        let copied = visit.console.privacy.copy(&it.mention, left).await.map_err(failed)?;
        for CopiedFile { name, content } in copied {
            let bytes = content.expose();
            left = left.saturating_sub(bytes.len() as u64);
            files.push(match str::from_utf8(bytes) {
                Ok(text) => json!({"name": name, "text": text}),
                Err(_) => json!({"name": name, "base64": STANDARD.encode(bytes)}),
            });
        }
    }
    Ok(files)
}

fn failed(error: PrivacyError) -> CallError {
    let (code, message) = match error {
        PrivacyError::NotApproved(Approval::SamePerson) => {
            (ErrorCode::Conflict, "申請人不能核准自己的申請,請由另一人核准。")
        }
        PrivacyError::NotApproved(Approval::Held) => {
            (ErrorCode::Conflict, "當事人的資料在保全中;請先解除保全。")
        }
        PrivacyError::NotApproved(_) => (ErrorCode::NotFound, "沒有這項待核准的申請。"),
        PrivacyError::TooLarge { .. } => (
            ErrorCode::TooLarge,
            "內容超過 64 MiB,請於主機匯出:fenwen subject export --kind KIND --out DIR。",
        ),
        PrivacyError::Store(error) => {
            tracing::error!(reason = %error, "a request about a person was not answered");
            (ErrorCode::Unavailable, "儲存區目前無法使用,請稍後再試。")
        }
    };
    CallError::new(code, message)
}
