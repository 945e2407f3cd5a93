//! What waits is written and committed together, so that many rows share one wait for the disk.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge};

use crate::base::{Clock, rfc3339};

use super::chain::Chain;
use super::key::AuditKey;
use super::line;
use super::mark::Place;
use super::recorder::{AuditSettings, Commit, Desk, Shared, lock};
use super::waiting::Pending;
use super::{AuditError, AuditEvent, NotWritten, Row};

/// How often the writer looks for what is due, also when nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long rows that were not waited for may stay off the disk.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether the file is still there, where rows do not wait for the disk: to look takes nearly as long as
/// to write.
const CHECK_EVERY: Duration = Duration::from_millis(10);
/// How long a broken log is left alone between attempts.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// How often a failure that lasts is told again: an operator must hear of it within 60 seconds.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// How often expired rows are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(60 * 60);

/// Writes the chain of this process.
pub(super) struct Writer {
    chain: Chain,
    key: AuditKey,
    settings: AuditSettings,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    /// Number of the last row that a checkpoint signs, as far as this process knows; and when.
    checkpointed: (u64, Instant),
    /// When all rows were on the disk.
    synced: Instant,
    /// When the file was last seen in its place.
    checked: Instant,
    /// Bytes of the segments that are ended.
    ended_bytes: u64,
    purged: Option<Instant>,
    broken: Option<Broken>,
    meters: Meters,
}

/// What every commit counts: looked up once, as that takes longer than to count.
struct Meters {
    rows: Counter,
    bytes: Gauge,
}

/// Since the log cannot be written.
struct Broken {
    tried: Instant,
    told: Instant,
}

/// Writes what waits and does what is due until no more rows are taken, then signs the last one.
pub(super) fn run(desk: &Desk) {
    while desk.waiting.wait(LOOK_EVERY) {
        if let Some(writer) = lock(&desk.writer).as_mut() {
            writer.commit(desk.waiting.take());
            writer.tend();
        }
    }
    if let Some(writer) = lock(&desk.writer).take() {
        writer.end();
    }
}

impl Writer {
    pub(super) fn new(
        (chain, key): (Chain, AuditKey),
        settings: AuditSettings,
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
    ) -> Result<Writer, AuditError> {
        let ended_bytes = chain.total_bytes()?.saturating_sub(chain.n_bytes());
        let checkpointed = (chain.place.seq, clock.now());
        let (synced, checked) = (clock.now(), clock.now());
        let mut writer = Writer {
            chain,
            key,
            settings,
            shared,
            clock,
            checkpointed,
            synced,
            checked,
            ended_bytes,
            purged: None,
            broken: None,
            meters: Meters {
                rows: metrics::counter!("fenwen_audit_rows_total"),
                bytes: metrics::gauge!("fenwen_audit_bytes"),
            },
        };
        // Rows that a crash has left without one are signed now.
        if 0 < writer.chain.place.seq {
            writer.checkpoint()?;
        }
        Ok(writer)
    }

    /// Signs the last row.
    fn end(mut self) {
        if self.broken.is_none()
            && self.checkpointed.0 < self.chain.place.seq
            && let Err(error) = self.checkpoint()
        {
            tell(&error);
        }
    }

    /// Writes a group of rows, all or none.
    pub(super) fn commit(&mut self, group: Vec<Pending>) {
        if group.is_empty() {
            return;
        }
        if self.broken.is_some() && !self.repair() {
            return self.refuse(group);
        }
        let rows = group.iter().map(|it| (it.at, it.row.as_ref()));
        let first = self.chain.place.seq + 1;
        if let Err(error) = self.write(rows) {
            self.break_off(&error);
            return self.refuse(group);
        }
        for (seq, pending) in (first..).zip(group) {
            // Who no longer waits misses nothing.
            let _ = pending.reply.send(Ok(seq));
        }
    }

    fn write<'a>(
        &mut self,
        rows: impl Iterator<Item = (Duration, &'a Row)>,
    ) -> Result<(), AuditError> {
        let Place { mut seq, mut hash } = self.chain.place;
        let mut ts = self.chain.ts.clone();
        let node = self.settings.node.as_str();
        let mut lines = Vec::new();
        let begun = seq;
        let mut told = None;
        for (at, row) in rows {
            // Many rows of a group are of one millisecond.
            if told.replace(at.as_millis()) != Some(at.as_millis()) {
                // Texts of this form sort as moments; time never runs backwards in a chain.
                ts = ts.max(rfc3339(at));
            }
            seq += 1;
            hash = line::write(&mut lines, seq, &hash, |out| row.write(out, node, &ts));
        }
        self.check_file()?;
        self.chain.append(&lines, Place { seq, hash }, ts, self.settings.commit)?;
        self.shared.last.store(seq, Ordering::Release);
        self.meters.rows.increment(seq - begun);
        self.meters.bytes.set((self.ended_bytes + self.chain.n_bytes()) as f64);
        Ok(())
    }

    fn check_file(&mut self) -> Result<(), AuditError> {
        let now = self.clock.now();
        let is_recent = now.saturating_duration_since(self.checked) < CHECK_EVERY;
        if self.settings.commit == Commit::System && is_recent {
            return Ok(());
        }
        self.chain.require_file()?;
        self.checked = now;
        Ok(())
    }

    fn refuse(&self, group: Vec<Pending>) {
        self.shared.n_lost.fetch_add(group.len() as u64, Ordering::Relaxed);
        metrics::counter!("fenwen_audit_failures_total").increment(group.len() as u64);
        for pending in group {
            // Who no longer waits misses nothing.
            let _ = pending.reply.send(Err(NotWritten));
        }
    }

    /// From now on rows are refused, until an attempt succeeds.
    fn break_off(&mut self, error: &AuditError) {
        let now = self.clock.now();
        let told = match &self.broken {
            Some(it) if now.saturating_duration_since(it.told) < TELL_EVERY => it.told,
            _ => {
                tell(error);
                now
            }
        };
        self.broken = Some(Broken { tried: now, told });
        self.shared.is_healthy.store(false, Ordering::Relaxed);
    }

    /// Tries to write again, unless that was tried just now; the first row tells how many were not written.
    fn repair(&mut self) -> bool {
        let now = self.clock.now();
        let is_soon = |it: &Broken| now.saturating_duration_since(it.tried) < RETRY_EVERY;
        if self.broken.as_ref().is_some_and(is_soon) {
            return false;
        }
        if let Err(error) = self.chain.repair().and_then(|()| self.tell_gap()) {
            self.break_off(&error);
            return false;
        }
        self.broken = None;
        self.shared.is_healthy.store(true, Ordering::Relaxed);
        tracing::warn!("the audit log is written again");
        true
    }

    /// Records how many rows were not written.
    fn tell_gap(&mut self) -> Result<(), AuditError> {
        let n_lost = self.shared.n_lost.swap(0, Ordering::Relaxed);
        let mut row = Row::of_service(AuditEvent::AuditGap, "recover");
        row.count = Some(n_lost);
        let written = self.write(std::iter::once((self.clock.unix_time(), &row)));
        if written.is_err() {
            self.shared.n_lost.fetch_add(n_lost, Ordering::Relaxed);
        }
        written
    }

    /// Does what is due.
    fn tend(&mut self) {
        if self.broken.is_some() && !self.repair() {
            return;
        }
        if let Err(error) = self.due() {
            self.break_off(&error);
        }
    }

    fn due(&mut self) -> Result<(), AuditError> {
        if 0 < self.shared.n_lost.load(Ordering::Relaxed) {
            self.tell_gap()?;
        }
        let now = self.clock.now();
        if SYNC_EVERY <= now.saturating_duration_since(self.synced) {
            self.chain.sync()?;
            self.synced = now;
        }
        let (n_rows, time) = self.settings.checkpoint;
        let (signed, at) = self.checkpointed;
        let n_unsigned = self.chain.place.seq.saturating_sub(signed);
        let is_full = self.settings.segment_bytes <= self.chain.n_bytes();
        let is_late = time <= now.saturating_duration_since(at);
        if 0 < n_unsigned && (n_rows <= n_unsigned || is_late || is_full) {
            self.checkpoint()?;
        }
        if is_full {
            self.chain.sync()?;
            self.ended_bytes += self.chain.n_bytes();
            self.chain.end_segment();
        }
        let is_soon = |it: Instant| now.saturating_duration_since(it) < PURGE_EVERY;
        if !self.purged.is_some_and(is_soon) {
            self.purged = Some(now);
            self.purge()?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), AuditError> {
        self.chain.sync()?;
        self.chain.checkpoint(&self.key, rfc3339(self.clock.unix_time()))?;
        self.checkpointed = (self.chain.place.seq, self.clock.now());
        Ok(())
    }

    /// Removes what has expired and records how much.
    fn purge(&mut self) -> Result<(), AuditError> {
        let now = self.clock.unix_time();
        let limit = rfc3339(now.saturating_sub(self.settings.retention));
        let n_rows = self.chain.purge(&self.key, &limit, &rfc3339(now))?;
        if n_rows == 0 {
            return Ok(());
        }
        self.ended_bytes = self.chain.total_bytes()?.saturating_sub(self.chain.n_bytes());
        let mut row = Row::of_service(AuditEvent::AuditPurged, "purge");
        row.count = Some(n_rows);
        self.write(std::iter::once((now, &row)))
    }
}

/// The failure and its reasons, for an operator; no row is in them.
fn tell(error: &AuditError) {
    let mut reasons = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = mem::take(&mut source) {
        reasons.push(cause.to_string());
        source = cause.source();
    }
    tracing::error!(reason = reasons.join(": "), "the audit log cannot be written");
}
