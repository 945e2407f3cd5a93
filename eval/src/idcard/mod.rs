//! The suite for ID images: pictures in, a report out.

pub mod chart;
pub mod overlap;
pub mod peer;
pub mod reader;
pub mod report;
pub mod score;
pub mod tally;
pub mod text;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

use crate::cards::truth::Truth;
use crate::cards::typeface::Typefaces;
use crate::cards::{Sample, SetOrder, make};
use crate::idcard::peer::PeerLine;
use crate::idcard::reader::{Prediction, Reader};
use crate::idcard::score::{ImageScore, score, score_lines};
use crate::idcard::tally::Summary;

/// Where the pictures come from.
pub enum Pictures {
    /// Made on the fly from seeds.
    Generated(SetOrder),
    /// A folder that `fenwen-eval cards` wrote.
    Folder(PathBuf),
}

/// Where the answers come from.
pub enum Answers {
    /// A reader that is asked now.
    Live(Box<dyn Reader>),
    /// Answers kept from an earlier run, by file name.
    Kept(HashMap<String, Prediction>),
    /// Another engine's lines, by file name.
    Peer(HashMap<String, Vec<PeerLine>>),
}

/// One picture with its answer and scores, as `--dump` writes it: what calibration is fitted on.
#[derive(Serialize)]
struct Record<'a> {
    truth: &'a Truth,
    answer: Option<&'a Prediction>,
    score: &'a ImageScore,
}

/// Reads and scores every picture; `dump` receives one JSON line for each.
///
/// # Errors
/// When pictures cannot be made or read, `dump` cannot be written, or no picture at all is answered.
pub fn run(
    pictures: &Pictures,
    answers: &mut Answers,
    mut dump: Option<&mut dyn std::io::Write>,
) -> Result<Vec<ImageScore>> {
    let mut scores = Vec::new();
    let mut each = |sample: Sample| -> Result<()> {
        let answer = ask(answers, &sample)?;
        let score = match &answer {
            Answer::Read(prediction) => {
                score(&sample.truth, prediction.as_ref().map_err(Clone::clone))
            }
            Answer::Lines(lines) => score_lines(&sample.truth, lines),
        };
        if let Some(out) = dump.as_mut() {
            let answer = answer.prediction();
            serde_json::to_writer(
                &mut *out,
                &Record { truth: &sample.truth, answer, score: &score },
            )?;
            out.write_all(b"\n")?;
        }
        scores.push(score);
        Ok(())
    };
    match pictures {
        Pictures::Generated(set) => {
            let fonts = Typefaces::load()?;
            for order in set.orders()? {
                each(make(&fonts, order)?)?;
            }
        }
        Pictures::Folder(folder) => {
            for truth in peer::load_records::<Truth>(&folder.join("truth.jsonl"))? {
                let path = folder.join(&truth.image);
                let image = fs::read(&path)
                    .with_context(|| format!("failed to read {}", path.display()))?;
                each(Sample { image, truth })?;
            }
        }
    }
    ensure!(!scores.is_empty(), "there are no pictures");
    if let Some(error) = scores.iter().map(|it| it.error.as_deref()).collect::<Option<Vec<&str>>>()
    {
        bail!("no picture was answered; the first: {}", error.first().unwrap_or(&""));
    }
    Ok(scores)
}

/// What came back for one picture.
enum Answer {
    Read(Result<Prediction, String>),
    Lines(Vec<PeerLine>),
}

impl Answer {
    fn prediction(&self) -> Option<&Prediction> {
        match self {
            Self::Read(Ok(prediction)) => Some(prediction),
            Self::Read(Err(_)) | Self::Lines(_) => None,
        }
    }
}

fn ask(answers: &mut Answers, sample: &Sample) -> Result<Answer> {
    let name = &sample.truth.image;
    Ok(match answers {
        Answers::Live(reader) => {
            Answer::Read(reader.read(&sample.image).map_err(|it| format!("{it:#}")))
        }
        Answers::Kept(kept) => Answer::Read(
            kept.get(name).cloned().ok_or_else(|| "not among the kept answers".to_owned()),
        ),
        // A picture without lines is one that the engine found nothing on; a missing record is a mistake.
        Answers::Peer(lines) => {
            Answer::Lines(lines.get(name).with_context(|| format!("no lines for {name}"))?.clone())
        }
    })
}

/// Writes `report.md`, `report.json` and `chart.png` into a folder.
///
/// # Errors
/// When a file cannot be written or a font is missing.
pub fn write_report(folder: &Path, title: &str, summary: &Summary) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let chart = chart::png(&Typefaces::load()?, title, summary)?;
    let json = serde_json::to_vec_pretty(summary)?;
    let files = [
        ("report.md", report::markdown(title, summary).into_bytes()),
        ("report.json", json),
        ("chart.png", chart),
    ];
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}
