//! What an officer does with an item that is held: each change names the version that was seen.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{ETAG, HeaderName, LOCATION};
use axum::response::{IntoResponse, Response};

use crate::http::failure::Failure;
use crate::http::told::OfLoad;
use crate::http::{App, body};
use crate::service::reviews::{Judgement, Officer, ReviewRow};
use crate::task::call::CallContext;
use crate::wire::problem::Problem;
use crate::wire::v1::reviews::{
    self as wire, DecisionRequest, EscalationRequest, MAX_BYTES, ReviewItem, ReviewResponse,
};

use super::document::Shown;
use super::told::{OfChange, OfJudgement};
use super::{PATH, check_id, officer, version};

/// The version of an item as its tag.
pub(super) fn etag(version: u64) -> [(HeaderName, String); 1] {
    [(ETAG, format!("\"{version}\""))]
}

fn answer(app: &App, officer: &Officer, row: ReviewRow) -> Response {
    let tag = etag(row.version);
    (tag, Json(Shown::to(app, officer).item(row))).into_response()
}

/// What a change of an item begins with: who, of which item, and the version that was seen.
struct Seen {
    officer: Officer,
    id: String,
    version: u64,
}

fn seen(id: String, request: &Request) -> Result<Seen, Failure> {
    check_id(&id)?;
    Ok(Seen { officer: officer(request.extensions())?, version: version(request.headers())?, id })
}

/// 延長保留時間。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/extend",
    operation_id = "extend_review",
    tag = "reviews",
    params(
        ("id" = String, Path, description = "review_id"),
        ("if-match" = String, Header, pattern = r#"^"[0-9]{1,18}"$"#, description = "先前回覆的 ETag"),
    ),
    responses(
        (status = 200, description = "複審;ETag 為新的版本", body = ReviewItem),
        (status = 409, description = "ER0410:保留時間已過", body = Problem, content_type = "application/problem+json"),
        OfChange,
    ),
)]
pub(in crate::http) async fn extend(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let Seen { officer, id, version } = seen(id, &request)?;
    let row = app.reviews.extend(&officer, &id, version).await?;
    Ok(answer(&app, &officer, row))
}

/// 放回:不再保留,供他人取得。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/release",
    operation_id = "release_review",
    tag = "reviews",
    params(
        ("id" = String, Path, description = "review_id"),
        ("if-match" = String, Header, pattern = r#"^"[0-9]{1,18}"$"#, description = "先前回覆的 ETag"),
    ),
    responses(
        (status = 200, description = "複審;ETag 為新的版本", body = ReviewItem),
        (status = 409, description = "ER0410:保留時間已過", body = Problem, content_type = "application/problem+json"),
        OfChange,
    ),
)]
pub(in crate::http) async fn release(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let Seen { officer, id, version } = seen(id, &request)?;
    let row = app.reviews.release(&officer, &id, version).await?;
    Ok(answer(&app, &officer, row))
}

/// 決定:接受第一個建議、更正或捨棄。30 秒內可復原,之後寫入回饋並發出事件。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/decision",
    operation_id = "decide_review",
    tag = "reviews",
    params(
        ("id" = String, Path, description = "review_id"),
        ("if-match" = String, Header, pattern = r#"^"[0-9]{1,18}"$"#, description = "先前回覆的 ETag"),
    ),
    request_body(content = DecisionRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "複審;ETag 為新的版本", body = ReviewItem),
        (status = 409, description = "ER0410:保留時間已過,或尚未取得", body = Problem, content_type = "application/problem+json"),
        OfJudgement,
    ),
)]
pub(in crate::http) async fn decide(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let Seen { officer, id, version } = seen(id, &request)?;
    let json = body::small_json(&app, &cx, request, MAX_BYTES).await?;
    let wire::Decision { verdict, label, unit, note } = wire::parse_decision(&json)?;
    let judgement = Judgement { verdict, label, unit, note };
    let row = app.reviews.decide(&officer, (&id, version), judgement).await?;
    Ok(answer(&app, &officer, row))
}

/// 復原自己剛才的決定,並再次保留。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/undo",
    operation_id = "undo_review",
    tag = "reviews",
    params(
        ("id" = String, Path, description = "review_id"),
        ("if-match" = String, Header, pattern = r#"^"[0-9]{1,18}"$"#, description = "先前回覆的 ETag"),
    ),
    responses(
        (status = 200, description = "複審;ETag 為新的版本", body = ReviewItem),
        (status = 409, description = "ER0410:不是自己的決定,或已逾復原時間", body = Problem, content_type = "application/problem+json"),
        OfChange,
    ),
)]
pub(in crate::http) async fn undo(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let Seen { officer, id, version } = seen(id, &request)?;
    let row = app.reviews.undo(&officer, &id, version).await?;
    Ok(answer(&app, &officer, row))
}

/// 陳核:交由具指派權限者處理。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/escalate",
    operation_id = "escalate_review",
    tag = "reviews",
    params(
        ("id" = String, Path, description = "review_id"),
        ("if-match" = String, Header, pattern = r#"^"[0-9]{1,18}"$"#, description = "先前回覆的 ETag"),
    ),
    request_body(content = EscalationRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "複審;ETag 為新的版本", body = ReviewItem),
        (status = 409, description = "ER0410:保留時間已過,或尚未取得", body = Problem, content_type = "application/problem+json"),
        OfJudgement,
    ),
)]
pub(in crate::http) async fn escalate(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let Seen { officer, id, version } = seen(id, &request)?;
    let json = body::small_json(&app, &cx, request, MAX_BYTES).await?;
    let note = wire::parse_escalation(&json)?;
    let row = app.reviews.escalate(&officer, (&id, version), note).await?;
    Ok(answer(&app, &officer, row))
}

/// 請求第二意見:另立一筆,由另一位承辦人在不知道第一次決定的情形下決定,用以計算一致性。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/second-opinion",
    operation_id = "ask_second_opinion",
    tag = "reviews",
    params(("id" = String, Path, description = "review_id")),
    responses(
        (status = 201, description = "新的複審", body = ReviewResponse),
        (status = 404, description = "ER0100:沒有這筆複審,或不在權限範圍", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:尚未決定、仍可復原、文字已刪除,或已請求過", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::http) async fn second_opinion(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let officer = officer(request.extensions())?;
    check_id(&id)?;
    let made = app.reviews.second_opinion(&officer, &id).await?;
    let place = [(LOCATION, format!("{PATH}/{}", made.row.id))];
    let answer = Shown::to(&app, &officer).answer(made);
    Ok((StatusCode::CREATED, place, answer).into_response())
}
