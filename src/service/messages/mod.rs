//! Messages of the house to people: notices to operators and what waits for officers, by mail or to telephones.
//!
//! A message says what kind of thing waits and where to look, and nothing of a case or a person. It is queued in the
//! store when the bus tells of a notice, and sent from there: a crash loses none, and a message that was sent and
//! recorded is not sent again. Who gets it is in the settings; the store keeps a digest of the address.

#[cfg(feature = "mail")]
mod mail;
mod sms;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::base::{Clock, Date, TAIWAN_OFFSET, hex};
use crate::bus::{Bus, BusError, CloudEvent, Data, Filter, Handle, ROOT, Subscription};
use crate::store::messages::{NewMessage, QueuedMessage};
use crate::store::reviews::{ReviewKind, ReviewView};
use crate::store::webhooks::DeliveryState;
use crate::store::{Store, StoreError};

use super::rounds;
use super::webhooks::delay_before;

#[cfg(feature = "mail")]
pub use mail::{MailError, MailSecurity, MailSettings, SmtpMail};
pub use sms::{Gateway, SmsForm};
pub use text::{Said, WAITING, said};

/// How long a message is ours before another node may send it: longer than sending may take.
const LEASE: Duration = Duration::from_secs(120);
/// Between two looks at what waits for officers.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Events queued, and messages sent, at one time.
const AT_ONCE: usize = 4;
/// Seconds of a day and of an hour.
const DAY_S: u64 = 24 * HOUR_S;
const HOUR_S: u64 = 60 * 60;

/// How a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Mail.
    Mail,
    /// A short message to a telephone, through somebody's HTTP interface.
    Sms,
}

impl Medium {
    /// As kept and counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Medium::Mail => "mail",
            Medium::Sms => "sms",
        }
    }
}

/// One message to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Identifies it: the same again is the same message.
    pub id: String,
    /// Address or number.
    pub to: String,
    /// In a few words.
    pub subject: String,
    /// All of it.
    pub text: String,
    /// When it was queued, since 1970-01-01T00:00:00Z.
    pub at: Duration,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may be taken later, for this reason.
    Passing(String),
    /// It never will be, for this reason.
    Final(String),
}

impl Trouble {
    /// The reason, as a code.
    pub fn code(&self) -> &str {
        match self {
            Trouble::Passing(code) | Trouble::Final(code) => code,
        }
    }
}

/// Sends one message.
pub trait Channel: Send + Sync {
    /// Hands it to whoever delivers it.
    ///
    /// # Errors
    /// See [`Trouble`].
    fn send(&self, message: Message) -> BoxFuture<'_, Result<(), Trouble>>;
}

/// Who is told over one medium.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// Addresses by kind of notice.
    pub by_kind: BTreeMap<String, Vec<String>>,
    /// Addresses for every other kind.
    pub others: Vec<String>,
    /// Who is told of what waits for officers.
    pub waiting: Vec<Desk>,
}

/// Officers who want to know what waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// Code of the agency.
    pub org: String,
    /// Path of the unit; the whole agency when there is none.
    pub unit: Option<String>,
    /// Addresses.
    pub to: Vec<String>,
}

impl Recipients {
    /// Who is told of a kind of notice.
    fn of(&self, kind: &str) -> &[String] {
        self.by_kind.get(kind).unwrap_or(&self.others)
    }

    /// The address with this digest, if it is still wanted.
    fn address(&self, digest: &str) -> Option<&String> {
        let desks = self.waiting.iter().flat_map(|it| &it.to);
        let mut all = self.by_kind.values().flatten().chain(&self.others).chain(desks);
        all.find(|it| digest_of(it) == digest)
    }
}

/// A medium, who sends over it and who is told.
pub struct Line {
    /// How.
    pub medium: Medium,
    /// Who sends.
    pub channel: Arc<dyn Channel>,
    /// Who is told.
    pub to: Recipients,
}

/// Manners of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessengerSettings {
    /// Where people look, for the end of each message.
    pub link: Option<String>,
    /// How long a recipient is not told the same kind of notice again: several nodes may notice one thing.
    pub quiet: Duration,
    /// From which hour of a working day (in Taiwan) officers are told what waits for them.
    pub waiting_hour: u64,
}

/// Queues and sends messages.
pub struct Messenger {
    /// Where they wait.
    pub store: Store,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Manners.
    pub settings: MessengerSettings,
    /// The media that the settings have.
    pub lines: Vec<Line>,
}

impl Messenger {
    /// Queues a message for each notice that the bus tells of; what cannot be queued comes again.
    ///
    /// # Errors
    /// As [`Bus::subscribe`].
    pub async fn follow(self: &Arc<Self>, bus: &dyn Bus) -> Result<Handle, BusError> {
        let messenger = Arc::clone(self);
        let handler = rounds::queueing("messages", move |event| {
            let messenger = Arc::clone(&messenger);
            async move { messenger.queue(&event).await.map(|_| ()) }
        });
        let filter = Filter::parse(&format!("{ROOT}.evt.*.operation.notice.raised"))?;
        let durable = "messages".to_owned();
        bus.subscribe(Subscription { filter, durable, max_in_flight: AT_ONCE, handler }).await
    }

    /// Queues a message of a notice for everybody who is told of its kind; the same event again changes nothing.
    /// Returns how many were queued.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queue(&self, event: &CloudEvent) -> Result<u64, StoreError> {
        let Some(Data::Json(data)) = &event.data else { return Ok(0) };
        let Some(kind) = data.get("kind").and_then(|it| it.as_str()) else { return Ok(0) };
        let created = self.clock.unix_time();
        let new = self.lines.iter().flat_map(|line| {
            let medium = line.medium;
            line.to.of(kind).iter().map(move |to| new(event.id(), kind, medium, to))
        });
        let body = json!({}).to_string();
        let new = new.map(|it| NewMessage { body: body.clone(), created, ..it }).collect();
        self.store.add_messages(new, self.settings.quiet).await
    }

    /// Queues a message for everybody who is to know what waits for officers: once on each working day, and only where
    /// something waits. Returns how many were queued.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queue_waiting(&self) -> Result<u64, StoreError> {
        let now = self.clock.unix_time();
        let today = Date::in_taiwan(now);
        let hour = (now + TAIWAN_OFFSET).as_secs() % DAY_S / HOUR_S;
        if today.is_weekend() || hour < self.settings.waiting_hour {
            return Ok(0);
        }
        let mut queued = Vec::new();
        for line in &self.lines {
            for desk in &line.to.waiting {
                let Some(body) = self.waiting(desk, now).await? else { continue };
                let unit = desk.unit.as_deref().unwrap_or(&desk.org);
                let about = format!("waiting-{today}-{}", digest_of(unit));
                let to = desk.to.iter().map(|to| NewMessage {
                    body: body.clone(),
                    created: now,
                    ..new(&about, WAITING, line.medium, to)
                });
                queued.extend(to);
            }
        }
        self.store.add_messages(queued, Duration::ZERO).await
    }

    /// How much waits at a desk; nothing when nothing does. Letters of informers are not counted: who may know of them
    /// is not in an address.
    async fn waiting(&self, desk: &Desk, now: Duration) -> Result<Option<String>, StoreError> {
        let view = ReviewView {
            org: desk.org.clone(),
            units: desk.unit.clone().into_iter().collect(),
            kinds: ReviewKind::ALL.to_vec(),
            sees_confidential: false,
            may_assign: false,
        };
        let counts = self.store.count_reviews(view, now).await?;
        let n_open: u64 = counts.iter().map(|it| it.n_open + it.n_escalated).sum();
        let n_overdue: u64 = counts.iter().map(|it| it.n_overdue).sum();
        Ok((0 < n_open).then(|| json!({"open": n_open, "overdue": n_overdue}).to_string()))
    }

    /// Sends what is due, again and again, until told to stop; what is being sent then may still end.
    pub async fn run(&self, stopped: watch::Receiver<bool>) {
        let mut looked = None;
        let round = || {
            let now = self.clock.now();
            let looks = looked.is_none_or(|it| LOOK_EVERY <= now.saturating_duration_since(it));
            if looks {
                looked = Some(now);
            }
            self.look_and_send(looks)
        };
        rounds::until_stopped((stopped, self.clock.as_ref()), "messages", round).await;
    }

    async fn look_and_send(&self, looks: bool) -> Result<usize, StoreError> {
        if looks && let Err(error) = self.queue_waiting().await {
            tracing::error!(%error, "failed to look at what waits for officers");
        }
        self.round().await
    }

    /// Sends what is due. Returns how many were tried.
    ///
    /// # Errors
    /// When the store fails; what was sent and not recorded is sent again with the same id.
    pub async fn round(&self) -> Result<usize, StoreError> {
        let due = self.store.take_messages(self.clock.unix_time(), LEASE, AT_ONCE).await?;
        rounds::work_off(due, AT_ONCE, |it| self.try_one(it)).await
    }

    async fn try_one(&self, queued: QueuedMessage) -> Result<(), StoreError> {
        let QueuedMessage { new, n_attempts } = queued;
        let sent = self.send(&new).await;
        let n_attempts = usize::try_from(n_attempts + 1).unwrap_or(usize::MAX);
        let now = self.clock.unix_time();
        let state = match (&sent, delay_before(&new.id, n_attempts)) {
            (Ok(()), _) => DeliveryState::Delivered,
            (Err(Trouble::Passing(_)), Some(delay)) => DeliveryState::Due(now + delay),
            (Err(_), _) => DeliveryState::Failed,
        };
        let failure = sent.as_ref().err().map(|it| it.code().to_owned());
        let (id, medium, kind) = (&new.id, &new.medium, &new.kind);
        let result = match state {
            DeliveryState::Delivered => "sent",
            DeliveryState::Due(_) => "failed",
            DeliveryState::Failed => "dropped",
        };
        let labels = [("medium", medium.clone()), ("result", result.to_owned())];
        metrics::counter!("fenwen_messages_total", &labels).increment(1);
        match (&state, &failure) {
            (DeliveryState::Failed, Some(reason)) => {
                tracing::error!(id, medium, kind, reason, "a message was dropped");
            }
            (_, Some(reason)) => {
                tracing::warn!(
                    id,
                    medium,
                    kind,
                    reason,
                    "a message was not taken; it is tried again"
                );
            }
            _ => (),
        }
        self.store.record_message(&new.id, state, failure).await
    }

    async fn send(&self, new: &NewMessage) -> Result<(), Trouble> {
        let line = self.lines.iter().find(|it| it.medium.as_str() == new.medium);
        let found = line.and_then(|it| Some((it, it.to.address(&new.recipient)?)));
        // The settings were changed since.
        let (line, to) = found.ok_or_else(|| Trouble::Final("no_recipient".to_owned()))?;
        let said = said(&new.kind, &new.body, new.created, self.settings.link.as_deref());
        let Said { subject, text, short } = said;
        let text = if line.medium == Medium::Sms { short } else { text };
        let message =
            Message { id: new.id.clone(), to: to.clone(), subject, text, at: new.created };
        line.channel.send(message).await
    }
}

/// A message about something to somebody, not filled in yet.
fn new(about: &str, kind: &str, medium: Medium, to: &str) -> NewMessage {
    let recipient = digest_of(to);
    NewMessage {
        id: format!("{about}-{}-{recipient}", medium.as_str()),
        medium: medium.as_str().to_owned(),
        recipient,
        kind: kind.to_owned(),
        body: String::new(),
        created: Duration::ZERO,
    }
}

/// What stands for an address in the store.
fn digest_of(address: &str) -> String {
    let digest = Sha256::digest(address.as_bytes());
    hex(digest.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests;
