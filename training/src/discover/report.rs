//! What was found, as a table or as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

/// All groups.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Rows grouped.
    pub(super) n_rows: usize,
    /// Rows left out for want of text.
    pub(super) n_blank: usize,
    /// `kmeans` or `agglomerative`.
    pub(super) method: &'static str,
    /// `ngram` or `encoder`.
    pub(super) space: &'static str,
    /// Of everything drawn.
    pub(super) seed: u64,
    /// With the labels, where there are some.
    #[serde(flatten)]
    pub(super) agreement: Option<Agreement>,
    /// Largest first.
    pub(super) groups: Vec<Group>,
}

/// How far groups and labels say the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Agreement {
    /// Rows that have the most frequent label of their group, of those with a label.
    pub(super) purity: f32,
    /// Normalised mutual information, arithmetic mean; unlike purity it does not grow with the number of groups alone.
    pub(super) nmi: f32,
}

/// One group.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    /// Number, from 1.
    pub(super) cluster: usize,
    /// Rows.
    pub(super) size: usize,
    /// Of all rows.
    pub(super) share: f32,
    /// Mean cosine of its rows with its centre.
    pub(super) closeness: f32,
    /// Words that tell it apart, best first; each is in two rows or more.
    pub(super) terms: Vec<String>,
    /// The rows nearest to its centre.
    pub(super) central: Vec<Value>,
    /// Most frequent label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    /// Share of rows that have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purity: Option<f32>,
    /// Beginnings of the central rows, personal data masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) examples: Option<Vec<String>>,
}

impl Report {
    /// For a terminal.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{} 筆分為 {} 群(略過無文字 {} 筆;方法 {},空間 {},種子 {})\n",
            self.n_rows,
            self.groups.len(),
            self.n_blank,
            self.method,
            self.space,
            self.seed
        );
        if let Some(it) = self.agreement {
            let _ = writeln!(text, "與標籤比較:純度 {:.3},NMI {:.3}", it.purity, it.nmi);
        }
        text += "\n群\t筆數\t比例\t緊密度\t用語\t最中心的列";
        text += if self.agreement.is_some() { "\t最多的標籤\n" } else { "\n" };
        for it in &self.groups {
            let terms = if it.terms.is_empty() { "–".to_owned() } else { it.terms.join("、") };
            let shown = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            let central: Vec<String> = it.central.iter().map(shown).collect();
            let share = 100.0 * it.share;
            let _ = write!(
                text,
                "{}\t{}\t{share:.1}%\t{:.2}\t{terms}\t{}",
                it.cluster,
                it.size,
                it.closeness,
                central.join(",")
            );
            if let (Some(label), Some(purity)) = (&it.label, it.purity) {
                let _ = write!(text, "\t{label} {:.0}%", 100.0 * purity);
            }
            text.push('\n');
            for example in it.examples.iter().flatten() {
                let _ = writeln!(text, "\t\t\t\t「{example}」");
            }
        }
        text
    }
}

/// The most frequent value and how often it comes; the first in order of those alike.
pub(super) fn most_frequent<'a>(values: impl Iterator<Item = &'a str>) -> Option<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    values.for_each(|it| *counts.entry(it).or_default() += 1);
    let best = counts.into_iter().rev().max_by_key(|it| it.1)?;
    Some((best.0.to_owned(), best.1))
}

/// Compares groups with labels; none when no row has one.
pub(super) fn agreement(groups: &[usize], labels: &[Option<String>]) -> Option<Agreement> {
    let mut both: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let (mut by_group, mut by_label) = (BTreeMap::new(), BTreeMap::new());
    let mut n = 0_usize;
    for (group, label) in groups.iter().zip(labels) {
        let Some(label) = label.as_deref() else { continue };
        *both.entry((*group, label)).or_default() += 1;
        *by_group.entry(*group).or_insert(0_usize) += 1;
        *by_label.entry(label).or_insert(0_usize) += 1;
        n += 1;
    }
    if n == 0 {
        return None;
    }
    let mut largest: BTreeMap<usize, usize> = BTreeMap::new();
    for ((group, _), count) in &both {
        let most = largest.entry(*group).or_default();
        *most = (*most).max(*count);
    }
    let total = n as f64;
    let entropy = |counts: &mut dyn Iterator<Item = &usize>| -> f64 {
        counts.map(|it| *it as f64 / total).map(|it| -it * it.ln()).sum()
    };
    let shared: f64 = both
        .iter()
        .map(|((group, label), count)| {
            let expected = by_group[group] as f64 * by_label[label] as f64 / total;
            *count as f64 / total * (*count as f64 / expected).ln()
        })
        .sum();
    let mean = f64::midpoint(entropy(&mut by_group.values()), entropy(&mut by_label.values()));
    let purity = largest.values().sum::<usize>() as f64 / total;
    // One group of one label says all there is to say.
    let nmi = if mean == 0.0 { 1.0 } else { shared / mean };
    Some(Agreement { purity: narrow(purity), nmi: narrow(nmi) })
}

/// Four digits are enough for a report.
pub(super) fn round(value: f32) -> f32 {
    (value * 1e4).round() / 1e4
}

#[expect(clippy::cast_possible_truncation, reason = "four digits are kept")]
fn narrow(value: f64) -> f32 {
    round(value as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_is_measured() {
        let labels = |all: &[&str]| -> Vec<Option<String>> {
            all.iter().map(|it| (*it != "-").then(|| (*it).to_owned())).collect()
        };
        let check = |groups: &[usize], all: &[&str], purity: f32, nmi: f32| {
            let found = agreement(groups, &labels(all)).unwrap();
            assert!((found.purity - purity).abs() < 1e-3, "{found:?}");
            assert!((found.nmi - nmi).abs() < 1e-3, "{found:?}");
        };
        check(&[0, 0, 1, 1], &["甲", "甲", "乙", "乙"], 1.0, 1.0);
        check(&[0, 0, 1, 1], &["甲", "乙", "甲", "乙"], 0.5, 0.0);
        check(&[0, 1, 2, 3], &["甲", "甲", "乙", "乙"], 1.0, 2.0 / 3.0);
        check(&[0, 0, 0, 1], &["甲", "甲", "乙", "-"], 2.0 / 3.0, 0.0);
        assert_eq!(agreement(&[0], &[None]), None);
        assert_eq!(most_frequent(["乙", "甲"].into_iter()), Some(("乙".to_owned(), 1)));
    }
}
