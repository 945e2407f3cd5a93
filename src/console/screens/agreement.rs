//! The part of 模型與評測 about officers among themselves: Cohen's kappa, and what it means in words.

use crate::console::format;
use crate::console::text::quality::AgreementText;
use crate::task::review::Agreement;

/// Fewer pairs are a hint only.
const FEW: usize = 30;

/// Agreement of one kind in one month.
pub(super) struct AgreementView {
    pub(super) kind: &'static str,
    pub(super) month: String,
    pub(super) pairs: usize,
    pub(super) observed: String,
    pub(super) expected: String,
    pub(super) kappa: String,
    pub(super) means: &'static str,
    /// That it is a hint only, where there are few pairs.
    pub(super) few: &'static str,
}

/// The rows, the newest month first.
pub(super) fn view(found: Vec<Agreement>, t: &AgreementText) -> Vec<AgreementView> {
    let mut found = found;
    found.sort_by(|one, other| (&other.month, one.kind).cmp(&(&one.month, other.kind)));
    let row = |it: Agreement| AgreementView {
        kind: match it.kind {
            "letter" => t.letter,
            "document" => t.document,
            _ => t.other,
        },
        month: it.month,
        pairs: it.kappa.n,
        observed: format::percent(it.kappa.observed),
        expected: format::percent(it.kappa.expected),
        kappa: it.kappa.value.map_or("–".to_owned(), |it| format!("{it:.2}")),
        means: means(it.kappa.value, t),
        few: if it.kappa.n < FEW { t.few } else { "" },
    };
    found.into_iter().map(row).collect()
}

/// Grades after J. R. Landis and G. G. Koch, Biometrics 33, 1977.
fn means(kappa: Option<f64>, t: &AgreementText) -> &'static str {
    match kappa {
        None => t.undefined,
        Some(value) if value < 0.0 => t.below,
        Some(value) if value <= 0.2 => t.slight,
        Some(value) if value <= 0.4 => t.fair,
        Some(value) if value <= 0.6 => t.moderate,
        Some(value) if value <= 0.8 => t.substantial,
        Some(_) => t.perfect,
    }
}

#[cfg(test)]
mod tests {
    use crate::console::text::Lang;
    use crate::task::review::Kappa;

    use super::*;

    fn agreement(kind: &'static str, month: &str, n: usize, value: Option<f64>) -> Agreement {
        let kappa = Kappa { n, observed: 0.7, expected: 0.5, value };
        Agreement { kind, month: month.to_owned(), kappa }
    }

    #[test]
    fn the_newest_month_comes_first_and_says_what_it_means() {
        let t = AgreementText::of(Lang::Zh);
        let found = view(
            vec![
                agreement("letter", "2026-10", 50, Some(0.4)),
                agreement("letter", "2026-11", 29, None),
                agreement("document", "2026-11", 30, Some(0.81)),
            ],
            t,
        );
        let rows: Vec<_> =
            found.iter().map(|it| (it.month.as_str(), it.kind, it.kappa.as_str())).collect();
        let expected =
            [("2026-11", "公文", "0.81"), ("2026-11", "信件", "–"), ("2026-10", "信件", "0.40")];
        assert_eq!(rows, expected);
        let said: Vec<_> = found.iter().map(|it| (it.means, it.few)).collect();
        assert_eq!(said, [(t.perfect, ""), (t.undefined, t.few), (t.fair, "")]);
        let grades = [(-0.1, t.below), (0.0, t.slight), (0.6, t.moderate), (0.8, t.substantial)];
        for (value, grade) in grades {
            assert_eq!(means(Some(value), t), grade);
        }
    }
}
