//! The report of a classifier in Markdown.

use std::fmt::Write as _;

use super::score::{Share, Summary, Unit};
use crate::idcard::tally::Rate;

/// Writes a summary as Markdown; `title` says what was scored on what.
pub fn markdown(title: &str, summary: &Summary) -> String {
    let mut text = format!("# {title}\n\n");
    text += &table(summary);
    text += "\n## Coverage and precision\n\nThe most confident answers first; the last row is the model's own choice.\n\n\
             | automatic | probability at least | right among them |\n|---|---|---|\n";
    for it in summary.coverage.iter().chain([&summary.automatic]) {
        line(&mut text, &coverage_cells(it));
    }
    text += "\n![coverage, precision and calibration](confidence.png)\n\n## Calibration\n\n\
             | probability | answers | mean | right |\n|---|---|---|---|\n";
    for (idx, bin) in summary.bins.iter().enumerate().filter(|(_, it)| 0 < it.right.n) {
        let mean = bin.probability / bin.right.n as f64;
        let range = format!("0.{idx}–");
        line(&mut text, &[range, bin.right.n.to_string(), format!("{mean:.3}"), rate(bin.right)]);
    }
    text += "\n## Units\n\nNumbers are those of the rows and columns of the confusion matrix.\n\n\
             | # | unit | n | recall | answered | precision | F1 |\n|---|---|---|---|---|---|---|\n";
    for (idx, (name, unit)) in summary.units.iter().enumerate() {
        line(&mut text, &unit_cells(idx + 1, name, *unit));
    }
    text += "\n![confusion matrix](confusion.png)\n\n## Most frequent confusions\n\n\
             | true | answered | n |\n|---|---|---|\n";
    for (truth, answered, n) in confusions(summary).into_iter().take(20) {
        line(&mut text, &[truth.to_owned(), answered.to_owned(), n.to_string()]);
    }
    text
}

/// The table for a terminal: the five numbers with intervals.
pub fn table(summary: &Summary) -> String {
    let mut text = String::from(
        "| n | accuracy (95 %) | macro-F1 (95 %) | top-3 (95 %) | ECE (95 %) |\n|---|---|---|---|---|\n",
    );
    let interval = |(low, high): (f64, f64)| format!("{low:.3}–{high:.3}");
    line(
        &mut text,
        &[
            summary.n.to_string(),
            format!("{:.4} ({})", summary.accuracy, interval(summary.accuracy_interval)),
            format!("{:.4} ({})", summary.macro_f1, interval(summary.macro_f1_interval)),
            format!("{:.4} ({})", summary.top3, interval(summary.top3_interval)),
            format!("{:.4} ({})", summary.ece, interval(summary.ece_interval)),
        ],
    );
    let it = &summary.automatic;
    let _ = writeln!(
        text,
        "\nWithout a person: {:.1} %, of which right {:.2} % ({:.1}–{:.1}). Labels unknown to the model: {} rows; \
         left out (no text or no label): {} rows.",
        100.0 * it.coverage,
        100.0 * it.precision,
        100.0 * it.interval.0,
        100.0 * it.interval.1,
        summary.unknown_label,
        summary.skipped
    );
    let it = &summary.by_unit;
    if 0.0 < it.coverage {
        let _ = writeln!(
            text,
            "\nThe unit alone, where no section was sure: {:.1} %, of which right {:.2} % ({:.1}–{:.1}).",
            100.0 * it.coverage,
            100.0 * it.precision,
            100.0 * it.interval.0,
            100.0 * it.interval.1
        );
    }
    text
}

fn coverage_cells(it: &Share) -> [String; 3] {
    let (low, high) = it.interval;
    [
        format!("{:.1} %", 100.0 * it.coverage),
        format!("{:.3}", it.threshold),
        format!("{:.2} ({:.1}–{:.1})", 100.0 * it.precision, 100.0 * low, 100.0 * high),
    ]
}

fn unit_cells(number: usize, name: &str, unit: Unit) -> [String; 7] {
    [
        number.to_string(),
        name.to_owned(),
        unit.n.to_string(),
        rate(Rate { k: unit.right, n: unit.n }),
        unit.answered.to_string(),
        rate(Rate { k: unit.right, n: unit.answered }),
        format!("{:.3}", unit.f1()),
    ]
}

/// Wrong answers by true and answered label, most frequent first.
fn confusions(summary: &Summary) -> Vec<(&str, &str, usize)> {
    let mut all: Vec<(&str, &str, usize)> = summary
        .confusion
        .iter()
        .flat_map(|(truth, row)| {
            row.iter().map(move |(answered, n)| (truth.as_str(), answered.as_str(), *n))
        })
        .filter(|(truth, answered, _)| truth != answered)
        .collect();
    all.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(b.0)).then(a.1.cmp(b.1)));
    all
}

fn rate(rate: Rate) -> String {
    let Some(share) = rate.share() else { return "–".to_owned() };
    let (low, high) = rate.interval();
    format!("{:.1} ({:.0}–{:.0})", 100.0 * share, 100.0 * low, 100.0 * high)
}

fn line(text: &mut String, cells: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::super::score::{Answer, summarise};
    use super::*;

    #[test]
    fn tables_have_their_numbers() {
        let answer = |truth: &str, label: &str, probability: f32| Answer {
            truth: truth.to_owned(),
            ranked: vec![(label.to_owned(), probability)],
            unit: None,
            requires_human: probability < 0.5,
        };
        let answers = [
            answer("甲", "甲", 0.95),
            answer("甲", "乙", 0.4),
            answer("乙", "乙", 0.85),
            answer("乙", "甲", 0.3),
        ];
        let labels = ["甲", "乙"].map(str::to_owned);
        let text = markdown("Title", &summarise(&answers, &labels, 1));
        for expected in [
            "# Title",
            "| 4 | 0.5000 (0.150–0.850) | 0.5000 (",
            "Without a person: 50.0 %, of which right 100.00 %",
            "| 1 | 乙 | 2 | 50.0 (9–91) | 2 |",
            "| 0.9– | 1 | 0.950 | 100.0 (21–100) |",
            "| 甲 | 乙 | 1 |",
            "left out (no text or no label): 1 rows",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
