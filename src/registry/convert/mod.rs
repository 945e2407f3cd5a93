//! Weights that come in another form than the engines read: made here, out of verified parts, and hashed like the rest.
//!
//! A conversion is exact: the same parts give the same bytes on every machine, so its result has a SHA-256 in the
//! manifest like any other file, and a copy of the result from elsewhere is as good.

mod bytes;
mod ct2;
mod ggml;
mod half;
mod onnx;
mod quantise;
mod safetensors;
mod whisper;

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

pub use ggml::File as WhisperFile;
pub use quantise::Quantisation;

/// How the file of a manifest is made out of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    /// What the parts are.
    pub recipe: Recipe,
    /// How the weights are stored in the result.
    pub quantisation: Quantisation,
}

/// What the parts of a conversion are, in the order of the manifest. The result is a whisper.cpp (GGML) file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// A GGML file of f16 weights.
    WhisperGgml,
    /// A GGML file for its mel filters and vocabulary, then a CTranslate2 `model.bin` in any number of pieces.
    WhisperCt2,
    /// A GGML file for its mel filters and vocabulary, then encoder and merged decoder as dynamically quantised ONNX.
    WhisperOnnx,
    /// A GGML file for its mel filters and vocabulary, then safetensors under whisper.cpp's names, as training writes.
    WhisperSafetensors,
}

/// Why parts could not be converted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A part could not be read.
    #[error("failed to read a part: {0}")]
    Read(std::io::ErrorKind),
    /// The manifest lists too few or too many parts.
    #[error("the recipe wants other parts")]
    Parts,
    /// A part is not what the recipe says.
    #[error("a part is no well-formed {0} file")]
    Malformed(&'static str),
    /// A tensor is missing, or has another shape.
    #[error("the parts lack a usable `{0}`")]
    Tensor(String),
}

/// A tensor in single precision, row-major; dimensions outermost first.
pub struct Values {
    /// Dimensions.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: Vec<f32>,
}

/// Weights by the names that whisper.cpp gives them.
trait Weights {
    /// The tensor of that name.
    fn tensor(&self, name: &str) -> Result<Values, ConvertError>;
}

/// The file that `conversion` makes of `parts`.
///
/// # Errors
/// When the parts are not what the recipe says.
pub fn convert(conversion: Conversion, parts: &[PathBuf]) -> Result<Vec<u8>, ConvertError> {
    let read = |path: &PathBuf| fs::read(path).map_err(|it| ConvertError::Read(it.kind()));
    let (first, rest) = parts.split_first().ok_or(ConvertError::Parts)?;
    let frame_bytes = read(first)?;
    let frame = ggml::File::read(&frame_bytes)?;
    match (conversion.recipe, rest) {
        (Recipe::WhisperGgml, []) => ggml::write(&frame, &frame, conversion.quantisation),
        (Recipe::WhisperCt2, [_, ..]) => {
            let mut joined = Vec::new();
            for part in rest {
                joined.append(&mut read(part)?);
            }
            let weights = ct2::File::read(&joined)?;
            ggml::write(&frame, &weights, conversion.quantisation)
        }
        (Recipe::WhisperOnnx, [encoder, decoder]) => {
            let (encoder, decoder) = (read(encoder)?, read(decoder)?);
            let weights = onnx::Files::read(&encoder, &decoder)?;
            ggml::write(&frame, &weights, conversion.quantisation)
        }
        (Recipe::WhisperSafetensors, [weights]) => {
            let weights = read(weights)?;
            ggml::write(&frame, &safetensors::File::read(&weights)?, conversion.quantisation)
        }
        _ => Err(ConvertError::Parts),
    }
}

#[cfg(test)]
mod tests;
