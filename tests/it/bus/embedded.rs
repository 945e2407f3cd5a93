//! The embedded engine holds the suite.

use std::sync::Arc;

use fenwen::base::SystemClock;
use fenwen::bus::{Bus, Embedded, EmbeddedSettings, Outcome, Subject};

use super::{Engine, Limits, suite};

struct Process {
    bus: Embedded,
    limits: Limits,
}

fn engine(limits: Limits) -> Embedded {
    let settings = EmbeddedSettings {
        lease: limits.lease,
        max_waiting: limits.max_waiting as usize,
        ..EmbeddedSettings::default()
    };
    Embedded::new(settings, Arc::new(SystemClock))
}

impl Engine for Process {
    async fn start(limits: Limits) -> Process {
        Process { bus: engine(limits), limits }
    }

    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    async fn crash(&mut self) {
        self.bus = engine(self.limits);
    }
}

super::suite::conformance!(super::Process);

#[tokio::test]
async fn dead_letters_that_nobody_takes_hold_nobody_up() {
    let bus = engine(Limits { max_waiting: 2, ..Limits::default() });
    let subject = Subject::parse("moi.ai.v1.dlq.speech.transcribe").unwrap();
    for id in ["1", "2", "3"] {
        let receipt = super::publish(&bus, &subject, id).await;
        super::within(receipt.settled).await.unwrap();
    }
    let (_graves, mut dead) =
        super::receive(&bus, "moi.ai.v1.dlq.>", "graves", |_| Outcome::Ack).await;
    let found = super::next(&mut dead, 2).await;
    assert_eq!(found, [("2".to_owned(), 1), ("3".to_owned(), 1)], "the oldest went");
}
