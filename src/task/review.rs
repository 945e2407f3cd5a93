//! How far officers agree with each other.

/// Agreement of the pairs of decisions of one kind in one month.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// What was reviewed: `letter` or `document`.
    pub kind: &'static str,
    /// Month of the second decision in Taiwan, such as `2026-11`.
    pub month: String,
    /// Cohen's kappa of it.
    pub kappa: Kappa,
}

/// How far two raters agree (J. Cohen, Educational and Psychological Measurement 20, 1960).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kappa {
    /// Pairs.
    pub n: usize,
    /// Share of pairs that agree.
    pub observed: f64,
    /// Share that would agree by chance, given how often each rater gives each label.
    pub expected: f64,
    /// Agreement beyond chance, at most 1; none without pairs, or where chance alone would make every pair agree.
    pub value: Option<f64>,
}
