//! Which texts mean what a question means: cosines of the sentence encoder's vectors, less what any text would get.
//!
//! Some vectors are near to all others and would answer everything (hubs; Radovanović et al., JMLR 2010). Each cosine
//! is lowered by a share of the source's mean cosine to its nearest neighbours (after Conneau et al., ICLR 2018). On 753
//! questions of Kaohsiung City, words and meanings together then find the source first in 0.746 instead of 0.736.

use super::index::IndexError;

/// Nearest neighbours that are looked at, and the sources among which they are looked for.
const NEIGHBOURS: usize = 10;
const MAX_SAMPLE: usize = 500;
/// The share of their mean cosine that is taken off.
const CROWDING: f32 = 0.4;

/// Vectors of the sources by the sentence encoder: for each the vector of its question, then that of its answer.
#[derive(Clone, PartialEq)]
pub struct Vectors {
    /// Numbers of one vector.
    pub width: usize,
    /// All vectors, one after another. A source without a question has its answer twice.
    pub values: Vec<f32>,
    /// For each vector its mean cosine to its nearest neighbours.
    pub nearness: Vec<f32>,
}

impl Vectors {
    /// Vectors of this width whose neighbours are looked for: seconds for ten thousand sources, so that an index keeps
    /// what was found.
    pub fn new(width: usize, values: Vec<f32>) -> Vectors {
        let mut vectors = Vectors { width, values, nearness: Vec::new() };
        vectors.nearness = nearness(&vectors);
        vectors
    }
}

/// Vectors that can be searched. No `Debug`: it is large.
pub(super) struct DenseIndex {
    vectors: Vectors,
    /// What is taken off the cosine of each vector.
    crowding: Vec<f32>,
}

impl DenseIndex {
    /// An index of the vectors of `n_sources` sources.
    pub(super) fn new(vectors: Vectors, n_sources: usize) -> Result<DenseIndex, IndexError> {
        let (width, n_values) = (vectors.width, vectors.values.len());
        let is_known = vectors.nearness.len() == 2 * n_sources;
        if width == 0 || n_values != 2 * width * n_sources || !is_known {
            return Err(IndexError::Vectors { n_sources, n_values, width });
        }
        let crowding = vectors.nearness.iter().map(|it| CROWDING * it).collect();
        Ok(DenseIndex { vectors, crowding })
    }

    pub(super) fn width(&self) -> usize {
        self.vectors.width
    }

    /// How near each source is to a question's vector: the better of its question and its answer.
    pub(super) fn likeness(&self, asked: &[f32]) -> Result<Vec<f32>, IndexError> {
        let width = self.vectors.width;
        if asked.len() != width {
            return Err(IndexError::Width { found: asked.len(), known: width });
        }
        let likeness: Vec<f32> = self
            .vectors
            .values
            .chunks_exact(width)
            .zip(&self.crowding)
            .map(|(vector, crowding)| dot(vector, asked) - crowding)
            .collect();
        Ok(likeness.chunks_exact(2).map(|it| it.iter().copied().fold(-2.0, f32::max)).collect())
    }
}

/// For each vector its mean cosine to its nearest neighbours of the same kind.
fn nearness(vectors: &Vectors) -> Vec<f32> {
    let rows: Vec<&[f32]> = vectors.values.chunks_exact(vectors.width.max(1)).collect();
    let n_sources = rows.len() / 2;
    let step = n_sources.div_ceil(MAX_SAMPLE).max(1);
    let mut cosines = Vec::with_capacity(MAX_SAMPLE);
    let mut nearness = Vec::with_capacity(rows.len());
    for (idx, row) in rows.iter().enumerate() {
        let (own, kind) = (idx / 2, idx % 2);
        cosines.clear();
        let others = (0..n_sources).step_by(step).filter(|it| *it != own);
        let others = others.filter_map(|it| rows.get(2 * it + kind));
        cosines.extend(others.map(|it| dot(it, row)));
        let n_near = NEIGHBOURS.min(cosines.len());
        if n_near < cosines.len() {
            cosines.select_nth_unstable_by(n_near, |a, b| b.total_cmp(a));
        }
        let sum: f32 = cosines.iter().take(n_near).sum();
        nearness.push(sum / n_near.max(1) as f32);
    }
    nearness
}

/// The product of two vectors of one length, in sixteen sums that the compiler keeps in registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(values: &[f32]) -> DenseIndex {
        let vectors = Vectors::new(2, values.to_vec());
        DenseIndex::new(vectors, values.len() / 4).unwrap()
    }

    #[test]
    fn the_better_of_question_and_answer_counts() {
        let one = index(&[1.0, 0.0, 0.0, 1.0]);
        assert_eq!(one.likeness(&[0.6, 0.8]).unwrap(), [0.8], "alone it has no neighbours");
        assert_eq!(one.likeness(&[1.0]), Err(IndexError::Width { found: 1, known: 2 }));
        assert!(DenseIndex::new(Vectors::new(2, vec![0.0; 3]), 1).is_err());
        let unknown = Vectors { width: 2, values: vec![0.0; 4], nearness: Vec::new() };
        assert!(DenseIndex::new(unknown, 1).is_err());
    }

    #[test]
    fn a_vector_near_to_all_is_held_back() {
        let three = [[1.0, 0.0], [0.0, 1.0], [0.7, 0.7]].map(|it| [it, it].concat()).concat();
        let found = index(&three).likeness(&[1.0, 0.0]).unwrap();
        let expected = [1.0 - CROWDING * 0.35, 0.0 - CROWDING * 0.35, 0.7 - CROWDING * 0.7];
        let differs = found.iter().zip(expected).any(|(a, b)| 1e-6 < (a - b).abs());
        assert!(!differs, "{found:?} {expected:?}");
    }

    #[test]
    fn products_of_any_length() {
        let a: Vec<f32> = (0_u8..37).map(f32::from).collect();
        let expected: f32 = a.iter().map(|it| it * it).sum();
        assert_eq!(dot(&a, &a), expected);
    }
}
