//! whisper.cpp's own file: header, mel filters, vocabulary, tensors.

use super::bytes::Bytes;
use super::quantise::{BLOCK, Quantisation};
use super::{ConvertError, Values, Weights, half, whisper};

const MAGIC: u32 = 0x6767_6d6c;
/// Numbers of the header.
const N_HEADER: usize = 11;
/// Which of them are the width of the network (twice), its heads (twice), its layers (twice) and the file type.
const WIDTHS: [usize; 2] = [2, 6];
const HEADS: [usize; 2] = [3, 7];
const LAYERS: [usize; 2] = [4, 8];
const FILE_TYPE: usize = 10;
/// Values of one attention head, in every Whisper.
const HEAD_WIDTH: usize = 64;
/// Tensors that stay in single precision although they are no vectors.
const EXACT: [&str; 4] = [
    "encoder.conv1.bias",
    "encoder.conv2.bias",
    "encoder.positional_embedding",
    "decoder.positional_embedding",
];

/// A file in memory.
pub struct File<'a> {
    header: [u32; N_HEADER],
    /// Mel filters and vocabulary, as they lie.
    middle: &'a [u8],
    /// Mel filters: bands, frequencies of each, and the weights as they lie.
    filters: (usize, usize, &'a [u8]),
    /// The bytes of each token; those after the end are marks that have none.
    tokens: Vec<&'a [u8]>,
    tensors: Vec<Tensor<'a>>,
}

struct Tensor<'a> {
    name: &'a str,
    shape: Vec<usize>,
    kind: u32,
    data: &'a [u8],
}

impl<'a> File<'a> {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is not one.
    pub fn read(bytes: &'a [u8]) -> Result<File<'a>, ConvertError> {
        read(bytes).ok_or(ConvertError::Malformed("GGML"))
    }

    /// Number of tokens, marks included.
    pub fn n_tokens(&self) -> usize {
        self.header.first().map_or(0, |it| *it as usize)
    }

    /// Bytes of the tokens that have some, by their ids.
    pub fn tokens(&self) -> &[&'a [u8]] {
        &self.tokens
    }

    /// The mel filters: a row of frequencies for each band.
    pub fn mel_filters(&self) -> Values {
        let (n_bands, n_bins, bytes) = self.filters;
        Values { shape: vec![n_bands, n_bins], data: float_values(bytes).collect() }
    }

    /// A tensor by the name that whisper.cpp gives it, in single precision.
    ///
    /// # Errors
    /// When there is none.
    pub fn values(&self, name: &str) -> Result<Values, ConvertError> {
        self.tensor(name)
    }

    /// Names of all tensors, in the order of the file.
    pub fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|it| it.name)
    }

    /// Names of the tensors of a network with so many layers of each side, in the order of this file.
    fn names(&self, n_layers: impl Fn(&str) -> usize) -> Vec<String> {
        let mut names = Vec::new();
        let mut begun = Vec::new();
        for tensor in &self.tensors {
            let Some((side, _, _)) = whisper::block(tensor.name) else {
                names.push(tensor.name.to_owned());
                continue;
            };
            if begun.contains(&side) {
                continue;
            }
            begun.push(side);
            let of_first = self.tensors.iter().filter_map(|it| match whisper::block(it.name) {
                Some((its_side, 0, rest)) if its_side == side => Some(rest),
                _ => None,
            });
            let of_first: Vec<&str> = of_first.collect();
            for layer in 0..n_layers(side) {
                names.extend(of_first.iter().map(|it| format!("{side}.blocks.{layer}.{it}")));
            }
        }
        names
    }
}

fn read(bytes: &[u8]) -> Option<File<'_>> {
    let mut bytes = Bytes(bytes);
    if bytes.u32()? != MAGIC {
        return None;
    }
    let mut header = [0; N_HEADER];
    for number in &mut header {
        *number = bytes.u32()?;
    }
    let from = bytes;
    let (n_bands, n_bins) = (bytes.count()?, bytes.count()?);
    let filters = (n_bands, n_bins, bytes.take(n_bands.checked_mul(n_bins)?.checked_mul(4)?)?);
    let mut tokens = Vec::new();
    for _ in 0..bytes.count()? {
        let len = bytes.count()?;
        tokens.push(bytes.take(len)?);
    }
    let middle = from.0.get(..from.0.len() - bytes.0.len())?;
    let mut tensors = Vec::new();
    while !bytes.0.is_empty() {
        let (n_dims, name_len, kind) = (bytes.count()?, bytes.count()?, bytes.u32()?);
        let mut shape = Vec::new();
        for _ in 0..n_dims.min(5) {
            shape.push(usize::try_from(bytes.u32()?).ok()?);
        }
        shape.reverse();
        let name = std::str::from_utf8(bytes.take(name_len)?).ok()?;
        let n_values = shape.iter().try_fold(1_usize, |product, it| product.checked_mul(*it))?;
        let n_bytes = match kind {
            0 => n_values.checked_mul(4)?,
            1 => n_values.checked_mul(2)?,
            7 => (n_values / BLOCK).checked_mul(24)?,
            8 => (n_values / BLOCK).checked_mul(34)?,
            _ => return None,
        };
        tensors.push(Tensor { name, shape, kind, data: bytes.take(n_bytes)? });
    }
    Some(File { header, middle, filters, tokens, tensors })
}

impl Weights for File<'_> {
    fn tensor(&self, name: &str) -> Result<Values, ConvertError> {
        let found = self.tensors.iter().find(|it| it.name == name);
        let tensor = found.ok_or_else(|| ConvertError::Tensor(name.to_owned()))?;
        let data = match tensor.kind {
            0 => float_values(tensor.data).collect(),
            1 => half_values(tensor.data).collect(),
            7 => Quantisation::Q5_1.values(tensor.data),
            _ => Quantisation::Q8_0.values(tensor.data),
        };
        Ok(Values { shape: tensor.shape.clone(), data })
    }
}

fn float_values(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|it| f32::from_le_bytes(it.try_into().unwrap_or_default()))
}

/// Halves, little-endian.
pub(super) fn half_values(bytes: &[u8]) -> impl Iterator<Item = f32> {
    let half = |it: &[u8]| half::to_f32(u16::from_le_bytes(it.try_into().unwrap_or_default()));
    bytes.chunks_exact(2).map(half)
}

/// A file with the mel filters, the vocabulary and the order of `frame`, and with the tensors of `weights`.
pub(super) fn write(
    frame: &File<'_>,
    weights: &dyn Weights,
    quantisation: Quantisation,
) -> Result<Vec<u8>, ConvertError> {
    let position = weights.tensor("encoder.positional_embedding")?;
    let width = position.shape.last().copied().unwrap_or_default();
    let n_layers = |side: &str| (0..).take_while(|it| has_layer(weights, side, *it)).count();
    let both = |value| [value, value];
    let layers = ["encoder", "decoder"].map(n_layers);
    let mut header = frame.header;
    for (slots, values) in
        [(WIDTHS, both(width)), (HEADS, both(width / HEAD_WIDTH)), (LAYERS, layers)]
    {
        for (slot, value) in slots.into_iter().zip(values) {
            if let Some(number) = header.get_mut(slot) {
                *number = u32::try_from(value).unwrap_or_default();
            }
        }
    }
    if let Some(number) = header.get_mut(FILE_TYPE) {
        *number = quantisation.file_type();
    }
    let mut out = MAGIC.to_le_bytes().to_vec();
    out.extend(header.iter().flat_map(|it| it.to_le_bytes()));
    out.extend(frame.middle);
    for name in frame.names(n_layers) {
        let values = weights.tensor(&name)?;
        append(&name, &values, quantisation, &mut out);
    }
    Ok(out)
}

fn has_layer(weights: &dyn Weights, side: &str, layer: usize) -> bool {
    weights.tensor(&format!("{side}.blocks.{layer}.mlp_ln.bias")).is_ok()
}

fn append(name: &str, values: &Values, quantisation: Quantisation, out: &mut Vec<u8>) {
    let n_dims = values.shape.len();
    let is_exact = n_dims < 2 || EXACT.contains(&name);
    // whisper.cpp quantises matrices only; a matrix whose rows are no whole blocks does not occur.
    let kept = match n_dims {
        2 => quantisation,
        _ => Quantisation::F16,
    };
    let number = |it: usize| u32::try_from(it).unwrap_or_default().to_le_bytes();
    out.extend(number(n_dims));
    out.extend(number(name.len()));
    out.extend(if is_exact { 0 } else { kept.tensor_type() }.to_le_bytes());
    out.extend(values.shape.iter().rev().flat_map(|it| number(*it)));
    out.extend(name.as_bytes());
    if is_exact {
        out.extend(values.data.iter().flat_map(|it| it.to_le_bytes()));
    } else if kept == Quantisation::F16 {
        kept.append(&values.data, out);
    } else {
        // Rounded to halves first, as whoever quantises a published f16 file does.
        let rounded: Vec<f32> =
            values.data.iter().map(|it| half::to_f32(half::from_f32(*it))).collect();
        kept.append(&rounded, out);
    }
}
