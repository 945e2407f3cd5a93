//! `fenwen serve`: builds the system from its settings, serves, and ends without losing an answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;

use crate::audit::{AuditEvent, Outcome, Recorder, Row};
use crate::base::{Clock, Spans, SystemClock, memory};
use crate::bus::{Bus, BusError, Handle};
use crate::config::{Config, NodeService};
use crate::engine::{self, Device};
use crate::http::{self, App, AppParts, Ended, HttpOptions, Listener};
use crate::rpc::{self, Rpc};
use crate::service::infer::{Infer, InferSettings};
use crate::service::jobs::Jobs;
use crate::service::notices::Notices;
use crate::service::reviews::Reviews;
use crate::service::tenants::Tenants;
use crate::service::{PictureFiles, Service, ServiceLimits, ServiceParts};
use crate::store::{Store, StoreError};
use crate::task::idcard::RecogniseId;
use crate::task::service::ServiceName;

mod announce;
mod beside;
pub(super) mod limits;
mod listeners;
mod senders;

use super::console::Shown;
use super::drift;
use super::kinds::{self, TextKind};
use super::networks::{Opener, n_cores};
use super::notices;
use super::otlp;
use super::profile;
use super::raw::RawNetworks;
use super::recogniser::Recogniser;
use super::release;
use super::retention::keep_clean;
use super::routing::{self, keep_current};
use super::webhooks;
use announce::{announce, announce_sealed};
use beside::{Beside, BesideParts, Told, at_work};
use limits::{http_options, image_limits, rpc_options, scanner};
use senders::Senders;

/// How often idle networks are tried, and how long they may take.
const CHECK_EVERY: Duration = Duration::from_secs(5);
const CHECK_TIME: Duration = Duration::from_secs(10);

/// Longest time of one attempt at a job of letters or documents.
const ATTEMPT: Duration = Duration::from_secs(300);

/// What a process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Role {
    /// 全部
    #[default]
    All,
    /// 只接受請求,工作留給 worker
    Api,
    /// 只執行工作並通知匯流排;不載入沒有工作的服務的模型
    Worker,
    /// 只送出事件與 webhook,不載入模型
    Relay,
}

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(config: &Config, role: Role) -> anyhow::Result<()> {
    memory::share_heaps();
    let data_dir = config.data_dir();
    std::fs::create_dir_all(&data_dir)
        .with_context(|| format!("無法建立資料目錄 {}", data_dir.display()))?;
    profile::check(&data_dir, config.profile)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let services = services(config, role);
    let opened = release::require(config).and_then(|()| {
        let opener = Opener::new(config)?;
        let reads = services.contains(&ServiceName::IdentityDocuments);
        let recogniser = reads.then(|| opener.recogniser(Arc::clone(&clock))).transpose()?;
        Ok((opener, recogniser))
    });
    let (opener, recogniser) = match opened {
        Err(error) if config.release.public_key.is_some() => {
            super::audit::on_record_if_any(config, release::refused("serve"));
            return Err(error);
        }
        opened => opened?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(opener.blocking_threads())
        .thread_name("fenwen")
        .build()
        .context("無法啟動執行環境")?;
    let (engine, device) = (opener.engine().as_str(), opener.device());
    tracing::info!(engine, %device, data_dir = %data_dir.display(), "models are loaded");
    // What is measured before there is a recorder is lost.
    http::record_metrics();
    runtime.spawn(report(device));
    let offer = Offer { services, recogniser };
    runtime.block_on(serve(config, role, offer, clock))
}

async fn serve(
    config: &Config,
    role: Role,
    offer: Offer,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<()> {
    let audit = super::audit::open(config)?;
    started(&audit).await?;
    profile::mark(&config.data_dir(), config.profile)?;
    let Some(store) = store(config, &audit, &clock).await? else {
        return stopped_in_order(audit, None).await;
    };
    let purge = super::retention::purge(config, store.clone(), Arc::clone(&clock))?;
    let tenants = routing::open(config, &offer.services, &store, &clock)?;
    let kept = Kept { tenants: Arc::clone(&tenants), store: store.clone() };
    let service = service(config, &offer, kept, Arc::clone(&clock))?;
    let bus = super::bus::open(config).await.map_err(super::bus::told)?;
    let shown = Shown {
        gate: super::clients::gate(config, store.clone(), Arc::clone(&clock)),
        jobs: jobs(config, store.clone(), Arc::clone(&service), Arc::clone(&clock))?,
        reviews: routing::reviews(config, Arc::clone(&tenants), store.clone(), Arc::clone(&clock)),
        service,
        audit: Arc::clone(&audit),
        clock: Arc::clone(&clock),
    };
    let spans = otlp::spans(config);
    let rpc = rpc_of(config, &shown, &spans);
    let Shown { jobs, reviews, service, .. } = shown.clone();
    let app = app(config, &store, (shown, &spans))?;
    let exporting = otlp::start(config, (&app, &spans), &clock)?;
    let senders = Senders::open(config, &store, &clock)?;
    let listeners = listeners::bind(config).await?;
    if let Some(recogniser) = &offer.recogniser {
        recogniser.check(CHECK_TIME).await;
    }
    let serving = answering(&*bus, &rpc).await.map_err(super::bus::told)?;
    let shutdown = shutdown()?;
    // Standard output may be closed, as by `head`: the server serves all the same.
    let _ = announce(listeners.first().context("沒有監聽位址")?.tcp.local_addr()?);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let following = senders.follow(role, &*bus).await?;
    let looking = looking(config, (&jobs, &bus, service.notices()), &audit);
    let at_work = at_work(role, &service, (&jobs, &spans));
    let pumps = super::audit::pumps(config, &audit, &bus)?;
    let telling = Told { store: store.clone(), clock, bus: Arc::clone(&bus) };
    let parts = BesideParts { jobs, at_work, told: telling, senders, following };
    let mut beside = Beside::start(role, parts, &stopped);
    beside.watches.extend(looking);
    beside.watches.extend(tending(config, offer.recogniser, reviews, (&service, &tenants)));
    beside.watches.push(tokio::spawn(keep_clean(purge, tenants, Arc::clone(&audit))));
    beside.forward(pumps, &stopped);
    let drain_timeout = Duration::from_secs(config.server.drain_timeout_s);
    let ended = until_stopped((listeners, app), (bus, drain_timeout), (shutdown, stop)).await;
    drop(serving);
    beside.end().await?;
    exporting.end().await;
    stopped_in_order(audit, Some(store)).await?;
    told(ended?);
    Ok(())
}

fn told(ended: Ended) {
    match ended {
        Ended::Drained => tracing::info!("every request was answered"),
        Ended::Cut(n) => tracing::warn!(n, "connections were cut after the drain timeout"),
    }
}

/// What looks at the installation itself.
fn looking(
    config: &Config,
    (jobs, bus, notices): (&Arc<Jobs>, &Arc<dyn Bus>, &Arc<Notices>),
    audit: &Arc<Recorder>,
) -> [JoinHandle<()>; 3] {
    let release = release::keep_checked(config.clone(), Arc::clone(notices), Arc::clone(audit));
    let rest = notices::watch(config.clone(), Arc::clone(jobs), Arc::clone(notices));
    let bus = super::bus::watch(Arc::clone(bus), Arc::clone(notices));
    [tokio::spawn(release), tokio::spawn(rest), tokio::spawn(bus)]
}

/// What keeps what is served current.
fn tending(
    config: &Config,
    recogniser: Option<Recogniser>,
    reviews: Arc<Reviews>,
    (service, tenants): (&Arc<Service>, &Arc<Tenants>),
) -> Vec<JoinHandle<()>> {
    let mut tasks = vec![
        tokio::spawn(reviews.tend()),
        tokio::spawn(keep_current(Arc::clone(service), Arc::clone(tenants))),
    ];
    tasks.extend(recogniser.map(|it| tokio::spawn(watch(it))));
    tasks.extend(drift::watch(config, tenants).map(tokio::spawn));
    tasks
}

/// Answers requests over the bus, and makes jobs of its commands.
async fn answering(bus: &dyn Bus, rpc: &Arc<Rpc>) -> Result<Vec<Handle>, BusError> {
    let mut handles = rpc::serve(bus, rpc).await?;
    handles.extend(rpc::receive(bus, rpc).await?);
    Ok(handles)
}

/// What serves requests over the bus.
fn rpc_of(config: &Config, shown: &Shown, spans: &Spans) -> Arc<Rpc> {
    Arc::new(Rpc {
        service: Arc::clone(&shown.service),
        jobs: Arc::clone(&shown.jobs),
        uploads: Arc::new(shown.jobs.blobs().clone()),
        audit: Arc::clone(&shown.audit),
        clock: Arc::clone(&shown.clock),
        gate: Arc::clone(&shown.gate),
        options: rpc_options(config, spans),
    })
}

/// What serves requests over HTTP.
fn app(
    config: &Config,
    store: &Store,
    (shown, spans): (Shown, &Spans),
) -> anyhow::Result<Arc<App>> {
    let pages = super::console::pages(config, store, &shown)?;
    let Shown { gate, service, jobs, reviews, audit, clock } = shown;
    Ok(App::new(AppParts {
        service,
        jobs,
        reviews,
        webhooks: webhooks::webhooks(config, store.clone(), Arc::clone(&clock))?,
        audit,
        clock,
        pages,
        gate,
        asyncapi: rpc::asyncapi(),
        options: HttpOptions { spans: spans.clone(), ..http_options(config) },
    }))
}

/// Answers over HTTP and the bus until the process is told to stop, and lets both end what they began.
async fn until_stopped(
    (listeners, app): (Vec<Listener>, Arc<App>),
    (bus, drain_timeout): (Arc<dyn Bus>, Duration),
    (shutdown, stop): (impl Future<Output = ()> + Send + 'static, Sender<bool>),
) -> anyhow::Result<Ended> {
    let shutdown = shutdown.shared();
    let drained = tokio::spawn(drain(bus, shutdown.clone()));
    let ended = http::serve(listeners, app, async move {
        shutdown.await;
        let _ = stop.send(true);
    })
    .await;
    // What is not answered by now is cut, like connections.
    if tokio::time::timeout(drain_timeout, drained).await.is_err() {
        tracing::warn!("requests over the bus were cut after the drain timeout");
    }
    Ok(ended?)
}

/// The store. Without the keys of its database this process lives until it is told to stop, and serves nothing: `None`.
async fn store(
    config: &Config,
    audit: &Recorder,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Store>> {
    let error = match super::jobs::store(config) {
        Ok(store) => return Ok(Some(store)),
        Err(error) => error,
    };
    if !matches!(error.downcast_ref(), Some(StoreError::Key { .. })) {
        return Err(error);
    }
    let reason = error.root_cause();
    tracing::error!(%reason, "the data is sealed: put the right keys in place and start again");
    let mut row = Row::of_service(AuditEvent::SystemSealed, "serve");
    row.outcome = Some(Outcome::Refused);
    audit.append(row).await.context("無法記錄資料已加密")?;
    let listener = listeners::loopback(config).await?;
    let shutdown = shutdown()?;
    // Standard output may be closed, as by `head`: the server tells all the same.
    let _ = announce_sealed(listener.local_addr()?);
    http::serve_sealed(listener, Arc::clone(clock), shutdown).await?;
    Ok(None)
}

/// Records that this process serves: it does not without that.
async fn started(audit: &Recorder) -> anyhow::Result<()> {
    let row = Row::of_service(AuditEvent::SystemStarted, "serve");
    audit.append(row).await.context("無法記錄啟動:請檢查稽核資料夾")?;
    Ok(())
}

/// Closes the store, records the end and signs the last row.
async fn stopped_in_order(audit: Arc<Recorder>, store: Option<Store>) -> anyhow::Result<()> {
    if let Some(store) = store {
        let close = move || store.close();
        tokio::task::spawn_blocking(close).await.context("資料庫未依序關閉")?;
    }
    let row = Row::of_service(AuditEvent::SystemStopped, "serve");
    if audit.append(row).await.is_err() {
        tracing::error!("the end of the service is not on record");
    }
    let close = move || audit.close();
    tokio::task::spawn_blocking(close).await.context("稽核紀錄未依序關閉")
}

/// Lets the bus end with what it has, when told to: other nodes take what comes after.
async fn drain(bus: Arc<dyn Bus>, shutdown: impl Future<Output = ()>) {
    shutdown.await;
    bus.drain().await;
}

/// The name of this machine, for operators.
pub(super) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "node".to_owned() } else { name.to_owned() }
}

/// Jobs of the services that this process has.
fn jobs(
    config: &Config,
    store: Store,
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<Jobs>> {
    let texts = TextKind {
        service,
        clock: Arc::clone(&clock),
        rule: http_options(config).purpose,
        time: ATTEMPT,
        max_bytes: config.limits.json_bytes as u64,
    };
    super::jobs::jobs(config, store, clock, kinds::all(&texts))
}

/// Keeps the networks' health current.
async fn watch(recogniser: Recogniser) {
    let mut ticks = tokio::time::interval(CHECK_EVERY);
    loop {
        ticks.tick().await;
        recogniser.check(CHECK_TIME).await;
    }
}

/// Tells the state of a card to the metrics, for as long as it is polled.
async fn report(device: Device) {
    if device == Device::Cpu {
        return;
    }
    let mut ticks = tokio::time::interval(CHECK_EVERY);
    loop {
        ticks.tick().await;
        if tokio::task::spawn_blocking(move || engine::report_device(device)).await.is_err() {
            return;
        }
    }
}

/// Resolves at the first SIGTERM or SIGINT from now on: made before anybody is told that the server is ready.
fn shutdown() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// What a node has to offer.
struct Offer {
    services: Vec<ServiceName>,
    /// Where that is one of them.
    recogniser: Option<Recogniser>,
}

/// The services of a node by its settings: a worker has those whose calls become jobs, a relay none.
fn services(config: &Config, role: Role) -> Vec<ServiceName> {
    let named = |it: &NodeService| match it {
        NodeService::Letters => ServiceName::Letters,
        NodeService::Documents => ServiceName::Documents,
        NodeService::Speech => ServiceName::Speech,
        NodeService::Qa => ServiceName::Questions,
        NodeService::IdentityDocuments => ServiceName::IdentityDocuments,
    };
    let has = |it: &ServiceName| match role {
        Role::All | Role::Api => true,
        Role::Worker => it.has_jobs(),
        Role::Relay => false,
    };
    config.server.services.iter().map(named).filter(has).collect()
}

/// What of a service is opened before it.
struct Kept {
    tenants: Arc<Tenants>,
    store: Store,
}

fn service(
    config: &Config,
    offer: &Offer,
    kept: Kept,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<Service>> {
    let limits = ServiceLimits {
        max_in_flight: u32::try_from(config.idcard.queue).unwrap_or(u32::MAX),
        max_admitted_pixels: config.idcard.pixels_in_flight,
        decode_threads: match config.idcard.decode_threads {
            0 => (n_cores() / 2).clamp(2, 8),
            n_threads => n_threads,
        },
        ..ServiceLimits::default()
    };
    let networks = RawNetworks::new(config)?;
    let trials = networks.trials()?;
    let max_bytes =
        (0 < config.models.max_mib).then(|| config.models.max_mib.saturating_mul(1 << 20));
    let parts = ServiceParts {
        services: offer.services.clone(),
        recogniser: offer.recogniser.clone().map(|it| Arc::new(it) as Arc<dyn RecogniseId>),
        decoder: Arc::new(PictureFiles { limits: image_limits(config) }),
        tenants: kept.tenants,
        speech: super::speech::desk(config, &offer.services, Arc::clone(&clock)),
        models: Infer::with(Arc::new(networks), InferSettings { trials, max_bytes }),
        notices: notices::board(config, kept.store.clone(), Arc::clone(&clock))?,
        store: kept.store,
        scanner: scanner(config),
        clock,
    };
    Service::start(parts, limits).context("無法啟動解碼執行緒")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_what_becomes_jobs_and_a_relay_nothing() {
        use ServiceName::{Documents, IdentityDocuments, Letters, Questions, Speech};
        let mut config = Config::default();
        assert_eq!(services(&config, Role::Worker), [Letters, Documents, Speech]);
        assert_eq!(services(&config, Role::Relay), []);
        for role in [Role::All, Role::Api] {
            let every = services(&config, role);
            assert_eq!(every, [Letters, Documents, Speech, Questions, IdentityDocuments]);
        }
        config.server.services = vec![NodeService::IdentityDocuments, NodeService::Speech];
        assert_eq!(services(&config, Role::Worker), [Speech]);
        assert_eq!(services(&config, Role::Api), [IdentityDocuments, Speech]);
    }
}
