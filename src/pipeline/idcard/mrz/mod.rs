//! Machine-readable zones (ICAO 9303): found among the lines, aligned, checked, corrected where provable, taken apart.

mod align;
mod digit;
mod layout;
mod locate;
mod names;
mod solve;

use crate::base::{Date, IdNumber, Private, Sex};
use crate::media::Quad;
use crate::pipeline::idcard::lexicon::is_country_code;
use crate::pipeline::idcard::text::{Bounds, Row};
use crate::task::idcard::{Mrz, MrzFormat};
use align::{Aligned, Column, align};
use layout::{Checked, Layout, Slot};
use locate::{Candidate, candidates};
use solve::Zone;

/// Costs of what speaks against a reading of the whole zone.
const COST_FAILING_DIGIT: f32 = 4.0;
/// More than two failing digits: what begins with P is a passport, however badly its second line was read.
const COST_WRONG_CODE: f32 = 9.0;
const COST_UNKNOWN_STATE: f32 = 1.5;
const COST_SKIPPED_LINE: f32 = 1.0;
/// A zone of which no check digit holds needs characters this certain (cost per column).
const MAX_COST_UNPROVEN: f32 = 0.5;

/// Letters, and digits, of like shape in OCR-B, for codes of states.
const ALIKE_LETTERS: [&str; 9] = ["DOQ0", "I1L", "MNHW", "UVW", "EF", "BR8P", "CG6", "KX", "Z2"];

/// One value of the zone.
#[derive(Clone)]
pub(crate) struct Part {
    /// Without fillers; dates as ISO 8601.
    pub(crate) value: String,
    /// As in the zone, after correction.
    pub(crate) raw: String,
    /// Lowest probability of its characters.
    pub(crate) p: f32,
    pub(crate) quad: Quad,
    /// Whether its own check digit holds; `None` where it has none.
    pub(crate) digit: Option<bool>,
    /// Whether the check digits leave no other likely reading.
    pub(crate) proven: bool,
    /// Whether a character is not what was read.
    pub(crate) repaired: bool,
}

/// A zone and what it says.
pub(crate) struct Found {
    pub(crate) mrz: Mrz,
    pub(crate) issuer: String,
    pub(crate) name: Part,
    pub(crate) number: Part,
    pub(crate) nationality: Part,
    pub(crate) birth: Part,
    pub(crate) expiry: Part,
    pub(crate) sex: Option<(Sex, Part)>,
    pub(crate) personal: Option<Part>,
    /// Around the whole zone.
    pub(crate) bounds: Bounds,
}

/// Finds the machine-readable zone of a page. `today` decides the century of its dates.
pub(crate) fn find(rows: &[Row], today: Date) -> Option<Found> {
    let lines = candidates(rows);
    let (zone, bounds) = Layout::all()
        .into_iter()
        .filter_map(|layout| best_zone(&lines, layout))
        .min_by(|a, b| a.cost.total_cmp(&b.cost))
        .map(|it| (it.zone, it.bounds))?;
    Some(take_apart(&zone, bounds, today))
}

struct Scored {
    zone: Zone,
    bounds: Bounds,
    cost: f32,
}

/// The best choice of lines for one format, solved.
fn best_zone(lines: &[Candidate<'_>], layout: Layout) -> Option<Scored> {
    let aligned: Vec<Vec<Aligned>> = (0..layout.n_lines)
        .map(|line| lines.iter().map(|candidate| align(candidate, &layout, line)).collect())
        .collect();
    choices(lines.len(), layout.n_lines)
        .into_iter()
        .filter_map(|choice| {
            let picked: Option<Vec<Aligned>> = choice
                .iter()
                .zip(&aligned)
                .map(|(&idx, of_line)| of_line.get(idx).cloned())
                .collect();
            let picked = picked?;
            let n_skipped = choice.last()? - choice.first()? + 1 - choice.len();
            let cost: f32 = picked.iter().map(|it| it.cost).sum();
            let cost = cost + COST_SKIPPED_LINE * n_skipped as f32;
            let bounds = choice
                .iter()
                .filter_map(|&idx| lines.get(idx).map(|it| it.bounds))
                .reduce(Bounds::with)?;
            score(Zone::new(layout.clone(), picked), bounds, cost)
        })
        .min_by(|a, b| a.cost.total_cmp(&b.cost))
}

/// Ascending choices of `n` of `of` lines.
fn choices(of: usize, n: usize) -> Vec<Vec<usize>> {
    let mut found: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..n {
        found = found
            .into_iter()
            .flat_map(|choice| {
                let from = choice.last().map_or(0, |it| it + 1);
                (from..of).map(move |idx| choice.iter().copied().chain([idx]).collect())
            })
            .collect();
    }
    found
}

fn score(mut zone: Zone, bounds: Bounds, cost: f32) -> Option<Scored> {
    let layout = zone.layout.clone();
    mend_code(&mut zone);
    if let Some(columns) = zone
        .lines
        .get_mut(layout.names.line)
        .and_then(|it| it.get_mut(layout.names.columns.clone()))
    {
        names::tidy(columns);
    }
    let issuer = Slot { line: 0, columns: 2..5 };
    mend_state(&mut zone, &issuer);
    mend_state(&mut zone, &layout.nationality);
    mend_personal(&mut zone, &issuer);
    zone.solve();
    let text = |slot: &Slot| plain(&zone.chars(slot));
    let is_coded =
        text(&Slot { line: 0, columns: 0..1 }).starts_with(|ch| layout.codes.contains(ch));
    let n_unknown =
        [&issuer, &layout.nationality].into_iter().filter(|it| !is_country_code(&text(it))).count();
    let n_columns = (layout.n_lines * layout.line_len) as f32;
    let n_digits = layout.checked().len() + usize::from(layout.composite.is_some());
    let n_failing = zone.n_failing();
    let is_proven = 2 <= n_digits - n_failing;
    let is_likely = is_coded && n_unknown == 0 && cost / n_columns < MAX_COST_UNPROVEN;
    if !is_proven && !is_likely {
        return None;
    }
    let doubts = COST_FAILING_DIGIT * n_failing as f32
        + COST_UNKNOWN_STATE * n_unknown as f32
        + if is_coded { 0.0 } else { COST_WRONG_CODE };
    Some(Scored { zone, bounds, cost: cost + doubts })
}

/// The second character of the document code is nearly always a filler: it gets lost, or is read as K.
fn mend_code(zone: &mut Zone) {
    let state = |from: usize| plain(&zone.chars(&Slot { line: 0, columns: from..from + 3 }));
    let is_shifted = is_country_code(&state(1)) && !is_country_code(&state(2));
    let Some(line) = zone.lines.first_mut() else { return };
    if is_shifted && line.last().is_some_and(|last| last.ch == '<') {
        if let Some(tail) = line.get_mut(1..) {
            tail.rotate_right(1);
        }
    } else if let Some(column) = line.get_mut(1).filter(|column| column.ch == 'K') {
        column.ch = '<';
    }
}

/// Replaces a code that no state has by the one code that the alternatives spell, else by the one a look-alike spells.
fn mend_state(zone: &mut Zone, slot: &Slot) {
    let read = zone.chars(slot);
    if is_country_code(&plain(&read)) {
        return;
    }
    let mut spelled: Vec<Vec<char>> = vec![Vec::new()];
    for column in zone.columns(slot) {
        spelled = spelled
            .into_iter()
            .flat_map(|head| {
                column
                    .options
                    .iter()
                    .map(move |(ch, _)| head.iter().copied().chain([*ch]).collect())
            })
            .collect();
    }
    spelled.retain(|chars| is_country_code(&plain(chars)));
    let only = match spelled.as_slice() {
        [only] => only.clone(),
        [] => match alike_state(&read) {
            Some(only) => only,
            None => return,
        },
        _ => return,
    };
    if let Some(columns) =
        zone.lines.get_mut(slot.line).and_then(|line| line.get_mut(slot.columns.clone()))
    {
        columns.iter_mut().zip(only).for_each(|(column, ch)| column.ch = ch);
    }
}

/// Passports of Taiwan carry the national identity number, which begins with a letter and has a checksum of its own.
fn mend_personal(zone: &mut Zone, issuer: &Slot) {
    if plain(&zone.chars(issuer)) != "TWN" {
        return;
    }
    let Some(slot) = zone.layout.personal.as_ref().map(|it| it.value.clone()) else { return };
    let read = plain(&zone.chars(&slot));
    let Some(first) = zone.columns(&slot).first() else { return };
    if !first.ch.is_ascii_digit() || read.len() != IdNumber::LEN {
        return;
    }
    let letters = first.options.iter().map(|(ch, _)| *ch).filter(char::is_ascii_uppercase);
    let fits = |ch: &char| {
        read.get(1..).is_some_and(|rest| IdNumber::checksum_holds(&format!("{ch}{rest}")))
    };
    let fitting: Vec<char> = letters.filter(fits).collect();
    let column = zone.lines.get_mut(slot.line).and_then(|it| it.get_mut(slot.columns.start));
    if let ([only], Some(column)) = (fitting.as_slice(), column) {
        column.ch = *only;
    }
}

/// The one code that differs from what was read in one letter of like shape.
fn alike_state(read: &[char]) -> Option<Vec<char>> {
    let mut found: Vec<Vec<char>> = Vec::new();
    for (idx, ch) in read.iter().enumerate() {
        let groups = ALIKE_LETTERS.iter().filter(|group| group.contains(*ch));
        for other in groups.flat_map(|group| group.chars()).filter(|it| it != ch) {
            let mut code = read.to_vec();
            if let Some(at) = code.get_mut(idx) {
                *at = other;
            }
            if is_country_code(&plain(&code)) && !found.contains(&code) {
                found.push(code);
            }
        }
    }
    if found.len() == 1 { found.pop() } else { None }
}

fn plain(chars: &[char]) -> String {
    let text: String = chars.iter().collect();
    text.trim_end_matches('<').to_owned()
}

fn take_apart(zone: &Zone, bounds: Bounds, today: Date) -> Found {
    let layout = &zone.layout;
    let (surname, given) = names::split(zone.columns(&layout.names));
    let mut name = part(zone, &layout.names, bounds);
    let issuer = plain(&zone.chars(&Slot { line: 0, columns: 2..5 }));
    let given = names::as_printed(&issuer, &given);
    name.value = if given.is_empty() { surname } else { format!("{surname}, {given}") };
    let mut number = checked_part(zone, &layout.number, bounds);
    if let Some((chars, _)) = zone.long_number(&layout.number) {
        number.value = chars.into_iter().collect();
    }
    let mut birth = checked_part(zone, &layout.birth, bounds);
    birth.value = date_of(&birth.raw, |date| date <= today, today);
    let mut expiry = checked_part(zone, &layout.expiry, bounds);
    expiry.value = date_of(&expiry.raw, |_| true, today);
    let sex_slot = Slot { line: layout.sex.0, columns: layout.sex.1..layout.sex.1 + 1 };
    let sex_part = part(zone, &sex_slot, bounds);
    let sex = match sex_part.raw.as_str() {
        "M" => Some((Sex::Male, sex_part)),
        "F" => Some((Sex::Female, sex_part)),
        _ => None,
    };
    Found {
        issuer,
        name,
        number,
        nationality: part(zone, &layout.nationality, bounds),
        birth,
        expiry,
        sex,
        personal: personal(zone, bounds),
        bounds,
        mrz: Mrz {
            format: layout.format,
            lines: zone
                .lines
                .iter()
                .map(|line| Private::new(line.iter().map(|it| it.ch).collect()))
                .collect(),
            check_digits: zone.check_digits(),
            repaired: zone.is_repaired(),
        },
    }
}

/// Personal number of a passport, else the optional data of a card, when not empty.
fn personal(zone: &Zone, bounds: Bounds) -> Option<Part> {
    let part = match (&zone.layout.personal, zone.layout.free.first()) {
        (Some(checked), _) => checked_part(zone, checked, bounds),
        (None, Some(slot)) if zone.layout.format == MrzFormat::Td1 => part(zone, slot, bounds),
        _ => return None,
    };
    Some(part).filter(|it| !it.value.is_empty())
}

fn checked_part(zone: &Zone, checked: &Checked, bounds: Bounds) -> Part {
    let holds = zone.holds(checked);
    Part {
        digit: Some(holds),
        proven: holds && !zone.has_rival(checked),
        ..part(zone, &checked.value, bounds)
    }
}

fn part(zone: &Zone, slot: &Slot, bounds: Bounds) -> Part {
    let columns = zone.columns(slot);
    let raw: String = columns.iter().map(|it| it.ch).collect();
    let inked: Vec<&Column> = columns.iter().filter(|it| it.ch != '<').collect();
    let quad =
        inked.iter().filter_map(|it| it.bounds).reduce(Bounds::with).unwrap_or(bounds).quad();
    Part {
        value: raw.trim_matches('<').to_owned(),
        p: inked.iter().map(|it| it.p).reduce(f32::min).unwrap_or(0.0),
        quad,
        digit: None,
        proven: false,
        repaired: columns
            .iter()
            .any(|it| it.read.is_some_and(|read| read != it.ch && it.ch != '<')),
        raw,
    }
}

/// `YYMMDD` in the century nearest to today that `fits`; empty when it is no date at all.
fn date_of(raw: &str, fits: impl Fn(Date) -> bool, today: Date) -> String {
    let number = |from: usize| raw.get(from..from + 2).and_then(|it| it.parse::<u8>().ok());
    let (Some(year), Some(month), Some(day)) = (number(0), number(2), number(4)) else {
        return String::new();
    };
    let century = |century: u16| Date { year: century + u16::from(year), month, day };
    let distance = |date: &Date| today.year.abs_diff(date.year);
    let dates = [century(1900), century(2000)];
    let fitting = dates.into_iter().filter(|date| fits(*date)).min_by_key(distance);
    fitting.unwrap_or(century(1900)).to_string()
}

#[cfg(test)]
mod tests;
