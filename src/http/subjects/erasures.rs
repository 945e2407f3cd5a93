//! Erasures: asked for by one person, approved or rejected by another.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::AuditEvent;
use crate::http::told::{OfBody, OfLoad};
use crate::service::privacy::{Erasure, PrivacyError};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::approvals::{
    ApprovalRequest, RejectionRequest, parse_approval, parse_rejection,
};
use crate::wire::v1::jobs::is_id;
use crate::wire::v1::subjects::{
    self as wire, ErasedResponse, ErasureAskedResponse, ErasureList, ErasureRequest,
    ErasureResponse,
};

use super::{failed, object, read, subject, unknown};
use crate::http::acts::{Act, Done, asked as shown, word};
use crate::http::failure::Failure;
use crate::http::{App, guard};

/// These routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_erasures, ask_erasure))
        .routes(routes!(approve_erasure))
        .routes(routes!(reject_erasure))
}

/// 刪除申請,新的在前;各機關只列出自己的。
#[utoipa::path(
    get,
    path = "/api/v1/subjects/erasures",
    operation_id = "list_erasures",
    tag = "subjects",
    responses(
        (status = 200, description = "刪除申請", body = ErasureList),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn list_erasures(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<ErasureList>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let found = app.privacy_for(&principal).erasures().await.map_err(failed)?;
    let item = |it: Erasure| ErasureResponse {
        erasure_id: it.request.id.clone(),
        agency: it.org,
        request: shown(it.request, &principal),
    };
    Ok(Json(ErasureList { items: found.into_iter().rev().map(item).collect() }))
}

/// 申請刪除提及當事人的資料;須由另一人核准,核准後立即執行。各機關只及於自己的紀錄,本部及於全部。
#[utoipa::path(
    post,
    path = "/api/v1/subjects/erasures",
    operation_id = "ask_erasure",
    tag = "subjects",
    request_body(content = ErasureRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "已提出申請,待另一人核准", body = ErasureAskedResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn ask_erasure(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    let answer = ask(&app, &cx, request).await?;
    let place = [(LOCATION, format!("/api/v1/subjects/erasures/{}", answer.erasure_id))];
    Ok((StatusCode::CREATED, place, Json(answer)).into_response())
}

async fn ask(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<ErasureAskedResponse, CallError> {
    let (principal, asked) = read(app, cx, request, wire::parse_erasure).await?;
    let privacy = app.privacy_for(&principal);
    let reason = word("/reason", &asked.reason)?;
    let subject = subject(&privacy, &asked.kind, asked.identifier).await?;
    let about = (AuditEvent::ErasureAsked, "subjects erasures ask");
    let act = Act::signed(&principal, about, asked.by.as_deref())?;
    let done = async {
        let found = privacy.find(&subject).await?.len();
        let object = object("subjects", subject.as_str());
        let erasure_id = privacy.ask_erasure(subject, (reason, act.by())).await?;
        let answer = ErasureAskedResponse { erasure_id, found };
        Ok::<_, PrivacyError>(Done { answer, object, count: Some(found as u64) })
    };
    let done = done.await.map_err(failed);
    act.end(app, done).await
}

/// 核准刪除申請並立即執行;申請人不能核准自己的申請,保全中的資料不能刪除。
#[utoipa::path(
    post,
    path = "/api/v1/subjects/erasures/{id}/approve",
    operation_id = "approve_erasure",
    tag = "subjects",
    params(("id" = String, Path, description = "erasure_id")),
    request_body(content = ApprovalRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "已刪除", body = ErasedResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這項待核准的申請,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:申請人不能核准自己的申請,或資料在保全中", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn approve_erasure(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ErasedResponse>, Failure> {
    Ok(Json(approve(&app, &cx, &id, request).await?))
}

async fn approve(
    app: &App,
    cx: &CallContext,
    id: &str,
    request: Request,
) -> Result<ErasedResponse, CallError> {
    let (principal, said) = read(app, cx, request, parse_approval).await?;
    require_id(id)?;
    let about = (AuditEvent::ErasureDone, "subjects erasures approve");
    let act = Act::signed(&principal, about, said.by.as_deref())?;
    let erased = app.privacy_for(&principal).approve_erasure(id, &act.by()).await;
    let done = erased.map_err(failed).map(|erased| Done {
        answer: ErasedResponse { erased },
        object: object("erasures", id),
        count: Some(erased),
    });
    act.end(app, done).await
}

/// 駁回刪除申請;申請人也可以撤回自己的申請。
#[utoipa::path(
    post,
    path = "/api/v1/subjects/erasures/{id}/reject",
    operation_id = "reject_erasure",
    tag = "subjects",
    params(("id" = String, Path, description = "erasure_id")),
    request_body(content = RejectionRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已駁回"),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這項待核准的申請,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn reject_erasure(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    reject(&app, &cx, &id, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reject(app: &App, cx: &CallContext, id: &str, request: Request) -> Result<(), CallError> {
    let (principal, said) = read(app, cx, request, parse_rejection).await?;
    require_id(id)?;
    let reason = word("/reason", &said.reason)?;
    let about = (AuditEvent::ErasureRejected, "subjects erasures reject");
    let act = Act::signed(&principal, about, said.by.as_deref())?;
    let rejected = app.privacy_for(&principal).reject_erasure(id, (reason, act.by())).await;
    act.end(app, Done::if_there(rejected, object("erasures", id), (unknown, failed))).await
}

fn require_id(id: &str) -> Result<(), CallError> {
    if is_id(id) { Ok(()) } else { Err(unknown()) }
}
