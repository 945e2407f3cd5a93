//! `/api/v1/speech/transcriptions/{id}/segments/{number}/correction`: an officer's words in the place of those that were
//! heard, and taking them back. Each names the version that was seen.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};

use crate::base::{ErrorCode, Private};
use crate::http::told::OfLoad;
use crate::policy::{Principal, Scope};
use crate::service::speech::{Change, Editor, change as corrected};
use crate::task::call::{CallContext, CallError};
use crate::task::speech::Rendition;
use crate::wire::problem::Problem;
use crate::wire::v1::correction::{self, CorrectionRequest, CorrectionResponse};
use crate::wire::v1::transcript::Shown;

use super::failure::Failure;
use super::jobs::find;
use super::speech;
use super::{App, body, guard, refuse, reviews};

/// Bytes of a body here.
const JSON_BYTES: usize = 16 << 10;

/// 更正逐字稿的一句:以承辦人聽到的文字取代;原轉寫保留,可復原。
///
/// 更正後即重新遮蔽個資,匯出(JSON、SRT、VTT、TXT)一律使用更正後的文字。未更動的字保留時間與信心度。
/// 以遮蔽後的文字更正時,遮蔽標記代表其所遮蔽的內容,只能保留或刪除。
#[utoipa::path(
    put,
    path = "/api/v1/speech/transcriptions/{id}/segments/{number}/correction",
    operation_id = "correct_transcription",
    tag = "speech",
    params(
        ("id" = String, Path, description = "job_id"),
        ("number" = u32, Path, description = "逐字稿中語句的 id,自 0 起"),
        ("if-match" = String, Header, pattern = r#"^"[0-9]{1,18}"$"#, description = "先前回覆的 ETag"),
    ),
    request_body(content = CorrectionRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "已更正;ETag 為新的版本", body = CorrectionResponse),
        (status = 400, description = "ER0200、ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這件轉寫或這一句,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "ER0521:內容傳送太慢", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:轉寫尚未完成", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "ER0420:已由他人或另一個視窗更正", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "ER0430:內容過大,或更正已達上限", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "ER0440:不支援的媒體類型", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "ER0421:未附 If-Match", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用,或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn write(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path((id, number)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let principal = guard::principal(request.extensions())?;
    let headers = request.headers().clone();
    let json = body::small_json(&app, &cx, request, JSON_BYTES).await?;
    let order = correction::parse(&json, app.options.purpose.noting(&cx))?;
    if order.rendition == Rendition::Original {
        principal.require(Scope::SpeechRead).map_err(CallError::from)?;
    }
    let asking = Asking { principal: &principal, headers: &headers, id: &id, number: &number };
    Ok(change(&app, &cx, asking, Some((order.rendition, order.text))).await?)
}

/// 復原這一句最近一次的更正:再前一次的更正(或原轉寫)恢復有效。
#[utoipa::path(
    delete,
    path = "/api/v1/speech/transcriptions/{id}/segments/{number}/correction",
    operation_id = "undo_correction",
    tag = "speech",
    params(
        ("id" = String, Path, description = "job_id"),
        ("number" = u32, Path, description = "逐字稿中語句的 id,自 0 起"),
        ("if-match" = String, Header, pattern = r#"^"[0-9]{1,18}"$"#, description = "先前回覆的 ETag"),
    ),
    responses(
        (status = 200, description = "已復原;ETag 為新的版本,語句為遮蔽後的文字", body = CorrectionResponse),
        (status = 400, description = "ER0200、ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這件轉寫或這一句,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:轉寫尚未完成,或沒有可復原的更正", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "ER0420:已由他人或另一個視窗更正", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "ER0430:更正已達上限", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "ER0421:未附 If-Match", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn take_back(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path((id, number)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let principal = guard::principal(request.extensions())?;
    let asking =
        Asking { principal: &principal, headers: request.headers(), id: &id, number: &number };
    Ok(change(&app, &cx, asking, None).await?)
}

/// Who asks for a change, and of what.
struct Asking<'a> {
    principal: &'a Principal,
    headers: &'a HeaderMap,
    id: &'a str,
    number: &'a str,
}

async fn change(
    app: &App,
    cx: &CallContext,
    asking: Asking<'_>,
    words: Option<(Rendition, Private<String>)>,
) -> Result<Response, CallError> {
    let Asking { principal, headers, id, number } = asking;
    let gone = || refuse(ErrorCode::NotFound, "沒有這件轉寫或這一句,或已逾保存期限。");
    let job = find(app, headers, id).await?;
    if job.service != speech::SERVICE {
        return Err(gone());
    }
    let segment = number.parse().map_err(|_| gone())?;
    let seen = reviews::version(headers)?;
    let by = reviews::officer_of(principal).id;
    let editor = Editor { by, at: app.clock.unix_time() };
    let change = Change { segment, seen, words, editor };
    let changed = corrected(&app.jobs, job, change, &cx.origin).await?;
    let shown = Shown {
        transcript: &changed.transcript,
        rendition: changed.rendition,
        speakers: &changed.speakers,
        corrected: Some(&changed.about),
    };
    let job = &changed.job;
    let answer = CorrectionResponse::new((&job.id, job.n_corrections), &shown, &changed.differs);
    Ok(([(ETAG, speech::etag(job))], Json(answer)).into_response())
}
