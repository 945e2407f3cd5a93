//! The streams: what is kept on the bus, how long, and what happens when it is full.

use std::time::Duration;

use super::event::MAX_EVENT_BYTES;
use super::subject::{Filter, Subject};

/// Deliveries of one message before it becomes a dead letter.
pub const MAX_DELIVERIES: u32 = 5;

/// How long a repeated id is recognised.
pub const DUPLICATE_WINDOW: Duration = Duration::from_secs(2 * 60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Who takes a message from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// One durable; then it is gone. When the stream is full, new messages are refused.
    WorkQueue,
    /// Every durable; it is gone with its age. When the stream is full, the oldest goes.
    Limits,
}

/// One stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSpec {
    /// Name on the server.
    pub name: &'static str,
    /// Which subjects it takes.
    pub subjects: &'static str,
    /// Who takes a message.
    pub retention: Retention,
    /// Whether messages wait for the first durable; else a durable gets what comes after it.
    pub waits: bool,
    /// How long a message is kept.
    pub max_age: Duration,
    /// Bytes of one message, headers included.
    pub max_message_bytes: usize,
}

/// Bytes that the bus adds to a message at most: its headers.
const HEADER_BYTES: usize = 4 << 10;

/// Every stream of this service.
pub const STREAMS: [StreamSpec; 4] = [
    StreamSpec {
        name: "MOI_AI_JOBS",
        subjects: "moi.ai.v1.job.>",
        retention: Retention::WorkQueue,
        waits: true,
        max_age: DAY.saturating_mul(7),
        max_message_bytes: MAX_EVENT_BYTES + HEADER_BYTES,
    },
    StreamSpec {
        name: "MOI_AI_EVENTS",
        subjects: "moi.ai.v1.evt.>",
        retention: Retention::Limits,
        waits: false,
        max_age: DAY.saturating_mul(7),
        max_message_bytes: MAX_EVENT_BYTES + HEADER_BYTES,
    },
    StreamSpec {
        name: "MOI_AI_DLQ",
        subjects: "moi.ai.v1.dlq.>",
        retention: Retention::Limits,
        waits: true,
        max_age: DAY.saturating_mul(30),
        max_message_bytes: MAX_EVENT_BYTES + 2 * HEADER_BYTES,
    },
    StreamSpec {
        name: "MOI_AI_AUDIT",
        subjects: "moi.ai.v1.aud.>",
        retention: Retention::Limits,
        waits: false,
        max_age: DAY.saturating_mul(30),
        max_message_bytes: MAX_EVENT_BYTES + HEADER_BYTES,
    },
];

/// The stream that takes `subject`.
pub fn stream_of(subject: &Subject) -> Option<&'static StreamSpec> {
    STREAMS.iter().find(|it| it.filter().is_some_and(|filter| filter.matches(subject)))
}

/// The stream that takes everything `filter` selects.
pub fn stream_under(filter: &Filter) -> Option<&'static StreamSpec> {
    STREAMS.iter().find(|it| it.filter().is_some_and(|own| own.covers(filter)))
}

impl StreamSpec {
    fn filter(&self) -> Option<Filter> {
        Filter::parse(self.subjects).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, expected: Option<&str>) {
        let filter = Filter::parse(filter).unwrap();
        assert_eq!(stream_under(&filter).map(|it| it.name), expected, "{filter}");
    }

    #[test]
    fn every_subject_has_one_stream_or_none() {
        check("moi.ai.v1.job.speech.transcribe", Some("MOI_AI_JOBS"));
        check("moi.ai.v1.evt.301000000A.>", Some("MOI_AI_EVENTS"));
        check("moi.ai.v1.dlq.>", Some("MOI_AI_DLQ"));
        check("moi.ai.v1.aud.access", Some("MOI_AI_AUDIT"));
        check("moi.ai.v1.rpc.letters.classify", None);
        check("moi.ai.v1.>", None);
        check(">", None);
        let subject = Subject::event("301000000A", "letters.classification.completed").unwrap();
        assert_eq!(stream_of(&subject).map(|it| it.name), Some("MOI_AI_EVENTS"));
        assert_eq!(stream_of(&subject.dead_letters()).map(|it| it.name), Some("MOI_AI_DLQ"));
    }
}
