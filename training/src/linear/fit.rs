//! From rows to planes: the training texts of chosen rows, solved for labels and for the coarser ones.

use fenwen::engine::linear::{LinearParts, LinearSpec};

use super::corpus::{Corpus, spec};
use super::recipe::Recipe;
use super::rows::Rows;
use super::solver::{Examples, Plane, Settings, solve_all};

/// Every training text of a file, counted once for all folds.
pub(crate) struct Prepared {
    /// What the model looks at.
    pub(crate) spec: LinearSpec,
    corpus: Corpus,
    sources: Vec<Source>,
    /// Number of each row's coarser label, and how many there are.
    parents: Option<(Vec<usize>, usize)>,
}

/// Where a training text comes from.
#[derive(Clone, Copy)]
struct Source {
    /// Row that it belongs to; none for the name of a label and its duties.
    row: Option<usize>,
    label: usize,
    weight: f32,
}

/// One trained classifier, before it is quantised.
pub(crate) struct Fitted {
    idf: Vec<f32>,
    planes: Vec<Plane>,
}

/// What training runs with beside recipe and rows.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    /// Threads, at least 1.
    pub(crate) threads: usize,
    /// Called after each solved class.
    pub(crate) done: &'a (dyn Fn() + Sync),
}

impl Prepared {
    /// Counts the training texts of `rows`; rows come first, in their order.
    pub(crate) fn new(rows: &Rows, inputs: &[String], recipe: &Recipe) -> Prepared {
        let spec = spec(&recipe.views, inputs, &rows.labels);
        let mut texts: Vec<Vec<&str>> = Vec::new();
        let mut sources = Vec::new();
        for (idx, row) in rows.rows.iter().enumerate() {
            texts.push(row.texts.iter().map(String::as_str).collect());
            sources.push(Source { row: Some(idx), label: row.label, weight: 1.0 });
        }
        for (idx, row) in rows.rows.iter().enumerate() {
            for (part, text) in &row.extra {
                let weight = recipe.extra[*part].weight;
                texts.push(vec![text]);
                sources.push(Source { row: Some(idx), label: row.label, weight });
            }
        }
        for (label, duty) in &rows.duties {
            texts.push(vec![&duty.text; inputs.len()]);
            sources.push(Source { row: None, label: *label, weight: recipe.duties.weight });
        }
        let names = short_names(&rows.labels);
        if 0.0 < recipe.label_names {
            for (label, name) in names.iter().enumerate() {
                texts.push(vec![name]);
                sources.push(Source { row: None, label, weight: recipe.label_names });
            }
        }
        let corpus = Corpus::new(&spec, &recipe.views, &texts);
        Prepared { spec, corpus, sources, parents: parents(rows) }
    }

    /// Number of classes that a fit solves, for progress.
    pub(crate) fn n_problems(&self) -> usize {
        self.spec.classes.len() + self.parents.as_ref().map_or(0, |it| it.1)
    }

    /// Trains on the rows that `is_used` names.
    pub(crate) fn fit(
        &self,
        recipe: &Recipe,
        is_used: impl Fn(usize) -> bool,
        run: Run<'_>,
    ) -> Fitted {
        let chosen: Vec<usize> = (0..self.sources.len())
            .filter(|it| self.sources[*it].row.is_none_or(&is_used))
            .collect();
        let idf = self.corpus.idf(&chosen);
        let examples = Examples {
            rows: chosen.iter().map(|it| self.corpus.values(*it, &idf)).collect(),
            weights: chosen.iter().map(|it| self.sources[*it].weight).collect(),
            n_features: idf.len(),
            constant: 1.0,
            start: Vec::new(),
        };
        let settings = Settings {
            part: &recipe.solver,
            seed: recipe.seed,
            threads: run.threads,
            done: run.done,
        };
        let labels: Vec<usize> = chosen.iter().map(|it| self.sources[*it].label).collect();
        let mut planes = solve_all(&examples, &labels, self.spec.classes.len(), &settings);
        if let (Some((parents, n_parents)), Some(part)) = (&self.parents, &recipe.parent) {
            let coarse: Vec<usize> = labels.iter().map(|it| parents[*it]).collect();
            let above = solve_all(&examples, &coarse, *n_parents, &settings);
            for (plane, parent) in planes.iter_mut().zip(parents) {
                plane.add(&above[*parent], part.weight);
            }
        }
        Fitted { idf, planes }
    }

    /// The scores that `fitted` gives to a row.
    pub(crate) fn scores(&self, fitted: &Fitted, row: usize) -> Vec<f32> {
        let values = self.corpus.values(row, &fitted.idf);
        fitted.planes.iter().map(|it| it.score(&values)).collect()
    }

    /// The model to be written: features that weigh something, ascending by key.
    pub(crate) fn parts(&self, fitted: &Fitted) -> LinearParts {
        let used: Vec<usize> = (0..fitted.idf.len()).filter(|it| 0.0 < fitted.idf[*it]).collect();
        let mut weights = Vec::with_capacity(used.len() * fitted.planes.len());
        for feature in &used {
            weights.extend(fitted.planes.iter().map(|it| it.weights[*feature]));
        }
        LinearParts {
            spec: self.spec.clone(),
            keys: used.iter().map(|it| self.corpus.keys[*it]).collect(),
            idf: used.iter().map(|it| fitted.idf[*it]).collect(),
            weights,
            bias: fitted.planes.iter().map(|it| it.bias).collect(),
        }
    }
}

/// The coarser label of each label, numbered; none where rows have none. A label's parent is that of its first row, else
/// of its first duty; a label of which only duties are known may have none and is its own.
fn parents(rows: &Rows) -> Option<(Vec<usize>, usize)> {
    let mut of_label: Vec<Option<&str>> = vec![None; rows.labels.len()];
    for row in &rows.rows {
        of_label[row.label] = of_label[row.label].or(row.parent.as_deref());
    }
    let mut has_rows = vec![false; rows.labels.len()];
    rows.rows.iter().for_each(|it| has_rows[it.label] = true);
    for (label, duty) in &rows.duties {
        let own = (!has_rows[*label]).then_some(rows.labels[*label].as_str());
        of_label[*label] = of_label[*label].or(duty.parent.as_deref()).or(own);
    }
    let named: Vec<&str> = of_label.into_iter().collect::<Option<Vec<&str>>>()?;
    let mut names = named.clone();
    names.sort_unstable();
    names.dedup();
    let number = |it: &&str| names.binary_search(it).unwrap_or(0);
    Some((named.iter().map(number).collect(), names.len()))
}

/// Labels without the beginning that all of them share.
fn short_names(labels: &[String]) -> Vec<String> {
    let Some(first) = labels.first() else { return Vec::new() };
    let shared = first
        .char_indices()
        .map(|(at, ch)| at + ch.len_utf8())
        .take_while(|end| labels.iter().all(|it| it.starts_with(&first[..*end])))
        .last()
        .unwrap_or(0);
    labels.iter().map(|it| it[shared..].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::duties::Duty;
    use crate::linear::recipe::ViewPart;
    use crate::linear::rows::Row;
    use fenwen::engine::linear::{LinearModel, Scratch};
    use fenwen::media::text::Normalised;

    fn rows() -> Rows {
        let row = |text: &str, label: usize| Row {
            texts: vec![text.to_owned()],
            extra: vec![(0, "稻米".to_owned())],
            label,
            parent: Some(["內政", "內政", "農業"][label].to_owned()),
        };
        let texts =
            [("土地登記", 0), ("土地測量", 0), ("兵役抽籤", 1), ("替代兵役", 1), ("農田水利", 2)];
        Rows {
            rows: texts.iter().map(|(text, label)| row(text, *label)).collect(),
            labels: ["市府地政局", "市府役政局", "市府農業局"].map(str::to_owned).to_vec(),
            duties: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn recipe() -> Recipe {
        toml::from_str(
            "name = 'n'\nlabel_names = 1\n[[views]]\norders = [1, 2]\n[[extra]]\ncolumn = 'a'\nweight = 0.1\n\
             [parent]\ncolumn = 'p'\nweight = 0.3",
        )
        .unwrap()
    }

    #[test]
    fn the_written_model_scores_as_the_fitted_one() {
        written_as_fitted(&recipe());
        let mut shared = recipe();
        let part = |share| ViewPart { share: Some(share), ..ViewPart::of(&[1, 2]) };
        shared.views = vec![part(0.4), ViewPart { head: Some(2), ..part(0.6) }];
        written_as_fitted(&shared);
    }

    fn written_as_fitted(recipe: &Recipe) {
        let rows = rows();
        let prepared = Prepared::new(&rows, &["text".to_owned()], recipe);
        assert_eq!(prepared.n_problems(), 5);
        let fitted = prepared.fit(recipe, |_| true, Run { threads: 2, done: &|| () });
        let model = LinearModel::load(&prepared.parts(&fitted).to_bytes().unwrap()).unwrap();
        for (idx, row) in rows.rows.iter().enumerate() {
            let text = Normalised::new(&row.texts[0]);
            let features = model.features(&[text.chars()], &mut Scratch::default());
            let scores = model.scores(&features);
            for (a, b) in scores.iter().zip(prepared.scores(&fitted, idx)) {
                assert!((a - b).abs() < 0.03, "{a} {b}");
            }
            let best = (0..3).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
            assert_eq!(best, row.label);
        }
    }

    #[test]
    fn rows_left_out_teach_nothing() {
        let (rows, recipe) = (rows(), recipe());
        let prepared = Prepared::new(&rows, &["text".to_owned()], &recipe);
        let run = Run { threads: 1, done: &|| () };
        let without = prepared.fit(&recipe, |row| row != 4, run);
        let with = prepared.fit(&recipe, |_| true, run);
        assert!(prepared.scores(&without, 4)[2] < prepared.scores(&with, 4)[2]);
    }

    #[test]
    fn a_unit_without_rows_is_known_by_its_duties() {
        let (mut rows, recipe) = (rows(), recipe());
        rows.labels.push("市府戶政局".to_owned());
        let duty = |text: &str| Duty {
            unit: "市府戶政局".to_owned(),
            text: text.to_owned(),
            parent: None,
        };
        rows.duties = vec![(3, duty("戶籍登記")), (3, duty("國民身分證"))];
        let labels = rows.labels.clone();
        let text =
            Row {
                texts: vec!["補發身分證".to_owned()], extra: Vec::new(), ..rows.rows[0].clone()
            };
        rows.rows.push(text);
        let prepared = Prepared::new(&rows, &["text".to_owned()], &recipe);
        // The coarser labels stay, the new one is one of its own.
        assert_eq!(prepared.n_problems(), 4 + 3);
        let run = Run { threads: 1, done: &|| () };
        let fitted = prepared.fit(&recipe, |row| row < 5, run);
        let scores = prepared.scores(&fitted, 5);
        let best = (0..4).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        assert_eq!(labels[best], "市府戶政局", "{scores:?}");
    }

    #[test]
    fn names_lose_what_they_share() {
        let labels = ["臺北市政府", "臺北市圖書館", "臺北大學"].map(str::to_owned);
        assert_eq!(short_names(&labels), ["市政府", "市圖書館", "大學"]);
    }
}
