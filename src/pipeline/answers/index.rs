//! The sources that may answer, with what is needed to find them: words, and vectors where an encoder made some.

use crate::base::Date;
use crate::task::answers::{Citation, Refusal, Source};

use super::dense::DenseIndex;
pub use super::dense::Vectors;
use super::evidence::{Evidence, Phrases, Scale};
use super::focus::focused;
use super::lexical::{LexicalIndex, Query};
use super::named::Named;
use super::quote::quote;
use super::rank::Ranker;
use super::topic::has_topic;

/// Why sources and vectors make no index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Two vectors a source are needed.
    #[error("{n_sources} sources have not {n_values} numbers of vectors {width} wide")]
    Vectors {
        /// Sources.
        n_sources: usize,
        /// Numbers given.
        n_values: usize,
        /// Numbers of one vector.
        width: usize,
    },
    /// The question's vector is another encoder's.
    #[error("the question's vector has {found} numbers, the sources' have {known}")]
    Width {
        /// Of the question.
        found: usize,
        /// Of the sources.
        known: usize,
    },
}

/// A question with its vector, if there is one.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The words.
    pub text: &'a str,
    /// By the encoder that made the sources' vectors.
    pub vector: Option<&'a [f32]>,
}

/// A source that may answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Its number in the index.
    pub source: usize,
    /// Share of the question's words that it holds, weighted by rarity, about 0 to 1.
    pub words: f32,
    /// Cosine of its vector and the question's, the better of question and answer, less what any question would get;
    /// none without vectors.
    pub cosine: Option<f32>,
    /// Both, fused.
    pub score: f32,
}

/// What a question found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Best first.
    pub citations: Vec<Citation>,
    /// Why the first is not likely enough; none: it is.
    pub refusal: Option<Refusal>,
}

/// The searchable sources. No `Debug`: it is large.
pub struct AnswerIndex {
    sources: Vec<Source>,
    questions: LexicalIndex,
    texts: LexicalIndex,
    dense: Option<DenseIndex>,
    /// What each source names, and what they are about.
    named: Vec<Named>,
    own: Named,
    ranker: Ranker,
}

/// What a source's question and answer are encoded from, in the order of [`Vectors`].
pub fn encoded_texts(source: &Source) -> [&str; 2] {
    [source.question.as_deref().unwrap_or(&source.answer), &source.answer]
}

/// All that a source says.
fn whole(source: &Source) -> String {
    let heads = [&source.title, &source.question].into_iter().flatten();
    heads.chain([&source.answer]).map(String::as_str).collect::<Vec<&str>>().join("\n")
}

impl AnswerIndex {
    /// An index of these sources.
    ///
    /// # Errors
    /// When the vectors are not two for each source.
    pub fn new(
        sources: Vec<Source>,
        vectors: Option<Vectors>,
        ranker: Ranker,
    ) -> Result<AnswerIndex, IndexError> {
        let dense = vectors.map(|it| DenseIndex::new(it, sources.len())).transpose()?;
        let texts: Vec<String> = sources.iter().map(whole).collect();
        let named: Vec<Named> = texts.iter().map(|it| Named::of(it)).collect();
        let questions = sources.iter().map(|it| it.question.as_deref().unwrap_or_default());
        Ok(AnswerIndex {
            questions: LexicalIndex::build(questions),
            texts: LexicalIndex::build(texts.iter().map(String::as_str)),
            sources,
            dense,
            own: Named::own(&named),
            named,
            ranker,
        })
    }

    /// The sources, by their numbers.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Numbers of a question's vector; none where only words are compared.
    pub fn width(&self) -> Option<usize> {
        self.dense.as_ref().map(DenseIndex::width)
    }

    /// How matches are weighed.
    pub fn ranker(&self) -> &Ranker {
        &self.ranker
    }

    /// What a question asks, without what people say around it: what [`Asked`] is made of.
    ///
    /// It depends on the sources: of a story only what none of them speaks of is left out.
    pub fn asked(&self, question: &str) -> String {
        focused(question, &self.scale())
    }

    fn scale(&self) -> Scale<'_> {
        Scale { texts: &self.texts, common: &self.ranker.common, own: self.own }
    }

    /// The sources valid on `today` that are most like the question, best first; at most `most`.
    ///
    /// # Errors
    /// When the question's vector has another length than the sources'.
    pub fn search(
        &self,
        asked: Asked<'_>,
        today: Date,
        most: usize,
    ) -> Result<Vec<Match>, IndexError> {
        let query = Query::new(asked.text);
        let mut words = vec![0.0; self.sources.len()];
        self.texts.add_scores(&query, &mut words);
        let mut in_questions = vec![0.0; self.sources.len()];
        self.questions.add_scores(&query, &mut in_questions);
        let cosines = self.cosines(asked.vector)?;
        let mut found: Vec<Match> = words
            .iter()
            .zip(&in_questions)
            .zip(&self.sources)
            .enumerate()
            .filter(|(_, (_, source))| source.is_valid_on(today))
            .map(|(source, ((in_text, in_question), _))| {
                let words = in_text.max(*in_question);
                let cosine = cosines.as_ref().and_then(|it| it.get(source).copied());
                Match { source, words, cosine, score: self.ranker.fused(words, cosine) }
            })
            // Words that nothing shares and no vector: every source would be as good as any other.
            .filter(|it| 0.0 < it.words || it.cosine.is_some())
            .collect();
        let by_score =
            |a: &Match, b: &Match| b.score.total_cmp(&a.score).then(a.source.cmp(&b.source));
        if most < found.len() {
            found.select_nth_unstable_by(most, by_score);
            found.truncate(most);
        }
        found.sort_by(by_score);
        Ok(found)
    }

    /// The sources that may answer, with the piece that does and its probability. What says nothing of a matter is refused.
    ///
    /// # Errors
    /// As [`AnswerIndex::search`].
    pub fn answer(&self, asked: Asked<'_>, today: Date, top_k: usize) -> Result<Found, IndexError> {
        let matches = self.search(asked, today, top_k.max(2))?;
        let query = Query::new(asked.text);
        let mut refusal = Some(Refusal::NothingFound);
        let mut citations = Vec::with_capacity(top_k);
        for (idx, (found, evidence)) in self.evidence(asked.text, &matches, top_k).enumerate() {
            let Some(source) = self.sources.get(found.source) else { continue };
            if idx == 0 {
                refusal = self.refusal(asked.text, found, &evidence);
            }
            let right = &self.ranker.confidence(found).right;
            citations.push(self.citation(source, &query, right.probability(&evidence.features())));
        }
        Ok(Found { citations, refusal })
    }

    /// Why the first match is no answer; none: it is. A question that says nothing of a matter has none.
    pub fn refusal(&self, question: &str, first: &Match, evidence: &Evidence) -> Option<Refusal> {
        if !has_topic(question) {
            return Some(Refusal::NothingFound);
        }
        let is_answer = self.ranker.confidence(first).answers(&evidence.features());
        (!is_answer).then(|| evidence.refusal())
    }

    /// The first `most` matches with what speaks for each, beside the others.
    pub fn evidence<'a>(
        &'a self,
        question: &str,
        matches: &'a [Match],
        most: usize,
    ) -> impl Iterator<Item = (&'a Match, Evidence)> {
        let phrases = Phrases::of(question, self.own);
        let best = |skipped: usize| {
            let others = matches.iter().enumerate().filter(move |(idx, _)| *idx != skipped);
            others.map(|(_, it)| it.score).next().unwrap_or(0.0)
        };
        matches.iter().take(most).enumerate().map(move |(idx, found)| {
            let text = self.sources.get(found.source).map(whole).unwrap_or_default();
            let named = self.named.get(found.source).copied().unwrap_or_default();
            let evidence = Evidence {
                words: found.words,
                meaning: found.cosine.unwrap_or(0.0),
                lead: found.score - best(idx),
                ..phrases.evidence(&text, named, &self.scale())
            };
            (found, evidence)
        })
    }

    fn citation(&self, source: &Source, query: &Query, score: f32) -> Citation {
        let piece = quote(&source.answer, query, &self.texts);
        Citation {
            source_id: source.id.clone(),
            version: source.version,
            title: source.title.clone().or_else(|| source.question.clone()),
            unit: source.unit.clone(),
            link: source.link.clone(),
            quote: piece.of(&source.answer).to_owned(),
            quote_start: piece.start,
            quote_end: piece.end,
            score,
        }
    }

    /// How near each source is to the question's vector; none where only words are compared.
    fn cosines(&self, asked: Option<&[f32]>) -> Result<Option<Vec<f32>>, IndexError> {
        let (Some(dense), Some(asked)) = (&self.dense, asked) else { return Ok(None) };
        dense.likeness(asked).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: &str, question: Option<&str>, answer: &str) -> Source {
        Source {
            id: id.to_owned(),
            version: 1,
            question: question.map(str::to_owned),
            answer: answer.to_owned(),
            ..Source::default()
        }
    }

    fn sources() -> Vec<Source> {
        vec![
            source("a", Some("身分證遺失怎麼辦?"), "請攜帶印章至戶政事務所補發。"),
            source("b", None, "護照遺失者應向外交部領事事務局申請。"),
            source("c", Some("開放時間?"), "週一至週五。"),
        ]
    }

    fn index(vectors: Option<Vectors>) -> AnswerIndex {
        AnswerIndex::new(sources(), vectors, Ranker::default()).unwrap()
    }

    const TODAY: Date = Date { year: 2026, month: 11, day: 26 };

    fn check(text: &str, expected: &[&str]) {
        let index = index(None);
        let found = index.search(Asked { text, vector: None }, TODAY, 9).unwrap();
        let ids: Vec<&str> =
            found.iter().map(|it| index.sources()[it.source].id.as_str()).collect();
        assert_eq!(ids, expected, "{text}");
    }

    #[test]
    fn words_find_questions_and_answers() {
        check("身分證遺失", &["a", "b"]);
        check("護照遺失", &["b", "a"]);
        check("補發印章", &["a"]);
        check("鯨魚", &[]);
        check("", &[]);
    }

    #[test]
    fn vectors_find_what_shares_no_word() {
        let values = vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.6, 0.8, -1.0, 0.0];
        let index = index(Some(Vectors::new(2, values)));
        let asked = Asked { text: "鯨魚", vector: Some(&[0.0, 1.0]) };
        let found = index.search(asked, TODAY, 9).unwrap();
        let shown: Vec<(usize, Option<f32>)> =
            found.iter().map(|it| (it.source, it.cosine)).collect();
        let order: Vec<usize> = shown.iter().map(|(source, _)| *source).collect();
        assert_eq!(order, [1, 2, 0]);
        assert!(shown.iter().all(|(_, cosine)| cosine.is_some()));
        assert_eq!(index.search(asked, TODAY, 1).unwrap(), found[..1]);
        let wrong = Asked { text: "鯨魚", vector: Some(&[1.0]) };
        assert_eq!(index.search(wrong, TODAY, 9), Err(IndexError::Width { found: 1, known: 2 }));
        let short = Some(Vectors::new(2, vec![0.0; 11]));
        assert!(AnswerIndex::new(sources(), short, Ranker::default()).is_err());
    }

    #[test]
    fn an_answer_quotes_and_a_strange_question_is_refused() {
        let index = index(None);
        let found =
            index.answer(Asked { text: "身分證遺失怎麼辦", vector: None }, TODAY, 3).unwrap();
        assert_eq!(found.refusal, None, "{found:?}");
        let first = &found.citations[0];
        let shown = (first.source_id.as_str(), first.quote.as_str(), first.quote_start);
        assert_eq!(shown, ("a", "請攜帶印章至戶政事務所補發。", 0));
        assert_eq!((first.quote_end, first.title.as_deref()), (14, Some("身分證遺失怎麼辦?")));
        let asked = Asked {
            text: "海洋館的鯨魚表演幾點開始而且要不要門票", vector: None
        };
        let refused = index.answer(asked, TODAY, 3).unwrap();
        assert_eq!(refused.refusal, Some(Refusal::WordsMissing));
        let of_nothing = index.answer(Asked { text: "印章", vector: None }, TODAY, 3).unwrap();
        assert_eq!(of_nothing.refusal, Some(Refusal::NothingFound), "it names no matter");
        let nothing = index.answer(Asked { text: "鯨魚", vector: None }, TODAY, 3).unwrap();
        assert_eq!((nothing.refusal, nothing.citations.len()), (Some(Refusal::NothingFound), 0));
    }

    #[test]
    fn a_source_counts_on_its_days_only() {
        let mut all = sources();
        all[0].valid_to = Date::parse_iso("2026-11-25");
        all[1].valid_from = Date::parse_iso("2026-11-26");
        let index = AnswerIndex::new(all, None, Ranker::default()).unwrap();
        let found = index.search(Asked { text: "遺失", vector: None }, TODAY, 9).unwrap();
        assert_eq!(found.iter().map(|it| it.source).collect::<Vec<_>>(), [1]);
    }
}
