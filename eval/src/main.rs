//! `fenwen-eval`: makes evaluation sets and scores readers on them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};
use fenwen_eval::cards::{self, CardType, Level, SetOrder, Split};
use fenwen_eval::classify;
use fenwen_eval::encoder::{self, EncoderArgs};
use fenwen_eval::idcard::reader::{HttpReader, LocalReader};
use fenwen_eval::idcard::{self, Answers, Pictures, peer, report, tally};
use fenwen_eval::qa::{self, QaArgs};
use fenwen_eval::serving::{self, ServingCommand};
use fenwen_eval::speech::{self, SpeechArgs};

// As in the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Evaluation of fenwen.
#[derive(Parser)]
#[command(name = "fenwen-eval")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write synthetic identity documents and `truth.jsonl` into a folder.
    Cards {
        /// Folder to write into.
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        set: SetArgs,
    },
    /// Score a reader of ID images.
    Idcard(IdcardArgs),
    /// Compare the speed of the sentence encoder on candle and on ONNX Runtime.
    EncoderSpeed(EncoderArgs),
    /// Score the transcription of recordings.
    Speech(SpeechArgs),
    /// Score a text classifier that `fenwen train` made.
    Classify(ClassifyArgs),
    /// Score answers to questions: the right source, refusals, time.
    Qa(QaArgs),
    /// Measure how servers of models serve.
    #[command(subcommand)]
    Serving(ServingCommand),
}

#[derive(clap::Args)]
struct ClassifyArgs {
    /// Folder that `fenwen train` wrote.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Labelled rows (JSONL).
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Text columns, in the order of training.
    #[arg(long, value_name = "FIELD", value_delimiter = ',', required = true)]
    text: Vec<String>,
    /// Label column.
    #[arg(long, value_name = "FIELD")]
    label: String,
    /// Print JSON: n, accuracy, macro_f1, top3, ece, and more after them.
    #[arg(long)]
    json: bool,
    /// Write report.md, report.json, confusion.png and confidence.png into this folder.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Measure time on one thread instead of scoring; prints JSON, microseconds a text.
    #[arg(long, conflicts_with_all = ["json", "report"])]
    time: bool,
}

#[derive(clap::Args)]
struct IdcardArgs {
    #[command(flatten)]
    set: SetArgs,
    /// Read the pictures of this folder (written by `cards`) instead of making them.
    #[arg(long)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    /// Write the summary as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write report.md, report.json and chart.png into this folder.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Write one JSON line for each picture: truth, answer, scores.
    #[arg(long)]
    dump: Option<PathBuf>,
}

/// Where the answers come from; without any of these, from fenwen's own pipeline in this process.
#[derive(clap::Args)]
#[group(multiple = false)]
struct SourceArgs {
    /// Ask a running server.
    #[arg(long)]
    url: Option<String>,
    /// Score answers kept in a file: a line is {"image": …, "answer": {…}}.
    #[arg(long)]
    answers: Option<PathBuf>,
    /// Score another engine's lines: a line is {"image": …, "lines": [{"text", "score", "box"}]}.
    #[arg(long)]
    peer: Option<PathBuf>,
}

impl SourceArgs {
    /// The answers, and what to call their reader.
    fn open(&self) -> Result<(Answers, &'static str)> {
        Ok(match (&self.url, &self.answers, &self.peer) {
            (Some(url), _, _) => (Answers::Live(Box::new(HttpReader::new(url))), "fenwen"),
            (_, Some(path), _) => {
                (Answers::Kept(peer::load_answers(path)?), "fenwen, kept answers")
            }
            (_, _, Some(path)) => {
                (Answers::Peer(peer::load_lines(path)?), "another engine's lines")
            }
            (None, None, None) => (Answers::Live(Box::new(LocalReader::open()?)), "fenwen"),
        })
    }
}

/// Which pictures.
#[derive(clap::Args)]
struct SetArgs {
    /// Seeds below 1 000 000 (dev) or from there on (test).
    #[arg(long, value_enum, default_value = "dev")]
    split: Split,
    /// How much the pictures suffer.
    #[arg(long, value_enum, default_value = "all")]
    level: LevelArg,
    /// Pictures of each level.
    #[arg(long, default_value_t = 20)]
    count: u64,
    /// First seed (default: the first of the split).
    #[arg(long)]
    seed: Option<u64>,
    /// Only this kind of document.
    #[arg(long = "type", value_enum)]
    card_type: Option<CardType>,
}

#[derive(Clone, Copy, ValueEnum)]
enum LevelArg {
    Flat,
    Phone,
    Bad,
    All,
}

impl SetArgs {
    fn order(&self) -> SetOrder {
        let levels = match self.level {
            LevelArg::Flat => vec![Level::Flat],
            LevelArg::Phone => vec![Level::Phone],
            LevelArg::Bad => vec![Level::Bad],
            LevelArg::All => Level::ALL.to_vec(),
        };
        SetOrder {
            split: self.split,
            levels,
            count: self.count,
            first_seed: self.seed,
            card_type: self.card_type,
        }
    }
}

fn main() -> ExitCode {
    fenwen::cli::report(run(&Cli::parse()).map(|()| ExitCode::SUCCESS))
}

fn run(cli: &Cli) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match &cli.command {
        Command::Cards { out: folder, set } => {
            let n = cards::write_set(&set.order(), folder)?;
            writeln!(out, "{n} pictures in {}", folder.display())?;
        }
        Command::Idcard(args) => writeln!(out, "{}", evaluate(args)?)?,
        Command::Speech(args) => writeln!(out, "{}", speech::run(args)?)?,
        Command::EncoderSpeed(args) => encoder::run(args, &mut out)?,
        Command::Serving(command) => serving::run(command, &mut out)?,
        Command::Qa(args) => writeln!(out, "{}", qa::run(args)?)?,
        Command::Classify(args) => writeln!(out, "{}", classify_rows(args)?)?,
    }
    Ok(())
}

/// Runs the suite and returns its report.
fn evaluate(args: &IdcardArgs) -> Result<String> {
    let pictures = match &args.folder {
        Some(folder) => Pictures::Folder(folder.clone()),
        None => Pictures::Generated(args.set.order()),
    };
    let (mut answers, reader) = args.source.open()?;
    let create = |path: &PathBuf| {
        File::create(path)
            .map(BufWriter::new)
            .with_context(|| format!("failed to create {}", path.display()))
    };
    let mut dump = args.dump.as_ref().map(create).transpose()?;
    let sink = dump.as_mut().map(|it| it as &mut dyn Write);
    let summary = tally::summarise(&idcard::run(&pictures, &mut answers, sink)?);
    if let Some(mut dump) = dump {
        dump.flush()?;
    }
    let title = format!("ID images read by {reader}");
    if let Some(path) = &args.json {
        let mut file = create(path)?;
        serde_json::to_writer_pretty(&mut file, &summary)?;
        file.flush()?;
    }
    if let Some(folder) = &args.report {
        idcard::write_report(folder, &title, &summary)?;
    }
    Ok(report::markdown(&title, &summary))
}

/// Scores a classifier; what is returned is printed.
fn classify_rows(args: &ClassifyArgs) -> Result<String> {
    let order = classify::Order {
        model: args.model.clone(),
        data: args.data.clone(),
        text: args.text.clone(),
        label: args.label.clone(),
    };
    if args.time {
        return Ok(serde_json::to_string_pretty(&classify::time::measure(&order)?)?);
    }
    let summary = classify::run(&order)?;
    if let Some(folder) = &args.report {
        let name = args.data.file_name().unwrap_or_default().to_string_lossy();
        let title = format!("{}: {} → {}", name, args.text.join(", "), args.label);
        classify::write_report(folder, &title, &summary)?;
    }
    if args.json {
        return Ok(serde_json::to_string_pretty(&summary)?);
    }
    Ok(classify::report::table(&summary))
}
