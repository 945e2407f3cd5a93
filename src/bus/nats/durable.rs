//! Members of durables: pull, deliver, acknowledge; give up after the last delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::message::Acker;
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind, Stream};
use async_nats::jetstream::{AckKind, ErrorCode, Message};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::{Nats, connect, headers, publish};
use crate::bus::error::BusError;
use crate::bus::event::CloudEvent;
use crate::bus::gate::Pass;
use crate::bus::message::{
    Delivery, Handle, Handler, Outcome, Subscription, dead_letter, received,
};
use crate::bus::stream::{StreamSpec, stream_under};
use crate::bus::subject::{Filter, Subject, SubjectError, is_token};

/// Times that a durable is made while the server says that it could not, and the pause between two.
const ATTEMPTS: u32 = 5;
const SETTLING: Duration = Duration::from_millis(200);

/// How long one question to the server for more stays open.
const PULL: Duration = Duration::from_secs(5);

/// Pause after the server did not answer such a question.
const PAUSE: Duration = Duration::from_secs(1);

/// Pause before a message comes again that could not be made a dead letter.
const BURY_AGAIN: Duration = Duration::from_secs(5);

pub(super) async fn subscribe(nats: &Nats, wanted: Subscription) -> Result<Handle, BusError> {
    let pass = nats.tasks.enter()?;
    if !is_token(&wanted.durable) {
        return Err(SubjectError::Token(0).into());
    }
    let spec = stream_under(&wanted.filter)
        .ok_or_else(|| BusError::Unroutable(wanted.filter.to_string()))?;
    let policy = if spec.waits { DeliverPolicy::All } else { DeliverPolicy::New };
    let consumer = consumer(nats, spec, (&wanted.durable, &wanted.filter), policy).await?;
    let (stop, stopped) = watch::channel(false);
    let member = Member {
        nats: nats.clone(),
        spec,
        durable: wanted.durable,
        filter: wanted.filter,
        last_seen: AtomicU64::new(0),
        handler: wanted.handler,
        places: Arc::new(Semaphore::new(wanted.max_in_flight.max(1))),
    };
    let task = tokio::spawn(member.run(consumer, [stopped, nats.closing.subscribe()], pass));
    Ok(Handle::of(task, move || _ = stop.send_replace(true)))
}

/// The durable on the server; made when it is not there, to begin as `policy` says.
async fn consumer(
    nats: &Nats,
    spec: &StreamSpec,
    (durable, filter): (&str, &Filter),
    policy: DeliverPolicy,
) -> Result<Consumer<pull::Config>, BusError> {
    let set_up = |source: async_nats::Error| BusError::SetUp {
        what: format!("durable `{durable}`"),
        source,
    };
    let stream: Stream =
        nats.jetstream.get_stream(spec.name).await.map_err(|it| set_up(it.into()))?;
    let filter = filter.as_str();
    let found = stream.consumer_info(durable).await.map(|it| it.config);
    if found.as_ref().is_ok_and(|it| it.filter_subject != filter) {
        return Err(set_up("it has another filter".into()));
    }
    let config = pull::Config {
        durable_name: Some(durable.to_owned()),
        filter_subject: filter.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: nats.settings.lease,
        // One that is there goes on where it is: where it began cannot be changed.
        deliver_policy: found.map_or(policy, |it| it.deliver_policy),
        // We count ourselves, so that nothing is given up before its dead letter is stored.
        max_deliver: -1,
        ..pull::Config::default()
    };
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match stream.create_consumer(config.clone()).await {
            Err(error) if 0 < left && is_passing(&error) => {
                // A bounded wait; nothing completes it early.
                let _ = tokio::time::timeout(SETTLING, std::future::pending::<()>()).await;
            }
            made => return made.map_err(|it| set_up(it.into())),
        }
    }
}

/// Whether the server's own files were in the way: it deletes those of a durable when nobody waits for it any more, and one
/// that is made meanwhile may find them half gone.
fn is_passing(error: &ConsumerError) -> bool {
    matches!(error.kind(), ConsumerErrorKind::JetStream(it) if it.error_code() == ErrorCode::CONSUMER_CREATE)
}

struct Member {
    nats: Nats,
    spec: &'static StreamSpec,
    durable: String,
    filter: Filter,
    /// Number in its stream of the newest message that came; 0 for none.
    last_seen: AtomicU64,
    handler: Handler,
    places: Arc<Semaphore>,
}

impl Member {
    async fn run(
        self,
        consumer: Consumer<pull::Config>,
        [mut stopped, mut closing]: [watch::Receiver<bool>; 2],
        pass: Pass,
    ) {
        let member = Arc::new(self);
        // Dropping the set ends every delivery: an aborted member leaves as a crashed one would.
        let mut running = JoinSet::new();
        tokio::select! {
            biased;
            // An error means that the other side is gone: then this member ends, too.
            _ = stopped.wait_for(|it| *it) => {}
            _ = closing.wait_for(|it| *it) => {}
            () = member.pull_all(consumer, &mut running) => {}
        }
        while running.join_next().await.is_some() {}
        drop(pass);
    }

    /// Asks for as many messages as there are places, again and again.
    async fn pull_all(
        self: &Arc<Self>,
        mut consumer: Consumer<pull::Config>,
        running: &mut JoinSet<()>,
    ) {
        let mut is_told = false;
        loop {
            let Ok(first) = Arc::clone(&self.places).acquire_owned().await else { return };
            let mut places = vec![first];
            while let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                places.push(place);
            }
            let pulled = self.pull(&consumer, places, running);
            let pulled = tokio::time::timeout(2 * PULL, pulled).await;
            if !matches!(pulled, Ok(Ok(()))) {
                tracing::debug!(durable = self.durable, "a pull failed");
                match tokio::time::timeout(2 * PULL, self.restored()).await {
                    Ok(Ok(restored)) => (consumer, is_told) = (restored, false),
                    Ok(Err(error)) if !is_told => {
                        tracing::warn!(durable = self.durable, %error, "nothing is received");
                        is_told = true;
                    }
                    _ => (),
                }
                // A bounded wait; nothing ever completes it early.
                let _ = tokio::time::timeout(PAUSE, std::future::pending::<()>()).await;
            }
            while running.try_join_next().is_some() {}
        }
    }

    /// The durable again, and its stream: both may have been deleted, or lost with the server's disk. It begins behind what
    /// this member has seen; in a stream that began anew, with all.
    async fn restored(&self) -> Result<Consumer<pull::Config>, BusError> {
        connect::make_streams(&self.nats.jetstream, &self.nats.settings).await?;
        let stream = self.nats.jetstream.get_stream(self.spec.name).await;
        let last = stream.map_or(0, |it| it.cached_info().state.last_sequence);
        let seen = self.last_seen.load(Ordering::Relaxed);
        let policy = if last < seen {
            DeliverPolicy::All
        } else if 0 < seen || self.spec.waits {
            DeliverPolicy::ByStartSequence { start_sequence: seen + 1 }
        } else {
            DeliverPolicy::New
        };
        consumer(&self.nats, self.spec, (&self.durable, &self.filter), policy).await
    }

    async fn pull(
        self: &Arc<Self>,
        consumer: &Consumer<pull::Config>,
        mut places: Vec<OwnedSemaphorePermit>,
        running: &mut JoinSet<()>,
    ) -> Result<(), async_nats::Error> {
        let batch = consumer.batch().max_messages(places.len()).expires(PULL);
        let mut messages = batch.messages().await?;
        while let Some(message) = messages.next().await {
            let message = message?;
            let number = message.info().map_or(0, |it| it.stream_sequence);
            self.last_seen.fetch_max(number, Ordering::Relaxed);
            let Some(place) = places.pop() else { break };
            let member = Arc::clone(self);
            running.spawn(async move {
                member.deliver(message).await;
                drop(place);
            });
        }
        Ok(())
    }

    async fn deliver(&self, message: Message) {
        let attempt = message.info().map_or(1, |it| u32::try_from(it.delivered).unwrap_or(1));
        let max_deliveries = self.nats.settings.max_deliveries;
        let subject = Subject::parse(message.subject.as_str());
        let event = CloudEvent::from_json(&message.payload);
        let (Ok(subject), Ok(event)) = (subject, event) else {
            return self.bury(&message, None, "not-an-event", attempt).await;
        };
        let event = Arc::new(event);
        let buried = Some((&subject, &*event));
        if max_deliveries < attempt {
            return self.bury(&message, buried, "max-deliveries", max_deliveries).await;
        }
        let acker = Arc::new(Acker::new(message.context.clone(), message.reply.clone()));
        let delivery = Delivery {
            subject: subject.clone(),
            event: Arc::clone(&event),
            headers: headers::read(message.headers.as_ref()),
            attempt,
            progress: Arc::new(move || {
                let acker = Arc::clone(&acker);
                async move { tell(acker.ack_with(AckKind::Progress)).await }.boxed()
            }),
        };
        match received(&self.handler, delivery).await {
            // The lease runs out, and the message comes again.
            None => (),
            Some(Outcome::Ack) => tell(message.ack()).await,
            Some(Outcome::Retry(_)) if max_deliveries <= attempt => {
                self.bury(&message, buried, "max-deliveries", attempt).await;
            }
            Some(Outcome::Retry(after)) => {
                tell(message.ack_with(AckKind::Nak(Some(after)))).await;
            }
            Some(Outcome::Reject(reason)) => self.bury(&message, buried, reason, attempt).await,
        }
    }

    /// Stores a dead letter, then takes the message out of its stream; in this order, so that it is never nowhere.
    async fn bury(
        &self,
        message: &Message,
        event: Option<(&Subject, &CloudEvent)>,
        reason: &str,
        attempt: u32,
    ) {
        let sequence = message.info().map_or(0, |it| it.stream_sequence);
        tracing::warn!(durable = self.durable, sequence, reason, "a dead letter");
        let mut headers = kept(message.headers.as_ref());
        headers.insert("fenwen-dead-reason", reason);
        headers.insert("fenwen-dead-durable", self.durable.as_str());
        headers.insert("fenwen-dead-subject", message.subject.as_str());
        headers.insert("fenwen-dead-deliveries", attempt.to_string());
        let dead = event.and_then(|(subject, event)| {
            let dead = dead_letter(event, subject, reason, attempt).ok()?;
            Some((subject.dead_letters(), dead.to_json().ok()?))
        });
        let (subject, body) = dead.unwrap_or_else(|| other(message));
        // Each durable may give up the same event.
        let id = format!("{}-{sequence}", self.durable);
        match publish::store(&self.nats, &subject, headers, &id, body).await {
            Ok(_) => tell(message.double_ack_with(AckKind::Term)).await,
            Err(error) => {
                tracing::error!(%error, "failed to store a dead letter");
                tell(message.ack_with(AckKind::Nak(Some(BURY_AGAIN)))).await;
            }
        }
    }
}

/// Headers that a dead letter keeps: none with a credential, nor any that could hold content.
const KEPT: [&str; 6] =
    ["content-type", "ce-type", "traceparent", "x-request-id", "x-client-id", "x-org-code"];

fn kept(headers: Option<&HeaderMap>) -> HeaderMap {
    let read = headers::read(headers).into_iter();
    headers::write(&read.filter(|(name, _)| KEPT.contains(&name.as_str())).collect())
}

/// Where a message goes that is no event of ours, and what of it. Of a command nothing is kept: it may be somebody's letter.
fn other(message: &Message) -> (Subject, Vec<u8>) {
    match Subject::parse(message.subject.as_str()) {
        Ok(subject) if !subject.is_command() => (subject.dead_letters(), message.payload.to_vec()),
        Ok(subject) => (subject.dead_letters(), Vec::new()),
        Err(_) => (Subject::of_other_dead_letters(), Vec::new()),
    }
}

/// Tells the server; when it does not hear, the message comes again.
async fn tell(told: impl Future<Output = Result<(), async_nats::Error>>) {
    if let Err(error) = told.await {
        tracing::debug!(%error, "failed to acknowledge");
    }
}
