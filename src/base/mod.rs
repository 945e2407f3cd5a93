//! Types that every layer may use: identifiers, time and calendar, identity numbers, privacy wrappers, error codes.

mod chance;
mod clock;
mod date;
mod error;
mod hours;
mod id_number;
pub mod memory;
mod network;
mod percent;
pub mod priority;
mod private;
pub(crate) mod protobuf;
mod signature;
mod timestamp;
mod trace;
mod unique;

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

pub use chance::Chance;
pub use clock::{Clock, ManualClock, SystemClock};
pub use date::{Date, TAIWAN_OFFSET, roc_year};
pub use error::ErrorCode;
pub use hours::Hours;
pub use id_number::{IdNumber, Sex};
pub use network::{Network, NetworkError};
pub use percent::percent_decoded;
pub use private::{Private, Secret};
pub use signature::{KeyFileError, PublicKey, SigningKey};
pub use timestamp::{from_rfc3339, is_rfc3339, rfc3339};
pub use trace::{Attribute, Begun, Span, SpanKind, Spans, TraceContext};
pub use unique::{TWICE, Unique};

/// What stands before every type of event.
pub const EVENT_ROOT: &str = "tw.gov.moi.ai";

/// Names the schemas of events without saying where they are: a `tag` URI (RFC 4151), as `dataschema` must be absolute.
pub const SCHEMA_ROOT: &str = "tag:moi.gov.tw,2026:ai/schemas";

/// The moment after which nobody waits for the answer.
pub type Deadline = std::time::Instant;

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

/// Identifies one call across logs and replies; a UUIDv7, so ids sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A fresh id, stamped by `clock`.
    pub fn fresh(clock: &dyn Clock) -> RequestId {
        RequestId::at(clock.unix_time())
    }

    /// A fresh id, stamped with a time since 1970-01-01T00:00:00Z.
    pub fn at(elapsed: Duration) -> RequestId {
        let timestamp =
            uuid::Timestamp::from_unix(uuid::NoContext, elapsed.as_secs(), elapsed.subsec_nanos());
        RequestId(Uuid::new_v7(timestamp))
    }

    /// Its 16 bytes; the last 8 are chance.
    pub fn bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// The id as a URN (`urn:uuid:…`), for problem documents.
    pub fn urn(self) -> String {
        self.0.urn().to_string()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}
