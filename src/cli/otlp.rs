//! Traces and metrics to a collector, by the settings.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;

use crate::base::{Clock, Spans};
use crate::config::Config;
use crate::http::App;

/// Where spans go: nowhere unless somebody takes them from there.
pub(super) fn spans(config: &Config) -> Spans {
    let is_wanted = config.otlp.endpoint.is_some() && config.otlp.traces;
    match is_wanted && cfg!(feature = "otlp") {
        true => Spans::keeping(config.otlp.share),
        false => Spans::default(),
    }
}

/// Longest wait for the last spans and metrics.
const LAST: Duration = Duration::from_secs(5);

/// What sends to the collector.
pub(super) struct Exporting {
    tasks: Vec<JoinHandle<()>>,
    stop: Sender<bool>,
}

impl Exporting {
    /// Sends what still waits, unless that takes long.
    pub(super) async fn end(self) {
        let _ = self.stop.send(true);
        let all = futures_util::future::join_all(self.tasks);
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::warn!("the last spans and metrics were not taken in time");
        }
    }
}

/// Sends spans and metrics to the collector of the settings until it is ended.
pub(super) fn start(
    config: &Config,
    (app, spans): (&Arc<App>, &Spans),
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Exporting> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    Ok(Exporting { tasks: tasks(config, (app, spans), clock, &stopped)?, stop })
}

#[cfg(feature = "otlp")]
fn tasks(
    config: &Config,
    (app, spans): (&Arc<App>, &Spans),
    clock: &Arc<dyn Clock>,
    stopped: &tokio::sync::watch::Receiver<bool>,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    use anyhow::Context;

    use crate::service::otlp::{Collector, Resource};
    use crate::service::webhooks::{Guard, HttpSender, SystemResolver};

    let Some(endpoint) = &config.otlp.endpoint else { return Ok(Vec::new()) };
    let sender =
        HttpSender::new(config.otlp.ca.as_ref()).context("無法準備蒐集端:請檢查 otlp.ca")?;
    // The operator has named it: it may be anywhere.
    let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|it| it.parse().ok()).collect();
    let collector = Arc::new(Collector {
        endpoint: endpoint.clone(),
        authorization: config.otlp.authorization.clone(),
        resource: Resource { node: super::audit::settings(config).node, begun: clock.unix_time() },
        sender: Arc::new(sender),
        resolver: Arc::new(SystemResolver),
        guard: Guard { allowed: everywhere, allow_plain: true },
        clock: Arc::clone(clock),
    });
    let mut started = Vec::new();
    if config.otlp.traces {
        let (collector, spans, stopped) = (Arc::clone(&collector), spans.clone(), stopped.clone());
        started.push(tokio::spawn(async move { collector.send_spans(spans, stopped).await }));
    }
    if 0 < config.otlp.metrics_s {
        let (app, stopped) = (Arc::clone(app), stopped.clone());
        let every = Duration::from_secs(config.otlp.metrics_s);
        started.push(tokio::spawn(async move {
            collector.send_metrics(|| app.measured(), every, stopped).await;
        }));
    }
    Ok(started)
}

/// This build has no client of a collector.
#[cfg(not(feature = "otlp"))]
fn tasks(
    _: &Config,
    _: (&Arc<App>, &Spans),
    _: &Arc<dyn Clock>,
    _: &tokio::sync::watch::Receiver<bool>,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    Ok(Vec::new())
}
