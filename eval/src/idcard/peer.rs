//! Another engine's lines, laid over the printed fields.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cards::truth::Spot;
use crate::idcard::overlap::share;
use crate::idcard::reader::Prediction;
use crate::idcard::text::{distance_within, fold};

/// A line belongs to a field when they share this much of the smaller of both.
const LEAST_SHARE: f32 = 0.25;

/// One line that an engine read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerLine {
    /// Text.
    pub text: String,
    /// Confidence, 0 to 1.
    #[serde(alias = "confidence")]
    pub score: f32,
    /// Where.
    #[serde(rename = "box")]
    pub quad: [Spot; 4],
}

#[derive(Deserialize)]
struct LinesRecord {
    image: String,
    lines: Vec<PeerLine>,
}

#[derive(Deserialize)]
struct AnswerRecord {
    image: String,
    answer: Prediction,
}

/// Reads `{"image": …, "lines": [{"text", "score", "box"}]}` records, one a line.
///
/// # Errors
/// When the file cannot be read or a record has another shape.
pub fn load_lines(path: &Path) -> Result<HashMap<String, Vec<PeerLine>>> {
    let records: Vec<LinesRecord> = load_records(path)?;
    Ok(records.into_iter().map(|it| (it.image, it.lines)).collect())
}

/// Reads `{"image": …, "answer": {…}}` records, one a line: answers of fenwen kept from an earlier run.
///
/// # Errors
/// When the file cannot be read or a record has another shape.
pub fn load_answers(path: &Path) -> Result<HashMap<String, Prediction>> {
    let records: Vec<AnswerRecord> = load_records(path)?;
    Ok(records.into_iter().map(|it| (it.image, it.answer)).collect())
}

/// Reads a file of one JSON value a line.
///
/// # Errors
/// When the file cannot be read or a line has another shape.
pub fn load_records<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("failed to read {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(idx, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}:{}: not the right shape", path.display(), idx + 1))
        })
        .collect()
}

/// The fewest wrong characters that the lines over `polygon` leave in `printed`, and the confidence of those lines;
/// `None` and all characters wrong when there is no such line.
pub fn best(polygon: &[Spot; 4], printed: &[char], lines: &[PeerLine]) -> (usize, Option<f32>) {
    let mut over: Vec<&PeerLine> =
        lines.iter().filter(|it| share(polygon, &it.quad) >= LEAST_SHARE).collect();
    sort_for_reading(polygon, &mut over);
    let texts: Vec<Vec<char>> = over.iter().map(|it| fold(&it.text)).collect();
    let joined = texts.concat();
    let edits = texts.iter().chain([&joined]).map(|it| distance_within(printed, it)).min();
    let confidence = over.iter().map(|it| it.score).reduce(f32::min);
    (edits.unwrap_or(printed.len()).min(printed.len()), confidence)
}

/// Puts lines in the reading order of a field: rows by the field's own down direction, then along its top edge.
fn sort_for_reading(polygon: &[Spot; 4], lines: &mut [&PeerLine]) {
    let [a, b, _, d] = polygon;
    let (right, down) = ([b[0] - a[0], b[1] - a[1]], [d[0] - a[0], d[1] - a[1]]);
    let along = |quad: &[Spot; 4], axis: [f32; 2]| {
        let length = axis[0].hypot(axis[1]).max(1e-3);
        let centre = [
            quad.iter().map(|it| it[0]).sum::<f32>() / 4.0,
            quad.iter().map(|it| it[1]).sum::<f32>() / 4.0,
        ];
        ((centre[0] - a[0]) * axis[0] + (centre[1] - a[1]) * axis[1]) / length
    };
    // Lines whose centres are closer than half the height of the thinnest are in one row.
    let height = lines.iter().map(|it| {
        let [p, _, _, q] = it.quad;
        (q[0] - p[0]).hypot(q[1] - p[1])
    });
    let row = height.fold(f32::INFINITY, f32::min).max(1.0) * 0.75;
    lines.sort_by(|x, y| {
        let rank = |it: &PeerLine| (along(&it.quad, down) / row).round();
        rank(x).total_cmp(&rank(y)).then(along(&x.quad, right).total_cmp(&along(&y.quad, right)))
    });
}

#[cfg(test)]
mod tests {
    use super::{PeerLine, best, fold};

    fn line(text: &str, x: f32, y: f32, width: f32) -> PeerLine {
        let quad = [[x, y], [x + width, y], [x + width, y + 20.0], [x, y + 20.0]];
        PeerLine { text: text.to_owned(), score: 0.8, quad }
    }

    fn check(printed: &str, lines: &[PeerLine], edits: usize) {
        let polygon = [[100.0, 0.0], [400.0, 0.0], [400.0, 50.0], [100.0, 50.0]];
        assert_eq!(best(&polygon, &fold(printed), lines).0, edits, "{printed}");
    }

    #[test]
    fn lines_join_in_reading_order() {
        check(
            "臺北市大安區三樓",
            &[line("三樓", 100.0, 30.0, 60.0), line("臺北市大安區", 100.0, 2.0, 200.0)],
            0,
        );
        check("一二三四", &[line("三四", 260.0, 2.0, 120.0), line("一二", 100.0, 3.0, 120.0)], 0);
        check("一二", &[line("住址 一二", 20.0, 2.0, 200.0)], 0);
        check("一二", &[line("一三", 110.0, 2.0, 200.0)], 1);
        check("一二", &[line("一二", 600.0, 2.0, 200.0)], 2);
        check("一二", &[], 2);
    }
}
