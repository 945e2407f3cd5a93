//! The report of a run in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::idcard::tally::{Group, Rate, Summary};

/// The levels in the order of the columns.
pub(crate) const LEVELS: [&str; 3] = ["flat", "phone", "bad"];

/// Writes a summary as Markdown; `title` says what was read by what.
pub fn markdown(title: &str, summary: &Summary) -> String {
    let mut text = format!("# {title}\n\n");
    let counts: Vec<String> = LEVELS
        .iter()
        .filter_map(|it| summary.images.get(*it).map(|n| format!("{n} {it}")))
        .collect();
    text += &format!(
        "Synthetic documents: {} pictures, {} without an answer. Shares are in percent with Wilson 95 % intervals; \
         characters are compared after NFKC without blanks.\n\n",
        counts.join(" + "),
        summary.failed
    );
    overview(&mut text, summary);
    groups(&mut text, "Fields", "field", &summary.fields);
    groups(&mut text, "Documents", "document", &summary.documents);
    types(&mut text, summary);
    trust(&mut text, summary);
    text
}

fn overview(text: &mut String, summary: &Summary) {
    *text += "| level | fields exact | lines over fields exact | CER | type | MRZ lines exact | MRZ digits hold |\n";
    *text += "|---|---|---|---|---|---|---|\n";
    for level in LEVELS {
        let Some(group) = summary.levels.get(level) else { continue };
        let rate = |map: &BTreeMap<String, Rate>| map.get(level).copied().unwrap_or_default();
        line(
            text,
            &[
                level.to_owned(),
                show(group.exact),
                show(group.lines_exact),
                percent(group.cer()),
                show(rate(&summary.types)),
                show(rate(&summary.mrz)),
                show(rate(&summary.mrz_digits)),
            ],
        );
    }
    text.push('\n');
}

fn groups(
    text: &mut String,
    title: &str,
    what: &str,
    groups: &BTreeMap<String, BTreeMap<String, Group>>,
) {
    *text += &format!("## {title}\n\n| {what} |");
    for level in LEVELS {
        *text += &format!(" {level} exact | {level} CER |");
    }
    *text += "\n|---|---|---|---|---|---|---|\n";
    for (name, levels) in groups {
        let mut cells = vec![name.clone()];
        for level in LEVELS {
            let group = levels.get(level).copied().unwrap_or_default();
            cells.push(show(group.exact));
            cells.push(if group.length == 0 { "–".to_owned() } else { percent(group.cer()) });
        }
        line(text, &cells);
    }
    text.push('\n');
}

fn types(text: &mut String, summary: &Summary) {
    if summary.types_by_document.is_empty() {
        return;
    }
    *text += "## Document type\n\n| document | right |\n|---|---|\n";
    for (name, rate) in &summary.types_by_document {
        line(text, &[name.clone(), show(*rate)]);
    }
    text.push('\n');
}

fn trust(text: &mut String, summary: &Summary) {
    *text += "## Trust\n\n| status | values | wrong |\n|---|---|---|\n";
    for (status, n) in &summary.by_status {
        let wrong = summary.wrong_by_status.get(status).copied().unwrap_or(0);
        line(text, &[status.clone(), n.to_string(), wrong.to_string()]);
    }
    *text += "\n| check | result |\n|---|---|\n";
    let verified = summary.wrong_by_status.get("verified").copied().unwrap_or(0);
    line(text, &["wrong values with status `verified`".to_owned(), verified.to_string()]);
    line(text, &["repaired identity numbers right".to_owned(), show(summary.number_repairs)]);
    line(text, &["other repaired values right".to_owned(), show(summary.other_repairs)]);
    line(
        text,
        &["wrong check digits flagged `invalid`".to_owned(), show(summary.wrong_digits_flagged)],
    );
    let extra: usize = summary.extra.values().sum();
    let names: Vec<String> = summary.extra.iter().map(|(name, n)| format!("{name} {n}")).collect();
    line(
        text,
        &["values where nothing is printed".to_owned(), format!("{extra} ({})", names.join(", "))],
    );
    line(text, &["expected calibration error".to_owned(), percent(summary.calibration_error)]);
    *text += "\n| confidence at least | answered | right among them | wrong |\n|---|---|---|---|\n";
    for row in &summary.coverage {
        let wrong = row.right.n - row.right.k;
        let threshold = format!("{:.3}", row.threshold);
        line(text, &[threshold, show(row.covered), show(row.right), wrong.to_string()]);
    }
    *text += "\n| confidence | values | mean confidence | right |\n|---|---|---|---|\n";
    for (idx, bin) in summary.bins.iter().enumerate().filter(|(_, bin)| bin.right.n > 0) {
        let mean = bin.confidence / bin.right.n as f64;
        let range = format!(
            "0.{idx}–{}",
            if idx == 9 { "1.0".to_owned() } else { format!("0.{}", idx + 1) }
        );
        line(text, &[range, bin.right.n.to_string(), percent(mean), show(bin.right)]);
    }
}

fn line(text: &mut String, cells: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// `97.50 (95.1–98.7) of 320`.
fn show(rate: Rate) -> String {
    let Some(share) = rate.share() else { return "–".to_owned() };
    let (low, high) = rate.interval();
    format!("{} ({:.1}–{:.1}) of {}", percent(share), 100.0 * low, 100.0 * high, rate.n)
}

#[cfg(test)]
mod tests {
    use super::{Group, Rate, Summary, markdown};

    #[test]
    fn tables_have_their_numbers() {
        let mut summary = Summary::default();
        let rate = Rate { k: 9, n: 10 };
        let group = Group { exact: rate, lines_exact: rate, edits: 1, length: 50 };
        summary.images.insert("flat".into(), 4);
        summary.levels.insert("flat".into(), group);
        summary.fields.entry("name".into()).or_default().insert("flat".into(), group);
        summary.wrong_by_status.insert("verified".into(), 2);
        let text = markdown("Title", &summary);
        for expected in [
            "# Title",
            "4 flat pictures, 0 without an answer",
            "| flat | 90.00 (59.6–98.2) of 10 | 90.00 (59.6–98.2) of 10 | 2.00 | – | – | – |",
            "| name | 90.00 (59.6–98.2) of 10 | 2.00 | – | – | – | – |",
            "| wrong values with status `verified` | 2 |",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
