//! Words that tell groups apart: n-grams that more of a group's texts have than others do, drawn out until they read
//! like words.
//!
//! The score is class-based tf-idf (Grootendorst, BERTopic, 2022) on shares of texts instead of counts, so that one long
//! text cannot name a group.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use fenwen::media::text::Normalised;
use fenwen::pipeline::letters::pii;

/// Lengths of the n-grams.
const ORDERS: std::ops::RangeInclusive<usize> = 2..=4;
/// Longest term.
const MAX_TERM: usize = 10;
/// Texts of a group that must have a term.
const MIN_TEXTS: usize = 2;
/// Characters of a text that are looked at.
const MAX_CHARS: usize = 4000;
/// Candidates for each term wanted.
const CANDIDATES: usize = 12;
/// Share of a term's places that have one more character in common, from which on the longer one is the word.
const DRAWN_OUT: f64 = 0.7;

/// A text as runs of letters; numbers, marks and personal data are gone.
pub(super) struct Runs(Vec<Vec<char>>);

impl Runs {
    /// The runs of `text`.
    pub(super) fn of(text: &str) -> Runs {
        let found = pii::find(text);
        let mut hidden = found.iter().map(|it| it.span).peekable();
        let mut clean = String::with_capacity(text.len());
        for (place, ch) in text.chars().enumerate() {
            while hidden.next_if(|it| it.end <= place).is_some() {}
            let is_hidden = hidden.peek().is_some_and(|it| it.start <= place);
            clean.push(if is_hidden { '\n' } else { ch });
        }
        let runs = clean.split('\n').flat_map(|line| {
            let normalised = Normalised::new(line);
            let chars = normalised.chars().to_vec();
            // A Latin word ends where Chinese begins, without a blank.
            let one_script =
                |a: &char, b: &char| a.is_ascii_alphabetic() == b.is_ascii_alphabetic();
            let runs = chars.split(|it| !it.is_alphabetic());
            runs.flat_map(|it| it.chunk_by(one_script).map(<[char]>::to_vec)).collect::<Vec<_>>()
        });
        let mut n_chars = 0;
        let short = |run: &Vec<char>| {
            n_chars += run.len();
            n_chars <= MAX_CHARS
        };
        Runs(runs.filter(|it| 2 <= it.len()).take_while(short).collect())
    }

    /// Every n-gram once; a word of Latin letters is one, whatever its length.
    fn grams(&self) -> HashSet<&[char]> {
        let mut grams = HashSet::new();
        for run in &self.0 {
            if run[0].is_ascii_alphabetic() {
                grams.insert(run.as_slice());
                continue;
            }
            grams.extend(ORDERS.flat_map(|order| run.windows(order)));
        }
        grams
    }

    fn has(&self, term: &[char]) -> bool {
        self.0.iter().any(|run| run.windows(term.len()).any(|it| it == term))
    }
}

/// Up to `n_terms` terms of each group, best first.
pub(super) fn top(texts: &[Runs], groups: &[usize], n_terms: usize) -> Vec<Vec<String>> {
    let n_groups = groups.iter().max().map_or(0, |it| it + 1);
    let mut everywhere: HashMap<&[char], u32> = HashMap::new();
    for text in texts {
        for gram in text.grams() {
            *everywhere.entry(gram).or_default() += 1;
        }
    }
    let mut members: Vec<Vec<&Runs>> = vec![Vec::new(); n_groups];
    for (text, group) in texts.iter().zip(groups) {
        members[*group].push(text);
    }
    members.iter().map(|own| terms(own, &everywhere, texts.len(), n_terms)).collect()
}

/// A candidate and its score.
struct Candidate<'a> {
    gram: &'a [char],
    score: f64,
}

fn terms(
    own: &[&Runs],
    everywhere: &HashMap<&[char], u32>,
    n_texts: usize,
    n_terms: usize,
) -> Vec<String> {
    let mut counts: HashMap<&[char], usize> = HashMap::new();
    for text in own {
        for gram in text.grams() {
            *counts.entry(gram).or_default() += 1;
        }
    }
    let score = |(gram, n_own): (&'_ [char], usize)| {
        let share = n_own as f64 / own.len() as f64;
        let elsewhere = f64::from(everywhere.get(gram).copied().unwrap_or(1)) / n_texts as f64;
        share * (share / elsewhere).ln()
    };
    let mut candidates: Vec<Candidate<'_>> = counts
        .into_iter()
        .filter(|it| MIN_TEXTS <= it.1)
        .map(|(gram, n_texts)| Candidate { gram, score: score((gram, n_texts)) })
        .collect();
    let order = |a: &Candidate<'_>, b: &Candidate<'_>| match b.score.total_cmp(&a.score) {
        Ordering::Equal => b.gram.len().cmp(&a.gram.len()).then(a.gram.cmp(b.gram)),
        unequal => unequal,
    };
    candidates.sort_by(order);
    let mut chosen: Vec<Vec<char>> = Vec::new();
    for candidate in candidates.iter().take(n_terms * CANDIDATES) {
        if n_terms <= chosen.len() || (candidate.score <= 0.0 && !chosen.is_empty()) {
            break;
        }
        // A part of a term that is there already tells nothing more; nor does most of one.
        let is_part = |it: &Vec<char>| overlap(it, candidate.gram) + 1 >= candidate.gram.len();
        if chosen.iter().any(is_part) {
            continue;
        }
        let term = draw_out(candidate.gram, own);
        let is_whole = |it: &Vec<char>| overlap(it, &term) < term.len().min(it.len());
        if chosen.iter().all(is_whole) {
            chosen.push(term);
        }
    }
    chosen.into_iter().map(|it| it.into_iter().collect()).collect()
}

/// Adds the character before or behind that most places of the term share, as long as there is one.
fn draw_out(gram: &[char], own: &[&Runs]) -> Vec<char> {
    let mut term = gram.to_vec();
    if term.iter().any(char::is_ascii_alphabetic) {
        return term;
    }
    let having: Vec<&Runs> = own.iter().copied().filter(|it| it.has(&term)).collect();
    let mut n_places = None;
    while term.len() < MAX_TERM {
        let (mut n, mut longer) = (0_usize, HashMap::<(bool, char), usize>::new());
        for run in having.iter().flat_map(|it| &it.0) {
            for (start, window) in run.windows(term.len()).enumerate() {
                if window != term {
                    continue;
                }
                n += 1;
                let before = start.checked_sub(1).and_then(|it| run.get(it));
                let behind = run.get(start + term.len());
                let sides = [before.map(|it| (false, *it)), behind.map(|it| (true, *it))];
                for side in sides.into_iter().flatten() {
                    *longer.entry(side).or_default() += 1;
                }
            }
        }
        let needed = DRAWN_OUT * *n_places.get_or_insert(n) as f64;
        let best = longer.into_iter().max_by_key(|(side, n)| (*n, *side));
        match best.filter(|(_, n)| needed <= *n as f64) {
            Some(((true, ch), _)) => term.push(ch),
            Some(((false, ch), _)) => term.insert(0, ch),
            None => break,
        }
    }
    term
}

/// Length of the longest run of characters that both have.
fn overlap(a: &[char], b: &[char]) -> usize {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let common = |len: &usize| short.windows(*len).any(|it| long.windows(*len).any(|l| l == it));
    (1..=short.len()).rev().find(common).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[(&str, usize)], n_terms: usize) -> Vec<Vec<String>> {
        let runs: Vec<Runs> = texts.iter().map(|it| Runs::of(it.0)).collect();
        let groups: Vec<usize> = texts.iter().map(|it| it.1).collect();
        top(&runs, &groups, n_terms)
    }

    #[test]
    fn terms_read_like_words() {
        let found = check(
            &[
                ("請問補發國民身分證要帶什麼", 0),
                ("國民身分證遺失,如何補發", 0),
                ("國民身分證換發的期限", 0),
                ("請問路燈不亮要找誰", 1),
                ("巷口路燈不亮,請修", 1),
                ("請派人看路燈", 1),
                ("PDF 無法下載", 2),
                ("下載的PDF打不開", 2),
            ],
            3,
        );
        assert_eq!(found[0][0], "國民身分證");
        assert!(found[0].contains(&"補發".to_owned()), "{found:?}");
        assert_eq!(found[1][0], "路燈");
        assert_eq!(found[2], ["pdf", "下載"]);
        // What everybody writes is no term.
        assert!(!found.iter().flatten().any(|it| it == "請問"), "{found:?}");
    }

    #[test]
    fn one_text_and_personal_data_make_no_terms() {
        let found = check(
            &[
                ("王小明的手機0912345678,信箱 wang@example.tw", 0),
                ("手機0912345678,信箱 wang@example.tw", 0),
                ("孤立的一封信", 1),
            ],
            9,
        );
        assert!(found[0].iter().all(|it| ["手機", "信箱"].contains(&it.as_str())), "{found:?}");
        assert!(found[1].is_empty());
    }

    #[test]
    fn overlaps_are_measured() {
        let check = |a: &str, b: &str, expected: usize| {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            assert_eq!((overlap(&a, &b), overlap(&b, &a)), (expected, expected));
        };
        check("國民身分證", "身分", 2);
        check("國民身分證", "分證明", 2);
        check("路燈", "身分", 0);
    }
}
