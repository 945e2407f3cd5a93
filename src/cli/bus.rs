//! `fenwen bus`: opens the bus of the settings, and says how it is.

use std::io::Write;
use std::sync::Arc;
#[cfg(feature = "nats")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Subcommand;
use futures_util::FutureExt;

use crate::base::{Clock, RequestId, SystemClock};
use crate::bus::{
    Bus, BusError, Embedded, EmbeddedSettings, Endpoint, Headers, Reply, Report, Request,
    Retention, ServiceSpec, StreamReport, StreamState, Subject,
};
#[cfg(feature = "nats")]
use crate::bus::{Late, Nats, NatsSettings, NatsTls};
use crate::config::{BusEngine, Config};
use crate::service::notices::{NoticeKind, Notices};

use super::words::chain;

/// Longest wait of the check for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a server looks whether that of its bus is there.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Requests that the check sends.
const N_REQUESTS: u32 = 20;

/// What can be done with the bus.
#[derive(Debug, Subcommand)]
pub(super) enum BusCommand {
    /// 連線並顯示伺服器版本、串流、服務與往返時間
    Check,
}

/// Runs the command.
pub(super) fn run(command: BusCommand, config: &Config) -> anyhow::Result<()> {
    let BusCommand::Check = command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("無法啟動執行環境")?;
    runtime.block_on(check(config))
}

/// Opens the bus of the settings. Where its server does not answer, the bus is there all the same and connects later; one that
/// answers and refuses us is an error.
///
/// # Errors
/// As [`BusError`] says.
pub(super) async fn open(config: &Config) -> Result<Arc<dyn Bus>, BusError> {
    match config.bus.engine {
        BusEngine::Embedded => Ok(embedded(config)),
        BusEngine::Nats => open_nats(config).await,
    }
}

fn embedded(config: &Config) -> Arc<dyn Bus> {
    let settings = EmbeddedSettings {
        lease: Duration::from_secs(config.bus.lease_s),
        max_waiting: config.bus.max_waiting as usize,
        ..EmbeddedSettings::default()
    };
    Arc::new(Embedded::new(settings, Arc::new(SystemClock)))
}

#[cfg(feature = "nats")]
async fn open_nats(config: &Config) -> Result<Arc<dyn Bus>, BusError> {
    let settings = nats_settings(config);
    let error = match Nats::connect(settings.clone()).await {
        Ok(bus) => return Ok(Arc::new(bus)),
        Err(error @ BusError::Away { .. }) => error,
        Err(error) => return Err(error),
    };
    let reason = chain(&error);
    tracing::warn!(reason, "匯流排無法連線:先以 HTTP 提供服務,事件留在資料庫,連上後補送");
    let url = settings.shown_url();
    let last = Arc::new(Mutex::new(reason));
    let connect = move || {
        let (settings, last) = (settings.clone(), Arc::clone(&last));
        async move {
            let connected = Nats::connect(settings).await;
            match &connected {
                Ok(_) => tracing::info!("已連上匯流排"),
                Err(error) => tell_once(error, &last),
            }
            connected.map(|it| Arc::new(it) as Arc<dyn Bus>)
        }
        .boxed()
    };
    Ok(Arc::new(Late::new(url, Box::new(connect))))
}

/// Says why the bus is not there, unless that was said last.
#[cfg(feature = "nats")]
fn tell_once(error: &BusError, last: &Mutex<String>) {
    let reason = chain(error);
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != reason {
        tracing::warn!(reason, remedy = error.remedy(), "匯流排仍無法連線");
        *last = reason;
    }
}

/// A bus to look at: nothing is made on it.
async fn look(config: &Config) -> Result<Arc<dyn Bus>, BusError> {
    match config.bus.engine {
        BusEngine::Embedded => Ok(embedded(config)),
        #[cfg(feature = "nats")]
        BusEngine::Nats => Ok(Arc::new(Nats::look(nats_settings(config)).await?)),
        #[cfg(not(feature = "nats"))]
        BusEngine::Nats => open_nats(config).await,
    }
}

/// Puts on the board of notices whether the server of the bus is there, for as long as it is polled.
pub(super) async fn watch(bus: Arc<dyn Bus>, notices: Arc<Notices>) {
    loop {
        match bus.is_connected() {
            true => notices.settle(NoticeKind::BusAway, &[]),
            false => notices.raise(NoticeKind::BusAway, "bus"),
        }
        SystemClock.wait(LOOK_EVERY).await;
    }
}

#[cfg(feature = "nats")]
fn nats_settings(config: &Config) -> NatsSettings {
    let bus = &config.bus;
    NatsSettings {
        url: bus.url.clone(),
        credentials: bus.credentials.clone(),
        tls: NatsTls {
            ca: bus.ca.clone(),
            identity: bus.certificate.clone().zip(bus.key.clone()),
            required: bus.url.split(',').any(|it| it.trim().starts_with("tls://")),
        },
        lease: Duration::from_secs(bus.lease_s),
        max_waiting: bus.max_waiting,
        replicas: bus.replicas,
        accept_old_server: bus.accept_old_server,
        ..NatsSettings::default()
    }
}

#[cfg(not(feature = "nats"))]
async fn open_nats(config: &Config) -> Result<Arc<dyn Bus>, BusError> {
    // The settings' check refuses this before.
    let source = "this program was built without NATS".into();
    Err(BusError::Unreachable { url: config.bus.url.clone(), source })
}

/// A failure of the bus in one line, with its remedy.
pub(super) fn told(error: BusError) -> anyhow::Error {
    let remedy = error.remedy();
    anyhow!("{}({remedy})", chain(&error))
}

async fn check(config: &Config) -> anyhow::Result<()> {
    let bus = look(config).await.map_err(told)?;
    let report = bus.report().await.map_err(told)?;
    let round_trips = round_trips(&*bus).await.map_err(told)?;
    bus.drain().await;
    print(&report, &round_trips).context("無法寫入標準輸出")
}

/// Serves an echo under a subject of its own and asks it.
async fn round_trips(bus: &dyn Bus) -> Result<Vec<Duration>, BusError> {
    let subject = Subject::rpc("check", &RequestId::fresh(&SystemClock).to_string())?;
    let answer = Arc::new(|request: Request| {
        std::future::ready(Reply { body: request.body, ..Reply::default() }).boxed()
    });
    let serving = bus
        .serve(ServiceSpec {
            name: "fenwen-check".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            description: "fenwen bus check".to_owned(),
            metadata: Headers::new(),
            group: "fenwen".to_owned(),
            endpoints: vec![Endpoint { name: "echo".to_owned(), subject: subject.clone(), answer }],
        })
        .await?;
    let mut times = Vec::new();
    for _ in 0..N_REQUESTS {
        let begun = SystemClock.now();
        let body = b"fenwen".to_vec().into();
        let request = Request { subject: subject.clone(), headers: Headers::new(), body };
        bus.request(request, TIMEOUT).await?;
        times.push(SystemClock.now().saturating_duration_since(begun));
    }
    serving.stop().await;
    times.sort();
    Ok(times)
}

/// What to do where something is not there.
const NOT_MADE: &str = "尚未建立的串流由 fenwen serve 首次連線時建立;命令與事件的接收者由具備該服務的節點啟動時建立,\
    MOI_AI_DLQ 與 MOI_AI_AUDIT 的接收者由維運單位自行建立。";

fn state(state: Option<StreamState>) -> String {
    match state {
        None => "尚未建立".to_owned(),
        Some(StreamState { n_messages, n_durables: 0 }) => {
            format!("訊息 {n_messages},接收者尚未建立")
        }
        Some(StreamState { n_messages, n_durables }) => {
            format!("訊息 {n_messages},接收者 {n_durables}")
        }
    }
}

fn print(report: &Report, round_trips: &[Duration]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "伺服器:{} {}", report.server, report.version)?;
    writeln!(out, "單則訊息上限:{} 位元組", report.max_message_bytes)?;
    writeln!(out, "串流:")?;
    for stream in &report.streams {
        let kind = match stream.retention {
            Retention::WorkQueue => "工作佇列",
            Retention::Limits => "保留至期限",
        };
        writeln!(out, "  {:<14} {kind},{}", stream.name, state(stream.state))?;
    }
    let is_made = |it: &StreamReport| it.state.is_some_and(|it| 0 < it.n_durables);
    if !report.streams.iter().all(is_made) {
        writeln!(out, "  {NOT_MADE}")?;
    }
    writeln!(out, "服務:")?;
    for (name, version) in &report.services {
        writeln!(out, "  {name} {version}")?;
    }
    let ms = |it: Option<&Duration>| it.map_or(0.0, |it| it.as_secs_f64() * 1e3);
    let middle = ms(round_trips.get(round_trips.len() / 2));
    let longest = ms(round_trips.last());
    writeln!(out, "往返時間:中位數 {middle:.2} ms,最長 {longest:.2} ms({} 次)", round_trips.len())
}
