//! 介接系統: who is registered, with which grants and keys, and where they are told of events.

use std::time::Duration;

use askama::Template;
use axum::response::Response;

use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::operate::ClientsText;
use crate::console::text::shell::ShellText;
use crate::identity::Registration;
use crate::service::jobs::Caller;
use crate::task::call::CallError;

/// Deliveries that are listed of a webhook.
const LATEST: usize = 5;

#[derive(Template)]
#[template(path = "clients.html")]
struct ClientsPage {
    frame: Frame,
    t: &'static ClientsText,
    words: Vec<(&'static str, &'static str)>,
    clients: Vec<ClientView>,
}

struct ClientView {
    id: String,
    org: String,
    state: &'static str,
    is_active: bool,
    used: String,
    expires: String,
    approver: String,
    n_keys: usize,
    facts: Vec<(&'static str, String)>,
    webhooks: Vec<WebhookView>,
    is_own: bool,
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
    let registered = match visit.console.gate.registrations().await {
        Ok(found) => found,
        Err(error) => return visit.failed(&error),
    };
    match page(&visit, registered).await {
        Ok(page) => visit.show(&page),
        Err(error) => visit.refused(&error),
    }
}

async fn page(visit: &Visit, registered: Vec<Registration>) -> Result<ClientsPage, CallError> {
    let t = ClientsText::of(visit.lang);
    let own = visit.principal.as_ref().map(|it| it.client.clone()).unwrap_or_default();
    let now = visit.console.clock.unix_time();
    let mut clients = Vec::new();
    for it in registered {
        let caller = Caller { client: it.id.clone(), org: it.org.clone() };
        let webhooks = webhooks(visit, &caller, t).await?;
        clients.push(view(it, (webhooks, &own), now, t));
    }
    // Whoever is local has webhooks without a registration.
    if clients.iter().all(|it| it.id != own) {
        let caller = Caller { client: own.clone(), org: String::new() };
        let webhooks = webhooks(visit, &caller, t).await?;
        if !webhooks.is_empty() {
            let local =
                Registration { id: own.clone(), is_active: true, ..Registration::default() };
            clients.push(view(local, (webhooks, &own), now, t));
        }
    }
    let frame = visit.frame(ShellText::of(visit.lang).clients);
    Ok(ClientsPage { frame, t, words: t.words(), clients })
}

fn view(
    it: Registration,
    (webhooks, own): (Vec<WebhookView>, &str),
    now: Duration,
    t: &ClientsText,
) -> ClientView {
    let has_lapsed = it.expires.is_some_and(|it| it <= now);
    let or_any = |text: String| if text.is_empty() { t.any.to_owned() } else { text };
    let keys = it.keys.iter().map(|(id, made, is_demo)| {
        let demo = if *is_demo { format!("({})", t.demo) } else { String::new() };
        format!("{id}{demo} {} {}", t.made, format::moment(*made))
    });
    let keys: Vec<String> = keys.collect();
    ClientView {
        is_own: it.id == own,
        state: match (it.is_active, has_lapsed) {
            (false, _) => t.suspended,
            (true, true) => t.lapsed,
            (true, false) => t.active,
        },
        is_active: it.is_active && !has_lapsed,
        used: format::moment(it.used),
        expires: it.expires.map_or(t.never.to_owned(), format::moment),
        approver: it.approver,
        n_keys: keys.len(),
        facts: vec![
            (t.scopes, it.scopes),
            (t.purposes, it.purposes),
            (t.units, or_any(it.units.replace('\n', "、"))),
            (t.networks, or_any(it.networks)),
            (t.hours, or_any(it.hours.unwrap_or_default())),
            (t.partner, it.partner.unwrap_or("–".to_owned())),
            (t.keys, if keys.is_empty() { "–".to_owned() } else { keys.join("、") }),
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
