//! Named arrays, as the weights of a network lie in a file: a NumPy archive or safetensors.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use zip::result::ZipError;

use crate::engine::candle::npz;

/// Most arrays of a file.
pub(super) const MAX_ARRAYS: usize = 256;
/// Most bytes of all arrays together.
pub(super) const MAX_BYTES: u64 = 1 << 28;
/// How a zip file begins; no safetensors file does, its header would be too long.
const ZIP: &[u8] = b"PK\x03\x04";

/// Arrays by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrays(BTreeMap<String, Array>);

/// One array, in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Dimensions, outermost first; none for a single number.
    pub shape: Vec<usize>,
    /// Elements, as many as the dimensions say.
    pub values: Values,
}

/// Elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Bytes.
    U8(Vec<u8>),
    /// 32-bit integers without a sign.
    U32(Vec<u32>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// Of a type that no network here uses.
    Other,
}

/// Why a file of arrays is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArraysError {
    /// It is neither a NumPy archive nor safetensors.
    #[error("not a readable archive: {0}")]
    Archive(String),
    /// It is larger than any honest one.
    #[error("the archive has more than {MAX_ARRAYS} arrays or {MAX_BYTES} bytes")]
    TooLarge,
    /// The named array cannot be read.
    #[error("array `{0}` is damaged")]
    Damaged(String),
    /// The named array is not what was wanted.
    #[error("array `{0}` is missing or is not {1}")]
    Unexpected(String, String),
}

impl From<ZipError> for ArraysError {
    fn from(error: ZipError) -> ArraysError {
        ArraysError::Archive(error.to_string())
    }
}

impl From<SafeTensorError> for ArraysError {
    fn from(error: SafeTensorError) -> ArraysError {
        ArraysError::Archive(error.to_string())
    }
}

impl Arrays {
    /// Reads every array of a NumPy archive or of a safetensors file.
    ///
    /// # Errors
    /// When it is neither, is damaged or too large.
    pub fn read(bytes: &[u8]) -> Result<Arrays, ArraysError> {
        if bytes.starts_with(ZIP) {
            return Ok(Arrays(npz::read(bytes)?));
        }
        let file = SafeTensors::deserialize(bytes)?;
        if MAX_ARRAYS < file.len() || MAX_BYTES < bytes.len() as u64 {
            return Err(ArraysError::TooLarge);
        }
        let arrays = file.iter().map(|(name, view)| (name.to_owned(), Array::of(&view)));
        Ok(Arrays(arrays.collect()))
    }

    /// The bytes of a safetensors file of these arrays, without those of a type that no network uses. The same arrays
    /// give the same bytes.
    ///
    /// # Errors
    /// When an array's elements do not fit its shape.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, ArraysError> {
        let raw: Vec<(&String, &Array, Dtype, Vec<u8>)> = self
            .0
            .iter()
            .filter_map(|(name, array)| {
                let (kind, bytes) = array.bytes()?;
                Some((name, array, kind, bytes))
            })
            .collect();
        let views = raw
            .iter()
            .map(|(name, array, kind, bytes)| {
                Ok((*name, TensorView::new(*kind, array.shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, ArraysError>>()?;
        Ok(safetensors::serialize(views, None)?)
    }

    /// The array of this name.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.0.get(name)
    }

    /// Adds an array, in place of one of the same name.
    pub fn insert(&mut self, name: &str, array: Array) {
        self.0.insert(name.to_owned(), array);
    }

    /// Whether there is an array of this name.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The outermost dimension of an array; 0 without one.
    pub(super) fn len_of(&self, name: &str) -> usize {
        self.0.get(name).and_then(|it| it.shape.first()).copied().unwrap_or(0)
    }

    /// Takes out a float array of `shape`.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ArraysError> {
        match self.0.remove(name) {
            Some(Array { shape: found, values: Values::F32(values) }) if found == shape => {
                Ok(values)
            }
            _ => Err(unexpected(name, "f32", shape)),
        }
    }

    /// Takes out a byte array of `shape`.
    pub(super) fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<Vec<u8>, ArraysError> {
        match self.0.remove(name) {
            Some(Array { shape: found, values: Values::U8(values) }) if found == shape => {
                Ok(values)
            }
            _ => Err(unexpected(name, "u8", shape)),
        }
    }

    /// Takes out a list of integers.
    pub(super) fn integers(&mut self, name: &str) -> Result<Vec<u32>, ArraysError> {
        match self.0.remove(name) {
            Some(Array { shape, values: Values::U32(values) }) if shape == [values.len()] => {
                Ok(values)
            }
            _ => Err(unexpected(name, "u32", &[])),
        }
    }

    /// Takes out a single number.
    pub(super) fn number(&mut self, name: &str) -> Result<f64, ArraysError> {
        match self.0.remove(name) {
            Some(Array { values: Values::F64(values), .. }) if values.len() == 1 => Ok(values[0]),
            _ => Err(unexpected(name, "f64", &[])),
        }
    }
}

impl Array {
    /// A copy of a tensor of a safetensors file.
    fn of(view: &TensorView<'_>) -> Array {
        let data = view.data();
        let values = match view.dtype() {
            Dtype::U8 => Values::U8(data.to_vec()),
            Dtype::U32 => {
                Values::U32(data.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect())
            }
            Dtype::F32 => {
                Values::F32(data.as_chunks().0.iter().map(|it| f32::from_le_bytes(*it)).collect())
            }
            Dtype::F64 => {
                Values::F64(data.as_chunks().0.iter().map(|it| f64::from_le_bytes(*it)).collect())
            }
            _ => Values::Other,
        };
        Array { shape: view.shape().to_vec(), values }
    }

    fn bytes(&self) -> Option<(Dtype, Vec<u8>)> {
        Some(match &self.values {
            Values::U8(values) => (Dtype::U8, values.clone()),
            Values::U32(values) => {
                (Dtype::U32, values.iter().flat_map(|it| it.to_le_bytes()).collect())
            }
            Values::F32(values) => {
                (Dtype::F32, values.iter().flat_map(|it| it.to_le_bytes()).collect())
            }
            Values::F64(values) => {
                (Dtype::F64, values.iter().flat_map(|it| it.to_le_bytes()).collect())
            }
            Values::Other => return None,
        })
    }
}

fn unexpected(name: &str, element: &str, shape: &[usize]) -> ArraysError {
    ArraysError::Unexpected(name.to_owned(), format!("{element}{shape:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrays() -> Arrays {
        let mut arrays = Arrays::default();
        for (name, shape, values) in [
            ("bytes", vec![3], Values::U8(vec![1, 2, 3])),
            ("integers", vec![2], Values::U32(vec![7, u32::MAX])),
            ("floats", vec![1, 2], Values::F32(vec![0.5, -1.0])),
            ("number", vec![], Values::F64(vec![1e-12])),
        ] {
            arrays.insert(name, Array { shape, values });
        }
        arrays
    }

    #[test]
    fn safetensors_are_written_and_read() {
        let bytes = arrays().to_safetensors().unwrap();
        assert_eq!(bytes, arrays().to_safetensors().unwrap());
        let mut found = Arrays::read(&bytes).unwrap();
        assert_eq!(found, arrays());
        assert_eq!(found.bytes("bytes", &[3]).unwrap(), [1, 2, 3]);
        assert_eq!(found.integers("integers").unwrap(), [7, u32::MAX]);
        assert_eq!(found.floats("floats", &[1, 2]).unwrap(), [0.5, -1.0]);
        assert_eq!(found.number("number").unwrap(), 1e-12);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let bytes = arrays().to_safetensors().unwrap();
        for len in [0, 5, bytes.len() - 1] {
            assert!(matches!(Arrays::read(&bytes[..len]), Err(ArraysError::Archive(_))), "{len}");
        }
        let mut found = Arrays::read(&bytes).unwrap();
        assert!(found.integers("bytes").is_err());
        assert!(found.floats("floats", &[2]).is_err());
        let mut short = Arrays::default();
        short.insert("a", Array { shape: vec![2], values: Values::F32(vec![1.0]) });
        assert!(short.to_safetensors().is_err());
        short.insert("a", Array { shape: vec![2], values: Values::Other });
        assert_eq!(Arrays::read(&short.to_safetensors().unwrap()).unwrap(), Arrays::default());
    }
}
