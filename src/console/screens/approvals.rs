//! The part of 首頁 about what takes a second person: how much of it waits for whoever may approve it.

use crate::console::shell::Visit;
use crate::console::text::home::HomeText;
use crate::service::privacy::Request;

/// What waits: title, path and how many. Nothing where nothing waits.
///
/// Where something cannot be asked now, the rest of the page is worth as much.
pub(super) async fn waiting(
    visit: &Visit,
    t: &HomeText,
) -> Vec<(&'static str, &'static str, usize)> {
    let open = |found: Vec<Request>| {
        found.iter().filter(|it| it.approved.is_none() && it.rejected.is_none()).count()
    };
    let agency = visit.principal.as_ref().and_then(|it| it.agency(visit.console.house()));
    let mut tiles = Vec::new();
    if visit.may_call("POST", "/api/v1/clients/applications/{id}/approve") {
        let found = visit.console.gate.onboarding(agency).applications().await;
        let requests = found.unwrap_or_default().into_iter().map(|it| it.request);
        tiles.push((t.applications, "/console/clients#waiting", open(requests.collect())));
    }
    if visit.may_call("POST", "/api/v1/models/proposals/{id}/approve") {
        let found = visit.console.proposals.of(agency).list().await;
        let requests = found.unwrap_or_default().into_iter().map(|it| it.request);
        tiles.push((t.proposals, "/console/models#proposals", open(requests.collect())));
    }
    if visit.may_call("POST", "/api/v1/subjects/erasures/{id}/approve") {
        let found = visit.console.privacy.of(agency).erasures().await;
        let requests = found.unwrap_or_default().into_iter().map(|it| it.request);
        tiles.push((t.erasures, "/console/privacy#requests", open(requests.collect())));
    }
    tiles.retain(|it| 0 < it.2);
    tiles
}
