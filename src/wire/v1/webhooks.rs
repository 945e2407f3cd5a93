//! Webhooks and what was sent to them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::call::CallError;

use super::body;

/// Longest address in bytes.
pub const MAX_URL: usize = 2048;

/// Names of events of one webhook.
pub const MAX_EVENTS: usize = 32;

/// Longest name of an event in bytes.
const MAX_NAME: usize = 96;

/// Most bytes of a request.
pub const MAX_BYTES: usize = 8 << 10;

/// A webhook to make. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://mailbox.example.gov.tw/fenwen",
    "events": ["letters.classification.completed", "speech.job.succeeded"]}))]
pub struct WebhookRequest {
    /// Where events are posted: https, without credentials, at most 2048 bytes.
    pub url: String,
    /// Names of the events that are wanted, at most 32; every one when left out or empty.
    #[serde(default)]
    pub events: Vec<String>,
}

/// Reads a webhook to make.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8]) -> Result<WebhookRequest, CallError> {
    let request: WebhookRequest = body::parse(json, "", &[""])?;
    check_url(&request.url)?;
    check_events(&request.events)?;
    Ok(request)
}

/// What changes of a webhook; what is left out stays. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"active": true}))]
pub struct WebhookChangeRequest {
    /// Where events are posted.
    pub url: Option<String>,
    /// Names of the events that are wanted; every one when empty.
    pub events: Option<Vec<String>>,
    /// Whether events are posted. What waits for a webhook that is switched off is given up.
    pub active: Option<bool>,
}

/// Reads a change of a webhook.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_change(json: &[u8]) -> Result<WebhookChangeRequest, CallError> {
    let request: WebhookChangeRequest = body::parse(json, "", &[""])?;
    request.url.as_deref().map_or(Ok(()), check_url)?;
    request.events.as_deref().map_or(Ok(()), check_events)?;
    Ok(request)
}

fn check_url(url: &str) -> Result<(), CallError> {
    if url.len() <= MAX_URL {
        return Ok(());
    }
    Err(CallError::bad_value("/url", format!("不可超過 {MAX_URL} 位元組。")))
}

fn check_events(events: &[String]) -> Result<(), CallError> {
    if MAX_EVENTS < events.len() {
        return Err(CallError::bad_value("/events", format!("至多 {MAX_EVENTS} 個名稱。")));
    }
    match events.iter().position(|it| MAX_NAME < it.len()) {
        Some(idx) => {
            let detail = format!("不可超過 {MAX_NAME} 位元組。");
            Err(CallError::bad_value(format!("/events/{idx}"), detail))
        }
        None => Ok(()),
    }
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub struct WebhookResponse {
    /// Identifies it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub webhook_id: String,
    /// Where events are posted.
    pub url: String,
    /// Names of the events that are wanted; every one when empty.
    pub events: Vec<String>,
    /// Whether events are posted; a receiver that answers 410 is switched off.
    pub active: bool,
    /// Checks signatures `v1a` (Ed25519): `whpk_` and base64.
    pub public_key: String,
    /// Checks signatures `v1` (HMAC-SHA256): `whsec_` and base64. Shown only when it is made or renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Until when the secret before signs too; none when there is none.
    #[schema(required = true)]
    pub previous_secret_until: Option<String>,
    /// When it was made.
    pub created_at: String,
}

/// The webhooks of a client, the oldest first.
#[derive(Serialize, ToSchema)]
pub struct WebhookList {
    /// Webhooks.
    pub items: Vec<WebhookResponse>,
}

/// An event on its way to a webhook.
#[derive(Serialize, ToSchema)]
pub struct DeliveryResponse {
    /// Identifies it; the `webhook-id` of every attempt.
    pub delivery_id: String,
    /// Name of the event.
    #[schema(example = "letters.classification.completed")]
    pub event: String,
    /// `due`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    pub state: &'static str,
    /// When it is tried next; none when it is settled.
    #[schema(required = true)]
    pub next_attempt_at: Option<String>,
    /// When it was queued.
    pub created_at: String,
    /// Every attempt, oldest first.
    pub attempts: Vec<AttemptResponse>,
}

/// One attempt.
#[derive(Serialize, ToSchema)]
pub struct AttemptResponse {
    /// When.
    pub at: String,
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// The status that was answered; none when there was no answer.
    #[schema(required = true)]
    pub status: Option<u32>,
    /// Why it failed: `status`, `timeout`, `connection`, `unknown_host`, `forbidden_address` or `url`; none when it did
    /// not.
    #[schema(required = true)]
    pub failure: Option<String>,
}

/// A page of deliveries, the newest first.
#[derive(Serialize, ToSchema)]
pub struct DeliveryPage {
    /// Deliveries.
    pub items: Vec<DeliveryResponse>,
    /// Value of `before` for the next page; none at the end.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// Whether a delivery can have this id.
pub fn is_delivery_id(id: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=160).contains(&id.len()) && id.bytes().all(is_safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(error: &CallError) -> String {
        error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
    }

    fn check(json: &str, expected: Option<&str>) {
        let found = parse(json.as_bytes()).err();
        assert_eq!(found.as_ref().map(pointer).as_deref(), expected, "{json}");
    }

    #[test]
    fn good_and_bad_webhooks() {
        check(r#"{"url":"https://a/"}"#, None);
        check(r#"{"url":"https://a/","events":["a.b"]}"#, None);
        check(&format!(r#"{{"url":"{}"}}"#, "a".repeat(2048)), None);
        check(&format!(r#"{{"url":"{}"}}"#, "a".repeat(2049)), Some("/url"));
        check(&format!(r#"{{"url":"a","events":["a","{}"]}}"#, "a".repeat(97)), Some("/events/1"));
        let many = vec!["\"a\""; 33].join(",");
        check(&format!(r#"{{"url":"a","events":[{many}]}}"#), Some("/events"));
        check(r#"{"events":[]}"#, Some("/url"));
        check(r#"{"url":"a","secret":"mine"}"#, Some("/secret"));
    }

    fn check_change(json: &str, expected: Option<&str>) {
        let found = parse_change(json.as_bytes()).err();
        assert_eq!(found.as_ref().map(pointer).as_deref(), expected, "{json}");
    }

    #[test]
    fn good_and_bad_changes() {
        check_change(r#"{"active":false}"#, None);
        check_change("{}", None);
        check_change(r#"{"active":"no"}"#, Some("/active"));
        check_change(&format!(r#"{{"url":"{}"}}"#, "a".repeat(2049)), Some("/url"));
        assert!(is_delivery_id("019a-wh_7.x") && !is_delivery_id("") && !is_delivery_id("a/b"));
    }
}
