//! The door to the log: rows are queued, written together, and awaited until they are kept.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::base::Clock;

use super::chain::Chain;
use super::key::AuditKey;
use super::writer::Writer;
use super::{AuditError, AuditEvent, NotWritten, Row};

/// Rows that wait for the writer; the next one is refused.
const MAX_WAITING: usize = 4096;

/// When a row counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// When it is on the disk: nothing is lost, even when the machine loses its power.
    Disk,
    /// When the system has it: a crash of the process loses nothing, one of the machine the last second.
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

/// A row on its way.
pub(super) struct Pending {
    /// When it happened, since 1970-01-01T00:00:00Z.
    pub(super) at: Duration,
    /// What happened.
    pub(super) row: Row,
    /// Who waits; nobody when it is closed.
    pub(super) reply: oneshot::Sender<Result<u64, NotWritten>>,
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

/// The log of this process.
pub struct Recorder {
    queue: Mutex<Option<SyncSender<Pending>>>,
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
        let (sender, queue) = sync_channel(MAX_WAITING);
        let thread = thread::Builder::new().name("audit-write".to_owned());
        let thread = thread
            .spawn(move || writer.run(&queue))
            .map_err(AuditError::file("start a thread for", &settings.folder))?;
        let recorder = Recorder {
            queue: Mutex::new(Some(sender)),
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
    pub fn append(&self, row: Row) -> Appended {
        let (reply, answer) = oneshot::channel();
        let pending = Pending { at: self.clock.unix_time(), row, reply };
        let queue = lock(&self.queue);
        // What cannot be queued drops its reply, which tells whoever waits.
        if queue.as_ref().is_none_or(|it| it.try_send(pending).is_err()) {
            self.shared.n_lost.fetch_add(1, Ordering::Relaxed);
            metrics::counter!("fenwen_audit_failures_total").increment(1);
        }
        Appended(answer)
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
        drop(lock(&self.queue).take());
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

/// A row that was queued: resolves with its number when it is written. Dropping it changes nothing.
#[must_use = "a row that nobody waits for may be lost in a crash"]
pub struct Appended(oneshot::Receiver<Result<u64, NotWritten>>);

impl Appended {
    /// Waits on a thread; never call it in an async function.
    ///
    /// # Errors
    /// When the row is not written.
    pub fn wait(self) -> Result<u64, NotWritten> {
        self.0.blocking_recv().unwrap_or(Err(NotWritten))
    }
}

impl Future for Appended {
    type Output = Result<u64, NotWritten>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|it| it.unwrap_or(Err(NotWritten)))
    }
}

#[cfg(test)]
mod tests;
