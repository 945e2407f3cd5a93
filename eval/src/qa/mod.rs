//! The suite for questions: sources without their questions in an index, the questions asked of it, numbers and a report.
//!
//! Half of the questions, by groups of near-duplicates, is for learning weights and the threshold (`dev`), the other half
//! for judging (`test`); every source is a candidate for both.

pub mod data;
pub mod fit;
pub mod report;
pub mod score;
pub mod time;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use fenwen::base::Date;
use fenwen::cli::{encoder, qa::encode};
use fenwen::config::{Config, Overrides};
use fenwen::pipeline::answers::index::{AnswerIndex, Asked, Vectors};
use fenwen::pipeline::answers::rank::Ranker;
use fenwen::task::answers::Source;

use data::{Part, Row};
use score::{Summary, Trial};

/// Sources are valid on any day.
const TODAY: Date = Date { year: 2026, month: 1, day: 1 };
/// Ranks that are looked at; a source beyond counts as not found.
const DEPTH: usize = 100;

/// What is measured.
#[derive(clap::Args)]
pub struct QaArgs {
    /// Questions with their answers (JSONL: id, question, answer).
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Questions that no source answers (JSONL: text, and split: train for learning, dev for judging).
    #[arg(long, value_name = "FILE")]
    outside: PathBuf,
    /// Only such questions with one of these words, so that none is answered by another city's source.
    #[arg(long, value_delimiter = ',', default_value = "臺北,台北,北市,捷運,悠遊卡")]
    outside_words: Vec<String>,
    /// Questions without a source in each part.
    #[arg(long, default_value_t = 300)]
    outside_count: usize,
    /// Compare words only, as without an encoder.
    #[arg(long)]
    words_only: bool,
    /// Learn the weights on the dev part and print them instead of judging.
    #[arg(long)]
    fit: bool,
    /// Also measure time on so many sources.
    #[arg(long, value_name = "N")]
    time: Option<usize>,
    /// Write report.md and report.json into this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// Runs the suite; what is returned is printed.
///
/// # Errors
/// When a file cannot be read, the encoder cannot be opened, or there is nothing to ask.
pub fn run(args: &QaArgs) -> Result<String> {
    let rows = data::rows(&args.data)?;
    let outside = data::outside(&args.outside, &args.outside_words, args.outside_count)?;
    ensure!(rows.len() > 1 && !outside.is_empty(), "too few questions");
    let bench = Bench::open(&rows, args.words_only)?;
    let trials = bench.ask(&rows, &outside)?;
    if args.fit {
        return Ok(fit::learn(&trials, args.words_only));
    }
    let of = |part| trials.iter().filter(move |it| it.part == part);
    let mut summary = Summary::of(of(Part::Test), rows.len(), args.words_only);
    summary.dev = Some(Box::new(Summary::of(of(Part::Dev), rows.len(), args.words_only)));
    if let Some(n_sources) = args.time {
        summary.time = Some(time::measure(&rows, &outside, n_sources, args.words_only)?);
    }
    if let Some(folder) = &args.report {
        report::write(folder, &summary)?;
    }
    Ok(report::markdown(&summary))
}

/// The sources without their questions: else each question would find itself.
fn sources(rows: &[Row]) -> Vec<Source> {
    let source = |row: &Row| Source {
        id: row.id.clone(),
        version: 1,
        answer: row.answer.clone(),
        ..Source::default()
    };
    rows.iter().map(source).collect()
}

/// An index of all sources, and the vectors of whoever asks.
struct Bench {
    index: AnswerIndex,
    /// Opens the encoder; none where only words are compared.
    config: Option<Config>,
}

impl Bench {
    fn open(rows: &[Row], words_only: bool) -> Result<Bench> {
        let config = if words_only { None } else { Some(Config::load(&Overrides::default())?) };
        let sources = sources(rows);
        let vectors = config.as_ref().map(|it| encode(it, &sources)).transpose()?;
        Ok(Bench { index: AnswerIndex::new(sources, vectors, Ranker::default())?, config })
    }

    /// Asks every question; those of the rows also as if their sources were not there.
    fn ask(&self, rows: &[Row], outside: &[(String, Part)]) -> Result<Vec<Trial>> {
        let texts: Vec<&str> = rows
            .iter()
            .map(|it| it.question.as_str())
            .chain(outside.iter().map(|(text, _)| text.as_str()))
            .collect();
        let vectors = self.config.as_ref().map(|it| questions(it, &texts)).transpose()?;
        let mut trials = Vec::with_capacity(texts.len() + rows.len());
        for (idx, text) in texts.iter().enumerate() {
            let vector = vectors.as_ref().and_then(|it| it.values.chunks_exact(it.width).nth(idx));
            let found = self.index.search(Asked { text, vector }, TODAY, DEPTH)?;
            match rows.get(idx) {
                Some(row) => {
                    trials.push(Trial::of(row.part, &found, Some(idx), None));
                    let same = |it: usize| rows.get(it).is_some_and(|it| it.group == row.group);
                    trials.push(Trial::of(row.part, &found, None, Some(&same)));
                }
                None => {
                    let part = outside.get(idx - rows.len()).map_or(Part::Dev, |(_, part)| *part);
                    trials.push(Trial::of(part, &found, None, None));
                }
            }
        }
        Ok(trials)
    }
}

/// Vectors of questions.
fn questions(config: &Config, texts: &[&str]) -> Result<Vectors> {
    let found = encoder::open_bulk(config)?.encode(texts, |_| ())?;
    Ok(Vectors { width: found.width, values: found.values })
}
