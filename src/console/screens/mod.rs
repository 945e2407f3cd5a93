//! The screens. Each has its row in `policy::PAGES` and in the menu, its page, and its words in the catalogue.

mod home;
mod reviews;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::Console;

/// Every screen.
pub(super) fn router() -> Router<Arc<Console>> {
    Router::new()
        .route(super::HOME, get(home::show))
        .route("/console/letters", get(reviews::letters))
        .route("/console/documents", get(reviews::documents))
}
