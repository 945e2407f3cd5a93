//! 試用: the newcomer's first screen. Its script calls the API as any client would.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::console::shell::{Frame, Visit};
use crate::console::text::shell::ShellText;
use crate::console::text::try_it::{ResultWords, TryText};
use crate::policy::Scope;
use crate::task::call::Task;

#[derive(Template)]
#[template(path = "try.html")]
struct TryPage {
    frame: Frame,
    t: &'static TryText,
    words: Vec<(&'static str, &'static str)>,
    tabs: Vec<Tab>,
}

/// A service that the visitor may try.
struct Tab {
    id: &'static str,
    title: &'static str,
    /// What an operator must do before it answers; empty when it does.
    remedy: &'static str,
}

/// `GET /console/try`.
pub(super) async fn show(visit: Visit) -> Response {
    let t = TryText::of(visit.lang);
    let page = TryPage {
        frame: visit.frame(ShellText::of(visit.lang).try_it),
        t,
        words: ResultWords::of(visit.lang).words(),
        tabs: tabs(&visit, t),
    };
    visit.show_hearing(&page)
}

fn tabs(visit: &Visit, t: &'static TryText) -> Vec<Tab> {
    let service = &visit.console.service;
    let has_model = |task| service.classifier(task).is_some();
    let rows = [
        ("letter", t.letter, Scope::LettersClassify, has_model(Task::Letters), t.missing_other),
        (
            "document",
            t.document,
            Scope::DocumentsDispatch,
            has_model(Task::Documents),
            t.missing_other,
        ),
        (
            "speech",
            t.speech,
            Scope::SpeechTranscribe,
            service.speech().require_ready().is_ok(),
            t.missing_speech,
        ),
        ("question", t.question, Scope::QaAsk, service.answers().0.is_some(), t.missing_qa),
        ("card", t.card, Scope::IdRecognize, service.reads_cards(), t.missing_other),
    ];
    let may = |scope| visit.principal.as_ref().is_some_and(|it| it.scopes.has(scope));
    let tabs = rows.into_iter().filter(|it| may(it.2));
    tabs.map(|(id, title, _, is_ready, remedy)| {
        let remedy = if is_ready { "" } else { remedy };
        Tab { id, title, remedy }
    })
    .collect()
}

/// Invented examples, and files that say so.
const SAMPLES: &[(&str, &str, &[u8])] = &[
    ("document.di", "application/xml", include_bytes!("../samples/document.di")),
    ("card.jpg", "image/jpeg", include_bytes!("../samples/card.jpg")),
    ("recording.mp3", "audio/mpeg", include_bytes!("../samples/recording.mp3")),
];

/// `GET /console/samples/{file}`.
pub(super) async fn sample(Path(file): Path<String>) -> Response {
    let Some((_, media_type, content)) = SAMPLES.iter().find(|it| it.0 == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [(CONTENT_TYPE, *media_type), (CACHE_CONTROL, "public, max-age=3600")];
    (headers, *content).into_response()
}
