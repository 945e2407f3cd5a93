//! The report on speech in Markdown.

use std::fmt::Write as _;

use super::{Summary, timing};

/// Writes a summary.
pub(super) fn markdown(summary: &Summary) -> String {
    let mut text = format!("# Speech heard by {}\n\n", summary.reader);
    text += "Character errors in percent with 95 % intervals over clips; both sides in Traditional characters with numbers\n\
             in digits, without marks and blanks. Telephone copies: 300–3400 Hz at 8 kHz, G.711; noise and losses on A-law.\n\n\
             | set | condition | clips | characters | CER (95 %) |\n|---|---|---|---|---|\n";
    for row in summary.rows.iter().filter(|it| 0 < it.n_chars) {
        let percent = |it: f64| format!("{:.1}", 100.0 * it);
        let cer = &row.cer;
        let cells = [
            row.set.clone(),
            row.condition.clone(),
            row.n_clips.to_string(),
            row.n_chars.to_string(),
            format!("{} ({}–{})", percent(cer.rate), percent(cer.low), percent(cer.high)),
        ];
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text += "\n## Sounds without words\n\n| sound | text |\n|---|---|\n";
    for row in summary.rows.iter().filter(|it| it.n_chars == 0) {
        let found = if row.n_invented == 0 { "none" } else { "**invented**" };
        let _ = writeln!(text, "| {} | {found} |", row.condition);
    }
    if let Some(found) = &summary.timing {
        text += &timing::markdown(found);
    }
    if let (Some(wall), Some(cpu), Some(peak)) =
        (summary.wall_per_second, summary.cpu_per_second, summary.peak_mib)
    {
        let _ = writeln!(
            text,
            "\n{:.0} s of sound; wall {wall:.3} and processor {cpu:.3} seconds for each; at most {peak:.0} MiB.",
            summary.seconds_of_sound
        );
    }
    text
}
