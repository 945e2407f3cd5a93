//! Three days of a receiver's life, on a clock that the test moves.

use std::net::IpAddr;
use std::sync::Mutex;

use futures_util::FutureExt;

use super::*;
use crate::base::ManualClock;
use crate::bus::{Embedded, EmbeddedSettings, Origin, Subject};
use crate::service::webhooks::GuardError;
use crate::store::webhooks::NewWebhook;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Answers what the test says and remembers what it got.
struct Receiver {
    answer: Mutex<Result<Posted, Failure>>,
    posts: Mutex<Vec<Post>>,
}

impl Sender for Receiver {
    fn post(&self, post: Post) -> BoxFuture<'_, Result<Posted, Failure>> {
        self.posts.lock().unwrap().push(post);
        std::future::ready(*self.answer.lock().unwrap()).boxed()
    }
}

struct Name(Mutex<IpAddr>);

impl Resolve for Name {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Vec<IpAddr>> {
        std::future::ready(vec![*self.0.lock().unwrap()]).boxed()
    }
}

struct Fixture {
    deliverer: Deliverer,
    receiver: Arc<Receiver>,
    name: Arc<Name>,
    clock: Arc<ManualClock>,
    /// Holds the store's key.
    _folder: tempfile::TempDir,
}

const ID: &str = "019a-wh-7";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

impl Fixture {
    async fn new(status: u16) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Arc::new(Receiver {
            answer: Mutex::new(Ok(Posted { status, retry_after: None })),
            posts: Mutex::default(),
        });
        let name = Arc::new(Name(Mutex::new("8.8.8.8".parse().unwrap())));
        let clock = Arc::new(ManualClock::at(20_000 * DAY));
        let deliverer = Deliverer {
            store: Store::in_memory(folder.path()).unwrap(),
            sender: Arc::<Receiver>::clone(&receiver),
            resolver: Arc::<Name>::clone(&name),
            guard: Guard::default(),
            clock: Arc::<ManualClock>::clone(&clock),
        };
        let fixture = Fixture { deliverer, receiver, name, clock, _folder: folder };
        fixture.add("wh-7", "301000000A", &[]).await;
        fixture.deliverer.queue(&event()).await.unwrap();
        fixture
    }

    fn store(&self) -> &Store {
        &self.deliverer.store
    }

    async fn add(&self, id: &str, org: &str, names: &[&str]) {
        let new = NewWebhook {
            id: id.to_owned(),
            org: org.to_owned(),
            client: "mailbox".to_owned(),
            url: "https://mailbox.gov.tw/hook".to_owned(),
            names: names.iter().map(|&it| it.to_owned()).collect(),
            created: self.clock.unix_time(),
        };
        self.store().add_webhook(new, 9).unwrap().await.unwrap().unwrap();
    }

    async fn log_of(&self, id: &str) -> Vec<(Delivery, Vec<Attempt>)> {
        self.store().deliveries(id, None, 9).await.unwrap()
    }

    async fn delivery(&self) -> Delivery {
        self.log_of("wh-7").await.remove(0).0
    }

    async fn attempts(&self) -> Vec<Attempt> {
        self.log_of("wh-7").await.remove(0).1
    }

    fn n_posts(&self) -> usize {
        self.receiver.posts.lock().unwrap().len()
    }

    /// Moves to the next attempt and makes it.
    async fn next(&self) {
        if let DeliveryState::Due(at) = self.delivery().await.state {
            self.clock.advance(at.saturating_sub(self.clock.unix_time()));
        }
        self.deliverer.round().await.unwrap();
    }
}

fn event() -> CloudEvent {
    let kind = "tw.gov.moi.ai.letters.classification.completed.v1";
    let event = CloudEvent::new(Origin { id: "019a", source: "/moi/ai/letters", kind }).unwrap();
    let event = event.at("2026-11-23T02:31:07.412Z").unwrap();
    let event = event.with("orgcode", Extension::String("301000000A".to_owned())).unwrap();
    let event = event.with("traceparent", Extension::String(TRACE.to_owned())).unwrap();
    event.saying(json!({"prediction_id": "019b"}), "tag:x").unwrap()
}

#[tokio::test]
async fn a_delivery_is_thin_signed_and_made_once() {
    let it = Fixture::new(204).await;
    it.deliverer.queue(&event()).await.unwrap();
    assert_eq!(it.deliverer.round().await.unwrap(), 1);
    assert_eq!(it.deliverer.round().await.unwrap(), 0);
    let post = it.receiver.posts.lock().unwrap().remove(0);
    assert_eq!(
        String::from_utf8(post.body.clone()).unwrap(),
        r#"{"data":{"prediction_id":"019b"},"timestamp":"2026-11-23T02:31:07.412Z","type":"letters.classification.completed"}"#
    );
    assert_eq!(post.target.address.to_string(), "8.8.8.8:443");
    let header = |name: &str| post.headers.iter().find(|it| it.0 == name).unwrap().1.clone();
    assert_eq!((header("webhook-id").as_str(), header("traceparent").as_str()), (ID, TRACE));
    let timestamp = it.clock.unix_time().as_secs();
    assert_eq!(header("webhook-timestamp"), timestamp.to_string());
    let webhook = it.store().webhook("wh-7").await.unwrap().unwrap();
    let signed = SigningKey::pair(&webhook.secret).remove(0).sign(ID, timestamp, &post.body);
    let signatures = header("webhook-signature");
    assert!(signatures.starts_with(&signed) && signatures.contains(" v1a,"), "{signatures}");
    assert_eq!(it.delivery().await.state, DeliveryState::Delivered);
}

#[tokio::test]
async fn ten_attempts_in_three_days_then_given_up_and_sent_again_by_hand() {
    let it = Fixture::new(500).await;
    let begun = it.clock.unix_time();
    for n_attempts in 1..=10 {
        it.next().await;
        assert_eq!(it.n_posts(), n_attempts);
    }
    let days = (it.clock.unix_time() - begun).as_secs_f64() / DAY.as_secs_f64();
    assert!((3.0..3.6).contains(&days), "{days}");
    assert_eq!(it.delivery().await.state, DeliveryState::Failed);
    let attempts = it.attempts().await;
    assert_eq!(attempts.len(), 10);
    assert!(
        attempts.iter().all(|it| it.status == Some(500) && it.failure.as_deref() == Some("status"))
    );
    it.clock.advance(9 * DAY);
    assert_eq!(it.deliverer.round().await.unwrap(), 0);
    *it.receiver.answer.lock().unwrap() = Ok(Posted { status: 200, retry_after: None });
    assert!(it.store().redeliver("wh-7", ID, it.clock.unix_time()).await.unwrap());
    it.next().await;
    assert_eq!(it.delivery().await.state, DeliveryState::Delivered);
    assert_eq!(it.attempts().await.len(), 11);
    let ids: Vec<String> = it
        .receiver
        .posts
        .lock()
        .unwrap()
        .iter()
        .map(|it| it.headers.iter().find(|it| it.0 == "webhook-id").unwrap().1.clone())
        .collect();
    assert!(ids.iter().all(|it| it == ID), "one id for every attempt");
}

#[tokio::test]
async fn gone_is_the_end_and_a_redirect_is_a_failure() {
    let it = Fixture::new(302).await;
    it.next().await;
    assert_eq!(it.attempts().await[0].status, Some(302));
    assert!(matches!(it.delivery().await.state, DeliveryState::Due(_)));
    *it.receiver.answer.lock().unwrap() = Ok(Posted { status: 410, retry_after: None });
    it.next().await;
    assert_eq!(it.delivery().await.state, DeliveryState::Failed);
    assert!(!it.store().webhook("wh-7").await.unwrap().unwrap().is_active);
    let wanting = it.store().webhooks_wanting("301000000A", "letters.classification.completed");
    assert!(wanting.await.unwrap().is_empty());
}

#[tokio::test]
async fn a_busy_receiver_says_when() {
    let it = Fixture::new(503).await;
    let retry_after = Some(Duration::from_secs(3600));
    *it.receiver.answer.lock().unwrap() = Ok(Posted { status: 503, retry_after });
    it.next().await;
    let due = DeliveryState::Due(it.clock.unix_time() + Duration::from_secs(3600));
    assert_eq!(it.delivery().await.state, due);
}

#[tokio::test]
async fn the_address_is_checked_at_every_attempt() {
    let it = Fixture::new(500).await;
    it.next().await;
    *it.name.0.lock().unwrap() = "169.254.169.254".parse().unwrap();
    it.next().await;
    assert_eq!(it.n_posts(), 1, "nothing was sent there");
    let attempt = it.attempts().await.remove(1);
    let expected = Failure::Guard(GuardError::Forbidden).code();
    assert_eq!((attempt.status, attempt.failure.as_deref()), (None, Some(expected)));
}

#[tokio::test]
async fn events_of_the_bus_are_queued_once_each() {
    let it = Fixture::new(200).await;
    let bus = Embedded::new(EmbeddedSettings::default(), Arc::<ManualClock>::clone(&it.clock));
    it.add("new", "301000000A", &[]).await;
    let deliverer = Arc::new(it.deliverer);
    let following = deliverer.follow(&bus).await.unwrap();
    let subject = Subject::event("301000000A", "letters.classification.completed").unwrap();
    bus.publish(&subject, &event()).await.unwrap().settled.await.unwrap();
    following.stop().await;
    let n_of = async |id| deliverer.store.deliveries(id, None, 9).await.unwrap().len();
    assert_eq!(n_of("new").await, 1);
    assert_eq!(n_of("wh-7").await, 1, "it had this one already");
    let (stop, stopped) = watch::channel(true);
    deliverer.run(stopped).await;
    drop(stop);
}

#[tokio::test]
async fn receivers_get_what_they_asked_for() {
    let it = Fixture::new(200).await;
    it.add("other-agency", "379000000A", &[]).await;
    it.add("jobs-only", "301000000A", &["speech.job.succeeded"]).await;
    it.add("off", "301000000A", &[]).await;
    it.deliverer.disable("off").await.unwrap();
    it.add("letters", "301000000A", &["letters.classification.completed"]).await;
    it.deliverer.queue(&event()).await.unwrap();
    for (id, n_expected) in
        [("other-agency", 0), ("jobs-only", 0), ("off", 0), ("letters", 1), ("wh-7", 1)]
    {
        assert_eq!(it.log_of(id).await.len(), n_expected, "{id}");
    }
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_one_before() {
    let it = Fixture::new(200).await;
    let now = it.clock.unix_time();
    let before = it.store().webhook("wh-7").await.unwrap().unwrap();
    let renewed = it.store().renew_webhook("wh-7", now + DAY).unwrap().await.unwrap().unwrap();
    assert_ne!(renewed.secret, before.secret);
    assert_eq!(keys(&renewed, now).len(), 4);
    let old = SigningKey::pair(&before.secret).remove(0).sign("id", 0, b"");
    assert!(signature_header(&keys(&renewed, now), "id", 0, b"").contains(&old));
    assert!(!signature_header(&keys(&renewed, now + DAY), "id", 0, b"").contains(&old));
}

#[tokio::test]
async fn one_that_does_not_answer_holds_up_few_others() {
    let it = Fixture::new(200).await;
    for id in ["a", "b", "c", "d", "e"] {
        let first = event();
        let other = CloudEvent::new(Origin { id, source: "/s", kind: first.kind() }).unwrap();
        let org = Extension::String("301000000A".to_owned());
        it.deliverer.queue(&other.with("orgcode", org).unwrap()).await.unwrap();
    }
    assert_eq!(it.deliverer.round().await.unwrap(), 4, "of six for one receiver");
    assert_eq!(it.deliverer.round().await.unwrap(), 2);
}
