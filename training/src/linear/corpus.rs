//! Training texts as counts of n-grams, and those as weighted, normalised rows.

use std::collections::HashMap;

use fenwen::engine::linear::{LinearSpec, View, grams};
use fenwen::media::text::Normalised;

use super::recipe::ViewPart;

/// One training text: the n-grams it has, and how often.
pub(crate) type Counts = Vec<(u32, f32)>;

/// Every n-gram of the training texts, numbered.
pub(crate) struct Corpus {
    /// Keys by number, ascending.
    pub(crate) keys: Vec<u32>,
    /// Weight of the n-gram's length, by number.
    pub(crate) weights: Vec<f32>,
    /// Fewest texts, by number.
    pub(crate) min_df: Vec<u32>,
    /// The view that sees the n-gram, by number.
    views: Vec<usize>,
    /// As [`shares`].
    shares: Vec<f32>,
    /// Texts, as (number, occurrences), ascending.
    pub(crate) texts: Vec<Counts>,
}

/// What the model will look at: every view of every text column, with keys of its own.
pub(crate) fn spec(parts: &[ViewPart], inputs: &[String], classes: &[String]) -> LinearSpec {
    let mut views = Vec::new();
    for input in 0..inputs.len() {
        for part in parts {
            let field = u32::try_from(views.len()).unwrap_or(u32::MAX);
            let (head, orders) = (part.head, part.orders.clone());
            views.push(View { input, head, orders, field, share: part.share });
        }
    }
    LinearSpec { inputs: inputs.to_vec(), views, classes: classes.to_vec() }
}

/// An n-gram of a text.
#[derive(Clone, Copy)]
pub(crate) struct Gram {
    /// Its key.
    pub(crate) key: u32,
    /// Number of the view that sees it.
    pub(crate) view: usize,
    /// Its length.
    pub(crate) order: usize,
}

/// The keys of a text, ascending, and how often each comes; `found` sees every n-gram.
pub(crate) fn count(
    spec: &LinearSpec,
    text: &[&str],
    mut found: impl FnMut(Gram),
) -> Vec<(u32, u32)> {
    let normalised: Vec<Normalised> = text.iter().map(|it| Normalised::new(it)).collect();
    let inputs: Vec<&[char]> = normalised.iter().map(Normalised::chars).collect();
    let mut keys = Vec::new();
    for (number, view) in spec.views.iter().enumerate() {
        grams(view.chars(&inputs), view.field, view.order_bits(), |key, _, order| {
            found(Gram { key, view: number, order });
            keys.push(key);
        });
    }
    keys.sort_unstable();
    let count = |run: &[u32]| (run[0], u32::try_from(run.len()).unwrap_or(u32::MAX));
    keys.chunk_by(|a, b| a == b).map(count).collect()
}

/// The share of every view of the norm; none where they have none.
pub(crate) fn shares(spec: &LinearSpec) -> Vec<f32> {
    spec.views.iter().filter_map(|it| it.share).collect()
}

/// What n-grams weigh in a text.
#[derive(Clone, Copy)]
pub(crate) struct Weighing<'a> {
    /// Weight before the norm, by number.
    pub(crate) idf: &'a [f32],
    /// The view that sees it, by number; unused without shares.
    pub(crate) views: &'a [usize],
    /// As [`shares`].
    pub(crate) shares: &'a [f32],
}

/// Values of L2 norm 1 from counts by feature number, without the n-grams that weigh nothing.
pub(crate) fn values(counts: &[(u32, f32)], weighing: &Weighing<'_>) -> Counts {
    let Weighing { idf, views, shares } = weighing;
    let weigh = |(number, count): &(u32, f32)| {
        let idf = idf[index(*number)];
        (0.0 < idf).then(|| (*number, (1.0 + count.ln()) * idf))
    };
    let mut values: Counts = counts.iter().filter_map(weigh).collect();
    // Without shares all is one view.
    let shares = if shares.is_empty() { &[1.0] } else { *shares };
    let view = |number: u32| if shares.len() == 1 { 0 } else { views[index(number)] };
    let mut squares = vec![0.0_f32; shares.len()];
    values.iter().for_each(|(number, value)| squares[view(*number)] += value * value);
    let lengths: Vec<f32> = squares.iter().map(|it| it.sqrt()).collect();
    let told: f32 = lengths.iter().zip(shares).map(|(length, share)| length * share).sum();
    let norms: Vec<f32> =
        lengths.iter().zip(shares).map(|(length, share)| (length * told / share).sqrt()).collect();
    values.iter_mut().for_each(|(number, value)| *value /= norms[view(*number)]);
    values
}

impl Corpus {
    /// Counts the n-grams of `texts`, each given as one string for each input.
    pub(crate) fn new(spec: &LinearSpec, parts: &[ViewPart], texts: &[Vec<&str>]) -> Corpus {
        let mut found: HashMap<u32, (f32, u32, usize)> = HashMap::new();
        let mut counted: Vec<Vec<(u32, u32)>> = Vec::with_capacity(texts.len());
        for text in texts {
            counted.push(count(spec, text, |gram| {
                let part = &parts[gram.view % parts.len()];
                let seen = || (part.weight(gram.order), part.min_df, gram.view);
                found.entry(gram.key).or_insert_with(seen);
            }));
        }
        let mut keys: Vec<u32> = found.keys().copied().collect();
        keys.sort_unstable();
        let number: HashMap<u32, u32> = keys.iter().copied().zip(0..).collect();
        let texts = counted
            .iter()
            .map(|text| text.iter().map(|(key, n)| (number[key], *n as f32)).collect())
            .collect();
        let weights = keys.iter().map(|it| found[it].0).collect();
        let min_df = keys.iter().map(|it| found[it].1).collect();
        let views = keys.iter().map(|it| found[it].2).collect();
        Corpus { keys, weights, min_df, views, shares: shares(spec), texts }
    }

    /// Weight of every n-gram before the norm, learned from the chosen texts: smoothed idf times the weight of its
    /// length; 0 for those in too few texts.
    pub(crate) fn idf(&self, chosen: &[usize]) -> Vec<f32> {
        let mut df = vec![0_u32; self.keys.len()];
        for text in chosen {
            for (number, _) in &self.texts[*text] {
                df[index(*number)] += 1;
            }
        }
        let n = chosen.len() as f32;
        let weigh = |((df, weight), min): ((&u32, &f32), &u32)| {
            if *df < (*min).max(1) {
                0.0
            } else {
                weight * (((1.0 + n) / (1.0 + *df as f32)).ln() + 1.0)
            }
        };
        df.iter().zip(&self.weights).zip(&self.min_df).map(weigh).collect()
    }

    /// One text's values under `idf`, of L2 norm 1, without the n-grams that weigh nothing.
    pub(crate) fn values(&self, text: usize, idf: &[f32]) -> Counts {
        values(&self.texts[text], &Weighing { idf, views: &self.views, shares: &self.shares })
    }
}

/// A feature number as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(texts: &[&str], min_df: u32) -> Corpus {
        let views = [ViewPart { weights: vec![0.5, 1.0], min_df, ..ViewPart::of(&[1, 2]) }];
        let spec = spec(&views, &["text".to_owned()], &[]);
        let texts: Vec<Vec<&str>> = texts.iter().map(|it| vec![*it]).collect();
        Corpus::new(&spec, &views, &texts)
    }

    #[test]
    fn counts_and_weights_are_those_of_the_text() {
        let corpus = corpus(&["甲甲乙", "甲"], 1);
        assert_eq!(corpus.keys.len(), 4);
        let total: f32 = corpus.texts[0].iter().map(|it| it.1).sum();
        assert!((total - 5.0).abs() < 1e-6);
        let idf = corpus.idf(&[0, 1]);
        let rare = (3.0_f32 / 2.0).ln() + 1.0;
        let mut sorted = idf.clone();
        sorted.sort_by(f32::total_cmp);
        let near = |a: f32, b: f32| (a - b).abs() < 1e-6;
        assert!(near(sorted[0], 0.5) && near(sorted[1], 0.5 * rare) && near(sorted[3], rare));
        let squares: f32 = corpus.values(0, &idf).iter().map(|it| it.1 * it.1).sum();
        assert!(near(squares, 1.0));
    }

    #[test]
    fn a_short_view_has_its_share() {
        let part = |head, share| ViewPart { head, share: Some(share), ..ViewPart::of(&[1]) };
        let views = [part(None, 0.25), part(Some(1), 0.75)];
        let spec = spec(&views, &["text".to_owned()], &[]);
        let corpus = Corpus::new(&spec, &views, &[vec!["甲乙丙丁"], vec!["甲"], vec![""]]);
        let idf = corpus.idf(&[0, 1, 2]);
        let mut squares: Vec<f32> = corpus.values(0, &idf).iter().map(|it| it.1 * it.1).collect();
        squares.sort_by(f32::total_cmp);
        // 甲 is in two of three texts, the others in one.
        let (common, rare) = ((4.0_f32 / 3.0).ln() + 1.0, 2.0_f32.ln() + 1.0);
        let told = [0.25 * (common.powi(2) + 3.0 * rare.powi(2)).sqrt(), 0.75 * common];
        let share = told[1] / told.iter().sum::<f32>();
        let near = |a: f32, b: f32| (a - b).abs() < 1e-5;
        let (last, others) = squares.split_last().unwrap();
        assert!(near(*last, share) && near(others.iter().sum(), 1.0 - share), "{squares:?}");
        assert!(corpus.values(2, &idf).is_empty());
    }

    #[test]
    fn rare_grams_weigh_nothing() {
        let corpus = corpus(&["甲乙", "甲丙", "丁"], 2);
        let idf = corpus.idf(&[0, 1, 2]);
        assert_eq!(idf.iter().filter(|it| 0.0 < **it).count(), 1);
        assert_eq!(corpus.values(0, &idf).len(), 1);
        assert!(corpus.values(2, &idf).is_empty());
    }
}
