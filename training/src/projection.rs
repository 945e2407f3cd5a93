//! From n-grams to a few hundred numbers: a random projection with signs drawn from each n-gram's key.
//!
//! Distances are kept up to some 1/√width (Johnson and Lindenstrauss, 1984; signs instead of normal numbers: Achlioptas,
//! 2003). The same seed and text give the same numbers everywhere; nothing is fitted, nothing kept.

use crate::linear::corpus::{Corpus, Counts, index};
use fenwen::base::Chance;

/// Signs that one draw gives.
const SIGNS: usize = 64;

/// How n-grams are projected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Projection {
    /// Of the signs.
    pub(crate) seed: u64,
    /// Numbers of a projected text.
    pub(crate) width: usize,
}

impl Projection {
    /// A text's values (see [`Corpus::values`]) as `width` numbers of norm 1; all zero when there are no values.
    pub(crate) fn apply(self, corpus: &Corpus, values: &Counts) -> Vec<f32> {
        let mut projected = vec![0.0_f32; self.width];
        for (number, value) in values {
            let key = u64::from(corpus.keys[index(*number)]);
            let mut chance = Chance::new(self.seed ^ key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            for part in projected.chunks_mut(SIGNS) {
                let mut signs = chance.next();
                for place in part {
                    let sign = u32::from(signs & 1 == 1) << 31;
                    *place += f32::from_bits(value.to_bits() ^ sign);
                    signs >>= 1;
                }
            }
        }
        normalise(&mut projected);
        projected
    }
}

/// Scales to norm 1; leaves zeros.
pub(crate) fn normalise(values: &mut [f32]) {
    let squares: f32 = values.iter().map(|it| it * it).sum();
    if 0.0 < squares {
        let norm = squares.sqrt();
        values.iter_mut().for_each(|it| *it /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::corpus::spec;
    use crate::linear::recipe::ViewPart;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn likeness_is_kept() {
        let views = [ViewPart::of(&[1, 2])];
        let texts =
            ["申請戶籍謄本需要哪些證件", "申請戶籍謄本要帶哪些證件", "路燈不亮請派員修復", ""];
        let rows: Vec<Vec<&str>> = texts.iter().map(|it| vec![*it]).collect();
        let corpus = Corpus::new(&spec(&views, &["text".to_owned()], &[]), &views, &rows);
        let idf = corpus.idf(&[0, 1, 2, 3]);
        let values: Vec<Counts> = (0..4).map(|it| corpus.values(it, &idf)).collect();
        let sparse = |a: usize, b: usize| -> f32 {
            let other = |number| values[b].iter().find(|it| it.0 == number).map_or(0.0, |it| it.1);
            values[a].iter().map(|(number, value)| value * other(*number)).sum()
        };
        let projection = Projection { seed: 1, width: 2048 };
        let dense: Vec<Vec<f32>> = values.iter().map(|it| projection.apply(&corpus, it)).collect();
        for (a, b) in [(0, 0), (0, 1), (0, 2), (1, 2)] {
            let (wide, narrow) = (sparse(a, b), dot(&dense[a], &dense[b]));
            assert!((wide - narrow).abs() < 0.08, "{wide} {narrow}");
        }
        assert_eq!(dense[3], vec![0.0; 2048]);
        assert_eq!(dense[0], projection.apply(&corpus, &values[0]));
        let other = Projection { seed: 2, ..projection };
        assert_ne!(dense[0], other.apply(&corpus, &values[0]));
    }
}
