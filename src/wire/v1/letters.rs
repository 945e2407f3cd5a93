//! Letters: `POST /api/v1/letters/classifications`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::Private;
use crate::task::call::CallError;
use crate::task::letters::{
    self, LetterAnswer, LetterAnswers, LetterOrder, MAX_BODY, MAX_LETTERS, MAX_SUBJECT, MAX_TOP_K,
};
use crate::wire::catalogue::Model;
use crate::wire::names;

use super::body;
use super::id::VisibleId;
use super::meta::{PurposeAsk, check_purpose};
use super::recognition::DISCLOSURE;
use super::text::{CasePurpose, Label, Ministry, Place, hash_of, share};

/// Letters to classify. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "purpose": {"code": "petition-handling", "case_no": "MB1140012345"},
    "letters": [{"external_id": "MB1140012345", "subject": "戶籍遷入遭退件", "body": "您好,我上週到戶政事務所辦理遷入…",
                 "channel": "minister-mailbox", "received_at": "2026-11-20T09:12:00+08:00"}],
    "options": {"top_k": 3, "explain": true},
}))]
pub struct ClassificationRequest {
    /// Why the letters are read. May be left out in the demo profile.
    pub purpose: Option<CasePurpose>,
    /// 1 to 100.
    #[schema(min_items = 1, max_items = 100)]
    pub letters: Vec<Letter>,
    /// What to answer.
    #[serde(default)]
    pub options: LetterOptions,
}

/// A letter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// Your id, answered as it is: at most 64 characters.
    pub external_id: Option<VisibleId>,
    /// At most 1,000 code points.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub subject: String,
    /// At most 200,000 code points.
    #[serde(default)]
    #[schema(max_length = 200000)]
    pub body: String,
    /// Where it came in: at most 64 characters.
    pub channel: Option<VisibleId>,
    /// When: a day, or RFC 3339.
    pub received_at: Option<String>,
}

/// What to answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LetterOptions {
    /// Labels wanted, 1 to 20.
    #[serde(deserialize_with = "body::whole")]
    #[schema(minimum = 1, maximum = 20)]
    pub top_k: Option<usize>,
    /// Answer the words that drove the first label.
    #[schema(default = true)]
    pub explain: bool,
    /// The taxonomy you expect, `name@version`; refused when another version is loaded.
    pub taxonomy: Option<VisibleId>,
}

impl Default for LetterOptions {
    fn default() -> LetterOptions {
        LetterOptions { top_k: None, explain: true, taxonomy: None }
    }
}

/// Reads a request.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<LetterOrder, CallError> {
    let objects = ["", "/purpose", "/options", "/letters/*"];
    let request: ClassificationRequest = body::parse(json, "", &objects)?;
    let purpose = request.purpose.map(Into::into);
    check_purpose(purpose.as_ref(), &ask.into(), "")?;
    if !(1..=MAX_LETTERS).contains(&request.letters.len()) {
        return Err(CallError::bad_value("/letters", format!("應有 1 到 {MAX_LETTERS} 封。")));
    }
    let LetterOptions { top_k, explain, taxonomy } = request.options;
    body::require_top_k(top_k, MAX_TOP_K)?;
    let letters = request.letters.into_iter().enumerate();
    let letters = letters.map(|(idx, it)| it.checked(idx)).collect::<Result<_, _>>()?;
    Ok(LetterOrder { letters, top_k, explain, taxonomy: taxonomy.map(String::from) })
}

impl Letter {
    fn checked(self, idx: usize) -> Result<letters::Letter, CallError> {
        let at = |field: &str| format!("/letters/{idx}/{field}");
        body::require_day(self.received_at.as_ref(), &at("received_at"))?;
        body::require_short(&self.subject, MAX_SUBJECT, &at("subject"))?;
        body::require_short(&self.body, MAX_BODY, &at("body"))?;
        Ok(letters::Letter {
            external_id: self.external_id.map(String::from),
            subject: Private::new(self.subject),
            body: Private::new(self.body),
            channel: self.channel.map(String::from),
        })
    }
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ClassificationResponse {
    /// One for each letter, in order.
    pub items: Vec<LetterItem>,
}

/// What one letter gave.
#[derive(Serialize, ToSchema)]
pub struct LetterItem {
    /// Identifies the prediction; feedback names it.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub prediction_id: String,
    /// Your id.
    #[schema(required = true)]
    pub external_id: Option<String>,
    /// `pilot` or `live`; `shadow`: what was suggested is kept to be compared, and not answered.
    #[schema(example = "pilot")]
    pub mode: &'static str,
    /// Most likely first.
    pub labels: Vec<Label>,
    /// The first label is not likely enough for the promised precision, or the letter says nothing.
    pub abstained: bool,
    /// How far the first label may be used, by the rules of its unit; `suggest` when it is not sure, or when the
    /// reviewed answers have broken the promise.
    pub automation: names::Automation,
    /// What an officer should know before opening it.
    pub flags: Flags,
    /// Words that drove the first label, strongest first.
    pub evidence: Vec<Evidence>,
    /// Personal data found by rule.
    pub pii: Vec<Pii>,
    /// Findings of personal data beyond those listed.
    pub pii_omitted: usize,
    /// What answered.
    pub model: Model,
    /// Version of the taxonomy.
    #[schema(example = "2023-09-20")]
    pub taxonomy_version: String,
    /// Always: a person decides.
    pub requires_human: bool,
    /// Always: the answer supports a decision and is none.
    pub decision_support: bool,
    /// To be shown with the result.
    pub disclosure: &'static str,
}

/// Flags. By rule those with 0 or 1, by a model those in between.
#[derive(Serialize, ToSchema)]
pub struct Flags {
    /// 檢舉, or the writer asks for secrecy: 0 or 1.
    pub confidential_report: f64,
    /// The prediction of an earlier letter that says nearly the same; null when there is none.
    #[schema(required = true)]
    pub repeated: Option<String>,
    /// Similarity to it, 0 to 1; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated_similarity: Option<f64>,
    /// Nothing that could be handled: 0 or 1.
    pub no_substance: f64,
    /// Probability that it is another ministry's; null without a model of ministries.
    #[schema(required = true)]
    pub not_our_remit: Option<f64>,
    /// The most likely other ministry; absent without a model of ministries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ministry: Option<Ministry>,
    /// Signs of danger: a person must see it at once.
    pub sensitive: bool,
    /// The writer calls it urgent, or names a day: 0 or 1.
    pub urgent: f64,
    /// Reads like instructions to a machine; changes nothing.
    pub instruction_like: bool,
    /// The words that raised flags; at most 100.
    pub marks: Vec<Mark>,
}

/// Words that raised a flag.
#[derive(Serialize, ToSchema)]
pub struct Mark {
    /// Which flag.
    #[schema(example = "urgent")]
    pub flag: &'static str,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
}

/// Words that drove the first label.
#[derive(Serialize, ToSchema)]
pub struct Evidence {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// SHA-256 of the whole field as sent, so that offsets are read in the right text.
    pub text_hash: String,
    /// What they added to the score.
    #[schema(example = 0.42)]
    pub weight: f64,
}

/// Personal data.
#[derive(Serialize, ToSchema)]
pub struct Pii {
    /// `national_id`, `resident_certificate`, `email`, `mobile_phone`, `landline`, `bank_card`, `plate`, `address` or `birth_date`.
    #[schema(example = "mobile_phone")]
    pub kind: &'static str,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
}

impl From<LetterAnswers> for ClassificationResponse {
    fn from(answers: LetterAnswers) -> ClassificationResponse {
        let LetterAnswers { items, model, taxonomy_version, mode } = answers;
        let item = |it: LetterAnswer| LetterItem {
            evidence: it
                .evidence
                .iter()
                .map(|found| Evidence {
                    place: Place::new(found.place),
                    text_hash: hash_of(found.place.field, &it.text_hashes).to_owned(),
                    weight: share(found.weight),
                })
                .collect(),
            prediction_id: it.prediction_id,
            external_id: it.external_id,
            mode: mode.as_str(),
            labels: it.labels.into_iter().map(Label::from).collect(),
            abstained: it.abstained,
            automation: names::Automation(it.automation),
            flags: it.flags.into(),
            pii: it
                .pii
                .iter()
                .map(|found| Pii { kind: found.kind, place: Place::new(found.place) })
                .collect(),
            pii_omitted: it.n_pii_omitted,
            model: model.clone().into(),
            taxonomy_version: taxonomy_version.clone(),
            requires_human: true,
            decision_support: true,
            disclosure: DISCLOSURE,
        };
        ClassificationResponse { items: items.into_iter().map(item).collect() }
    }
}

impl From<letters::LetterFlags> for Flags {
    fn from(flags: letters::LetterFlags) -> Flags {
        let rule = |holds: bool| f64::from(u8::from(holds));
        Flags {
            confidential_report: rule(flags.confidential_report),
            repeated_similarity: flags.repeated.as_ref().map(|it| share(it.similarity)),
            repeated: flags.repeated.map(|it| it.prediction_id),
            no_substance: rule(flags.no_substance),
            not_our_remit: flags.not_our_remit.as_ref().map(|it| share(it.score)),
            ministry: flags.not_our_remit.map(Ministry::from),
            sensitive: flags.sensitive,
            urgent: rule(flags.urgent),
            instruction_like: flags.instruction_like,
            marks: flags
                .marks
                .iter()
                .map(|it| Mark { flag: it.flag, place: Place::new(it.place) })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorCode;
    use crate::wire::v1::meta::PurposeRule;

    fn check(json: &str, expected: Result<usize, (ErrorCode, &str)>) {
        let found = parse(json.as_bytes(), PurposeRule::Optional).map(|it| it.letters.len());
        let found = found.map_err(|error| {
            assert!(!error.message.contains("SECRET"), "{}", error.message);
            (error.code, error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default())
        });
        assert_eq!(found, expected.map_err(|(code, at)| (code, at.to_owned())), "{json:.200}");
    }

    #[test]
    fn good_and_bad_requests() {
        let bad = |at| Err((ErrorCode::BadValue, at));
        check(r#"{"letters":[{"body":"甲"},{"subject":"乙"},{}]}"#, Ok(3));
        check(r#"{"letters":[{"body":"\u0000\u202e"}]}"#, Ok(1));
        check(r#"{"letters":[]}"#, bad("/letters"));
        check(r#"{}"#, bad("/letters"));
        check(r#"[]"#, bad(""));
        check(r#"{"letters":[["SECRET"]]}"#, bad("/letters/0"));
        check(r#"{"letters":[{"body":7}]}"#, bad("/letters/0/body"));
        check(
            r#"{"letters":[{"text":"SECRET"}]}"#,
            Err((ErrorCode::UnknownField, "/letters/0/text")),
        );
        check(r#"{"letters":[{}],"SECRET":1}"#, Err((ErrorCode::UnknownField, "")));
        check(r#"{"letters":[{}],"options":{"top_k":0}}"#, bad("/options/top_k"));
        check(r#"{"letters":[{}],"options":{"top_k":21}}"#, bad("/options/top_k"));
        check(r#"{"letters":[{}],"options":{"top_k":-1}}"#, bad("/options/top_k"));
        check(r#"{"letters":[{"received_at":"SECRET"}]}"#, bad("/letters/0/received_at"));
        check(r#"{"letters":[{"external_id":""}]}"#, bad("/letters/0/external_id"));
        check(r#"{"letters":[{}],"purpose":{"code":"SECRET"}}"#, bad("/purpose/code"));
        check("", bad(""));
    }

    #[test]
    fn lengths_are_limited() {
        let letter = |subject: usize, body: usize| {
            let (subject, body) = ("字".repeat(subject), "字".repeat(body));
            format!(r#"{{"letters":[{{"subject":"{subject}","body":"{body}"}}]}}"#)
        };
        check(&letter(1_000, 200_000), Ok(1));
        check(&letter(1_001, 1), Err((ErrorCode::BadValue, "/letters/0/subject")));
        check(&letter(1, 200_001), Err((ErrorCode::BadValue, "/letters/0/body")));
        let many = format!(r#"{{"letters":[{}]}}"#, vec!["{}"; 101].join(","));
        check(&many, Err((ErrorCode::BadValue, "/letters")));
    }
}
