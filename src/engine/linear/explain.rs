//! Which characters drove a class.

use super::features::place;
use super::{LinearModel, Scratch, grams};

/// What one n-gram of the text added to the score of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// Index of the input.
    pub input: usize,
    /// First of the n-gram's normalised characters.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// Its share of the score, negative where it speaks against the class.
    pub weight: f32,
}

impl LinearModel {
    /// The contributions of every known n-gram of a text to `class`, in the order of the views and places.
    ///
    /// They sum up to the class's score less its bias; an n-gram that occurs more than once shares its contribution
    /// evenly. An unknown class has none.
    pub fn explain(
        &self,
        inputs: &[&[char]],
        class: usize,
        scratch: &mut Scratch,
    ) -> Vec<Contribution> {
        let Some(scale) = self.scale.get(class) else { return Vec::new() };
        let features = self.features(inputs, scratch);
        let mut shares = vec![(0_u32, 0.0_f32); self.n_features()];
        for (feature, value) in &features.entries {
            let steps = f32::from(self.rows.weight(*feature, class));
            shares[place(*feature)].1 = value * steps * scale;
        }
        let mut places = Vec::new();
        for view in &self.spec.views {
            grams(view.chars(inputs), view.field, view.order_bits(), |key, start, order| {
                if let Some(feature) = self.table.get(key) {
                    shares[place(feature)].0 += 1;
                    places.push((feature, view.input, start, start + order));
                }
            });
        }
        let share = |(feature, input, start, end): (u32, usize, usize, usize)| {
            let (count, weight) = shares[place(feature)];
            Contribution { input, start, end, weight: weight / count as f32 }
        };
        places.into_iter().map(share).collect()
    }
}
