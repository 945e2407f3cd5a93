//! The Open Inference Protocol (KServe v2) over gRPC: the same calls as [`super::infer`], framed as gRPC wants it.
//!
//! A call is a POST with one message, and its answer one message before the status in the trailers. All of it passes
//! the layers that every route passes; what fails there fails as an HTTP status, and [`describe`] says it in gRPC.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Extension, FromRequest, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hyper::body::Frame;

use crate::base::{ErrorCode, Private};
use crate::service::Unread;
use crate::service::infer::{Asked, case_of};
use crate::task::call::{CallContext, CallError};
use crate::wire::problem;
use crate::wire::v2::{self, Reply, ServerMetadata, grpc};

use super::body::BodyLimit;
use super::failure::{Failure, failed, keep_hints};
use super::infer::{self, MAX_BYTES};
use super::{App, body, refuse};

/// What the path of every method begins with.
const SERVICE: &str = "/inference.GRPCInferenceService/";
/// Media type of messages.
const GRPC: &str = "application/grpc";
/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const CODE: HeaderName = HeaderName::from_static("x-error-code");

/// Whether failures of a route are told as gRPC does.
pub(super) fn is_route(label: &str) -> bool {
    label.starts_with(SERVICE)
}

/// The methods.
pub(super) fn routes() -> Router<Arc<App>> {
    let at = |method: &str| format!("{SERVICE}{method}");
    Router::new()
        .route(&at("ServerLive"), post(server_live))
        .route(&at("ServerReady"), post(server_ready))
        .route(&at("ServerMetadata"), post(server_metadata))
        .route(&at("ModelReady"), post(model_ready))
        .route(&at("ModelMetadata"), post(model_metadata))
        .route(&at("ModelConfig"), post(model_config))
        .route(&at("ModelStatistics"), post(model_statistics))
        .route(&at("ModelInfer"), post(model_infer))
        .route(&at("RepositoryIndex"), post(index))
        .route(&at("RepositoryModelLoad"), post(load))
        .route(&at("RepositoryModelUnload"), post(unload))
        .route(&at("{method}"), post(missing))
}

async fn server_live(Small(message): Small) -> Result<Message, Failure> {
    grpc::parse_nothing(&message)?;
    Ok(Message(grpc::truth(true)))
}

async fn server_ready(
    State(app): State<Arc<App>>,
    Small(message): Small,
) -> Result<Message, Failure> {
    grpc::parse_nothing(&message)?;
    Ok(Message(grpc::truth(infer::require_ready(&app).is_ok())))
}

async fn server_metadata(Small(message): Small) -> Result<Message, Failure> {
    grpc::parse_nothing(&message)?;
    Ok(Message(grpc::server_metadata(&ServerMetadata::current())))
}

async fn model_ready(
    State(app): State<Arc<App>>,
    Small(message): Small,
) -> Result<Message, Failure> {
    let named = grpc::parse_named(&message)?;
    let found = app.service.models().info(&named.name, named.version.as_deref());
    match found {
        Err(error) if error.code != ErrorCode::Conflict => Err(error.into()),
        found => Ok(Message(grpc::truth(found.is_ok()))),
    }
}

async fn model_metadata(
    State(app): State<Arc<App>>,
    Small(message): Small,
) -> Result<Message, Failure> {
    let named = grpc::parse_named(&message)?;
    let model = app.service.models().info(&named.name, named.version.as_deref())?;
    Ok(Message(grpc::model_metadata(&(&*model).into())))
}

async fn model_config(
    State(app): State<Arc<App>>,
    Small(message): Small,
) -> Result<Message, Failure> {
    let named = grpc::parse_named(&message)?;
    let model = app.service.models().info(&named.name, named.version.as_deref())?;
    Ok(Message(grpc::model_config(&(&*model).into())))
}

async fn model_statistics(
    State(app): State<Arc<App>>,
    Small(message): Small,
) -> Result<Message, Failure> {
    let named = grpc::parse_named(&message)?;
    let version = named.version.as_deref();
    let asked = Asked { name: &named.name, version, ..Asked::default() };
    let found = app.service.models().statistics(Some(asked).filter(|it| !it.name.is_empty()))?;
    Ok(Message(grpc::model_statistics(&found.into_iter().collect())))
}

async fn model_infer(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Message, Failure> {
    Ok(Message(answer(&app, &cx, request).await?))
}

async fn answer(app: &App, cx: &CallContext, request: Request) -> Result<Vec<u8>, CallError> {
    infer::require_open(app)?;
    let models = app.service.models();
    // Callers over gRPC announce no length.
    let mut entry = models.enter(u64::MAX)?;
    let framed = Framed::collect(app, cx, request, app.options.max_json_bytes).await?;
    entry.shrink(framed.message().len());
    let target = grpc::parse_target(framed.message())?;
    let version = target.version.as_deref();
    let asked = Asked { name: &target.name, version, case: &case_of(cx) };
    let place = models.admit_to(entry, asked)?;
    let model = Arc::clone(place.info());
    let n_bytes = framed.message().len();
    let read = {
        let model = Arc::clone(&model);
        move || grpc::parse(framed.message(), &model)
    };
    let write = move |reply: &Reply, outputs: &[_]| Ok(grpc::write(&model, reply, outputs));
    app.service.infer(place, Unread { n_bytes, read }, write, cx.deadline).await
}

async fn index(State(app): State<Arc<App>>, Small(message): Small) -> Result<Message, Failure> {
    let ready = grpc::parse_index(&message)?;
    let only = v2::RepositoryIndexRequest { ready };
    Ok(Message(grpc::repository_index(infer::listed(&app, &only))))
}

async fn load(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Small(message): Small,
) -> Result<Message, Failure> {
    infer::require_open(&app)?;
    let name = grpc::parse_change(&message)?;
    app.service.models().load(&name, cx.deadline).await?;
    Ok(Message(Vec::new()))
}

async fn unload(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Small(message): Small,
) -> Result<Message, Failure> {
    infer::require_open(&app)?;
    let name = grpc::parse_change(&message)?;
    app.service.models().unload(&name, cx.deadline).await?;
    Ok(Message(Vec::new()))
}

/// Methods of the protocol that are not there: streams, shared memory, traces and logs.
async fn missing() -> Failure {
    let message = "這個 gRPC 方法未提供;可用者見 docs/howto/raw-models.md。";
    Failure::new(ErrorCode::MethodNotAllowed, message)
}

/// A request whose message is small and read at once.
struct Small(Vec<u8>);

impl FromRequest<Arc<App>> for Small {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Small, Failure> {
        let cx = request.extensions().get::<CallContext>().cloned();
        let cx = cx.ok_or_else(|| refuse(ErrorCode::Internal, "系統發生錯誤。"))?;
        let framed = Framed::collect(app, &cx, request, MAX_BYTES).await?;
        Ok(Small(framed.message().to_vec()))
    }
}

/// The body of a request: one message behind its prefix.
struct Framed(Private<Vec<u8>>);

impl Framed {
    /// Collects a message of at most `most` bytes.
    async fn collect(
        app: &App,
        cx: &CallContext,
        request: Request,
        most: usize,
    ) -> Result<Framed, CallError> {
        let media_type = body::media_type(request.headers());
        // `application/grpc+proto` is the same; other suffixes are other formats.
        if media_type != GRPC && media_type != "application/grpc+proto" {
            return Err(refuse(ErrorCode::UnsupportedMedia, "請以 application/grpc 傳送。"));
        }
        let bytes = most + PREFIX;
        body::check_length(request.headers(), bytes)?;
        let limit = BodyLimit { bytes, ..app.json_limit(cx) };
        let framed = Framed(body::collect(request, limit).await?);
        check_prefix(framed.0.expose())?;
        Ok(framed)
    }

    fn message(&self) -> &[u8] {
        self.0.expose().get(PREFIX..).unwrap_or_default()
    }
}

/// Whether the body is exactly one message that is not compressed.
fn check_prefix(body: &[u8]) -> Result<(), CallError> {
    match body.split_first_chunk::<PREFIX>() {
        Some(([1, ..], _)) => {
            Err(refuse(ErrorCode::UnsupportedMedia, "請勿壓縮訊息(grpc-encoding)。"))
        }
        Some(([0, len @ ..], rest))
            if usize::try_from(u32::from_be_bytes(*len)) == Ok(rest.len()) =>
        {
            Ok(())
        }
        _ => Err(refuse(ErrorCode::BadValue, "內容應恰為一則 gRPC 訊息。")),
    }
}

/// The message of an answer that has succeeded.
struct Message(Vec<u8>);

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        let Ok(len) = u32::try_from(self.0.len()) else {
            return Failure::new(ErrorCode::TooLarge, "輸出過大,請減少一次的筆數。")
                .into_response();
        };
        let mut prefix = vec![0];
        prefix.extend(len.to_be_bytes());
        let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
        let frames =
            [Frame::data(prefix.into()), Frame::data(self.0.into()), Frame::trailers(trailers)];
        ([(CONTENT_TYPE, GRPC)], Body::new(Frames(frames.into_iter()))).into_response()
    }
}

/// A body of given frames.
struct Frames(std::array::IntoIter<Frame<Bytes>, 3>);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

/// Writes the failure of a response as gRPC tells it, in trailers alone; leaves any other response alone.
pub(super) fn describe(mut response: Response) -> Response {
    let Some(error) = failed(&mut response) else { return response };
    let mut described = ([(CONTENT_TYPE, GRPC)], Body::empty()).into_response();
    keep_hints(&mut response, &mut described);
    let retry_after = error.retry_after.map(problem::retry_after);
    let headers = described.headers_mut();
    for (name, value) in [
        (STATUS, Some(problem::grpc_status(error.code).to_string())),
        (MESSAGE, Some(encoded(&error.message))),
        (CODE, Some(error.code.number().to_owned())),
        (RETRY_AFTER, retry_after),
    ] {
        if let Some(value) = value.and_then(|it| HeaderValue::try_from(it).ok()) {
            headers.insert(name, value);
        }
    }
    described
}

/// Text as a header holds it: what is not visible ASCII, and `%`, in percent signs.
fn encoded(text: &str) -> String {
    let byte = |it: u8| match it {
        b' '..=b'~' if it != b'%' => char::from(it).to_string(),
        _ => format!("%{it:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8], expected: Result<(), ErrorCode>) {
        assert_eq!(check_prefix(body).map_err(|it| it.code), expected, "{body:?}");
    }

    #[test]
    fn a_body_is_one_message() {
        check(&[0, 0, 0, 0, 0], Ok(()));
        check(&[0, 0, 0, 0, 2, 7, 7], Ok(()));
        check(&[1, 0, 0, 0, 2, 7, 7], Err(ErrorCode::UnsupportedMedia));
        for bad in [
            &[][..],
            &[0, 0, 0, 0],
            &[2, 0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 7],
            &[0, 0, 0, 0, 2, 7, 7, 7],
            &[0, 0xff, 0xff, 0xff, 0xff, 7],
        ] {
            check(bad, Err(ErrorCode::BadValue));
        }
    }

    #[test]
    fn texts_are_visible_ascii() {
        assert_eq!(encoded("a b~%\n"), "a b~%25%0A");
        assert_eq!(encoded("文"), "%E6%96%87");
    }
}
