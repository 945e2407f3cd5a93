//! The suite for questions: sources without their questions in an index, the questions asked of it, numbers and a report.
//!
//! Half of the questions, by groups of near-duplicates, is for learning weights and the threshold (`dev`), the other half
//! for judging (`test`); every source is a candidate for both.

pub mod data;
pub mod fit;
pub mod report;
pub mod score;
pub mod time;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use fenwen::base::Date;
use fenwen::cli::{encoder, qa::encode};
use fenwen::config::{Config, Overrides};
use fenwen::pipeline::answers::index::{AnswerIndex, Asked, Vectors};
use fenwen::pipeline::answers::rank::Ranker;
use fenwen::pipeline::answers::spoken;
use fenwen::task::answers::Source;

use data::{Part, Row, Way};
use score::{Kind, Posed, Summary, Trial};
use sha2::{Digest as _, Sha256};

/// Sources are valid on any day.
const TODAY: Date = Date { year: 2026, month: 1, day: 1 };
/// Ranks that are looked at; a source beyond counts as not found.
const DEPTH: usize = 100;
/// Indexes of half of the departments: two divisions, both halves of each.
const N_TURNS: u8 = 4;

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
    /// Subjects of other ministries' documents (JSONL: subject), which no source answers either.
    #[arg(long, value_name = "FILE")]
    documents: Option<PathBuf>,
    /// Compare words only, as without an encoder.
    #[arg(long)]
    words_only: bool,
    /// Ask each question as at the telephone: with greetings, or with whole sentences around it.
    #[arg(long, value_name = "WAY", num_args = 0..=1, default_missing_value = "phrases")]
    spoken: Option<Way>,
    /// Learn on the dev part and print `ranker.toml` instead of judging.
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
    let mut rows = data::rows(&args.data)?;
    let outside = data::outside(&args.outside, &args.outside_words, args.outside_count)?;
    ensure!(rows.len() > 1 && !outside.is_empty(), "too few questions");
    let [small_talk, agencies] = data::written();
    let documents = args.documents.as_ref().map(|it| data::documents(it, args.outside_count));
    let mut posed = Vec::new();
    for (kind, texts) in [
        (Kind::City, outside.clone()),
        (Kind::SmallTalk, small_talk),
        (Kind::Agencies, agencies),
        (Kind::Documents, documents.transpose()?.unwrap_or_default()),
    ] {
        posed.extend(texts.into_iter().map(|(text, part)| (kind, text, part)));
    }
    let texts = rows.iter_mut().map(|it| (&mut it.question, it.part));
    let texts = texts.chain(posed.iter_mut().map(|it| (&mut it.1, it.2)));
    for (idx, (text, part)) in texts.enumerate() {
        if let Some(way) = args.spoken {
            *text = way.said(text, idx, part);
        }
    }
    if args.fit {
        let dev = rows.iter().filter(|it| it.part == Part::Dev);
        let dev: Vec<String> = dev.map(|it| spoken::asked(&it.question)).collect();
        let elsewhere = data::asked_elsewhere(&args.outside)?;
        let elsewhere: Vec<String> = elsewhere.iter().map(|it| spoken::asked(it)).collect();
        let common =
            fit::common(dev.iter().map(String::as_str), elsewhere.iter().map(String::as_str));
        let known = common.clone().into_iter().collect();
        let ranker = Ranker { common: known, ..Ranker::default() };
        let trials = |words_only| Bench::open(&rows, &posed, words_only)?.ask(&ranker);
        return Ok(fit::learn(&trials(false)?, &trials(true)?, &common));
    }
    let trials = Bench::open(&rows, &posed, args.words_only)?.ask(&Ranker::default())?;
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

/// A question that no source answers.
type Outside = (Kind, String, Part);

/// All sources and questions, with their vectors.
struct Bench<'a> {
    rows: &'a [Row],
    outside: &'a [Outside],
    sources: Vec<Source>,
    /// None where only words are compared.
    config: Option<Config>,
    vectors: Option<Vectors>,
    /// Vectors of what was asked already, of other indexes too.
    encoded: RefCell<HashMap<String, Vec<f32>>>,
}

/// What is asked of an index, of the rows' questions and then of those without a source; with vectors where there is an
/// encoder.
struct AskedAll {
    texts: Vec<String>,
    vectors: Option<Vec<Vec<f32>>>,
}

impl<'a> Bench<'a> {
    fn open(rows: &'a [Row], outside: &'a [Outside], words_only: bool) -> Result<Bench<'a>> {
        let config = if words_only { None } else { Some(Config::load(&Overrides::default())?) };
        let sources = sources(rows);
        let vectors = config.as_ref().map(|it| encode(it, &sources)).transpose()?;
        let encoded = RefCell::default();
        Ok(Bench { rows, outside, sources, config, vectors, encoded })
    }

    /// What each question asks of an index.
    fn asked(&self, index: &AnswerIndex) -> Result<AskedAll> {
        let questions = self.rows.iter().map(|it| it.question.as_str());
        let questions = questions.chain(self.outside.iter().map(|it| it.1.as_str()));
        let texts: Vec<String> = questions.map(|it| index.asked(it)).collect();
        let vectors = self.config.as_ref().map(|it| self.encode(it, &texts)).transpose()?;
        Ok(AskedAll { texts, vectors })
    }

    fn encode(&self, config: &Config, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let mut encoded = self.encoded.borrow_mut();
        let new: Vec<&str> =
            texts.iter().map(String::as_str).filter(|it| !encoded.contains_key(*it)).collect();
        if !new.is_empty() {
            let vectors = encoder::open_bulk(config)?.encode(&new, |_| ())?;
            let rows = vectors.rows().map(<[f32]>::to_vec);
            encoded.extend(new.iter().map(|it| (*it).to_owned()).zip(rows));
        }
        Ok(texts.iter().filter_map(|it| encoded.get(it).cloned()).collect())
    }

    /// Asks every question of all sources, and of those of half of the departments, by turns.
    fn ask(&self, ranker: &Ranker) -> Result<Vec<Trial>> {
        let mut trials = self.ask_some(&|_| true, ranker)?;
        for turn in 0..N_TURNS {
            let is_in = |row: &Row| {
                let digest = Sha256::digest(format!("{}{}", turn / 2, row.department));
                digest.last().is_some_and(|it| it % 2 == turn % 2)
            };
            trials.extend(self.ask_some(&is_in, ranker)?);
        }
        Ok(trials)
    }

    fn ask_some(&self, is_in: &dyn Fn(&Row) -> bool, ranker: &Ranker) -> Result<Vec<Trial>> {
        let chosen: Vec<usize> = (0..self.rows.len()).filter(|it| is_in(&self.rows[*it])).collect();
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let is_whole = chosen.len() == self.rows.len();
        let vectors = self.vectors.as_ref().map(|it| {
            let of = |idx: &usize| it.values[2 * idx * it.width..2 * (idx + 1) * it.width].iter();
            Vectors::new(it.width, chosen.iter().flat_map(of).copied().collect())
        });
        let sources = chosen.iter().map(|it| self.sources[*it].clone()).collect();
        let index = AnswerIndex::new(sources, vectors, ranker.clone())?;
        let asked = self.asked(&index)?;
        let mut trials = Vec::new();
        let mut pose = |idx: usize, posed: Posed<'_>, is_removed: &dyn Fn(usize) -> bool| {
            let vector = asked.vectors.as_ref().and_then(|it| it.get(idx)).map(Vec::as_slice);
            let text = asked.texts.get(idx).map_or("", String::as_str);
            let posed = Posed { text, ..posed };
            let found = index.search(Asked { text, vector }, TODAY, DEPTH)?;
            trials.push(Trial::of(posed, &index, &found, is_removed));
            anyhow::Ok(())
        };
        for (idx, row) in self.rows.iter().enumerate() {
            let truth = chosen.iter().position(|it| *it == idx);
            let same = |it: usize| self.rows[chosen[it]].group == row.group;
            let posed =
                |kind, truth| Posed { text: &row.question, part: row.part, kind, truth, is_whole };
            match truth {
                Some(_) => pose(idx, posed(Kind::Answerable, truth), &|_| false)?,
                None => pose(idx, posed(Kind::Department, None), &same)?,
            }
            if is_whole {
                pose(idx, posed(Kind::Removed, None), &same)?;
            }
        }
        for (idx, (kind, text, part)) in self.outside.iter().enumerate() {
            let posed = Posed { text, part: *part, kind: *kind, truth: None, is_whole };
            pose(self.rows.len() + idx, posed, &|_| false)?;
        }
        Ok(trials)
    }
}
