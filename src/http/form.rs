//! The multipart form of a recognition, read part by part under limits.

use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};

use crate::base::{ErrorCode, Private};
use crate::task::call::CallError;

use super::{HttpOptions, refuse};

/// Pictures of one request.
const MAX_IMAGES: usize = 2;

/// Parts of one request, unknown ones included.
const MAX_PARTS: usize = 16;

/// For boundaries and part headers.
const OVERHEAD_BYTES: usize = 64 << 10;

/// The parts of a recognition request.
pub struct Form {
    /// The `meta` part, not parsed yet.
    pub meta: Option<Private<Vec<u8>>>,
    /// The `image` parts in order; one or two, none empty.
    pub images: Vec<Private<Vec<u8>>>,
}

/// The longest body of a form.
pub(super) fn max_bytes(options: &HttpOptions) -> usize {
    MAX_IMAGES * options.max_image_bytes + options.max_meta_bytes + OVERHEAD_BYTES
}

/// Refuses by the header alone what could not be read anyway.
pub(super) fn check_header(headers: &HeaderMap, options: &HttpOptions) -> Result<(), CallError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    if !media_type.eq_ignore_ascii_case("multipart/form-data") {
        let message = "請以 multipart/form-data 傳送 meta 與 image。";
        return Err(refuse(ErrorCode::UnsupportedMedia, message));
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    let length = length.and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    if (max_bytes(options) as u64) < length {
        return Err(too_large("整份內容", max_bytes(options)));
    }
    Ok(())
}

/// Reads the form; a client that needs longer than `time` is given up.
///
/// # Errors
/// For a broken form, a part that is too large, missing or there too often, and a body that does not come in time.
pub async fn read(
    request: Request,
    options: &HttpOptions,
    time: Duration,
) -> Result<Form, CallError> {
    let form = tokio::time::timeout(time, read_parts(request, options)).await;
    form.unwrap_or_else(|_| Err(refuse(ErrorCode::SlowClient, "內容未在期限內傳送完畢。")))
}

async fn read_parts(request: Request, options: &HttpOptions) -> Result<Form, CallError> {
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|_| refuse(ErrorCode::BadValue, "Content-Type 缺少可用的 boundary。"))?;
    let mut form = Form { meta: None, images: Vec::new() };
    for _ in 0..MAX_PARTS {
        let Some(part) = multipart.next_field().await.map_err(|it| broken(&it, options))? else {
            return form.complete();
        };
        form.take(part, options).await?;
    }
    Err(refuse(ErrorCode::BadValue, "multipart 的部分過多。"))
}

impl Form {
    async fn take(&mut self, part: Field<'_>, options: &HttpOptions) -> Result<(), CallError> {
        match part.name() {
            Some("meta") if self.meta.is_some() => {
                Err(CallError::bad_value("/meta", "只能有一個。"))
            }
            Some("meta") => {
                let limit = Limit { pointer: "/meta", bytes: options.max_meta_bytes };
                self.meta = Some(read_part(part, &limit, options).await?);
                Ok(())
            }
            Some("image") if MAX_IMAGES <= self.images.len() => {
                Err(CallError::bad_value("/image", "最多兩張。"))
            }
            Some("image") => {
                let limit = Limit { pointer: "/image", bytes: options.max_image_bytes };
                self.images.push(read_part(part, &limit, options).await?);
                Ok(())
            }
            // Unknown parts are ignored, like unknown fields; the next part cannot be read before this one is.
            _ => skip(part, options).await,
        }
    }

    fn complete(self) -> Result<Form, CallError> {
        if self.images.is_empty() {
            return Err(CallError::bad_value("/image", "必填。"));
        }
        if let Some(idx) = self.images.iter().position(|it| it.expose().is_empty()) {
            return Err(CallError::bad_value(format!("/image/{idx}"), "檔案是空的。"));
        }
        Ok(self)
    }
}

struct Limit {
    pointer: &'static str,
    bytes: usize,
}

async fn read_part(
    mut part: Field<'_>,
    limit: &Limit,
    options: &HttpOptions,
) -> Result<Private<Vec<u8>>, CallError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(|it| broken(&it, options))? {
        if limit.bytes < bytes.len() + chunk.len() {
            return Err(too_large(limit.pointer, limit.bytes));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Private::new(bytes))
}

async fn skip(mut part: Field<'_>, options: &HttpOptions) -> Result<(), CallError> {
    while part.chunk().await.map_err(|it| broken(&it, options))?.is_some() {}
    Ok(())
}

fn too_large(what: &str, limit: usize) -> CallError {
    CallError::new(ErrorCode::TooLarge, format!("{what} 超過 {limit} 位元組的上限。"))
}

/// A form that cannot be read. The library's text may repeat part names, so it is not shown.
fn broken(error: &MultipartError, options: &HttpOptions) -> CallError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large("整份內容", max_bytes(options));
    }
    refuse(ErrorCode::BadValue, "multipart 內容不完整或格式錯誤。")
}
