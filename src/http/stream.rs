//! `GET /api/v1/speech/stream`: sound comes in as it is spoken, and text goes out (WebSocket).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use crate::base::ErrorCode;
use crate::policy::Scope;
use crate::service::jobs::Caller;
use crate::service::speech::{HeardRecording, LiveEvent, LiveOptions, LiveWork, Stream};
use crate::task::call::{CallContext, CallError, Task};
use crate::task::speech::Rendition;
use crate::wire::problem::Problem;
use crate::wire::v1::live::{self, LiveMessage, LiveRequest, Opening};

use super::assist::{Answered, Asking};
use super::caller::{caller, take};
use super::failure::Failure;
use super::holder::Holder;
use super::query::{Parameter, parameters};
use super::{App, record, refuse};

/// Where it is; its query asks for answers.
pub(super) const PATH: &str = "/api/v1/speech/stream";

/// Bytes of a frame: one second at 16 kHz.
const FRAME_BYTES: usize = 32_000;

/// Bytes of a message that is read, so that whoever sends too long a frame can be told; longer ones are not read.
const MESSAGE_BYTES: usize = 8 * FRAME_BYTES;

/// How soon a stream notices that the server is about to end, or that its client is gone.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Close codes (RFC 6455, and the registry of IANA for 1013).
const NORMAL: u16 = 1000;
const AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const LATER: u16 = 1013;

/// 即時語音轉寫(WebSocket):邊說邊送,逐句回覆。
///
/// 連線後先送一則文字訊息 `start`(或以 `resume` 接續中斷的串流),收到 `ready` 後以二進位訊息送出 20 毫秒至 1 秒的單聲道
/// PCM(16 位元、little-endian、8 或 16 kHz);`start` 指定 `"encoding": "opus"` 時,改為每則一個 Opus 封包(20 至 60 毫秒、單聲道,
/// 8、16 或 48 kHz),空訊息代表遺失的封包,由伺服器補償。伺服器回覆 `partial`(可能再變動)與 `final`(已定稿);送出 `end` 後,收到 `done` 即結束。
/// 處理不及時,伺服器暫停讀取;連線中斷時,於期限內以 `token` 接續。訊息格式見 `LiveRequest` 與 `LiveMessage`。
///
/// `answers=true` 時(另需 `qa:ask`),已定稿的語句若含問句,即以遮蔽個資後的文字查詢核定的來源,以 `answer` 回覆建議答案與出處,或「查無資料」;
/// 與 `POST /api/v1/qa/answers` 相同,加密保存至期限為止,以 `answer_id` 回饋。待查的問句逾 3 則時,略過最舊者。雙方各一聲道時,請只於民眾的串流指定。
/// 瀏覽器的 `Origin` 須與 `Host` 相同。
#[utoipa::path(
    get,
    path = "/api/v1/speech/stream",
    operation_id = "stream_speech",
    tag = "speech",
    params(("answers" = Option<bool>, Query, description = "是否對已定稿語句中的問句附上建議答案")),
    responses(
        (status = 101, description = "改用 WebSocket"),
        (status = 400, description = "ER0200、ER0210:不是 WebSocket 連線,或標頭、參數有誤", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "ER0410:尚未安裝語音模型,或尚未建立索引(answers=true)", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "ER0429:超過配額,依 Retry-After 再試", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "ER0510:這個節點不轉寫、索引無法開啟,或即將停機", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn open(
    State(app): State<Arc<App>>,
    Extension(cx): Extension<CallContext>,
    Extension(holder): Extension<Holder>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let wants_answers = wants_answers(query.as_deref().unwrap_or_default())?;
    if wants_answers {
        holder.principal.require(Scope::QaAsk).map_err(CallError::from)?;
    }
    Ok(upgraded(app, Asked { cx, holder, wants_answers }, &headers, upgrade)?)
}

/// A stream that is asked for.
struct Asked {
    cx: CallContext,
    holder: Holder,
    wants_answers: bool,
}

fn wants_answers(query: &str) -> Result<bool, CallError> {
    let mut is_wanted = false;
    for it in parameters(query) {
        match &*it.name {
            "answers" => is_wanted = it.read("應為 true 或 false。")?,
            _ => return Err(Parameter::unknown()),
        }
    }
    Ok(is_wanted)
}

fn upgraded(
    app: Arc<App>,
    asked: Asked,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, CallError> {
    app.service.speech_for(&asked.cx.origin.org)?.require_ready()?;
    if app.service.is_draining() {
        let message = "服務即將停機,請改送其他節點或稍後再試。";
        return Err(refuse(ErrorCode::Unavailable, message));
    }
    if asked.wants_answers {
        // Whether they can be given at all: the place is taken again for each question.
        drop(app.service.admit(&asked.cx, Task::Answers)?);
    }
    // Last: a browser that was refused may ask plainly why.
    let upgrade = upgrade.map_err(|_| {
        refuse(ErrorCode::BadValue, "請以 WebSocket 連線(GET,Upgrade: websocket)。")
    })?;
    let caller = caller(headers)?;
    take(&app, &caller)?;
    let upgrade = upgrade.max_message_size(MESSAGE_BYTES).max_frame_size(MESSAGE_BYTES);
    // The task ends with its connection, or soon after the server begins to drain.
    Ok(upgrade.on_upgrade(move |socket| serve(app, caller, asked, socket)))
}

async fn serve(app: Arc<App>, caller: Caller, asked: Asked, mut socket: WebSocket) {
    metrics::counter!("fenwen_speech_streams_total").increment(1);
    let record = match record::open_stream(&app, &caller, &asked.cx).await {
        Ok(record) => record,
        Err(error) => return fail(&app, &mut socket, error).await,
    };
    // Whatever it is at: also while its client reads too slowly, or has not begun.
    let talked = tokio::select! {
        biased;
        error = asked.holder.clone().refused(Arc::clone(&app)) => Err(error),
        talked = talk(&app, &caller, &asked, &mut socket) => talked,
    };
    // Its text has gone out by now: the log counts and tells what it could not write.
    let _ = record.close(record::end_of_stream(&asked.cx, talked.as_ref().err())).await;
    match talked {
        Err(error) => fail(&app, &mut socket, error).await,
        Ok(None) => close(&app, &mut socket, NORMAL, "").await,
        Ok(Some((left, stream))) => part(&app, socket, left, stream).await,
    }
}

/// Ends the connection of a talk that ended well; a client that may come back finds its stream kept.
async fn part(app: &App, mut socket: WebSocket, left: Left, stream: Stream) {
    if let Left::Done = left {
        // Its place is free at once, though the client may take its time to close.
        drop(stream);
        return close(app, &mut socket, NORMAL, "").await;
    }
    // From now on: it may come back while this connection ends.
    let is_over = stream.park();
    match left {
        Left::Told(error) => fail(app, &mut socket, error).await,
        Left::HungUp => close(app, &mut socket, NORMAL, "").await,
        Left::Done | Left::Unheard => {}
    }
    drop(socket);
    is_over.await;
}

/// Everything from the first message on; nothing when the client left before one.
async fn talk(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    socket: &mut WebSocket,
) -> Result<Option<(Left, Stream)>, CallError> {
    let cx = &asked.cx;
    let Some((mut stream, rendition, from)) = opening(app, caller, cx, socket).await? else {
        return Ok(None);
    };
    let assist = &mut stream.live.assist;
    *assist = asked.wants_answers.then(|| assist.take().unwrap_or_default());
    let talk = Talk { app, asked, rendition, idle: app.service.speech().limits().idle };
    let left = talk.go_on(socket, &mut stream, from).await?;
    Ok(Some((left, stream)))
}

/// How a talk ended well. But for the first, its client may come back.
enum Left {
    /// Everything was heard and told.
    Done,
    /// The client does not take what it is told.
    Unheard,
    /// The client closed the connection.
    HungUp,
    /// The client fell silent, or sends what is no message: it is told so, if it is still there.
    Told(CallError),
}

/// The first message; `None` when the client leaves without one.
async fn opening(
    app: &App,
    caller: &Caller,
    cx: &CallContext,
    socket: &mut WebSocket,
) -> Result<Option<(Stream, Rendition, u64)>, CallError> {
    let speech = app.service.speech();
    let first = tokio::time::timeout(speech.limits().idle, socket.recv()).await;
    let first =
        first.map_err(|_| CallError::new(ErrorCode::SlowClient, "未在期限內送出 start。"))?;
    match first {
        Some(Ok(Message::Text(text))) => {
            check_length(text.len())?;
            match live::parse_opening(text.as_bytes(), app.options.purpose.noting(cx))? {
                Opening::Start { rate, coding, order, rendition } => {
                    let options = LiveOptions { rate, coding, order };
                    let stream = speech.open_stream(&caller.client, options)?;
                    Ok(Some((stream, rendition, 0)))
                }
                Opening::Resume { token, from, rendition } => {
                    Ok(Some((speech.resume_stream(&caller.client, &token)?, rendition, from)))
                }
            }
        }
        Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {
            Err(CallError::bad_value("/type", "第一則訊息應為 start 或 resume。"))
        }
        Some(Ok(Message::Close(_))) | None => Ok(None),
        Some(Err(_)) => Err(unreadable()),
    }
}

/// What a talk over one connection goes by.
struct Talk<'a> {
    app: &'a App,
    asked: &'a Asked,
    rendition: Rendition,
    idle: Duration,
}

/// Something that happened.
enum Step {
    Heard(Result<(HeardRecording, usize), CallError>),
    Answered(Answered),
    Came(Option<Result<Message, axum::Error>>),
    Looked,
}

impl Talk<'_> {
    async fn go_on(
        &self,
        socket: &mut WebSocket,
        stream: &mut Stream,
        from: u64,
    ) -> Result<Left, CallError> {
        if !self.greet(socket, stream, from).await {
            return Ok(Left::Unheard);
        }
        let (mut work, mut asking): (Option<LiveWork>, Option<Asking>) = (None, None);
        // It goes on while frames come: whoever speaks without a pause is looked at too.
        let mut look = self.app.clock.wait(LOOK_EVERY);
        let mut last_frame = self.app.clock.now();
        loop {
            work = work.take().or_else(|| stream.begin());
            if asking.is_none() {
                asking = Asking::begin(self.app, &self.asked.cx, stream.live.assist.as_ref());
            }
            if work.is_none() && asking.is_none() && stream.live.is_done() {
                let received = live::seconds(stream.live.received());
                let is_told = self.tell(socket, &LiveMessage::Done { received }).await;
                return Ok(if is_told { Left::Done } else { Left::Unheard });
            }
            let has_room = stream.live.has_room();
            let step = tokio::select! {
                biased;
                () = &mut look => Step::Looked,
                heard = done(&mut work) => Step::Heard(heard),
                answered = Asking::done(&mut asking) => Step::Answered(answered),
                message = socket.recv(), if has_room => Step::Came(message),
            };
            let left = match step {
                Step::Heard(heard) => {
                    work = None;
                    let is_told = self.tell_heard(socket, stream, heard?).await;
                    (!is_told).then_some(Left::Unheard)
                }
                Step::Answered(answered) => {
                    asking = None;
                    let answer = answered.note(stream.live.assist.as_mut());
                    (!self.tell(socket, &answer).await).then_some(Left::Unheard)
                }
                Step::Came(message) => {
                    last_frame = self.app.clock.now();
                    take_message(stream, message)?
                }
                Step::Looked => {
                    look = self.app.clock.wait(LOOK_EVERY);
                    self.look(stream)?;
                    (has_room && self.is_idle(last_frame)).then(silent)
                }
            };
            if let Some(left) = left {
                return Ok(left);
            }
        }
    }

    /// Ends a stream that may not go on.
    fn look(&self, stream: &Stream) -> Result<(), CallError> {
        if self.app.service.is_draining() {
            let message = "服務即將停機,請改連其他節點。";
            return Err(refuse(ErrorCode::Unavailable, message));
        }
        if stream.is_late() { Err(Stream::late()) } else { Ok(()) }
    }

    fn is_idle(&self, last_frame: Instant) -> bool {
        self.idle <= self.app.clock.now().saturating_duration_since(last_frame)
    }

    /// Tells that sound may come, and what may have been missed.
    async fn greet(&self, socket: &mut WebSocket, stream: &Stream, from: u64) -> bool {
        let limits = self.app.service.speech().limits();
        let ready = LiveMessage::Ready {
            token: stream.token.clone(),
            received: live::seconds(stream.live.received()),
            frame_bytes: FRAME_BYTES,
            idle: limits.idle.as_secs_f64(),
            resume: limits.resume.as_secs_f64(),
        };
        if !self.tell(socket, &ready).await || !self.tell_all(socket, stream.live.again(from)).await
        {
            return false;
        }
        let found = stream.live.assist.as_ref().map(|it| it.again(from));
        for (question, answer) in found.into_iter().flatten() {
            if !self.tell(socket, &LiveMessage::answered(question, Ok(answer))).await {
                return false;
            }
        }
        true
    }

    /// Tells what was heard. Whoever speaks is there, and uses the session.
    async fn tell_heard(
        &self,
        socket: &mut WebSocket,
        stream: &mut Stream,
        heard: (HeardRecording, usize),
    ) -> bool {
        let events = stream.live.take(heard);
        if events.iter().any(|it| matches!(it, LiveEvent::Final(..))) {
            self.asked.holder.note_use(self.app);
        }
        self.tell_all(socket, events).await
    }

    async fn tell_all(&self, socket: &mut WebSocket, events: Vec<LiveEvent>) -> bool {
        for event in events {
            let message = match event {
                LiveEvent::Partial(open) => LiveMessage::partial(&open, self.rendition),
                LiveEvent::Final(id, it) => Some(LiveMessage::finished(id, &it, self.rendition)),
            };
            if let Some(message) = message
                && !self.tell(socket, &message).await
            {
                return false;
            }
        }
        true
    }

    /// Whether the client could be told in time.
    async fn tell(&self, socket: &mut WebSocket, message: &LiveMessage) -> bool {
        send(socket, message, self.idle).await
    }
}

/// What is being heard; never without work.
async fn done(work: &mut Option<LiveWork>) -> Result<(HeardRecording, usize), CallError> {
    match work {
        Some(work) => work.done().await,
        None => std::future::pending().await,
    }
}

/// Takes a frame or a word of the client; how it left, when it did.
fn take_message(
    stream: &mut Stream,
    message: Option<Result<Message, axum::Error>>,
) -> Result<Option<Left>, CallError> {
    match message {
        Some(Ok(Message::Binary(frame))) => {
            check_length(frame.len())?;
            stream.live.push(&frame)?;
        }
        Some(Ok(Message::Text(text))) => {
            check_length(text.len())?;
            match live::parse(text.as_bytes())? {
                LiveRequest::End => stream.live.end(),
                LiveRequest::Start { .. } | LiveRequest::Resume { .. } => {
                    return Err(CallError::bad_value("/type", "串流已開始,只接受 end。"));
                }
            }
        }
        // The library answers pings.
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
        Some(Ok(Message::Close(_))) | None => return Ok(Some(Left::HungUp)),
        // Of a connection that broke nobody hears this.
        Some(Err(_)) => return Ok(Some(Left::Told(unreadable()))),
    }
    Ok(None)
}

fn check_length(n_bytes: usize) -> Result<(), CallError> {
    if n_bytes <= FRAME_BYTES { Ok(()) } else { Err(too_long()) }
}

fn too_long() -> CallError {
    let message = format!("每則訊息至多 {FRAME_BYTES} 位元組,請分成較短的音框傳送。");
    CallError::bad_value("/frame", message)
}

fn unreadable() -> CallError {
    let message = format!("不是可讀取的 WebSocket 訊息,或超過 {FRAME_BYTES} 位元組。");
    CallError::bad_value("/frame", message)
}

fn silent() -> Left {
    let message = "未在期限內收到聲音,連線結束;可於期限內以 token 接續。";
    Left::Told(CallError::new(ErrorCode::SlowClient, message))
}

async fn send(socket: &mut WebSocket, message: &LiveMessage, time: Duration) -> bool {
    let Ok(text) = serde_json::to_string(message) else { return false };
    let sent = tokio::time::timeout(time, socket.send(Message::Text(Utf8Bytes::from(text)))).await;
    matches!(sent, Ok(Ok(())))
}

/// Tells why a stream cannot go on, and closes it.
async fn fail(app: &App, socket: &mut WebSocket, error: CallError) {
    let code = match error.code {
        ErrorCode::Overloaded => LATER,
        ErrorCode::Unavailable | ErrorCode::Internal => AWAY,
        _ => POLICY,
    };
    let number = error.code.number();
    let idle = app.service.speech().limits().idle;
    if send(socket, &LiveMessage::failed(error), idle).await {
        close(app, socket, code, number).await;
    }
}

async fn close(app: &App, socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let time = app.service.speech().limits().idle;
    // Whether or not it arrives, the connection ends; but one that ends with unread frames is reset, and the client
    // would not see why.
    let closing = async {
        // It fails when the client closed first: that is answered by reading on.
        let _ = socket.send(Message::Close(Some(frame))).await;
        while let Some(Ok(_)) = socket.recv().await {}
    };
    let _ = tokio::time::timeout(time, closing).await;
}
