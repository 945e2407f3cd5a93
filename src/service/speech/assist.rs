//! Agent assist of a live stream: what its finished utterances ask, one question after another, and what was found.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::Private;
use crate::pipeline::answers::assist::questions_since;
use crate::task::answers::{Answer, AnswerOrder};
use crate::task::assist::{LiveQuestion, Speaker, Utterance};
use crate::task::speech::{Rendition, Segment, SpokenLanguage};

/// Finished utterances that are kept, for a short question leans on what was said before it.
const KEPT: usize = 3;
/// Questions that are looked for in an utterance, and that may wait: those after them are newer.
const MOST: usize = 3;
/// Answers that a client can ask for again.
const MAX_AGAIN: usize = 50;

/// What was asked in a stream so far. Personal data is masked before anything is looked for.
#[derive(Default)]
pub struct Assist {
    said: VecDeque<Utterance>,
    waiting: VecDeque<LiveQuestion>,
    /// The question before the first that waits.
    previous: Option<Private<String>>,
    found: VecDeque<(LiveQuestion, Answer)>,
}

impl Assist {
    /// Looks for questions in a finished utterance. When more than three wait, the oldest is passed over.
    pub(super) fn note(&mut self, id: u64, segment: &Segment) {
        let text = segment.shown(Rendition::Redacted);
        if segment.language == SpokenLanguage::Other || text.is_empty() {
            return;
        }
        self.said.push_back(Utterance {
            start: Duration::from_millis(segment.start),
            end: Duration::from_millis(segment.end),
            speaker: Speaker::Unknown,
            text: Private::new(text),
        });
        self.said.drain(..self.said.len().saturating_sub(KEPT));
        let said = self.said.make_contiguous();
        let asked = questions_since(said, said.len().saturating_sub(1), MOST);
        self.waiting.extend(asked.into_iter().map(|it| LiveQuestion {
            id,
            start: it.start,
            end: it.end,
            text: it.text,
        }));
        self.waiting.drain(..self.waiting.len().saturating_sub(MOST));
    }

    /// The question to look up next, and how it is asked.
    pub fn next(&self) -> Option<(LiveQuestion, AnswerOrder)> {
        let question = self.waiting.front()?.clone();
        let previous = self.previous.clone();
        let order = AnswerOrder { question: question.text.clone(), previous, top_k: None };
        Some((question, order))
    }

    /// What became of a question: it waits no more.
    pub fn take(&mut self, question: LiveQuestion, answer: Option<Answer>) {
        if self.waiting.front() == Some(&question) {
            self.waiting.pop_front();
        }
        self.previous = Some(question.text.clone());
        self.found.extend(answer.map(|it| (question, it)));
        self.found.drain(..self.found.len().saturating_sub(MAX_AGAIN));
    }

    /// Answers to what was asked in finished utterance number `from` and later, as far as they are kept.
    pub fn again(&self, from: u64) -> Vec<(LiveQuestion, Answer)> {
        self.found.iter().filter(|it| from <= it.0.id).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::idcard::ModelInfo;
    use crate::task::speech::SpokenPii;

    fn segment(start: u64, text: &str) -> Segment {
        Segment {
            channel: 0,
            start,
            end: start + 900,
            language: SpokenLanguage::Mandarin,
            text: Private::new(text.to_owned()),
            words: Vec::new(),
            pii: Vec::new(),
            confidence: 1.0,
        }
    }

    fn answer(id: &str) -> Answer {
        let index =
            ModelInfo { name: String::new(), version: String::new(), sha256: String::new() };
        let (refusal, citations) = (None, Vec::new());
        let id = id.to_owned();
        Answer { id, refusal, citations, used_previous: false, by_words_only: true, index }
    }

    /// Notes the texts, a second each; what waits then, with the utterances in which it ends.
    fn check(texts: &[&str], expected: &[(u64, &str)]) {
        let mut assist = Assist::default();
        for (id, text) in (0..).zip(texts) {
            assist.note(id, &segment(1000 * id, text));
        }
        let found: Vec<(u64, &str)> =
            assist.waiting.iter().map(|it| (it.id, it.text.expose().as_str())).collect();
        assert_eq!(found, expected, "{texts:?}");
    }

    #[test]
    fn questions_wait_in_their_order() {
        check(&["您好。", "我要申請戶籍謄本。"], &[]);
        check(&["身分證遺失要怎麼補發呢?"], &[(0, "身分證遺失要怎麼補發呢?")]);
        check(&["我身分證掉了。", "要帶什麼呢?"], &[(1, "我身分證掉了。要帶什麼呢?")]);
        let all = [
            "護照可以在哪裡申請換發呢?",
            "結婚登記要帶什麼證件呢?",
            "戶政事務所星期六有沒有上班?",
            "如何檢舉違規施放爆竹呢?",
        ];
        check(&all, &[(1, all[1]), (2, all[2]), (3, all[3])]);
    }

    #[test]
    fn personal_data_is_masked_before_anything_is_asked() {
        let mut assist = Assist::default();
        let mut segment = segment(0, "我的電話0912345678可以查詢進度嗎?");
        segment.pii =
            vec![SpokenPii { kind: "mobile_phone", mask: "〔行動電話〕", start: 4, end: 14 }];
        assist.note(0, &segment);
        let (question, order) = assist.next().unwrap();
        assert_eq!(question.text.expose(), "我的電話〔行動電話〕可以查詢進度嗎?");
        assert_eq!(order.question, question.text);
        segment.language = SpokenLanguage::Other;
        assist.note(1, &segment);
        assert_eq!(assist.waiting.len(), 1);
    }

    #[test]
    fn each_is_asked_with_the_one_before_and_told_again() {
        let mut assist = Assist::default();
        assist.note(0, &segment(0, "結婚登記要帶什麼證件呢?"));
        assist.note(1, &segment(1000, "那離婚登記也需要一樣的證件嗎?"));
        let (first, order) = assist.next().unwrap();
        assert_eq!((first.id, order.previous), (0, None));
        assert_eq!(assist.next().map(|it| it.0), Some(first.clone()), "until something came of it");
        assist.take(first.clone(), Some(answer("a")));
        let (second, order) = assist.next().unwrap();
        assert_eq!((second.id, order.previous), (1, Some(first.text.clone())));
        // It could not be looked up.
        assist.take(second, None);
        assert_eq!(assist.next(), None);
        let again = |from| assist.again(from).into_iter().map(|it| it.1.id).collect::<Vec<_>>();
        assert_eq!((again(0), again(1)), (vec!["a".to_owned()], Vec::new()));
    }
}
