//! What several areas need: the real models, from the store that `fenwen models pull` fills.

use fenwen::config::{Config, Overrides};
use fenwen::registry::VerifiedFile;

/// SHA-256 of the sentence encoder's weights.
#[cfg(feature = "candle")]
pub(crate) const ENCODER: &str = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9";
/// SHA-256 of its tokenizer.
#[cfg(feature = "candle")]
pub(crate) const TOKENIZER: &str =
    "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9";
/// SHA-256 of the text detector.
pub(crate) const DETECTOR: &str =
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f";
/// SHA-256 of the text recogniser.
pub(crate) const RECOGNISER: &str =
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884";
/// SHA-256 of the classifier that tells upright lines from others.
#[cfg(feature = "candle")]
pub(crate) const CLASSIFIER: &str =
    "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c";
/// SHA-256 of the finder of faces.
#[cfg(feature = "candle")]
pub(crate) const FACE_FINDER: &str =
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4";
/// SHA-256 of Whisper base.
#[cfg(all(feature = "candle", feature = "whisper"))]
pub(crate) const WHISPER_BASE: &str =
    "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9";
/// SHA-256 of ONNX Runtime for this platform.
pub(crate) const ONNX_RUNTIME: &str =
    "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3";

/// A pulled file, by its hash. Without it the test fails and says what to do.
#[expect(clippy::panic, reason = "a test without its model has failed")]
pub(crate) fn pulled(sha256: &str) -> VerifiedFile {
    let store = Config::read(&Overrides::default()).unwrap().model_store();
    VerifiedFile::check(&store.join(sha256), sha256)
        .unwrap_or_else(|err| panic!("{err}; run `fenwen models pull` first"))
}
