//! 信件複審 and 公文分文: the queue, the text and the decision. Their script calls the API as any client would.

use askama::Template;
use axum::response::Response;

use crate::console::shell::{Frame, Visit};
use crate::console::text::reviews::{ReviewText, ReviewWords};
use crate::console::text::shell::ShellText;
use crate::policy::Scope;
use crate::service::reviews::ReviewKind;
use crate::task::text::Label;

#[derive(Template)]
#[template(path = "reviews.html")]
struct ReviewsPage {
    frame: Frame,
    t: &'static ReviewText,
    words: Vec<(&'static str, &'static str)>,
    kind: &'static str,
    is_documents: bool,
    may_assign: bool,
    labels: Vec<LabelOption>,
    /// Least confidence of a batch, in hundredths.
    batch_from: u32,
}

/// A label that a correction may name.
struct LabelOption {
    code: String,
    name: String,
    /// Path of its unit; empty when it names none of today's.
    unit: String,
}

impl From<Label> for LabelOption {
    fn from(label: Label) -> LabelOption {
        let unit = label.unit.unwrap_or_default();
        // What a label is called may stand below several units.
        let place = if unit.is_empty() || label.code == unit { &label.code } else { &unit };
        LabelOption { name: format!("{} ({place})", label.name), code: label.code, unit }
    }
}

/// `GET /console/letters`.
pub(super) async fn letters(visit: Visit) -> Response {
    show(&visit, ReviewKind::Letter)
}

/// `GET /console/documents`.
pub(super) async fn documents(visit: Visit) -> Response {
    show(&visit, ReviewKind::Document)
}

fn show(visit: &Visit, kind: ReviewKind) -> Response {
    let s = ShellText::of(visit.lang);
    let is_documents = kind == ReviewKind::Document;
    let may = |scope| visit.principal.as_ref().is_some_and(|it| it.scopes.has(scope));
    let reviews = &visit.console.reviews;
    let org = visit.principal.as_ref().map_or("", |it| it.org.as_str());
    visit.show(&ReviewsPage {
        frame: visit.frame(if is_documents { s.dispatch } else { s.letters }),
        t: ReviewText::of(visit.lang),
        words: ReviewWords::of(visit.lang).words(),
        kind: kind.as_str(),
        is_documents,
        may_assign: may(Scope::ReviewsAssign),
        labels: reviews.labels(kind, org).into_iter().map(LabelOption::from).collect(),
        batch_from: reviews.settings.batch_from.div_ceil(100),
    })
}
