//! Long work that nobody waits for, done while nobody else wants the processor.

use std::{io, thread};

use tokio::sync::oneshot;

use crate::base::priority::yield_to_all;

/// Does the work on a thread of its own, which gives way to every other, as do threads that the work starts. Who no longer waits
/// for it, or ends the process, does not wait for its end.
///
/// # Errors
/// When there is no room for a thread, or the work panics.
pub(super) async fn unhurried<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (reply, answer) = oneshot::channel();
    let run = move || {
        yield_to_all();
        let _ = reply.send(work());
    };
    thread::Builder::new().name(name.to_owned()).spawn(run)?;
    answer.await.map_err(|_| io::Error::other("the work itself failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn it_gives_way_with_all_its_threads_and_the_caller_does_not() {
        let before = nice();
        let work = || (nice(), thread::spawn(nice).join().unwrap());
        assert_eq!(unhurried("test", work).await.unwrap(), (19, 19));
        assert_eq!(nice(), before);
    }

    #[tokio::test]
    async fn a_failure_of_the_work_is_told() {
        let failed = unhurried("test", || assert_eq!(1, 2, "as planned")).await;
        assert_eq!(failed.unwrap_err().to_string(), "the work itself failed");
    }
}
