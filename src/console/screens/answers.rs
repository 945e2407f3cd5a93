//! 問答管理: the library of sources, and the questions that none of them answered.

use std::time::Duration;

use askama::Template;
use axum::extract::Extension;
use axum::response::Response;

use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::manage::AnswersText;
use crate::console::text::shell::ShellText;
use crate::service::sources::{SourceState, SourceVersion, Sources};
use crate::task::answers::Unanswered;
use crate::task::call::{CallContext, CallError, Task};

/// Sources and questions that are listed.
const MOST: usize = 500;
const MOST_QUESTIONS: usize = 50;

#[derive(Template)]
#[template(path = "answers.html")]
struct AnswersPage {
    frame: Frame,
    t: &'static AnswersText,
    tiles: Vec<(&'static str, usize)>,
    filters: Vec<(&'static str, &'static str, bool)>,
    sources: Vec<SourceView>,
    questions: Vec<QuestionView>,
}

struct SourceView {
    id: String,
    version: u32,
    title: String,
    unit: String,
    state: &'static str,
    tone: &'static str,
    valid: String,
    changed: String,
}

struct QuestionView {
    question: String,
    /// How often it was asked in the same words.
    n_asked: usize,
    when: String,
    nearest: String,
}

/// `GET /console/answers`.
pub(super) async fn show(Extension(cx): Extension<CallContext>, visit: Visit) -> Response {
    let library = visit.console.library.clone();
    let loaded = tokio::task::spawn_blocking(move || library.load()).await;
    let sources = match loaded {
        Ok(Ok(sources)) => sources,
        Ok(Err(error)) => return visit.failed(&error),
        Err(error) => return visit.failed(&error),
    };
    match unanswered(&visit, &cx).await {
        Ok(unanswered) => visit.show(&page(&visit, &sources, unanswered)),
        Err(error) => visit.refused(&error),
    }
}

async fn unanswered(visit: &Visit, cx: &CallContext) -> Result<Unanswered, CallError> {
    visit.console.service.admit(cx, Task::Predictions)?.unanswered_questions().await
}

fn page(visit: &Visit, sources: &Sources, unanswered: Unanswered) -> AnswersPage {
    let t = AnswersText::of(visit.lang);
    let wanted = visit.query.get("state").unwrap_or_default();
    let of = |state| sources.versions().filter(|it| it.state == state).count();
    let shown = sources.versions().filter(|it| wanted.is_empty() || it.state.as_str() == wanted);
    AnswersPage {
        frame: visit.frame(ShellText::of(visit.lang).answers),
        t,
        tiles: vec![
            (t.approved, of(SourceState::Approved)),
            (t.draft, of(SourceState::Draft)),
            (t.asked, unanswered.n_asked),
            (t.n_unanswered, unanswered.n_unanswered),
        ],
        filters: [
            ("", t.all),
            ("approved", t.approved),
            ("draft", t.draft),
            ("retired", t.retired),
        ]
        .map(|(value, title)| (value, title, value == wanted))
        .to_vec(),
        sources: shown.take(MOST).map(|it| view(it, t)).collect(),
        questions: questions(unanswered, t),
    }
}

/// The questions that are listed: once where several asked in the same words, as the newest of them was.
fn questions(unanswered: Unanswered, t: &AnswersText) -> Vec<QuestionView> {
    let mut listed: Vec<QuestionView> = Vec::new();
    for it in unanswered.items {
        let words = it.masked.as_ref().map(|it| it.expose().trim());
        if let Some(known) = listed.iter_mut().find(|known| words == Some(&known.question)) {
            known.n_asked += 1;
        } else if listed.len() < MOST_QUESTIONS {
            listed.push(QuestionView {
                question: words.unwrap_or(t.question_gone).to_owned(),
                n_asked: 1,
                when: format::moment(Duration::from_secs(it.asked)),
                nearest: it.nearest.unwrap_or("–".to_owned()),
            });
        }
    }
    listed
}

fn view(version: &SourceVersion, t: &AnswersText) -> SourceView {
    let source = &version.source;
    let day = |it: Option<crate::base::Date>| it.map_or(String::new(), |it| it.to_string());
    let valid = match (source.valid_from, source.valid_to) {
        (None, None) => t.always.to_owned(),
        (from, to) => format!("{}–{}", day(from), day(to)),
    };
    let changed = format::moment(Duration::from_secs(version.changed.at));
    SourceView {
        id: source.id.clone(),
        version: source.version,
        title: source.title.clone().or(source.question.clone()).unwrap_or_default(),
        unit: source.unit.clone().unwrap_or("–".to_owned()),
        state: match version.state {
            SourceState::Approved => t.approved,
            SourceState::Draft => t.draft,
            SourceState::Retired => t.retired,
        },
        tone: match version.state {
            SourceState::Approved => "good",
            SourceState::Draft => "warn",
            SourceState::Retired => "",
        },
        valid,
        changed: format!("{changed} {}", version.changed.by),
    }
}
