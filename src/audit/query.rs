//! Reads rows: who did what to which object and case, in which time.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;
use std::time::Duration;

use aho_corasick::AhoCorasick;

use crate::base::rfc3339;

use super::line::Line;
use super::row::RowBody;
use super::verify::parts;
use super::{AuditError, files};

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Times since 1970-01-01T00:00:00Z; the end is not in it.
    pub time: Range<Duration>,
    /// Id of the actor, of the client system, or of the person who was named.
    pub actor: Option<String>,
    /// The object.
    pub object: Option<String>,
    /// Number of the case.
    pub case_no: Option<String>,
}

/// How a search went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Rows found.
    pub n_rows: u64,
    /// Lines that are no rows: the log is damaged.
    pub n_unreadable: u64,
}

/// Hands every row of every chain below `folder` that fits to `sink`, oldest first within a chain. JSON is read on every
/// core; rows reach `sink` one after another.
///
/// # Errors
/// When a file cannot be read.
pub fn search(
    folder: &Path,
    query: &Query,
    mut sink: impl FnMut(RowBody),
) -> Result<Touched, AuditError> {
    let wanted = Wanted::of(query);
    let mut touched = Touched::default();
    for (_, folder) in files::chains(folder)? {
        search_chain(&folder, &wanted, &mut |part: Found| {
            touched.n_rows += part.rows.len() as u64;
            touched.n_unreadable += part.n_unreadable;
            part.rows.into_iter().for_each(&mut sink);
        })?;
    }
    Ok(touched)
}

/// Bytes of lines that one thread reads at a time: what was read of them waits for its turn.
const PART: usize = 1 << 20;

/// A query as lines are compared with it.
struct Wanted<'a> {
    query: &'a Query,
    /// As written, with its quotes: most lines are passed over without reading their JSON.
    words: Vec<AhoCorasick>,
    /// Texts of this form sort as moments.
    from: String,
    to: String,
}

/// What was found in a part of a segment.
#[derive(Default)]
struct Found {
    rows: Vec<RowBody>,
    n_unreadable: u64,
    /// A line was behind the time: what comes after it is too.
    is_past: bool,
}

impl<'a> Wanted<'a> {
    fn of(query: &'a Query) -> Wanted<'a> {
        let wanted = [&query.actor, &query.object, &query.case_no].into_iter().flatten();
        let words = wanted.map(|it| serde_json::to_string(it).unwrap_or_default());
        let words = words.filter_map(|it| AhoCorasick::new([it]).ok()).collect();
        let (from, to) = (rfc3339(query.time.start), rfc3339(query.time.end));
        Wanted { query, words, from, to }
    }

    /// Reads whole lines.
    fn read(&self, bytes: &[u8]) -> Found {
        let mut found = Found::default();
        for line in bytes.split(|&it| it == b'\n').filter(|it| !it.is_empty()) {
            let Some(line) = Line::parse(line) else {
                found.n_unreadable += 1;
                continue;
            };
            match line.ts() {
                Some(ts) if ts < self.from.as_str() => continue,
                Some(ts) if self.to.as_str() <= ts => {
                    found.is_past = true;
                    break;
                }
                _ => (),
            }
            if !self.words.iter().all(|it| it.is_match(line.body)) {
                continue;
            }
            match serde_json::from_slice::<RowBody>(line.body) {
                Ok(row) if self.query.fits(&row) => found.rows.push(row),
                Ok(_) => (),
                Err(_) => found.n_unreadable += 1,
            }
        }
        found
    }

    /// Reads parts, each on a thread of its own.
    fn read_all(&self, parts: &[&[u8]]) -> Vec<Found> {
        thread::scope(|scope| {
            let read = |part| scope.spawn(move || self.read(part));
            let threads: Vec<_> = parts.iter().copied().map(read).collect();
            let joined = threads
                .into_iter()
                .map(|it| it.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.collect()
        })
    }
}

/// Hands what is found in a chain to `sink`, part for part in order.
fn search_chain(
    folder: &Path,
    wanted: &Wanted<'_>,
    sink: &mut impl FnMut(Found),
) -> Result<(), AuditError> {
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut bytes = Vec::new();
    for segment in files::segments(folder)? {
        segment.read_into(&mut bytes)?;
        let Some(whole) = lines_after(&bytes, &wanted.from) else { continue };
        for group in parts(whole, whole.len() / PART + 1).chunks(n_threads) {
            for found in wanted.read_all(group) {
                let is_past = found.is_past;
                sink(found);
                if is_past {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The whole lines of a segment, without the end of the last; none where they all are before a time. Time never runs
/// backwards in a chain: a segment that ends before is passed over, one that begins after ends it.
fn lines_after<'a>(bytes: &'a [u8], from: &str) -> Option<&'a [u8]> {
    let n_whole = bytes.iter().rposition(|&it| it == b'\n').unwrap_or(0);
    let whole = bytes.get(..n_whole).unwrap_or_default();
    let is_early = |it: &[u8]| Line::parse(it).is_some_and(|it| it.ts() < Some(from));
    let last = whole.rsplit(|&it| it == b'\n').next();
    (!last.is_some_and(is_early)).then_some(whole)
}

impl Query {
    fn fits(&self, row: &RowBody) -> bool {
        let is_actor = |id: &String| {
            let others = [&row.client, &row.person];
            *id == row.actor.id || others.into_iter().flatten().any(|it| it == id)
        };
        self.actor.as_ref().is_none_or(is_actor)
            && self.object.as_ref().is_none_or(|it| Some(it) == row.object.as_ref())
            && self.case_no.as_ref().is_none_or(|it| Some(it) == row.case_no.as_ref())
    }
}

/// Hands every line of a chain that is of a time to `sink`; `None` for one that is no row.
pub(super) fn lines_of(
    folder: &Path,
    time: &Range<Duration>,
    sink: &mut impl FnMut(Option<Line<'_>>),
) -> Result<(), AuditError> {
    // Texts of this form sort as moments.
    let (from, to) = (rfc3339(time.start), rfc3339(time.end));
    let mut bytes = Vec::new();
    for segment in files::segments(folder)? {
        segment.read_into(&mut bytes)?;
        let Some(whole) = lines_after(&bytes, &from) else { continue };
        for line in whole.split(|&it| it == b'\n').filter(|it| !it.is_empty()) {
            match Line::parse(line) {
                Some(line) if line.ts().is_some_and(|it| it < from.as_str()) => (),
                Some(line) if line.ts().is_some_and(|it| to.as_str() <= it) => return Ok(()),
                line => sink(line),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::line;

    /// Lines of a second each, and one in the middle that is none.
    fn text() -> Vec<u8> {
        let mut text = Vec::new();
        for n in 0..40_u64 {
            let body = format!(
                r#"{{"action":"a","actor":{{"asserted":false,"id":"i-{n}","type":"system"}},"event":"api.called","listener":"api","node":"n","ts":"2026-01-01T00:00:{n:02}.000Z"}}"#
            );
            line::write(&mut text, n + 1, &[0; 32], |out| out.extend_from_slice(body.as_bytes()));
            if n == 20 {
                text.extend_from_slice(b"no row\n");
            }
        }
        text
    }

    #[test]
    fn parts_are_read_side_by_side_and_told_in_order() {
        let base = Duration::from_secs(1_767_225_600);
        let second = |n| base + Duration::from_secs(n);
        let text = text();
        let query = Query { time: second(3)..second(30), ..Query::default() };
        for n_parts in [1, 2, 7, 40, 200] {
            let wanted = Wanted::of(&query);
            let (mut ids, mut n_unreadable) = (Vec::new(), 0);
            for found in wanted.read_all(&parts(&text, n_parts)) {
                n_unreadable += found.n_unreadable;
                ids.extend(found.rows.into_iter().map(|it| it.actor.id));
            }
            let expected: Vec<String> = (3..30).map(|it| format!("i-{it}")).collect();
            assert_eq!((ids, n_unreadable), (expected, 1), "{n_parts} parts");
        }
    }
}
