//! The screens. Each has its row in `policy::PAGES` and in the menu, its page, and its words in the catalogue.

mod agreement;
mod answers;
mod applications;
mod approvals;
mod audit;
mod calls;
mod cards;
mod clients;
mod comparison;
mod drift;
mod home;
mod models;
mod modes;
pub(super) mod privacy;
mod proposals;
mod recordings;
mod resources;
mod reviews;
mod taxonomy;
mod try_it;

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
        .route("/console/try", get(try_it::show))
        .route("/console/samples/{file}", get(try_it::sample))
        .route("/console/recordings", get(recordings::list))
        .route("/console/recordings/{id}", get(recordings::show))
        .route("/console/calls", get(calls::show))
        .route("/console/cards", get(cards::show))
        .route("/console/answers", get(answers::show))
        .route("/console/models", get(models::show))
        .route("/console/models/comparison", get(comparison::show))
        .route("/console/models/comparison/{id}", get(comparison::proposal))
        .route("/console/taxonomy", get(taxonomy::show))
        .route("/console/clients", get(clients::show))
        .route("/console/audit", get(audit::show))
        .route("/console/privacy", get(privacy::show))
        .route("/console/resources", get(resources::show))
}
