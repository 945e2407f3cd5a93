//! Squared-hinge SVM by dual coordinate descent with shrinking (Hsieh et al., ICML 2008), one problem for each class;
//! ridge regression on ±1 is the same problem without the bound of the dual variables.
//!
//! Every class is solved by itself with a seed of its own, so the result does not depend on the number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::corpus::{Counts, index};
use super::recipe::{Loss, SolverPart};
use fenwen::base::Chance;

/// Training texts with the cost of an error on each.
pub(crate) struct Examples {
    /// Values of each text.
    pub(crate) rows: Vec<Counts>,
    /// Cost of an error, where 1 is usual.
    pub(crate) weights: Vec<f32>,
    /// Number of features.
    pub(crate) n_features: usize,
    /// Value of the constant feature behind the bias: the smaller, the less the bias moves. 1 is usual.
    pub(crate) constant: f32,
    /// Where the planes begin, one for each class: what is learned is the difference to it. Empty: from nothing.
    pub(crate) start: Vec<Plane>,
}

/// A hyperplane.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plane {
    /// One for each feature.
    pub(crate) weights: Vec<f32>,
    /// Offset.
    pub(crate) bias: f32,
}

impl Plane {
    /// The signed distance of a text, in units of the margin.
    pub(crate) fn score(&self, row: &Counts) -> f32 {
        row.iter().map(|(number, value)| self.weights[index(*number)] * value).sum::<f32>()
            + self.bias
    }

    /// Adds `factor` times another plane.
    pub(crate) fn add(&mut self, other: &Plane, factor: f32) {
        self.weights.iter_mut().zip(&other.weights).for_each(|(a, b)| *a += factor * b);
        self.bias += factor * other.bias;
    }
}

/// Solves one problem for each of `n_classes`; `labels` says which class a text is of. `done` is called after each.
pub(crate) fn solve_all(
    examples: &Examples,
    labels: &[usize],
    n_classes: usize,
    settings: &Settings<'_>,
) -> Vec<Plane> {
    let mut counts = vec![0_usize; n_classes];
    labels.iter().for_each(|it| counts[*it] += 1);
    let squares: Vec<f32> = examples
        .rows
        .iter()
        .map(|row| row.iter().map(|it| it.1 * it.1).sum::<f32>() + examples.constant.powi(2))
        .collect();
    let share = |class: usize| labels.len() as f32 / n_classes as f32 / counts[class].max(1) as f32;
    let of_row = |label: &usize| share(*label).powf(settings.part.row_balance);
    let weights: Vec<f32> =
        examples.weights.iter().zip(labels).map(|(weight, label)| weight * of_row(label)).collect();
    let next = AtomicUsize::new(0);
    let planes: Mutex<Vec<Plane>> = Mutex::new(vec![Plane::default(); n_classes]);
    std::thread::scope(|scope| {
        for _ in 0..settings.threads.clamp(1, n_classes.max(1)) {
            scope.spawn(|| {
                loop {
                    let class = next.fetch_add(1, Ordering::Relaxed);
                    if n_classes <= class {
                        break;
                    }
                    let own = settings.part.own * share(class).powf(settings.part.balance);
                    let problem = Problem {
                        examples,
                        start: examples.start.get(class),
                        squares: &squares,
                        weights: &weights,
                        is_own: labels.iter().map(|it| *it == class).collect(),
                        costs: [settings.part.cost, settings.part.cost * own],
                    };
                    let seed = settings.seed ^ (class as u64).wrapping_mul(0x9e37_79b9);
                    let plane = problem.solve(settings.part, Chance::new(seed));
                    if let Ok(mut planes) = planes.lock() {
                        planes[class] = plane;
                    }
                    (settings.done)();
                }
            });
        }
    });
    planes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// How to solve.
pub(crate) struct Settings<'a> {
    /// Of the recipe.
    pub(crate) part: &'a SolverPart,
    /// Seed.
    pub(crate) seed: u64,
    /// Threads, at least 1.
    pub(crate) threads: usize,
    /// Called after every class.
    pub(crate) done: &'a (dyn Fn() + Sync),
}

/// One class against the rest.
struct Problem<'a> {
    examples: &'a Examples,
    /// The plane that the distance is measured from; the origin without.
    start: Option<&'a Plane>,
    /// Squared norm of each text with its constant feature for the bias.
    squares: &'a [f32],
    /// Cost of an error on each text, where 1 is usual.
    weights: &'a [f32],
    is_own: Vec<bool>,
    /// Of the rest, of the class's own texts.
    costs: [f32; 2],
}

/// Bounds of the projected gradients of one round; variables outside the last round's are left alone.
#[derive(Clone, Copy)]
struct Bounds {
    low: f32,
    high: f32,
}

impl Problem<'_> {
    fn solve(&self, part: &SolverPart, mut chance: Chance) -> Plane {
        let n = self.examples.rows.len();
        let origin = || Plane { weights: vec![0.0; self.examples.n_features], bias: 0.0 };
        let mut plane = self.start.cloned().unwrap_or_else(origin);
        let mut alphas = vec![0.0_f32; n];
        let mut order: Vec<usize> = (0..n).collect();
        let mut n_active = n;
        let mut last = Bounds { low: f32::NEG_INFINITY, high: f32::INFINITY };
        for _ in 0..part.max_rounds {
            chance.shuffle(&mut order[..n_active]);
            let mut bounds = Bounds { low: f32::INFINITY, high: f32::NEG_INFINITY };
            let mut idx = 0;
            while idx < n_active {
                let text = order[idx];
                let (gradient, is_zero) = self.gradient(&plane, text, alphas[text]);
                let is_idle = is_zero && part.loss == Loss::SquaredHinge;
                if is_idle && last.high < gradient {
                    n_active -= 1;
                    order.swap(idx, n_active);
                    continue;
                }
                let projected = if is_idle { gradient.min(0.0) } else { gradient };
                bounds.low = bounds.low.min(projected);
                bounds.high = bounds.high.max(projected);
                if 1e-12 < projected.abs() {
                    let least = match part.loss {
                        Loss::SquaredHinge => 0.0,
                        Loss::Squared => f32::NEG_INFINITY,
                    };
                    let alpha = &mut alphas[text];
                    let change = self.step(text, alpha, gradient, least);
                    self.move_plane(&mut plane, text, change);
                }
                idx += 1;
            }
            if bounds.high - bounds.low <= part.tolerance {
                if n_active == n {
                    break;
                }
                // Solved without the ones left alone: look at them all once more.
                n_active = n;
                last.high = f32::INFINITY;
                continue;
            }
            last.high = if bounds.high <= 0.0 { f32::INFINITY } else { bounds.high };
        }
        plane
    }

    fn sign_and_diagonal(&self, text: usize) -> (f32, f32) {
        let is_own = self.is_own[text];
        let cost = self.costs[usize::from(is_own)] * self.weights[text];
        (if is_own { 1.0 } else { -1.0 }, 0.5 / cost)
    }

    /// The gradient of the dual for one text, and whether its variable lies at its bound of zero.
    fn gradient(&self, plane: &Plane, text: usize, alpha: f32) -> (f32, bool) {
        let (sign, diagonal) = self.sign_and_diagonal(text);
        let score = plane.score(&self.examples.rows[text]);
        (sign * score - 1.0 + diagonal * alpha, alpha == 0.0)
    }

    /// Moves one variable to its best place, not below `least`; returns what it changes along the text.
    fn step(&self, text: usize, alpha: &mut f32, gradient: f32, least: f32) -> f32 {
        let (sign, diagonal) = self.sign_and_diagonal(text);
        let before = *alpha;
        *alpha = (before - gradient / (self.squares[text] + diagonal)).max(least);
        (*alpha - before) * sign
    }

    fn move_plane(&self, plane: &mut Plane, text: usize, change: f32) {
        for (number, value) in &self.examples.rows[text] {
            plane.weights[index(*number)] += change * value;
        }
        plane.bias += change * self.examples.constant.powi(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes told apart by features 0 and 1; feature 2 is everywhere.
    fn examples() -> (Examples, Vec<usize>) {
        let mut rows = Vec::new();
        let mut labels = Vec::new();
        for idx in 0..40_u8 {
            let class = idx % 2;
            let noise = f32::from(idx % 5) / 10.0;
            rows.push(vec![(u32::from(class), 0.8), (2, 0.4 + noise)]);
            labels.push(usize::from(class));
        }
        let weights = vec![1.0; rows.len()];
        (Examples { rows, weights, n_features: 3, constant: 1.0, start: Vec::new() }, labels)
    }

    fn solve(threads: usize, part: &SolverPart) -> Vec<Plane> {
        let (examples, labels) = examples();
        solve_all(&examples, &labels, 2, &Settings { part, seed: 5, threads, done: &|| () })
    }

    #[test]
    fn classes_are_told_apart() {
        let planes = solve(1, &SolverPart::default());
        let (examples, labels) = examples();
        for (row, label) in examples.rows.iter().zip(labels) {
            assert!(planes[1 - label].score(row) < planes[label].score(row));
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let part = SolverPart::default();
        assert_eq!(solve(1, &part), solve(4, &part));
    }

    /// The primal gradient is zero at the optimum: w = Σ 2 C max(0, 1 − y s) y x.
    #[test]
    fn the_optimum_is_reached() {
        let part = SolverPart { tolerance: 1e-5, max_rounds: 2000, ..SolverPart::default() };
        let plane = &solve(1, &part)[0];
        let (examples, labels) = examples();
        let mut gradient = [0.0_f32; 3];
        for (row, label) in examples.rows.iter().zip(labels) {
            let sign = if label == 0 { 1.0 } else { -1.0 };
            let slack = (1.0 - sign * plane.score(row)).max(0.0);
            row.iter().for_each(|(number, value)| {
                gradient[index(*number)] += 2.0 * part.cost * slack * sign * value;
            });
        }
        for (weight, gradient) in plane.weights.iter().zip(gradient) {
            assert!((weight - gradient).abs() < 1e-2, "{weight} {gradient}");
        }
    }

    /// Texts that the planes already tell apart with room to spare teach nothing.
    #[test]
    fn a_start_that_is_right_stays() {
        let (mut examples, labels) = examples();
        let part = SolverPart::default();
        let settings = Settings { part: &part, seed: 5, threads: 1, done: &|| () };
        let far = |own: usize| {
            let mut weights = vec![-9.0, -9.0, 0.0];
            weights[own] = 9.0;
            Plane { weights, bias: 0.0 }
        };
        examples.start = vec![far(0), far(1)];
        assert_eq!(solve_all(&examples, &labels, 2, &settings), examples.start);
        examples.start = vec![far(1), far(0)];
        let turned = solve_all(&examples, &labels, 2, &settings);
        for (row, label) in examples.rows.iter().zip(labels) {
            assert!(turned[1 - label].score(row) < turned[label].score(row));
        }
    }

    /// The normal equations: w = Σ 2 C (y − s) x, whichever side of the margin.
    #[test]
    fn ridge_regression_is_solved() {
        let part = SolverPart {
            loss: Loss::Squared,
            tolerance: 1e-5,
            max_rounds: 2000,
            ..SolverPart::default()
        };
        let plane = &solve(1, &part)[0];
        let (examples, labels) = examples();
        let mut gradient = [0.0_f32; 3];
        for (row, label) in examples.rows.iter().zip(labels) {
            let sign = if label == 0 { 1.0 } else { -1.0 };
            let error = sign - plane.score(row);
            row.iter().for_each(|(number, value)| {
                gradient[index(*number)] += 2.0 * part.cost * error * value;
            });
        }
        for (weight, gradient) in plane.weights.iter().zip(gradient) {
            assert!((weight - gradient).abs() < 1e-2, "{weight} {gradient}");
        }
    }

    #[test]
    fn balance_lifts_the_rare_class() {
        let (mut examples, mut labels) = examples();
        for _ in 0..400 {
            examples.rows.push(vec![(2, 0.9), (0, 0.4)]);
            examples.weights.push(1.0);
            labels.push(1);
        }
        let row = vec![(0, 0.6), (2, 0.7)];
        let score = |balance: f32| {
            let part = SolverPart { balance, ..SolverPart::default() };
            let settings = Settings { part: &part, seed: 5, threads: 1, done: &|| () };
            solve_all(&examples, &labels, 2, &settings)[0].score(&row)
        };
        assert!(score(0.0) < score(1.0));
    }
}
