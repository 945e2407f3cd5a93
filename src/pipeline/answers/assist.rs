//! Agent assist: what the citizen has just asked, and the sources that may answer it.

use std::time::Duration;

use crate::base::{Date, Private};
use crate::task::assist::{Speaker, Suggestion, Utterance};

use super::index::{AnswerIndex, Asked, IndexError};
use super::transcript::{SaidSentence, sentences};

/// Words that a question is told by where speech has no question mark.
const CUES: [&str; 19] = [
    "請問",
    "想問",
    "怎麼",
    "如何",
    "什麼",
    "哪裡",
    "哪裏",
    "哪一",
    "可不可以",
    "可以嗎",
    "是否",
    "多少",
    "多久",
    "幾點",
    "嗎",
    "呢",
    "要不要",
    "能不能",
    "有沒有",
];
/// What whoever answers the line says, who asks nothing that a source would answer; looked at where nobody knows who spoke.
const OF_AGENTS: [&str; 8] = [
    "幫您",
    "為您服務",
    "為您查",
    "您貴姓",
    "怎麼稱呼",
    "還有其他問題",
    "還有其他需要",
    "需要服務",
];
/// Code points up to which a question leans on the sentence before it (那要帶什麼呢).
const SHORT: usize = 10;

/// A question that was asked in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedQuestion {
    /// When it was begun, since the call began.
    pub start: Duration,
    /// When it was ended.
    pub end: Duration,
    /// Its words; those of the sentence before too where it is short.
    pub text: Private<String>,
}

/// The newest questions of a call that were not asked by the agent, oldest first; at most `most`.
pub fn questions(utterances: &[Utterance], most: usize) -> Vec<AskedQuestion> {
    questions_since(utterances, 0, most)
}

/// The same of utterance number `from` and those after it: what was said before is only what they lean on.
pub fn questions_since(utterances: &[Utterance], from: usize, most: usize) -> Vec<AskedQuestion> {
    let (before, after) = utterances.split_at(from.min(utterances.len()));
    let mut said = of_callers(before);
    let n_before = said.len();
    said.extend(of_callers(after));
    let mut found: Vec<AskedQuestion> = Vec::new();
    for (idx, sentence) in said.iter().enumerate().skip(n_before).rev() {
        if found.len() == most {
            break;
        }
        if is_question(sentence.text.expose()) {
            let before = idx.checked_sub(1).and_then(|it| said.get(it));
            found.push(asked(sentence, before));
        }
    }
    found.reverse();
    found
}

/// The sources for each question; `vectors` are the questions', in their order, where there is an encoder.
///
/// # Errors
/// When a vector has another length than the sources'.
pub fn suggest(
    index: &AnswerIndex,
    questions: Vec<AskedQuestion>,
    vectors: Option<&[Vec<f32>]>,
    today: Date,
    top_k: usize,
) -> Result<Vec<Suggestion>, IndexError> {
    let suggestion = |(idx, asked): (usize, AskedQuestion)| {
        let vector = vectors.and_then(|it| it.get(idx)).map(Vec::as_slice);
        let text = &index.asked(asked.text.expose());
        let found = index.answer(Asked { text, vector }, today, top_k)?;
        Ok(Suggestion {
            start: asked.start,
            end: asked.end,
            question: asked.text,
            is_answered: found.refusal.is_none(),
            citations: found.citations,
        })
    };
    questions.into_iter().enumerate().map(suggestion).collect()
}

/// What was not said by whoever answers the line.
fn of_callers(utterances: &[Utterance]) -> Vec<SaidSentence> {
    let is_agents = |text: &str| OF_AGENTS.iter().any(|it| text.contains(it));
    let mut said = sentences(utterances);
    said.retain(|it| match it.speaker {
        Speaker::Citizen => true,
        Speaker::Agent => false,
        Speaker::Unknown => !is_agents(it.text.expose()),
    });
    said
}

fn is_question(text: &str) -> bool {
    text.ends_with(['?', '\u{ff1f}']) || CUES.iter().any(|it| text.contains(it))
}

fn asked(sentence: &SaidSentence, before: Option<&SaidSentence>) -> AskedQuestion {
    let text = sentence.text.expose();
    let is_short = text.chars().nth(SHORT).is_none();
    match before.filter(|_| is_short) {
        Some(before) => AskedQuestion {
            start: before.start,
            end: sentence.end,
            text: Private::new(format!("{}{text}", before.text.expose())),
        },
        None => {
            AskedQuestion { start: sentence.start, end: sentence.end, text: sentence.text.clone() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rank::Ranker;
    use super::*;
    use crate::task::answers::Source;

    fn call(lines: &[(Speaker, &str)]) -> Vec<Utterance> {
        let line = |(idx, (speaker, text)): (u64, &(Speaker, &str))| Utterance {
            start: Duration::from_secs(10 * idx),
            end: Duration::from_secs(10 * idx + 8),
            speaker: *speaker,
            text: Private::new((*text).to_owned()),
        };
        (0..).zip(lines).map(line).collect()
    }

    fn check(lines: &[(Speaker, &str)], expected: &[&str]) {
        let found = questions(&call(lines), 2);
        let found: Vec<&str> = found.iter().map(|it| it.text.expose().as_str()).collect();
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn the_citizens_newest_questions_count() {
        use Speaker::{Agent, Citizen, Unknown};
        check(
            &[(Agent, "請問有什麼可以幫您?"), (Citizen, "我的身分證遺失了想問怎麼補發")],
            &["我的身分證遺失了想問怎麼補發"],
        );
        check(&[(Citizen, "我身分證掉了。要帶什麼呢")], &["我身分證掉了。要帶什麼呢"]);
        check(
            &[
                (Unknown, "戶政事務所星期六有沒有上班?"),
                (Citizen, "好。"),
                (Citizen, "護照可以在哪裡申請換發呢?"),
                (Citizen, "結婚登記一定要兩個人一起到嗎?"),
            ],
            &["護照可以在哪裡申請換發呢?", "結婚登記一定要兩個人一起到嗎?"],
        );
        check(&[(Citizen, "謝謝。")], &[]);
        // On a line where nobody knows who speaks.
        check(
            &[(Unknown, "您好,請問有什麼可以幫您?"), (Unknown, "身分證遺失要怎麼補發?")],
            &["身分證遺失要怎麼補發?"],
        );
        check(&[(Citizen, "你們可以幫您的客人辦嗎?")], &["你們可以幫您的客人辦嗎?"]);
    }

    #[test]
    fn only_what_was_said_since_is_asked() {
        use Speaker::Unknown;
        let lines = [
            (Unknown, "護照可以在哪裡申請換發呢?"),
            (Unknown, "我身分證掉了。"),
            (Unknown, "要帶什麼呢"),
        ];
        let check = |from: usize, expected: &[&str]| {
            let found = questions_since(&call(&lines), from, 3);
            let found: Vec<&str> = found.iter().map(|it| it.text.expose().as_str()).collect();
            assert_eq!(found, expected, "{from}");
        };
        check(0, &["護照可以在哪裡申請換發呢?", "我身分證掉了。要帶什麼呢"]);
        check(1, &["我身分證掉了。要帶什麼呢"]);
        check(2, &["我身分證掉了。要帶什麼呢"]);
        check(3, &[]);
        check(9, &[]);
    }

    #[test]
    fn each_question_gets_its_sources() {
        let source = |id: &str, answer: &str| Source {
            id: id.to_owned(),
            version: 1,
            answer: answer.to_owned(),
            ..Source::default()
        };
        let sources =
            vec![source("a", "身分證遺失應至戶政事務所補發。"), source("b", "週六不上班。")];
        let index = AnswerIndex::new(sources, None, Ranker::default()).unwrap();
        let today = Date { year: 2026, month: 11, day: 26 };
        let asked = questions(&call(&[(Speaker::Citizen, "身分證遺失怎麼補發?")]), 3);
        let found = suggest(&index, asked, None, today, 1).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].citations[0].source_id, "a");
        assert_eq!((found[0].start, found[0].end.as_secs()), (Duration::ZERO, 8));
    }
}
