//! How far two samples lie apart, and how likely that is by chance. Computation only.

/// Fewer expected cases of a kind say nothing by themselves (W. G. Cochran, Biometrics 10, 1954).
const LEAST_EXPECTED: f64 = 5.0;
/// Added to each count, so that a kind that one sample lacks has a finite weight (H. Jeffreys, 1946).
const PRIOR: f64 = 0.5;

/// Cases of each kind in two samples. Kinds too rare to count are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    rows: Vec<[u64; 2]>,
}

impl Table {
    /// Of counts of kinds without an order: the rare ones become one kind.
    pub fn of_kinds(counts: impl IntoIterator<Item = [u64; 2]>) -> Table {
        let counts: Vec<[u64; 2]> = counts.into_iter().collect();
        let is_rare = expectation(&counts);
        let (rare, mut rows): (Vec<_>, Vec<_>) = counts.into_iter().partition(|it| is_rare(*it));
        let other = rare.iter().fold([0, 0], |sum, it| [sum[0] + it[0], sum[1] + it[1]]);
        if other != [0, 0] {
            rows.push(other);
        }
        Table { rows }
    }

    /// Of counts in an order: a rare one joins the next.
    pub fn of_ranges(counts: impl IntoIterator<Item = [u64; 2]>) -> Table {
        let counts: Vec<[u64; 2]> = counts.into_iter().collect();
        let is_rare = expectation(&counts);
        let mut rows: Vec<[u64; 2]> = Vec::new();
        let mut open = [0, 0];
        for it in counts {
            open = [open[0] + it[0], open[1] + it[1]];
            if !is_rare(open) {
                rows.push(open);
                open = [0, 0];
            }
        }
        match rows.last_mut() {
            Some(last) => *last = [last[0] + open[0], last[1] + open[1]],
            None if open != [0, 0] => rows.push(open),
            None => (),
        }
        Table { rows }
    }

    /// Shares of each kind in both samples; none is 0.
    fn shares(&self) -> impl Iterator<Item = [f64; 2]> {
        let total = totals(&self.rows).map(|it| it as f64 + PRIOR * self.rows.len() as f64);
        self.rows
            .iter()
            .map(move |it| [(it[0] as f64 + PRIOR) / total[0], (it[1] as f64 + PRIOR) / total[1]])
    }

    /// Population stability index: 0 for equal shares; from 0.1 on one looks, from 0.2 or 0.25 on one acts (N. Siddiqi,
    /// Credit Risk Scorecards, 2006).
    pub fn psi(&self) -> f64 {
        self.shares().map(|[a, b]| (b - a) * (b / a).ln()).sum()
    }

    /// Jensen–Shannon divergence in bits: 0 for equal shares, 1 for samples that share nothing (J. Lin, IEEE Trans.
    /// Information Theory 37, 1991).
    pub fn jensen_shannon(&self) -> f64 {
        let half = |it: f64, middle: f64| it * (it / middle).log2() / 2.0;
        self.shares()
            .map(|[a, b]| {
                let middle = (a + b) / 2.0;
                half(a, middle) + half(b, middle)
            })
            .sum()
    }

    /// How likely shares of two samples of one population lie this far apart: Pearson's test of homogeneity.
    pub fn p(&self) -> f64 {
        let [n, m] = totals(&self.rows).map(|it| it as f64);
        if n == 0.0 || m == 0.0 {
            return 1.0;
        }
        let statistic: f64 = self
            .rows
            .iter()
            .map(|&[a, b]| {
                let both = (a + b) as f64;
                let (of_a, of_b) = (both * n / (n + m), both * m / (n + m));
                (a as f64 - of_a).powi(2) / of_a + (b as f64 - of_b).powi(2) / of_b
            })
            .sum();
        chi_square_tail(statistic, self.rows.len().saturating_sub(1))
    }
}

fn totals(counts: &[[u64; 2]]) -> [u64; 2] {
    counts.iter().fold([0, 0], |sum, it| [sum[0] + it[0], sum[1] + it[1]])
}

/// Whether a kind is too rare in the smaller sample.
fn expectation(counts: &[[u64; 2]]) -> impl Fn([u64; 2]) -> bool + use<> {
    let [n, m] = totals(counts);
    let share = n.min(m) as f64 / (n + m).max(1) as f64;
    move |it| ((it[0] + it[1]) as f64) * share < LEAST_EXPECTED
}

/// The greatest distance between two distributions (Kolmogorov–Smirnov), of samples in order; 0 when one is empty.
pub fn ks(a: &[f64], b: &[f64]) -> f64 {
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let (mut of_a, mut of_b, mut greatest) = (0, 0, 0.0_f64);
    while let (Some(x), Some(y)) = (a.get(of_a), b.get(of_b)) {
        // Equal values are passed together: the distance counts between values only.
        let value = x.min(*y);
        of_a += a.iter().skip(of_a).take_while(|it| **it <= value).count();
        of_b += b.iter().skip(of_b).take_while(|it| **it <= value).count();
        let distance = of_a as f64 / a.len() as f64 - of_b as f64 / b.len() as f64;
        greatest = greatest.max(distance.abs());
    }
    greatest
}

/// How likely two samples of one population have this distance (M. A. Stephens, J. R. Statist. Soc. B 32, 1970); too large
/// where values repeat.
pub fn ks_p(distance: f64, n: usize, m: usize) -> f64 {
    if n == 0 || m == 0 {
        return 1.0;
    }
    let effective = (n as f64 * m as f64 / (n + m) as f64).sqrt();
    let lambda = (effective + 0.12 + 0.11 / effective) * distance;
    // Below, the series does not converge, and the answer is 1 to three digits.
    if lambda < 0.4 {
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 1.0 } else { -1.0 };
        2.0 * sign * (-2.0 * (f64::from(k) * lambda).powi(2)).exp()
    };
    (1..=50).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// The tail of χ² with so many degrees of freedom.
fn chi_square_tail(statistic: f64, degrees: usize) -> f64 {
    if degrees == 0 {
        return 1.0;
    }
    // Q(1/2, x) = erfc √x, Q(1, x) = e⁻ˣ, and Q(a+1, x) = Q(a, x) + xᵃ e⁻ˣ / Γ(a+1).
    let x = statistic / 2.0;
    let is_odd = degrees % 2 == 1;
    let (mut tail, mut a) = if is_odd { (erfc(x.sqrt()), 0.5) } else { ((-x).exp(), 1.0) };
    // xᵃ / Γ(a+1), in logarithms: Γ(3/2) = √π / 2.
    let mut term =
        if is_odd { 0.5 * x.ln() - (std::f64::consts::PI.sqrt() / 2.0).ln() } else { x.ln() };
    while a + 0.25 < degrees as f64 / 2.0 {
        if 0.0 < x {
            tail += (term - x).exp();
        }
        a += 1.0;
        term += x.ln() - a.ln();
    }
    tail.clamp(0.0, 1.0)
}

/// 1 − erf, for numbers from 0 on: the series below 2.5, the continued fraction above.
fn erfc(x: f64) -> f64 {
    let square = (-x * x).exp();
    if x < 2.5 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while 1e-17 * sum < term {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - std::f64::consts::FRAC_2_SQRT_PI * square * sum;
    }
    let fraction = (1..=60).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    square / (fraction * std::f64::consts::PI.sqrt())
}

#[cfg(test)]
mod tests;
