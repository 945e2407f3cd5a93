//! Corrections of transcripts: the words of a person in the place of those that were heard.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::{ErrorCode, Private};
use crate::task::call::CallError;
use crate::task::speech::Rendition;

use super::body;
use super::jobs::is_id;
use super::meta::{self, Purpose, PurposeAsk};
use super::transcript::{SegmentDocument, Shown};

/// Longest text of one segment, in characters.
const MAX_TEXT: usize = 1000;

/// Another text for an utterance. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "我要檢舉違建,我的電話是〔行動電話〕。",
    "purpose": {"code": "hotline-1996", "case_no": "C20261123-0042"}}))]
pub struct CorrectionRequest {
    /// The whole utterance: at most 1000 characters, without line breaks; empty when nothing was said. In the
    /// redacted text masks stay as they are, or are left out.
    #[schema(max_length = 1000)]
    pub text: String,
    /// Which text was changed: `redacted` unless given, or `original`, which needs `speech:read`.
    #[schema(pattern = "^(redacted|original)$")]
    pub rendition: Option<String>,
    /// Why.
    pub purpose: Option<Purpose>,
}

/// The same for transports without paths: it names the transcription, the utterance and the version that was seen. Unknown
/// fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"job_id": "019a9f4e5d7c7d3e9c550d6a3f2b1c00", "segment": 0, "version": 0, "text": "我要檢舉違建",
    "purpose": {"code": "hotline-1996", "case_no": "C20261123-0042"}}))]
pub struct NamedCorrectionRequest {
    /// The transcription.
    pub job_id: String,
    /// The utterance: its `id` in the transcript.
    pub segment: u32,
    /// The `version` of the transcript that was seen.
    pub version: u64,
    /// As of [`CorrectionRequest`].
    #[schema(max_length = 1000)]
    pub text: String,
    /// As of [`CorrectionRequest`].
    #[schema(pattern = "^(redacted|original)$")]
    pub rendition: Option<String>,
    /// Why.
    pub purpose: Option<Purpose>,
}

/// A correction of an utterance that it names. No `Debug`: it holds somebody's words.
pub struct NamedCorrection {
    /// The transcription.
    pub job_id: String,
    /// The utterance.
    pub segment: usize,
    /// The version that was seen.
    pub version: u64,
    /// What is written.
    pub order: CorrectionOrder,
}

/// A correction that has been checked. No `Debug`: it holds somebody's words.
pub struct CorrectionOrder {
    /// The whole utterance.
    pub text: Private<String>,
    /// Which text was changed.
    pub rendition: Rendition,
}

/// Reads a correction.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<CorrectionOrder, CallError> {
    checked(body::parse(json, "", OBJECTS)?, ask)
}

/// Reads a correction that names what it corrects.
///
/// # Errors
/// As [`parse`]; an id that no job can have is told as a job that is not there.
pub fn parse_named(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<NamedCorrection, CallError> {
    let request: NamedCorrectionRequest = body::parse(json, "", OBJECTS)?;
    let NamedCorrectionRequest { job_id, segment, version, text, rendition, purpose } = request;
    let order = checked(CorrectionRequest { text, rendition, purpose }, ask)?;
    if !is_id(&job_id) {
        return Err(CallError::new(ErrorCode::NotFound, "沒有這個工作,或已逾保存期限。"));
    }
    let segment = usize::try_from(segment).unwrap_or(usize::MAX);
    Ok(NamedCorrection { job_id, segment, version, order })
}

/// The places of objects.
const OBJECTS: &[&str] = &["", "/purpose"];

fn checked(
    request: CorrectionRequest,
    ask: impl Into<PurposeAsk>,
) -> Result<CorrectionOrder, CallError> {
    meta::check_purpose(request.purpose.as_ref(), &ask.into(), "")?;
    body::require_short(&request.text, MAX_TEXT, "/text")?;
    if request.text.chars().any(char::is_control) {
        return Err(CallError::bad_value("/text", "不可含換行或其他控制字元。"));
    }
    let rendition = match request.rendition.as_deref() {
        None | Some("redacted") => Rendition::Redacted,
        Some("original") => Rendition::Original,
        Some(_) => {
            return Err(CallError::bad_value("/rendition", "應為 redacted 或 original。"));
        }
    };
    Ok(CorrectionOrder { text: Private::new(request.text.trim().to_owned()), rendition })
}

/// What a correction changed.
#[derive(Serialize, ToSchema)]
pub struct CorrectionResponse {
    /// Identifies the transcription and its job.
    pub job_id: String,
    /// Times it was corrected; its `ETag`, for the next `If-Match`.
    #[schema(example = 1)]
    pub version: u64,
    /// Utterances that are shown otherwise now: the corrected one, and others where a number goes on that they share.
    pub segments: Vec<SegmentDocument>,
}

impl CorrectionResponse {
    /// Of a transcription in its version now: those utterances that are shown otherwise.
    pub fn new(
        (job_id, version): (&str, u64),
        shown: &Shown<'_>,
        differs: &[usize],
    ) -> CorrectionResponse {
        let all = &shown.transcript.segments;
        let segment = |idx: &usize| Some(shown.segment(*idx, all.get(*idx)?));
        let segments = differs.iter().filter_map(segment).collect();
        CorrectionResponse { job_id: job_id.to_owned(), version, segments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        let found = parse(json.as_bytes(), PurposeRule::Required).err();
        let found =
            found.map(|it| it.errors.first().map(|it| it.pointer.clone()).unwrap_or_default());
        assert_eq!(found.as_deref(), expected, "{json}");
    }

    #[test]
    fn good_and_bad_corrections() {
        let with = |rest: &str| format!(r#"{{"purpose":{{"code":"a"}},{rest}}}"#);
        check(&with(r#""text":"我要""#), None);
        check(&with(r#""text":"","rendition":"original""#), None);
        check(&with(r#""text":"a\nb""#), Some("/text"));
        check(&with(&format!(r#""text":"{}""#, "長".repeat(1001))), Some("/text"));
        check(&with(r#""text":"a","rendition":"both""#), Some("/rendition"));
        check(&with(r#""text":"a","by":"u-1""#), Some("/by"));
        check(&with(r#""text":["a"]"#), Some("/text"));
        check(r#"{"text":"a"}"#, Some("/purpose"));
        let named = |id: &str| {
            let json = format!(
                r#"{{"job_id":"{id}","segment":2,"version":1,"text":"a","purpose":{{"code":"a"}}}}"#
            );
            parse_named(json.as_bytes(), PurposeRule::Required)
        };
        let found = named("019a9f4e5d7c7d3e9c550d6a3f2b1c00").ok();
        assert_eq!(found.map(|it| (it.segment, it.version)), Some((2, 1)));
        assert_eq!(named("../x").err().map(|it| it.code), Some(ErrorCode::NotFound));
        let found = parse(br#"{"text":" a ","purpose":{"code":"a"}}"#, PurposeRule::Required);
        assert_eq!(found.unwrap().text.expose(), "a");
    }
}
