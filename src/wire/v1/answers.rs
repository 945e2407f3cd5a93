//! Questions: `POST /api/v1/qa/answers` and `GET /api/v1/qa/unanswered`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::Private;
use crate::task::answers::{self, Answer, AnswerOrder, MAX_QUESTION, MAX_TOP_K, Refusal};
use crate::task::call::CallError;
use crate::wire::catalogue::Model;

use super::body;
use super::meta::{PurposeAsk, check_purpose};
use super::prediction::day;
use super::recognition::DISCLOSURE;
use super::text::{CasePurpose, share};

/// What is said where no source answers.
const NO_ANSWER: &str = "查無資料,將轉由專人處理";

/// A question. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": {"code": "hotline-1996"}, "question": "身分證遺失補發要準備什麼?",
    "context": {"previous_question": "身分證不見了要去哪裡辦?"},
}))]
pub struct AnswerRequest {
    /// Why it is asked. May be left out in the demo profile.
    pub purpose: Option<CasePurpose>,
    /// 1 to 1,000 code points.
    #[schema(pattern = r"\S", min_length = 1, max_length = 1000)]
    pub question: String,
    /// Who will read the answer: `agent` or `citizen`; answered alike.
    #[schema(pattern = "^(agent|citizen)$")]
    pub audience: Option<String>,
    /// What was asked before.
    #[serde(default)]
    pub context: QuestionContext,
    /// What to answer.
    #[serde(default)]
    pub options: AnswerOptions,
}

/// What was asked before.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuestionContext {
    /// The question before this one in the same conversation; used only when this one is not clear by itself.
    pub previous_question: Option<String>,
}

/// What to answer.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerOptions {
    /// Sources wanted, 1 to 20.
    #[serde(deserialize_with = "body::whole")]
    #[schema(minimum = 1, maximum = 20)]
    pub top_k: Option<usize>,
}

/// Reads a request.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<AnswerOrder, CallError> {
    let objects = ["", "/purpose", "/context", "/options"];
    let request: AnswerRequest = body::parse(json, "", &objects)?;
    check_purpose(request.purpose.map(Into::into).as_ref(), &ask.into(), "")?;
    if request.question.trim().is_empty() {
        return Err(CallError::bad_value("/question", "不可空白。"));
    }
    body::require_short(&request.question, MAX_QUESTION, "/question")?;
    let previous = request.context.previous_question.filter(|it| !it.trim().is_empty());
    let at = "/context/previous_question";
    body::require_short(previous.as_deref().unwrap_or_default(), MAX_QUESTION, at)?;
    if request.audience.is_some_and(|it| it != "agent" && it != "citizen") {
        return Err(CallError::bad_value("/audience", "應為 agent 或 citizen。"));
    }
    body::require_top_k(request.options.top_k, MAX_TOP_K)?;
    Ok(AnswerOrder {
        question: Private::new(request.question),
        previous: previous.map(Private::new),
        top_k: request.options.top_k,
    })
}

/// An answer, quoted from an approved source.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the document")]
pub struct AnswerResponse {
    /// Identifies it; feedback is given under `/api/v1/predictions/{id}/feedback`, its labels being source ids.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub answer_id: String,
    /// `answered` or `no_answer`.
    #[schema(example = "answered")]
    pub state: &'static str,
    /// The quoted piece; null when no source is likely enough.
    #[schema(required = true, example = "請攜帶印章至戶政事務所補發。")]
    pub answer: Option<String>,
    /// What to say instead; absent when there is an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "查無資料,將轉由專人處理")]
    pub message: Option<&'static str>,
    /// Why there is no answer: `nothing_found`, `other_place`, `other_agency`, `words_missing`, `not_alike`, or `not_shown`
    /// where the agency has the service in the shadow; absent when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "other_place")]
    pub refusal_reason: Option<&'static str>,
    /// Where the answer stands; empty when there is none.
    pub citations: Vec<Citation>,
    /// Other sources, most likely first: for a person to look at.
    pub alternatives: Vec<Citation>,
    /// Whether the question before was needed to understand this one.
    pub used_previous: bool,
    /// Whether only words were compared, because no sentence encoder is at hand.
    pub by_words_only: bool,
    /// Which index answered.
    pub model: Model,
    /// Always: a person decides.
    pub requires_human: bool,
    /// Always: the answer supports a decision and is none.
    pub decision_support: bool,
    /// To be shown with the result.
    pub disclosure: &'static str,
}

/// A piece of an approved source.
#[derive(Serialize, ToSchema)]
pub struct Citation {
    /// The source.
    #[schema(example = "faq-ris-0031")]
    pub source_id: String,
    /// Its version.
    pub version: u32,
    /// Its title, or its question where it has none.
    #[schema(required = true, example = "國民身分證補領")]
    pub title: Option<String>,
    /// Who answers for it.
    #[schema(required = true)]
    pub unit: Option<String>,
    /// Where it was published.
    #[schema(required = true)]
    pub link: Option<String>,
    /// The piece, word for word.
    pub quote: String,
    /// First code point of the piece in the source's text.
    pub quote_start: usize,
    /// One past its last.
    pub quote_end: usize,
    /// Calibrated probability that the source answers the question, 0 to 1.
    #[schema(example = 0.86)]
    pub score: f64,
}

impl From<answers::Citation> for Citation {
    fn from(it: answers::Citation) -> Citation {
        Citation {
            source_id: it.source_id,
            version: it.version,
            title: it.title,
            unit: it.unit,
            link: it.link,
            quote: it.quote,
            quote_start: it.quote_start,
            quote_end: it.quote_end,
            score: share(it.score),
        }
    }
}

impl From<Answer> for AnswerResponse {
    fn from(answer: Answer) -> AnswerResponse {
        let (citations, alternatives) = divided(answer.refusal.is_none(), answer.citations);
        let is_answered = !citations.is_empty();
        AnswerResponse {
            answer_id: answer.id,
            state: if is_answered { "answered" } else { "no_answer" },
            answer: citations.first().map(|it| it.quote.clone()),
            message: (!is_answered).then_some(NO_ANSWER),
            refusal_reason: answer.refusal.map(Refusal::as_str),
            citations,
            alternatives,
            used_previous: answer.used_previous,
            by_words_only: answer.by_words_only,
            model: answer.index.into(),
            requires_human: true,
            decision_support: true,
            disclosure: DISCLOSURE,
        }
    }
}

/// What is cited, and what a person may look at beside it: only an answer is cited.
pub(super) fn divided(
    is_answered: bool,
    found: Vec<answers::Citation>,
) -> (Vec<Citation>, Vec<Citation>) {
    let mut alternatives: Vec<Citation> = found.into_iter().map(Citation::from).collect();
    let n_cited = usize::from(is_answered && !alternatives.is_empty());
    let citations = alternatives.drain(..n_cited).collect();
    (citations, alternatives)
}

/// Questions that no source answered: counts, and the newest with their words.
#[derive(Serialize, ToSchema)]
pub struct UnansweredResponse {
    /// Questions asked that are still kept.
    pub asked: usize,
    /// Those of them that no source answered.
    pub unanswered: usize,
    /// The newest of those, at most 1,000.
    pub items: Vec<UnansweredItem>,
}

/// A question that no source answered.
#[derive(Serialize, ToSchema)]
pub struct UnansweredItem {
    /// Its answer's id.
    pub answer_id: String,
    /// Day it was asked (UTC).
    #[schema(example = "2026-11-24")]
    pub asked_on: String,
    /// The source that came nearest; null when nothing had a word in common.
    #[schema(required = true)]
    pub nearest_source: Option<String>,
    /// What was asked, personal data masked (names are not); null once its text has expired, and beyond the newest 200.
    #[schema(required = true, example = "我的電話〔行動電話〕,補發要多久?")]
    pub question: Option<String>,
}

impl From<answers::Unanswered> for UnansweredResponse {
    fn from(report: answers::Unanswered) -> UnansweredResponse {
        let item = |it: answers::UnansweredQuestion| UnansweredItem {
            answer_id: it.id,
            asked_on: day(it.asked),
            nearest_source: it.nearest,
            question: it.masked.map(Private::into_inner),
        };
        UnansweredResponse {
            asked: report.n_asked,
            unanswered: report.n_unanswered,
            items: report.items.into_iter().map(item).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorCode;
    use crate::task::idcard::ModelInfo;
    use crate::wire::v1::meta::PurposeRule;

    fn check(json: &str, expected: Result<(), &str>) {
        let found = parse(json.as_bytes(), PurposeRule::Optional).map(drop).map_err(|error| {
            assert!(!error.message.contains("SECRET"), "{}", error.message);
            assert!(matches!(error.code, ErrorCode::BadValue | ErrorCode::UnknownField));
            error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
        });
        assert_eq!(found, expected.map_err(str::to_owned), "{json:.200}");
    }

    #[test]
    fn good_and_bad_questions() {
        check(r#"{"question":"甲?"}"#, Ok(()));
        check(
            r#"{"question":"甲?","audience":"agent","context":{"previous_question":""}}"#,
            Ok(()),
        );
        check(r#"{"question":" "}"#, Err("/question"));
        check(&format!(r#"{{"question":"{}"}}"#, "字".repeat(1_000)), Ok(()));
        check(&format!(r#"{{"question":"{}"}}"#, "字".repeat(1_001)), Err("/question"));
        check(r#"{"question":"甲","context":["SECRET"]}"#, Err("/context"));
        check(r#"{"question":"甲","context":{"SECRET":1}}"#, Err("/context"));
        check(r#"{"question":"甲","audience":"SECRET"}"#, Err("/audience"));
        check(r#"{"question":"甲","options":{"top_k":21}}"#, Err("/options/top_k"));
        check(r#"{"question":"甲","purpose":{"code":"SECRET"}}"#, Err("/purpose/code"));
        check(r#"{}"#, Err("/question"));
        let previous = "字".repeat(1_001);
        let long = format!(r#"{{"question":"甲","context":{{"previous_question":"{previous}"}}}}"#);
        check(&long, Err("/context/previous_question"));
    }

    #[test]
    fn only_an_answer_is_cited() {
        let citation = |id: &str| answers::Citation {
            source_id: id.to_owned(),
            version: 1,
            title: None,
            unit: None,
            link: None,
            quote: format!("{id}的字"),
            quote_start: 0,
            quote_end: 3,
            score: 0.5,
        };
        let response = |refusal, citations| {
            let index =
                ModelInfo { name: "qa".to_owned(), version: "1".to_owned(), sha256: String::new() };
            let id = String::new();
            let (used_previous, by_words_only) = (false, true);
            let answer = Answer { id, refusal, citations, used_previous, by_words_only, index };
            let it = AnswerResponse::from(answer);
            (it.state, it.answer, it.refusal_reason, it.citations.len(), it.alternatives.len())
        };
        let both = || vec![citation("a"), citation("b")];
        assert_eq!(response(None, both()), ("answered", Some("a的字".to_owned()), None, 1, 1));
        assert_eq!(
            response(Some(Refusal::OtherPlace), both()),
            ("no_answer", None, Some("other_place"), 0, 2)
        );
        assert_eq!(
            response(Some(Refusal::NothingFound), Vec::new()),
            ("no_answer", None, Some("nothing_found"), 0, 0)
        );
    }
}
