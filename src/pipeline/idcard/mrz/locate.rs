//! Which rows may be lines of a machine-readable zone; pieces of one line are joined.

use crate::pipeline::idcard::mrz::align::in_alphabet;
use crate::pipeline::idcard::text::{Bounds, Cell, Row};

/// Fewest characters of a line whose fillers were partly lost.
const MIN_LINE: usize = 18;

/// Fewest characters of a piece of a line.
const MIN_PIECE: usize = 4;

/// Most candidate lines looked at; a page of MRZ-like noise costs no more.
const MAX_LINES: usize = 8;

/// A line that may belong to a machine-readable zone.
pub(crate) struct Candidate<'a> {
    /// Characters with the place of each.
    pub(crate) cells: Vec<(&'a Cell, Bounds)>,
    pub(crate) bounds: Bounds,
}

/// Candidate lines, top to bottom.
pub(crate) fn candidates(rows: &[Row]) -> Vec<Candidate<'_>> {
    let mut pieces: Vec<&Row> = rows.iter().filter(|row| is_piece(row)).collect();
    pieces.sort_by(|a, b| a.bounds().left.total_cmp(&b.bounds().left));
    let mut lines: Vec<Candidate<'_>> = Vec::new();
    for row in pieces {
        let bounds = row.bounds();
        let continued = lines.iter_mut().find(|line| {
            0.5 < line.bounds.beside(bounds) && line.bounds.right - bounds.height() < bounds.left
        });
        let line = match continued {
            Some(line) => line,
            None => {
                lines.push(Candidate { cells: Vec::new(), bounds });
                let Some(line) = lines.last_mut() else { continue };
                line
            }
        };
        line.bounds = line.bounds.with(bounds);
        let places = (0..row.cells.len()).map(|idx| row.span().slice(idx, idx + 1).bounds());
        line.cells.extend(row.cells.iter().zip(places));
    }
    lines.retain(|line| MIN_LINE <= line.cells.len());
    lines.sort_by(|a, b| a.bounds.middle_y().total_cmp(&b.bounds.middle_y()));
    if MAX_LINES < lines.len() {
        // The zone is at the bottom of every document.
        lines.drain(..lines.len() - MAX_LINES);
    }
    lines
}

fn is_piece(row: &Row) -> bool {
    let n_cells = row.cells.len();
    let n_fitting = row.cells.iter().filter(|cell| in_alphabet(cell.ch()).is_some()).count();
    let n_fillers = row.cells.iter().filter(|cell| in_alphabet(cell.ch()) == Some('<')).count();
    let n_digits = row.cells.iter().filter(|cell| cell.ch().is_ascii_digit()).count();
    let n_lower = row.cells.iter().filter(|cell| cell.ch().is_ascii_lowercase()).count();
    MIN_PIECE <= n_cells
        && n_cells * 17 <= n_fitting * 20
        && n_lower * 3 <= n_cells
        && (1 <= n_fillers || (20 <= n_cells && 10 <= n_digits))
}
