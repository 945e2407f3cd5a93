//! What the two engines have in common: work is queued, runs in a transaction, and is answered after the commit.
//!
//! A piece of work is written once, against [`Tx`]. On SQLite every future of a [`Tx`] is ready at once, so that the
//! same code runs on a thread without a runtime.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::StoreError;
use super::bells::Rung;
use super::value::{Row, Value};

/// One open transaction.
pub(super) trait Tx: Send {
    /// Whether statements may say what only PostgreSQL understands.
    fn is_postgres(&self) -> bool;

    /// Which bells are rung when the transaction is committed.
    fn rung(&mut self) -> &mut Rung;

    /// Rows of a statement whose parameters are written `$1`, `$2`, ….
    fn rows<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Runs a statement; how many rows it changed.
    fn execute<'a>(
        &'a mut self,
        sql: &'a str,
        values: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Runs a statement of which nobody needs to know more than that it succeeded: where it does not, nothing is
    /// committed. It happens before the next statement, and on PostgreSQL travels with it or with the commit.
    ///
    /// # Errors
    /// When it fails and that is known by now.
    fn write(&mut self, sql: &'static str, values: Vec<Value>) -> Result<(), StoreError>;
}

/// How a piece of work is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads with one statement: PostgreSQL needs no transaction to see one moment then.
    Query,
    /// Only reads: beside the writer.
    Read,
    /// Writes; a crash of the machine may lose the last moments, a crash of the program loses nothing.
    Relaxed,
    /// Writes that are on the disk before the answer.
    Durable,
}

/// Runs pieces of work.
pub(super) trait Engine: Send + Sync {
    /// Queues `work`; when there is no room it is answered [`StoreError::Busy`] at once.
    fn submit(&self, work: Box<dyn Work>, kind: Kind);

    /// Hears the bells of other processes from now on, and lets them hear ours, where the engine can carry them.
    fn listen(&self) {}

    /// Ends after what was queued: what comes later is answered [`StoreError::Closed`]. Blocks for that long.
    fn close(&self) {}
}

/// A piece of work, its answer and who waits for it.
pub(super) trait Work: Send {
    /// Runs it; may be called again when the transaction has to be repeated.
    fn run<'a>(&'a mut self, tx: &'a mut dyn Tx) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Tells the answer, after the commit or instead of it.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// Code of a piece of work: a function, so that nothing is captured and it can run again.
pub(super) type Code<D, R> =
    for<'a> fn(&'a D, &'a mut dyn Tx) -> BoxFuture<'a, Result<R, StoreError>>;

struct Task<D, R> {
    data: D,
    code: Code<D, R>,
    found: Option<R>,
    sender: oneshot::Sender<Result<R, StoreError>>,
}

impl<D: Send + Sync, R: Send> Work for Task<D, R> {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Tx) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            self.found = Some((self.code)(&self.data, tx).await?);
            Ok(())
        }
        .boxed()
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Task { found, sender, .. } = *self;
        let answer = outcome.and_then(|()| found.ok_or(StoreError::Closed));
        // The caller may have left; what was committed stays.
        let _ = sender.send(answer);
    }
}

/// The answer to come. It can be awaited, or waited for by a thread without a runtime. Dropping it takes nothing back.
#[must_use = "whether the work succeeded is known from its answer only"]
pub struct Reply<R>(oneshot::Receiver<Result<R, StoreError>>);

impl<R> Reply<R> {
    /// Blocks until the answer is there; not for an async function.
    ///
    /// # Errors
    /// Those of the call.
    pub fn wait(self) -> Result<R, StoreError> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        let mut reply = pin!(self);
        loop {
            match reply.as_mut().poll(&mut cx) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<R> Future for Reply<R> {
    type Output = Result<R, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(cx).map(|it| it.unwrap_or(Err(StoreError::Closed)))
    }
}

/// A piece of work and the answer to come.
pub(super) fn work<D, R>(data: D, code: Code<D, R>) -> (Box<dyn Work>, Reply<R>)
where
    D: Send + Sync + 'static,
    R: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    (Box::new(Task { data, code, found: None, sender }), Reply(receiver))
}
