//! `/api/v1/reviews`: answers that wait for an officer.

mod document;
mod told;
mod work;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{Extensions, HeaderMap};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::base::ErrorCode;
use crate::http::told::{OfBody, OfLoad};
use crate::policy::{Principal, Scope};
use crate::service::reviews::{
    MAX_BATCH, Officer, ReviewKind, ReviewPage, ReviewQuery, ReviewSettings, ReviewSort,
    ReviewView, StateFilter,
};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem::Problem;
use crate::wire::v1::jobs;
use crate::wire::v1::reviews::{
    self as wire, BatchOutcome, BatchRequest, BatchResponse, MAX_BYTES, MAX_PAGE, NextRequest,
    NextResponse, ReviewPageResponse, ReviewResponse,
};

use super::failure::Failure;
use super::query::{Parameter, parameters};
use super::{App, body, guard, refuse};

pub(super) use work::*;

/// The path, for the envelope: it has query parameters.
pub(super) const PATH: &str = "/api/v1/reviews";

/// Items of one page, unless asked for otherwise.
const PAGE: usize = 50;

/// These routes.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(next))
        .routes(routes!(accept))
        .routes(routes!(read))
        .routes(routes!(claim))
        .routes(routes!(extend))
        .routes(routes!(release))
        .routes(routes!(decide))
        .routes(routes!(undo))
        .routes(routes!(escalate))
        .routes(routes!(second_opinion))
}

/// 複審清單:尚待決定者,預設期限近者在前、同期限者信心度低者在前;只列出權限與單位範圍內的。
#[utoipa::path(
    get,
    path = "/api/v1/reviews",
    operation_id = "list_reviews",
    tag = "reviews",
    params(
        ("state" = Option<String>, Query, pattern = "^(open|claimed|escalated|decided)$", description = "open、claimed、escalated 或 decided;未填時為所有尚未決定者"),
        ("kind" = Option<String>, Query, pattern = "^(letter|document|identity_document|transcript)$", description = "letter、document、identity_document 或 transcript"),
        ("unit" = Option<String>, Query, description = "單位路徑(百分號編碼),含其下各單位"),
        ("own" = Option<bool>, Query, description = "true:只列出呼叫者保留中的"),
        ("confidence_from" = Option<f64>, Query, minimum = 0, maximum = 1, description = "第一個建議的機率至少如此,0 到 1"),
        ("sort" = Option<String>, Query, pattern = "^(deadline|confidence|priority)$", description = "deadline(預設)、confidence 或 priority;已決定者一律新的在前"),
        ("after" = Option<String>, Query, description = "上一頁回覆的 next"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "筆數,1 到 200;預設 50"),
    ),
    responses(
        (status = 200, description = "一頁複審", body = ReviewPageResponse),
        (status = 400, description = "ER0200、ER0210:參數有誤", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<ReviewPageResponse>, Failure> {
    let officer = officer(request.extensions())?;
    let query = query(request.uri().query().unwrap_or_default())?;
    let waiting = app.reviews.counts(&officer).await?;
    let (rows, next) = app.reviews.list(&officer, query).await?;
    let shown = document::Shown::to(&app, &officer);
    Ok(Json(ReviewPageResponse {
        items: rows.into_iter().map(|it| shown.item(it)).collect(),
        waiting: waiting.into_iter().map(document::waiting).collect(),
        next: next.map(|ReviewPage(one, two, seq)| format!("{one}.{two}.{seq}")),
    }))
}

fn query(text: &str) -> Result<ReviewQuery, CallError> {
    let mut query = ReviewQuery { limit: PAGE, ..ReviewQuery::default() };
    for it in parameters(text) {
        match it.name.as_ref() {
            "state" => {
                query.state = match it.value.as_ref() {
                    "open" => StateFilter::Open,
                    "claimed" => StateFilter::Claimed,
                    "escalated" => StateFilter::Escalated,
                    "decided" => StateFilter::Decided,
                    _ => return Err(it.wrong("應為 open、claimed、escalated 或 decided。")),
                }
            }
            "kind" => query.kind = Some(it.read("不是已知的種類。")?),
            "unit" if (1..=256).contains(&it.value.len()) => {
                query.unit = Some(it.value.into_owned());
            }
            "unit" => return Err(it.wrong("應為 1 到 256 位元組的單位路徑。")),
            "own" => query.own = it.read("應為 true 或 false。")?,
            "confidence_from" => {
                let share = it.value.parse().ok().filter(|it| (0.0..=1.0).contains(it));
                let share = share.ok_or_else(|| it.wrong("應為 0 到 1 的數。"))?;
                query.confidence_from = Some(ReviewSettings::share(share));
            }
            "sort" => {
                query.sort = match it.value.as_ref() {
                    "deadline" => ReviewSort::Deadline,
                    "confidence" => ReviewSort::Confidence,
                    "priority" => ReviewSort::Priority,
                    _ => return Err(it.wrong("應為 deadline、confidence 或 priority。")),
                }
            }
            "after" => {
                let page = place(&it.value).ok_or_else(|| it.wrong("應為上一頁回覆的 next。"))?;
                query.after = Some(page);
            }
            "limit" => query.limit = it.limit(MAX_PAGE)?,
            _ => return Err(Parameter::unknown()),
        }
    }
    Ok(query)
}

fn place(text: &str) -> Option<ReviewPage> {
    let mut parts = text.splitn(3, '.').map(|it| it.parse().ok());
    Some(ReviewPage(parts.next()??, parts.next()??, parts.next()??))
}

/// 一筆複審:文字(個資已遮蔽)與建議。不會因此保留。
#[utoipa::path(
    get,
    path = "/api/v1/reviews/{id}",
    operation_id = "read_review",
    tag = "reviews",
    params(("id" = String, Path, description = "review_id")),
    responses(
        (status = 200, description = "複審;ETag 為版本", body = ReviewResponse),
        (status = 404, description = "ER0100:沒有這筆複審,或不在權限範圍", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let officer = officer(request.extensions())?;
    check_id(&id)?;
    let found = app.reviews.find(&officer, &id).await?;
    Ok(document::Shown::to(&app, &officer).answer(found))
}

/// 取得並保留一筆複審,供決定;自己已保留者重新計時。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/{id}/claim",
    operation_id = "claim_review",
    tag = "reviews",
    params(("id" = String, Path, description = "review_id")),
    responses(
        (status = 200, description = "複審;ETag 為版本", body = ReviewResponse),
        (status = 404, description = "ER0100:沒有這筆複審,或不在權限範圍", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:他人保留中、已決定、已陳核,或第二意見須由他人提出", body = Problem, content_type = "application/problem+json"),
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn claim(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let officer = officer(request.extensions())?;
    check_id(&id)?;
    let found = app.reviews.claim(&officer, &id).await?;
    Ok(document::Shown::to(&app, &officer).answer(found))
}

/// 取得下一筆:期限近者在前,同期限者信心度低者在前。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/claim-next",
    operation_id = "claim_next_review",
    tag = "reviews",
    request_body(content = NextRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "下一筆;沒有可取得者時 review 為 null", body = NextResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用,或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn next(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    let officer = officer(request.extensions())?;
    let json = body::small_json(&app, &cx, request, MAX_BYTES).await?;
    let NextRequest { kind, unit } = wire::parse_next(&json)?;
    let unknown = |_| CallError::bad_value("/kind", "不是已知的種類。");
    let kind = kind.map(|it| it.parse::<ReviewKind>().map_err(unknown)).transpose()?;
    let Some(found) = app.reviews.claim_next(&officer, kind, unit).await? else {
        return Ok(Json(NextResponse { review: None }).into_response());
    };
    let tag = work::etag(found.row.version);
    let place = [(LOCATION, format!("{PATH}/{}", found.row.id))];
    let review = Some(document::Shown::to(&app, &officer).review(found));
    Ok((tag, place, Json(NextResponse { review })).into_response())
}

/// 整批接受公文的第一個建議:逐筆核對版本與信心度門檻,個別回覆結果。
#[utoipa::path(
    post,
    path = "/api/v1/reviews/accept",
    operation_id = "accept_reviews",
    tag = "reviews",
    request_body(content = BatchRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "每筆的結果,依請求的順序", body = BatchResponse),
        (status = 400, description = "ER0210、ER0220:內容有誤", body = Problem, content_type = "application/problem+json"),
        OfBody,
        OfLoad,
        (status = 503, description = "ER0510:儲存區無法使用,或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Json<BatchResponse>, Failure> {
    let officer = officer(request.extensions())?;
    let json = body::small_json(&app, &cx, request, MAX_BYTES).await?;
    let items = wire::parse_batch(&json, MAX_BATCH)?;
    let outcomes = app.reviews.accept_all(&officer, items).await.into_iter();
    let outcome = |it: crate::service::reviews::Accepted| match it.outcome {
        Ok(row) => {
            BatchOutcome { review_id: it.id, version: Some(row.version), code: None, detail: None }
        }
        Err(error) => BatchOutcome {
            review_id: it.id,
            version: None,
            code: Some(error.code.number()),
            detail: Some(error.message),
        },
    };
    Ok(Json(BatchResponse { items: outcomes.map(outcome).collect() }))
}

/// The officer of a call.
fn officer(extensions: &Extensions) -> Result<Officer, CallError> {
    let principal = guard::principal(extensions)?;
    Ok(officer_of(&principal))
}

/// Whoever calls as an officer: the person behind a system, where its issuer vouches for one, and what the scopes show.
/// Whom a system only says it acts for is nobody: it could give the second opinion on its own decision.
pub fn officer_of(principal: &Principal) -> Officer {
    let kinds = [
        (ReviewKind::Letter, Scope::LettersReview),
        (ReviewKind::Document, Scope::DocumentsReview),
        (ReviewKind::IdentityDocument, Scope::IdRead),
        (ReviewKind::Transcript, Scope::SpeechReview),
    ];
    let has = |scope| principal.scopes.has(scope);
    Officer {
        id: principal.name().to_owned(),
        view: ReviewView {
            org: principal.org.clone(),
            units: principal.unit_paths.clone(),
            kinds: kinds.into_iter().filter(|it| has(it.1)).map(|it| it.0).collect(),
            sees_confidential: has(Scope::LettersConfidential),
            may_assign: has(Scope::ReviewsAssign),
        },
    }
}

fn check_id(id: &str) -> Result<(), CallError> {
    if jobs::is_id(id) {
        return Ok(());
    }
    Err(refuse(ErrorCode::NotFound, "沒有這筆複審,或不在您的權限範圍。"))
}

/// The version that the caller saw.
pub(in crate::http) fn version(headers: &HeaderMap) -> Result<u64, CallError> {
    let Some(value) = headers.get(axum::http::header::IF_MATCH) else {
        let message = "請以 If-Match 標頭附上先前回覆的 ETag。";
        return Err(refuse(ErrorCode::PreconditionRequired, message));
    };
    let tag = value.to_str().ok().and_then(|it| it.strip_prefix('"')?.strip_suffix('"'));
    tag.and_then(|it| it.parse().ok()).ok_or_else(|| {
        CallError::bad_value("/headers/if-match", "應為先前回覆的 ETag,例如 \"7\"。")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ActingFor;

    fn check(text: &str, expected: Option<&str>) {
        let found = query(text).err().map(|it| {
            it.errors.first().map_or(it.code.number().to_owned(), |it| it.pointer.clone())
        });
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn good_and_bad_queries() {
        check("", None);
        check(
            "state=open&kind=letter&unit=301000000A%2F%E6%88%B6%E6%94%BF%E5%8F%B8&own=true",
            None,
        );
        check("sort=priority&after=1.2.3&limit=200&state=decided", None);
        check("state=any", Some("/query/state"));
        check("kind=fax", Some("/query/kind"));
        check("unit=", Some("/query/unit"));
        check("own=yes", Some("/query/own"));
        check("sort=name", Some("/query/sort"));
        check("after=1.2", Some("/query/after"));
        check("after=1.2.-3", Some("/query/after"));
        check("confidence_from=0.95", None);
        check("confidence_from=NaN", Some("/query/confidence_from"));
        check("limit=0", Some("/query/limit"));
        check("limit=201", Some("/query/limit"));
        check("q=1", Some("ER0200"));
        let read = query("unit=301000000A%2F%E6%88%B6%E6%94%BF%E5%8F%B8&after=4.5.6").unwrap();
        assert_eq!(read.unit.as_deref(), Some("301000000A/戶政司"));
        assert_eq!(read.after, Some(ReviewPage(4, 5, 6)));
    }

    #[test]
    fn scopes_say_what_is_seen() {
        let mut principal = Principal::local("a".to_owned(), "301000000A".to_owned());
        assert_eq!(officer_of(&principal).view.kinds.len(), 4);
        principal.scopes = [Scope::ReviewsWork, Scope::LettersReview].into_iter().collect();
        principal.unit_paths = vec!["301000000A/戶政司".to_owned()];
        let officer = officer_of(&principal);
        assert_eq!(officer.view.kinds, [ReviewKind::Letter]);
        assert_eq!(officer.view.units, principal.unit_paths);
        assert!(!officer.view.sees_confidential && !officer.view.may_assign);
        let mut id = |is_authenticated| {
            let subject = "u-88".to_owned();
            principal.acting_for = Some(ActingFor { subject, is_authenticated });
            officer_of(&principal).id
        };
        assert_eq!(id(true), "u-88");
        assert_eq!(id(false), "a", "a system that only says so is itself");
    }
}
