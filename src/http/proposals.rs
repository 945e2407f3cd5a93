//! `/api/v1/models/proposals`: which versions of models may answer. One person proposes, another approves or rejects.

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
use crate::policy::Principal;
use crate::service::proposals::{Approval, Promotion, ProposalError};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::approvals::{
    ApprovalRequest, MAX_BYTES, RejectionRequest, parse_approval, parse_rejection,
};
use crate::wire::v1::comparisons::ReplayResponse;
use crate::wire::v1::jobs::is_id;
use crate::wire::v1::proposals::{self as wire, ProposalList, ProposalRequest, ProposalResponse};

use super::acts::{Act, Done, asked as shown, word};
use super::failure::Failure;
use super::{App, body, guard};

/// These routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, propose))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(compare))
}

/// 模型版本的提案,新的在前;有自己單位的機關只列出自己的,本部列出全部。
#[utoipa::path(
    get,
    path = "/api/v1/models/proposals",
    operation_id = "list_proposals",
    tag = "models",
    responses(
        (status = 200, description = "提案", body = ProposalList),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<ProposalList>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let found = app.proposals_for(&principal).list().await.map_err(failed)?;
    let item = |it| response(it, &principal);
    Ok(Json(ProposalList { items: found.into_iter().rev().map(item).collect() }))
}

/// 提案啟用一個已匯入的版本;須由另一人核准才啟用。新的版本於主機匯入:`fenwen models propose`。
#[utoipa::path(
    post,
    path = "/api/v1/models/proposals",
    operation_id = "propose_model",
    tag = "models",
    request_body(content = ProposalRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "已提案,待另一人核准", body = ProposalResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這個模型,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:這個版本使用中、已提案,或無法啟用", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn propose(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    let (answer, principal) = proposed(&app, &cx, request).await?;
    let place = [(LOCATION, format!("/api/v1/models/proposals/{}", answer.request.id))];
    Ok((StatusCode::CREATED, place, Json(response(answer, &principal))).into_response())
}

async fn proposed(
    app: &App,
    cx: &CallContext,
    request: Request,
) -> Result<(Promotion, Arc<Principal>), CallError> {
    let (principal, asked) = read(app, cx, request, wire::parse).await?;
    let reason = word("/reason", &asked.reason)?;
    let about = (AuditEvent::ModelProposed, "models propose");
    let act = Act::signed(&principal, about, asked.by.as_deref())?;
    let what = (asked.model.as_str(), asked.version);
    let made = app.proposals_for(&principal).propose(what, (reason, act.by())).await;
    Ok((act.end(app, done(made)).await?, principal))
}

/// 核准提案並立即啟用其版本;提案人不能核准自己的提案,內容須與提案時相同。
#[utoipa::path(
    post,
    path = "/api/v1/models/proposals/{id}/approve",
    operation_id = "approve_model",
    tag = "models",
    params(("id" = String, Path, description = "proposal_id")),
    request_body(content = ApprovalRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已核准並啟用"),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這項待核准的提案,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfBody,
        (status = 409, description = "ER0410:提案人不能核准自己的提案,或版本無法啟用", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn approve(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let (principal, said) = read(&app, &cx, request, parse_approval).await?;
    require_id(&id)?;
    let about = (AuditEvent::ModelActivated, "models approve");
    let act = Act::signed(&principal, about, said.by.as_deref())?;
    let approved = app.proposals_for(&principal).approve(&id, &act.by(), &cx.origin).await;
    act.end(&app, done(approved)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 駁回提案;提案人也可以撤回自己的提案。
#[utoipa::path(
    post,
    path = "/api/v1/models/proposals/{id}/reject",
    operation_id = "reject_model",
    tag = "models",
    params(("id" = String, Path, description = "proposal_id")),
    request_body(content = RejectionRequest, content_type = "application/json"),
    responses(
        (status = 204, description = "已駁回"),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這項待核准的提案,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reject(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let (principal, said) = read(&app, &cx, request, parse_rejection).await?;
    require_id(&id)?;
    let reason = word("/reason", &said.reason)?;
    let about = (AuditEvent::ModelRejected, "models reject");
    let act = Act::signed(&principal, about, said.by.as_deref())?;
    let rejected = app.proposals_for(&principal).reject(&id, (reason, act.by())).await;
    act.end(&app, done(rejected)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// 提案的版本與使用中的版本,對最近 300 件承辦人已決定的文字各會如何作答:相符率與 95% 信賴區間、依單位,與兩版不同的個案。
#[utoipa::path(
    get,
    path = "/api/v1/models/proposals/{id}/comparison",
    operation_id = "compare_proposal",
    tag = "models",
    params(("id" = String, Path, description = "proposal_id")),
    responses(
        (status = 200, description = "比對", body = ReplayResponse),
        (status = 404, description = "ER0100:沒有這項提案或這個版本,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:尚未啟用模型,或儲存區無法使用", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn compare(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<ReplayResponse>, Failure> {
    let principal = guard::principal(request.extensions())?;
    require_id(&id)?;
    let found = app.proposals_for(&principal).compare(&id).await.map_err(failed)?;
    Ok(Json(found.into()))
}

/// Who asks, and what.
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

fn require_id(id: &str) -> Result<(), CallError> {
    if is_id(id) { Ok(()) } else { Err(unknown()) }
}

/// What is recorded of a proposal: its version, as on the command line.
fn done(made: Result<Promotion, ProposalError>) -> Result<Done<Promotion>, CallError> {
    let it = made.map_err(failed)?;
    let object = Word::new(&format!("models/{}/{}", it.model, it.version));
    Ok(Done { answer: it, object, count: None })
}

fn response(it: Promotion, principal: &Principal) -> ProposalResponse {
    ProposalResponse {
        proposal_id: it.request.id.clone(),
        model: it.model,
        version: it.version,
        sha256: it.sha256,
        request: shown(it.request, principal),
    }
}

fn unknown() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這項待核准的提案。")
}

fn failed(error: ProposalError) -> CallError {
    let conflict = |message: &str| CallError::new(ErrorCode::Conflict, message);
    match error {
        ProposalError::NoModel => {
            CallError::new(ErrorCode::NotFound, "沒有這個模型,或屬其他機關。")
        }
        ProposalError::NotApproved(Approval::SamePerson) => {
            conflict("提案人不能核准自己的提案,請由另一人核准。")
        }
        ProposalError::NotApproved(_) => unknown(),
        ProposalError::Answers => conflict("這個版本使用中。"),
        ProposalError::Waits => conflict("這個版本已有待核准的提案。"),
        ProposalError::Changed => conflict("版本的內容與提案時不同,請重新提案。"),
        ProposalError::Refused(error) => {
            tracing::warn!(reason = %error, cause = ?std::error::Error::source(&error), "a version is refused");
            conflict(
                "沒有這個版本,或無法啟用:檔案損壞、標籤不符,或不在已簽署的發行清單;原因見系統紀錄。",
            )
        }
        ProposalError::NotCompared(error) => error,
        ProposalError::Store(error) => crate::service::jobs::failed(&error),
        error @ (ProposalError::Versions(_) | ProposalError::Told(_) | ProposalError::Cut) => {
            tracing::error!(reason = %error, cause = ?std::error::Error::source(&error), "a proposal failed");
            CallError::new(ErrorCode::Internal, "系統發生錯誤。")
        }
    }
}
