//! The `meta` part of a recognition request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::{ErrorCode, Private};
use crate::task::call::{CallContext, CallError, Said, SaidPurpose};
use crate::task::idcard::{DocumentType, FieldName, Wanted};
use crate::wire::names;

use super::body;
use super::id::VisibleId;

/// Longest value of `expected`, in characters.
const MAX_EXPECTED: usize = 256;

/// What the caller says about the pictures. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
pub struct Meta {
    /// Why the document is read.
    pub purpose: Option<Purpose>,
    /// Values to compare with, by field name; `*` stands for any one character. Neither stored nor logged.
    #[serde(default)]
    #[schema(example = json!({"id_number": "A12*****89"}))]
    pub expected: BTreeMap<String, String>,
    /// What to answer.
    #[serde(default)]
    pub options: Options,
}

/// Why a document is read.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Purpose {
    /// Code of the purpose: 1 to 64 of `a-z`, `0-9` and `-`.
    #[schema(example = "online-application", pattern = "^[a-z0-9-]{1,64}$")]
    pub code: String,
    /// The case, if there is one: at most 64 characters.
    // One type with null, as in a form a checker takes null for a violation where it is a choice of its own.
    #[schema(
        value_type = Option<String>,
        example = "SO-2026-000123",
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$",
        min_length = 1,
        max_length = 64
    )]
    pub case_no: Option<VisibleId>,
}

impl Purpose {
    /// Number of the case, as text.
    pub fn case_no(&self) -> Option<String> {
        self.case_no.clone().map(String::from)
    }
}

/// What to answer.
#[derive(Deserialize, ToSchema)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is its own switch on the wire")]
pub struct Options {
    /// Accepted kinds of document; another kind sets `needs_review`. Every kind when absent.
    #[schema(value_type = Option<Vec<names::DocumentType>>)]
    pub types: Option<Vec<String>>,
    /// Answer the place of each field.
    #[schema(default = true)]
    pub boxes: bool,
    /// Answer every line read.
    #[schema(default = false)]
    pub lines: bool,
    /// Answer the place of the face.
    #[schema(default = false)]
    pub face: bool,
    /// Answer the picture with its numbers masked.
    #[schema(default = false)]
    pub redacted_image: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { types: None, boxes: true, lines: false, face: false, redacted_image: false }
    }
}

/// A `meta` part that has been checked.
pub struct RecognitionOrder {
    /// Values to compare with.
    pub expected: Vec<(FieldName, Private<String>)>,
    /// Accepted kinds; `None` accepts every kind.
    pub types: Option<Vec<DocumentType>>,
    /// Whether to answer the place of each field.
    pub boxes: bool,
    /// Whether to answer every line.
    pub lines: bool,
    /// What recognition is asked for.
    pub wanted: Wanted,
}

/// Whether a request must name its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurposeRule {
    /// It must.
    Required,
    /// It may leave it out (demo profile).
    Optional,
    /// It must, and the code is one of these: those that are approved for the client.
    Among(Arc<[String]>),
}

fn not_approved() -> CallError {
    CallError::new(ErrorCode::PurposeRefused, "特定目的(purpose)必填,且須在核准的範圍內。")
}

impl RecognitionOrder {
    /// Reads the part; `None` when there was none.
    ///
    /// An error names the place of the wrong value and what is expected, never the value.
    pub fn parse(
        json: Option<&[u8]>,
        ask: impl Into<PurposeAsk>,
    ) -> Result<RecognitionOrder, CallError> {
        let objects = &["", "/purpose", "/options"];
        let meta = json.map(|it| body::parse(it, "/meta", objects)).transpose()?;
        RecognitionOrder::check(meta, &ask.into())
    }

    /// Checks what has been read; errors as of [`RecognitionOrder::parse`].
    pub(super) fn check(
        meta: Option<Meta>,
        ask: &PurposeAsk,
    ) -> Result<RecognitionOrder, CallError> {
        let meta = meta.unwrap_or(Meta {
            purpose: None,
            expected: BTreeMap::new(),
            options: Options::default(),
        });
        check_purpose(meta.purpose.as_ref(), ask, "/meta")?;
        let expected = meta.expected.into_iter().map(expected_value).collect::<Result<_, _>>()?;
        let Options { types, boxes, lines, face, redacted_image } = meta.options;
        let types = types.map(parse_types).transpose()?;
        let wanted = Wanted { face, redacted_image };
        Ok(RecognitionOrder { expected, types, boxes, lines, wanted })
    }
}

/// A purpose is asked for; a good one is noted for the record of the call.
#[derive(Clone, Debug)]
pub struct PurposeAsk {
    rule: PurposeRule,
    said: Option<Arc<Said>>,
}

impl PurposeRule {
    /// The rule for a caller for whom only `purposes` are approved, if any are told.
    fn of(&self, purposes: Option<&Arc<[String]>>) -> PurposeRule {
        purposes.map_or_else(|| self.clone(), |it| PurposeRule::Among(Arc::clone(it)))
    }

    /// Asks by this rule, and by what is approved for the caller; notes what is said in the call.
    pub fn noting(&self, cx: &CallContext) -> PurposeAsk {
        PurposeAsk { rule: self.of(cx.purposes.as_ref()), said: Some(Arc::clone(&cx.said)) }
    }
}

/// Asks, and notes nothing.
impl From<PurposeRule> for PurposeAsk {
    fn from(rule: PurposeRule) -> PurposeAsk {
        PurposeAsk { rule, said: None }
    }
}

impl PurposeAsk {
    /// The same where a purpose may be left out.
    pub(super) fn optional(self) -> PurposeAsk {
        PurposeAsk { rule: PurposeRule::Optional, ..self }
    }

    /// Whether a call that has no place for a purpose is allowed: the only approved one is meant.
    ///
    /// # Errors
    /// When the client has none, or several.
    pub fn check_implied(&self) -> Result<(), CallError> {
        match &self.rule {
            PurposeRule::Among(codes) if codes.len() != 1 => Err(not_approved()),
            _ => Ok(()),
        }
    }

    /// Whether the purpose that a document of a later job names is approved; a good one is noted. That it is there and
    /// well-formed is checked where the document is read.
    ///
    /// # Errors
    /// When it is missing or not approved.
    pub fn check_document(&self, json: &[u8]) -> Result<(), CallError> {
        /// Only the purpose.
        #[derive(Deserialize)]
        struct PurposeOnly {
            purpose: Option<Purpose>,
        }
        let found = serde_json::from_slice::<PurposeOnly>(json);
        let purpose = found.as_ref().ok().and_then(|it| it.purpose.as_ref());
        let checked = check_purpose(purpose, self, "");
        if matches!(self.rule, PurposeRule::Among(_)) {
            return if found.is_ok() { checked } else { Err(not_approved()) };
        }
        Ok(())
    }
}

/// Whether a purpose is there where it must be, and well-formed; `at` stands before the pointer.
pub(super) fn check_purpose(
    purpose: Option<&Purpose>,
    ask: &PurposeAsk,
    at: &str,
) -> Result<(), CallError> {
    let Some(said @ Purpose { code, .. }) = purpose else {
        return match ask.rule {
            PurposeRule::Optional => Ok(()),
            PurposeRule::Required => Err(CallError::bad_value(format!("{at}/purpose"), "必填。")),
            PurposeRule::Among(_) => Err(not_approved()),
        };
    };
    let is_code = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '-';
    if !(1..=64).contains(&code.len()) || !code.chars().all(is_code) {
        let detail = "應為 1 到 64 個小寫英文字母、數字或連字號。";
        return Err(CallError::bad_value(format!("{at}/purpose/code"), detail));
    }
    match &ask.rule {
        PurposeRule::Among(codes) if !codes.contains(code) => return Err(not_approved()),
        _ => (),
    }
    if let Some(notes) = &ask.said {
        notes.note(SaidPurpose { code: code.clone(), case_no: said.case_no() });
    }
    Ok(())
}

fn expected_value(
    (name, value): (String, String),
) -> Result<(FieldName, Private<String>), CallError> {
    let Some(field) = names::FieldName::parse(&name) else {
        return Err(CallError::bad_value("/meta/expected", "含有不認得的欄位名稱。"));
    };
    if MAX_EXPECTED < value.chars().count() {
        let pointer = format!("/meta/expected/{}", field.as_str());
        return Err(CallError::bad_value(pointer, "不可超過 256 個字元。"));
    }
    Ok((field, Private::new(value)))
}

fn parse_types(types: Vec<String>) -> Result<Vec<DocumentType>, CallError> {
    let parse = |(idx, text): (usize, String)| {
        names::DocumentType::parse(&text).ok_or_else(|| {
            CallError::bad_value(format!("/meta/options/types/{idx}"), "不是已知的證件種類。")
        })
    };
    if types.is_empty() {
        return Err(CallError::bad_value("/meta/options/types", "至少列出一種證件。"));
    }
    types.into_iter().enumerate().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Ok` with the number of expected values, or the pointer of the error (empty: not JSON).
    fn check(json: &str, expected: Result<usize, &str>) {
        let order = RecognitionOrder::parse(Some(json.as_bytes()), PurposeRule::Optional);
        let pointer = |error: CallError| {
            assert_eq!(error.code, ErrorCode::BadValue);
            assert!(!error.message.contains("SECRET"), "{}", error.message);
            error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
        };
        let found = order.map(|it| it.expected.len()).map_err(pointer);
        assert_eq!(found, expected.map_err(str::to_owned), "{json}");
    }

    #[test]
    fn good_and_bad_documents() {
        check("{}", Ok(0));
        check(r#"{"expected":{"id_number":"A1","name":"王"},"new":{"x":[1e400]}}"#, Err(""));
        check(r#"{"expected":{"id_number":"A1","name":"王"},"new":{"x":[1]}}"#, Ok(2));
        check(
            r#"{"purpose":{"code":"a-1","case_no":"SO 1"},"options":{"types":["unknown"]}}"#,
            Ok(0),
        );
        check(r#"{"purpose":{"code":"SECRET"}}"#, Err("/meta/purpose/code"));
        check(r#"{"purpose":{"code":"a","case_no":"\u0000SECRET"}}"#, Err("/meta/purpose/case_no"));
        check(r#"{"purpose":{"code":7}}"#, Err("/meta/purpose/code"));
        check(r#"{"purpose":{}}"#, Err("/meta/purpose/code"));
        check(r#"{"options":{"boxes":"SECRET"}}"#, Err("/meta/options/boxes"));
        check(r#"{"options":{"types":["passport","SECRET"]}}"#, Err("/meta/options/types/1"));
        check(r#"{"options":{"types":[]}}"#, Err("/meta/options/types"));
        check(r#"{"expected":{"SECRET":"x"}}"#, Err("/meta/expected"));
        check(r#"{"expected":{"SECRET":5}}"#, Err("/meta/expected"));
        check(r#"{"expected":{"name":["SECRET"]}}"#, Err("/meta/expected/name"));
        check(r#"[]"#, Err("/meta"));
        check(r#"null"#, Err("/meta"));
        check("", Err(""));
        check("{}{}", Err(""));
        check(r#"{"expected":"#, Err(""));
        check(r#"[null]"#, Err("/meta"));
        check(r#"{"options":[]}"#, Err("/meta/options"));
        check(r#"{"purpose":["a"]}"#, Err("/meta/purpose"));
        check(&"[".repeat(60_000), Err(""));
        check(&format!("{{\"new\":{}", "[".repeat(60_000)), Err(""));
        let long = format!(r#"{{"expected":{{"name":"{}"}}}}"#, "A".repeat(257));
        check(&long, Err("/meta/expected/name"));
    }

    #[test]
    fn the_purpose_may_be_required() {
        for json in [None, Some(&b"{}"[..])] {
            assert!(RecognitionOrder::parse(json, PurposeRule::Required).is_err());
            assert!(RecognitionOrder::parse(json, PurposeRule::Optional).is_ok());
        }
    }

    #[test]
    fn only_an_approved_purpose_is_taken() {
        let check = |codes: &[&str], json: &str, is_good: bool| {
            let codes: Arc<[String]> = codes.iter().map(|&it| it.to_owned()).collect();
            let rule = PurposeRule::Optional.of(Some(&codes));
            let found = RecognitionOrder::parse(Some(json.as_bytes()), rule.clone());
            let code = found.err().map(|it| it.code);
            assert_eq!(code, (!is_good).then_some(ErrorCode::PurposeRefused), "{json}");
            let ask = PurposeAsk::from(rule);
            assert_eq!(ask.check_document(json.as_bytes()).is_ok(), is_good, "{json}");
            assert_eq!(ask.check_implied().is_ok(), codes.len() == 1);
        };
        check(&["a", "b"], r#"{"purpose":{"code":"b"}}"#, true);
        check(&["a"], r#"{"purpose":{"code":"b"}}"#, false);
        check(&["a"], "{}", false);
        check(&[], r#"{"purpose":{"code":"b"}}"#, false);
        assert!(PurposeAsk::from(PurposeRule::Optional).check_document(b"{}").is_ok());
    }
}
