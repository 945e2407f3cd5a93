//! `/api/v1/subjects`: rights of persons about whom something is kept. Each act is on record before it is answered.

mod erasures;
mod holds;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{AuditEvent, Word};
use crate::base::{ErrorCode, Private, rfc3339};
use crate::http::told::{OfBody, OfLoad};
use crate::policy::Principal;
use crate::service::privacy::{
    Approval, CopiedFile, Found, Identifier, IdentifierKind, Mention, Privacy, PrivacyError,
    Subject,
};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::subjects::{
    self as wire, CopiedFileResponse, CopiesResponse, FoundResponse, FoundRow, MAX_BYTES,
    SubjectRequest,
};

use super::acts::{Act, Done};
use super::failure::Failure;
use super::{App, body, guard};

/// Largest content of all that is copied out over the network at once, in bytes.
const MAX_CONTENT: u64 = 64 << 20;

/// These routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(find))
        .routes(routes!(copy))
        .merge(erasures::routes())
        .merge(holds::routes())
}

/// 查詢提及當事人的紀錄。識別資料只用於計算代碼,不保存。
///
/// 各機關只查得到自己的紀錄,本部查得到全部。更正:內容的正本在來源系統,請於來源系統更正後重新送件;標籤於 `label_corrected_at` 所示路徑更正。
#[utoipa::path(
    post,
    path = "/api/v1/subjects/find",
    operation_id = "find_subject",
    tag = "subjects",
    request_body(content = SubjectRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "提及當事人的紀錄,舊的在前", body = FoundResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn find(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<FoundResponse>, Failure> {
    Ok(Json(look(&app, &cx, request).await?))
}

async fn look(app: &App, cx: &CallContext, request: Request) -> Result<FoundResponse, CallError> {
    let (principal, asked) = read(app, cx, request, wire::parse).await?;
    let privacy = app.privacy_for(&principal);
    let subject = subject(&privacy, &asked.kind, asked.identifier).await?;
    let act = Act::of(&principal, (AuditEvent::SubjectFound, "subjects find"));
    let done = privacy.find(&subject).await.map_err(failed).map(|found| Done {
        object: object("subjects", subject.as_str()),
        count: Some(found.len() as u64),
        answer: FoundResponse { items: found.into_iter().map(row).collect() },
    });
    act.end(app, done).await
}

fn row(it: Found) -> FoundRow {
    let (kind, id) = it.mention.parts();
    let label_corrected_at = match &it.mention {
        Mention::Prediction(id) if it.service.is_some() => {
            Some(format!("/api/v1/predictions/{id}/feedback"))
        }
        Mention::Prediction(_) | Mention::Job(_) => None,
    };
    FoundRow {
        kind,
        id: id.to_owned(),
        noted_at: rfc3339(it.noted),
        agency: it.org,
        service: it.service,
        expires_at: it.expires.map(rfc3339),
        label_corrected_at,
    }
}

/// 提供當事人的資料複製本:解密後的內容,合計至多 64 MiB;未加密,交付後請刪除。
#[utoipa::path(
    post,
    path = "/api/v1/subjects/copies",
    operation_id = "copy_subject",
    tag = "subjects",
    request_body(content = SubjectRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "複製本", body = CopiesResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn copy(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<CopiesResponse>, Failure> {
    Ok(Json(copies(&app, &cx, request).await?))
}

async fn copies(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<CopiesResponse, CallError> {
    let (principal, asked) = read(app, cx, request, wire::parse).await?;
    let privacy = app.privacy_for(&principal);
    let subject = subject(&privacy, &asked.kind, asked.identifier).await?;
    let act = Act::of(&principal, (AuditEvent::SubjectExported, "subjects copy"));
    let done = copied(&privacy, &subject).await.map(|(n_rows, files)| Done {
        object: object("subjects", subject.as_str()),
        count: Some(n_rows),
        answer: CopiesResponse { files },
    });
    act.end(app, done).await
}

/// Copies of what was found, and of how many rows; a content that is no text is in base64.
async fn copied(
    privacy: &Privacy,
    subject: &Subject,
) -> Result<(u64, Vec<CopiedFileResponse>), CallError> {
    let found = privacy.find(subject).await.map_err(failed)?;
    let mut files = Vec::new();
    let mut left = MAX_CONTENT;
    for it in &found {
        for CopiedFile { name, content } in privacy.copy(&it.mention, left).await.map_err(failed)? {
            left = left.saturating_sub(content.expose().len() as u64);
            let (text, base64) = match String::from_utf8(content.into_inner()) {
                Ok(text) => (Some(text), None),
                Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
            };
            files.push(CopiedFileResponse { name, text, base64 });
        }
    }
    Ok((found.len() as u64, files))
}

/// Who asks, and what; the body is read once it is known who.
async fn read<T>(
    app: &App,
    cx: &CallContext,
    request: Request,
    parse: impl FnOnce(&[u8]) -> Result<T, CallError>,
) -> Result<(Arc<Principal>, T), CallError> {
    let principal = guard::principal(request.extensions())?;
    let json = body::small_json(app, cx, request, MAX_BYTES).await?;
    Ok((principal, parse(&json)?))
}

/// Whom an identifier means.
///
/// # Errors
/// When it is no identifier of its kind, or cannot be right and nothing that is kept has it: then it is mistyped.
async fn subject(privacy: &Privacy, kind: &str, identifier: String) -> Result<Subject, CallError> {
    let (kind, form) = match kind {
        "id-number" => (
            IdentifierKind::IdNumber,
            "請填一個英文字母加九個數字,或舊式統一證號的兩個英文字母加八個數字。",
        ),
        "phone" => (IdentifierKind::Phone, "請填 5 到 20 個數字的電話號碼。"),
        "email" => (IdentifierKind::Email, "請填電子信箱,例如 name@example.tw。"),
        _ => return Err(CallError::bad_value("/kind", "沒有這種識別資料。")),
    };
    let identifier = Identifier { kind, value: Private::new(identifier.trim().to_owned()) };
    let bad = |message: &str| CallError::bad_value("/identifier", message);
    if !identifier.has_form() {
        return Err(bad(form));
    }
    let subject = privacy.subject(&identifier).ok_or_else(|| bad(form))?;
    if !identifier.is_sound() && privacy.find(&subject).await.map_err(failed)?.is_empty() {
        return Err(bad("檢查碼不符或號碼不完整,也沒有提及它的紀錄;請核對是否有誤。"));
    }
    Ok(subject)
}

fn object(kind: &str, id: &str) -> Option<Word> {
    Word::new(&format!("{kind}/{id}"))
}

fn failed(error: PrivacyError) -> CallError {
    let (code, message) = match error {
        PrivacyError::NotApproved(Approval::SamePerson) => {
            (ErrorCode::Conflict, "申請人不能核准自己的申請,請由另一人核准。")
        }
        PrivacyError::NotApproved(Approval::Held) => {
            (ErrorCode::Conflict, "當事人的資料在保全中;請先解除保全。")
        }
        PrivacyError::NotApproved(_) => return unknown(),
        PrivacyError::TooLarge { .. } => (
            ErrorCode::TooLarge,
            "內容超過 64 MiB,請於主機匯出:fenwen subject export --kind KIND --out DIR。",
        ),
        PrivacyError::Store(error) => return crate::service::jobs::failed(&error),
    };
    CallError::new(code, message)
}

/// There is no such request, or it is another agency's.
fn unknown() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這項待核准的申請。")
}
