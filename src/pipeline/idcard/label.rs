//! Finds printed labels in a row, although a character may be misread, lost or of another form.

use crate::media::text::is_han;
use crate::pipeline::idcard::text::{Cell, Row, Span};
use crate::task::idcard::FieldName;

/// Rows and characters beyond these are not searched: no document has them, and search must stay cheap.
const MAX_ROWS: usize = 160;
const MAX_CELLS: usize = 120;

/// Cost of a character that only an alternative gives.
const COST_ALTERNATIVE: f32 = 0.4;
/// Cost of a Chinese character for a letter, or the reverse: no misreading.
const COST_OTHER_SCRIPT: f32 = 1.6;

/// A label and the fields it announces; none when it only ends another value.
pub(crate) type Label = (&'static str, &'static [FieldName]);

/// The fields of a text that announces none.
const NONE: &[FieldName] = &[];

/// A label found in a row, or text between labels.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) span: Span<'a>,
    pub(crate) row_idx: usize,
    /// Fields that the label announces; `None` for text that is no label.
    pub(crate) label: Option<&'static [FieldName]>,
}

/// Cuts rows into labels and the text between them, in reading order.
///
/// `words` are values that contain a label, 無國籍: there the label is none.
pub(crate) fn segments<'a>(
    rows: &'a [Row],
    labels: &[Label],
    words: &[&'static str],
) -> Vec<Segment<'a>> {
    let mut all = Vec::new();
    for (row_idx, row) in rows.iter().enumerate().take(MAX_ROWS) {
        let span = row.span().slice(0, MAX_CELLS);
        let mut at = 0;
        let push_text = |all: &mut Vec<Segment<'a>>, from: usize, to: usize| {
            let text = span.slice(from, to).trim(is_noise);
            if !text.is_empty() {
                all.push(Segment { span: text, row_idx, label: None });
            }
        };
        let values = hits(span, &words.iter().map(|word| (*word, NONE)).collect::<Vec<Label>>());
        for hit in hits(span, labels) {
            let is_within = |word: &Hit| {
                word.cost == 0.0 && word.from <= hit.from && hit.to <= word.to && hit.len < word.len
            };
            if values.iter().any(is_within) {
                continue;
            }
            push_text(&mut all, at, hit.from);
            let label = span.slice(hit.from, hit.to);
            all.push(Segment { span: label, row_idx, label: Some(hit.fields) });
            at = hit.to;
        }
        push_text(&mut all, at, span.len());
    }
    all
}

/// Whether some row contains `text`; misread characters are forgiven in long texts only.
pub(crate) fn contains(rows: &[Row], text: &'static str) -> bool {
    let is_short = text.chars().count() <= 4;
    rows.iter().take(MAX_ROWS).any(|row| {
        let found = hits(row.span().slice(0, MAX_CELLS), &[(text, &[])]);
        found.iter().any(|hit| !is_short || hit.cost < 1.0)
    })
}

/// Print that belongs to no value. Not `|`: it may be the I that begins a number.
fn is_noise(ch: char) -> bool {
    matches!(ch, ':' | '/' | ';' | ',' | '_' | '\'' | '"' | '`' | '~' | '*' | '=' | '、' | '。')
}

struct Hit {
    from: usize,
    to: usize,
    cost: f32,
    fields: &'static [FieldName],
    len: usize,
}

fn hits(span: Span<'_>, labels: &[Label]) -> Vec<Hit> {
    let mut found: Vec<Hit> = Vec::new();
    for (text, fields) in labels {
        let text: Vec<char> = text.to_ascii_lowercase().chars().filter(|ch| *ch != ' ').collect();
        if is_possible(span.cells(), &text) {
            for from in 0..span.len() {
                found.extend(hit_at(span, from, &text, fields));
            }
        }
    }
    // The label that explains most characters wins; of two alike, the better match.
    found.sort_by(|a, b| {
        let gain = |it: &Hit| it.len as f32 - 2.0 * it.cost;
        gain(b).total_cmp(&gain(a)).then((a.to - a.from, a.from).cmp(&(b.to - b.from, b.from)))
    });
    let mut kept: Vec<Hit> = Vec::new();
    for hit in found {
        if kept.iter().all(|it| hit.to <= it.from || it.to <= hit.from) {
            kept.push(hit);
        }
    }
    kept.sort_by_key(|hit| hit.from);
    kept
}

/// The best match of a label that begins at `from`.
fn hit_at(span: Span<'_>, from: usize, text: &[char], fields: &'static [FieldName]) -> Option<Hit> {
    let n_text = text.len();
    let budget = budget(text);
    let longest = if budget < 1.0 { n_text } else { n_text + 1 };
    let shortest = if budget < 1.0 { n_text } else { n_text - 1 };
    let mut best: Option<Hit> = None;
    for len in shortest..=longest {
        let to = from + len;
        let is_unfit = span.len() < to
            || !stands_alone(span, from, to, text)
            || takes_digit(span.slice(from, to).cells(), text);
        if is_unfit {
            continue;
        }
        let cost = distance(span.slice(from, to).cells(), text);
        if cost <= budget && best.as_ref().is_none_or(|it| cost < it.cost) {
            best = Some(Hit { from, to, cost, fields, len: n_text });
        }
    }
    best
}

/// Whether a label would begin or end with a digit that it does not print: the digit is another text's.
fn takes_digit(cells: &[Cell], text: &[char]) -> bool {
    let is_foreign = |cell: Option<&Cell>, wanted: Option<&char>| {
        cell.zip(wanted).is_some_and(|(cell, wanted)| {
            cell.ch().is_ascii_digit() && 1.0 <= similarity(cell, *wanted)
        })
    };
    is_foreign(cells.first(), text.first()) || is_foreign(cells.last(), text.last())
}

fn budget(text: &[char]) -> f32 {
    match text.len() {
        0 | 1 => 0.0,
        2 => COST_ALTERNATIVE + 0.05,
        3 => 2.0 * COST_ALTERNATIVE,
        4 if is_latin(text) => COST_ALTERNATIVE + 0.05,
        4 => 1.0,
        5..8 => 1.4,
        n => n as f32 / 4.0,
    }
}

fn is_latin(text: &[char]) -> bool {
    text.iter().all(char::is_ascii)
}

/// Words of letters must not be parts of longer words; a label of one character stands apart from its neighbours.
fn stands_alone(span: Span<'_>, from: usize, to: usize, text: &[char]) -> bool {
    let cells = span.cells();
    let (Some(first), before, after) =
        (cells.get(from), from.checked_sub(1).and_then(|idx| cells.get(idx)), cells.get(to))
    else {
        return false;
    };
    if text.len() == 1 {
        // 名 also stands inside the names of places: 名間鄉.
        let may_follow_text = 2 < from && text != ['名'];
        return before.is_none_or(|it| first.gap || !is_han(it.ch()) || may_follow_text);
    }
    if !is_latin(text) {
        return true;
    }
    let joined_before = before.is_some_and(|it| it.ch().is_ascii_alphabetic() && !first.gap);
    let joined_after = after.is_some_and(|it| it.ch().is_ascii_lowercase() && !it.gap);
    !joined_before && !joined_after
}

/// Whether enough characters of the label occur at all; saves the exact comparison.
fn is_possible(cells: &[Cell], text: &[char]) -> bool {
    let n_missing =
        text.iter().filter(|ch| !cells.iter().any(|cell| similarity(cell, **ch) < 1.0)).count();
    n_missing as f32 <= budget(text)
}

/// Edit distance with cheaper substitutions for alternatives of the recogniser.
fn distance(cells: &[Cell], text: &[char]) -> f32 {
    let mut previous: Vec<f32> = (0..=text.len()).map(|n| n as f32).collect();
    for (row_idx, cell) in cells.iter().enumerate() {
        let mut current = vec![(row_idx + 1) as f32];
        for (idx, ch) in text.iter().enumerate() {
            let at = |row: &[f32], idx: usize| row.get(idx).copied().unwrap_or(f32::INFINITY);
            let best = (at(&previous, idx) + similarity(cell, *ch))
                .min(at(&previous, idx + 1) + 1.0)
                .min(at(&current, idx) + 1.0);
            current.push(best);
        }
        previous = current;
    }
    previous.last().copied().unwrap_or(f32::INFINITY)
}

/// 0 when the cell reads `wanted`, 1 when nothing suggests it, more across scripts.
fn similarity(cell: &Cell, wanted: char) -> f32 {
    match cell.labels().iter().position(|ch| *ch == wanted) {
        Some(0) => 0.0,
        Some(_) => COST_ALTERNATIVE,
        None if is_han(cell.ch()) != is_han(wanted) => COST_OTHER_SCRIPT,
        None => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::idcard::text::fixture::page;
    use crate::pipeline::idcard::text::rows;

    const LABELS: &[Label] = &[
        ("姓名", &[FieldName::Name]),
        ("性別", &[FieldName::Sex]),
        ("統一編號", &[FieldName::IdNumber]),
        ("Date of birth", &[FieldName::BirthDate]),
        ("Name", &[FieldName::Name]),
        ("SPECIMEN", &[]),
    ];

    fn check(text: &str, expected: &[&str]) {
        let rows = rows(&page(&[(0.0, 0.0, text)]));
        let found: Vec<String> = segments(&rows, LABELS, &["無姓名者"])
            .iter()
            .map(|it| format!("{}{}", if it.label.is_some() { "#" } else { "" }, it.span.compact()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn labels_and_values_are_cut_apart() {
        check("姓名陳筱玲", &["#姓名", "陳筱玲"]);
        check("姓 名: 陳 筱 玲", &["#姓名", "陳筱玲"]);
        check("性別 女 統一編號A234567890", &["#性別", "女", "#統一編號", "A234567890"]);
        check("统一编号 A234567890", &["#统一编号", "A234567890"]);
        check("統一編 A234567890", &["#統一編", "A234567890"]);
        check("統二編號A234567890", &["#統二編號", "A234567890"]);
        check("Date of birth 05 JUN 1957", &["#Dateofbirth", "05JUN1957"]);
        check("DATE OF B1RTH 05 JUN 1957", &["#DATEOFB1RTH", "05JUN1957"]);
        check("Surnames", &["Surnames"]);
        check("PECIMEN", &["#PECIMEN"]);
        check("30 JAN 2024ECIMEN", &["30JAN2024ECIMEN"]);
        check("陳筱玲", &["陳筱玲"]);
        check("性別 無姓名者", &["#性別", "無姓名者"]);
    }
}
