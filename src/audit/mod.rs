//! The audit log: who did what when, in files that are only appended and that prove what they say.
//!
//! A node writes a chain of its own: each row carries the hash of the row before it, and checkpoints are signed. Rows
//! hold codes, ids and names of operations, never content. [`verify`] needs a copy of the files and the public key.

mod call;
mod chain;
mod copy;
mod error;
mod event;
mod excerpt;
mod files;
mod forward;
mod key;
mod line;
mod mark;
mod query;
mod recorder;
mod report;
mod row;
#[cfg(feature = "syslog")]
mod syslog;
mod verify;
mod waiting;
mod writer;

pub use call::{CallEnd, CallRecord};
pub use copy::{Head, copy, heads};
pub use error::{AuditError, NotWritten};
pub use event::AuditEvent;
pub use excerpt::{Excerpt, excerpt};
pub use forward::{CursorError, Forward, ForwardError, Forwarded, Pump};
pub use key::AuditKey;
pub use mark::{Mark, MarkKind};
pub use query::{Query, Touched, search};
pub use recorder::{Appended, AuditSettings, Commit, Recorder};
pub use report::{MonthReport, report};
pub use row::{Actor, ActorKind, Listener, Outcome, Phase, Row, RowBody, Word, schema};
#[cfg(feature = "syslog")]
pub use syslog::Syslog;
pub use verify::{ChainReport, Finding, Wrong, verify};
