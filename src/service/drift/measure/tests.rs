//! Figures of others' programs, and what holds of every pair of samples.

use crate::base::Chance;

use super::*;

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1e-6), "{found} {expected}");
}

#[test]
fn tails_are_those_of_others() {
    // Of scipy.stats.chi2.sf.
    let check = |x, degrees, expected| near(chi_square_tail(x, degrees), expected);
    check(0.5, 1, 0.479_500_12);
    check(10.83, 1, 9.986_863_8e-4);
    check(3.0, 2, 0.223_130_16);
    check(7.5, 3, 5.755_845_2e-2);
    check(30.0, 9, 4.387_217_7e-4);
    check(80.0, 40, 1.763_029_0e-4);
    check(300.0, 40, 1.495_597_0e-41);
    check(12.5, 1, 4.069_520_2e-4);
    check(0.0, 5, 1.0);
    check(9.0, 0, 1.0);
}

#[test]
fn the_distance_of_distributions() {
    let check = |a: &[f64], b: &[f64], expected| near(ks(a, b), expected);
    check(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.0);
    check(&[1.0, 2.0], &[3.0, 4.0], 1.0);
    check(&[1.0, 1.0, 2.0, 2.0], &[1.0, 2.0, 2.0, 2.0], 0.25);
    check(&[1.0, 2.0, 3.0, 4.0], &[2.5, 9.0], 0.5);
    check(&[], &[1.0], 0.0);
}

#[test]
fn the_chance_of_a_distance() {
    // Kolmogorov's distribution of scipy.special.kolmogorov at (√(n m / (n + m)) + 0.12 + …) d.
    let check = |d, n, m, expected| near(ks_p(d, n, m), expected);
    check(0.15, 1000, 200, 9.520_209_6e-4);
    check(0.1, 500, 500, 1.243_214_2e-2);
    check(0.05, 1000, 1000, 0.159_554_09);
    check(0.3, 40, 60, 2.061_487_1e-2);
    near(ks_p(0.0, 10, 10), 1.0);
    near(ks_p(0.5, 0, 10), 1.0);
}

#[test]
fn indexes_of_known_shares() {
    let table = Table { rows: vec![[500, 200], [300, 300], [200, 500]] };
    // Worked by hand of (count + 1/2) / (1000 + 3/2).
    let [a, b, c] = [(500.5, 200.5), (300.5, 300.5), (200.5, 500.5)];
    let psi = |it: (f64, f64)| (it.1 - it.0) / 1001.5 * (it.1 / it.0).ln();
    near(table.psi(), psi(a) + psi(b) + psi(c));
    let apart = Table { rows: vec![[1_000_000, 0], [0, 1_000_000]] };
    assert!((apart.jensen_shannon() - 1.0).abs() < 1e-4, "{}", apart.jensen_shannon());
    assert!(apart.psi().is_finite() && apart.p() < 1e-12);
    // Of scipy.stats.chi2_contingency(correction=False).
    near(table.p(), 1.452_573_2e-56);
    near(Table { rows: vec![[90, 20], [10, 8], [30, 9]] }.p(), 4.479_823_7e-2);
}

#[test]
fn rare_kinds_are_one() {
    let check = |table: Table, expected: &[[u64; 2]]| assert_eq!(table.rows, expected);
    check(Table::of_kinds([[90, 90], [4, 4], [3, 5], [0, 1]]), &[[90, 90], [7, 10]]);
    check(
        Table::of_ranges([[4, 4], [90, 80], [1, 2], [0, 1], [9, 9], [1, 1]]),
        &[[94, 84], [11, 13]],
    );
    check(Table::of_kinds([]), &[]);
    check(Table::of_ranges([[1, 1]]), &[[1, 1]]);
}

/// Counts of some kinds in a sample of `n`.
fn sample(weights: &[f32], n: usize, chance: &mut Chance) -> Vec<u64> {
    let total: f32 = weights.iter().sum();
    let mut counts = vec![0; weights.len()];
    for _ in 0..n {
        let mut at = chance.share() * total;
        let kind = weights.iter().position(|it| {
            at -= it;
            at < 0.0
        });
        counts[kind.unwrap_or(0)] += 1;
    }
    counts
}

#[test]
fn measures_hold_their_bounds() {
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        let weights: Vec<f32> = (0..2 + chance.below(30)).map(|_| chance.share()).collect();
        let others: Vec<f32> = weights.iter().map(|_| chance.share()).collect();
        let (n, m) = (1 + chance.below(900), 1 + chance.below(900));
        let (a, b) = (sample(&weights, n, &mut chance), sample(&others, m, &mut chance));
        let pairs = || a.iter().zip(&b).map(|(a, b)| [*a, *b]);
        for table in [Table::of_kinds(pairs()), Table::of_ranges(pairs())] {
            let swapped = Table { rows: table.rows.iter().map(|[a, b]| [*b, *a]).collect() };
            assert_eq!(totals(&table.rows), [n as u64, m as u64], "{seed}: nothing is lost");
            let (psi, js, p) = (table.psi(), table.jensen_shannon(), table.p());
            assert!(
                0.0 <= psi && (-1e-12..=1.0).contains(&js) && (0.0..=1.0).contains(&p),
                "{seed}"
            );
            assert!((psi - swapped.psi()).abs() < 1e-9, "{seed}: symmetric");
            assert!((js - swapped.jensen_shannon()).abs() < 1e-9, "{seed}: symmetric");
            assert!((p - swapped.p()).abs() < 1e-9, "{seed}: symmetric");
            // Of two distributions, JS in nats is an eighth of PSI at most: each term's series begins so and falls off.
            assert!(js * std::f64::consts::LN_2 <= psi / 8.0 + 1e-12, "{seed}: {js} {psi}");
        }
        let values = |n: usize, chance: &mut Chance| {
            let mut found: Vec<f64> = (0..n).map(|_| f64::from(chance.share()).powi(2)).collect();
            found.sort_by(f64::total_cmp);
            found
        };
        let (a, b) = (values(n, &mut chance), values(m, &mut chance));
        let distance = ks(&a, &b);
        near(distance, ks(&b, &a));
        // Only the order counts.
        let stretched = |it: &[f64]| it.iter().map(|it| it * 3.0 + 1.0).collect::<Vec<_>>();
        near(distance, ks(&stretched(&a), &stretched(&b)));
        assert!((0.0..=1.0).contains(&distance));
        assert!(ks_p(distance, n, m) <= ks_p(distance / 2.0, n, m), "farther is less likely");
    }
}
