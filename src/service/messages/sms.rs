//! Short messages through somebody's HTTP interface: fields of a form or of a JSON object, filled by a template.
//!
//! The rules of webhooks hold for where it may lead: the name is resolved, every address is checked, no redirect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::base::Secret;
use crate::service::webhooks::{Failure, Guard, GuardError, Post, Posted, Resolve, Sender};

use super::{Channel, Message, Trouble};

/// Longest wait for the answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How the fields are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmsForm {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// One JSON object of texts.
    Json,
}

/// Somebody's HTTP interface for short messages.
pub struct Gateway {
    /// Where.
    pub url: String,
    /// How the fields are written.
    pub form: SmsForm,
    /// Names of fields, and what stands in each: `{to}`, `{text}`, `{id}` and `{secret}` are replaced.
    pub fields: BTreeMap<String, String>,
    /// Name of the header that carries the secret, if one does.
    pub secret_header: Option<&'static str>,
    /// What proves who we are.
    pub secret: Secret<String>,
    /// Sends.
    pub sender: Arc<dyn Sender>,
    /// Resolves names.
    pub resolver: Arc<dyn Resolve>,
    /// Where it may lead.
    pub guard: Guard,
}

impl Gateway {
    async fn deliver(&self, message: Message) -> Result<(), Trouble> {
        let checked = self.guard.check(&self.url, self.resolver.as_ref());
        let checked = tokio::time::timeout(TIMEOUT, checked).await;
        let target =
            checked.map_err(|_| Failure::Timeout).and_then(|it| it.map_err(Failure::Guard));
        let target = target.map_err(trouble)?;
        let (media_type, body) = self.body(&message);
        let mut headers = vec![("content-type", media_type.to_owned())];
        if let Some(name) = self.secret_header {
            headers.push((name, self.secret.expose().clone()));
        }
        let posted = self.sender.post(Post { target, headers, body, timeout: TIMEOUT }).await;
        match posted.map_err(trouble)? {
            Posted { status: 200..=299, .. } => Ok(()),
            Posted { status, .. } => Err(trouble(Failure::Status(status))),
        }
    }

    fn body(&self, message: &Message) -> (&'static str, Vec<u8>) {
        let filled = self
            .fields
            .iter()
            .map(|(name, template)| (name.as_str(), fill(template, message, self.secret.expose())));
        match self.form {
            SmsForm::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                filled.for_each(|(name, value)| _ = form.append_pair(name, &value));
                ("application/x-www-form-urlencoded", form.finish().into_bytes())
            }
            SmsForm::Json => {
                let object: Map<String, Value> =
                    filled.map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
                ("application/json", Value::Object(object).to_string().into_bytes())
            }
        }
    }
}

impl Channel for Gateway {
    fn send(&self, message: Message) -> BoxFuture<'_, Result<(), Trouble>> {
        self.deliver(message).boxed()
    }
}

/// Replaces what stands in braces, once: what is put in is not read again.
fn fill(template: &str, message: &Message, secret: &str) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let named = after.split_once('}');
        let value = named.and_then(|(name, _)| match name {
            "to" => Some(message.to.as_str()),
            "text" => Some(message.text.as_str()),
            "id" => Some(message.id.as_str()),
            "secret" => Some(secret),
            _ => None,
        });
        match (value, named) {
            (Some(value), Some((_, after))) => {
                filled.push_str(value);
                rest = after;
            }
            _ => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// What the interface means: what it calls our mistake is its last word, but for who we are and how often we ask.
fn trouble(failure: Failure) -> Trouble {
    let is_final = match failure {
        Failure::Guard(GuardError::Url | GuardError::Forbidden) => true,
        Failure::Status(status) => {
            let may_pass = [401, 403, 407, 408, 425, 429].contains(&status);
            (300..500).contains(&status) && !may_pass
        }
        Failure::Guard(GuardError::Unknown) | Failure::Timeout | Failure::Connection => false,
    };
    let code = match failure {
        Failure::Status(status) => format!("http_{status}"),
        other => other.code().to_owned(),
    };
    if is_final { Trouble::Final(code) } else { Trouble::Passing(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(form: SmsForm) -> Gateway {
        struct Nobody;
        impl Sender for Nobody {
            fn post(&self, _: Post) -> BoxFuture<'_, Result<Posted, Failure>> {
                std::future::ready(Err(Failure::Connection)).boxed()
            }
        }
        let fields = [("dstaddr", "{to}"), ("smbody", "{text}!"), ("key", "a{secret}{none}")];
        Gateway {
            url: "https://sms.example/send".to_owned(),
            form,
            fields: fields.map(|(name, it)| (name.to_owned(), it.to_owned())).into(),
            secret_header: None,
            secret: Secret::new("s&".to_owned()),
            sender: Arc::new(Nobody),
            resolver: Arc::new(crate::service::webhooks::SystemResolver),
            guard: Guard::default(),
        }
    }

    #[track_caller]
    fn check(form: SmsForm, text: &str, expected: &str) {
        let message = Message {
            id: "1".to_owned(),
            to: "0912".to_owned(),
            subject: String::new(),
            text: text.to_owned(),
            at: Duration::ZERO,
        };
        let body = String::from_utf8(gateway(form).body(&message).1).unwrap();
        assert_eq!(body, expected);
    }

    #[test]
    fn fields_are_filled_once_and_escaped() {
        check(
            SmsForm::Form,
            "a&b {to}",
            "dstaddr=0912&key=as%26%7Bnone%7D&smbody=a%26b+%7Bto%7D%21",
        );
        let expected = r#"{"dstaddr":"0912","key":"as&{none}","smbody":"\"x{secret}!"}"#;
        check(SmsForm::Json, "\"x{secret}", expected);
    }

    #[test]
    fn only_what_the_interface_calls_our_mistake_is_final() {
        for (failure, is_final) in [
            (Failure::Status(400), true),
            (Failure::Status(302), true),
            (Failure::Status(401), false),
            (Failure::Status(429), false),
            (Failure::Status(503), false),
            (Failure::Timeout, false),
            (Failure::Guard(GuardError::Forbidden), true),
            (Failure::Guard(GuardError::Unknown), false),
        ] {
            let found = matches!(trouble(failure), Trouble::Final(_));
            assert_eq!(found, is_final, "{failure:?}");
        }
    }
}
