//! Safetensors under the names of whisper.cpp, in single precision.

use safetensors::{Dtype, SafeTensors};

use super::{ConvertError, Values, Weights};

/// A file in memory.
pub(super) struct File<'a>(SafeTensors<'a>);

impl<'a> File<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<File<'a>, ConvertError> {
        let read = SafeTensors::deserialize(bytes);
        read.map(File).map_err(|_| ConvertError::Malformed("safetensors"))
    }
}

impl Weights for File<'_> {
    fn tensor(&self, name: &str) -> Result<Values, ConvertError> {
        let missing = || ConvertError::Tensor(name.to_owned());
        let tensor = self.0.tensor(name).map_err(|_| missing())?;
        if tensor.dtype() != Dtype::F32 {
            return Err(missing());
        }
        let number = |it: &[u8]| f32::from_le_bytes(it.try_into().unwrap_or_default());
        let data = tensor.data().chunks_exact(4).map(number).collect();
        Ok(Values { shape: tensor.shape().to_vec(), data })
    }
}
