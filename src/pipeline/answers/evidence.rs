//! How much of a question a source speaks of: what decides whether it is answered.
//!
//! Which features count was found by leaving out one after another on the dev part; see `eval/reports/qa`.

use std::collections::{HashMap, HashSet};

use crate::task::answers::Refusal;

use super::lexical::{LexicalIndex, runs};
use super::named::{Named, without_places};

/// Numbers that a probability is computed from.
pub const N_FEATURES: usize = 12;
/// Their names, in their order.
pub const FEATURES: [&str; N_FEATURES] = [
    "words",
    "pairs",
    "rare_pairs",
    "triples",
    "missed",
    "covered",
    "meaning",
    "length",
    "here",
    "elsewhere",
    "agency",
    "lead",
];
/// How fast a pair loses weight with its share of all questions (如何, 申請).
const COMMON: f32 = 50.0;
/// Share of a question without a pair that counts as held.
const UNKNOWN: f32 = 0.5;
/// Shares of a question's pairs and of the greatest weight from which words are what is missing.
const FEW_PAIRS: f32 = 0.5;

/// What is known of a question and a source.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Share of the question's words that the source holds, weighted by rarity.
    pub words: f32,
    /// Share of its pairs of characters, weighted by rarity in the sources and in questions.
    pub pairs: f32,
    /// The same, weighted by rarity in the sources only.
    pub rare_pairs: f32,
    /// Share of its triples of characters.
    pub triples: f32,
    /// Weight of the longest piece of the question that the source lacks, in units of the rarest pair's.
    pub missed: f32,
    /// Weight of the longest piece that it has.
    pub covered: f32,
    /// Cosine less what any question would get; 0 without vectors.
    pub meaning: f32,
    /// Logarithm of the question's length.
    pub length: f32,
    /// The question names the place that the sources are about.
    pub here: bool,
    /// It names another place, of which the source does not speak.
    pub elsewhere: bool,
    /// It names an agency of the state, of which the source does not speak.
    pub agency: bool,
    /// What the source is ahead of the best other one.
    pub lead: f32,
}

impl Evidence {
    /// The numbers, in the order of [`FEATURES`].
    pub fn features(&self) -> [f32; N_FEATURES] {
        let flag = |it: bool| f32::from(u8::from(it));
        [
            self.words,
            self.pairs,
            self.rare_pairs,
            self.triples,
            self.missed,
            self.covered,
            self.meaning,
            self.length,
            flag(self.here),
            flag(self.elsewhere),
            flag(self.agency),
            self.lead,
        ]
    }

    /// Why a question with this evidence is refused.
    pub fn refusal(&self) -> Refusal {
        if self.elsewhere {
            Refusal::OtherPlace
        } else if self.agency {
            Refusal::OtherAgency
        } else if self.pairs < FEW_PAIRS {
            Refusal::WordsMissing
        } else {
            Refusal::NotAlike
        }
    }
}

/// What the evidence of any source of an index is weighed by.
#[derive(Clone, Copy)]
pub(super) struct Scale<'a> {
    /// All texts.
    pub(super) texts: &'a LexicalIndex,
    /// Pairs that stand in many questions, with their share of all questions.
    pub(super) common: &'a HashMap<String, f32>,
    /// What the sources are about.
    pub(super) own: Named,
}

impl Scale<'_> {
    /// What a pair of characters weighs: as it is rare in the sources and in questions, and in the sources only.
    pub(super) fn weights(&self, pair: &[char]) -> (f32, f32) {
        let &[first, second] = pair else { return (0.0, 0.0) };
        let share = self.common.get(&String::from_iter(pair)).copied().unwrap_or(0.0);
        let rare = self.texts.pair_weight([first, second]);
        (rare / (1.0 + COMMON * share), rare)
    }
}

/// A question, read once for all of its sources.
pub(super) struct Phrases {
    runs: Vec<Vec<char>>,
    named: Named,
}

impl Phrases {
    pub(super) fn of(question: &str, own: Named) -> Phrases {
        Phrases { runs: runs(&without_places(question, own)), named: Named::of(question) }
    }

    /// The evidence of a text that names `named`, as far as words give it.
    pub(super) fn evidence(&self, text: &str, named: Named, scale: &Scale<'_>) -> Evidence {
        let of_text = runs(text);
        let pairs: HashSet<&[char]> = of_text.iter().flat_map(|it| it.windows(2)).collect();
        let triples: HashSet<&[char]> = of_text.iter().flat_map(|it| it.windows(3)).collect();
        let weight = |pair: &[char]| scale.weights(pair);
        let most = scale.texts.most_weight().max(f32::MIN_POSITIVE);
        let (mut kept, mut rare, mut threes) = (Held::default(), Held::default(), Held::default());
        let (mut missed, mut covered) = (0.0_f32, 0.0_f32);
        let mut seen = HashSet::new();
        for run in &self.runs {
            let (mut missing, mut having) = (0.0, 0.0);
            for pair in run.windows(2) {
                let (own, any) = weight(pair);
                let is_held = pairs.contains(pair);
                (missing, having) =
                    if is_held { (0.0, having + own) } else { (missing + own, 0.0) };
                (missed, covered) = (missed.max(missing), covered.max(having));
                if seen.insert(pair) {
                    kept.add(own, is_held);
                    rare.add(any, is_held);
                }
            }
            for triple in run.windows(3) {
                if let [a, b, c] = *triple
                    && seen.insert(triple)
                {
                    threes.add(weight(&[a, b]).0 + weight(&[b, c]).0, triples.contains(triple));
                }
            }
        }
        let n_chars: usize = self.runs.iter().map(Vec::len).sum();
        Evidence {
            pairs: kept.share(),
            rare_pairs: rare.share(),
            triples: threes.share(),
            missed: missed / most,
            covered: covered / most,
            length: (n_chars as f32).ln_1p(),
            here: self.named.shares_place(scale.own),
            // Sources of no place in particular answer for all.
            elsewhere: scale.own.has_place() && self.named.has_other_place([scale.own, named]),
            agency: self.named.has_other_agency([scale.own, named]),
            ..Evidence::default()
        }
    }
}

/// Weight that is held, of all.
#[derive(Default)]
struct Held {
    held: f32,
    all: f32,
}

impl Held {
    fn add(&mut self, weight: f32, is_held: bool) {
        self.all += weight;
        self.held += if is_held { weight } else { 0.0 };
    }

    fn share(&self) -> f32 {
        if 0.0 < self.all { self.held / self.all } else { UNKNOWN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] =
        ["高雄市民身分證遺失請攜帶印章", "高雄市護照遺失請向外交部申請", "開放時間為週一至週五"];

    fn evidence(question: &str, idx: usize) -> Evidence {
        let texts = LexicalIndex::build(TEXTS);
        let common = HashMap::from([("如何".to_owned(), 0.25)]);
        let named = TEXTS.map(Named::of);
        let scale = Scale { texts: &texts, common: &common, own: Named::own(&named) };
        Phrases::of(question, scale.own).evidence(TEXTS[idx], named[idx], &scale)
    }

    #[test]
    fn what_a_source_holds_is_weighed() {
        let whole = evidence("護照遺失", 1);
        assert_eq!((whole.pairs, whole.triples, whole.missed), (1.0, 1.0, 0.0));
        let none = evidence("鯨魚表演", 1);
        assert_eq!((none.pairs, none.covered), (0.0, 0.0));
        assert!(evidence("護照鯨魚", 1).missed < none.missed);
        assert!(evidence("如何", 2).missed < 0.1 * evidence("鯨魚", 2).missed, "a common pair");
        let empty = evidence("?", 0);
        assert_eq!((empty.pairs, empty.length), (UNKNOWN, 0.0));
        assert_eq!(whole.features().len(), FEATURES.len());
    }

    #[test]
    fn places_and_agencies_count() {
        let here = evidence("高雄市身分證遺失", 0);
        assert!(here.here && !here.elsewhere && here.pairs == 1.0, "{here:?}");
        let there = evidence("台北市身分證遺失", 0);
        assert!(there.elsewhere && !there.here);
        assert_eq!(there.refusal(), Refusal::OtherPlace);
        assert_eq!(evidence("外交部在哪裡", 0).refusal(), Refusal::OtherAgency);
        assert!(!evidence("外交部在哪裡", 1).agency, "the source speaks of it");
        assert_eq!(evidence("鯨魚", 0).refusal(), Refusal::WordsMissing);
        assert_eq!(evidence("護照遺失", 1).refusal(), Refusal::NotAlike);
    }
}
