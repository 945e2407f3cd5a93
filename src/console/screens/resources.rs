//! 資源監控: this node, the shared queue, and the jobs that nobody could finish.

use askama::Template;
use axum::response::Response;

use crate::base::ErrorCode;
use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::operate::ResourcesText;
use crate::console::text::shell::ShellText;
use crate::service::jobs::{Job, JobFilter, JobState};
use crate::task::call::CallError;

/// Jobs of a table.
const MOST: usize = 100;

/// Events counted; more are told as so many at least.
const MOST_UNTOLD: usize = 1000;

#[derive(Template)]
#[template(path = "resources.html")]
struct ResourcesPage {
    frame: Frame,
    t: &'static ResourcesText,
    tiles: Vec<(&'static str, String)>,
    facts: Vec<(&'static str, String)>,
    is_recording: bool,
    running: Vec<JobRow>,
    dead: Vec<JobRow>,
}

struct JobRow {
    id: String,
    service: String,
    client: String,
    worker: String,
    progress: String,
    since: String,
    reason: String,
    attempts: String,
    ended: String,
}

/// `GET /console/resources`.
pub(super) async fn show(visit: Visit) -> Response {
    match page(&visit).await {
        Ok(page) => visit.show(&page),
        Err(error) => visit.refused(&error),
    }
}

async fn page(visit: &Visit) -> Result<ResourcesPage, CallError> {
    let t = ResourcesText::of(visit.lang);
    let console = &visit.console;
    let counts = console.jobs.counts(None).await?;
    let of = |state| counts.iter().find(|it| it.0 == state).map_or(0, |it| it.1).to_string();
    let untold = console.jobs.untold(MOST_UNTOLD).await?;
    let tiles = vec![
        (t.calls, console.service.occupancy().calls.to_string()),
        (t.queued, of(JobState::Queued)),
        (t.running, of(JobState::Running)),
        (t.dead, of(JobState::Dead)),
        (t.untold, if untold < MOST_UNTOLD { untold.to_string() } else { format!("{untold}+") }),
    ];
    Ok(ResourcesPage {
        frame: visit.frame(ShellText::of(visit.lang).resources),
        t,
        tiles,
        facts: facts(visit, t),
        is_recording: console.audit.is_healthy(),
        running: jobs(visit, JobState::Running).await?,
        dead: jobs(visit, JobState::Dead).await?,
    })
}

fn facts(visit: &Visit, t: &ResourcesText) -> Vec<(&'static str, String)> {
    let about = &visit.console.about;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    vec![
        (t.name, about.node.clone()),
        (t.version, env!("CARGO_PKG_VERSION").to_owned()),
        (t.cores, cores.to_string()),
        (t.memory, memory().map_or("–".to_owned(), format::bytes)),
        (t.load, load().unwrap_or("–".to_owned())),
        (t.database, about.database.to_owned()),
        (t.bus, about.bus.to_owned()),
    ]
}

/// Resident memory of this process, in bytes, where the system tells it.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// Load of the system, where it tells it.
fn load() -> Option<String> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let three: Vec<&str> = text.split_ascii_whitespace().take(3).collect();
    (three.len() == 3).then(|| three.join(" · "))
}

async fn jobs(visit: &Visit, state: JobState) -> Result<Vec<JobRow>, CallError> {
    let filter = JobFilter { state: Some(state), limit: MOST, ..JobFilter::default() };
    Ok(visit.console.jobs.list_all(filter).await?.into_iter().map(row).collect())
}

fn row(job: Job) -> JobRow {
    let moment = |it: Option<_>| it.map_or("–".to_owned(), format::moment);
    JobRow {
        service: format!("{}.{}", job.service, job.operation),
        client: job.client,
        worker: job.owner.unwrap_or_default(),
        progress: job.progress.map_or("–".to_owned(), format::percent),
        since: moment(job.started),
        reason: job.error.as_deref().map(reason).unwrap_or_default(),
        attempts: format!("{}/{}", job.attempt, job.max_attempts),
        ended: moment(job.finished),
        id: job.id,
    }
}

/// The code of a failure and what it means.
fn reason(code: &str) -> String {
    let known = ErrorCode::ALL.into_iter().find(|it| it.number() == code);
    known.map_or(code.to_owned(), |it| format!("{code} {}", it.title()))
}
