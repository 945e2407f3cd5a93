//! The door to the log: rows are queued, written together, and awaited until they are kept.
//!
//! Where a row waits for the disk, a thread writes what has gathered meanwhile. Where it does not, whoever waits for a row
//! lets everything go first that can, and then writes for all: to wake a thread would take longer than to write.

use std::mem;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::base::Clock;

use super::chain::Chain;
use super::key::AuditKey;
use super::waiting::{MAX_GROUP, Pending, WaitingRows};
use super::writer::{self, Writer};
use super::{AuditError, AuditEvent, NotWritten, Row};

/// Groups that one caller writes for others before the thread goes on, which has to be woken for it: with a quarter as many it was
/// woken so often that a sixth fewer calls were answered (`eval/bench/serving.md`).
const MAX_ROUNDS: usize = 16;

/// When a row counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// When it is on the disk: nothing is lost, even when the machine loses its power.
    Disk,
    /// When the system has it: a crash of the process loses nothing, one of the machine the last second, and whoever removes the
    /// file what came within a hundredth of a second.
    System,
}

/// How the log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Folder of the chains: `data_dir/audit`.
    pub folder: PathBuf,
    /// Folder of the key: `data_dir/keys`.
    pub keys: PathBuf,
    /// Name of this machine, of letters, digits and hyphens.
    pub node: String,
    /// Bytes after which a segment ends.
    pub segment_bytes: u64,
    /// Rows and time after which a checkpoint is signed.
    pub checkpoint: (u64, Duration),
    /// How long rows are kept.
    pub retention: Duration,
    /// MiB that must be free at the start.
    pub min_free_mib: u64,
    /// When a row counts as written.
    pub commit: Commit,
}

impl AuditSettings {
    /// 64 MiB a segment, a checkpoint every 1,000 rows or 10 minutes, kept for three years, 256 MiB free; rows are
    /// written when they are on the disk.
    pub fn new(folder: PathBuf, keys: PathBuf, node: String) -> AuditSettings {
        AuditSettings {
            folder,
            keys,
            node,
            segment_bytes: 64 << 20,
            checkpoint: (1000, Duration::from_secs(600)),
            retention: Duration::from_secs(3 * 365 * 24 * 60 * 60),
            min_free_mib: 256,
            commit: Commit::Disk,
        }
    }
}

/// What the writer and its callers share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Whether the last attempt to write succeeded.
    pub(super) is_healthy: AtomicBool,
    /// Rows that were not written since the last one that says so.
    pub(super) n_lost: AtomicU64,
    /// Number of the last row that is written.
    pub(super) last: AtomicU64,
}

/// Where rows wait, and who writes them.
pub(super) struct Desk {
    pub(super) waiting: WaitingRows,
    /// Calls on record that have not ended.
    n_calls: AtomicUsize,
    /// Whether somebody wanted to write while another did, whose group may have been taken before that one's rows came.
    is_missed: AtomicBool,
    /// None when it has ended.
    pub(super) writer: Mutex<Option<Writer>>,
}

/// The log of this process.
pub struct Recorder {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    chain: String,
    settings: AuditSettings,
}

impl Recorder {
    /// Opens the log and starts its thread. An unfinished row of a crash is moved aside and recorded.
    ///
    /// # Errors
    /// When a folder or the key cannot be made or read, every chain of the node is in use, or the volume is full.
    pub fn open(settings: AuditSettings, clock: Arc<dyn Clock>) -> Result<Recorder, AuditError> {
        let key = AuditKey::open(&settings.keys)?;
        let (chain, n_torn) = Chain::open(&settings.folder, &settings.node)?;
        require_room(&settings)?;
        let shared = Arc::new(Shared {
            is_healthy: AtomicBool::new(true),
            n_lost: AtomicU64::new(0),
            last: AtomicU64::new(chain.place.seq),
        });
        let name = chain.name.clone();
        let writer =
            Writer::new((chain, key), settings.clone(), Arc::clone(&shared), Arc::clone(&clock))?;
        let (waiting, writer) = (WaitingRows::default(), Mutex::new(Some(writer)));
        let (n_calls, is_missed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let desk = Arc::new(Desk { waiting, n_calls, is_missed, writer });
        let served = Arc::clone(&desk);
        let thread = thread::Builder::new().name("audit-write".to_owned());
        let thread = thread
            .spawn(move || writer::run(&served))
            .map_err(AuditError::file("start a thread for", &settings.folder))?;
        let recorder = Recorder {
            desk,
            thread: Mutex::new(Some(thread)),
            shared,
            clock,
            chain: name,
            settings,
        };
        if 0 < n_torn {
            let mut row = Row::of_service(AuditEvent::AuditTorn, "recover");
            row.count = Some(n_torn);
            drop(recorder.append(row));
        }
        Ok(recorder)
    }

    /// Queues a row at once; what is returned resolves when it is written, as [`Commit`] says.
    pub fn append(&self, row: impl Into<Arc<Row>>) -> Appended {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { at: self.clock.unix_time(), row: row.into(), reply };
        if !self.desk.waiting.push(pending) {
            self.shared.n_lost.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("fenwen_audit_failures_total").increment(1);
        }
        let turn = match self.settings.commit {
            Commit::Disk => {
                self.desk.waiting.ring();
                None
            }
            Commit::System => Some(Arc::clone(&self.desk)),
        };
        // Where there is only this call, nothing gathers.
        let is_alone = self.desk.n_calls.load(Ordering::Relaxed) == 1;
        Appended { answer, turn: Turn(turn), has_waited: is_alone }
    }

    /// Counts a call that is on record until what is returned is dropped.
    pub(super) fn count_call(&self) -> CountedCall {
        self.desk.n_calls.fetch_add(1, Ordering::Relaxed);
        CountedCall(Arc::clone(&self.desk))
    }

    /// Whether rows reach the disk.
    pub fn is_healthy(&self) -> bool {
        self.shared.is_healthy.load(Ordering::Relaxed)
    }

    /// Number of the last row that is written.
    pub(super) fn last(&self) -> u64 {
        self.shared.last.load(Ordering::Acquire)
    }

    /// Name of the chain, and the folder of its files.
    pub fn chain(&self) -> (&str, PathBuf) {
        (&self.chain, self.settings.folder.join(&self.chain))
    }

    /// Writes what is queued, signs the last row and ends; later rows are refused. Blocks until then.
    pub fn close(&self) {
        self.desk.waiting.close();
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|it| it.join().is_err()) {
            tracing::error!("the thread of the audit log failed");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn require_room(settings: &AuditSettings) -> Result<(), AuditError> {
    let folder = &settings.folder;
    let found = rustix::fs::statvfs(folder)
        .map_err(|it| AuditError::file("read the free space of", folder)(it.into()))?;
    let free = found.f_bavail.saturating_mul(found.f_frsize) >> 20;
    if settings.min_free_mib <= free {
        return Ok(());
    }
    let (folder, wanted) = (folder.clone(), settings.min_free_mib);
    Err(AuditError::NoRoom { folder, free, wanted })
}

impl Desk {
    /// Writes what waits, unless somebody is writing: who does looks again after letting go, where it was missed. Rows whose
    /// owners have not asked yet are left to gather.
    fn write_waiting(&self) {
        for _ in 0..MAX_ROUNDS {
            if !self.write_group() {
                return;
            }
        }
        self.waiting.ring();
    }

    /// Writes the oldest rows together, unless somebody is writing; whether there may be more that nobody else will write.
    fn write_group(&self) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let Some(mut writer) = self.try_writer().or_else(|| self.try_after_missing()) else {
            return false;
        };
        self.is_missed.store(false, Ordering::Relaxed);
        let Some(found) = writer.as_mut() else { return false };
        let group = self.waiting.take();
        let is_whole = group.len() < MAX_GROUP;
        found.commit(group);
        drop(writer);
        fence(Ordering::SeqCst);
        !is_whole || self.is_missed.load(Ordering::Relaxed)
    }

    fn try_writer(&self) -> Option<MutexGuard<'_, Option<Writer>>> {
        match self.writer.try_lock() {
            Ok(writer) => Some(writer),
            Err(TryLockError::Poisoned(writer)) => Some(writer.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Tells whoever is writing that it was missed; it may have let go just before.
    fn try_after_missing(&self) -> Option<MutexGuard<'_, Option<Writer>>> {
        self.is_missed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.try_writer()
    }
}

/// One of the calls on record that have not ended.
pub(super) struct CountedCall(Arc<Desk>);

impl Drop for CountedCall {
    fn drop(&mut self) {
        self.0.n_calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A row that was queued: resolves with its number when it is written. Dropping it changes nothing.
#[must_use = "a row that nobody waits for may be lost in a crash"]
pub struct Appended {
    answer: oneshot::Receiver<Result<u64, NotWritten>>,
    turn: Turn,
    /// Whether what else could run has run since it was first asked, or need not.
    has_waited: bool,
}

impl Appended {
    /// Waits on a thread; never call it in an async function.
    ///
    /// # Errors
    /// When the row is not written.
    pub fn wait(mut self) -> Result<u64, NotWritten> {
        self.turn.take();
        self.answer.blocking_recv().unwrap_or(Err(NotWritten))
    }
}

impl Future for Appended {
    type Output = Result<u64, NotWritten>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.turn.is_open() && !mem::replace(&mut self.has_waited, true) {
            // Rows of other calls gather until this one is asked again, so that one writes for many.
            ready!(pin!(tokio::task::yield_now()).poll(cx));
        }
        self.turn.take();
        Pin::new(&mut self.answer).poll(cx).map(|it| it.unwrap_or(Err(NotWritten)))
    }
}

/// The duty to write what waits at a desk, if whoever appended has it; also done when it is dropped.
struct Turn(Option<Arc<Desk>>);

impl Turn {
    fn is_open(&self) -> bool {
        self.0.is_some()
    }

    fn take(&mut self) {
        if let Some(desk) = self.0.take() {
            desk.write_waiting();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.take();
    }
}

#[cfg(test)]
mod tests;
