//! Reads rows: who did what to which object and case, in which time.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use aho_corasick::AhoCorasick;

use crate::base::rfc3339;

use super::line::Line;
use super::row::RowBody;
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

/// Hands every row of every chain below `folder` that fits to `sink`, oldest first within a chain.
///
/// # Errors
/// When a file cannot be read.
pub fn search(
    folder: &Path,
    query: &Query,
    mut sink: impl FnMut(RowBody),
) -> Result<Touched, AuditError> {
    let wanted = [&query.actor, &query.object, &query.case_no].into_iter().flatten();
    // As written, with its quotes: most lines are passed over without reading their JSON.
    let words = wanted.map(|it| serde_json::to_string(it).unwrap_or_default());
    let words = words.filter_map(|it| AhoCorasick::new([it]).ok()).collect::<Vec<_>>();
    let mut touched = Touched::default();
    each_line(folder, &query.time, |line| {
        let Some(line) = line else {
            touched.n_unreadable += 1;
            return;
        };
        if !words.iter().all(|it| it.is_match(line.body)) {
            return;
        }
        match serde_json::from_slice::<RowBody>(line.body) {
            Ok(row) if query.fits(&row) => {
                touched.n_rows += 1;
                sink(row);
            }
            Ok(_) => (),
            Err(_) => touched.n_unreadable += 1,
        }
    })?;
    Ok(touched)
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

/// Hands every line of a time to `sink`; `None` for one that is no row.
pub(super) fn each_line(
    folder: &Path,
    time: &Range<Duration>,
    mut sink: impl FnMut(Option<Line<'_>>),
) -> Result<(), AuditError> {
    for (_, folder) in files::chains(folder)? {
        lines_of(&folder, time, &mut sink)?;
    }
    Ok(())
}

/// The same of one chain.
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
        let n_whole = bytes.iter().rposition(|&it| it == b'\n').unwrap_or(0);
        let whole = bytes.get(..n_whole).unwrap_or_default();
        // Time never runs backwards in a chain: a segment that ends before is passed over, one that begins after ends it.
        let mut lines = whole.split(|&it| it == b'\n');
        let is_early = |it: &[u8]| Line::parse(it).is_some_and(|it| it.ts() < Some(from.as_str()));
        if lines.clone().next_back().is_some_and(is_early) {
            continue;
        }
        for line in lines.by_ref().filter(|it| !it.is_empty()) {
            match Line::parse(line) {
                Some(line) if line.ts().is_some_and(|it| it < from.as_str()) => (),
                Some(line) if line.ts().is_some_and(|it| to.as_str() <= it) => return Ok(()),
                line => sink(line),
            }
        }
    }
    Ok(())
}
