//! What a server looks at by itself, to put it on the board of notices: jobs, disk, seals, models, the audit log.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::{self, AuditKey, AuditSettings};
use crate::base::Clock;
use crate::config::Config;
use crate::service::jobs::{JobState, Jobs};
use crate::service::notices::{Limit, NoticeKind, Notices, Office};
use crate::store::{Store, n_unsealing_failures};

use super::networks::on_processor;
use super::unhurried::unhurried;

/// How often jobs, disk and seals are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The board, by the settings.
///
/// # Errors
/// When the calendar of offices cannot be read.
pub(super) fn board(
    config: &Config,
    store: Store,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<Notices>> {
    let of = &config.notices;
    let limit = |times, window_s| Limit { times, window: Duration::from_secs(window_s) };
    let refusals = limit(of.refusals, of.window_s);
    let reads = limit(of.off_hours_reads, of.off_hours_window_s);
    let calendar = super::routing::calendar(config)?;
    let office = of.office().map(|hours| Office { hours, calendar, reads });
    Ok(Notices::watching(store, clock, (refusals, office)))
}

/// Looks again and again, for as long as it is polled.
pub(super) async fn watch(config: Config, jobs: Arc<Jobs>, notices: Arc<Notices>) {
    tokio::join!(watch_state(&config, &jobs, &notices), watch_log(&config, &notices));
}

/// Jobs, disk, seals and models.
async fn watch_state(config: &Config, jobs: &Jobs, notices: &Notices) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let mut n_before = n_unsealing_failures();
    loop {
        ticks.tick().await;
        notices.forgive();
        if let Some(n_dead) = n_dead(jobs).await {
            set(notices, NoticeKind::DeadLetters, config.notices.dead_jobs < n_dead, "jobs");
        }
        let n_failures = n_unsealing_failures();
        if n_before < n_failures {
            // It stays until somebody has looked, and the server starts again.
            notices.raise(NoticeKind::NotUnsealed, "store");
        }
        n_before = n_failures;
        tell_processor(&on_processor(), notices);
        let folder = config.data_dir();
        match tokio::task::spawn_blocking(move || free_mib(&folder)).await {
            Ok(free) => tell_room(free, config, notices),
            Err(_) => tracing::error!("the disk was not looked at"),
        }
    }
}

/// The audit log, which may be long: it is verified at each start of a node too, and calls are not to wait for that.
async fn watch_log(config: &Config, notices: &Notices) {
    let every = Duration::from_secs(config.notices.audit_minutes.saturating_mul(60));
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        let settings = super::audit::settings(config);
        let verified = unhurried("audit-verify", move || broken_chains(&settings)).await;
        tell_broken(verified.unwrap_or_else(|error| Err(error.into())), notices);
    }
}

/// Jobs that were given up; none where the store cannot say.
async fn n_dead(jobs: &Jobs) -> Option<u64> {
    let counts = jobs.counts(None).await.ok()?;
    Some(counts.into_iter().find(|it| it.0 == JobState::Dead).map_or(0, |it| it.1))
}

/// Puts a notice on the board, or takes it off.
fn set(notices: &Notices, kind: NoticeKind, is_so: bool, object: &str) {
    match is_so {
        true => notices.raise(kind, object),
        false => notices.settle(kind, &[]),
    }
}

fn tell_room(free: Option<u64>, config: &Config, notices: &Notices) {
    let is_full = free.is_some_and(|it| it < config.notices.min_free_mib);
    set(notices, NoticeKind::DiskNearlyFull, is_full, "data_dir");
}

/// Such a model stays where it is until the server starts again.
fn tell_processor(models: &BTreeSet<String>, notices: &Notices) {
    for model in models {
        notices.raise(NoticeKind::OnProcessor, &format!("models/{model}"));
    }
}

/// MiB that are free on the volume of a folder.
fn free_mib(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize) >> 20)
}

/// Chains of this machine that are not what was written.
fn broken_chains(settings: &AuditSettings) -> anyhow::Result<Vec<String>> {
    let key = AuditKey::open(&settings.keys)?.public();
    let reports = audit::verify(&settings.folder, &key)?;
    let broken = reports.into_iter().filter(|it| it.finding.is_some());
    Ok(broken.map(|it| format!("audit/{}", it.chain)).collect())
}

fn tell_broken(found: anyhow::Result<Vec<String>>, notices: &Notices) {
    match found {
        Ok(broken) => {
            broken.iter().for_each(|it| notices.raise(NoticeKind::AuditBroken, it));
            notices.settle(NoticeKind::AuditBroken, &broken);
        }
        Err(error) => tracing::error!(reason = %error, "the audit log was not verified"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditEvent, Row};
    use crate::base::SystemClock;

    fn kinds(notices: &Notices) -> Vec<NoticeKind> {
        notices.open().into_iter().map(|it| it.kind).collect()
    }

    #[test]
    fn models_that_the_card_did_not_take_are_noticed_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let notices = board(&Config::default(), store, Arc::new(SystemClock)).unwrap();
        tell_processor(&BTreeSet::new(), &notices);
        assert_eq!(kinds(&notices), []);
        for _ in 0..2 {
            tell_processor(&BTreeSet::from(["ppocrv6-small-det".to_owned()]), &notices);
        }
        assert_eq!(kinds(&notices), [NoticeKind::OnProcessor]);
        assert_eq!(notices.open()[0].object, "models/ppocrv6-small-det");
    }

    #[test]
    fn a_full_disk_and_a_changed_log_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: Some(dir.path().to_owned()), ..Config::default() };
        (config.audit.min_free_mib, config.audit.node) = (0, Some("n".to_owned()));
        config.notices.min_free_mib = 0;
        let log = crate::cli::audit::open(&config).unwrap();
        log.append(Row::of_service(AuditEvent::SystemStarted, "serve")).wait().unwrap();
        log.close();
        let store = Store::open(dir.path()).unwrap();
        let notices = board(&config, store, Arc::new(SystemClock)).unwrap();
        let look = |config: &Config| {
            tell_room(free_mib(dir.path()), config, &notices);
            tell_broken(broken_chains(&crate::cli::audit::settings(config)), &notices);
        };
        look(&config);
        assert_eq!(kinds(&notices), []);
        config.notices.min_free_mib = u64::MAX;
        let chain = dir.path().join("audit/n").join(format!("{:020}.jsonl", 1));
        let text = std::fs::read_to_string(&chain).unwrap();
        std::fs::write(&chain, text.replace("system.started", "system.stopped")).unwrap();
        tell_room(free_mib(dir.path()), &config, &notices);
        assert_eq!(kinds(&notices), [NoticeKind::DiskNearlyFull]);
        look(&config);
        assert_eq!(kinds(&notices), [NoticeKind::AuditBroken, NoticeKind::DiskNearlyFull]);
        std::fs::write(&chain, text).unwrap();
        config.notices.min_free_mib = 0;
        look(&config);
        assert_eq!(kinds(&notices), []);
    }
}
