//! Folds that near-duplicates do not straddle: texts that share more than half of their 8-character shingles stay
//! together, labels are spread evenly.

use std::collections::{BTreeMap, HashMap};

use fenwen::media::text::Normalised;

use fenwen::base::Chance;

const SHINGLE: usize = 8;
/// Smallest shingle hashes of a text that stand for it when candidates are looked for.
const SKETCH: usize = 64;
/// Texts with this many equal hashes of the sketch are compared in full; at Jaccard 0.5 two thirds of both are expected.
const MIN_SHARED: usize = SKETCH / 4;

/// The group of each text; groups are numbered by their first text.
pub(crate) fn groups(texts: &[String]) -> Vec<usize> {
    let shingles: Vec<Vec<u64>> = texts.iter().map(|it| shingles(it)).collect();
    let mut parents: Vec<usize> = (0..texts.len()).collect();
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut shared: Vec<usize> = vec![0; texts.len()];
    for (text, own) in shingles.iter().enumerate() {
        let sketch = &own[..own.len().min(SKETCH)];
        let mut seen = Vec::new();
        for hash in sketch {
            let others = holders.entry(*hash).or_default();
            for other in others.iter() {
                if shared[*other] == 0 {
                    seen.push(*other);
                }
                shared[*other] += 1;
            }
            others.push(text);
        }
        for other in seen {
            let wanted = MIN_SHARED.min(sketch.len().min(shingles[other].len()) / 2);
            let candidate = wanted <= std::mem::take(&mut shared[other]);
            if candidate
                && root(&mut parents, other) != root(&mut parents, text)
                && alike(own, &shingles[other])
            {
                let (a, b) = (root(&mut parents, other), root(&mut parents, text));
                parents[a.max(b)] = a.min(b);
            }
        }
    }
    (0..texts.len()).map(|it| root(&mut parents, it)).collect()
}

/// Which of `n` folds each row is in: groups whole, largest first, where their label is rarest.
pub(crate) fn assign(groups: &[usize], labels: &[usize], n: usize, seed: u64) -> Vec<usize> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        members.entry(*group).or_default().push(row);
    }
    let mut order: Vec<Vec<usize>> = members.into_values().collect();
    Chance::new(seed).shuffle(&mut order);
    order.sort_by_key(|it| std::cmp::Reverse(it.len()));
    let mut of_label: HashMap<(usize, usize), usize> = HashMap::new();
    let mut sizes = vec![0_usize; n];
    let mut folds = vec![0; groups.len()];
    for rows in order {
        let label = labels[rows[0]];
        let fold = (0..n)
            .min_by_key(|it| (of_label.get(&(label, *it)).copied().unwrap_or(0), sizes[*it]))
            .unwrap_or(0);
        for row in rows {
            folds[row] = fold;
            sizes[fold] += 1;
            *of_label.entry((labels[row], fold)).or_default() += 1;
        }
    }
    folds
}

/// Hashes of the shingles of a text's letters and digits, ascending, each once; a short text is one shingle.
fn shingles(text: &str) -> Vec<u64> {
    let normalised = Normalised::new(text);
    let letters: Vec<char> =
        normalised.chars().iter().copied().filter(|it| it.is_alphanumeric()).collect();
    let width = SHINGLE.min(letters.len()).max(1);
    let mut hashes: Vec<u64> = letters
        .windows(width)
        .map(|window| {
            window
                .iter()
                .fold(0, |state: u64, ch| Chance::new(state ^ u64::from(u32::from(*ch))).next())
        })
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// Whether two ascending lists share more than half of all they hold.
fn alike(a: &[u64], b: &[u64]) -> bool {
    let (mut i, mut j, mut both) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                (i, j, both) = (i + 1, j + 1, both + 1);
            }
        }
    }
    a.len() + b.len() - both < 2 * both
}

fn root(parents: &mut [usize], mut text: usize) -> usize {
    while parents[text] != text {
        parents[text] = parents[parents[text]];
        text = parents[text];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn near_duplicates_are_one_group() {
        let long = "請問申請土地登記謄本應該準備哪些文件並且向哪一個機關辦理才可以";
        let groups = groups(&texts(&[
            long,
            "兵役",
            &format!("{long}?"),
            &format!("{}呢", &long[..long.len() - 6]),
            "兵 役!",
            "請問申請土地登記的人可以委託別人嗎以及需要多少錢與時間才會完成",
        ]));
        assert_eq!(groups, [0, 1, 0, 0, 1, 5]);
    }

    #[test]
    fn empty_texts_are_not_alike() {
        assert_eq!(groups(&texts(&["", "。", "甲"])), [0, 1, 2]);
    }

    #[test]
    fn groups_stay_whole_and_labels_are_spread() {
        let groups: Vec<usize> = (0..100).map(|it| it / 2 * 2).collect();
        let labels: Vec<usize> = (0..100).map(|it| it / 50).collect();
        let folds = assign(&groups, &labels, 5, 3);
        assert!(folds.chunks(2).all(|it| it[0] == it[1]));
        for fold in 0..5 {
            for label in 0..2 {
                let n = (0..100).filter(|it| folds[*it] == fold && labels[*it] == label).count();
                assert_eq!(n, 10);
            }
        }
        assert_eq!(folds, assign(&groups, &labels, 5, 3));
    }
}
