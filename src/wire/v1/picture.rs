//! A recognition request as one JSON document, for transports without forms: pictures inline or by claim check.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::base::{ErrorCode, Private};
use crate::task::call::CallError;

use super::body;
use super::id::VisibleId;
use super::meta::{Meta, PurposeAsk, RecognitionOrder};

/// Pictures of one request.
const MAX_IMAGES: usize = 2;

/// Pictures to recognise. Unknown fields are refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "meta": {"purpose": {"code": "online-application", "case_no": "SO-2026-000123"}},
    "images": [{"blob_id": "01jd8t5e2c7q4n9v3k6m8p0r1s"}],
}))]
pub struct PictureRequest {
    /// As the `meta` part of the form. May be left out in the demo profile.
    pub meta: Option<Meta>,
    /// One or two.
    #[schema(min_items = 1, max_items = 2)]
    pub images: Vec<PictureSource>,
}

/// Where a picture is: exactly one of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PictureSource {
    /// The file, base64; the whole message must fit the bus.
    pub data: Option<String>,
    /// Id of an upload.
    pub blob_id: Option<VisibleId>,
}

/// A picture of an order.
pub enum Picture {
    /// The file.
    File(Private<Vec<u8>>),
    /// Id of an upload.
    Upload(String),
}

/// A request that has been checked.
pub struct PictureOrder {
    /// What is asked.
    pub order: RecognitionOrder,
    /// One or two.
    pub pictures: Vec<Picture>,
}

/// Reads a request.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse(json: &[u8], ask: impl Into<PurposeAsk>) -> Result<PictureOrder, CallError> {
    let objects = ["", "/meta", "/meta/purpose", "/meta/options", "/images/*"];
    let request: PictureRequest = body::parse(json, "", &objects)?;
    let order = RecognitionOrder::check(request.meta, &ask.into())?;
    if !(1..=MAX_IMAGES).contains(&request.images.len()) {
        return Err(CallError::bad_value("/images", "應為一或兩張。"));
    }
    let pictures = request.images.into_iter().enumerate().map(picture);
    Ok(PictureOrder { order, pictures: pictures.collect::<Result<_, _>>()? })
}

fn picture((idx, source): (usize, PictureSource)) -> Result<Picture, CallError> {
    let at = |field: &str| format!("/images/{idx}{field}");
    match (source.data, source.blob_id) {
        (Some(data), None) => {
            let file = STANDARD.decode(data);
            let file = file.map_err(|_| CallError::bad_value(at("/data"), "應為 base64。"))?;
            if file.is_empty() {
                return Err(CallError::bad_value(at("/data"), "檔案是空的。"));
            }
            Ok(Picture::File(Private::new(file)))
        }
        (None, Some(id)) => Ok(Picture::Upload(id.into())),
        _ => Err(CallError::bad_value(at(""), "應有 data 或 blob_id,二者擇一。")),
    }
}

/// What is told when a picture is larger than the limit (bytes).
pub fn too_large(limit: usize) -> CallError {
    CallError::new(ErrorCode::TooLarge, format!("/images 超過 {limit} 位元組的上限。"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::v1::meta::PurposeRule;

    fn check(json: &str, expected: Result<usize, &str>) {
        let found = parse(json.as_bytes(), PurposeRule::Optional).map(|it| it.pictures.len());
        let found = found.map_err(|error| {
            assert!(!error.message.contains("SECRET"), "{}", error.message);
            error.errors.first().map(|it| it.pointer.clone()).unwrap_or_default()
        });
        assert_eq!(found, expected.map_err(str::to_owned), "{json}");
    }

    #[test]
    fn good_and_bad_requests() {
        check(r#"{"images":[{"data":"AQID"}]}"#, Ok(1));
        check(r#"{"images":[{"data":"AQID"},{"blob_id":"01jd"}],"meta":{"new":1}}"#, Ok(2));
        check(r#"{"images":[]}"#, Err("/images"));
        check(r#"{"images":[{"data":"AQ=="},{"data":"AQ=="},{"data":"AQ=="}]}"#, Err("/images"));
        check(r#"{"images":[{}]}"#, Err("/images/0"));
        check(r#"{"images":[{"data":"AQ==","blob_id":"1"}]}"#, Err("/images/0"));
        check(r#"{"images":[{"data":"SECRET?"}]}"#, Err("/images/0/data"));
        check(r#"{"images":[{"data":""}]}"#, Err("/images/0/data"));
        check(r#"{"images":[{"data":7}]}"#, Err("/images/0/data"));
        check(r#"{"images":[{"blob_id":""}]}"#, Err("/images/0/blob_id"));
        check(r#"{"images":[{"url":"SECRET"}]}"#, Err("/images/0/url"));
        check(r#"{"images":[["SECRET"]]}"#, Err("/images/0"));
        check(r#"{"images":[{"data":"AQ=="}],"meta":{"options":[]}}"#, Err("/meta/options"));
        check(
            r#"{"images":[{"data":"AQ=="}],"meta":{"purpose":{"code":"SECRET"}}}"#,
            Err("/meta/purpose/code"),
        );
        check("[]", Err(""));
    }
}
