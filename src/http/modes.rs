//! `/api/v1/modes`: in which mode agencies have services, and `/api/v1/statistics/comparisons`: what the shadow is for.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{AuditEvent, Word};
use crate::base::ErrorCode;
use crate::http::told::{OfBody, OfLoad};
use crate::service::jobs::failed;
use crate::service::modes::{ModeError, ModeOrder};
use crate::task::call::{CallContext, CallError, Task};
use crate::task::service::{ServiceMode, ServiceName};
use crate::wire::call;
use crate::wire::problem::Problem;
use crate::wire::v1::comparisons::ComparisonResponse;
use crate::wire::v1::modes::{DefaultMode, MAX_BYTES, ModeList, ModeRequest, ModeResponse, parse};

use super::acts::{Act, Done, word};
use super::failure::Failure;
use super::{App, body, guard};

/// These routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(choose)).routes(routes!(compare))
}

/// 服務階段:已指定的機關與服務;未指定者依設定。有自己單位的機關只列出自己的,本部列出全部。
#[utoipa::path(
    get,
    path = "/api/v1/modes",
    operation_id = "list_modes",
    tag = "models",
    responses(
        (status = 200, description = "服務階段", body = ModeList),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<ModeList>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let agency = principal.agency(app.house());
    let modes = app.service.modes();
    let found = modes.list(agency).await.map_err(|it| failed(&it))?;
    let own = agency.unwrap_or(app.house());
    let default = |it: ServiceName| DefaultMode::new(it, modes.by_default(own, it));
    Ok(Json(ModeList {
        items: found.into_iter().map(ModeResponse::from).collect(),
        defaults: ServiceName::ALL.map(default).into(),
    }))
}

/// 指定機關的服務階段:停用(off)、影子(shadow)、試辦(pilot)或導入(live);`default` 為依設定。立即生效,並留下稽核紀錄。
#[utoipa::path(
    put,
    path = "/api/v1/modes/{org}/{service}",
    operation_id = "set_mode",
    tag = "models",
    params(
        ("org" = String, Path, pattern = "^[0-9A-Za-z-]{1,64}$", description = "機關代碼"),
        ("service" = String, Path, pattern = "^(letters|documents|speech|qa|identity-documents)$", description = "letters、documents、speech、qa 或 identity-documents"),
    ),
    request_body(content = ModeRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "目前的階段", body = ModeResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這項服務,或屬其他機關", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用或即將停機;ER0530:無法留下紀錄", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn choose(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(at): Path<(String, String)>,
    request: Request,
) -> Result<Json<ModeResponse>, Failure> {
    Ok(Json(chosen(&app, &cx, at, request).await?.into()))
}

async fn chosen(
    app: &App,
    cx: &CallContext,
    (org, service): (String, String),
    request: Request,
) -> Result<ServiceMode, CallError> {
    let unknown = || CallError::new(ErrorCode::NotFound, "沒有這項服務,或屬其他機關。");
    let principal = guard::principal(request.extensions())?;
    let json = body::small_json(app, cx, request, MAX_BYTES).await?;
    let service = ServiceName::parse(&service).ok_or_else(unknown)?;
    let org = call::org(Some(&org)).map_err(|_| unknown())?;
    if principal.agency(app.house()).is_some_and(|own| own != org) {
        return Err(unknown());
    }
    let (mode, asked) = parse(&json, service)?;
    let reason = word("/reason", &asked.reason)?;
    let about = (AuditEvent::ModeChanged, "modes set");
    let act = Act::signed(&principal, about, asked.by.as_deref())?;
    let object = Word::new(&format!("modes/{org}/{}/{}", service.as_str(), asked.mode));
    let order = ModeOrder { org, service, mode, reason, by: act.by() };
    let made = app.service.modes().choose(order, &cx.origin).await.map_err(refused);
    act.end(app, made.map(|answer| Done { answer, object, count: None })).await
}

fn refused(error: ModeError) -> CallError {
    match error {
        ModeError::Store(error) => failed(&error),
        ModeError::Told(error) => {
            tracing::error!(reason = %error, "a mode was not chosen");
            CallError::new(ErrorCode::Internal, "系統發生錯誤。")
        }
    }
}

/// 作答與承辦人決定的比對,依機關、服務與階段:相符率與 95% 信賴區間、依單位、依模型版本,與不符的個案。
#[utoipa::path(
    get,
    path = "/api/v1/statistics/comparisons",
    operation_id = "read_comparisons",
    tag = "predictions",
    responses(
        (status = 200, description = "比對", body = ComparisonResponse),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:即將停機", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "ER0520:逾時", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn compare(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<ComparisonResponse>, Failure> {
    let principal = guard::principal(request.extensions())?;
    let agency = principal.agency(app.house()).map(str::to_owned);
    let admitted = app.service.admit(&cx, Task::Predictions)?;
    Ok(Json(admitted.comparisons(agency).await?.into()))
}
