//! How far an answer may be used before a person reads the case, and whether the promised precision still holds.
//!
//! A promise made from old data breaks when the letters change. So the sure answers that officers have reviewed are
//! counted, and a service whose promise is broken falls back to suggestions by itself.

use std::collections::BTreeMap;

use crate::pipeline::classify::{Confidence, is_below};
use crate::store::{Review, StoreError};
use crate::task::call::Task;
use crate::task::idcard::ModelInfo;
use crate::task::prediction::{LabelReview, Promise, ServiceStatistics, Verdict};
use crate::task::text::{Automation, Label};

use super::{ActiveModel, DOCUMENTS, LETTERS, Routing, internal};

/// Fewer reviewed answers say nothing about the promise.
const MIN_REVIEWED: usize = 30;
/// Normal quantile of a 95 % interval.
const Z: f64 = 1.959_964;

/// Which units' answers may be preselected or applied.
#[derive(Clone, Debug, PartialEq)]
pub struct AutomationRules {
    /// Of units without a row.
    pub default: Automation,
    /// By path; a unit without a row takes its parent's.
    pub units: BTreeMap<String, Automation>,
    /// Probability from which an answer may be applied.
    pub automatic_from: f32,
    /// Newest reviewed answers that the promise is checked on.
    pub n_reviewed: usize,
}

impl Default for AutomationRules {
    /// Suggestions for everybody.
    fn default() -> AutomationRules {
        AutomationRules {
            default: Automation::Suggest,
            units: BTreeMap::new(),
            automatic_from: 0.98,
            n_reviewed: 200,
        }
    }
}

impl AutomationRules {
    /// How far an answer may be used, by its unit and probability alone.
    fn level(&self, unit: Option<&str>, probability: f32) -> Automation {
        match self.allowed(unit) {
            Automation::Automatic if probability < self.automatic_from => Automation::Preselect,
            allowed => allowed,
        }
    }

    fn allowed(&self, unit: Option<&str>) -> Automation {
        let mut path = unit.unwrap_or_default();
        loop {
            if let Some(level) = self.units.get(path) {
                return *level;
            }
            match path.rsplit_once('/') {
                Some((parent, _)) => path = parent,
                None => return self.default,
            }
        }
    }
}

impl Routing {
    /// How far an answer may be used: never farther than a suggestion when it is not sure or the promise is broken.
    pub(super) fn automation(
        &self,
        task: Task,
        is_sure: bool,
        first: Option<(Option<&str>, f32)>,
    ) -> Automation {
        let rules = match task {
            Task::Documents => &self.settings.documents.automation,
            _ => &self.settings.letters.automation,
        };
        match first {
            Some((unit, probability)) if is_sure && !self.is_broken(task) => {
                rules.level(unit, probability)
            }
            _ => Automation::Suggest,
        }
    }

    /// The same of ranked labels.
    pub(super) fn automation_of(&self, task: Task, is_sure: bool, labels: &[Label]) -> Automation {
        let first = labels.first().map(|it| (it.unit.as_deref(), it.score));
        self.automation(task, is_sure, first)
    }

    fn is_broken(&self, task: Task) -> bool {
        self.promises().get(name(task)).is_some_and(|it| it.promise.is_broken())
    }

    /// Counts reviewed answers anew; says so in the log when a promise breaks or holds again.
    pub fn remeasure(&self) {
        for task in [Task::Letters, Task::Documents] {
            let Some(model) = self.model(task) else { continue };
            match self.measure(task, &model) {
                Ok(measured) => {
                    let is_broken = measured.promise.is_broken();
                    let before = self.promises().insert(name(task), measured);
                    if before.is_some_and(|it| it.promise.is_broken()) != is_broken {
                        tracing::warn!(
                            service = name(task),
                            is_broken,
                            "the promised precision was checked"
                        );
                    }
                }
                Err(error) => {
                    internal(&error);
                }
            }
        }
    }

    /// What officers' reviews say about the answers of both services.
    pub fn statistics(&self) -> Vec<ServiceStatistics> {
        self.remeasure();
        self.promises().values().cloned().collect()
    }

    fn measure(&self, task: Task, model: &ActiveModel) -> Result<ServiceStatistics, StoreError> {
        let rules = match task {
            Task::Documents => &self.settings.documents.automation,
            _ => &self.settings.letters.automation,
        };
        let info = model.info.clone();
        let reviews = self.store.reviews(name(task), &info.version, rules.n_reviewed).wait()?;
        let settings = model.classifier.settings();
        let confidence = settings.fused.as_ref().map_or(&settings.linear, |it| &it.confidence);
        Ok(count(name(task), info, confidence, &reviews))
    }
}

/// The store's name of a service.
fn name(task: Task) -> &'static str {
    match task {
        Task::Documents => DOCUMENTS,
        _ => LETTERS,
    }
}

/// Counts reviews. A case that was discarded says nothing about its label.
fn count(
    service: &'static str,
    model: ModelInfo,
    confidence: &Confidence,
    reviews: &[Review],
) -> ServiceStatistics {
    let mut labels: BTreeMap<String, LabelReview> = BTreeMap::new();
    let (mut n_reviewed, mut n_right, mut n_sure, mut n_sure_right) = (0, 0, 0, 0);
    for Judged { first, score, is_unit, is_right } in reviews.iter().filter_map(judged) {
        let threshold = confidence.unit_threshold.filter(|_| is_unit);
        let is_sure = threshold.unwrap_or_else(|| confidence.threshold_of(&first)) <= score;
        n_reviewed += 1;
        n_right += usize::from(is_right);
        n_sure += usize::from(is_sure);
        n_sure_right += usize::from(is_sure && is_right);
        let row =
            labels.entry(first.clone()).or_insert(LabelReview { label: first, n: 0, n_right: 0 });
        row.n += 1;
        row.n_right += usize::from(is_right);
    }
    ServiceStatistics {
        service,
        model,
        n_reviewed,
        n_right,
        promise: Promise {
            precision: confidence.precision,
            n: n_sure,
            n_right: n_sure_right,
            interval: wilson(n_sure_right, n_sure),
            min_reviewed: MIN_REVIEWED,
        },
        labels: labels.into_values().collect(),
    }
}

/// What the last word says of an answer.
pub(super) struct Judged {
    /// The label that was answered first.
    pub(super) first: String,
    /// Its probability.
    pub(super) score: f32,
    /// Whether it is a unit that was answered for its unsure sections.
    is_unit: bool,
    /// Whether it was right.
    pub(super) is_right: bool,
}

/// Holds an answer against the last word on it; a case that was discarded says nothing, nor does an answer without labels.
pub(super) fn judged(review: &Review) -> Option<Judged> {
    if review.verdict == Verdict::Discarded.as_str() {
        return None;
    }
    let given: Vec<(String, f32)> = serde_json::from_str(&review.given).unwrap_or_default();
    let (first, score) = given.first().cloned()?;
    // A unit that was answered for its unsure sections has a promise of its own, and each of them is in it.
    let is_unit = given.iter().any(|it| is_below(&it.0, &first));
    let held = |label: &str| label == first || (is_unit && is_below(label, &first));
    let is_right =
        review.verdict == Verdict::Accepted.as_str() || review.label.as_deref().is_some_and(held);
    Some(Judged { first, score, is_unit, is_right })
}

/// Wilson's 95 % interval of `k` of `n` (E. B. Wilson, JASA 22, 1927).
pub(super) fn wilson(k: usize, n: usize) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (n as f64, k as f64 / n as f64);
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_row_counts() {
        let rules = AutomationRules {
            units: BTreeMap::from([
                ("M/戶政司".to_owned(), Automation::Automatic),
                ("M/戶政司/第二科".to_owned(), Automation::Suggest),
                ("M".to_owned(), Automation::Preselect),
            ]),
            ..AutomationRules::default()
        };
        let check = |unit: Option<&str>, probability, expected| {
            assert_eq!(rules.level(unit, probability), expected, "{unit:?} {probability}");
        };
        check(Some("M/戶政司"), 0.99, Automation::Automatic);
        check(Some("M/戶政司/第一科"), 0.98, Automation::Automatic);
        check(Some("M/戶政司/第一科"), 0.97, Automation::Preselect);
        check(Some("M/戶政司/第二科"), 0.99, Automation::Suggest);
        check(Some("M/民政司"), 0.99, Automation::Preselect);
        check(Some("X/民政司"), 0.99, Automation::Suggest);
        check(None, 0.99, Automation::Suggest);
    }

    fn review(score: f32, verdict: Verdict, label: Option<&str>) -> Review {
        Review {
            given: format!(r#"[["甲",{score}],["乙",0.1]]"#),
            verdict: verdict.as_str().to_owned(),
            label: label.map(str::to_owned),
        }
    }

    fn counted(reviews: &[Review]) -> ServiceStatistics {
        let confidence = Confidence { threshold: 0.8, precision: 0.95, ..Confidence::plain() };
        let model =
            ModelInfo { name: String::new(), version: String::new(), sha256: String::new() };
        count(LETTERS, model, &confidence, reviews)
    }

    #[test]
    fn sure_answers_are_held_against_the_promise() {
        let found = counted(&[
            review(0.9, Verdict::Accepted, None),
            review(0.9, Verdict::Corrected, Some("甲")),
            review(0.9, Verdict::Corrected, Some("乙")),
            review(0.9, Verdict::Discarded, None),
            review(0.7, Verdict::Corrected, Some("乙")),
        ]);
        assert_eq!((found.n_reviewed, found.n_right), (4, 2));
        assert_eq!((found.promise.n, found.promise.n_right), (3, 2));
        assert_eq!(found.labels, [LabelReview { label: "甲".to_owned(), n: 4, n_right: 2 }]);
        assert!(!found.promise.is_broken(), "three reviews say nothing");
    }

    #[test]
    fn a_unit_is_right_for_each_of_its_sections() {
        let of_unit = |score: f32, label: &str| Review {
            given: format!(r#"[["甲",{score}],["甲/一科",0.5],["甲/二科",0.4]]"#),
            ..review(0.0, Verdict::Corrected, Some(label))
        };
        let reviews = [of_unit(0.75, "甲/二科"), of_unit(0.75, "乙"), of_unit(0.65, "甲")];
        let confidence =
            Confidence { threshold: 0.8, unit_threshold: Some(0.7), ..Confidence::plain() };
        let model =
            ModelInfo { name: String::new(), version: String::new(), sha256: String::new() };
        let found = count(LETTERS, model, &confidence, &reviews);
        assert_eq!((found.n_right, found.promise.n, found.promise.n_right), (2, 2, 1));
    }

    #[test]
    fn a_promise_breaks_beyond_doubt_only() {
        let good = review(0.9, Verdict::Accepted, None);
        let bad = review(0.9, Verdict::Corrected, Some("乙"));
        let check = |n_good: usize, n_bad: usize, expected| {
            let reviews = [vec![good.clone(); n_good], vec![bad.clone(); n_bad]].concat();
            assert_eq!(counted(&reviews).promise.is_broken(), expected, "{n_good} {n_bad}");
        };
        check(0, 29, false);
        check(27, 3, false);
        check(20, 10, true);
        check(180, 20, true);
        check(188, 12, false);
    }

    #[test]
    fn intervals_are_wilsons() {
        // Of statsmodels: proportion_confint(3, 4, method="wilson").
        let [low, high] = wilson(3, 4);
        assert!((low - 0.300_642).abs() < 1e-4 && (high - 0.954_413).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
    }
}
