//! Isotonic regression by pooling adjacent violators (Barlow et al., 1972), for calibrating scores.

/// A score and whether the value it was given to was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Raw score, 0 to 1.
    pub(crate) score: f64,
    /// Whether the value was right.
    pub(crate) is_right: bool,
}

/// A block of equal fitted probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block {
    /// Mean raw score of its outcomes.
    pub(crate) score: f64,
    /// Fitted probability: right ones plus one, over all plus two (Laplace), so that no block promises certainty.
    pub(crate) probability: f64,
    /// Outcomes pooled.
    pub(crate) n: usize,
}

/// Fits a non-decreasing step function of the score; blocks hold at least `min_block` outcomes where possible.
pub(crate) fn fit(outcomes: &[Outcome], min_block: usize) -> Vec<Block> {
    let mut sorted = outcomes.to_vec();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let mut pools: Vec<Pool> = Vec::new();
    for chunk in equal_score_chunks(&sorted, min_block.max(1)) {
        pools.push(Pool::of(chunk));
        while let [.., before, last] = pools.as_slice()
            && last.probability() <= before.probability()
        {
            let merged = before.merge(last);
            pools.truncate(pools.len() - 2);
            pools.push(merged);
        }
    }
    pools
        .iter()
        .map(|it| Block { score: it.sum / it.n as f64, probability: it.probability(), n: it.n })
        .collect()
}

#[derive(Clone, Copy)]
struct Pool {
    sum: f64,
    n_right: usize,
    n: usize,
}

impl Pool {
    fn of(outcomes: &[Outcome]) -> Pool {
        Pool {
            sum: outcomes.iter().map(|it| it.score).sum(),
            n_right: outcomes.iter().filter(|it| it.is_right).count(),
            n: outcomes.len(),
        }
    }

    fn merge(&self, other: &Pool) -> Pool {
        Pool {
            sum: self.sum + other.sum,
            n_right: self.n_right + other.n_right,
            n: self.n + other.n,
        }
    }

    fn probability(&self) -> f64 {
        (self.n_right as f64 + 1.0) / (self.n as f64 + 2.0)
    }
}

/// Chunks of at least `min_block`, never splitting equal scores.
fn equal_score_chunks(sorted: &[Outcome], min_block: usize) -> Vec<&[Outcome]> {
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < sorted.len() {
        let mut end = (start + min_block).min(sorted.len());
        while end < sorted.len() && sorted[end].score == sorted[end - 1].score {
            end += 1;
        }
        if sorted.len() - end < min_block {
            end = sorted.len();
        }
        chunks.push(&sorted[start..end]);
        start = end;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(rows: &[(f64, bool)]) -> Vec<Outcome> {
        rows.iter().map(|&(score, is_right)| Outcome { score, is_right }).collect()
    }

    #[test]
    fn the_fit_never_decreases_and_keeps_every_outcome() {
        let rows: Vec<(f64, bool)> =
            (0..1000_u32).map(|i| (f64::from(i) / 1000.0, (i * 7919) % 1000 < i)).collect();
        let blocks = fit(&outcomes(&rows), 50);
        assert!(blocks.len() > 5, "{blocks:?}");
        assert!(blocks.is_sorted_by(|a, b| a.score < b.score && a.probability < b.probability));
        assert_eq!(blocks.iter().map(|it| it.n).sum::<usize>(), 1000);
        // The outcomes were drawn with probability = score.
        assert!(blocks.iter().all(|it| (it.probability - it.score).abs() < 0.12), "{blocks:?}");
    }

    #[test]
    fn violators_are_pooled() {
        let rows = [(0.1, true), (0.2, true), (0.3, false), (0.4, false)];
        let blocks = fit(&outcomes(&rows), 1);
        assert_eq!(blocks, [Block { score: 0.25, probability: 0.5, n: 4 }]);
    }

    #[test]
    fn equal_scores_stay_together() {
        let rows = [(0.5, true); 10];
        assert_eq!(fit(&outcomes(&rows), 3).len(), 1);
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(fit(&[], 10), []);
    }
}
