//! `fenwen drift`: whether answers drift away from those that a version gave at first; and the nightly look of a server.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Subcommand;

use crate::base::{Clock, Date, SystemClock};
use crate::config::{self, Config};
use crate::service::drift::DriftSettings;
use crate::service::tenants::Tenants;
use crate::store::DriftRow;
use crate::task::drift::{Advice, DriftFigure, ServiceDrift};
use crate::task::service::ServiceName;

use super::{jobs, routing};

/// How often a server looks whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Days that are shown unless asked otherwise.
const DAYS: u32 = 30;

/// What operators do about drift.
#[derive(Debug, Subcommand)]
pub(super) enum DriftCommand {
    /// 立即檢查(伺服器每日自動執行);同一日的結果只記一次
    Run,
    /// 顯示已檢查的結果與建議
    Show {
        /// 最近幾日
        #[arg(long, default_value_t = DAYS)]
        days: u32,
    },
}

/// Runs a command of an operator.
pub(super) fn run(command: DriftCommand, config: &Config) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tenants = routing::open(config, &ServiceName::ALL, &jobs::store(config)?, &clock)?;
    let mut out = std::io::stdout().lock();
    match command {
        DriftCommand::Run => {
            let found = look(&tenants, &settings(&config.drift));
            let found = found.context("無法檢查偏離")?;
            let n_alarms = found.iter().filter(|it| it.is_alarm).count();
            writeln!(out, "新增 {} 項比較,其中 {n_alarms} 項告警。", found.len())?;
        }
        DriftCommand::Show { days } => {
            for routing in tenants.all() {
                for it in routing.drift(days).map_err(|it| anyhow!(it.message))? {
                    show(&it, &mut out)?;
                }
            }
        }
    }
    Ok(())
}

fn show(it: &ServiceDrift, out: &mut impl Write) -> std::io::Result<()> {
    let advice = match it.advice() {
        Advice::Wait => "件數不足,尚未判定",
        Advice::Nothing => "未偏離",
        Advice::Look => "已偏離,請查明原因",
        Advice::Retrain => "未達承諾的精確度,建議重新訓練",
    };
    writeln!(out, "{} {}:{advice}", it.service, it.model.version)?;
    for figure in &it.figures {
        writeln!(out, "  {}", line(figure))?;
    }
    Ok(())
}

fn line(it: &DriftFigure) -> String {
    let [reference, window] = it.n;
    let alarm = if it.is_alarm { " alarm" } else { "" };
    let (day, feature, measure) = (it.day, &it.feature, &it.measure);
    format!(
        "{day} {feature} {measure}={:.4} threshold={} p={:.2e} n={reference}/{window}{alarm}",
        it.value, it.threshold, it.p
    )
}

/// When answers count as different, by the settings.
pub(super) fn settings(config: &config::Drift) -> DriftSettings {
    DriftSettings {
        n_reference: config.reference,
        min_window: config.window,
        psi: config.psi,
        jensen_shannon: config.js,
        ks: config.ks,
        p: config.p,
    }
}

/// Compares the answers of every agency; what is new. The log is told of new alarms, the metrics of all that holds now.
///
/// # Errors
/// When the store fails.
pub fn look(tenants: &Tenants, settings: &DriftSettings) -> anyhow::Result<Vec<DriftRow>> {
    let mut found = Vec::new();
    for routing in tenants.all() {
        found.extend(routing.look_for_drift(settings)?);
        // Another node may have looked first: its figures are this one's too.
        for it in routing.drift(DAYS).map_err(|it| anyhow!(it.message))? {
            gauge(&it);
        }
    }
    for it in found.iter().filter(|it| it.is_alarm) {
        let (service, version, value) = (&it.service, &it.version, it.value);
        let (feature, measure) = (&it.feature, &it.measure);
        let advice = "see `fenwen drift show`";
        tracing::warn!(service, version, feature, measure, value, advice, "answers have drifted");
    }
    Ok(found)
}

fn gauge(it: &ServiceDrift) {
    for figure in it.latest() {
        let labels = [
            ("service", it.service.to_owned()),
            ("version", it.model.version.clone()),
            ("feature", figure.feature.clone()),
            ("measure", figure.measure.clone()),
        ];
        metrics::gauge!("fenwen_drift", &labels).set(figure.value);
        metrics::gauge!("fenwen_drift_alarm", &labels).set(f64::from(u8::from(figure.is_alarm)));
    }
}

/// The nightly look of a server, where the settings want it. After a start in the course of the day it comes at once.
pub(super) fn watch(
    config: &Config,
    tenants: &Arc<Tenants>,
) -> Option<impl Future<Output = ()> + Send + use<>> {
    let (settings, hour) = (settings(&config.drift), config.drift.hour);
    let tenants = Arc::clone(tenants);
    config.drift.enabled.then(|| nightly(tenants, settings, hour))
}

async fn nightly(tenants: Arc<Tenants>, settings: DriftSettings, hour: u32) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let mut done = None;
    loop {
        ticks.tick().await;
        let Some(day) = due(SystemClock.unix_time(), hour, done) else { continue };
        let tenants = Arc::clone(&tenants);
        match tokio::task::spawn_blocking(move || look(&tenants, &settings)).await {
            Ok(Ok(found)) => {
                tracing::info!(n = found.len(), "answers were compared with their references");
                done = Some(day);
            }
            Ok(Err(error)) => tracing::error!(reason = %error, "drift was not looked for"),
            Err(_) => tracing::error!("looking for drift failed"),
        }
    }
}

/// The day whose look is due: from an hour on in Taiwan, once.
fn due(now: Duration, hour: u32, done: Option<Date>) -> Option<Date> {
    let today = Date::in_taiwan(now);
    let begins = today.midnight_in_taiwan() + Duration::from_secs(u64::from(hour) * 60 * 60);
    (begins <= now && done != Some(today)).then_some(today)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_due_once_a_day() {
        let today = Date { year: 2026, month: 11, day: 26 };
        let at = |hours: u64| today.midnight_in_taiwan() + Duration::from_secs(hours * 60 * 60);
        let check =
            |hours, done, expected| assert_eq!(due(at(hours), 3, done), expected, "{hours}");
        check(2, Some(today.previous_day()), None);
        check(3, Some(today.previous_day()), Some(today));
        check(23, None, Some(today));
        check(23, Some(today), None);
        check(26, Some(today), None);
        check(27, Some(today), Some(today.next_day()));
    }
}
