//! CTranslate2's `model.bin`: named arrays, version 6 and its neighbours.

use std::collections::HashMap;

use super::bytes::Bytes;
use super::ggml::half_values;
use super::{ConvertError, Values, Weights, whisper};

/// A file in memory.
pub(super) struct File<'a> {
    arrays: HashMap<&'a str, Array<'a>>,
}

struct Array<'a> {
    shape: Vec<usize>,
    kind: u8,
    data: &'a [u8],
}

const F32: u8 = 0;
const F16: u8 = 4;

impl<'a> File<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<File<'a>, ConvertError> {
        read(bytes).ok_or(ConvertError::Malformed("CTranslate2"))
    }
}

fn read(bytes: &[u8]) -> Option<File<'_>> {
    let mut bytes = Bytes(bytes);
    let _version = bytes.u32()?;
    let _specification = text(&mut bytes)?;
    let _revision = bytes.u32()?;
    let n_arrays = bytes.count()?;
    let mut arrays = HashMap::new();
    for _ in 0..n_arrays {
        let name = text(&mut bytes)?;
        let n_dims = bytes.u8()?;
        let mut shape = Vec::new();
        for _ in 0..n_dims {
            shape.push(usize::try_from(bytes.u32()?).ok()?);
        }
        let kind = bytes.u8()?;
        let n_bytes = bytes.count()?;
        arrays.insert(name, Array { shape, kind, data: bytes.take(n_bytes)? });
    }
    Some(File { arrays })
}

/// A text of at most 65 535 bytes that ends with a zero.
fn text<'a>(bytes: &mut Bytes<'a>) -> Option<&'a str> {
    let len = bytes.u16()?;
    std::str::from_utf8(bytes.take(len.into())?).ok().map(|it| it.trim_end_matches('\0'))
}

impl Weights for File<'_> {
    fn tensor(&self, name: &str) -> Result<Values, ConvertError> {
        self.find(name).ok_or_else(|| ConvertError::Tensor(name.to_owned()))
    }
}

impl File<'_> {
    fn find(&self, name: &str) -> Option<Values> {
        let place = whisper::ct2_place(name)?;
        let array = self.arrays.get(place.array.as_str())?;
        let all: Vec<f32> = match array.kind {
            F32 => {
                let value = |it: &[u8]| f32::from_le_bytes(it.try_into().unwrap_or_default());
                array.data.chunks_exact(4).map(value).collect()
            }
            F16 => half_values(array.data).collect(),
            _ => return None,
        };
        let mut shape = array.shape.clone();
        let n_values = shape.iter().try_fold(1_usize, |product, it| product.checked_mul(*it))?;
        let rows = shape.first_mut()?;
        if n_values != all.len() || *rows % place.parts != 0 {
            return None;
        }
        *rows /= place.parts;
        let len = n_values / place.parts;
        let data = all.get(place.part * len..(place.part + 1) * len)?.to_vec();
        // whisper.cpp adds these to an image of one column.
        if name.starts_with("encoder.conv") && name.ends_with(".bias") {
            shape.push(1);
        }
        Some(Values { shape, data })
    }
}
