//! `/api/v1/speech/transcriptions/{id}/segments/{number}/correction`: an officer's words in the place of those that were
//! heard, and taking them back. Each names the version that was seen.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::HeaderMap;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};

use crate::base::{ErrorCode, Private};
use crate::policy::{Principal, Scope};
use crate::service::jobs::{Job, JobState, already_corrected};
use crate::service::speech::{Corrections, Editor, KeptTranscript};
use crate::service::subjects::Identifier;
use crate::task::call::{CallContext, CallError};
use crate::task::speech::Rendition;
use crate::wire::problem::Problem;
use crate::wire::v1::correction::{self, CorrectionOrder, CorrectionRequest, CorrectionResponse};
use crate::wire::v1::transcript::{SegmentDocument, Shown};

use super::failure::Failure;
use super::jobs::find;
use super::speech::{self, Heard};
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
        ("if-match" = String, Header, description = "先前回覆的 ETag"),
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
        (status = 429, description = "ER0429:系統忙碌,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
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
    let seen = seen(&app, &principal, &headers, (&id, &number)).await?;
    Ok(change(&app, seen, Some(order)).await?)
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
        ("if-match" = String, Header, description = "先前回覆的 ETag"),
    ),
    responses(
        (status = 200, description = "已復原;ETag 為新的版本,語句為遮蔽後的文字", body = CorrectionResponse),
        (status = 400, description = "ER0200、ER0210:標頭有誤", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "ER0100:沒有這件轉寫或這一句,或已逾保存期限", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:轉寫尚未完成,或沒有可復原的更正", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "ER0420:已由他人或另一個視窗更正", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "ER0430:更正已達上限", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "ER0421:未附 If-Match", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "ER0429:系統忙碌,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "ER0500:系統錯誤", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn take_back(
    State(app): State<Arc<App>>,
    Path((id, number)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let principal = guard::principal(request.extensions())?;
    let seen = seen(&app, &principal, request.headers(), (&id, &number)).await?;
    Ok(change(&app, seen, None).await?)
}

/// What a change begins with: who, and the transcript in the version that was seen.
struct Seen {
    editor: Editor,
    heard: Heard,
    number: usize,
}

async fn seen(
    app: &App,
    principal: &Principal,
    headers: &HeaderMap,
    (id, number): (&str, &str),
) -> Result<Seen, CallError> {
    let gone = || refuse(ErrorCode::NotFound, "沒有這件轉寫或這一句,或已逾保存期限。");
    let job = find(app, headers, id).await?;
    if job.service != speech::SERVICE {
        return Err(gone());
    }
    let number = number.parse().map_err(|_| gone())?;
    let version = reviews::version(headers)?;
    if job.state != JobState::Succeeded {
        return Err(refuse(ErrorCode::Conflict, "轉寫尚未完成,完成後才能更正。"));
    }
    let heard = speech::heard(app, job).await?;
    if heard.job.n_corrections != version {
        return Err(already_corrected());
    }
    let by = reviews::officer_of(principal).id;
    Ok(Seen { editor: Editor { by, at: app.clock.unix_time() }, heard, number })
}

/// What is kept of a change, and what is shown otherwise by it.
struct Changed {
    content: Private<Vec<u8>>,
    mentions: Vec<Identifier>,
    segments: Vec<SegmentDocument>,
}

async fn change(
    app: &App,
    seen: Seen,
    order: Option<CorrectionOrder>,
) -> Result<Response, CallError> {
    let Seen { editor, heard, number } = seen;
    let Heard { job, kept, corrections } = heard;
    let work = move || changed((kept, corrections), (number, editor), order);
    let changed = tokio::task::spawn_blocking(work).await;
    let changed = changed.map_err(|_| refuse(ErrorCode::Internal, "系統發生錯誤。"))??;
    let job: Job = app.jobs.correct(&job, changed.content, &changed.mentions).await?;
    let answer = CorrectionResponse {
        job_id: job.id.clone(),
        version: job.n_corrections,
        segments: changed.segments,
    };
    Ok(([(ETAG, speech::etag(&job))], Json(answer)).into_response())
}

/// The change itself: computation.
fn changed(
    (kept, mut corrections): (KeptTranscript, Corrections),
    (number, editor): (usize, Editor),
    order: Option<CorrectionOrder>,
) -> Result<Changed, CallError> {
    let KeptTranscript { mut transcript, speakers, .. } = kept;
    let heard = transcript.segments.clone();
    let before = corrections.apply(heard.clone());
    let at = (before.segments.as_slice(), number);
    let rendition = order.as_ref().map(|it| it.rendition).unwrap_or_default();
    match order {
        Some(order) => corrections.write(at, (order.rendition, order.text.expose()), editor)?,
        None => corrections.take_back(at, editor)?,
    }
    let after = corrections.apply(heard);
    let mentions = after.mentions();
    let differs: Vec<usize> = before
        .segments
        .iter()
        .zip(&after.segments)
        .enumerate()
        .filter(|(idx, (one, other))| {
            *idx == number || one.shown(rendition) != other.shown(rendition)
        })
        .map(|it| it.0)
        .collect();
    transcript.segments = after.segments;
    let shown = Shown {
        transcript: &transcript,
        rendition,
        speakers: &speakers,
        corrected: Some(&after.about),
    };
    let segments = differs
        .into_iter()
        .filter_map(|idx| Some(shown.segment(idx, transcript.segments.get(idx)?)))
        .collect();
    Ok(Changed { content: corrections.encode()?, mentions, segments })
}
