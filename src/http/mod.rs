//! HTTP: routes, limits and manners around [`crate::service`]. Everything here is about transport.

mod acts;
mod answers;
mod apis;
mod assist;
mod audio;
mod blobs;
mod body;
mod caller;
mod clients;
mod connection;
mod context;
mod corrections;
mod deliveries;
mod documents;
mod embeddings;
mod envelope;
mod excerpt;
mod exchange;
mod expiry;
mod failure;
pub mod form;
mod grpc;
mod guard;
mod guarded;
mod holder;
mod identity_documents;
mod infer;
mod jobs;
mod later;
mod letters;
mod linger;
mod listen;
mod meters;
mod metrics;
mod modes;
mod openai;
mod openai_models;
mod ops;
mod outsiders;
mod pages;
mod places;
mod predictions;
mod prefer;
mod proposals;
mod query;
mod record;
mod recording;
mod results;
mod reviews;
mod sealed;
mod serve;
mod speech;
mod statistics;
mod stream;
mod subjects;
mod taxonomy;
mod tls;
mod told;
mod visitors;
mod webhooks;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::Recorder;
use crate::base::{Clock, ErrorCode, Spans};
use crate::identity::Gate;
use crate::policy::Principal;
use crate::service::Service;
use crate::service::jobs::{Jobs, Quota, QuotaRate};
use crate::service::privacy::Privacy;
use crate::service::proposals::Proposals;
use crate::service::reviews::Reviews;
use crate::service::webhooks::Webhooks;
use crate::task::call::{CallContext, CallError};
use crate::wire::openai::{AudioDelta, AudioDone, AudioText};
use crate::wire::v1::correction::NamedCorrectionRequest;
use crate::wire::v1::jobs::{JobChange, JobListRequest, NamedJobRequest};
use crate::wire::v1::live::{LiveMessage, LiveRequest};
use crate::wire::v1::meta::PurposeRule;
use crate::wire::v1::picture::PictureRequest;
use crate::wire::v1::prediction::NamedFeedbackRequest;

use body::BodyLimit;
use failure::Failure;
use meters::Meters;
use places::Places;

pub use expiry::Nearness;
pub use failure::status;
pub use guard::Peer;
pub use listen::Listener;
pub use metrics::{METRICS, MetricKind, record_metrics};
pub use record::Unrecorded;
pub use reviews::officer_of;
pub use sealed::{sealed, serve_sealed};
pub use serve::{Ended, serve};
pub use tls::{Tls, TlsError, TlsFiles, expiry};
pub use visitors::{Asked, Pages, SessionId, Sessions, SocketFrom, Visitor};

/// Limits and manners of the HTTP surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// Connections at one time; more wait in the listener's backlog.
    pub max_connections: usize,
    /// Header fields of one request; more are answered 431.
    pub max_headers: usize,
    /// Bytes of one picture.
    pub max_image_bytes: usize,
    /// Bytes of the `meta` part.
    pub max_meta_bytes: usize,
    /// Bytes of a JSON or XML body.
    pub max_json_bytes: usize,
    /// For a request's header to arrive, also on an idle connection.
    pub header_timeout: Duration,
    /// For a request's body to arrive.
    pub body_timeout: Duration,
    /// For the whole request, unless `x-deadline-ms` asks for less.
    pub request_timeout: Duration,
    /// The same of a message of the exchange, at its listener: its security server waits for two minutes.
    pub exchange_timeout: Duration,
    /// How long, and up to how many bytes, an unwanted body is read on, so that its sender sees the answer.
    pub linger: Linger,
    /// Between readiness turning red and the end of accepting connections.
    pub drain_grace: Duration,
    /// For requests in flight to be answered after that.
    pub drain_timeout: Duration,
    /// Whether a recognition must name its purpose.
    pub purpose: PurposeRule,
    /// Jobs and uploads that a client may begin in a while.
    pub quota: QuotaRate,
    /// Parts of uploads that arrive at one time, half of them from one client; the next one is refused.
    pub max_uploads: usize,
    /// Which calls are answered although the audit log cannot be written.
    pub unrecorded: Unrecorded,
    /// Where spans of requests go.
    pub spans: Spans,
}

/// Bounds of reading a body that nobody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linger {
    /// Longest time.
    pub time: Duration,
    /// Most bytes.
    pub bytes: usize,
}

impl Default for HttpOptions {
    fn default() -> HttpOptions {
        HttpOptions {
            max_connections: 1024,
            max_headers: 64,
            max_image_bytes: 10 << 20,
            max_meta_bytes: 64 << 10,
            max_json_bytes: 16 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            exchange_timeout: Duration::from_secs(110),
            linger: Linger { time: Duration::from_secs(5), bytes: 32 << 20 },
            drain_grace: Duration::from_secs(2),
            drain_timeout: Duration::from_secs(30),
            purpose: PurposeRule::Required,
            quota: QuotaRate { calls: 6000, window: Duration::from_secs(60) },
            max_uploads: 4,
            unrecorded: Unrecorded::Impersonal,
            spans: Spans::default(),
        }
    }
}

/// What the routes share.
pub struct App {
    service: Arc<Service>,
    jobs: Arc<Jobs>,
    reviews: Arc<Reviews>,
    webhooks: Webhooks,
    /// As the house sees it; [`App::privacy_for`] is as a caller does.
    privacy: Privacy,
    /// The same of models.
    proposals: Proposals,
    audit: Arc<Recorder>,
    quota: Quota,
    uploads: Places,
    clock: Arc<dyn Clock>,
    gate: Arc<Gate>,
    pages: Option<Pages>,
    options: HttpOptions,
    metrics: PrometheusHandle,
    meters: Meters,
    /// Written when it is first asked for.
    openapi: OnceLock<String>,
    asyncapi: String,
}

/// What the surface is made of.
pub struct AppParts {
    /// The one door.
    pub service: Arc<Service>,
    /// What is done later.
    pub jobs: Arc<Jobs>,
    /// What waits for officers.
    pub reviews: Arc<Reviews>,
    /// Where clients want to be told of events.
    pub webhooks: Webhooks,
    /// Where calls are recorded.
    pub audit: Arc<Recorder>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Proves callers.
    pub gate: Arc<Gate>,
    /// Pages for people; without them there is a start page only.
    pub pages: Option<Pages>,
    /// The description of the bus, as YAML.
    pub asyncapi: String,
    /// Limits and manners.
    pub options: HttpOptions,
}

impl App {
    /// The surface; installs the process's metrics recorder unless it is there already.
    pub fn new(parts: AppParts) -> Arc<App> {
        let AppParts { service, jobs, reviews, webhooks, audit, clock, .. } = parts;
        let AppParts { gate, pages, asyncapi, options, .. } = parts;
        let metrics = metrics::recorder();
        let quota = Quota::new(options.quota);
        let uploads = Places::new(options.max_uploads);
        let (store, ticking) = (reviews.store.clone(), Arc::clone(&reviews.clock));
        let blobs = jobs.blobs().clone();
        let privacy = Privacy { store, blobs, clock: ticking, agency: None };
        let (store, ticking) = (reviews.store.clone(), Arc::clone(&reviews.clock));
        let tenants = Arc::clone(&reviews.tenants);
        let proposals = Proposals { store, tenants, clock: ticking, agency: None };
        Arc::new(App {
            service,
            jobs,
            reviews,
            webhooks,
            privacy,
            proposals,
            audit,
            quota,
            uploads,
            clock,
            gate,
            pages,
            options,
            metrics,
            meters: Meters::default(),
            openapi: OnceLock::new(),
            asyncapi,
        })
    }

    /// The description of the surface, as callers of this server see it.
    fn openapi(&self) -> Result<&str, CallError> {
        if let Some(known) = self.openapi.get() {
            return Ok(known);
        }
        let written = described(&self.gate).to_pretty_json().map_err(|error| {
            tracing::error!(%error, "the description could not be written");
            refuse(ErrorCode::Internal, "系統發生錯誤,原因請見伺服器紀錄。")
        })?;
        Ok(self.openapi.get_or_init(|| written))
    }

    /// What is measured, in Prometheus' text form.
    pub fn measured(&self) -> String {
        ops::gauge(self);
        self.metrics.render()
    }

    /// Rights of persons, as far as somebody may act for them.
    fn privacy_for(&self, principal: &Principal) -> Privacy {
        self.privacy.of(principal.agency(self.house()))
    }

    /// Proposals of models, as far as they are somebody's.
    fn proposals_for(&self, principal: &Principal) -> Proposals {
        self.proposals.of(principal.agency(self.house()))
    }

    /// Code of the agency that this service belongs to.
    fn house(&self) -> &str {
        self.reviews.tenants.house().agency()
    }

    /// Limits of a JSON or XML body of a call.
    fn json_limit(&self, cx: &CallContext) -> BodyLimit {
        let left = cx.deadline.saturating_duration_since(self.clock.now());
        BodyLimit { bytes: self.options.max_json_bytes, time: left.min(self.options.body_timeout) }
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "fenwen(分文)",
        description = "內政部人工智慧推論服務。所有結果僅供承辦人參考,由人決定。",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    // Only the bus and the streams carry these, but their schemas are here with the others.
    components(schemas(
        PictureRequest,
        NamedFeedbackRequest,
        NamedCorrectionRequest,
        NamedJobRequest,
        JobListRequest,
        LiveRequest,
        LiveMessage,
        AudioText,
        AudioDelta,
        AudioDone,
        JobChange,
    )),
    tags(
        (name = "identity-documents", description = "證件影像辨識"),
        (name = "letters", description = "信件智能分類"),
        (name = "documents", description = "電子公文智能分文"),
        (name = "speech", description = "語音轉寫"),
        (name = "qa", description = "客戶問答"),
        (name = "inference", description = "模型推論:OpenAI 與 KServe 相容介面"),
        (name = "predictions", description = "預測與回饋"),
        (name = "taxonomy", description = "分類與職掌:單位、異動與版本"),
        (name = "models", description = "模型版本的提案與核准,與各機關的服務階段"),
        (name = "reviews", description = "複審:等待承辦人決定的結果"),
        (name = "jobs", description = "工作:稍後處理與查詢"),
        (name = "blobs", description = "大型內容的分段上傳"),
        (name = "webhooks", description = "以 HTTP 通知事件"),
        (name = "clients", description = "介接系統:申請、核准、金鑰與停用"),
        (name = "subjects", description = "當事人權利:查詢、複製本、刪除與保全"),
        (name = "operation", description = "目錄與營運"),
    ),
)]
struct ApiDoc;

/// Every route but the rendered API page, which is the only one without an entry in the description.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(identity_documents::recognise))
        .routes(routes!(identity_documents::read))
        .routes(routes!(identity_documents::check))
        .routes(routes!(identity_documents::reveal))
        .routes(routes!(letters::classify))
        .routes(routes!(documents::suggest))
        .routes(routes!(speech::create))
        .routes(routes!(speech::read))
        .routes(routes!(audio::read))
        .routes(routes!(corrections::write, corrections::take_back))
        .routes(routes!(stream::open))
        .routes(routes!(openai::transcribe))
        .routes(routes!(embeddings::create))
        .routes(routes!(openai_models::list))
        .merge(infer::routes())
        .routes(routes!(answers::ask))
        .routes(routes!(answers::suggest))
        .routes(routes!(answers::unanswered))
        .routes(routes!(predictions::read))
        .routes(routes!(predictions::feedback))
        .routes(routes!(statistics::read))
        .routes(routes!(statistics::drift))
        .routes(routes!(taxonomy::read))
        .routes(routes!(taxonomy::compare))
        .routes(routes!(taxonomy::add))
        .merge(proposals::routes())
        .merge(modes::routes())
        .merge(reviews::routes())
        .routes(routes!(jobs::create, jobs::list))
        .routes(routes!(jobs::read, jobs::delete))
        .routes(routes!(jobs::cancel))
        .routes(routes!(results::read))
        .routes(routes!(results::watch))
        .routes(routes!(blobs::open))
        .routes(routes!(blobs::put))
        .routes(routes!(blobs::complete))
        .routes(routes!(blobs::read, blobs::delete))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::read, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::redeliver))
        .merge(subjects::routes())
        .merge(clients::routes())
        .routes(routes!(ops::services))
        .routes(routes!(ops::live))
        .routes(routes!(ops::ready))
        .routes(routes!(ops::metrics))
        .routes(routes!(pages::description))
        .routes(routes!(excerpt::description))
        .routes(routes!(pages::bus_description))
        .routes(routes!(apis::list))
        .routes(routes!(pages::schema))
        .routes(routes!(pages::start))
}

/// The API's description where callers are proven, as committed in `docs/reference/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    guarded::described(routes().into_openapi())
}

/// The same of a server that asks like this who calls.
fn described(gate: &Gate) -> utoipa::openapi::OpenApi {
    if gate.is_required() { openapi() } else { guarded::open_to_all(openapi()) }
}

/// The complete surface.
pub fn router(app: &Arc<App>) -> Router {
    let pages = app.pages.as_ref().map(|it| it.router.clone()).unwrap_or_default();
    let (routes, _) = routes().split_for_parts();
    routes
        .merge(pages::docs())
        .merge(grpc::routes())
        .with_state(Arc::clone(app))
        .merge(pages)
        .fallback(async || Failure::new(ErrorCode::NotFound, "沒有這個路徑。"))
        .method_not_allowed_fallback(async || {
            Failure::new(ErrorCode::MethodNotAllowed, "這個路徑不支援這個方法。")
        })
        // In one: each layer of its own would box every call once more. The first is the outermost.
        .layer((
            axum::middleware::from_fn_with_state(Arc::clone(app), envelope::envelope),
            CatchPanicLayer::custom(failure::of_panic),
            DefaultBodyLimit::max(form::max_bytes(&app.options)),
        ))
}

/// Shorthand for a failure without pointers.
fn refuse(code: ErrorCode, message: &str) -> CallError {
    CallError::new(code, message)
}
