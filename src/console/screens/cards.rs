//! 證件複核: a picture beside what was read of it. Nothing of it is kept, here or anywhere.

use askama::Template;
use axum::response::Response;

use crate::console::shell::{Frame, Visit};
use crate::console::text::shell::ShellText;
use crate::console::text::try_it::ResultWords;
use crate::console::text::work::CardsText;

#[derive(Template)]
#[template(path = "cards.html")]
struct CardsPage {
    frame: Frame,
    t: &'static CardsText,
    words: Vec<(&'static str, &'static str)>,
    /// Who looks: a mark over the picture.
    who: String,
}

/// `GET /console/cards`.
pub(super) async fn show(visit: Visit) -> Response {
    let who = visit.principal.as_ref().map(|it| it.subject.clone()).unwrap_or_default();
    visit.show(&CardsPage {
        frame: visit.frame(ShellText::of(visit.lang).cards),
        t: CardsText::of(visit.lang),
        words: ResultWords::of(visit.lang).words(),
        who,
    })
}
