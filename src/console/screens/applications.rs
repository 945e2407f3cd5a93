//! The part of 介接系統 about applications: which wait, what each asks for, and who may decide. Its script asks the API.

use std::time::Duration;

use crate::console::format;
use crate::console::shell::Visit;
use crate::console::text::clients::ClientsText;
use crate::identity::{Application, KeptApplication, OnboardingError};
use crate::policy::{Kind, Principal};

/// Applications that were decided on and are listed.
const MOST: usize = 20;

/// What the page shows of applications.
pub(super) struct ApplicationsView {
    /// The oldest first: it has waited longest.
    pub(super) waiting: Vec<WaitingView>,
    /// The newest first.
    pub(super) decided: Vec<DecidedView>,
    /// Whether decisions are taken at this listener.
    pub(super) may_decide: bool,
}

/// An application that waits.
pub(super) struct WaitingView {
    pub(super) id: String,
    pub(super) client: String,
    /// What it asks for, in words.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) scopes: Vec<String>,
    /// Whoever applied or handed it over does not approve it.
    pub(super) is_own: bool,
}

/// An application that was decided on.
pub(super) struct DecidedView {
    pub(super) number: String,
    pub(super) client: String,
    pub(super) org: String,
    pub(super) asked: String,
    pub(super) decided: String,
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
}

/// What somebody sees: the applications of the own agency.
pub(super) async fn view(
    visit: &Visit,
    t: &ClientsText,
) -> Result<ApplicationsView, OnboardingError> {
    let principal = visit.principal.as_deref();
    let agency = principal.and_then(|it| it.agency(visit.console.house()));
    let found = visit.console.gate.onboarding(agency).applications().await?;
    let own = principal.filter(|it| it.kind != Kind::Local).map(Principal::name);
    let (waiting, decided): (Vec<_>, Vec<_>) = found.into_iter().partition(waits);
    let waiting: Result<_, OnboardingError> =
        waiting.into_iter().map(|it| Ok(application(it, own, t)?)).collect();
    Ok(ApplicationsView {
        waiting: waiting?,
        decided: decided.into_iter().rev().take(MOST).map(|it| decision(it, t)).collect(),
        may_decide: visit.may_call("POST", "/api/v1/clients/applications/{id}/approve"),
    })
}

fn waits(it: &KeptApplication) -> bool {
    it.request.approved.is_none() && it.request.rejected.is_none()
}

fn application(
    it: KeptApplication,
    own: Option<&str>,
    t: &ClientsText,
) -> Result<WaitingView, serde_json::Error> {
    let asked: Application = serde_json::from_str(&it.content)?;
    // The store compares them the same way.
    let is_own = |name: &str| own.is_some_and(|it| it.trim().eq_ignore_ascii_case(name.trim()));
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    let certificate = if asked.certificate_sha256.is_some() { t.needed } else { t.not_needed };
    let days = asked.valid_days.map(|it| format!("{it} {}", t.days));
    Ok(WaitingView {
        is_own: is_own(&it.request.asked.0) || is_own(&it.sender),
        id: it.request.id,
        facts: vec![
            (t.number, asked.application_no),
            (t.org, asked.org),
            (t.purposes, asked.purposes.join("、")),
            (t.units, or(asked.units.join("、"), t.any)),
            (t.networks, or(asked.networks.join("、"), t.any)),
            (t.hours, or(asked.hours.unwrap_or_default(), t.any)),
            (t.valid, days.unwrap_or(t.never.to_owned())),
            (t.certificate, certificate.to_owned()),
            (t.partner, asked.exchange_name.unwrap_or("–".to_owned())),
            (t.applicant, moment(&it.request.asked)),
            (t.sender, or(it.sender, t.local)),
        ],
        client: asked.client_id,
        scopes: asked.scopes,
    })
}

fn decision(it: KeptApplication, t: &ClientsText) -> DecidedView {
    let request = it.request;
    let rejected = request.rejected.as_ref();
    let why = rejected.map(|it| format!("{} {} – {}", it.by, format::moment(it.at), it.reason));
    let approved = request.approved.as_ref().map(moment);
    DecidedView {
        number: request.reason,
        client: it.client,
        org: it.org,
        asked: moment(&request.asked),
        state: if rejected.is_some() { t.rejected } else { t.approved },
        tone: if rejected.is_some() { "" } else { "good" },
        decided: why.or(approved).unwrap_or_default(),
    }
}

fn moment((name, at): &(String, Duration)) -> String {
    format!("{name} {}", format::moment(*at))
}
