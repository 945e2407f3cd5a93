//! Forms with a recording: one file beside fields of text, read under limits.

use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::StatusCode;

use crate::base::{ErrorCode, Private};
use crate::task::call::CallError;

use super::{body, refuse};

/// Parts of one form, unknown ones included.
const MAX_PARTS: usize = 32;

/// Bytes of all fields of text together.
const TEXT_BYTES: usize = 64 << 10;

/// For boundaries and part headers.
const OVERHEAD_BYTES: usize = 64 << 10;

/// The parts of a form. No `Debug`: it holds somebody's voice.
pub(super) struct RecordingForm {
    /// The recording; not empty.
    pub(super) file: Private<Vec<u8>>,
    /// Names and values of the other parts.
    fields: Vec<(String, Private<Vec<u8>>)>,
}

/// The longest body of a form whose file may have so many bytes.
fn max_bytes(file_bytes: usize) -> usize {
    file_bytes + TEXT_BYTES + OVERHEAD_BYTES
}

impl RecordingForm {
    /// Reads a form whose file has at most `file_bytes`; a client that needs longer than `time` is given up.
    pub(super) async fn read(
        request: Request,
        file_bytes: usize,
        time: Duration,
    ) -> Result<RecordingForm, CallError> {
        body::check_length(request.headers(), max_bytes(file_bytes))
            .map_err(|_| too_large(file_bytes))?;
        let read = tokio::time::timeout(time, read_parts(request, file_bytes)).await;
        read.unwrap_or_else(|_| Err(refuse(ErrorCode::SlowClient, "內容未在期限內傳送完畢。")))
    }

    /// The field of this name, the last of them; its bytes.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let found = self.fields.iter().rev().find(|it| it.0 == name);
        found.map(|it| it.1.expose().as_slice())
    }

    /// The field of this name as text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, CallError> {
        let text = self.bytes(name).map(std::str::from_utf8).transpose();
        text.map_err(|_| CallError::bad_value(format!("/{name}"), "應為 UTF-8 文字。"))
    }

    /// Every value of the fields of this name that is text.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        let found = self.fields.iter().filter(|it| it.0 == name);
        found.filter_map(|it| std::str::from_utf8(it.1.expose()).ok()).collect()
    }
}

async fn read_parts(request: Request, file_bytes: usize) -> Result<RecordingForm, CallError> {
    let mut request = request;
    // Other forms are shorter.
    DefaultBodyLimit::max(max_bytes(file_bytes)).apply(&mut request);
    let mut multipart = Multipart::from_request(request, &())
        .await
        .map_err(|_| refuse(ErrorCode::BadValue, "Content-Type 缺少可用的 boundary。"))?;
    let broken = |error: MultipartError| broken(&error, file_bytes);
    let (mut file, mut fields, mut left) = (None, Vec::new(), TEXT_BYTES);
    for _ in 0..MAX_PARTS {
        let Some(part) = multipart.next_field().await.map_err(broken)? else {
            let file: Option<Private<Vec<u8>>> = file;
            let Some(file) = file else {
                return Err(CallError::bad_value("/file", "必填:請附上錄音檔。"));
            };
            if file.expose().is_empty() {
                return Err(CallError::bad_value("/file", "錄音檔是空的。"));
            }
            return Ok(RecordingForm { file, fields });
        };
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            if file.is_some() {
                return Err(CallError::bad_value("/file", "只能有一個。"));
            }
            let content = collect(part, file_bytes).await.map_err(broken)?;
            file = Some(content.ok_or_else(|| too_large(file_bytes))?);
        } else {
            let content = collect(part, left).await.map_err(broken)?;
            let content = content.ok_or_else(|| {
                let message = format!("文字欄位合計超過 {TEXT_BYTES} 位元組的上限。");
                CallError::new(ErrorCode::TooLarge, message)
            })?;
            left -= content.expose().len();
            fields.push((name, content));
        }
    }
    Err(refuse(ErrorCode::BadValue, "multipart 的部分過多。"))
}

/// A part; `None` when it is longer than `limit`.
async fn collect(
    mut part: Field<'_>,
    limit: usize,
) -> Result<Option<Private<Vec<u8>>>, MultipartError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await? {
        if limit < bytes.len() + chunk.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(Private::new(bytes)))
}

fn too_large(limit: usize) -> CallError {
    let message = format!(
        "錄音檔超過 {limit} 位元組的上限,請改用上傳(POST /api/v1/blobs)後建立工作,或以 Opus、MP3 壓縮。"
    );
    CallError::new(ErrorCode::TooLarge, message)
}

/// A form that cannot be read. The library's text may repeat part names, so it is not shown.
fn broken(error: &MultipartError, limit: usize) -> CallError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(limit);
    }
    refuse(ErrorCode::BadValue, "multipart 內容不完整或格式錯誤。")
}
