//! 首頁: the state of the services, what waits, and what this system is.

use askama::Template;
use axum::extract::Extension;
use axum::response::Response;

use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::drift::DriftText;
use crate::console::text::home::HomeText;
use crate::console::text::shell::ShellText;
use crate::http::officer_of;
use crate::policy::Scope;
use crate::service::jobs::{Caller, Job, JobFilter, JobState};
use crate::service::reviews::ReviewKind;
use crate::task::call::{CallContext, CallError, Task};
use crate::task::drift::Advice;
use crate::task::idcard::ModelInfo;

use super::{approvals, drift};

/// Jobs that are listed.
const LATEST: usize = 10;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    t: &'static HomeText,
    /// What somebody must look at; for those who operate the service.
    notices: Vec<String>,
    services: Vec<ServiceRow>,
    is_all_ready: bool,
    /// Services that have drifted, and what to do.
    drifted: Vec<(&'static str, &'static str)>,
    d: &'static DriftText,
    reviews: Vec<ReviewTile>,
    /// What takes a second person: title, path, how many wait.
    approvals: Vec<(&'static str, &'static str, usize)>,
    counts: Vec<(&'static str, u64)>,
    jobs: Vec<JobRow>,
    sees_jobs: bool,
    may_try: bool,
}

struct ServiceRow {
    title: &'static str,
    is_ready: bool,
    model: String,
}

/// What waits for a decision.
struct ReviewTile {
    title: &'static str,
    path: &'static str,
    n_waiting: u64,
    n_overdue: u64,
}

struct JobRow {
    id: String,
    title: &'static str,
    state: &'static str,
    created: String,
}

/// `GET /console`.
pub(super) async fn show(Extension(cx): Extension<CallContext>, visit: Visit) -> Response {
    match page(&visit, &cx).await {
        Ok(page) => visit.show(&page),
        Err(error) => visit.refused(&error),
    }
}

async fn page(visit: &Visit, cx: &CallContext) -> Result<HomePage, CallError> {
    let t = HomeText::of(visit.lang);
    let frame = visit.frame(ShellText::of(visit.lang).home);
    let caller = visit.caller();
    let (mut counts, mut jobs) = (Vec::new(), Vec::new());
    if let Some(caller) = &caller {
        counts = counted(visit, caller, t).await?;
        let filter = JobFilter { limit: LATEST, ..JobFilter::default() };
        let found = visit.console.jobs.list(caller, filter).await?;
        jobs = found.iter().map(|it| row(it, t)).collect();
    }
    let services = services(visit, t);
    Ok(HomePage {
        frame,
        t,
        notices: notices(visit),
        is_all_ready: services.iter().all(|it| it.is_ready),
        services,
        drifted: drifted(visit, cx, t).await,
        d: DriftText::of(visit.lang),
        reviews: reviews(visit).await?,
        approvals: approvals::waiting(visit, t).await,
        counts,
        jobs,
        sees_jobs: caller.is_some(),
        may_try: visit.may_see("/console/try"),
    })
}

/// Services whose answers somebody should look at.
async fn drifted(
    visit: &Visit,
    cx: &CallContext,
    t: &HomeText,
) -> Vec<(&'static str, &'static str)> {
    let d = DriftText::of(visit.lang);
    // Where nothing can be asked now, the rest of the page is worth as much.
    let found = drift::found(visit, cx, drift::DAYS).await.unwrap_or_default();
    let counts = found.iter().filter(|it| matches!(it.advice(), Advice::Look | Advice::Retrain));
    let title = |name| if name == "qa" { t.qa } else { service_title(name, t) };
    counts.map(|it| (title(it.service), drift::advice(it.advice(), d).0)).collect()
}

fn notices(visit: &Visit) -> Vec<String> {
    match visit.may_see("/console/resources") {
        true => visit.console.service.notices().messages(),
        false => Vec::new(),
    }
}

/// What waits for whoever asks, on the screens that are open to them.
async fn reviews(visit: &Visit) -> Result<Vec<ReviewTile>, CallError> {
    let principal = visit.principal.as_ref().filter(|it| it.scopes.has(Scope::ReviewsWork));
    let Some(principal) = principal else { return Ok(Vec::new()) };
    let counts = visit.console.reviews.counts(&officer_of(principal)).await?;
    let s = ShellText::of(visit.lang);
    let tile = |kind, title, path| {
        let count = counts.iter().find(|it| it.kind == kind);
        ReviewTile {
            title,
            path,
            n_waiting: count.map_or(0, |it| it.n_open + it.n_claimed + it.n_escalated),
            n_overdue: count.map_or(0, |it| it.n_overdue),
        }
    };
    Ok(vec![
        tile(ReviewKind::Letter, s.letters, "/console/letters"),
        tile(ReviewKind::Document, s.dispatch, "/console/documents"),
    ])
}

async fn counted(
    visit: &Visit,
    caller: &Caller,
    t: &HomeText,
) -> Result<Vec<(&'static str, u64)>, CallError> {
    let counts = visit.console.jobs.counts(Some(caller)).await?;
    let of = |state| counts.iter().find(|it| it.0 == state).map_or(0, |it| it.1);
    Ok(vec![
        (t.queued, of(JobState::Queued)),
        (t.running, of(JobState::Running)),
        (t.succeeded, of(JobState::Succeeded)),
        (t.dead, of(JobState::Dead) + of(JobState::Failed)),
    ])
}

fn row(job: &Job, t: &HomeText) -> JobRow {
    JobRow {
        id: job.id.clone(),
        title: service_title(&job.service, t),
        state: match job.state {
            JobState::Queued => t.queued,
            JobState::Running => t.running,
            JobState::Succeeded => t.succeeded,
            JobState::Cancelled => t.cancelled,
            JobState::Failed | JobState::Dead => t.dead,
        },
        created: format::moment(job.created),
    }
}

fn service_title(name: &str, t: &HomeText) -> &'static str {
    match name {
        "letters" => t.letters,
        "documents" => t.documents,
        "speech" => t.speech,
        "identity-documents" => t.identity,
        _ => t.other,
    }
}

fn services(visit: &Visit, t: &HomeText) -> Vec<ServiceRow> {
    let service = &visit.console.service;
    let is_open = !service.is_draining();
    let row = |title, is_ready: bool, model: Option<&ModelInfo>| ServiceRow {
        title,
        is_ready: is_ready && is_open,
        model: model.map_or(String::new(), |it| format!("{} {}", it.name, it.version)),
    };
    let text = |task, title| {
        let model = service.classifier(task);
        row(title, model.is_some(), model.as_ref().map(|it| &it.info))
    };
    let (index, speech) = (service.answers().0, service.speech());
    vec![
        text(Task::Letters, t.letters),
        text(Task::Documents, t.documents),
        row(t.speech, speech.require_ready().is_ok(), speech.model()),
        row(t.qa, index.is_some(), index.as_ref()),
        row(t.identity, service.reads_cards(), service.idcard_model().as_ref()),
    ]
}
