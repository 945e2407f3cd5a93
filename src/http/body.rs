//! Bodies of JSON and XML, and the file part of a form: collected under a limit and in time, not read yet.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use futures_util::StreamExt;

use crate::base::{ErrorCode, Private};
use crate::task::call::{CallContext, CallError};

use super::{App, refuse};

/// Parts of one form, unknown ones included.
const MAX_PARTS: usize = 16;

/// Limits of one body.
#[derive(Clone, Copy)]
pub(super) struct BodyLimit {
    /// Bytes.
    pub(super) bytes: usize,
    /// For it to arrive.
    pub(super) time: Duration,
}

/// The media type of a request, lower case, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// Refuses by the header what is larger than the limit.
pub(super) fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), CallError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    let length = length.and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    if (limit as u64) < length { Err(too_large(limit)) } else { Ok(()) }
}

/// Bytes of the body that is to come, at most; whoever sends it in chunks announces none.
pub(super) fn announced(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok());
    length.and_then(|it| it.parse().ok()).unwrap_or(u64::MAX)
}

/// Collects the whole body.
pub(super) async fn collect(
    request: Request,
    limit: BodyLimit,
) -> Result<Private<Vec<u8>>, CallError> {
    let announced = usize::try_from(announced(request.headers())).unwrap_or(usize::MAX);
    let sizes = (announced, limit.bytes);
    let collected = tokio::time::timeout(limit.time, collect_all(request.into_body(), sizes));
    collected.await.unwrap_or_else(|_| Err(slow()))
}

/// Collects a JSON body of at most `bytes`, unless the server is about to end.
pub(super) async fn small_json(
    app: &App,
    cx: &CallContext,
    request: Request,
    bytes: usize,
) -> Result<Vec<u8>, CallError> {
    if app.service.is_draining() {
        let message = "服務即將停機,請改送其他節點或稍後再試。";
        return Err(refuse(ErrorCode::Unavailable, message));
    }
    if media_type(request.headers()) != "application/json" {
        return Err(refuse(ErrorCode::UnsupportedMedia, "請以 application/json 傳送。"));
    }
    check_length(request.headers(), bytes)?;
    let limit = BodyLimit { bytes, ..app.json_limit(cx) };
    Ok(collect(request, limit).await?.into_inner())
}

/// Collects the parts of a form with these names, each once and together within the limit; others are skipped.
pub(super) async fn collect_parts<const N: usize>(
    request: Request,
    names: [&'static str; N],
    limit: BodyLimit,
) -> Result<[Option<Private<Vec<u8>>>; N], CallError> {
    let collected = tokio::time::timeout(limit.time, parts(request, names, limit.bytes));
    collected.await.unwrap_or_else(|_| Err(slow()))
}

async fn collect_all(
    body: Body,
    (announced, limit): (usize, usize),
) -> Result<Private<Vec<u8>>, CallError> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| broken())?;
        if limit < bytes.len() + chunk.len() {
            return Err(too_large(limit));
        }
        if bytes.is_empty() && announced <= limit {
            // As large as it will be: growing leaves pieces behind. Memory is taken as it is written to.
            bytes.reserve_exact(announced);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Private::new(bytes))
}

async fn parts<const N: usize>(
    request: Request,
    names: [&'static str; N],
    limit: usize,
) -> Result<[Option<Private<Vec<u8>>>; N], CallError> {
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|_| refuse(ErrorCode::BadValue, "Content-Type 缺少可用的 boundary。"))?;
    let mut found = [const { None }; N];
    let mut n_bytes = 0;
    for _ in 0..MAX_PARTS {
        let Some(mut field) = multipart.next_field().await.map_err(|_| broken())? else {
            return Ok(found);
        };
        let place = names.iter().position(|it| field.name() == Some(it));
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|_| broken())? {
            if place.is_some() {
                n_bytes += chunk.len();
                if limit < n_bytes {
                    return Err(too_large(limit));
                }
                bytes.extend_from_slice(&chunk);
            }
        }
        if let Some((place, name)) = place.and_then(|it| Some((found.get_mut(it)?, names[it]))) {
            if place.is_some() {
                return Err(CallError::bad_value(format!("/{name}"), "只能有一個。"));
            }
            *place = Some(Private::new(bytes));
        }
    }
    Err(refuse(ErrorCode::BadValue, "multipart 的部分過多。"))
}

fn too_large(limit: usize) -> CallError {
    CallError::new(ErrorCode::TooLarge, format!("內容超過 {limit} 位元組的上限。"))
}

fn slow() -> CallError {
    refuse(ErrorCode::SlowClient, "內容未在期限內傳送完畢。")
}

fn broken() -> CallError {
    refuse(ErrorCode::BadValue, "內容不完整或格式錯誤。")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const LIMIT: BodyLimit = BodyLimit { bytes: 100, time: Duration::from_secs(60) };

    async fn collected(announced: usize) -> Vec<u8> {
        let chunks = stream::iter([[1_u8; 40], [2; 40]].map(|it| Ok::<_, Infallible>(it.to_vec())));
        let request = Request::builder().header(CONTENT_LENGTH, announced);
        let request = request.body(Body::from_stream(chunks)).unwrap();
        collect(request, LIMIT).await.unwrap().into_inner()
    }

    #[tokio::test]
    async fn room_is_made_once_for_what_is_announced_and_allowed() {
        let found = collected(80).await;
        assert_eq!((found.len(), found.capacity()), (80, 80));
        assert!(collected(usize::MAX).await.capacity() < 1000);
    }
}
