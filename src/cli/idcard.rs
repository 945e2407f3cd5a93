//! `fenwen idcard IMAGE…`: the same reading as over HTTP, on the command line.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::base::{Clock, SystemClock};
use crate::config::Config;
use crate::media::image::{self, ImageLimits};
use crate::pipeline::idcard::read::{ReadOptions, read_page};

use super::networks::Opener;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 影像檔案
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let networks = Opener::new(config)?.idcard()?;
    let mut out = std::io::stdout().lock();
    for path in &options.images {
        let bytes =
            std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        let t0 = SystemClock.now();
        let pixels = Arc::new(image::decode(&bytes, &ImageLimits::default())?);
        let deadline = SystemClock.now() + Duration::from_secs(60);
        let page = runtime.block_on(read_page(
            pixels,
            &networks.until(deadline),
            ReadOptions::default(),
        ))?;
        let took = SystemClock.now().duration_since(t0);
        writeln!(out, "{} rotation {} {:?}", path.display(), page.rotation, took)?;
        for line in &page.page.lines {
            let p = line.quad.0[0];
            writeln!(out, "  {:.3} ({:.0},{:.0}) {}", line.confidence(), p.x, p.y, line.text())?;
        }
    }
    Ok(())
}
