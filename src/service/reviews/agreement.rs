//! Agreement between officers: what a second opinion says of the first.

use std::collections::BTreeMap;

use crate::base::Date;
use crate::store::reviews::ReviewPair;
use crate::task::prediction::Verdict;
use crate::task::review::{Agreement, Kappa};

/// Label of a case that an officer discarded: agreeing on that is agreeing.
const NO_CASE: &str = "";

/// Agreement of pairs by kind and month, in order.
pub(super) fn agreements(pairs: &[ReviewPair]) -> Vec<Agreement> {
    let mut groups: BTreeMap<(&'static str, String), Vec<(String, String)>> = BTreeMap::new();
    for pair in pairs {
        let day = Date::in_taiwan(pair.at);
        let month = format!("{:04}-{:02}", day.year, day.month);
        let labels = (label(&pair.first, &pair.given), label(&pair.second, &pair.given));
        groups.entry((pair.kind.as_str(), month)).or_default().push(labels);
    }
    let agreement =
        |((kind, month), pairs): (_, Vec<_>)| Agreement { kind, month, kappa: kappa(&pairs) };
    groups.into_iter().map(agreement).collect()
}

/// What an officer meant: the label that was given, where it was accepted.
fn label((verdict, label): &(String, Option<String>), given: &str) -> String {
    if verdict == Verdict::Discarded.as_str() {
        return NO_CASE.to_owned();
    }
    let first = || {
        let given: Vec<(String, f32)> = serde_json::from_str(given).unwrap_or_default();
        given.into_iter().next().map(|it| it.0).unwrap_or_default()
    };
    label.clone().unwrap_or_else(first)
}

/// Cohen's kappa of pairs of labels.
pub fn kappa(pairs: &[(String, String)]) -> Kappa {
    let n = pairs.len();
    if n == 0 {
        return Kappa { n, observed: 0.0, expected: 0.0, value: None };
    }
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (first, second) in pairs {
        counts.entry(first).or_default().0 += 1;
        counts.entry(second).or_default().1 += 1;
    }
    let n_equal = pairs.iter().filter(|(first, second)| first == second).count();
    // Whole numbers as long as possible: where every pair agrees by chance, that is exactly one.
    let by_chance: usize = counts.values().map(|(first, second)| first * second).sum();
    let observed = n_equal as f64 / n as f64;
    let expected = by_chance as f64 / (n * n) as f64;
    let value = (by_chance < n * n).then(|| (observed - expected) / (1.0 - expected));
    Kappa { n, observed, expected, value }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::store::reviews::ReviewKind;

    use super::*;

    fn check(pairs: &[(&str, &str, usize)], expected: Option<f64>) {
        let pair = |it: &(&str, &str, usize)| vec![(it.0.to_owned(), it.1.to_owned()); it.2];
        let found = kappa(&pairs.iter().flat_map(pair).collect::<Vec<_>>());
        let is_near = match (found.value, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 5e-4,
            (found, expected) => found == expected,
        };
        assert!(is_near, "{pairs:?}: {found:?}");
    }

    #[test]
    fn agreement_beyond_chance() {
        // Worked by hand: observed 35/50, expected 0.5 × 0.6 + 0.5 × 0.4 = 0.5.
        check(&[("a", "a", 20), ("a", "b", 5), ("b", "a", 10), ("b", "b", 15)], Some(0.4));
        check(&[("a", "a", 3), ("b", "b", 4)], Some(1.0));
        check(&[("a", "b", 1), ("b", "a", 1)], Some(-1.0));
        // As often as by chance.
        check(&[("a", "a", 1), ("a", "b", 1), ("b", "a", 1), ("b", "b", 1)], Some(0.0));
        // Three labels: observed 0.75, expected (2 × 2 + 1 × 0 + 1 × 2) / 16.
        check(&[("a", "a", 2), ("b", "c", 1), ("c", "c", 1)], Some(0.6));
        check(&[("a", "a", 9)], None);
        check(&[], None);
    }

    #[test]
    fn pairs_are_counted_by_kind_and_month_in_taiwan() {
        let pair = |kind, at, first: (&str, Option<&str>), second: (&str, Option<&str>)| {
            let own = |it: (&str, Option<&str>)| (it.0.to_owned(), it.1.map(str::to_owned));
            let given = r#"[["x",0.9],["y",0.1]]"#.to_owned();
            ReviewPair { kind, at, given, first: own(first), second: own(second) }
        };
        // 2026-11-30T16:00:00Z is the first of December in Taiwan.
        let december = Duration::from_secs(1_796_054_400);
        let november = december - Duration::from_secs(1);
        let (accepted, discarded) = (("accepted", None), ("discarded", None));
        let other = ("corrected", Some("y"));
        let found = agreements(&[
            pair(ReviewKind::Letter, november, accepted, ("corrected", Some("x"))),
            pair(ReviewKind::Letter, november, other, discarded),
            pair(ReviewKind::Letter, december, discarded, discarded),
            pair(ReviewKind::Document, december, other, accepted),
        ]);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.kind, it.month.as_str(), it.kappa.n, it.kappa.observed))
            .collect();
        assert_eq!(
            found,
            [
                ("document", "2026-12", 1, 0.0),
                ("letter", "2026-11", 2, 0.5),
                ("letter", "2026-12", 1, 1.0)
            ]
        );
    }
}
