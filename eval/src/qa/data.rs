//! Questions with their answers, divided by groups of near-duplicates; and questions that nobody answers here.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// Characters of a shingle, and the share of them from which two texts are near-duplicates.
const SHINGLE: usize = 8;
const ALIKE: f64 = 0.5;

/// Which half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Part {
    /// For learning.
    Dev,
    /// For judging.
    Test,
}

/// A question with its answer.
#[derive(Clone, Debug)]
pub struct Row {
    /// Identifies it.
    pub id: String,
    /// Is asked.
    pub question: String,
    /// Is the source.
    pub answer: String,
    /// Whose it is; empty where that is not told.
    pub department: String,
    /// Rows with the same number are near-duplicates of one another.
    pub group: usize,
    /// Its half.
    pub part: Part,
}

#[derive(serde::Deserialize)]
struct RawRow {
    id: String,
    question: String,
    answer: String,
    #[serde(default)]
    department: String,
}

#[derive(serde::Deserialize)]
struct RawDocument {
    subject: String,
}

#[derive(serde::Deserialize)]
struct RawOutside {
    text: String,
    split: String,
}

/// Reads questions with answers, and divides them.
///
/// # Errors
/// When the file cannot be read.
pub fn rows(path: &Path) -> Result<Vec<Row>> {
    let raw: Vec<RawRow> = lines(path)?;
    let texts: Vec<String> =
        raw.iter().map(|it| format!("{}\n{}", it.question, it.answer)).collect();
    let groups = groups(&texts);
    let rows: Vec<(RawRow, usize)> = raw.into_iter().zip(groups).collect();
    let part = |group: usize| rows.get(group).map_or(Part::Dev, |(first, _)| part_of(&first.id));
    let parts: Vec<Part> = rows.iter().map(|(_, group)| part(*group)).collect();
    let made = rows.into_iter().zip(parts).map(|((raw, group), part)| Row {
        id: raw.id,
        question: raw.question,
        answer: raw.answer,
        department: raw.department,
        group,
        part,
    });
    Ok(made.collect())
}

/// Chat, general knowledge and nonsense; and questions that an agency of the state answers. Written for this suite.
const SMALL_TALK: &str = include_str!("small_talk.txt");
const OTHER_AGENCIES: &str = include_str!("other_agencies.txt");

/// Questions written for this suite that no city's source answers, divided by chance: chat, and those of the state.
pub fn written() -> [Vec<(String, Part)>; 2] {
    [SMALL_TALK, OTHER_AGENCIES]
        .map(|text| text.lines().map(|it| (it.to_owned(), part_of(it))).collect())
}

/// How people say a question at the telephone, before and after it. The last two are not among what
/// `pipeline::answers::spoken` knows.
const SAID: [[&str; 2]; 6] = [
    ["喂你好,我想請問一下,我", "啊?"],
    ["那個不好意思,請問", "謝謝你"],
    ["欸我們家想問一下喔,", "呢"],
    ["您好我想知道", "這樣"],
    ["小姐我跟你講,我上次打來也是問這個,", "你可以幫我看一下嗎"],
    ["我媽媽叫我來問說", "因為她不會用電腦"],
];

/// Whole sentences that people say before and after a question, other ones for each half: `before|after`. Those of the
/// test half were written before anything was tried on them, and nothing was changed after that.
const AROUND: [&str; 2] = [include_str!("around_dev.txt"), include_str!("around_test.txt")];

/// How a question is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// With greetings and particles: 「喂你好,我想請問一下,我…啊?」.
    Phrases,
    /// With whole sentences before and after it: 「…你們同事叫我今天再打。請問…?…」.
    Sentences,
}

impl Way {
    /// A question as somebody says it at the telephone, by its number and half.
    pub fn said(self, question: &str, number: usize, part: Part) -> String {
        let question = question.trim_end_matches(['?', '\u{ff1f}']);
        let of_part = AROUND[usize::from(part == Part::Test)];
        let around: Vec<&str> = of_part.lines().collect();
        let [before, after] = match self {
            Way::Phrases => SAID[number % SAID.len()],
            Way::Sentences => {
                let (before, after) =
                    around[number % around.len()].split_once('|').unwrap_or_default();
                [before, after]
            }
        };
        format!("{before}{question}{after}")
    }
}

/// Reads subjects of other ministries' documents, evenly over the file, `most` in both halves together.
///
/// # Errors
/// When the file cannot be read.
pub fn documents(path: &Path, most: usize) -> Result<Vec<(String, Part)>> {
    let all: Vec<RawDocument> = lines(path)?;
    let step = (all.len() / most.max(1)).max(1);
    let taken = all.into_iter().step_by(step).take(most);
    Ok(taken.map(|it| (it.subject.clone(), part_of(&it.subject))).collect())
}

/// The questions of the file's learning half, whatever they are about.
///
/// # Errors
/// When the file cannot be read.
pub fn asked_elsewhere(path: &Path) -> Result<Vec<String>> {
    let all: Vec<RawOutside> = lines(path)?;
    Ok(all.into_iter().filter(|it| it.split == "train").map(|it| it.text).collect())
}

/// Reads questions without a source here: those with one of the words, `most` for each half, evenly over the file.
///
/// # Errors
/// When the file cannot be read.
pub fn outside(path: &Path, words: &[String], most: usize) -> Result<Vec<(String, Part)>> {
    let all: Vec<RawOutside> = lines(path)?;
    let mut found = Vec::new();
    for (split, part) in [("train", Part::Dev), ("dev", Part::Test)] {
        let of_part: Vec<&RawOutside> = all
            .iter()
            .filter(|it| it.split == split && words.iter().any(|word| it.text.contains(word)))
            .collect();
        let step = (of_part.len() / most.max(1)).max(1);
        let taken = of_part.iter().step_by(step).take(most);
        found.extend(taken.map(|it| (it.text.clone(), part)));
    }
    Ok(found)
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("failed to open {shown}"))?;
    let mut rows = Vec::new();
    for (idx, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("failed to read {shown}"))?;
        if !line.trim().is_empty() {
            let row = serde_json::from_str(&line);
            rows.push(row.with_context(|| format!("{shown}: line {} is no such row", idx + 1))?);
        }
    }
    Ok(rows)
}

/// By chance, but always the same.
fn part_of(id: &str) -> Part {
    let odd = Sha256::digest(id).last().is_some_and(|it| it % 2 == 1);
    if odd { Part::Test } else { Part::Dev }
}

/// For each text the index of the first text that it is tied to by near-duplicates.
fn groups(texts: &[String]) -> Vec<usize> {
    let shingles: Vec<BTreeSet<String>> = texts.iter().map(|it| shingles(it)).collect();
    let mut group: Vec<usize> = (0..texts.len()).collect();
    for (idx, own) in shingles.iter().enumerate() {
        for (other_idx, other) in shingles.iter().enumerate().take(idx) {
            if alike(own, other) {
                let (from, to) =
                    (group[idx].max(group[other_idx]), group[idx].min(group[other_idx]));
                group.iter_mut().filter(|it| **it == from).for_each(|it| *it = to);
            }
        }
    }
    group
}

fn shingles(text: &str) -> BTreeSet<String> {
    let chars: Vec<char> = text.chars().filter(|ch| ch.is_alphanumeric()).collect();
    chars.windows(SHINGLE.min(chars.len().max(1))).map(|it| it.iter().collect()).collect()
}

fn alike(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    let (few, many) = (a.len().min(b.len()) as f64, a.len().max(b.len()) as f64);
    if few < ALIKE * many {
        return false;
    }
    let both = a.intersection(b).count() as f64;
    ALIKE < both / (few + many - both)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_duplicates_are_one_group() {
        let long = "申請人應檢附身分證明文件及印章向戶政事務所申請補發國民身分證";
        let texts =
            [long, "每週一至週五上午九點至下午五點開放民眾參觀園區", &format!("{long}。請洽櫃檯")];
        assert_eq!(groups(&texts.map(str::to_owned)), [0, 1, 0]);
    }

    #[test]
    fn questions_are_said_in_other_words_in_each_half() {
        let said = |way: Way, number, part| way.said("甲?", number, part);
        assert_eq!(said(Way::Phrases, 7, Part::Dev), "那個不好意思,請問甲謝謝你");
        let [dev, test] = [Part::Dev, Part::Test]
            .map(|part| (0..10).map(|it| said(Way::Sentences, it, part)).collect::<BTreeSet<_>>());
        assert_eq!((dev.len(), test.len(), dev.intersection(&test).count()), (10, 10, 0));
        assert!(dev.iter().chain(&test).all(|it| it.contains('甲') && !it.contains('|')));
    }

    #[test]
    fn halves_are_always_the_same() {
        let n_test = (0..1_000).filter(|it| part_of(&format!("kcg-{it}")) == Part::Test).count();
        assert!((450..550).contains(&n_test), "{n_test}");
    }
}
