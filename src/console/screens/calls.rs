//! 通話中: a call is heard as it goes on, and what is asked in it is answered from approved sources. Its script speaks
//! with the stream of the API, which records who listened.

use askama::Template;
use axum::response::Response;

use crate::console::shell::{Frame, Visit};
use crate::console::text::calls::CallsText;
use crate::console::text::shell::ShellText;
use crate::policy::Scope;

#[derive(Template)]
#[template(path = "calls.html")]
struct CallsPage {
    frame: Frame,
    t: &'static CallsText,
    words: Vec<(&'static str, &'static str)>,
    /// What an operator must do before anything is heard; empty when nothing.
    remedy: &'static str,
    /// Why there are no suggested answers; empty when there are.
    no_answers: &'static str,
    /// Whether the visitor may say what became of an answer.
    may_judge: bool,
}

/// `GET /console/calls`.
pub(super) async fn show(visit: Visit) -> Response {
    let t = CallsText::of(visit.lang);
    let service = &visit.console.service;
    let may = |scope| visit.principal.as_ref().is_some_and(|it| it.scopes.has(scope));
    let no_answers = if !may(Scope::QaAsk) {
        t.no_answers_scope
    } else if service.answers().0.is_none() {
        t.no_answers_yet
    } else {
        ""
    };
    let page = CallsPage {
        frame: visit.frame(ShellText::of(visit.lang).calls),
        t,
        words: t.words(),
        remedy: if service.speech().require_ready().is_ok() { "" } else { t.missing_speech },
        no_answers,
        may_judge: may(Scope::FeedbackWrite),
    };
    visit.show_hearing(&page)
}
