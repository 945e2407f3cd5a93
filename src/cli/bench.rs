//! `fenwen bench`: how fast each network runs on this machine's device, as a Markdown table.
//!
//! Measured through the same engines as the server's, without HTTP and queues; the whole of an ID image through its
//! pipeline. Made-up inputs of usual sizes; pictures and a recording where they are given.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;

use crate::base::Chance;
use crate::config::Config;
use crate::engine::speech::{DecodeOptions, Language, RATE, ShouldStop};
use crate::engine::{self, Placement, TensorModel};
use crate::media::audio::{AudioLimits, AudioReader, Chunk};
use crate::tensor::Tensor;

use super::encoder::ENCODER;
use super::local::LocalReader;
use super::networks::{DETECTOR, Opener, RECOGNISER};

/// Token ids of the made-up texts of the encoder: lengths of letters' sentences, from a few to a long paragraph.
const TEXT_LENS: [usize; 8] = [8, 16, 24, 32, 48, 64, 96, 160];
/// Floating-point operations of the encoder for each token: its projection from 512 numbers to three branches of 256,
/// and in each branch two convolutions, over 2, 3 and 5 tokens.
const FLOPS_PER_TOKEN: f64 = 2.0 * (512.0 * 768.0 + 2.0 * (2.0 + 3.0 + 5.0) * 256.0 * 256.0);
/// Seconds of sound in one window.
const WINDOW: usize = 25;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// 證件影像檔:量測整個識別流程(可多個)
    #[arg(long = "image", value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// 錄音檔:量測語音模型
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// 每項至少量測幾秒
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// Measures everything and prints the table.
pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<()> {
    let opener = Opener::new(config)?;
    let time = Duration::from_secs(options.seconds);
    let rate = head(&opener)?;
    encoder(&opener, time, rate)?;
    let picture = |shape: [usize; 4]| Tensor::f32(shape, noise(shape.iter().product()));
    for (name, id, side, batches) in [
        ("文字偵測 640 × 960", DETECTOR, [640, 960], [1, 4, 8]),
        ("文字辨識 48 × 320", RECOGNISER, [48, 320], [1, 16, 64]),
    ] {
        let mut model = single(&opener, id)?;
        for n_rows in batches {
            let input = picture([n_rows, 3, side[0], side[1]])?;
            let each = measure(time, || Ok(model.run(std::slice::from_ref(&input), &mut |_| ())?))?;
            Row { name, n_rows, each, amount: n_rows as f64, unit: "張", note: String::new() }
                .write()?;
        }
    }
    drop(opener);
    if !options.images.is_empty() {
        pictures(&options.images, config, time)?;
    }
    if let Some(path) = &options.audio {
        speech(path, config, time)?;
    }
    Ok(())
}

/// One measurement: `each` is the time of a batch of `n_rows`, which is `amount` of `unit`.
struct Row<'a> {
    name: &'a str,
    n_rows: usize,
    each: Duration,
    amount: f64,
    unit: &'a str,
    note: String,
}

impl Row<'_> {
    /// Writes it at once: the next takes its time.
    fn write(&self) -> anyhow::Result<()> {
        let Row { name, n_rows, unit, note, .. } = self;
        let seconds = self.each.as_secs_f64();
        let (millis, rate) = (seconds * 1e3, self.amount / seconds);
        let mut out = std::io::stdout().lock();
        writeln!(out, "| {name} | {n_rows} | {millis:.2} | {rate:.1} {unit} | {note} |")?;
        Ok(out.flush()?)
    }
}

/// What stands above the rows: the device, and what nothing there is faster than, in operations a second.
fn head(opener: &Opener) -> anyhow::Result<f64> {
    let mut out = std::io::stdout().lock();
    let rate = engine::matrix_rate(opener.device())?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let shown = rate / 1e12;
    writeln!(out, "裝置 {},{cores} 核心,矩陣乘積 {shown:.2} TFLOP/s\n", opener.device())?;
    writeln!(out, "| 項目 | 一批 | 一批毫秒 | 每秒 | |\n|---|---:|---:|---:|---|")?;
    Ok(rate)
}

/// Median time of a run: two to warm up, then at least three, for at least `time`.
fn measure(
    time: Duration,
    mut run: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<Duration> {
    run()?;
    run()?;
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || begun.elapsed() < time {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("沒有可量測的項目")
}

/// The only copy of a model.
fn single(opener: &Opener, id: &str) -> anyhow::Result<Box<dyn TensorModel>> {
    let placement = Placement { sessions: 1, ..opener.placement() };
    opener.copies(&opener.verified(id)?, placement)?.pop().context("沒有可用的模型副本")
}

fn encoder(opener: &Opener, time: Duration, rate: f64) -> anyhow::Result<()> {
    let mut model = single(opener, ENCODER)?;
    for n_rows in [1, 8, 64, 512, 2048] {
        let lens = || TEXT_LENS.iter().cycle().take(n_rows);
        let width = lens().copied().max().unwrap_or_default();
        let mut chance = Chance::new(7);
        let mut ids = Vec::with_capacity(n_rows * width);
        for len in lens() {
            ids.extend((0..*len).map(|_| 1 + (chance.next() % 60_000).cast_signed()));
            ids.resize(ids.len().next_multiple_of(width), 0);
        }
        let n_tokens: usize = lens().sum();
        let input = Tensor::i64([n_rows, width], ids)?;
        let each = measure(time, || Ok(model.run(std::slice::from_ref(&input), &mut |_| ())?))?;
        let tokens = n_tokens as f64 / each.as_secs_f64();
        let share = 100.0 * tokens * FLOPS_PER_TOKEN / rate;
        let note = format!("{tokens:.0} 個詞元/秒,為矩陣乘積上限的 {share:.1}%");
        let amount = n_rows as f64;
        Row { name: "語意向量", n_rows, each, amount, unit: "篇", note }.write()?;
    }
    Ok(())
}

/// The whole of ID images, read side by side.
fn pictures(images: &[PathBuf], config: &Config, time: Duration) -> anyhow::Result<()> {
    let read =
        |it: &PathBuf| std::fs::read(it).with_context(|| format!("無法讀取 {}", it.display()));
    let images = images.iter().map(read).collect::<anyhow::Result<Vec<Vec<u8>>>>()?;
    let reader = LocalReader::open(config)?;
    for n_readers in [1, 8, 32] {
        let n_images = n_readers.max(images.len());
        let next = AtomicUsize::new(0);
        let each = measure(time, || {
            next.store(0, Ordering::Relaxed);
            thread::scope(|scope| {
                let readers: Vec<_> = (0..n_readers)
                    .map(|_| {
                        scope.spawn(|| -> anyhow::Result<()> {
                            loop {
                                let idx = next.fetch_add(1, Ordering::Relaxed);
                                if n_images <= idx {
                                    return Ok(());
                                }
                                let image = images.get(idx % images.len());
                                reader.read(image.context("沒有影像")?)?;
                            }
                        })
                    })
                    .collect();
                readers.into_iter().try_for_each(|it| it.join().map_err(|_| panicked())?)
            })
        })?;
        // With fewer readers than pictures each reads several.
        let each = each.mul_f64(n_readers as f64 / n_images as f64);
        let (name, amount) = ("證件影像(整個流程)", n_readers as f64);
        Row { name, n_rows: n_readers, each, amount, unit: "張", note: String::new() }.write()?;
    }
    Ok(())
}

fn panicked() -> anyhow::Error {
    anyhow::anyhow!("量測的執行緒異常終止")
}

/// Windows of a recording, decoded at a time.
fn speech(path: &Path, config: &Config, time: Duration) -> anyhow::Result<()> {
    let samples = samples(path)?;
    let windows: Vec<&[f32]> = samples.chunks_exact(WINDOW * RATE as usize).collect();
    ensure!(!windows.is_empty(), "{} 短於 {WINDOW} 秒", path.display());
    let opener = Opener::new(config)?;
    let (model, mut workers) = super::speech::models(&opener, config, 64)?;
    let options = DecodeOptions {
        language: Language::Mandarin,
        temperature: 0.0,
        beams: 1,
        prompt: None,
        is_draft: false,
    };
    let never: ShouldStop = Arc::new(|| false);
    for n_windows in [1, 16, 64] {
        let each = measure(time, || {
            thread::scope(|scope| {
                let (options, never) = (&options, &never);
                let workers = workers.iter_mut().take(n_windows);
                let running: Vec<_> = workers
                    .zip(windows.iter().cycle().copied())
                    .map(|(model, window)| {
                        scope.spawn(move || model.hear(window, options, never).map(drop))
                    })
                    .collect();
                running.into_iter().try_for_each(|it| Ok(it.join().map_err(|_| panicked())??))
            })
        })?;
        let seconds = (n_windows * WINDOW) as f64;
        let note = format!("即時的 {:.0} 倍", seconds / each.as_secs_f64());
        let name = &format!("語音 {}", model.name);
        Row { name, n_rows: n_windows, each, amount: seconds, unit: "秒錄音", note }.write()?;
    }
    Ok(())
}

/// The first channel of a recording, at the models' rate.
fn samples(path: &Path) -> anyhow::Result<Vec<f32>> {
    let failed = || format!("無法讀取 {}", path.display());
    let file = BufReader::new(File::open(path).with_context(failed)?);
    let mut reader = AudioReader::open(file, &AudioLimits::default()).with_context(failed)?;
    let (mut samples, mut chunk) = (Vec::new(), Chunk::default());
    while reader.read(&mut chunk).with_context(failed)? {
        samples.extend_from_slice(chunk.channels.first().map_or(&[], Vec::as_slice));
    }
    samples.extend_from_slice(chunk.channels.first().map_or(&[], Vec::as_slice));
    Ok(samples)
}

/// Values between -1 and 1.
fn noise(len: usize) -> Vec<f32> {
    let mut chance = Chance::new(11);
    (0..len).map(|_| 2.0 * chance.share() - 1.0).collect()
}
