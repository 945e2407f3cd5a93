//! Labels as paths `unit/section`: when the section is not sure enough, the unit may be.

/// A place in the hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Path, possibly shorter than any label.
    pub path: String,
    /// Sum of the probabilities of the labels at or below it.
    pub probability: f32,
}

/// The deepest place above labels whose probability reaches `threshold`, on the way down from the most likely top place
/// by always taking the most likely child. A place above all labels says nothing and is never the answer.
pub fn back_off(labels: &[String], probabilities: &[f32], threshold: f32) -> Option<Place> {
    let mut found = None;
    let mut place = best_child(labels, probabilities, None)?;
    while threshold <= place.probability {
        let n_below = labels.iter().filter(|it| is_below(it, &place.path)).count();
        if n_below == 0 {
            break;
        }
        let child = best_child(labels, probabilities, Some(&place.path));
        if n_below < labels.len() {
            found = Some(place);
        }
        place = child?;
    }
    found
}

/// Whether a label lies below a place.
pub fn is_below(label: &str, place: &str) -> bool {
    label.strip_prefix(place).is_some_and(|it| it.starts_with('/'))
}

/// The most likely place directly below `parent`; the earlier one of two alike.
fn best_child(labels: &[String], probabilities: &[f32], parent: Option<&str>) -> Option<Place> {
    let mut children: Vec<Place> = Vec::new();
    for (label, probability) in labels.iter().zip(probabilities) {
        let Some(path) = child_path(label, parent) else { continue };
        match children.iter_mut().find(|it| it.path == path) {
            Some(child) => child.probability += probability,
            None => children.push(Place { path: path.to_owned(), probability: *probability }),
        }
    }
    children
        .into_iter()
        .reduce(|best, it| if best.probability < it.probability { it } else { best })
}

/// The prefix of `label` that is one level below `parent`.
fn child_path<'a>(label: &'a str, parent: Option<&str>) -> Option<&'a str> {
    let skip = match parent {
        None => 0,
        Some(parent) => {
            label.strip_prefix(parent)?.strip_prefix('/')?;
            parent.len() + 1
        }
    };
    let end = label[skip..].find('/').map_or(label.len(), |it| skip + it);
    Some(&label[..end])
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
        let found = back_off(&labels, probabilities, threshold);
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
}
