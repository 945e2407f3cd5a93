//! Transcriptions: what is ordered, and what is answered while and after a recording is heard.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::task::call::CallError;
use crate::task::speech::{MAX_TERM, MAX_TERMS, Rendition, SpeechOrder};

use super::body;
use super::jobs;
use super::meta::{self, Purpose, PurposeAsk};
use super::transcript::{Form, TranscriptDocument};

/// Longest name of a speaker, in characters.
const MAX_SPEAKER: usize = 40;
/// Channels of a recording.
const MAX_SPEAKERS: usize = 2;

/// A recording to transcribe. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"blob_id": "019a9f4e5d7c7d3e9c550d6a3f2b1c00",
    "purpose": {"code": "hotline-1996", "case_no": "C20261123-0042"}, "speakers": ["民眾", "專員"],
    "vocabulary": ["國土管理署"]}))]
pub struct TranscriptionRequest {
    /// Id of a complete upload; none when the recording comes with the request.
    pub blob_id: Option<String>,
    /// Why.
    pub purpose: Option<Purpose>,
    /// Names and terms that are likely to be said: at most 200 of 40 characters.
    #[serde(default)]
    #[schema(max_items = 200)]
    pub vocabulary: Vec<String>,
    /// Who speaks on each channel.
    #[serde(default)]
    #[schema(max_items = 2)]
    pub speakers: Vec<String>,
    /// Among the client's own jobs, higher goes first: -100 to 100, 0 unless given.
    #[serde(default)]
    #[schema(minimum = -100, maximum = 100)]
    pub priority: i32,
}

/// A transcription that has been checked.
pub struct TranscriptionOrder {
    /// Id of the upload, as far as it was given.
    pub blob_id: Option<String>,
    /// Why.
    pub purpose: Option<Purpose>,
    /// What is wanted.
    pub order: SpeechOrder,
    /// Among the client's own jobs.
    pub priority: i32,
}

/// Reads an order; `at` stands before every pointer (`/meta` of a form, else nothing).
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(
    json: &[u8],
    ask: impl Into<PurposeAsk>,
    at: &str,
) -> Result<TranscriptionOrder, CallError> {
    let request: TranscriptionRequest = body::parse(json, at, &["", "/purpose"])?;
    if request.blob_id.as_ref().is_some_and(|it| !jobs::is_id(it)) {
        return Err(CallError::bad_value(format!("{at}/blob_id"), "應為 32 個十六進位數字。"));
    }
    meta::check_purpose(request.purpose.as_ref(), &ask.into(), at)?;
    check_vocabulary(&request.vocabulary, &format!("{at}/vocabulary"))?;
    check_list(&request.speakers, (MAX_SPEAKERS, MAX_SPEAKER), &format!("{at}/speakers"))?;
    if !(-100..=100).contains(&request.priority) {
        let detail = "應為 -100 到 100 的整數。";
        return Err(CallError::bad_value(format!("{at}/priority"), detail));
    }
    Ok(TranscriptionOrder {
        blob_id: request.blob_id,
        purpose: request.purpose,
        order: SpeechOrder {
            vocabulary: request.vocabulary,
            speakers: request.speakers,
            is_draft: false,
        },
        priority: request.priority,
    })
}

/// Reads an order that must name its upload: the input of a job.
///
/// # Errors
/// As [`parse`].
pub fn parse_input(
    json: &[u8],
    ask: impl Into<PurposeAsk>,
) -> Result<(String, TranscriptionOrder), CallError> {
    let order = parse(json, ask, "")?;
    let blob = order.blob_id.clone();
    Ok((blob.ok_or_else(|| CallError::bad_value("/blob_id", "必填。"))?, order))
}

/// Whether a list of terms is short enough and each is one.
pub(super) fn check_vocabulary(terms: &[String], at: &str) -> Result<(), CallError> {
    check_list(terms, (MAX_TERMS, MAX_TERM), at)
}

fn check_list(list: &[String], (most, longest): (usize, usize), at: &str) -> Result<(), CallError> {
    if most < list.len() {
        return Err(CallError::bad_value(at, format!("最多 {most} 項。")));
    }
    for (idx, text) in list.iter().enumerate() {
        let at = format!("{at}/{idx}");
        body::require_short(text, longest, &at)?;
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(CallError::bad_value(at, "不可為空白或含控制字元。"));
        }
    }
    Ok(())
}

/// The input of a job: the order with the upload that it is about.
///
/// # Errors
/// Never for an order.
pub fn input(blob_id: &str, order: &TranscriptionOrder) -> Result<Vec<u8>, CallError> {
    #[derive(Serialize)]
    struct Input<'a> {
        blob_id: &'a str,
        purpose: Option<&'a Purpose>,
        vocabulary: &'a [String],
        speakers: &'a [String],
    }
    let SpeechOrder { vocabulary, speakers, .. } = &order.order;
    let purpose = order.purpose.as_ref();
    serde_json::to_vec(&Input { blob_id, purpose, vocabulary, speakers })
        .map_err(|_| CallError::new(ErrorCode::Internal, "系統發生錯誤。"))
}

/// A transcription: all of it, or what was heard so far.
#[derive(Serialize, ToSchema)]
pub struct TranscriptionResponse {
    /// Identifies the transcription and its job.
    pub job_id: String,
    /// State of the job: `queued`, `running` or `succeeded`. Only then the segments are all there and final.
    #[schema(example = "succeeded")]
    pub state: &'static str,
    /// Share that is done, 0 to 1.
    #[schema(required = true)]
    pub progress: Option<f64>,
    /// Times it was corrected; its `ETag`, for `If-Match`.
    #[schema(example = 0)]
    pub version: u64,
    /// What was said; none before the first result.
    #[schema(required = true)]
    pub transcript: Option<TranscriptDocument>,
}

/// Reads the query of a transcription: which text, in which form.
///
/// # Errors
/// With the name of what is wrong, never its value.
pub fn parse_query(query: &str) -> Result<(Rendition, Form), CallError> {
    let (mut rendition, mut form) = (Rendition::default(), Form::default());
    for pair in query.split('&').filter(|it| !it.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            ("rendition", name) => rendition = rendition_of(name)?,
            ("format", name) => {
                form = match name {
                    "json" => Form::Json,
                    "srt" => Form::Srt,
                    "vtt" => Form::Vtt,
                    "txt" => Form::Text,
                    _ => {
                        let detail = "應為 json、srt、vtt 或 txt。";
                        return Err(CallError::bad_value("/query/format", detail));
                    }
                }
            }
            _ => {
                let message = "含有未定義的查詢參數。";
                return Err(CallError::new(ErrorCode::UnknownParameter, message));
            }
        }
    }
    Ok((rendition, form))
}

/// Which text a caller asks for.
///
/// # Errors
/// When there is no such rendition.
pub fn rendition_of(name: &str) -> Result<Rendition, CallError> {
    let known = [Rendition::Redacted, Rendition::Original];
    known.into_iter().find(|it| it.as_str() == name).ok_or_else(|| {
        CallError::bad_value("/query/rendition", "應為 redacted(遮蔽個資)或 original(全文)。")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    fn pointer(error: &CallError) -> String {
        error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
    }

    #[test]
    fn good_and_bad_orders() {
        let check = |json: &str, expected: Option<&str>| {
            let found = parse_input(json.as_bytes(), PurposeRule::Required).err();
            assert_eq!(found.as_ref().map(pointer).as_deref(), expected, "{json}");
        };
        let with = |rest: &str| {
            format!(
                r#"{{"blob_id":"019a9f4e5d7c7d3e9c550d6a3f2b1c00","purpose":{{"code":"a"}}{rest}}}"#
            )
        };
        check(&with(""), None);
        check(&with(r#","vocabulary":["國土管理署"],"speakers":["民眾","專員"]"#), None);
        check(&with(r#","speakers":["a","b","c"]"#), Some("/speakers"));
        check(&with(r#","speakers":[" "]"#), Some("/speakers/0"));
        check(&with(r#","vocabulary":["a","\n"]"#), Some("/vocabulary/1"));
        check(&with(&format!(r#","vocabulary":["{}"]"#, "甲".repeat(41))), Some("/vocabulary/0"));
        check(&with(r#","priority":101"#), Some("/priority"));
        check(&with(r#","language":"zh""#), Some("/language"));
        check(r#"{"purpose":{"code":"a"}}"#, Some("/blob_id"));
        check(r#"{"blob_id":"../x","purpose":{"code":"a"}}"#, Some("/blob_id"));
        check(r#"{"blob_id":"019a9f4e5d7c7d3e9c550d6a3f2b1c00"}"#, Some("/purpose"));
    }

    #[test]
    fn an_order_comes_back_from_the_input_of_its_job() {
        let json =
            r#"{"purpose":{"code":"a","case_no":"b"},"vocabulary":["甲"],"speakers":["乙"]}"#;
        let order = parse(json.as_bytes(), PurposeRule::Required, "").unwrap();
        let id = "019a9f4e5d7c7d3e9c550d6a3f2b1c00";
        let found = parse_input(&input(id, &order).unwrap(), PurposeRule::Required).unwrap();
        assert_eq!((found.0.as_str(), found.1.order), (id, order.order));
        let purpose = found.1.purpose.unwrap();
        assert_eq!((purpose.code.as_str(), purpose.case_no()), ("a", Some("b".to_owned())));
    }

    #[test]
    fn queries() {
        let check = |query: &str, expected: Option<(Rendition, Form)>| {
            assert_eq!(parse_query(query).ok(), expected, "{query}");
        };
        check("", Some((Rendition::Redacted, Form::Json)));
        check("rendition=original&format=srt", Some((Rendition::Original, Form::Srt)));
        check("format=txt", Some((Rendition::Redacted, Form::Text)));
        check("format=doc", None);
        check("rendition=", None);
        check("a=b", None);
    }
}
