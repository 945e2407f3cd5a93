//! The report of the questions, in Markdown and JSON.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::score::{Share, Summary};

/// Writes `report.md` and `report.json` into a folder.
///
/// # Errors
/// When a file cannot be written.
pub fn write(folder: &Path, summary: &Summary) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let files = [
        ("report.md", markdown(summary).into_bytes()),
        ("report.json", serde_json::to_vec_pretty(summary)?),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// A summary as Markdown.
pub fn markdown(summary: &Summary) -> String {
    let way = if summary.words_only { "words only" } else { "words and meanings" };
    let mut text = format!(
        "# Questions answered from {} sources, {way}\n\n\
         Sources are indexed without their questions; each question is asked once. Shares in % with 95 % Wilson intervals.\n\n\
         | part | questions | R@1 | R@5 | MRR | kept | kept, half of the departments | right of answered | refused: no source | refused: source removed | refusal precision | ECE |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
        summary.n_sources
    );
    line(&mut text, "test", summary);
    if let Some(dev) = &summary.dev {
        line(&mut text, "dev (weights and threshold learnt here)", dev);
    }
    text += "\n| refused, of questions without a source (test) | n | share |\n|---|---|---|\n";
    for (kind, it) in &summary.refused {
        let _ = writeln!(text, "| {kind} | {} | {} |", it.n, share(*it));
    }
    let (all, mean) = (summary.refused_outside, 100.0 * summary.refused_mean);
    let _ =
        writeln!(text, "| all | {} | {} |\n| mean of the kinds | | {mean:.1} |", all.n, share(all));
    if let Some(time) = &summary.time {
        let _ = write!(
            text,
            "\nOne question after another on {} sources, encoding included: p50 {:.1} ms, p95 {:.1} ms; \
             an index is opened in {:.0} ms.\n",
            time.n_sources, time.p50_ms, time.p95_ms, time.open_ms
        );
    }
    text
}

fn line(text: &mut String, part: &str, it: &Summary) {
    let cells = [
        share(it.r_at_1),
        share(it.r_at_5),
        format!("{:.3}", it.mrr),
        share(it.kept),
        share(it.kept_of_half),
        share(it.right_of_answered),
        share(it.refused_outside),
        share(it.refused_removed),
        share(it.refusal_precision),
        format!("{:.3}", it.ece),
    ];
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {part} | {} | {} |", it.r_at_1.n, cells.join(" | "));
}

fn share(it: Share) -> String {
    let (low, high) = it.interval;
    format!("{:.1} ({:.1}–{:.1})", 100.0 * it.share, 100.0 * low, 100.0 * high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_its_numbers() {
        let share = Share { k: 7, n: 10, share: 0.7, interval: (0.397, 0.892) };
        let dev = Some(Box::new(Summary { n_sources: 9, r_at_1: share, ..Summary::default() }));
        let summary = Summary { n_sources: 9, r_at_1: share, mrr: 0.8, dev, ..Summary::default() };
        let text = markdown(&summary);
        assert!(text.contains("| test | 10 | 70.0 (39.7–89.2) |"), "{text}");
        assert!(text.contains("| dev (weights and threshold learnt here) | 10 | 70.0"), "{text}");
    }
}
