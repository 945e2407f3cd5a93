//! Labels as paths `unit/section`: when the section is not sure enough, the unit may be.

/// A place in the hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Path, possibly shorter than any label.
    pub path: String,
    /// Sum of the probabilities of the labels at or below it.
    pub probability: f32,
}

/// The deepest place whose probability reaches `threshold`, on the way down from the most likely top place by always
/// taking the most likely child; the top place itself if none does. `None` without labels.
pub fn back_off(labels: &[String], probabilities: &[f32], threshold: f32) -> Option<Place> {
    let mut place = best_child(labels, probabilities, None)?;
    while let Some(child) = best_child(labels, probabilities, Some(&place.path)) {
        if child.probability < threshold {
            break;
        }
        place = child;
    }
    Some(place)
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

    fn check(threshold: f32, path: &str, probability: f32) {
        let labels =
            ["地政司/地價科", "地政司/測量科", "役政司", "地政司/登記科/一股"].map(str::to_owned);
        let place = back_off(&labels, &[0.3, 0.2, 0.4, 0.1], threshold).unwrap();
        assert_eq!(place.path, path);
        assert!((place.probability - probability).abs() < 1e-6);
    }

    #[test]
    fn an_unsure_section_becomes_its_unit() {
        check(0.5, "地政司", 0.6);
        check(0.3, "地政司/地價科", 0.3);
        check(0.9, "地政司", 0.6);
    }

    #[test]
    fn plain_labels_are_places_too() {
        let labels = ["甲".to_owned(), "乙".to_owned()];
        assert_eq!(back_off(&labels, &[0.2, 0.8], 0.9).unwrap().path, "乙");
        assert_eq!(back_off(&[], &[], 0.5), None);
    }
}
