//! Holds: what must not be erased until somebody lifts it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{AuditEvent, Word};
use crate::base::{ErrorCode, rfc3339};
use crate::http::told::{OfBody, OfLoad};
use crate::service::privacy::{Hold, HoldKind, Privacy};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::approvals::{ApprovalRequest, parse_approval};
use crate::wire::v1::jobs::is_id;
use crate::wire::v1::subjects::{
    self as wire, HoldLaidResponse, HoldList, HoldRequest, HoldResponse,
};

use super::{failed, object, read, subject};
use crate::http::acts::{Act, Done, word};
use crate::http::failure::Failure;
use crate::http::{App, guard};

/// These routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_holds, lay_hold)).routes(routes!(lift_hold))
}

/// 保全,新的在前,含已解除者;各機關只列出自己的。
#[utoipa::path(
    get,
    path = "/api/v1/subjects/holds",
    operation_id = "list_holds",
    tag = "subjects",
    responses(
        (status = 200, description = "保全", body = HoldList),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn list_holds(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<HoldList>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let found = app.privacy_for(&principal).holds().await.map_err(failed)?;
    Ok(Json(HoldList { items: found.into_iter().rev().map(item).collect() }))
}

fn item(it: Hold) -> HoldResponse {
    let (lifted_at, lifted_by) = it.lifted.unzip();
    HoldResponse {
        hold_id: it.id,
        held: it.kind.as_str(),
        object: it.object,
        agency: it.org,
        reason: it.reason,
        approved_by: it.approver,
        created_at: rfc3339(it.created),
        lifted_at: lifted_at.map(rfc3339),
        lifted_by,
    }
}

/// 設定保全:指定的資料不會被銷毀,直到解除。各機關只及於自己的紀錄,本部及於全部。
#[utoipa::path(
    post,
    path = "/api/v1/subjects/holds",
    operation_id = "lay_hold",
    tag = "subjects",
    request_body(content = HoldRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "已設定", body = HoldLaidResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn lay_hold(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    let hold_id = lay(&app, &cx, request).await?;
    let place = [(LOCATION, format!("/api/v1/subjects/holds/{hold_id}"))];
    Ok((StatusCode::CREATED, place, Json(HoldLaidResponse { hold_id })).into_response())
}

async fn lay(app: &App, cx: &CallContext, request: Request) -> Result<String, CallError> {
    let (principal, asked) = read(app, cx, request, wire::parse_hold).await?;
    let privacy = app.privacy_for(&principal);
    let reason = word("/reason", &asked.reason)?;
    let about = (AuditEvent::RetentionHeld, "subjects holds lay");
    let mut act = Act::signed(&principal, about, asked.by.as_deref())?;
    let held = held(&privacy, asked).await?;
    if held.0 == HoldKind::Case {
        act = act.about_case(Word::new(&held.1));
    }
    let laid = privacy.hold(held, (reason, act.by())).await.map_err(failed);
    let done = laid.map(|id| Done { object: object("holds", &id), answer: id, count: None });
    act.end(app, done).await
}

async fn held(privacy: &Privacy, asked: HoldRequest) -> Result<(HoldKind, String), CallError> {
    let kind = HoldKind::ALL.into_iter().find(|it| it.as_str() == asked.held);
    let names_person = asked.kind.is_some() || asked.identifier.is_some();
    match kind {
        None => Err(CallError::bad_value("/held", "沒有這種保全對象。")),
        // Of two objects only one would be held.
        Some(HoldKind::Subject) if asked.object.is_some() => Err(CallError::bad_value(
            "/object",
            "保全當事人時以 kind 與 identifier 指明,請勿另填。",
        )),
        Some(kind) if kind != HoldKind::Subject && names_person => {
            Err(CallError::bad_value("/kind", "kind 與 identifier 只用於保全當事人。"))
        }
        Some(HoldKind::Subject) => {
            let kind = asked.kind.unwrap_or_default();
            let found = subject(privacy, &kind, asked.identifier.unwrap_or_default()).await?;
            Ok((HoldKind::Subject, found.as_str().to_owned()))
        }
        Some(kind) => Ok((kind, word("/object", asked.object.as_deref().unwrap_or_default())?)),
    }
}

/// 解除保全;各機關只可解除自己設定的。
#[utoipa::path(
    post,
    path = "/api/v1/subjects/holds/{id}/lift",
    operation_id = "lift_hold",
    tag = "subjects",
    params(("id" = String, Path, description = "hold_id")),
    request_body(content = ApprovalRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已解除"),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這項保全、已解除,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn lift_hold(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    lift(&app, &cx, &id, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn lift(app: &App, cx: &CallContext, id: &str, request: Request) -> Result<(), CallError> {
    let (principal, said) = read(app, cx, request, parse_approval).await?;
    let unknown = || CallError::new(ErrorCode::NotFound, "沒有這項保全,或已解除。");
    if !is_id(id) {
        return Err(unknown());
    }
    let about = (AuditEvent::RetentionLifted, "subjects holds lift");
    let act = Act::signed(&principal, about, said.by.as_deref())?;
    let lifted = app.privacy_for(&principal).lift(id, &act.by()).await;
    act.end(app, Done::if_there(lifted, object("holds", id), (unknown, failed))).await
}
