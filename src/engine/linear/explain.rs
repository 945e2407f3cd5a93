//! Which characters drove a class.

use super::features::place;
use super::{Features, LinearModel, Scratch, grams};

/// What one n-gram of the text added to a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// Index of the input.
    pub input: usize,
    /// First of the n-gram's normalised characters.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// Its share, negative where it speaks against the class.
    pub weight: f32,
}

impl LinearModel {
    /// What every known n-gram of a text adds to the score of `class`, and with a runner-up how much more than to that one's;
    /// in the order of the views and places. `features` are those of the text.
    ///
    /// They sum up to the class's score less its bias; an n-gram that occurs more than once shares its contribution
    /// evenly. An unknown class has none.
    pub fn explain(
        &self,
        inputs: &[&[char]],
        features: &Features,
        (class, runner_up): (usize, Option<usize>),
        scratch: &mut Scratch,
    ) -> Vec<Contribution> {
        let Some(scale) = self.scale.get(class) else { return Vec::new() };
        let other = runner_up.and_then(|it| Some((it, *self.scale.get(it)?)));
        scratch.shares.resize(self.n_features(), (0, 0.0));
        for (feature, value) in &features.entries {
            let weight = |class, scale| f32::from(self.rows.weight(*feature, class)) * scale;
            let against = other.map_or(0.0, |(class, scale)| weight(class, scale));
            scratch.shares[place(*feature)].1 = value * (weight(class, *scale) - against);
        }
        let mut places = Vec::with_capacity(features.n_grams);
        for view in &self.spec.views {
            grams(view.chars(inputs), view.field, view.order_bits(), |key, start, order| {
                if let Some(feature) = self.table.get(key) {
                    scratch.shares[place(feature)].0 += 1;
                    places.push((feature, view.input, start, start + order));
                }
            });
        }
        let share = |(feature, input, start, end): (u32, usize, usize, usize)| {
            let (count, weight) = scratch.shares[place(feature)];
            Contribution { input, start, end, weight: weight / count as f32 }
        };
        let found = places.into_iter().map(share).collect();
        for (feature, _) in &features.entries {
            scratch.shares[place(*feature)] = (0, 0.0);
        }
        found
    }
}
