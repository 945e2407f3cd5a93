//! Methods for comparison, each through a library: SVM, random forest, MLP, on the n-grams of the recipe's views projected
//! to a few hundred numbers. They are scored out of fold on the very folds of the linear classifier, never served.

mod forest;
mod mlp;
mod score;
mod svm;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use ndarray::Array2;

use crate::linear::corpus::{Corpus, spec};
use crate::linear::fit::{Prepared, Run};
use crate::linear::recipe::{BaselinePart, Recipe};
use crate::linear::rows::Rows;
use crate::linear::{confidence, folds};
use crate::progress;
use crate::projection::Projection;
use score::{Report, Score};

/// What is compared.
pub(crate) struct Task<'a> {
    /// The recipe with its `[baseline]`.
    pub(crate) recipe: &'a Recipe,
    /// That section.
    pub(crate) part: &'a BaselinePart,
    /// Training rows.
    pub(crate) rows: &'a Rows,
    /// Names of the text columns.
    pub(crate) inputs: &'a [String],
    /// File that the rows come from.
    pub(crate) data: &'a Path,
    /// Folder to write.
    pub(crate) out: &'a Path,
    /// Threads, at least 1.
    pub(crate) threads: usize,
}

/// Rows of one fold, as numbers.
struct Split {
    train: Array2<f32>,
    labels: Vec<usize>,
    test: Array2<f32>,
}

/// What a method needs beside the rows.
#[derive(Clone, Copy)]
struct Setting {
    n_classes: usize,
    seed: u64,
}

/// Scores the baseline and the linear classifier on the same folds; writes and prints the report.
pub(crate) fn run(task: &Task<'_>, out: &mut impl Write) -> anyhow::Result<()> {
    let texts: Vec<String> = task.rows.rows.iter().map(|it| it.texts.join("\n")).collect();
    let groups = folds::groups(&texts);
    let labels: Vec<usize> = task.rows.rows.iter().map(|it| it.label).collect();
    let n_folds = task.recipe.confidence.folds;
    let folds = folds::assign(&groups, &labels, n_folds, task.recipe.seed);
    let bar = progress::bar(2 * n_folds, task.part.name());
    let start = Instant::now();
    let answers = task.baseline(&labels, &folds, &bar)?;
    let baseline = Score::of(&answers, &labels, task.rows.labels.len(), start.elapsed());
    let start = Instant::now();
    let linear_answers = task.linear(&folds, &bar);
    let linear = Score::of(&linear_answers, &labels, task.rows.labels.len(), start.elapsed());
    bar.finish_and_clear();
    let is_right = |answers: &[usize], row: usize| answers[row] == labels[row];
    let only = |a: &[usize], b: &[usize]| {
        (0..labels.len()).filter(|row| is_right(a, *row) && !is_right(b, *row)).count()
    };
    let report = Report {
        name: task.recipe.name.clone(),
        data: task.data.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        kind: task.part.name(),
        n: labels.len(),
        n_labels: task.rows.labels.len(),
        n_groups: groups.iter().enumerate().filter(|(row, group)| row == *group).count(),
        n_folds,
        width: task.part.width(),
        only_baseline: only(&answers, &linear_answers),
        only_linear: only(&linear_answers, &answers),
        baseline,
        linear,
        notes: task.rows.notes.clone(),
    };
    task.write(&report)?;
    Ok(write!(out, "{}", report.markdown())?)
}

impl Task<'_> {
    /// The out-of-fold answer for each row, folds in parallel.
    fn baseline(
        &self,
        labels: &[usize],
        folds: &[usize],
        bar: &ProgressBar,
    ) -> anyhow::Result<Vec<usize>> {
        let views = &self.recipe.views;
        let texts: Vec<Vec<&str>> = self
            .rows
            .rows
            .iter()
            .map(|row| row.texts.iter().map(String::as_str).collect())
            .collect();
        let corpus = Corpus::new(&spec(views, self.inputs, &self.rows.labels), views, &texts);
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(vec![0_usize; labels.len()]);
        let n_folds = self.recipe.confidence.folds;
        let work = || -> anyhow::Result<()> {
            loop {
                let fold = next.fetch_add(1, Ordering::Relaxed);
                if n_folds <= fold {
                    return Ok(());
                }
                let (test, train): (Vec<usize>, Vec<usize>) =
                    (0..labels.len()).partition(|row| folds[*row] == fold);
                let split = self.split(&corpus, labels, &train, &test)?;
                let found = self.answer(&split)?;
                ensure!(found.len() == test.len(), "the baseline left rows unanswered");
                if let Ok(mut answers) = answers.lock() {
                    test.iter().zip(found).for_each(|(row, class)| answers[*row] = class);
                }
                bar.inc(1);
            }
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..self.threads.clamp(1, n_folds)).map(|_| scope.spawn(work)).collect();
            threads.into_iter().try_for_each(|it| {
                it.join().unwrap_or_else(|_| anyhow::bail!("a thread of the baseline panicked"))
            })
        })?;
        Ok(answers.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Numbers of a fold's rows; the weights of n-grams come from its training rows only.
    fn split(
        &self,
        corpus: &Corpus,
        labels: &[usize],
        train: &[usize],
        test: &[usize],
    ) -> anyhow::Result<Split> {
        let idf = corpus.idf(train);
        let projection = Projection { seed: self.recipe.seed, width: self.part.width() };
        let matrix = |rows: &[usize]| {
            let row = |it: &usize| projection.apply(corpus, &corpus.values(*it, &idf));
            let values: Vec<f32> = rows.iter().flat_map(row).collect();
            Array2::from_shape_vec((rows.len(), projection.width), values)
        };
        let labels = train.iter().map(|it| labels[*it]).collect();
        Ok(Split { train: matrix(train)?, labels, test: matrix(test)? })
    }

    fn answer(&self, split: &Split) -> anyhow::Result<Vec<usize>> {
        let setting = Setting { n_classes: self.rows.labels.len(), seed: self.recipe.seed };
        match self.part {
            BaselinePart::Svm(part) => svm::answer(split, setting, part),
            BaselinePart::RandomForest(part) => forest::answer(split, setting, part),
            BaselinePart::Mlp(part) => mlp::answer(split, setting, part),
        }
    }

    /// The linear classifier's out-of-fold answer for each row.
    fn linear(&self, folds: &[usize], bar: &ProgressBar) -> Vec<usize> {
        let prepared = Prepared::new(self.rows, self.inputs, self.recipe);
        let run = Run { threads: self.threads, done: &|| () };
        let mut answers = vec![0; folds.len()];
        for fold in 0..self.recipe.confidence.folds {
            let fitted = prepared.fit(self.recipe, |row| folds[row] != fold, run);
            for row in (0..folds.len()).filter(|row| folds[*row] == fold) {
                answers[row] = confidence::best(&prepared.scores(&fitted, row));
            }
            bar.inc(1);
        }
        answers
    }

    fn write(&self, report: &Report) -> anyhow::Result<()> {
        fs::create_dir_all(self.out)
            .with_context(|| format!("failed to create {}", self.out.display()))?;
        let files = [
            ("baseline.json", serde_json::to_vec_pretty(report)?),
            ("report.md", report.markdown().into_bytes()),
            ("recipe.toml", toml::to_string(self.recipe)?.into_bytes()),
        ];
        for (name, bytes) in files {
            let path = self.out.join(name);
            fs::write(&path, bytes)
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
