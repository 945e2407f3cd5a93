//! Health, metrics and the catalogue of services.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use crate::base::ErrorCode;
use crate::service::notices::NoticeKind;
use crate::task::call::Task;
use crate::task::idcard::Health;
use crate::task::service::ServiceName;
use crate::wire::catalogue::{self, Catalogue, ServiceEntry};
use crate::wire::problem::Problem;

use super::failure::Failure;
use super::{App, answers, documents, identity_documents, letters, speech};

/// What is said of a service that this node does not have.
const ELSEWHERE: &str = "由其他節點提供(server.services)。";

/// How long the store may take to say that it is there. Whoever asks gives up sooner or later too.
const STORE_TIME: Duration = Duration::from_secs(3);

/// 服務目錄。
#[utoipa::path(
    get,
    path = "/api/v1/services",
    operation_id = "list_services",
    tag = "operation",
    responses((status = 200, description = "服務與其狀態", body = Catalogue)),
)]
pub(super) async fn services(State(app): State<Arc<App>>) -> Json<Catalogue> {
    let notice = |service| (!app.service.has(service)).then(|| ELSEWHERE.to_owned());
    let idcard = ServiceEntry {
        name: "identity-documents",
        title: "證件影像辨識",
        method: "POST",
        path: identity_documents::PATH,
        ready: app.service.reads_cards(),
        model: app.service.idcard_model().map(Into::into),
        notice: notice(ServiceName::IdentityDocuments),
    };
    let text = |task: Task, service, path| {
        let (name, title) = (ServiceName::as_str(service), service.title());
        let model = app.service.classifier(task);
        let ready = model.is_some() && !app.service.is_draining();
        let model = model.map(|it| it.info.clone().into());
        ServiceEntry { name, title, method: "POST", path, ready, model, notice: notice(service) }
    };
    let (index, known) = app.service.answers();
    let questions = ServiceEntry {
        name: "qa",
        title: "客戶問答",
        method: "POST",
        path: answers::PATH,
        ready: index.is_some() && !app.service.is_draining(),
        model: index.map(Into::into),
        notice: known.or_else(|| notice(ServiceName::Questions)),
    };
    let speech = app.service.speech();
    let recordings = ServiceEntry {
        name: speech::SERVICE,
        title: "語音轉寫",
        method: "POST",
        path: speech::PATH,
        ready: speech.require_ready().is_ok() && !app.service.is_draining(),
        model: speech.model().cloned().map(Into::into),
        notice: notice(ServiceName::Speech),
    };
    Json(Catalogue {
        services: vec![
            text(Task::Letters, ServiceName::Letters, letters::PATH),
            text(Task::Documents, ServiceName::Documents, documents::PATH),
            recordings,
            questions,
            idcard,
        ],
    })
}

/// 程序是否存活。
#[utoipa::path(
    get,
    path = "/healthz/live",
    operation_id = "health_live",
    tag = "operation",
    responses((status = 200, description = "存活", body = catalogue::State)),
)]
pub(super) async fn live() -> Json<catalogue::State> {
    Json(catalogue::State { status: "live", notices: Vec::new() })
}

/// 是否接受新的請求;停機前先轉為 503。
#[utoipa::path(
    get,
    path = "/healthz/ready",
    operation_id = "health_ready",
    tag = "operation",
    responses(
        (status = 200, description = "就緒", body = catalogue::State),
        (status = 503, description = "ER0510:尚未就緒、儲存區沒有回應或即將停機;ER0530:稽核紀錄無法寫入", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<catalogue::State>, Failure> {
    if !app.audit.is_healthy() {
        return Err(super::record::not_recorded().into());
    }
    match app.service.health() {
        Health::Ready if !app.jobs.store_answers(STORE_TIME).await => {
            let message = "儲存區沒有回應,請檢查資料庫。";
            Err(Failure::new(ErrorCode::Unavailable, message))
        }
        Health::Ready => {
            let mut notices: Vec<String> = app.service.answers().1.into_iter().collect();
            // What is told there goes to whoever asks: of the board this kind alone.
            if app.service.notices().has(NoticeKind::BusAway) {
                notices.push(NoticeKind::BusAway.message().to_owned());
            }
            Ok(Json(catalogue::State { status: "ready", notices }))
        }
        Health::Unavailable(reason) => {
            tracing::debug!(reason, "not ready");
            Err(Failure::new(ErrorCode::Unavailable, "服務尚未就緒或即將停機。"))
        }
    }
}

/// Prometheus 指標。
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "operation",
    responses((status = 200, description = "指標", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.measured())
}

/// Measures what is as it is.
pub(super) fn gauge(app: &App) {
    let occupancy = app.service.occupancy();
    let is_ready = catalogue::is_ready(&app.service.health());
    metrics::gauge!("fenwen_calls_in_flight").set(occupancy.calls as f64);
    metrics::gauge!("fenwen_pixels_in_flight").set(occupancy.pixels as f64);
    metrics::gauge!("fenwen_ready").set(f64::from(u8::from(is_ready)));
}
