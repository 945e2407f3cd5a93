//! Questions of a live stream, looked up beside the hearing: one at a time, each with a deadline of its own.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::service::Unread;
use crate::service::speech::Assist;
use crate::task::answers::Answer;
use crate::task::assist::LiveQuestion;
use crate::task::call::{CallContext, CallError, Task};
use crate::wire::v1::live::LiveMessage;

use super::App;

/// For one question: whoever is on the line waits no longer.
const TIME: Duration = Duration::from_secs(5);

/// A question that is being looked up. Dropped, it waits again.
pub(super) struct Asking {
    question: LiveQuestion,
    found: BoxFuture<'static, Result<Answer, CallError>>,
}

/// A question, and what was found.
pub(super) struct Answered {
    question: LiveQuestion,
    found: Result<Answer, CallError>,
}

impl Asking {
    /// Begins to look up the question that waits, if one does.
    pub(super) fn begin(app: &App, cx: &CallContext, assist: Option<&Assist>) -> Option<Asking> {
        let (question, order) = assist?.next()?;
        let cx = CallContext { deadline: app.clock.now() + TIME, ..cx.clone() };
        let n_bytes = order.question.expose().len();
        let found = match app.service.admit(&cx, Task::Answers) {
            Ok(admitted) => {
                admitted.answer_question(Unread { n_bytes, read: move || Ok(order) }).boxed()
            }
            Err(error) => std::future::ready(Err(error)).boxed(),
        };
        Some(Asking { question, found })
    }

    /// Waits for what is being looked up; never without a question.
    pub(super) async fn done(asking: &mut Option<Asking>) -> Answered {
        match asking {
            Some(Asking { question, found }) => {
                Answered { found: found.await, question: question.clone() }
            }
            None => std::future::pending().await,
        }
    }
}

impl Answered {
    /// Notes what became of the question, so that it waits no more; what its client is told.
    pub(super) fn note(self, assist: Option<&mut Assist>) -> LiveMessage {
        let Answered { question, found } = self;
        if let Some(assist) = assist {
            assist.take(question.clone(), found.as_ref().ok().cloned());
        }
        LiveMessage::answered(question, found)
    }
}
