//! Puts the characters of a line into the columns of a format, by the least costly edit.

use crate::pipeline::idcard::mrz::layout::{Class, Layout};
use crate::pipeline::idcard::mrz::locate::Candidate;
use crate::pipeline::idcard::text::{Bounds, Cell};

/// Look-alikes in OCR-B: a digit, the letter most like it, letters somewhat like it.
const LOOKALIKES: [(char, &str, &str); 9] = [
    ('0', "O", "QDU"),
    ('1', "I", "LT"),
    ('2', "Z", ""),
    ('3', "", "J"),
    ('4', "", "A"),
    ('5', "S", ""),
    ('6', "G", ""),
    ('7', "", "T"),
    ('8', "B", ""),
];

/// Letters read for a filler, and for nothing else so often.
pub(crate) const FILLER_LETTERS: &str = "KCSELXR";

/// Costs are negative logarithms of probabilities; these are the edits'.
const COST_MAX: f32 = 7.0;
const COST_EXTRA_FILLER: f32 = 1.2;
const COST_EXTRA_NOISE: f32 = 0.6;
const COST_EXTRA_CHARACTER: f32 = 3.0;
const COST_LOST_FILLER: f32 = 0.9;
const COST_LOST_SECOND_FILLER: f32 = 2.0;
const COST_LOST_LONE_FILLER: f32 = 3.5;
const COST_LOST_CHARACTER: f32 = 6.0;
const COST_DOUBLE_FILLER: f32 = 0.2;
/// Probability that a digit was printed where its look-alike letter was read; numbers are mostly digits.
const P_DIGIT: f32 = 0.05;
/// Probability that a letter was printed where its look-alike digit was read, or a filler where a letter was.
const P_LETTER: f32 = 0.015;
/// Factor for letters that are only somewhat alike.
const P_WEAK: f32 = 0.2;
/// Probability of the look-alike where the column cannot hold what was read.
const P_FORCED: f32 = 0.5;

/// One column of an aligned line.
#[derive(Clone)]
pub(crate) struct Column {
    /// The character chosen.
    pub(crate) ch: char,
    /// What was read; `None` where a filler was put in.
    pub(crate) read: Option<char>,
    /// Probability that the recogniser gave to the character read.
    pub(crate) p: f32,
    /// Characters it may be, with their costs, cheapest first.
    pub(crate) options: Vec<(char, f32)>,
    /// Where.
    pub(crate) bounds: Option<Bounds>,
}

/// A line in the columns of a format.
#[derive(Clone)]
pub(crate) struct Aligned {
    pub(crate) columns: Vec<Column>,
    pub(crate) cost: f32,
}

/// The MRZ character that `ch` is or is always meant for.
pub(crate) fn in_alphabet(ch: char) -> Option<char> {
    match ch {
        'A'..='Z' | '0'..='9' | '<' => Some(ch),
        'a'..='z' => Some(ch.to_ascii_uppercase()),
        '«' | '‹' | '〈' | '《' | '≤' | 'く' | '＜' | '(' | '[' | '{' => Some('<'),
        _ => None,
    }
}

impl Candidate<'_> {
    fn read(&self, cell_idx: usize) -> Option<char> {
        self.cells.get(cell_idx).and_then(|(cell, _)| in_alphabet(cell.ch()))
    }

    /// Length of the run of fillers at or beside a cell.
    fn fillers_around(&self, cell_idx: usize) -> usize {
        let is_filler = |idx: &usize| self.read(*idx) == Some('<');
        let before = (0..cell_idx).rev().take_while(is_filler).count();
        before + (cell_idx..self.cells.len()).take_while(is_filler).count()
    }
}

/// Aligns a candidate with line `line` of `layout`.
pub(crate) fn align(candidate: &Candidate<'_>, layout: &Layout, line: usize) -> Aligned {
    let n_cells = candidate.cells.len();
    let n_columns = layout.line_len;
    let classes: Vec<Class> = (0..n_columns).map(|column| layout.class(line, column)).collect();
    let mut grid = Grid::new(n_cells, n_columns);
    for cell_idx in 0..=n_cells {
        for column in 0..=n_columns {
            let at = grid.at(cell_idx, column);
            if let Some((cell, _)) = candidate.cells.get(cell_idx) {
                grid.offer(cell_idx + 1, column, at + skip_cost(candidate, cell_idx), Step::Skip);
                if let Some(class) = classes.get(column) {
                    let cost = options(cell, *class).first().map_or(COST_MAX, |option| option.1);
                    grid.offer(cell_idx + 1, column + 1, at + cost, Step::Take);
                }
            }
            if let Some(class) = classes.get(column) {
                let cost = fill_cost(candidate, cell_idx, *class, line == 0 && column < 5);
                grid.offer(cell_idx, column + 1, at + cost, Step::Fill);
            }
        }
    }
    let columns = trace(candidate, &classes, &grid);
    Aligned { columns, cost: grid.at(n_cells, n_columns) }
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Skip,
    Take,
    Fill,
}

struct Grid {
    width: usize,
    cells: Vec<(f32, Step)>,
}

impl Grid {
    fn new(n_cells: usize, n_columns: usize) -> Grid {
        let width = n_columns + 1;
        let mut cells = vec![(f32::INFINITY, Step::Skip); (n_cells + 1) * width];
        if let Some(first) = cells.first_mut() {
            first.0 = 0.0;
        }
        Grid { width, cells }
    }

    fn at(&self, cell_idx: usize, column: usize) -> f32 {
        self.cells.get(cell_idx * self.width + column).map_or(f32::INFINITY, |it| it.0)
    }

    fn step(&self, cell_idx: usize, column: usize) -> Step {
        self.cells.get(cell_idx * self.width + column).map_or(Step::Skip, |it| it.1)
    }

    fn offer(&mut self, cell_idx: usize, column: usize, cost: f32, step: Step) {
        if let Some(it) = self.cells.get_mut(cell_idx * self.width + column)
            && cost < it.0
        {
            *it = (cost, step);
        }
    }
}

fn trace(candidate: &Candidate<'_>, classes: &[Class], grid: &Grid) -> Vec<Column> {
    let (mut cell_idx, mut column) = (candidate.cells.len(), classes.len());
    let mut columns = Vec::with_capacity(column);
    while 0 < cell_idx || 0 < column {
        match grid.step(cell_idx, column) {
            Step::Take if 0 < cell_idx && 0 < column => {
                cell_idx -= 1;
                column -= 1;
                let class = classes.get(column).copied().unwrap_or(Class::Any);
                columns.extend(
                    candidate.cells.get(cell_idx).map(|(cell, at)| taken(cell, *at, class)),
                );
            }
            Step::Skip if 0 < cell_idx => cell_idx -= 1,
            _ if 0 < column => {
                column -= 1;
                columns.push(Column {
                    ch: '<',
                    read: None,
                    p: 0.5,
                    options: vec![('<', 0.0)],
                    bounds: None,
                });
            }
            _ => break,
        }
    }
    columns.reverse();
    columns
}

fn taken(cell: &Cell, bounds: Bounds, class: Class) -> Column {
    let options = options(cell, class);
    let ch = options.first().map_or('<', |option| option.0);
    Column { ch, read: in_alphabet(cell.ch()), p: cell.p(), options, bounds: Some(bounds) }
}

/// What a cell may be in a column of `class`, with costs, cheapest first.
fn options(cell: &Cell, class: Class) -> Vec<(char, f32)> {
    let mut weights: Vec<(char, f32)> = Vec::new();
    let mut add = |ch: char, weight: f32| match weights.iter_mut().find(|it| it.0 == ch) {
        Some(it) => it.1 = it.1.max(weight),
        None => weights.push((ch, weight)),
    };
    for &(ch, p) in cell.options() {
        let Some(ch) = in_alphabet(ch) else { continue };
        if fits(ch, class) {
            add(ch, p);
        }
        let is_forced = !fits(ch, class);
        for (other, weight) in lookalikes(ch).filter(|(other, _)| fits(*other, class)) {
            let is_strong = P_LETTER <= weight;
            let forced = if is_strong { P_FORCED } else { P_FORCED * P_WEAK };
            add(other, p * if is_forced { forced } else { weight });
        }
        if FILLER_LETTERS.contains(ch) && fits('<', class) {
            add('<', p * if is_forced { P_FORCED } else { P_LETTER });
        }
    }
    let mut options: Vec<(char, f32)> = weights
        .into_iter()
        .map(|(ch, weight)| (ch, (-weight.max(1e-4).ln()).min(COST_MAX)))
        .collect();
    options.sort_by(|a, b| a.1.total_cmp(&b.1));
    options
}

/// Characters that `ch` may have been, with their probabilities.
fn lookalikes(ch: char) -> impl Iterator<Item = (char, f32)> {
    LOOKALIKES.iter().flat_map(move |&(digit, strong, weak)| {
        let strength = if weak.contains(ch) { P_WEAK } else { 1.0 };
        let is_letter = strong.contains(ch) || weak.contains(ch);
        let printed_digit = is_letter.then_some((digit, P_DIGIT * strength));
        let letters = |letters: &'static str, p: f32| {
            let letters = if ch == digit { letters } else { "" };
            letters.chars().map(move |letter| (letter, p))
        };
        letters(strong, P_LETTER).chain(letters(weak, P_LETTER * P_WEAK)).chain(printed_digit)
    })
}

fn fits(ch: char, class: Class) -> bool {
    match class {
        Class::Letter => ch.is_ascii_uppercase(),
        Class::Name => ch.is_ascii_uppercase() || ch == '<',
        Class::Digit => ch.is_ascii_digit(),
        Class::Optional => ch.is_ascii_digit() || ch == '<',
        Class::Any => true,
        Class::Sex => matches!(ch, 'M' | 'F' | 'X' | '<'),
    }
}

fn skip_cost(candidate: &Candidate<'_>, cell_idx: usize) -> f32 {
    match candidate.read(cell_idx) {
        None => COST_EXTRA_NOISE,
        Some('<') if 3 <= candidate.fillers_around(cell_idx) => COST_EXTRA_FILLER,
        Some(_) => COST_EXTRA_CHARACTER,
    }
}

/// Cost of a filler that was not read, before cell `cell_idx`: long runs lose some, short ones hardly ever.
fn fill_cost(candidate: &Candidate<'_>, cell_idx: usize, class: Class, is_head: bool) -> f32 {
    if !fits('<', class) || class == Class::Optional {
        return COST_LOST_CHARACTER;
    }
    let is_last = cell_idx == candidate.cells.len();
    let before = cell_idx.checked_sub(1).and_then(|idx| candidate.cells.get(idx));
    if before.is_some_and(|(cell, _)| matches!(cell.ch(), '«' | '《')) {
        return COST_DOUBLE_FILLER;
    }
    match candidate.fillers_around(cell_idx) {
        _ if is_head => COST_LOST_LONE_FILLER,
        0 if is_last => COST_LOST_FILLER,
        0 => COST_LOST_LONE_FILLER,
        1 | 2 if !is_last => COST_LOST_SECOND_FILLER,
        _ => COST_LOST_FILLER,
    }
}
