//! Trains the linear text classifier: counts, solves, measures out of fold, calibrates, writes a folder.

pub(crate) mod confidence;
pub(crate) mod corpus;
mod duties;
pub(crate) mod fit;
pub(crate) mod folds;
mod fusion;
pub(crate) mod recipe;
mod report;
mod ridge;
pub(crate) mod rows;
mod solver;
mod update;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use candle_core::Device;
use clap::Args;
use fenwen::engine::{choose_device, open_device};
use fenwen::pipeline::classify::{Classifier, ClassifierFiles, SETTINGS_FORMAT, Settings};
use fenwen::registry::{ModelRegistry, RegistryError};

use crate::baseline::{self, Task};
use crate::encoder::output::HEAD;
use crate::encoder::{self, Base};
use crate::progress;
use confidence::Scored;
use fit::{Prepared, Run};
use fusion::{Dense, Fused, Tuning};
use recipe::Recipe;
use rows::{Columns, Rows};
use update::UpdateOptions;

/// What to train, on what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// 配方檔;資料、文字欄、標籤欄與輸出目錄由配方的 data 一節指定
    #[arg(value_name = "RECIPE", required_unless_present_any = ["recipe", "from_feedback"])]
    file: Option<PathBuf>,
    /// 配方檔
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    recipe: Option<PathBuf>,
    /// 訓練資料(JSONL)
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// 文字欄位,可用逗號分隔多個
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    text: Vec<String>,
    /// 標籤欄位
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// 單位職掌或法規(JSONL,每列有 unit 與 text),供資料很少或沒有資料的單位使用
    #[arg(long, value_name = "FILE")]
    duties: Option<PathBuf>,
    /// 輸出目錄
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// 執行緒數;預設為可用的核心數,不影響線性分類器的結果
    #[arg(long)]
    threads: Option<NonZero<usize>>,
    /// 微調語句編碼模型的裝置:auto(有可用的顯示卡就用,否則用處理器)、cpu 或 cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: String,
    #[command(flatten)]
    update: UpdateOptions,
}

impl Options {
    /// The recipe's file.
    pub(crate) fn recipe_path(&self) -> anyhow::Result<&Path> {
        let path = self.recipe.as_deref().or(self.file.as_deref());
        path.context("no recipe is named")
    }

    /// Where a network learns.
    pub(crate) fn device(&self) -> anyhow::Result<Device> {
        Ok(open_device(choose_device(&self.device)?)?)
    }

    /// Refuses a card where nothing would be computed on it.
    pub(crate) fn refuse_card(&self) -> anyhow::Result<()> {
        ensure!(
            matches!(self.device.as_str(), "auto" | "cpu"),
            "--device {} is for recipes with a section [encoder] or [fusion.encoder]",
            self.device
        );
        Ok(())
    }

    /// Data, output folder and threads: those of the command line, or what the recipe's `[data]` says.
    pub(crate) fn places(&self, kept: &recipe::DataPart) -> anyhow::Result<Places> {
        let folder = self.recipe_path()?.parent().unwrap_or(Path::new("."));
        let named = |given: &Option<PathBuf>, kept: &Option<PathBuf>, what: &str| {
            given.clone().or_else(|| kept.as_ref().map(|it| folder.join(it))).with_context(|| {
                format!("--{what} is missing, and the recipe's [data] does not say it")
            })
        };
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Places {
            data: named(&self.data, &kept.file, "data")?,
            out: named(&self.out, &kept.out, "out")?,
            threads: self.threads.map_or_else(cores, NonZero::get),
        })
    }

    /// Whether the active classifier is to learn from feedback, without a recipe.
    pub(crate) fn is_update(&self) -> bool {
        self.update.is_wanted()
    }
}

/// Where a run reads and writes, and how much it may compute at a time.
pub(crate) struct Places {
    /// The rows.
    pub(crate) data: PathBuf,
    /// The folder of what is made.
    pub(crate) out: PathBuf,
    /// At least 1.
    pub(crate) threads: usize,
}

/// A training run with every question answered.
pub(crate) struct Job {
    pub(crate) recipe: Recipe,
    pub(crate) data: PathBuf,
    pub(crate) text: Vec<String>,
    pub(crate) label: String,
    pub(crate) duties: Option<PathBuf>,
    pub(crate) out: PathBuf,
    pub(crate) threads: usize,
}

/// What a run made and measured.
struct Outcome {
    linear: Vec<u8>,
    settings: Settings,
    out_of_fold: Vec<Scored>,
    groups: usize,
    seconds: f64,
    fused: Option<Fused>,
}

/// Reads, trains, writes; says on standard error how it went. `resume` goes on with the encoders of a run that broke off.
pub(crate) fn run(options: &Options, resume: bool) -> anyhow::Result<()> {
    if options.update.is_wanted() {
        options.refuse_card()?;
        return update::run(&options.update, options.out.as_deref());
    }
    let mut job = Job::new(options)?;
    let is_tuned = job.recipe.fusion.as_ref().is_some_and(|it| it.encoder.is_some());
    ensure!(
        !resume || is_tuned,
        "--resume is for recipes with a section [encoder], [fusion.encoder] or [whisper]"
    );
    if !is_tuned {
        options.refuse_card()?;
    }
    let base = if is_tuned { job.base(options.device()?, &encoder::pulled()?)? } else { None };
    let rows = job.rows()?;
    let mut err = std::io::stderr().lock();
    for note in &rows.notes {
        writeln!(err, "{note}")?;
    }
    drop(err);
    if let Some(part) = &job.recipe.baseline {
        let task = Task {
            recipe: &job.recipe,
            part,
            rows: &rows,
            inputs: &job.text,
            data: &job.data,
            out: &job.out,
            threads: job.threads,
        };
        return baseline::run(&task, &mut std::io::stdout().lock());
    }
    let outcome = job.train(&rows, base.as_ref(), resume)?;
    job.write(&rows, &outcome)?;
    writeln!(
        std::io::stderr(),
        "{} 列、{} 個標籤,{:.1} 秒,已寫入 {}",
        rows.rows.len(),
        rows.labels.len(),
        outcome.seconds,
        job.out.display()
    )?;
    if let Some(own) = outcome.fused.as_ref().and_then(|it| it.dense.own.as_ref()) {
        let (id, out) = (&own.id, job.out.display());
        writeln!(
            std::io::stderr(),
            "語句編碼器:{out}/{id};fenwen models activate 與 propose 會一併匯入"
        )?;
    }
    Ok(())
}

impl Job {
    fn new(options: &Options) -> anyhow::Result<Job> {
        Job::with(options, Recipe::read(options.recipe_path()?)?)
    }

    /// The questions that the recipe leaves open, answered from the command line.
    pub(crate) fn with(options: &Options, recipe: Recipe) -> anyhow::Result<Job> {
        let Places { data, out, threads } = options.places(&recipe.data)?;
        let text =
            if options.text.is_empty() { recipe.data.text.clone() } else { options.text.clone() };
        ensure!(!text.is_empty(), "--text is missing, and the recipe's [data] does not say it");
        let label = options.label.clone().or_else(|| recipe.data.label.clone());
        let label = label.context("--label is missing, and the recipe's [data] does not say it")?;
        let duties = options.duties.clone();
        Ok(Job { recipe, data, text, label, duties, out, threads })
    }

    /// What the encoder of the recipe starts from. Where there is none and the recipe can do without, it does.
    fn base(&mut self, device: Device, registry: &ModelRegistry) -> anyhow::Result<Option<Base>> {
        let Some(fusion) = &self.recipe.fusion else { return Ok(None) };
        let Some(part) = &fusion.encoder else { return Ok(None) };
        let is_missing = |error: &anyhow::Error| {
            matches!(error.downcast_ref(), Some(RegistryError::Missing { .. }))
        };
        match Base::pulled(part, device, registry) {
            Err(error) if fusion.optional && is_missing(&error) => {
                writeln!(
                    std::io::stderr(),
                    "語句編碼器 {} 尚未下載,只訓練線性分類器;執行 fenwen models pull {0} 後重新訓練較準。",
                    part.model
                )?;
                self.recipe.fusion = None;
                Ok(None)
            }
            base => base.map(Some),
        }
    }

    /// The rows to train on.
    pub(crate) fn rows(&self) -> anyhow::Result<Rows> {
        let duties = self.duties.as_ref().map(|it| duties::read(it, &self.recipe)).transpose()?;
        let columns = Columns { text: &self.text, label: &self.label };
        rows::read(&self.data, columns, duties.unwrap_or_default(), &self.recipe)
    }

    /// Trains. `base` is what the encoder starts from, where the recipe asks for one that is fine-tuned.
    fn train(&self, rows: &Rows, base: Option<&Base>, resume: bool) -> anyhow::Result<Outcome> {
        let start = Instant::now();
        let texts: Vec<String> = rows.rows.iter().map(|it| it.texts.join("\n")).collect();
        let groups = folds::groups(&texts);
        let labels: Vec<usize> = rows.rows.iter().map(|it| it.label).collect();
        let folds = folds::assign(&groups, &labels, self.recipe.confidence.folds, self.recipe.seed);
        let (linear, out_of_fold) = self.linear(rows, &folds)?;
        let confidence = confidence::fit(&out_of_fold, &rows.labels, &self.recipe.confidence);
        let dense = self.dense(rows, &folds, base, resume)?;
        let fuse =
            |(dense, part): (Dense, _)| dense.fuse(&self.recipe, part, &rows.labels, &out_of_fold);
        let fused = dense.zip(self.recipe.fusion.as_ref()).map(fuse);
        let settings = Settings {
            format: SETTINGS_FORMAT,
            linear: confidence,
            fused: fused.as_ref().map(|it| it.fusion.clone()),
        };
        let n_groups = groups.iter().enumerate().filter(|(row, group)| row == *group).count();
        let seconds = start.elapsed().as_secs_f64();
        Ok(Outcome { linear, settings, out_of_fold, groups: n_groups, seconds, fused })
    }

    /// The linear model of all rows, and scores of each by one of the other folds.
    fn linear(&self, rows: &Rows, folds: &[usize]) -> anyhow::Result<(Vec<u8>, Vec<Scored>)> {
        let prepared = Prepared::new(rows, &self.text, &self.recipe);
        let n_folds = self.recipe.confidence.folds;
        let bar = progress::bar((n_folds + 1) * prepared.n_problems(), "訓練");
        let done = || bar.inc(1);
        let run = Run { threads: self.threads, done: &done };
        let mut scores: Vec<Vec<f32>> = vec![Vec::new(); rows.rows.len()];
        for fold in 0..n_folds {
            let fitted = prepared.fit(&self.recipe, |row| folds[row] != fold, run);
            for row in (0..rows.rows.len()).filter(|row| folds[*row] == fold) {
                scores[row] = prepared.scores(&fitted, row);
            }
        }
        let linear = prepared.parts(&prepared.fit(&self.recipe, |_| true, run)).to_bytes()?;
        bar.finish_and_clear();
        let labels = rows.rows.iter().map(|it| it.label);
        let scored = scores.into_iter().zip(labels);
        let scored = scored.map(|(scores, label)| Scored { scores, label }).collect();
        Ok((linear, scored))
    }

    /// What the encoder says of the rows, where the recipe asks for one.
    fn dense(
        &self,
        rows: &Rows,
        folds: &[usize],
        base: Option<&Base>,
        resume: bool,
    ) -> anyhow::Result<Option<Dense>> {
        let Some(part) = &self.recipe.fusion else { return Ok(None) };
        let Some(base) = base else {
            let embedded = fusion::embed(rows, &self.text, part)?;
            return Ok(Some(embedded.dense(&self.recipe, part, rows, folds)?));
        };
        let (inputs, out, threads) = (self.text.as_slice(), self.out.as_path(), self.threads);
        let tuning = Tuning { base, inputs, out, threads, resume };
        Ok(Some(tuning.dense(&self.recipe, part, rows, folds)?))
    }

    fn write(&self, rows: &Rows, outcome: &Outcome) -> anyhow::Result<()> {
        let settings = serde_json::to_vec_pretty(&outcome.settings)?;
        let dense = outcome.fused.as_ref().map(|it| it.dense.head.to_bytes()).transpose()?;
        // What cannot be loaded is not written.
        Classifier::load(ClassifierFiles {
            linear: &outcome.linear,
            settings: &settings,
            dense: dense.as_deref(),
        })?;
        let recipe = toml::to_string(&self.recipe)?;
        let report = report::markdown(self, rows, outcome);
        let mut files = BTreeMap::from([
            ("linear.safetensors", outcome.linear.as_slice()),
            ("classifier.json", &settings),
            ("recipe.toml", recipe.as_bytes()),
            ("report.md", report.as_bytes()),
        ]);
        files.extend(dense.as_deref().map(|it| (HEAD, it)));
        write_folder(&self.out, &files)?;
        match outcome.fused.as_ref().and_then(|it| it.dense.own.as_ref()) {
            Some(_) => Tuning::finish(&self.out),
            None => Ok(()),
        }
    }
}

/// Writes the files of a classifier; the head of an earlier one, which would not fit, goes.
fn write_folder(out: &Path, files: &BTreeMap<&str, &[u8]>) -> anyhow::Result<()> {
    fs::create_dir_all(out).with_context(|| format!("failed to create {}", out.display()))?;
    for (name, bytes) in files {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
    }
    let head = out.join(HEAD);
    if files.contains_key(HEAD) || !head.try_exists()? {
        return Ok(());
    }
    fs::remove_file(&head).with_context(|| format!("failed to remove {}", head.display()))
}

#[cfg(test)]
mod tests;
