//! `/api/v1/clients`: a system applies, another person approves, keys are issued, and what went wrong is suspended.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{AuditEvent, Word};
use crate::base::ErrorCode;
use crate::http::told::{OfBody, OfLoad};
use crate::identity::{Onboarding, OnboardingError};
use crate::policy::{Principal, Scope};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::approvals::{
    self, ApprovalRequest, RejectionRequest, parse_approval, parse_rejection,
};
use crate::wire::v1::clients::{
    self as wire, ApplicationList, ApplicationRequest, ApplicationResponse, ClientList,
    IssuedKeyResponse,
};

use super::acts::{Act, Done, word};
use super::failure::Failure;
use super::{App, body, guard};

mod shown;
mod told;

use shown::{asked, registered, response};
use told::{OfClient, OfDecision};

/// These routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_applications, apply))
        .routes(routes!(read_application))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(list))
        .routes(routes!(suspend))
        .routes(routes!(enable))
        .routes(routes!(issue))
        .routes(routes!(revoke))
}

/// 申請登記介接系統;須由申請人與送件者以外的人核准。內容同申請檔 client-application.v1 的一件。
#[utoipa::path(
    post,
    path = "/api/v1/clients/applications",
    operation_id = "apply_for_client",
    tag = "clients",
    request_body(content = ApplicationRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "已收件,待核准", body = ApplicationResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:代碼或交換平臺名稱已登記、已有待核准的申請,或待核准的申請過多", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn apply(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    let answer = applied(&app, &cx, request).await?;
    let place = [(LOCATION, format!("/api/v1/clients/applications/{}", answer.application_id))];
    Ok((StatusCode::CREATED, place, Json(answer)).into_response())
}

async fn applied(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<ApplicationResponse, CallError> {
    let principal = guard::principal(request.extensions())?;
    let json = body::small_json(app, cx, request, wire::MAX_BYTES).await?;
    let application = asked(wire::parse(&json)?)?;
    let act = Act::of(&principal, (AuditEvent::ClientApplied, "clients apply"))
        .about_case(Word::new(&application.application_no));
    let made = onboarding(app, &principal).apply(&application, &act.by()).await;
    let done = made.map_err(failed).and_then(|it| {
        let object = object(&it.client);
        Ok(Done { answer: response(it, &principal)?, object, count: None })
    });
    act.end(app, done).await
}

/// 登記介接系統的申請,新的在前。
#[utoipa::path(
    get,
    path = "/api/v1/clients/applications",
    operation_id = "list_client_applications",
    tag = "clients",
    responses(
        (status = 200, description = "申請", body = ApplicationList),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn list_applications(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<ApplicationList>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let found = onboarding(&app, &principal).applications().await.map_err(failed)?;
    let items: Result<_, CallError> =
        found.into_iter().rev().map(|it| response(it, &principal)).collect();
    Ok(Json(ApplicationList { items: items? }))
}

/// 一件申請;只有 clients:apply 權限者看得到自己送的。
#[utoipa::path(
    get,
    path = "/api/v1/clients/applications/{id}",
    operation_id = "get_client_application",
    tag = "clients",
    params(("id" = String, Path, description = "application_id")),
    responses(
        (status = 200, description = "申請", body = ApplicationResponse),
        (status = 404, description = "ER0100:沒有這件申請,或不是自己送的", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn read_application(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ApplicationResponse>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let found = onboarding(&app, &principal).application(&id).await.map_err(failed)?;
    if !principal.scopes.has(Scope::ClientsAdmin) && found.sender != principal.name() {
        return Err(unknown().into());
    }
    Ok(Json(response(found, &principal)?))
}

/// 核准申請並立即登記;金鑰另行製發。申請人與送件者不能核准。
#[utoipa::path(
    post,
    path = "/api/v1/clients/applications/{id}/approve",
    operation_id = "approve_client_application",
    tag = "clients",
    params(("id" = String, Path, description = "application_id")),
    request_body(content = ApprovalRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已登記"),
        (status = 409, description = "ER0410:申請人或送件者不能核准,或代碼、交換平臺名稱已由他人登記", body = Problem, content_type = "application/problem+json"),
        OfDecision,
    ),
)]
async fn approve(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let principal = guard::principal(request.extensions())?;
    let json = body::small_json(&app, &cx, request, approvals::MAX_BYTES).await?;
    let said = parse_approval(&json)?;
    let about = (AuditEvent::ClientRegistered, "clients approve");
    let act = Act::signed(&principal, about, said.by.as_deref())?;
    let approved = onboarding(&app, &principal).approve(&id, &act.by()).await;
    let case_no = approved.as_ref().ok().and_then(|it| Word::new(&it.request.reason));
    let done = approved.map_err(failed).map(|it| done(&it.client));
    act.about_case(case_no).end(&app, done).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 駁回申請。
#[utoipa::path(
    post,
    path = "/api/v1/clients/applications/{id}/reject",
    operation_id = "reject_client_application",
    tag = "clients",
    params(("id" = String, Path, description = "application_id")),
    request_body(content = RejectionRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已駁回"),
        OfDecision,
    ),
)]
async fn reject(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let principal = guard::principal(request.extensions())?;
    let json = body::small_json(&app, &cx, request, approvals::MAX_BYTES).await?;
    let said = parse_rejection(&json)?;
    let reason = word("/reason", &said.reason)?;
    let about = (AuditEvent::ClientRejected, "clients reject");
    let act = Act::signed(&principal, about, said.by.as_deref())?;
    let rejected = onboarding(&app, &principal).reject(&id, (reason, act.by())).await;
    let case_no = rejected.as_ref().ok().and_then(|it| Word::new(&it.request.reason));
    let done = rejected.map_err(failed).map(|it| done(&it.client));
    act.about_case(case_no).end(&app, done).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 登記的介接系統;各機關只列出自己的,本部列出全部。
#[utoipa::path(
    get,
    path = "/api/v1/clients",
    operation_id = "list_clients",
    tag = "clients",
    responses(
        (status = 200, description = "介接系統", body = ClientList),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn list(State(app): State<Arc<App>>, request: Request) -> Result<Json<ClientList>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let found = onboarding(&app, &principal).clients().await.map_err(failed)?;
    let now = app.clock.unix_time();
    Ok(Json(ClientList { items: found.into_iter().map(|it| registered(it, now)).collect() }))
}

/// 停用介接系統,60 秒內在所有節點生效。
#[utoipa::path(
    post,
    path = "/api/v1/clients/{id}/suspend",
    operation_id = "suspend_client",
    tag = "clients",
    params(("id" = String, Path, description = "client_id")),
    responses(
        (status = 204, description = "已停用"),
        OfClient,
    ),
)]
async fn suspend(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    Ok(set_active(&app, (&id, false), request).await?)
}

/// 恢復使用。
#[utoipa::path(
    post,
    path = "/api/v1/clients/{id}/enable",
    operation_id = "enable_client",
    tag = "clients",
    params(("id" = String, Path, description = "client_id")),
    responses(
        (status = 204, description = "已恢復"),
        (status = 409, description = "ER0410:具有管理權限的介接系統只能在主機上處理", body = Problem, content_type = "application/problem+json"),
        OfClient,
    ),
)]
async fn enable(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    Ok(set_active(&app, (&id, true), request).await?)
}

async fn set_active(
    app: &App,
    (id, is_active): (&str, bool),
    request: Request,
) -> Result<StatusCode, CallError> {
    let principal = guard::principal(request.extensions())?;
    let about = match is_active {
        true => (AuditEvent::ClientEnabled, "clients enable"),
        false => (AuditEvent::ClientSuspended, "clients suspend"),
    };
    let act = Act::of(&principal, about);
    let changed = onboarding(app, &principal).set_active(id, is_active).await;
    act.end(app, changed.map_err(of_client).map(|()| done(id))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 製發 API 金鑰;只在此回覆一次,請立即存入機密庫。
#[utoipa::path(
    post,
    path = "/api/v1/clients/{id}/keys",
    operation_id = "issue_client_key",
    tag = "clients",
    params(("id" = String, Path, description = "client_id")),
    responses(
        (status = 201, description = "已製發", body = IssuedKeyResponse),
        (status = 409, description = "ER0410:具有管理權限的介接系統只能在主機上處理", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        OfClient,
    ),
)]
async fn issue(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<(StatusCode, Json<IssuedKeyResponse>), Failure> {
    let principal = guard::principal(request.extensions())?;
    let act = Act::of(&principal, (AuditEvent::ClientKeyIssued, "clients key"));
    let made = onboarding(&app, &principal).issue_key(&id).await;
    let done = made.map_err(of_client).map(|key| Done {
        answer: IssuedKeyResponse { key_id: key.id, key: key.text.expose().clone() },
        object: object(&id),
        count: None,
    });
    Ok((StatusCode::CREATED, Json(act.end(&app, done).await?)))
}

/// 廢止一把金鑰,60 秒內生效。
#[utoipa::path(
    delete,
    path = "/api/v1/clients/{id}/keys/{key_id}",
    operation_id = "revoke_client_key",
    tag = "clients",
    params(("id" = String, Path, description = "client_id"), ("key_id" = String, Path, description = "key_id")),
    responses(
        (status = 204, description = "已廢止"),
        (status = 404, description = "ER0100:沒有這把金鑰,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn revoke(
    State(app): State<Arc<App>>,
    Path((id, key)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let principal = guard::principal(request.extensions())?;
    let act = Act::of(&principal, (AuditEvent::ClientKeyRevoked, "clients key"));
    let revoked = onboarding(&app, &principal).revoke_key(&id, &key).await;
    act.end(&app, revoked.map_err(of_client).map(|()| done(&id))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Applications and clients, as far as they are somebody's.
fn onboarding<'a>(app: &'a App, principal: &'a Principal) -> Onboarding<'a> {
    app.gate.onboarding(principal.agency(app.house()))
}

/// What is recorded of a client.
fn done(client: &str) -> Done<()> {
    Done { answer: (), object: object(client), count: None }
}

fn object(client: &str) -> Option<Word> {
    Word::new(&format!("clients/{client}"))
}

fn unknown() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這件待核准的申請,或屬其他機關。")
}

/// What is wrong where a client is meant, and no application.
fn of_client(error: OnboardingError) -> CallError {
    match error {
        OnboardingError::Unknown => {
            CallError::new(ErrorCode::NotFound, "沒有這個介接系統或金鑰,或屬其他機關。")
        }
        OnboardingError::Unfit(it) => CallError::new(ErrorCode::Conflict, format!("{}。", it.what)),
        other => failed(other),
    }
}

fn failed(error: OnboardingError) -> CallError {
    let conflict = |message: &str| CallError::new(ErrorCode::Conflict, message);
    match error {
        OnboardingError::Unfit(it) => {
            CallError::bad_value(format!("/{}", it.field), format!("{}。", it.what))
        }
        OnboardingError::Taken => conflict("這個代碼或交換平臺名稱已登記。"),
        OnboardingError::Waits => conflict("這個介接系統已有待核准的申請。"),
        OnboardingError::TooMany => conflict("待核准的申請過多,請先處理。"),
        OnboardingError::SamePerson => conflict("申請人與送件者不能核准,請由另一人核准。"),
        OnboardingError::Unknown => unknown(),
        OnboardingError::Store(error) => crate::service::jobs::failed(&error),
        error @ (OnboardingError::Key(_) | OnboardingError::Unreadable(_)) => {
            tracing::error!(reason = %error, cause = ?std::error::Error::source(&error), "onboarding failed");
            CallError::new(ErrorCode::Internal, "系統發生錯誤。")
        }
    }
}
