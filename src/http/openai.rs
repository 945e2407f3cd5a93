//! `POST /v1/audio/transcriptions`: transcription for clients of OpenAI's interface, answered at once.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::base::ErrorCode;
use crate::service::speech::{AdmittedCall, HeardRecording, Told};
use crate::task::call::{CallContext, CallError};
use crate::task::speech::{Rendition, Segment, SpeechOrder};
use crate::wire::openai::{
    self, AudioAnswer, AudioDelta, AudioDone, AudioFailure, AudioForm, AudioMessage, AudioText,
    AudioVerbose, Granularities,
};
use crate::wire::problem;
use crate::wire::v1::speech::rendition_of;

use super::caller::{caller, take};
use super::failure::{Failure, failed, keep_hints, status};
use super::holder::Holder;
use super::recording::RecordingForm;
use super::{App, body, refuse};

/// What every path of this interface begins with.
const PREFIX: &str = "/v1/";

/// Ends the events of an answer.
const END: &str = "data: [DONE]\n\n";

/// Windows that may wait to be written to a slow reader.
const WAITING: usize = 16;

/// Whether failures of a route have the shape of this interface.
pub(super) fn is_route(label: &str) -> bool {
    label.starts_with(PREFIX)
}

/// The form, as the API's description shows it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the multipart form, whose parts are read one by one")]
pub(super) struct AudioRequest {
    /// The recording (WAV, MP3, FLAC, OGG/Opus, M4A/AAC, WebM), at most 25 MiB. Its name is ignored.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    /// Any name: the model of this server hears.
    #[schema(example = "whisper-1")]
    model: String,
    /// `zh`, `en`, or none; each utterance is told apart by itself.
    #[schema(required = false, pattern = "^(zh|en)$")]
    language: String,
    /// Names and terms that are likely to be said.
    #[schema(required = false)]
    prompt: String,
    /// `json`, `verbose_json`, `srt`, `vtt` or `text`; `json` unless given.
    #[schema(required = false, pattern = "^(json|verbose_json|srt|vtt|text)$")]
    response_format: String,
    /// Accepted, without effect: what is heard is always the likeliest.
    #[schema(required = false, minimum = 0, maximum = 1)]
    temperature: f32,
    /// Whether to answer in events as the recording is heard; `json` only.
    #[schema(required = false)]
    stream: bool,
    /// `segment` and `word`, for `verbose_json`; `segment` unless given.
    #[serde(rename = "timestamp_granularities[]")]
    #[schema(required = false)]
    timestamp_granularities: Vec<String>,
    /// Ours: `original` shows personal data, which is masked unless it is asked for.
    #[schema(required = false, pattern = "^(redacted|original)$")]
    rendition: String,
}

/// What is asked for.
struct Asked {
    form: AudioForm,
    order: SpeechOrder,
    rendition: Rendition,
    granularities: Granularities,
    is_stream: bool,
}

/// 語音轉寫(OpenAI 相容):於伺服器期限內直接回覆,錄音不保存。
///
/// 供既有的 `openai` 用戶端程式直接使用;較長的錄音請改用 `POST /api/v1/speech/transcriptions`。
/// 預設遮蔽個人資料;`stream=true` 時以 `transcript.text.delta`、`transcript.text.done` 事件回覆。
#[utoipa::path(
    post,
    path = "/v1/audio/transcriptions",
    operation_id = "create_audio_transcription",
    tag = "speech",
    params(
        ("x-deadline-ms" = Option<u32>, Header, minimum = 1, maximum = 999999999, description = "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計。"),
    ),
    request_body(content = AudioRequest, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "逐字稿:依 response_format 為 JSON、字幕、文字,或事件", content(
            (AudioVerbose = "application/json"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
            (String = "text/plain"),
            (AudioMessage = "text/event-stream"),
        )),
        (status = 400, description = "ER0200、ER0210:內容有誤", body = AudioFailure),
        (status = 408, description = "ER0521:內容傳送太慢", body = AudioFailure),
        (status = 409, description = "ER0410:尚未安裝語音模型", body = AudioFailure),
        (status = 413, description = "ER0430:錄音過大或過長", body = AudioFailure),
        (status = 415, description = "ER0440:不支援的媒體類型或錄音格式", body = AudioFailure),
        (status = 422, description = "ER0450:錄音毀損;ER0451:含有惡意程式", body = AudioFailure),
        (status = 429, description = "ER0429:超過配額或系統忙碌,依 Retry-After 再試", body = AudioFailure),
        (status = 500, description = "ER0500:系統錯誤", body = AudioFailure),
        (status = 503, description = "ER0510:這個節點不轉寫,或即將停機", body = AudioFailure),
        (status = 504, description = "ER0520:逾時,請改用工作", body = AudioFailure),
    ),
)]
pub(super) async fn transcribe(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    request: Request,
) -> Result<Response, Failure> {
    Ok(answer(&app, &cx, request).await?)
}

async fn answer(app: &Arc<App>, cx: &CallContext, request: Request) -> Result<Response, CallError> {
    let holder = Holder::of(request.extensions())?;
    let admitted = app.service.speech_for(&cx.origin.org)?.admit()?;
    if app.service.is_draining() {
        let message = "服務即將停機,請改送其他節點或稍後再試。";
        return Err(refuse(ErrorCode::Unavailable, message));
    }
    let quota = take(app, &caller(request.headers())?)?;
    if body::media_type(request.headers()) != "multipart/form-data" {
        let message = "請以 multipart/form-data 傳送 file 與 model。";
        return Err(refuse(ErrorCode::UnsupportedMedia, message));
    }
    let time = app.json_limit(cx).time;
    let most = app.service.speech().limits().direct_bytes;
    let mut form = RecordingForm::read(request, most, time).await?;
    let asked = Asked::read(&form)?;
    app.service.scanner().check(&form.file).await?;
    if asked.is_stream {
        // What is no recording is refused as such, and not in events after a 200.
        form.file = app.service.speech().inspect_bytes(form.file).await?;
        let refused = holder.cut(Arc::clone(app), cx.clone()).boxed();
        return Ok((quota, events(admitted, form, asked, (cx, refused))).into_response());
    }
    let told: Told = Box::new(|_| ());
    let heard = admitted.transcribe(form.file, asked.order.clone(), cx.deadline, told).await?;
    Ok((quota, written(&heard, &asked)).into_response())
}

impl Asked {
    fn read(form: &RecordingForm) -> Result<Asked, CallError> {
        let wrong =
            |name: &str, detail: &str| Err(CallError::bad_value(format!("/{name}"), detail));
        if form.text("model")?.is_none_or(|it| it.trim().is_empty()) {
            return wrong("model", "必填,例如 whisper-1。");
        }
        let language = form.text("language")?.filter(|it| !it.is_empty());
        if language.is_some_and(|it| !openai::is_language(it)) {
            return wrong("language", "只轉寫國語(zh)與英語(en)。");
        }
        let is_temperature = |it: &str| it.parse().is_ok_and(|it: f32| (0.0..=1.0).contains(&it));
        if form.text("temperature")?.is_some_and(|it| !is_temperature(it)) {
            return wrong("temperature", "應為 0 到 1 的數。");
        }
        let name = form.text("response_format")?.unwrap_or("json");
        let Some(answered) = AudioForm::of(name) else {
            return wrong("response_format", "應為 json、verbose_json、srt、vtt 或 text。");
        };
        let is_stream = match form.text("stream")?.unwrap_or("false") {
            "true" | "True" | "1" => true,
            "false" | "False" | "0" => false,
            _ => return wrong("stream", "應為 true 或 false。"),
        };
        if is_stream && answered != AudioForm::Json {
            return wrong("response_format", "stream 只能與 json 並用。");
        }
        let named =
            [form.texts("timestamp_granularities[]"), form.texts("timestamp_granularities")];
        let named = named.concat();
        if named.iter().any(|it| !["segment", "word"].contains(it)) {
            return wrong("timestamp_granularities", "應為 segment 或 word。");
        }
        let rendition = form.text("rendition")?.map_or(Ok(Rendition::default()), |it| {
            rendition_of(it)
                .map_err(|_| CallError::bad_value("/rendition", "應為 redacted 或 original。"))
        })?;
        Ok(Asked {
            form: answered,
            order: SpeechOrder {
                vocabulary: openai::terms(form.text("prompt")?.unwrap_or_default()),
                ..SpeechOrder::default()
            },
            rendition,
            granularities: Granularities {
                segments: named.is_empty() || named.contains(&"segment"),
                words: named.contains(&"word"),
            },
            is_stream,
        })
    }
}

fn written(heard: &HeardRecording, asked: &Asked) -> Response {
    let answer = AudioAnswer { transcript: &heard.transcript, rendition: asked.rendition };
    let plain = |kind: &'static str, text: String| ([(CONTENT_TYPE, kind)], text).into_response();
    match asked.form {
        AudioForm::Json => Json(AudioText { text: answer.text() }).into_response(),
        AudioForm::Verbose => Json(answer.verbose(asked.granularities)).into_response(),
        AudioForm::Srt => plain("application/x-subrip", answer.srt()),
        AudioForm::Vtt => plain("text/vtt; charset=utf-8", answer.vtt()),
        AudioForm::Text => plain("text/plain; charset=utf-8", answer.text() + "\n"),
    }
}

/// Answers in events: each window as it is heard, then all of it, or why it failed.
fn events(
    admitted: AdmittedCall,
    form: RecordingForm,
    asked: Asked,
    (cx, refused): (&CallContext, BoxFuture<'static, CallError>),
) -> Response {
    let (sender, receiver) = mpsc::channel::<String>(WAITING);
    let (rendition, request_id, deadline) = (asked.rendition, cx.request_id, cx.deadline);
    let mut is_first = true;
    let told: Told = Box::new(move |segments: &[Segment]| {
        let texts = segments.iter().map(|it| it.shown(rendition)).filter(|it| !it.is_empty());
        let texts: Vec<String> = texts.collect();
        if texts.is_empty() {
            return;
        }
        let between = if std::mem::take(&mut is_first) { "" } else { "\n" };
        let delta = format!("{between}{}", texts.join("\n"));
        // A reader that has gone ends the work by itself: its answer is dropped.
        let _ = sender.blocking_send(event(&AudioDelta { kind: "transcript.text.delta", delta }));
    });
    let heard = async move {
        let last = match admitted.transcribe(form.file, asked.order, deadline, told).await {
            Ok(heard) => {
                let answer = AudioAnswer { transcript: &heard.transcript, rendition };
                event(&AudioDone { kind: "transcript.text.done", text: answer.text() })
            }
            Err(error) => event(&AudioFailure::of(error, request_id)),
        };
        last + END
    };
    let refused = refused.map(move |error| event(&AudioFailure::of(error, request_id)) + END);
    let (heard, refused) = (Some(heard.boxed()), refused.boxed());
    let written = Written { receiver, heard, refused, last: None };
    let body = Body::from_stream(stream::unfold(written, Written::next));
    ([(CONTENT_TYPE, "text/event-stream; charset=utf-8")], body).into_response()
}

/// The events of an answer; the work goes on as they are read, and ends when nobody reads.
struct Written {
    receiver: mpsc::Receiver<String>,
    heard: Option<BoxFuture<'static, String>>,
    /// Why whoever reads may not any longer.
    refused: BoxFuture<'static, String>,
    last: Option<String>,
}

impl Written {
    async fn next(mut self) -> Option<(Result<Bytes, std::convert::Infallible>, Written)> {
        while let Some(heard) = &mut self.heard {
            tokio::select! {
                biased;
                last = &mut self.refused => {
                    (self.last, self.heard) = (Some(last), None);
                    // What waited to be told is not.
                    self.receiver = mpsc::channel(1).1;
                }
                Some(delta) = self.receiver.recv() => return Some((Ok(Bytes::from(delta)), self)),
                last = heard => (self.last, self.heard) = (Some(last), None),
            }
        }
        // What was told right before the end.
        if let Ok(delta) = self.receiver.try_recv() {
            return Some((Ok(Bytes::from(delta)), self));
        }
        let last = self.last.take()?;
        Some((Ok(Bytes::from(last)), self))
    }
}

fn event(data: &impl Serialize) -> String {
    format!("data: {}\n\n", serde_json::to_string(data).unwrap_or_default())
}

/// Writes the failure of a response in the shape of this interface; leaves any other response alone.
pub(super) fn describe(mut response: Response, cx: &CallContext) -> Response {
    let Some(error) = failed(&mut response) else { return response };
    let retry_after = error.retry_after;
    let code: StatusCode = status(error.code);
    let mut described = (code, Json(AudioFailure::of(error, cx.request_id))).into_response();
    if let Some(value) = retry_after.and_then(|it| problem::retry_after(it).parse().ok()) {
        let value: HeaderValue = value;
        described.headers_mut().insert(RETRY_AFTER, value);
    }
    keep_hints(&mut response, &mut described);
    described
}
