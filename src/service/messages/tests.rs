//! Notices and waiting reviews become messages, once each, on a clock that the test moves.

use std::sync::Mutex;

use futures_util::FutureExt;

use super::*;
use crate::base::{ManualClock, Private};
use crate::bus::{Extension, Origin};
use crate::store::messages::MessageRow;
use crate::store::reviews::{NewReview, ReviewReason};

/// 2026-11-23, a Monday, 07:00 in Taiwan.
const MONDAY: Duration = Duration::from_secs(1_795_388_400);
const QUIET: Duration = Duration::from_secs(600);

/// Answers what the test says and remembers what it got.
struct Relay {
    answer: Mutex<Result<(), Trouble>>,
    sent: Mutex<Vec<Message>>,
}

impl Channel for Relay {
    fn send(&self, message: Message) -> BoxFuture<'_, Result<(), Trouble>> {
        self.sent.lock().unwrap().push(message);
        std::future::ready(self.answer.lock().unwrap().clone()).boxed()
    }
}

struct Fixture {
    messenger: Messenger,
    relay: Arc<Relay>,
    clock: Arc<ManualClock>,
    /// Holds the store's key.
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new(answer: Result<(), Trouble>) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let relay = Arc::new(Relay { answer: Mutex::new(answer), sent: Mutex::default() });
        let clock = Arc::new(ManualClock::at(MONDAY));
        let list = |it: &[&str]| it.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let desk = Desk {
            org: "301000000A".to_owned(),
            unit: Some("301000000A/戶政司".to_owned()),
            to: list(&["desk@moi.example"]),
        };
        let to = Recipients {
            by_kind: [("audit-broken".to_owned(), list(&["audit@moi.example"]))].into(),
            others: list(&["ops@moi.example", "duty@moi.example"]),
            waiting: vec![desk],
        };
        let messenger = Messenger {
            store: Store::in_memory(folder.path()).unwrap(),
            clock: Arc::<ManualClock>::clone(&clock),
            settings: MessengerSettings { link: None, quiet: QUIET, waiting_hour: 8 },
            lines: vec![Line { medium: Medium::Mail, channel: Arc::<Relay>::clone(&relay), to }],
        };
        Fixture { messenger, relay, clock, _folder: folder }
    }

    async fn notice(&self, id: &str, kind: &str) -> u64 {
        let origin = Origin {
            id,
            source: "/moi/ai/operation",
            kind: "tw.gov.moi.ai.operation.notice.raised.v1",
        };
        let event = CloudEvent::new(origin).unwrap();
        // A newer node may say more.
        let event = event.saying(json!({"kind": kind, "of_a_newer_node": [1]}), "tag:x").unwrap();
        let event = event.with("newer", Extension::Boolean(true)).unwrap();
        self.messenger.queue(&event).await.unwrap()
    }

    /// Who got something since this was asked last.
    fn sent_to(&self) -> Vec<String> {
        let sent = std::mem::take(&mut *self.relay.sent.lock().unwrap());
        let mut to: Vec<String> = sent.into_iter().map(|it| it.to).collect();
        to.sort();
        to
    }

    async fn rows(&self) -> Vec<MessageRow> {
        self.messenger.store.messages(99).await.unwrap()
    }

    async fn add_review(&self, id: &str, unit: &str) {
        let now = self.clock.unix_time();
        let review = NewReview {
            id: id.to_owned(),
            prediction: format!("p-{id}"),
            kind: ReviewKind::Letter,
            org: "301000000A".to_owned(),
            unit: Some(unit.to_owned()),
            reason: ReviewReason::RequiresHuman,
            priority: 2,
            confidence: 5_000,
            is_confidential: false,
            deadline: now + Duration::from_secs(30 * DAY_S),
            created: now,
            model_version: "3".to_owned(),
            given: "[]".to_owned(),
            correlation: "c".to_owned(),
            title: Private::new("王小明的信".to_owned()),
            content: Private::new(b"{}".to_vec()),
        };
        let kept = self.messenger.store.keep_for_review(Vec::new(), Vec::new(), vec![review]);
        kept.unwrap().await.unwrap();
    }
}

#[tokio::test]
async fn a_notice_goes_to_who_is_told_of_its_kind_once() {
    let it = Fixture::new(Ok(()));
    assert_eq!(it.notice("e1", "audit-broken").await, 1);
    assert_eq!(it.notice("e1", "audit-broken").await, 0, "the same event");
    assert_eq!(it.notice("e2", "dead-letters").await, 2);
    assert_eq!(it.messenger.round().await.unwrap(), 3);
    assert_eq!(it.messenger.round().await.unwrap(), 0);
    assert_eq!(it.sent_to(), ["audit@moi.example", "duty@moi.example", "ops@moi.example"]);
    assert!(it.rows().await.iter().all(|it| it.state == DeliveryState::Delivered));
}

#[tokio::test]
async fn several_nodes_that_notice_one_thing_tell_it_once_and_later_it_is_told_again() {
    let it = Fixture::new(Ok(()));
    assert_eq!(it.notice("of-node-1", "audit-broken").await, 1);
    it.clock.advance(QUIET / 2);
    assert_eq!(it.notice("of-node-2", "audit-broken").await, 0);
    it.clock.advance(QUIET / 2);
    assert_eq!(it.notice("later", "audit-broken").await, 1);
}

#[tokio::test]
async fn what_may_pass_is_tried_for_days_and_then_dropped() {
    let it = Fixture::new(Err(Trouble::Passing("smtp_451".to_owned())));
    it.notice("e1", "audit-broken").await;
    for n_attempts in 1..=10 {
        assert_eq!(it.messenger.round().await.unwrap(), 1, "attempt {n_attempts}");
        assert_eq!(it.messenger.round().await.unwrap(), 0, "not before its time");
        let row = it.rows().await.remove(0);
        assert_eq!((row.n_attempts, row.failure.as_deref()), (n_attempts, Some("smtp_451")));
        match row.state {
            DeliveryState::Due(at) => it.clock.advance(at - it.clock.unix_time()),
            state => assert_eq!((state, n_attempts), (DeliveryState::Failed, 10)),
        }
    }
    assert!(Duration::from_secs(3 * DAY_S) < it.clock.unix_time() - MONDAY);
}

#[tokio::test]
async fn what_is_refused_for_good_is_dropped_at_once_and_others_are_not() {
    let it = Fixture::new(Err(Trouble::Final("smtp_550".to_owned())));
    it.notice("e1", "dead-letters").await;
    assert_eq!(it.messenger.round().await.unwrap(), 2);
    *it.relay.answer.lock().unwrap() = Ok(());
    it.notice("e2", "audit-broken").await;
    assert_eq!(it.messenger.round().await.unwrap(), 1);
    let states: Vec<DeliveryState> = it.rows().await.into_iter().map(|it| it.state).collect();
    assert_eq!(states, [DeliveryState::Delivered, DeliveryState::Failed, DeliveryState::Failed]);
}

#[tokio::test]
async fn who_is_no_recipient_any_more_gets_nothing() {
    let mut it = Fixture::new(Ok(()));
    it.notice("e1", "audit-broken").await;
    it.messenger.lines[0].to.by_kind.clear();
    it.messenger.round().await.unwrap();
    assert_eq!(it.sent_to(), [""; 0]);
    assert_eq!(it.rows().await[0].failure.as_deref(), Some("no_recipient"));
}

#[tokio::test]
async fn what_is_taken_and_not_recorded_is_sent_again_under_its_id() {
    let it = Fixture::new(Ok(()));
    it.notice("e1", "audit-broken").await;
    // A node that dies between the server's word and ours.
    let taken = it.messenger.store.take_messages(it.clock.unix_time(), LEASE, 9).await.unwrap();
    assert_eq!(it.messenger.round().await.unwrap(), 0, "it is another node's");
    it.clock.advance(LEASE);
    assert_eq!(it.messenger.round().await.unwrap(), 1);
    assert_eq!(it.relay.sent.lock().unwrap()[0].id, taken[0].new.id);
}

#[tokio::test]
async fn officers_are_told_what_waits_once_on_each_working_day() {
    let it = Fixture::new(Ok(()));
    let hour = Duration::from_secs(HOUR_S);
    for (id, unit) in [("a", "301000000A/戶政司/第一科"), ("b", "301000000A/地政司")] {
        it.add_review(id, unit).await;
    }
    assert_eq!(it.messenger.queue_waiting().await.unwrap(), 0, "07:00");
    it.clock.advance(hour);
    assert_eq!(it.messenger.queue_waiting().await.unwrap(), 1, "08:00");
    it.clock.advance(hour);
    assert_eq!(it.messenger.queue_waiting().await.unwrap(), 0, "told today");
    it.messenger.round().await.unwrap();
    let sent = it.relay.sent.lock().unwrap().remove(0);
    assert_eq!(
        (sent.to.as_str(), sent.subject.as_str()),
        ("desk@moi.example", "〔分文〕1 件待複審")
    );
    it.clock.advance(24 * hour);
    assert_eq!(it.messenger.queue_waiting().await.unwrap(), 1, "Tuesday");
    it.clock.advance(4 * 24 * hour);
    assert_eq!(it.messenger.queue_waiting().await.unwrap(), 0, "Saturday");
}
