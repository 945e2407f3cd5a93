//! Proves that a log is what was written, or names the first row that is not.
//!
//! A line is taken apart and hashed without reading its JSON, in as many parts of a segment as there are cores.

use std::fmt;
use std::fs::File;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::base::{PublicKey, from_rfc3339};

use super::AuditError;
use super::files::{self, CHECKPOINTS, LOCK, START, Segment};
use super::line::{Line, genesis};
use super::mark::{Mark, MarkKind, Place};

/// Most rows behind the last checkpoint: one comes after 1,000 rows and the group that was being written.
const MAX_UNSIGNED: u64 = 2048;

/// More of them may follow a checkpoint when they were written in so short a time: a log that does not wait for the disk
/// is signed at most once a second, however many rows come.
const SIGNED_WITHIN: Duration = Duration::from_secs(10);

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The row is not what was hashed.
    Changed,
    /// It and the rows up to this one are missing.
    Removed(u64),
    /// It stands where another row belongs.
    Swapped,
    /// It stands here once too often.
    Inserted,
    /// It and what follows are missing; a checkpoint signs this later row.
    Truncated(u64),
    /// It fits to its neighbours but not to the next row or to a checkpoint: it was written anew.
    Rewritten,
    /// No checkpoint signs it although so many rows follow: checkpoints were removed.
    Unsigned,
    /// This line of the checkpoints, or of where the chain begins, is not signed by the key.
    Forged(usize),
    /// It is not ended.
    Unfinished,
}

/// The first row of a chain that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its number.
    pub seq: u64,
    /// What is wrong with it.
    pub wrong: Wrong,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.wrong {
            Wrong::Changed => write!(f, "第 {seq} 列被改動"),
            Wrong::Removed(last) => write!(f, "第 {seq} 列到第 {last} 列被移除"),
            Wrong::Swapped => write!(f, "第 {seq} 列被調換位置"),
            Wrong::Inserted => write!(f, "第 {seq} 列是插入的"),
            Wrong::Truncated(signed) => {
                write!(f, "第 {seq} 列起被截去(檢查點簽署至第 {signed} 列)")
            }
            Wrong::Rewritten => write!(f, "第 {seq} 列被重寫"),
            Wrong::Unsigned => write!(f, "第 {seq} 列起缺少檢查點"),
            Wrong::Forged(line) => {
                write!(f, "第 {line} 個檢查點或起點的簽章不符(簽署第 {seq} 列)")
            }
            Wrong::Unfinished => write!(f, "第 {seq} 列不完整"),
        }
    }
}

/// What was found of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainReport {
    /// Its name.
    pub chain: String,
    /// Number of the row before the first one; 0 unless rows have expired or this is an excerpt.
    pub before: u64,
    /// Number of the last row that is proven by the one before it.
    pub last: u64,
    /// Checkpoints.
    pub n_checkpoints: usize,
    /// Rows behind the last checkpoint: only a copy elsewhere can prove that nothing is missing behind them.
    pub n_unsigned: u64,
    /// The first wrong row.
    pub finding: Option<Finding>,
}

/// Verifies every chain below `folder`.
///
/// # Errors
/// When a file cannot be read.
pub fn verify(folder: &Path, key: &PublicKey) -> Result<Vec<ChainReport>, AuditError> {
    let mut reports = Vec::new();
    for (name, folder) in files::chains(folder)? {
        reports.push(verify_chain(name, &folder, key)?);
    }
    Ok(reports)
}

fn verify_chain(chain: String, folder: &Path, key: &PublicKey) -> Result<ChainReport, AuditError> {
    // Before the rows: a process that writes meanwhile signs only rows that are there.
    let checkpoints = files::marks(&folder.join(CHECKPOINTS))?;
    let starts = files::marks(&folder.join(START))?;
    let mut report = ChainReport {
        chain,
        before: 0,
        last: 0,
        n_checkpoints: checkpoints.len(),
        n_unsigned: 0,
        finding: None,
    };
    let start = signed(&starts, &report.chain, key, |it| it != MarkKind::Checkpoint);
    let signed = signed(&checkpoints, &report.chain, key, |it| it == MarkKind::Checkpoint);
    let (start, mut places) = match (start, signed) {
        (Ok(start), Ok(places)) => (start.last().copied(), places),
        (Err(finding), _) | (_, Err(finding)) => {
            report.finding = Some(finding);
            return Ok(report);
        }
    };
    let mut place = start.unwrap_or(Place { seq: 0, hash: genesis(&report.chain) });
    report.before = place.seq;
    places.retain(|it| report.before < it.seq);
    places.sort_by_key(|it| it.seq);
    let is_live = is_being_written(folder);
    let (segments, n_last) = segments_behind(place.seq, folder)?;
    let mut bytes = Vec::new();
    for (idx, segment) in segments.iter().enumerate() {
        segment.read_into(&mut bytes)?;
        let later = segments.get(idx + 1..).unwrap_or_default();
        if let Some(n_last) = n_last.filter(|_| later.is_empty()) {
            bytes.truncate(n_last);
        }
        let n_whole = bytes.iter().rposition(|&it| it == b'\n').map_or(0, |it| it + 1);
        let (whole, rest) = bytes.split_at(n_whole);
        match span(whole, &places) {
            Some(found) if found.fits(place) => place = found.last.unwrap_or(place),
            _ => report.finding = Some(first_wrong(whole, &mut place, &places, later)?),
        }
        let is_last_written = is_live && later.is_empty();
        if report.finding.is_none() && !rest.is_empty() && !is_last_written {
            report.finding = Some(Finding { seq: place.seq + 1, wrong: Wrong::Unfinished });
        }
        if report.finding.is_some() {
            break;
        }
    }
    report.last = place.seq;
    let last_signed = places.last().map_or(report.before, |it| it.seq);
    report.n_unsigned = place.seq.saturating_sub(last_signed);
    if report.finding.is_none() {
        report.finding = wrong_end(report.before, (last_signed, place.seq), &segments)?;
    }
    Ok(report)
}

/// The segments with rows behind `before`, and how many bytes of the last one are there by now: what is written later may
/// be signed by what was not read.
fn segments_behind(
    before: u64,
    folder: &Path,
) -> Result<(Vec<Segment>, Option<usize>), AuditError> {
    let mut segments = files::segments(folder)?;
    let n_last = segments.last().map(Segment::n_bytes).transpose()?;
    // Rows before the start have expired; a crash may have left some of them.
    while let [_, next, ..] = segments.as_slice()
        && next.first <= before + 1
    {
        segments.remove(0);
    }
    Ok((segments, n_last))
}

/// What only the end of a chain tells.
fn wrong_end(
    before: u64,
    (last_signed, last): (u64, u64),
    segments: &[Segment],
) -> Result<Option<Finding>, AuditError> {
    if last < last_signed {
        return Ok(Some(Finding { seq: last + 1, wrong: Wrong::Truncated(last_signed) }));
    }
    if last - last_signed <= MAX_UNSIGNED {
        return Ok(None);
    }
    // Without any checkpoint nothing tells that these are the last moments.
    let time = if before < last_signed { took(last_signed + 1..=last, segments)? } else { None };
    let is_burst = time.is_some_and(|it| it <= SIGNED_WITHIN);
    Ok((!is_burst).then_some(Finding { seq: last_signed + 1, wrong: Wrong::Unsigned }))
}

/// How long these rows took to be written, by their own times; none when they do not tell.
fn took(rows: RangeInclusive<u64>, segments: &[Segment]) -> Result<Option<Duration>, AuditError> {
    let (mut first, mut last) = (None, None);
    for segment in segments.iter().rev() {
        let bytes = segment.read()?;
        for line in lines(&bytes).filter_map(Line::parse) {
            let found = if line.seq == *rows.start() {
                &mut first
            } else if line.seq == *rows.end() {
                &mut last
            } else {
                continue;
            };
            *found = line.ts().and_then(from_rfc3339);
        }
        if segment.first <= *rows.start() {
            break;
        }
    }
    Ok(last.zip(first).and_then(|(last, first): (Duration, Duration)| last.checked_sub(first)))
}

/// The places that marks sign, or the first mark that the key has not signed for this chain.
fn signed(
    marks: &[Option<Mark>],
    chain: &str,
    key: &PublicKey,
    is_kind: impl Fn(MarkKind) -> bool,
) -> Result<Vec<Place>, Finding> {
    let mut places = Vec::new();
    for (idx, mark) in marks.iter().enumerate() {
        let seq = mark.as_ref().map_or(0, |it| it.seq);
        let good = mark.as_ref().filter(|it| it.chain == chain && is_kind(it.kind));
        let place = good.filter(|it| it.is_signed(key)).and_then(Mark::place);
        places.push(place.ok_or(Finding { seq, wrong: Wrong::Forged(idx + 1) })?);
    }
    Ok(places)
}

/// Whether a process holds the chain: then its last row may be half-written.
fn is_being_written(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|it| it.try_lock().is_err())
}

/// Rows that follow each other.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    /// What must stand before.
    before: Option<Place>,
    /// The last one.
    last: Option<Place>,
}

impl Span {
    fn fits(&self, place: Place) -> bool {
        self.before.is_none_or(|it| it == place)
    }

    /// This one and what comes after it; none when they do not fit.
    fn and(self, next: Span) -> Option<Span> {
        let fits = self.last.is_none_or(|it| next.fits(it));
        let joined = Span { before: self.before.or(next.before), last: next.last.or(self.last) };
        fits.then_some(joined)
    }
}

/// Checks the lines of a segment, in parts; none when something is wrong with any.
fn span(bytes: &[u8], places: &[Place]) -> Option<Span> {
    let n_parts = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let parts: Vec<_> = parts(bytes, n_parts)
            .into_iter()
            .map(|part| scope.spawn(move || span_of(part, places)))
            .collect();
        let mut whole = Some(Span::default());
        for part in parts {
            let found = part.join().ok().flatten();
            whole = whole.zip(found).and_then(|(whole, found)| whole.and(found));
        }
        whole
    })
}

/// Cuts whole lines into at most `n` parts of about one size.
pub(super) fn parts(bytes: &[u8], n: usize) -> Vec<&[u8]> {
    let size = bytes.len() / n + 1;
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let behind = rest.get(size.min(rest.len())..).unwrap_or_default();
        let line_end = behind.iter().position(|&it| it == b'\n').map_or(0, |it| it + 1);
        let (part, behind) = rest.split_at(rest.len() - behind.len() + line_end);
        parts.push(part);
        rest = behind;
    }
    parts
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&it| it == b'\n').map(|it| it.strip_suffix(b"\n").unwrap_or(it))
}

fn span_of(bytes: &[u8], places: &[Place]) -> Option<Span> {
    let mut span = Span::default();
    let mut signed = None;
    for line in lines(bytes) {
        let line = Line::parse(line).filter(Line::is_whole)?;
        let before = Place { seq: line.seq.checked_sub(1)?, hash: line.prev };
        if span.last.is_some_and(|it| it != before) {
            return None;
        }
        let signed: &mut std::slice::Iter<'_, Place> = signed.get_or_insert_with(|| {
            places.get(places.partition_point(|it| it.seq < line.seq)..).unwrap_or_default().iter()
        });
        while let Some(place) = signed.as_slice().first().filter(|it| it.seq == line.seq) {
            if place.hash != line.hash {
                return None;
            }
            signed.next();
        }
        span.before = span.before.or(Some(before));
        span.last = Some(Place { seq: line.seq, hash: line.hash });
    }
    Some(span)
}

/// Goes through the lines one by one to name the first that is wrong; `place` is the last one that is right.
fn first_wrong(
    bytes: &[u8],
    place: &mut Place,
    places: &[Place],
    later: &[Segment],
) -> Result<Finding, AuditError> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.iter().position(|&it| it == b'\n').map_or(rest.len(), |it| it + 1);
        let (line, behind) = rest.split_at(end);
        rest = behind;
        let seq = place.seq + 1;
        let line = Line::parse(line.strip_suffix(b"\n").unwrap_or(line));
        let Some(line) = line.filter(Line::is_whole) else {
            return Ok(Finding { seq, wrong: Wrong::Changed });
        };
        if let Some(finding) = misplaced(&line, *place, rest, later)? {
            return Ok(finding);
        }
        if places.iter().any(|it| it.seq == seq && it.hash != line.hash) {
            return Ok(Finding { seq, wrong: Wrong::Rewritten });
        }
        *place = Place { seq, hash: line.hash };
    }
    // Each line is right by itself, so what joins them is not: that cannot happen, and is not called right.
    Ok(Finding { seq: place.seq, wrong: Wrong::Rewritten })
}

/// Why a row that is whole does not belong behind `place`.
fn misplaced(
    line: &Line<'_>,
    place: Place,
    rest: &[u8],
    later: &[Segment],
) -> Result<Option<Finding>, AuditError> {
    let expected = place.seq + 1;
    let found = |seq, wrong| Ok(Some(Finding { seq, wrong }));
    match (line.prev == place.hash, line.seq) {
        (true, seq) if seq == expected => Ok(None),
        // It belongs here, so its number was changed.
        (true, _) => found(expected, Wrong::Changed),
        // It follows another row than the one that stands before it.
        (false, seq) if seq == expected => found(place.seq, Wrong::Rewritten),
        (false, seq) if seq < expected => found(seq, Wrong::Inserted),
        (false, seq) if is_there(seq, rest, later)? => found(seq, Wrong::Inserted),
        (false, _) if is_there(expected, rest, later)? => found(expected, Wrong::Swapped),
        (false, seq) => found(expected, Wrong::Removed(seq - 1)),
    }
}

/// Whether a row of this number comes later.
fn is_there(seq: u64, rest: &[u8], later: &[Segment]) -> Result<bool, AuditError> {
    let is_in = |bytes: &[u8]| lines(bytes).filter_map(Line::parse).any(|line| line.seq == seq);
    if is_in(rest) {
        return Ok(true);
    }
    for segment in later {
        if is_in(&segment.read()?) {
            return Ok(true);
        }
    }
    Ok(false)
}
