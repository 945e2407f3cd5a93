//! `fenwen idcard IMAGE…`: the same reading as over HTTP, on the command line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use crate::base::{Clock, RequestId, SystemClock};
use crate::config::Config;
use crate::media::{Pixels, Quad, image};
use crate::pipeline::idcard::{IdCardPipeline, redact};
use crate::task::idcard::{IdAnswer, IdImage, Recognition, Timings, Wanted};
use crate::wire::v1::meta::{PurposeRule, RecognitionOrder};
use crate::wire::v1::recognition::RecognitionAnswer;

use super::networks::Opener;
use super::recogniser::Recogniser;
use super::serve::image_limits;

/// Longest time for one picture.
const TIME: Duration = Duration::from_secs(120);

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
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let opener = Opener::new(config)?;
    let (pipeline, model) = (opener.idcard()?, opener.idcard_model()?);
    let mut out = std::io::stdout().lock();
    for path in &options.images {
        let read = runtime.block_on(read(path, &pipeline, config))?;
        if options.json {
            let order = RecognitionOrder::parse(None, PurposeRule::Optional)?;
            let id = RequestId::fresh(&SystemClock);
            let answer = RecognitionAnswer::new(id, &order, vec![read.answer], model.clone());
            writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        } else {
            print_table(&mut out, path, &read.answer.recognition)?;
        }
        if let Some(picture) = &options.draw {
            std::fs::write(picture, redact::drawn(&read.pixels, &read.quads)?)
                .with_context(|| format!("failed to write {}", picture.display()))?;
        }
    }
    Ok(())
}

struct Read {
    answer: IdAnswer,
    /// Boxes of the fields.
    quads: Vec<Quad>,
    pixels: Arc<Pixels>,
}

async fn read(path: &Path, pipeline: &IdCardPipeline, config: &Config) -> anyhow::Result<Read> {
    let failed = || format!("failed to read {}", path.display());
    let bytes = std::fs::read(path).with_context(failed)?;
    let begun = SystemClock.now();
    let pixels = image::decode(&bytes, &image_limits(config)).with_context(failed)?;
    let size = (pixels.width, pixels.height);
    let pixels = Arc::new(pixels);
    let image = IdImage { pixels: Arc::clone(&pixels), wanted: Wanted::default() };
    let decoded = SystemClock.now();
    let today = Recogniser::today(&SystemClock);
    let recognition = pipeline.recognise(image, today, decoded + TIME).await?;
    let timings = Timings {
        queue: Duration::ZERO,
        decode: decoded.duration_since(begun),
        infer: SystemClock.now().duration_since(decoded),
    };
    let quads = recognition.fields.iter().map(|it| it.quad).collect();
    Ok(Read { answer: IdAnswer { recognition, size, timings }, quads, pixels })
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
