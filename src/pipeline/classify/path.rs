//! Labels as paths `unit/section`: when the section is not sure enough, the unit may be.

use std::collections::HashMap;

/// A place in the hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Path, possibly shorter than any label.
    pub path: String,
    /// Sum of the probabilities of the labels at or below it.
    pub probability: f32,
}

/// The places that the labels of a classifier lie in; made once, so that a text that is unsure costs no comparing of paths.
#[derive(Debug)]
pub struct Hierarchy {
    /// In the order of the labels that name them first.
    places: Vec<Level>,
    /// By label: the index of the place that it is.
    of_label: Vec<usize>,
}

#[derive(Debug)]
struct Level {
    path: String,
    parent: Option<usize>,
    /// Labels below it.
    n_below: usize,
}

impl Hierarchy {
    /// The places of `labels`.
    pub fn new(labels: &[String]) -> Hierarchy {
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut places: Vec<Level> = Vec::new();
        let mut of_label = Vec::with_capacity(labels.len());
        for label in labels {
            let mut parent = None;
            let ends = label.match_indices('/').map(|it| it.0).chain([label.len()]);
            for path in ends.map(|end| &label[..end]) {
                if let Some(above) = parent {
                    let above: &mut Level = &mut places[above];
                    above.n_below += 1;
                }
                parent = Some(*known.entry(path).or_insert_with(|| {
                    places.push(Level { path: path.to_owned(), parent, n_below: 0 });
                    places.len() - 1
                }));
            }
            of_label.extend(parent);
        }
        Hierarchy { places, of_label }
    }

    /// The deepest place above labels whose probability reaches `threshold`, on the way down from the most likely top
    /// place by always taking the most likely child. A place above all labels says nothing and is never the answer.
    pub fn back_off(&self, probabilities: &[f32], threshold: f32) -> Option<Place> {
        if self.places.iter().all(|it| it.n_below == 0) {
            return None;
        }
        let mut sums = vec![0.0; self.places.len()];
        for (place, probability) in self.of_label.iter().zip(probabilities) {
            let mut place = Some(*place);
            while let Some(at) = place {
                sums[at] += probability;
                place = self.places[at].parent;
            }
        }
        let mut found = None;
        let mut place = self.likeliest(None, &sums)?;
        while threshold <= sums[place] && 0 < self.places[place].n_below {
            if self.places[place].n_below < self.of_label.len() {
                found = Some(place);
            }
            let Some(child) = self.likeliest(Some(place), &sums) else { break };
            place = child;
        }
        found.map(|it| Place { path: self.places[it].path.clone(), probability: sums[it] })
    }

    /// The most likely place directly below `parent`; the earlier one of two alike.
    fn likeliest(&self, parent: Option<usize>, sums: &[f32]) -> Option<usize> {
        let children = (0..self.places.len()).filter(|it| self.places[*it].parent == parent);
        children.reduce(|best, it| if sums[best] < sums[it] { it } else { best })
    }
}

/// Whether a label lies below a place.
pub fn is_below(label: &str, place: &str) -> bool {
    label.strip_prefix(place).is_some_and(|it| it.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        labels: &[&str],
        probabilities: &[f32],
        threshold: f32,
        expected: Option<(&str, f32)>,
    ) {
        let labels: Vec<String> = labels.iter().map(|it| (*it).to_owned()).collect();
        let found = Hierarchy::new(&labels).back_off(probabilities, threshold);
        let found = found.map(|it| (it.path, (it.probability * 1e4).round() / 1e4));
        assert_eq!(found, expected.map(|it| (it.0.to_owned(), it.1)));
    }

    #[test]
    fn an_unsure_section_becomes_its_unit() {
        let labels = ["甲/地政司/地價科", "甲/地政司/測量科", "甲/役政司", "甲/地政司/登記科/一股"];
        check(&labels, &[0.3, 0.2, 0.4, 0.1], 0.5, Some(("甲/地政司", 0.6)));
        // Sure enough of none, and of the place above all.
        check(&labels, &[0.3, 0.2, 0.4, 0.1], 0.9, None);
        check(&labels, &[0.1, 0.1, 0.1, 0.7], 0.6, Some(("甲/地政司/登記科", 0.7)));
        check(&labels, &[0.1, 0.0, 0.9, 0.0], 0.6, None);
    }

    #[test]
    fn a_unit_may_be_a_label_itself() {
        let labels = ["地政司", "地政司/地價科", "役政司"];
        check(&labels, &[0.4, 0.4, 0.2], 0.7, Some(("地政司", 0.8)));
    }

    #[test]
    fn plain_labels_have_nothing_above_them() {
        check(&["甲", "乙"], &[0.2, 0.8], 0.1, None);
        check(&["甲", "甲乙"], &[0.2, 0.8], 0.1, None);
        check(&[], &[], 0.5, None);
    }

    #[test]
    fn labels_that_all_share_a_place_do_not_answer_with_it() {
        check(&["甲/乙", "甲/丙"], &[0.6, 0.4], 0.5, None);
        check(&["甲/乙/子", "甲/乙/丑", "甲/丙"], &[0.4, 0.3, 0.3], 0.5, Some(("甲/乙", 0.7)));
    }
}
