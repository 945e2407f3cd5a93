//! 介接系統: who applies, who is registered, with which grants and keys, and where they are told of events.

use std::time::Duration;

use askama::Template;
use axum::response::Response;

use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::clients::ClientsText;
use crate::console::text::shell::ShellText;
use crate::identity::{OnboardingError, Registration};
use crate::policy::Kind;
use crate::service::jobs::Caller;
use crate::task::call::CallError;

use super::applications::{self, ApplicationsView};

/// Deliveries that are listed of a webhook.
const LATEST: usize = 5;

#[derive(Template)]
#[template(path = "clients.html")]
struct ClientsPage {
    frame: Frame,
    t: &'static ClientsText,
    words: Vec<(&'static str, &'static str)>,
    /// What was just done.
    did: &'static str,
    /// The client that was just registered.
    approved: Option<String>,
    applications: ApplicationsView,
    clients: Vec<ClientView>,
    /// Whoever is local says who it is; others have proven it.
    is_local: bool,
    /// Name, title, text and button of each question.
    dialogs: [(&'static str, &'static str, &'static str, &'static str); 5],
}

struct ClientView {
    id: String,
    org: String,
    state: &'static str,
    is_active: bool,
    used: String,
    expires: String,
    approver: String,
    scopes: Vec<String>,
    facts: Vec<(&'static str, String)>,
    /// The part that is no secret, when it was made, whether it is for demonstrations.
    keys: Vec<(String, String, bool)>,
    webhooks: Vec<WebhookView>,
    is_own: bool,
    /// Whoever is local is not.
    is_registered: bool,
    offered: Offered,
}

/// What is offered to be done with a client.
struct Offered {
    /// Its keys are issued here: what it may do is not above whoever administers clients.
    issues: bool,
    suspends: bool,
    enables: bool,
}

struct WebhookView {
    id: String,
    url: String,
    events: String,
    is_active: bool,
    deliveries: Vec<DeliveryView>,
}

struct DeliveryView {
    id: String,
    event: String,
    sent: String,
    state: &'static str,
    status: String,
    has_failed: bool,
}

/// `GET /console/clients`.
pub(super) async fn show(visit: Visit) -> Response {
    match found(&visit).await {
        Ok((applications, registered)) => match page(&visit, applications, registered).await {
            Ok(page) => visit.show(&page),
            Err(error) => visit.refused(&error),
        },
        Err(error) => visit.failed(&error),
    }
}

/// Applications and clients of the own agency; those of all for the house.
async fn found(visit: &Visit) -> Result<(ApplicationsView, Vec<Registration>), OnboardingError> {
    let agency = visit.principal.as_ref().and_then(|it| it.agency(visit.console.house()));
    let registered = visit.console.gate.onboarding(agency).clients().await?;
    Ok((applications::view(visit, ClientsText::of(visit.lang)).await?, registered))
}

async fn page(
    visit: &Visit,
    applications: ApplicationsView,
    registered: Vec<Registration>,
) -> Result<ClientsPage, CallError> {
    let t = ClientsText::of(visit.lang);
    let own = visit.principal.as_ref().map(|it| it.client.clone()).unwrap_or_default();
    let now = visit.console.clock.unix_time();
    let mut clients = Vec::new();
    for it in registered {
        let caller = Caller { client: it.id.clone(), org: it.org.clone() };
        let webhooks = webhooks(visit, &caller, t).await?;
        clients.push(view(it, (webhooks, &own), now, t));
    }
    let asked = visit.query.get("client");
    let mut ids = clients.iter().map(|it| it.id.clone());
    let approved = ids.find(|it| asked == Some(it.as_str()));
    // Whoever is local has webhooks without a registration.
    if clients.iter().all(|it| it.id != own) {
        let caller = Caller { client: own.clone(), org: String::new() };
        let webhooks = webhooks(visit, &caller, t).await?;
        if !webhooks.is_empty() {
            let local =
                Registration { id: own.clone(), is_active: true, ..Registration::default() };
            let view = view(local, (webhooks, &own), now, t);
            clients.push(ClientView { is_registered: false, ..view });
        }
    }
    let frame = visit.frame(ShellText::of(visit.lang).clients);
    let is_local = visit.principal.as_ref().is_none_or(|it| it.kind == Kind::Local);
    let (words, did, dialogs) = (t.words(), did(visit, t), dialogs(t));
    Ok(ClientsPage { frame, t, words, did, approved, applications, clients, is_local, dialogs })
}

fn did(visit: &Visit, t: &ClientsText) -> &'static str {
    match visit.query.get("did") {
        Some("approve") => t.did_approve,
        Some("reject") => t.did_reject,
        Some("issue") => t.did_issue,
        Some("revoke") => t.did_revoke,
        Some("suspend") => t.did_suspend,
        Some("enable") => t.did_enable,
        _ => "",
    }
}

fn dialogs(t: &ClientsText) -> [(&'static str, &'static str, &'static str, &'static str); 5] {
    [
        ("approve", t.approve_title, t.approve_lead, t.approve),
        ("reject", t.reject_title, t.reject_lead, t.reject),
        ("revoke", t.revoke_title, t.revoke_lead, t.revoke),
        ("suspend", t.suspend_title, t.suspend_lead, t.suspend),
        ("enable", t.enable_title, t.enable_lead, t.enable),
    ]
}

fn view(
    it: Registration,
    (webhooks, own): (Vec<WebhookView>, &str),
    now: Duration,
    t: &ClientsText,
) -> ClientView {
    let has_lapsed = it.expires.is_some_and(|it| it <= now);
    let or_any = |text: String| if text.is_empty() { t.any.to_owned() } else { text };
    let key = |(id, made, is_demo): &(String, Duration, bool)| {
        (id.clone(), format::moment(*made), *is_demo)
    };
    ClientView {
        is_own: it.id == own,
        is_registered: true,
        offered: Offered {
            issues: it.is_plain(),
            suspends: it.is_active,
            enables: it.is_plain() && !it.is_active,
        },
        state: match (it.is_active, has_lapsed) {
            (false, _) => t.suspended,
            (true, true) => t.lapsed,
            (true, false) => t.active,
        },
        is_active: it.is_active && !has_lapsed,
        used: format::moment(it.used),
        expires: it.expires.map_or(t.never.to_owned(), format::moment),
        approver: it.approver,
        keys: it.keys.iter().map(key).collect(),
        scopes: it.scopes.split_ascii_whitespace().map(str::to_owned).collect(),
        facts: vec![
            (t.purposes, it.purposes.replace(' ', "、")),
            (t.units, or_any(it.units.replace('\n', "、"))),
            (t.networks, or_any(it.networks.replace(' ', "、"))),
            (t.hours, or_any(it.hours.unwrap_or_default())),
            (t.partner, it.partner.unwrap_or("–".to_owned())),
        ],
        webhooks,
        id: it.id,
        org: it.org,
    }
}

async fn webhooks(
    visit: &Visit,
    caller: &Caller,
    t: &ClientsText,
) -> Result<Vec<WebhookView>, CallError> {
    let service = &visit.console.webhooks;
    let mut views = Vec::new();
    for it in service.list(caller).await? {
        let found = service.deliveries(caller, &it.id, None, LATEST).await?;
        let deliveries = found.into_iter().map(|(delivery, attempts)| {
            let state = delivery.state.as_str();
            DeliveryView {
                id: delivery.id,
                event: delivery.name,
                sent: format::moment(attempts.last().map_or(delivery.created, |it| it.at)),
                state: match state {
                    "due" => t.due,
                    "delivered" => t.delivered,
                    _ => t.failed,
                },
                status: attempts
                    .last()
                    .and_then(|it| it.status.map(|it| it.to_string()).or(it.failure.clone()))
                    .unwrap_or("–".to_owned()),
                has_failed: state == "failed",
            }
        });
        views.push(WebhookView {
            deliveries: deliveries.collect(),
            events: if it.names.is_empty() {
                t.all_events.to_owned()
            } else {
                it.names.join("、")
            },
            is_active: it.is_active,
            id: it.id,
            url: it.url,
        });
    }
    Ok(views)
}
