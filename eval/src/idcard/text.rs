//! Comparing texts: the one rule by which every reader is scored.

use unicode_normalization::UnicodeNormalization as _;

/// A text without what does not count: compatibility forms folded (NFKC), blanks dropped.
pub fn fold(text: &str) -> Vec<char> {
    text.nfkc().filter(|ch| !ch.is_whitespace()).collect()
}

/// Like [`fold`], for the value of a field: in names the comma between family and given names does not count either.
pub fn fold_value(field: &str, text: &str) -> Vec<char> {
    let mut folded = fold(text);
    if field.starts_with("name") {
        folded.retain(|ch| *ch != ',');
    }
    folded
}

/// Insertions, deletions and substitutions that turn `read` into `truth`.
pub fn distance(truth: &[char], read: &[char]) -> usize {
    let first: Vec<usize> = (0..=read.len()).collect();
    last_row(truth, read, first).last().copied().unwrap_or(0)
}

/// The smallest [`distance`] between `truth` and any piece of `line`.
pub fn distance_within(truth: &[char], line: &[char]) -> usize {
    let first = vec![0; line.len() + 1];
    last_row(truth, line, first).into_iter().min().unwrap_or(0)
}

/// The last row of the edit-distance table whose first row is given.
fn last_row(truth: &[char], read: &[char], mut row: Vec<usize>) -> Vec<usize> {
    for (idx, expected) in truth.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut left = idx + 1;
        next.push(left);
        for (pair, found) in row.windows(2).zip(read) {
            let replaced = pair[0] + usize::from(expected != found);
            left = replaced.min(pair[1] + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row
}

#[cfg(test)]
mod tests {
    use super::{distance, distance_within, fold, fold_value};

    fn check(truth: &str, read: &str, whole: usize, within: usize) {
        let (truth, read) = (fold(truth), fold(read));
        assert_eq!(
            (distance(&truth, &read), distance_within(&truth, &read)),
            (whole, within),
            "{truth:?}"
        );
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        check("林美華", "林美華", 0, 0);
        check("林美華", "姓名 林美華", 2, 0);
        check("林美華", "", 3, 3);
        check("", "林", 1, 0);
        check("kitten", "sitting", 3, 2);
        check("A123456789", "統一編號 A123456780", 5, 1);
    }

    #[test]
    fn width_blanks_and_the_comma_in_names_do_not_count() {
        assert_eq!(fold("１２ 號\u{3000}"), ['1', '2', '號']);
        assert_eq!(fold_value("name_en", "LIN, MEI-HUA"), fold_value("name", "LIN MEI-HUA"));
        assert_ne!(fold_value("address", "1,2"), fold_value("address", "12"));
    }
}
