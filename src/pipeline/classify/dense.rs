//! The head over a sentence encoder's embedding, and its late fusion with the linear scores.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::ClassifyError;

/// One hyperplane for each class over a frozen encoder's embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseHead {
    /// Length of an embedding.
    pub width: usize,
    /// `[class][width]`, over embeddings of L2 norm 1.
    pub weights: Vec<f32>,
    /// One for each class.
    pub bias: Vec<f32>,
}

impl DenseHead {
    /// Reads `dense.safetensors`: `weights` (class × width) and `bias` (class), 32-bit floats.
    ///
    /// # Errors
    /// When it is no such file, or not for `n_classes` classes.
    pub fn load(bytes: &[u8], n_classes: usize) -> Result<DenseHead, ClassifyError> {
        let file = SafeTensors::deserialize(bytes)?;
        let weights = file.tensor("weights")?;
        let &[rows, width] = weights.shape() else {
            return Err(ClassifyError::Settings("the encoder's head has another shape"));
        };
        let bias = file.tensor("bias")?;
        if rows != n_classes || width == 0 || bias.shape() != [n_classes] {
            return Err(ClassifyError::Settings("the encoder's head has another shape"));
        }
        Ok(DenseHead { width, weights: floats(&weights)?, bias: floats(&bias)? })
    }

    /// The bytes of `dense.safetensors`.
    ///
    /// # Errors
    /// When the lengths do not fit.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ClassifyError> {
        let bytes =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|it| it.to_le_bytes()).collect() };
        let (weights, bias) = (bytes(&self.weights), bytes(&self.bias));
        let n_classes = self.bias.len();
        let tensors = [
            ("bias", TensorView::new(Dtype::F32, vec![n_classes], &bias)?),
            ("weights", TensorView::new(Dtype::F32, vec![n_classes, self.width], &weights)?),
        ];
        Ok(safetensors::serialize(tensors, None)?)
    }

    /// One score for each class.
    ///
    /// # Errors
    /// When the embedding has another length or is not finite.
    pub fn scores(&self, embedding: &[f32]) -> Result<Vec<f32>, ClassifyError> {
        if embedding.len() != self.width || !embedding.iter().all(|it| it.is_finite()) {
            return Err(ClassifyError::Embedding { width: self.width });
        }
        let norm = embedding.iter().map(|it| it * it).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        let rows = self.weights.chunks_exact(self.width).zip(&self.bias);
        Ok(rows
            .map(|(row, bias)| {
                row.iter().zip(embedding).map(|(a, b)| a * b).sum::<f32>() / norm + bias
            })
            .collect())
    }
}

/// `z(linear) + weight · z(dense)`: each list less its mean, over its standard deviation.
pub fn fuse(linear: &[f32], dense: &[f32], weight: f32) -> Vec<f32> {
    let sum = |(a, b): (f32, f32)| a + weight * b;
    z_scores(linear).into_iter().zip(z_scores(dense)).map(sum).collect()
}

fn z_scores(values: &[f32]) -> Vec<f32> {
    let n = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / n;
    let variance = values.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / n;
    let deviation = variance.sqrt().max(1e-6);
    values.iter().map(|it| (it - mean) / deviation).collect()
}

fn floats(tensor: &TensorView<'_>) -> Result<Vec<f32>, ClassifyError> {
    let (words, rest) = tensor.data().as_chunks::<4>();
    let values: Vec<f32> = words.iter().map(|it| f32::from_le_bytes(*it)).collect();
    let whole = tensor.dtype() == Dtype::F32 && rest.is_empty();
    if whole && values.iter().all(|it| it.is_finite()) {
        Ok(values)
    } else {
        Err(ClassifyError::Settings("the encoder's head holds no finite numbers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> DenseHead {
        DenseHead { width: 3, weights: vec![1.0, 0.0, 0.0, 0.0, 2.0, 0.0], bias: vec![0.5, 0.0] }
    }

    #[test]
    fn scores_are_of_the_direction() {
        let loaded = DenseHead::load(&head().to_bytes().unwrap(), 2).unwrap();
        assert_eq!(loaded, head());
        assert_eq!(loaded.scores(&[0.0, 5.0, 0.0]).unwrap(), [0.5, 2.0]);
        assert!(loaded.scores(&[0.0; 3]).unwrap().iter().all(|it| it.is_finite()));
    }

    #[test]
    fn other_shapes_are_refused() {
        let bytes = head().to_bytes().unwrap();
        assert!(DenseHead::load(&bytes, 3).is_err());
        assert!(DenseHead::load(&bytes[..bytes.len() - 1], 2).is_err());
        assert!(head().scores(&[0.0; 2]).is_err());
        assert!(head().scores(&[f32::NAN, 0.0, 0.0]).is_err());
    }

    #[test]
    fn fusion_weighs_shapes_not_sizes() {
        let linear = [1.0, 0.0, 0.0];
        assert_eq!(fuse(&linear, &[0.0, 9.0, 0.0], 0.0), fuse(&linear, &[7.0, 8.0, 9.0], 0.0));
        let fused = fuse(&linear, &[0.0, 900.0, 0.0], 2.0);
        assert!(fused[0] < fused[1], "{fused:?}");
        assert_eq!(fuse(&[1.0, 1.0], &[3.0, 3.0], 0.5), [0.0, 0.0]);
    }
}
