//! How servers of models serve: a load of our own, a bare server as the floor, and fenwen over a model of known cost.
//!
//! `eval/bench/serving.py` runs them beside other servers. Each model of [`Work`] sleeps as long as it would compute, so
//! that what is measured is the serving.

mod burst;
mod client;
mod closed;
mod fenwen;
mod floor;
mod leave;
mod work;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;

pub use work::Work;

/// What is done.
#[derive(Subcommand)]
pub enum ServingCommand {
    /// Serve a model on a bare axum: no limits, no identity, no log.
    Floor(ServerArgs),
    /// Serve a model on the whole of fenwen: identity, audit log, metrics, limits, request ids.
    Fenwen {
        #[command(flatten)]
        server: ServerArgs,
        /// Data directory, in which `fenwen clients` has registered a client.
        #[arg(long)]
        data_dir: PathBuf,
        /// When a row of the audit log counts as written.
        #[arg(long, value_enum)]
        audit: Durability,
    },
    /// Ask as fast as answers come, over kept-alive connections.
    Closed(closed::ClosedArgs),
    /// Send many requests at one moment.
    Burst(burst::BurstArgs),
    /// Send requests and hang up before the answer.
    Leave(leave::LeaveArgs),
}

/// A server of a model.
#[derive(clap::Args)]
pub struct ServerArgs {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// What the model does.
    #[arg(long, value_enum)]
    work: Work,
    /// File that always has the number of rows computed so far.
    #[arg(long)]
    count: PathBuf,
}

/// When something counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Durability {
    /// On the disk, as in production.
    Disk,
    /// When the operating system has it, as in a demonstration.
    System,
}

/// Runs it; a measurement prints one line of JSON.
///
/// # Errors
/// When a socket or file cannot be used.
pub fn run(command: &ServingCommand, out: &mut dyn Write) -> Result<()> {
    let mut builder = match command {
        // The load has one thread: it must leave the others to the server.
        ServingCommand::Closed(_) | ServingCommand::Burst(_) | ServingCommand::Leave(_) => {
            tokio::runtime::Builder::new_current_thread()
        }
        ServingCommand::Floor(_) | ServingCommand::Fenwen { .. } => {
            tokio::runtime::Builder::new_multi_thread()
        }
    };
    let runtime = builder.enable_all().build().context("failed to start the runtime")?;
    let measured = match command {
        ServingCommand::Floor(args) => return runtime.block_on(floor::serve(args)),
        ServingCommand::Fenwen { server, data_dir, audit } => {
            return runtime.block_on(fenwen::serve(server, data_dir, *audit));
        }
        ServingCommand::Closed(args) => runtime.block_on(closed::run(args))?,
        ServingCommand::Burst(args) => runtime.block_on(burst::run(args))?,
        ServingCommand::Leave(args) => runtime.block_on(leave::run(args))?,
    };
    Ok(writeln!(out, "{measured}")?)
}
