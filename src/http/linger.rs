//! Reading on for a while when a request is answered before its body has been read.
//!
//! Closing a connection with unread bytes makes the kernel reset it, and ordinary clients, which send everything
//! before they read, would see the reset instead of the answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::header::EXPECT;
use futures_util::{Stream, StreamExt};

use super::Linger;

/// A body that is read on in the background when it is dropped before its end.
pub(super) struct Lingering {
    /// `None` once it has ended or failed.
    body: Option<BodyDataStream>,
    limits: Linger,
    /// The client waits for our permission before it sends the body; without it there is nothing to read.
    is_held_back: bool,
}

impl Lingering {
    /// The same request, whose body lingers.
    pub(super) fn wrap(request: Request, limits: Linger) -> Request {
        let is_held_back = request.headers().contains_key(EXPECT);
        request.map(|body| {
            if axum::body::HttpBody::is_end_stream(&body) {
                return body;
            }
            let body = Some(body.into_data_stream());
            Body::from_stream(Lingering { body, limits, is_held_back })
        })
    }
}

impl Stream for Lingering {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = body.poll_next_unpin(cx);
        self.is_held_back = false;
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|_| !self.is_held_back) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let Linger { time, bytes } = self.limits;
        let read_on = async move {
            let mut left = bytes;
            while let Some(Ok(chunk)) = body.next().await {
                match left.checked_sub(chunk.len()) {
                    Some(rest) => left = rest,
                    None => return,
                }
            }
        };
        // No handle is kept: the task ends with its time, its bytes or its connection, whichever is first.
        runtime.spawn(tokio::time::timeout(time, read_on));
    }
}
