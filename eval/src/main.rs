//! `fenwen-eval`: makes evaluation sets and scores readers on them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use fenwen_eval::cards::{self, CardType, Level, SetOrder, Split};

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
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when standard error is closed.
            let _ = writeln!(std::io::stderr(), "fenwen-eval: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &cli.command {
        Command::Cards { out: folder, set } => {
            let n = cards::write_set(&set.order(), folder)?;
            writeln!(out, "{n} pictures in {}", folder.display())?;
        }
    }
    Ok(())
}
