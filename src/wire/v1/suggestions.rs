//! Agent assist: `POST /api/v1/qa/suggestions`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::Private;
use crate::task::answers::MAX_TOP_K;
use crate::task::assist::{
    CallOrder, MAX_UTTERANCE, MAX_UTTERANCES, Speaker, Suggestion, Suggestions, Utterance,
};
use crate::task::call::CallError;
use crate::wire::catalogue::Model;

use super::answers::{AnswerOptions, Citation, divided};
use super::body;
use super::meta::{PurposeAsk, check_purpose};
use super::recognition::DISCLOSURE;
use super::text::CasePurpose;

/// Longest call, in seconds.
const MAX_SECONDS: f64 = 86_400.0;

/// A call so far. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": {"code": "hotline-1996"},
    "utterances": [
        {"start": 0.4, "end": 2.1, "speaker": "agent", "text": "內政服務熱線您好,請問有什麼可以幫您?"},
        {"start": 2.6, "end": 6.0, "speaker": "citizen", "text": "我身分證遺失了,想問怎麼補發"},
    ],
}))]
pub struct SuggestionRequest {
    /// Why it is asked. May be left out in the demo profile.
    pub purpose: Option<CasePurpose>,
    /// 1 to 2,000 in the order in which they were said; the newest questions are looked at, so that earlier parts of a
    /// call may be left out.
    #[schema(min_items = 1, max_items = 2000)]
    pub utterances: Vec<CallUtterance>,
    /// What to answer for each question.
    #[serde(default)]
    pub options: AnswerOptions,
}

/// Words said without a break by one speaker.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallUtterance {
    /// Seconds since the call began.
    #[schema(minimum = 0)]
    pub start: f64,
    /// Seconds since the call began, not before `start`.
    #[schema(minimum = 0)]
    pub end: f64,
    /// `citizen` or `agent`; left out when not known. What an agent asks is not looked for.
    #[schema(pattern = "^(citizen|agent)$")]
    pub speaker: Option<String>,
    /// At most 1,000 code points.
    #[schema(max_length = 1000)]
    pub text: String,
}

/// Reads a request.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<CallOrder, CallError> {
    let objects = ["", "/purpose", "/options", "/utterances/*"];
    let request: SuggestionRequest = body::parse(json, "", &objects)?;
    check_purpose(request.purpose.map(Into::into).as_ref(), &ask.into(), "")?;
    if !(1..=MAX_UTTERANCES).contains(&request.utterances.len()) {
        let message = format!("應有 1 到 {MAX_UTTERANCES} 筆。");
        return Err(CallError::bad_value("/utterances", message));
    }
    body::require_top_k(request.options.top_k, MAX_TOP_K)?;
    let utterances = request.utterances.into_iter().enumerate();
    let utterances = utterances.map(|(idx, it)| it.checked(idx)).collect::<Result<_, _>>()?;
    Ok(CallOrder { utterances, top_k: request.options.top_k })
}

impl CallUtterance {
    fn checked(self, idx: usize) -> Result<Utterance, CallError> {
        let at = |field: &str| format!("/utterances/{idx}/{field}");
        if !(0.0..=MAX_SECONDS).contains(&self.start) {
            return Err(CallError::bad_value(at("start"), "應為 0 到 86400 秒。"));
        }
        if !(self.start..=MAX_SECONDS).contains(&self.end) {
            return Err(CallError::bad_value(at("end"), "應為 start 到 86400 秒。"));
        }
        let speaker = match self.speaker.as_deref() {
            Some("citizen") => Speaker::Citizen,
            Some("agent") => Speaker::Agent,
            None => Speaker::Unknown,
            Some(_) => {
                return Err(CallError::bad_value(at("speaker"), "應為 citizen 或 agent。"));
            }
        };
        body::require_short(&self.text, MAX_UTTERANCE, &at("text"))?;
        Ok(Utterance {
            start: Duration::from_secs_f64(self.start),
            end: Duration::from_secs_f64(self.end),
            speaker,
            text: Private::new(self.text),
        })
    }
}

/// The newest questions of a call with the sources that may answer them. Nothing of it is kept.
#[derive(Serialize, ToSchema)]
pub struct SuggestionResponse {
    /// At most 3 questions, oldest first; empty when nothing was asked.
    pub items: Vec<SuggestedAnswer>,
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

/// A question of a call.
#[derive(Serialize, ToSchema)]
pub struct SuggestedAnswer {
    /// Its words, with those of the sentence before where it is short.
    pub question: String,
    /// Seconds since the call began.
    pub start: f64,
    /// Seconds since the call began.
    pub end: f64,
    /// `answered` or `no_answer`.
    #[schema(example = "answered")]
    pub state: &'static str,
    /// Where the answer stands; empty when no source is likely enough.
    pub citations: Vec<Citation>,
    /// Other sources, most likely first: for a person to look at.
    pub alternatives: Vec<Citation>,
}

impl From<Suggestion> for SuggestedAnswer {
    fn from(it: Suggestion) -> SuggestedAnswer {
        let (citations, alternatives) = divided(it.is_answered, it.citations);
        SuggestedAnswer {
            question: it.question.into_inner(),
            start: seconds(it.start),
            end: seconds(it.end),
            state: if citations.is_empty() { "no_answer" } else { "answered" },
            citations,
            alternatives,
        }
    }
}

impl From<Suggestions> for SuggestionResponse {
    fn from(found: Suggestions) -> SuggestionResponse {
        SuggestionResponse {
            items: found.items.into_iter().map(SuggestedAnswer::from).collect(),
            by_words_only: found.by_words_only,
            model: found.index.into(),
            requires_human: true,
            decision_support: true,
            disclosure: DISCLOSURE,
        }
    }
}

/// To the thousandth.
fn seconds(moment: Duration) -> f64 {
    (moment.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    fn check(utterance: &str, expected: Result<Speaker, &str>) {
        let json = format!(r#"{{"utterances":[{utterance}]}}"#);
        let found = parse(json.as_bytes(), PurposeRule::Optional);
        let found = found.map(|it| it.utterances[0].speaker).map_err(|error| {
            assert!(!error.message.contains("SECRET"), "{}", error.message);
            error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
        });
        assert_eq!(found, expected.map_err(str::to_owned), "{utterance:.200}");
    }

    #[test]
    fn good_and_bad_utterances() {
        check(r#"{"start":0,"end":1.5,"speaker":"agent","text":"好"}"#, Ok(Speaker::Agent));
        check(r#"{"start":2,"end":2,"text":""}"#, Ok(Speaker::Unknown));
        check(r#"{"start":2,"end":1,"text":""}"#, Err("/utterances/0/end"));
        check(r#"{"start":-1,"end":1,"text":""}"#, Err("/utterances/0/start"));
        check(r#"{"start":0,"end":1e9,"text":""}"#, Err("/utterances/0/end"));
        check(r#"{"start":0,"end":1,"speaker":"SECRET","text":""}"#, Err("/utterances/0/speaker"));
        let long = "字".repeat(MAX_UTTERANCE + 1);
        check(&format!(r#"{{"start":0,"end":1,"text":"{long}"}}"#), Err("/utterances/0/text"));
        check("[]", Err("/utterances/0"));
        let none = parse(br#"{"utterances":[]}"#, PurposeRule::Optional).unwrap_err();
        assert_eq!(none.errors[0].pointer, "/utterances");
    }
}
