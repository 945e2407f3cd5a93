//! `fenwen idcard IMAGE…`: the same reading as over HTTP, on the command line.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::config::Config;
use crate::pipeline::idcard::redact;
use crate::task::idcard::Recognition;

use super::local::LocalReader;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 影像檔案(JPEG、PNG、WebP、TIFF、BMP)
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// 以 JSON 輸出(每個影像一行)
    #[arg(long, conflicts_with = "table")]
    json: bool,
    /// 以表格輸出(預設)
    #[arg(long)]
    table: bool,
    /// 畫出讀到的欄位與位置,存成 PNG(一次一張影像)
    #[arg(long, value_name = "OUT.png")]
    draw: Option<PathBuf>,
}

/// Reads every picture; a picture that cannot be read ends the command.
pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    if options.draw.is_some() && options.images.len() != 1 {
        bail!("--draw 一次只能處理一張影像");
    }
    let reader = LocalReader::open(config)?;
    let mut out = std::io::stdout().lock();
    for path in &options.images {
        let failed = || format!("無法讀取 {}", path.display());
        let reading =
            reader.read(&std::fs::read(path).with_context(failed)?).with_context(failed)?;
        if let Some(picture) = &options.draw {
            std::fs::write(picture, redact::drawn(&reading.pixels, &reading.quads())?)
                .with_context(|| format!("無法寫入 {}", picture.display()))?;
        }
        if options.json {
            let document = reader.document(reading.answer)?;
            writeln!(out, "{}", serde_json::to_string(&document)?)?;
        } else {
            print_table(&mut out, path, &reading.answer.recognition)?;
        }
    }
    Ok(())
}

fn print_table(out: &mut impl Write, path: &Path, read: &Recognition) -> anyhow::Result<()> {
    let kind = read.document_type.as_str();
    writeln!(out, "{}: {kind} ({:.2}) 旋轉 {}°", path.display(), read.type_score, read.rotation)?;
    for (idx, field) in read.fields.iter().enumerate() {
        let value = field.value.as_ref().map_or("–", |it| it.expose().as_str());
        let checks: Vec<String> = field
            .checks
            .iter()
            .map(|it| format!("{}{}", if it.ok { "✓" } else { "✗" }, it.name))
            .collect();
        writeln!(
            out,
            "{:>3} {:<17} {:.3} {:<10} {value}  [{}] {}{}",
            idx + 1,
            field.name.as_str(),
            field.confidence,
            field.status.as_str(),
            field.raw.expose(),
            checks.join(" "),
            field.repair.map_or(String::new(), |it| format!(" 修正:{it}")),
        )?;
    }
    for line in read.mrz.iter().flat_map(|it| &it.lines) {
        writeln!(out, "    {}", line.expose())?;
    }
    for reason in &read.quality.retake {
        writeln!(out, "    建議重拍:{}", reason.advice())?;
    }
    Ok(())
}
