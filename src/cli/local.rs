//! Reads ID images in this process, without a server: for `fenwen idcard` and for evaluation.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::runtime::Runtime;

use crate::base::{Clock, RequestId, SystemClock};
use crate::config::Config;
use crate::media::{Pixels, Quad};
use crate::pipeline::idcard::IdCardPipeline;
use crate::service::{Decode, PictureFiles};
use crate::task::idcard::{IdAnswer, IdImage, ModelInfo, Timings, Wanted};
use crate::wire::v1::meta::{PurposeRule, RecognitionOrder};
use crate::wire::v1::recognition::RecognitionAnswer;

use super::networks::Opener;
use super::recogniser::Recogniser;
use super::serve::limits::image_limits;

/// Longest time for one picture.
const TIME: Duration = Duration::from_secs(120);

/// The pipeline of ID images with a runtime of its own.
pub struct LocalReader {
    runtime: Runtime,
    pipeline: IdCardPipeline,
    model: ModelInfo,
    files: PictureFiles,
}

/// A picture and what was found in it.
pub struct LocalReading {
    /// What was found, and how long it took.
    pub answer: IdAnswer,
    /// The picture as displayed.
    pub pixels: Arc<Pixels>,
}

impl LocalReader {
    /// Opens the models that the settings name.
    pub fn open(config: &Config) -> anyhow::Result<LocalReader> {
        let opener = Opener::new(config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(opener.blocking_threads())
            .build()
            .context("無法啟動執行環境")?;
        Ok(LocalReader {
            runtime,
            pipeline: opener.idcard()?,
            model: opener.idcard_model()?,
            files: PictureFiles { limits: image_limits(config) },
        })
    }

    /// Decodes and reads one picture file.
    pub fn read(&self, file: &[u8]) -> anyhow::Result<LocalReading> {
        let begun = SystemClock.now();
        let pixels = self.files.decode(file).map_err(|it| anyhow!(it.message))?;
        let pixels = Arc::new(pixels);
        let decoded = SystemClock.now();
        let image = IdImage { pixels: Arc::clone(&pixels), wanted: Wanted::default() };
        let today = Recogniser::today(&SystemClock);
        let recognition =
            self.runtime.block_on(self.pipeline.recognise(image, today, decoded + TIME))?;
        let timings = Timings {
            queue: Duration::ZERO,
            decode: decoded.duration_since(begun),
            infer: SystemClock.now().duration_since(decoded),
        };
        let size = (pixels.width, pixels.height);
        Ok(LocalReading { answer: IdAnswer { recognition, size, timings }, pixels })
    }

    /// The answer as it would be sent over HTTP.
    pub fn document(&self, answer: IdAnswer) -> anyhow::Result<RecognitionAnswer> {
        let order = RecognitionOrder::parse(None, PurposeRule::Optional)?;
        let id = RequestId::fresh(&SystemClock);
        RecognitionAnswer::new(id, &order, vec![answer], self.model.clone())
            .context("有影像沒有得到答案")
    }
}

impl LocalReading {
    /// Boxes of the fields, in their order.
    pub fn quads(&self) -> Vec<Quad> {
        self.answer.recognition.fields.iter().map(|it| it.quad).collect()
    }
}
