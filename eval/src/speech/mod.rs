//! The suite for speech: clips with known words, as they are and as a telephone passes them on, and sounds without words.

mod clips;
mod report;
mod score;
mod telephone;
mod timing;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result};
use fenwen::cli::speech::LocalEars;
use fenwen::config::{Config, Overrides};
use fenwen::media::audio::RATE;
use fenwen::media::audio::telephone::wav;
use fenwen::pipeline::speech::compare::Errors;
use fenwen::pipeline::speech::{Observer, Resume};
use fenwen::task::speech::{Rendition, Segment, SpeechOrder, SpeechProgress};
use serde::{Deserialize, Serialize};

use clips::Clip;
use score::Interval;
use timing::{Call, Times, Timing};

/// What to score, and on what.
#[derive(clap::Args)]
pub struct SpeechArgs {
    /// Folder with `manifest.json` and WAV files of 16 bits.
    #[arg(long, value_name = "DIR")]
    clips: PathBuf,
    /// Settings of fenwen, such as speech.model=whisper-small.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Write the sound files of every condition and truth.jsonl into this folder, and do nothing else.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Score answers kept in a file instead of asking fenwen: a line is {"file": …, "text": …}.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Write report.md and report.json into this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Write one JSON line for each clip: condition, truth, answer, errors.
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
}

/// One sound file of the suite.
struct Item {
    /// Its name in the folder that `--write` makes.
    file: String,
    /// Where the clip comes from: `tw`, `cn`, `en`, or `none` for sounds without words.
    set: String,
    condition: &'static str,
    /// What is said; empty for sounds without words.
    truth: String,
    seconds: f64,
    bytes: Vec<u8>,
}

/// The answer to one item.
#[derive(Serialize, Deserialize)]
struct Answer {
    file: String,
    text: String,
}

/// One row of the report.
#[derive(Serialize)]
struct Row {
    set: String,
    condition: String,
    n_clips: usize,
    n_chars: usize,
    /// Character error rate with its 95 % interval over clips.
    cer: Interval,
    /// Items without words that gave text.
    n_invented: usize,
}

/// What the suite found.
#[derive(Serialize)]
struct Summary {
    reader: String,
    rows: Vec<Row>,
    /// How far times are from the truth; none for kept answers, which have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    timing: Option<Timing>,
    seconds_of_sound: f64,
    /// Seconds of a second of sound; none for kept answers.
    wall_per_second: Option<f64>,
    cpu_per_second: Option<f64>,
    peak_mib: Option<f64>,
}

/// Runs the suite; what is returned is printed.
///
/// # Errors
/// When clips, answers or models cannot be read.
pub fn run(args: &SpeechArgs) -> Result<String> {
    let clips = clips::read(&args.clips)?;
    let items = items(&clips);
    if let Some(folder) = &args.write {
        write_items(folder, &items)?;
        return Ok(format!("{} files in {}", items.len(), folder.display()));
    }
    let seconds_of_sound = items.iter().map(|it| it.seconds).sum();
    let mut summary = Summary {
        reader: "kept answers".to_owned(),
        rows: Vec::new(),
        timing: None,
        seconds_of_sound,
        wall_per_second: None,
        cpu_per_second: None,
        peak_mib: None,
    };
    let answers = match &args.answers {
        Some(path) => kept_answers(path, &items)?,
        None => ask(&items, &timing::calls(&clips), &args.set, &mut summary)?,
    };
    if let Some(path) = &args.dump {
        dump(path, &items, &answers)?;
    }
    summary.rows = rows(&items, &answers);
    let text = report::markdown(&summary);
    if let Some(folder) = &args.report {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("report.md"), &text)?;
        fs::write(folder.join("report.json"), serde_json::to_string_pretty(&summary)? + "\n")?;
    }
    Ok(text)
}

/// Every clip in every condition, and the sounds without words.
fn items(clips: &[Clip]) -> Vec<Item> {
    let mut items = Vec::new();
    for clip in clips {
        for (condition, bytes) in telephone::conditions(&clip.samples, clip.seed) {
            items.push(Item {
                file: format!("{}-{}-{condition}.wav", clip.set, clip.name),
                set: clip.set.clone(),
                condition,
                truth: clip.text.clone(),
                seconds: clip.seconds(),
                bytes,
            });
        }
    }
    for (condition, samples) in telephone::wordless() {
        let seconds = samples.len() as f64 / f64::from(RATE);
        let bytes = wav(&samples);
        let file = format!("none-{condition}.wav");
        let (set, truth) = ("none".to_owned(), String::new());
        items.push(Item { file, set, condition, truth, seconds, bytes });
    }
    items
}

fn write_items(folder: &Path, items: &[Item]) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut truth = BufWriter::new(File::create(folder.join("truth.jsonl"))?);
    for item in items {
        fs::write(folder.join(&item.file), &item.bytes)?;
        let line = Answer { file: item.file.clone(), text: item.truth.clone() };
        writeln!(truth, "{}", serde_json::to_string(&line)?)?;
    }
    Ok(truth.flush()?)
}

fn kept_answers(path: &Path, items: &[Item]) -> Result<Vec<String>> {
    let file = File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut kept = std::collections::HashMap::new();
    for line in BufReader::new(file).lines() {
        let answer: Answer = serde_json::from_str(&line?)?;
        kept.insert(answer.file, answer.text);
    }
    let find = |item: &Item| {
        kept.get(&item.file).cloned().with_context(|| format!("no answer to {}", item.file))
    };
    items.iter().map(find).collect()
}

/// Transcribes every item, one after another, and notes what it costs; then the calls, and when what was said in them.
fn ask(
    items: &[Item],
    calls: &[Call],
    set: &[String],
    summary: &mut Summary,
) -> Result<Vec<String>> {
    let config = Config::load(&Overrides { set: set.to_vec(), ..Overrides::default() })?;
    let ears = LocalEars::open(&config)?;
    summary.reader = format!("fenwen, {} ({})", config.speech.model, ears.engine());
    let order = SpeechOrder::default();
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        let transcript = ears
            .transcribe_bytes(&item.bytes, &order, &mut Nobody)
            .with_context(|| format!("failed on {}", item.file))?;
        let segments = transcript.segments.iter();
        answers.push(segments.map(|it| it.shown(Rendition::Original)).collect());
    }
    summary.wall_per_second = Some(begun.elapsed().as_secs_f64() / summary.seconds_of_sound);
    summary.cpu_per_second =
        cpu_seconds().zip(cpu).map(|(after, before)| (after - before) / summary.seconds_of_sound);
    summary.peak_mib = peak_mib();
    let mut times = Times::default();
    for call in calls {
        let transcript = ears.transcribe_bytes(&wav(&call.samples), &order, &mut Nobody)?;
        times.add(&call.said, &transcript.segments);
    }
    summary.timing = Some(times.timing());
    Ok(answers)
}

struct Nobody;

impl Observer for Nobody {
    fn heard(&mut self, _segments: &[Segment], _resume: &Resume) {}

    fn progress(&mut self, _progress: SpeechProgress) {}
}

fn rows(items: &[Item], answers: &[String]) -> Vec<Row> {
    let mut groups: Vec<(String, String, Vec<Errors>)> = Vec::new();
    for (item, answer) in items.iter().zip(answers) {
        let errors = Errors::of(&item.truth, answer);
        let found = groups.iter_mut().find(|it| it.0 == item.set && it.1 == item.condition);
        match found {
            Some(group) => group.2.push(errors),
            None => groups.push((item.set.clone(), item.condition.to_owned(), vec![errors])),
        }
    }
    let row = |(set, condition, errors): (String, String, Vec<Errors>)| Row {
        set,
        condition,
        n_clips: errors.len(),
        n_chars: errors.iter().map(|it| it.n_chars).sum(),
        cer: score::rate(&errors),
        n_invented: errors.iter().filter(|it| it.n_chars == 0 && 0 < it.n_errors).count(),
    };
    groups.into_iter().map(row).collect()
}

fn dump(path: &Path, items: &[Item], answers: &[String]) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for (item, answer) in items.iter().zip(answers) {
        let errors = Errors::of(&item.truth, answer);
        let line = serde_json::json!({
            "file": item.file, "condition": item.condition, "truth": item.truth, "text": answer,
            "errors": errors.n_errors, "chars": errors.n_chars,
        });
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// Processor time of this process so far; none where the system does not tell.
fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |idx: usize| fields.get(idx)?.parse::<f64>().ok();
    // Linux counts a hundred ticks a second for every program.
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Most memory of this process so far.
fn peak_mib() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|it| it.starts_with("VmHWM"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
