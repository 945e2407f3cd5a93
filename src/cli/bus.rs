//! `fenwen bus`: opens the bus of the settings, and says how it is.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Subcommand;
use futures_util::FutureExt;

use crate::base::{Clock, RequestId, SystemClock};
use crate::bus::{
    Bus, BusError, Embedded, EmbeddedSettings, Endpoint, Headers, Reply, Report, Request,
    Retention, ServiceSpec, Subject,
};
use crate::config::{BusEngine, Config};

/// Longest wait of the check for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
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

/// Opens the bus of the settings.
///
/// # Errors
/// As [`BusError`] says.
pub(super) async fn open(config: &Config) -> Result<Arc<dyn Bus>, BusError> {
    match config.bus.engine {
        BusEngine::Embedded => {
            let settings = EmbeddedSettings {
                lease: Duration::from_secs(config.bus.lease_s),
                max_waiting: config.bus.max_waiting as usize,
                ..EmbeddedSettings::default()
            };
            Ok(Arc::new(Embedded::new(settings, Arc::new(SystemClock))))
        }
        BusEngine::Nats => open_nats(config).await,
    }
}

#[cfg(feature = "nats")]
async fn open_nats(config: &Config) -> Result<Arc<dyn Bus>, BusError> {
    use crate::bus::{Nats, NatsSettings, NatsTls};
    let bus = &config.bus;
    let settings = NatsSettings {
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
    };
    Ok(Arc::new(Nats::connect(settings).await?))
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
    let error = anyhow::Error::new(error);
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    anyhow!("{}({remedy})", causes.join(":"))
}

async fn check(config: &Config) -> anyhow::Result<()> {
    let bus = open(config).await.map_err(told)?;
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
        let (name, n, durables) = (&stream.name, stream.n_messages, stream.n_durables);
        writeln!(out, "  {name:<14} {kind},訊息 {n},接收者 {durables}")?;
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
