//! A call on record: a row before it is worked on, a row after, whatever happens between.

use std::sync::Arc;
use std::time::Instant;

use crate::base::Clock;

use super::recorder::CountedCall;
use super::row::{Actor, Outcome, Phase, Row, Word};
use super::{NotWritten, Recorder};

/// A call that is on record as opened. Dropping it records that the caller left before the answer.
pub struct CallRecord {
    recorder: Arc<Recorder>,
    clock: Arc<dyn Clock>,
    begun: Instant,
    /// Shared with the writer until it is written.
    row: Arc<Row>,
    is_closed: bool,
    /// That others may wait for it, to be written together.
    _counted: CountedCall,
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallEnd {
    /// Status of the answer, as in HTTP.
    pub status: u16,
    /// Code of the failure.
    pub reason: Option<&'static str>,
    /// Code of the purpose.
    pub purpose: Option<Word>,
    /// Number of the case.
    pub case_no: Option<Word>,
    /// What was made, if the call did not name it.
    pub object: Option<Word>,
    /// Who was proven since the call was opened.
    pub proven: Option<Actor>,
}

impl CallRecord {
    /// Records that a call begins, and waits until that is on the disk.
    ///
    /// # Errors
    /// When it is not: then nothing is recorded of its end either.
    pub async fn open(
        recorder: &Arc<Recorder>,
        clock: &Arc<dyn Clock>,
        row: Row,
    ) -> Result<CallRecord, NotWritten> {
        let row = Arc::new(Row { phase: Some(Phase::Open), ..row });
        let counted = recorder.count_call();
        let appended = recorder.append(Arc::clone(&row));
        // It is there while the row is awaited: the caller may leave meanwhile.
        let mut record = CallRecord {
            recorder: Arc::clone(recorder),
            clock: Arc::clone(clock),
            begun: clock.now(),
            row,
            is_closed: false,
            _counted: counted,
        };
        match appended.await {
            Ok(_) => Ok(record),
            Err(error) => {
                record.is_closed = true;
                Err(error)
            }
        }
    }

    /// Records how the call ended, and waits until that is on the disk.
    ///
    /// # Errors
    /// When it is not.
    pub async fn close(mut self, end: CallEnd) -> Result<u64, NotWritten> {
        let row = self.ended(end);
        self.is_closed = true;
        self.recorder.append(row).await
    }

    fn ended(&mut self, end: CallEnd) -> Arc<Row> {
        let duration = self.clock.now().saturating_duration_since(self.begun);
        let row = Arc::make_mut(&mut self.row);
        if let Some(actor) = end.proven {
            row.client = Some(actor.id.clone());
            row.actor = actor;
        }
        row.phase = Some(Phase::Close);
        row.outcome = Some(Outcome::of_status(end.status));
        row.status = Some(end.status);
        row.reason = end.reason.map(Word::of);
        row.purpose = end.purpose;
        row.case_no = end.case_no.or_else(|| row.case_no.take());
        row.object = row.object.take().or(end.object);
        row.duration = Some(duration);
        Arc::clone(&self.row)
    }
}

impl Drop for CallRecord {
    fn drop(&mut self) {
        if !self.is_closed {
            // As in the access log: 499 is what proxies write for a client that left. Nobody is left to wait for it.
            let row = self.ended(CallEnd { status: 499, ..CallEnd::default() });
            drop(self.recorder.append(row));
        }
    }
}
