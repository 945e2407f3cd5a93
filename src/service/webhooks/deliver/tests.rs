//! Three days of a receiver's life, on a clock that the test moves.

use std::net::IpAddr;
use std::sync::Mutex;

use super::*;
use crate::base::ManualClock;
use crate::bus::{Embedded, EmbeddedSettings, Origin, Subject};
use crate::service::webhooks::{GuardError, MemoryWebhooks, SigningKey};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Answers what the test says and remembers what it got.
struct Receiver {
    answer: Mutex<Result<Posted, Failure>>,
    posts: Mutex<Vec<Post>>,
}

impl Sender for Receiver {
    fn post(&self, post: Post) -> BoxFuture<'_, Result<Posted, Failure>> {
        self.posts.lock().unwrap().push(post);
        std::future::ready(self.answer.lock().unwrap().clone()).boxed()
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
    store: Arc<MemoryWebhooks>,
    receiver: Arc<Receiver>,
    name: Arc<Name>,
    clock: Arc<ManualClock>,
}

const ID: &str = "019a-wh-7";

impl Fixture {
    async fn new(status: u16) -> Fixture {
        let store = Arc::new(MemoryWebhooks::default());
        let receiver = Arc::new(Receiver {
            answer: Mutex::new(Ok(Posted { status, retry_after: None })),
            posts: Mutex::default(),
        });
        let name = Arc::new(Name(Mutex::new("8.8.8.8".parse().unwrap())));
        let clock = Arc::new(ManualClock::at(20_000 * DAY));
        let deliverer = Deliverer {
            store: Arc::<MemoryWebhooks>::clone(&store),
            sender: Arc::<Receiver>::clone(&receiver),
            resolver: Arc::<Name>::clone(&name),
            guard: Guard::default(),
            clock: Arc::<ManualClock>::clone(&clock),
        };
        store.put(webhook("wh-7", "301000000A", &[]));
        deliverer.queue(&event()).await.unwrap();
        Fixture { deliverer, store, receiver, name, clock }
    }

    async fn delivery(&self) -> Delivery {
        self.store.deliveries("wh-7", 9).await.unwrap().remove(0)
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

fn webhook(id: &str, org: &str, names: &[&str]) -> Webhook {
    let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    Webhook {
        id: id.to_owned(),
        org: org.to_owned(),
        url: "https://mailbox.gov.tw/hook".to_owned(),
        names: names.iter().map(|&it| it.to_owned()).collect(),
        keys: vec![key],
        is_active: true,
    }
}

fn event() -> CloudEvent {
    let kind = "tw.gov.moi.ai.letters.classification.completed.v1";
    let event = CloudEvent::new(Origin { id: "019a", source: "/moi/ai/letters", kind }).unwrap();
    let event = event.at("2026-11-23T02:31:07.412Z").unwrap();
    let event = event.with("orgcode", Extension::String("301000000A".to_owned())).unwrap();
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
    assert_eq!(header("webhook-id"), ID);
    let timestamp = it.clock.unix_time().as_secs();
    assert_eq!(header("webhook-timestamp"), timestamp.to_string());
    let key = webhook("", "", &[]).keys.remove(0);
    assert_eq!(header("webhook-signature"), key.sign(ID, timestamp, &post.body));
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
    let delivery = it.delivery().await;
    assert_eq!(delivery.state, DeliveryState::Failed);
    assert_eq!(delivery.log.len(), 10);
    assert!(delivery.log.iter().all(|it| it.result == Err(Failure::Status(500))));
    it.clock.advance(9 * DAY);
    assert_eq!(it.deliverer.round().await.unwrap(), 0);
    *it.receiver.answer.lock().unwrap() = Ok(Posted { status: 200, retry_after: None });
    assert!(it.store.redeliver(ID, it.clock.unix_time()).await.unwrap());
    it.next().await;
    let delivery = it.delivery().await;
    assert_eq!((delivery.state, delivery.log.len()), (DeliveryState::Delivered, 11));
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
    assert_eq!(it.delivery().await.log[0].result, Err(Failure::Status(302)));
    assert!(matches!(it.delivery().await.state, DeliveryState::Due(_)));
    *it.receiver.answer.lock().unwrap() = Ok(Posted { status: 410, retry_after: None });
    it.next().await;
    assert_eq!(it.delivery().await.state, DeliveryState::Failed);
    assert!(!it.store.webhook("wh-7").await.unwrap().unwrap().is_active);
    assert!(
        it.store
            .wanting("301000000A", "letters.classification.completed")
            .await
            .unwrap()
            .is_empty()
    );
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
    let refused = Err(Failure::Guard(GuardError::Forbidden));
    assert_eq!(it.delivery().await.log[1].result, refused);
}

#[tokio::test]
async fn events_of_the_bus_are_queued_once_each() {
    let it = Fixture::new(200).await;
    let bus = Embedded::new(EmbeddedSettings::default(), Arc::<ManualClock>::clone(&it.clock));
    it.store.put(webhook("new", "301000000A", &[]));
    let deliverer = Arc::new(it.deliverer);
    let following = deliverer.follow(&bus).await.unwrap();
    let subject = Subject::event("301000000A", "letters.classification.completed").unwrap();
    bus.publish(&subject, &event()).await.unwrap().settled.await.unwrap();
    following.stop().await;
    assert_eq!(it.store.deliveries("new", 9).await.unwrap().len(), 1);
    assert_eq!(it.store.deliveries("wh-7", 9).await.unwrap().len(), 1, "it had this one already");
    let (stop, stopped) = watch::channel(true);
    deliverer.run(stopped).await;
    drop(stop);
}

#[tokio::test]
async fn receivers_get_what_they_asked_for() {
    let it = Fixture::new(200).await;
    it.store.put(webhook("other-agency", "379000000A", &[]));
    it.store.put(webhook("jobs-only", "301000000A", &["speech.job.succeeded"]));
    it.store.put(Webhook { is_active: false, ..webhook("off", "301000000A", &[]) });
    it.store.put(webhook("letters", "301000000A", &["letters.classification.completed"]));
    it.deliverer.queue(&event()).await.unwrap();
    for (id, n_expected) in
        [("other-agency", 0), ("jobs-only", 0), ("off", 0), ("letters", 1), ("wh-7", 1)]
    {
        assert_eq!(it.store.deliveries(id, 9).await.unwrap().len(), n_expected, "{id}");
    }
}
