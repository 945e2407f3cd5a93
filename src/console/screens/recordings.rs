//! 1996 錄音: the list, and one recording. What was said comes to the page through the API, which records who read it.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::shell::ShellText;
use crate::console::text::work::RecordingsText;
use crate::policy::Scope;
use crate::service::jobs::{Caller, Job, JobFilter, JobState};
use crate::task::call::CallError;

/// Recordings of a page.
const PAGE: usize = 50;

/// The service whose jobs these are.
const SERVICE: &str = "speech";

#[derive(Template)]
#[template(path = "recordings.html")]
struct ListPage {
    frame: Frame,
    t: &'static RecordingsText,
    rows: Vec<RecordingRow>,
    /// Where the next page begins; empty when this is the last.
    before: String,
    is_first: bool,
}

struct RecordingRow {
    id: String,
    case_no: String,
    state: &'static str,
    tone: &'static str,
    progress: String,
    created: String,
}

#[derive(Template)]
#[template(path = "recording.html")]
struct RecordingPage {
    frame: Frame,
    t: &'static RecordingsText,
    words: Vec<(&'static str, &'static str)>,
    it: RecordingRow,
    may_listen: bool,
    may_read_original: bool,
    may_correct: bool,
}

/// `GET /console/recordings`.
pub(super) async fn list(visit: Visit) -> Response {
    match list_page(&visit).await {
        Ok(page) => visit.show(&page),
        Err(error) => visit.refused(&error),
    }
}

async fn list_page(visit: &Visit) -> Result<ListPage, CallError> {
    let t = RecordingsText::of(visit.lang);
    let before = visit.query.get("before").and_then(|it| it.parse().ok());
    let filter = JobFilter {
        service: Some(SERVICE.to_owned()),
        before,
        limit: PAGE,
        ..JobFilter::default()
    };
    let found = visit.console.jobs.list(&caller(visit), filter).await?;
    let next = found.last().filter(|_| found.len() == PAGE).map(|it| it.seq.to_string());
    Ok(ListPage {
        frame: visit.frame(ShellText::of(visit.lang).recordings),
        t,
        rows: found.into_iter().map(|it| row(it, t)).collect(),
        before: next.unwrap_or_default(),
        is_first: before.is_none(),
    })
}

/// `GET /console/recordings/{id}`.
pub(super) async fn show(Path(id): Path<String>, visit: Visit) -> Response {
    let found = visit.console.jobs.find(&caller(&visit), &id).await;
    let job = match found {
        Ok(job) if job.service == SERVICE => job,
        Ok(_) => return visit.missing(),
        Err(error) => return visit.refused(&error),
    };
    let t = RecordingsText::of(visit.lang);
    let may = |scope| visit.principal.as_ref().is_some_and(|it| it.scopes.has(scope));
    let may_correct = may(Scope::SpeechReview) && job.state == JobState::Succeeded;
    let mut words = t.words();
    if may_correct {
        words.push(("may_correct", "1"));
    }
    visit.show(&RecordingPage {
        frame: visit.frame(ShellText::of(visit.lang).recordings),
        t,
        words,
        may_correct,
        may_listen: may(Scope::SpeechAudio) && job.input.is_some(),
        may_read_original: may(Scope::SpeechRead),
        it: row(job, t),
    })
}

fn caller(visit: &Visit) -> Caller {
    let principal = visit.principal.as_ref();
    Caller {
        client: principal.map(|it| it.client.clone()).unwrap_or_default(),
        org: principal.map(|it| it.org.clone()).unwrap_or_default(),
    }
}

fn row(job: Job, t: &RecordingsText) -> RecordingRow {
    let (state, tone) = match job.state {
        JobState::Queued => (t.queued, "warn"),
        JobState::Running => (t.running, "warn"),
        JobState::Succeeded => (t.succeeded, "good"),
        JobState::Cancelled => (t.cancelled, ""),
        JobState::Failed | JobState::Dead => (t.failed, "bad"),
    };
    RecordingRow {
        state,
        tone,
        case_no: job.case_no.unwrap_or("–".to_owned()),
        progress: job.progress.map_or("–".to_owned(), format::percent),
        created: format::moment(job.created),
        id: job.id,
    }
}
