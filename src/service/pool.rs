//! A few threads of our own that decode pictures or read texts, behind a bounded queue.
//!
//! Not `spawn_blocking`: its hundreds of threads would be a queue without a bound.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::{io, thread};

use tokio::sync::oneshot;

/// How urgent a piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Headers of pictures, single letters: micro- or milliseconds, so they overtake.
    Short,
    /// Whole pictures, many or long letters.
    Long,
}

/// Why no result came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PoolError {
    /// Too much work is waiting.
    Full,
    /// The work panicked.
    Panicked,
}

/// The threads; they end when the pool is dropped.
pub(super) struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    max_waiting: usize,
}

#[derive(Default)]
struct State {
    short: VecDeque<Job>,
    long: VecDeque<Job>,
    closed: bool,
}

type Job = Box<dyn FnOnce() + Send>;

impl Pool {
    /// Starts `n_threads`; at most `max_waiting` pieces of work wait in each lane.
    pub(super) fn start(name: &str, n_threads: usize, max_waiting: usize) -> io::Result<Pool> {
        let queue =
            Arc::new(Queue { state: Mutex::default(), changed: Condvar::new(), max_waiting });
        let mut pool = Pool { queue: Arc::clone(&queue), threads: Vec::new() };
        for thread_idx in 0..n_threads.max(1) {
            let queue = Arc::clone(&queue);
            let builder = thread::Builder::new().name(format!("{name}-{thread_idx}"));
            pool.threads.push(builder.spawn(move || {
                while let Some(job) = queue.next() {
                    job();
                }
            })?);
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads; when this future is dropped before its turn, `work` never runs.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, PoolError> {
        let (sender, receiver) = oneshot::channel();
        self.queue.push(
            lane,
            Box::new(move || {
                if sender.is_closed() {
                    return;
                }
                if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
                    // The caller may have left meanwhile.
                    let _ = sender.send(result);
                }
            }),
        )?;
        receiver.await.map_err(|_| PoolError::Panicked)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.closed = true;
        state.short.clear();
        state.long.clear();
        drop(state);
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Jobs catch their panics, so a thread has none to report.
            let _ = thread.join();
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, lane: Lane, job: Job) -> Result<(), PoolError> {
        let mut state = self.lock();
        let waiting = match lane {
            Lane::Short => &mut state.short,
            Lane::Long => &mut state.long,
        };
        if self.max_waiting <= waiting.len() {
            return Err(PoolError::Full);
        }
        waiting.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for work; `None` when the pool is closed.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let job = state.short.pop_front().or_else(|| state.long.pop_front());
            if job.is_some() {
                return job;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;

    /// Keeps the only thread busy until the returned sender is used or dropped.
    fn occupy(pool: &Pool) -> (mpsc::Sender<()>, impl Future<Output = Result<(), PoolError>>) {
        let (release, wait) = mpsc::channel::<()>();
        let (begun_sender, begun) = mpsc::channel();
        let mut busy = Box::pin(pool.run(Lane::Long, move || {
            begun_sender.send(()).unwrap();
            let _ = wait.recv();
        }));
        assert!((&mut busy).now_or_never().is_none());
        begun.recv().unwrap();
        (release, busy)
    }

    #[tokio::test]
    async fn short_work_overtakes_and_the_queue_is_bounded() {
        let pool = Pool::start("test", 1, 1).unwrap();
        let (release, busy) = occupy(&pool);
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |lane: Lane| {
            let order = Arc::clone(&order);
            move || order.lock().unwrap().push(lane)
        };
        let mut decode = Box::pin(pool.run(Lane::Long, note(Lane::Long)));
        assert!((&mut decode).now_or_never().is_none());
        let mut probe = Box::pin(pool.run(Lane::Short, note(Lane::Short)));
        assert!((&mut probe).now_or_never().is_none());
        assert_eq!(pool.run(Lane::Long, || ()).await, Err(PoolError::Full));
        drop(release);
        assert_eq!((busy.await, decode.await, probe.await), (Ok(()), Ok(()), Ok(())));
        assert_eq!(*order.lock().unwrap(), [Lane::Short, Lane::Long]);
    }

    #[tokio::test]
    async fn abandoned_work_never_runs_and_a_panic_is_contained() {
        let pool = Pool::start("test", 1, 8).unwrap();
        let (release, busy) = occupy(&pool);
        let (sender, ran) = mpsc::channel();
        let mut abandoned = Box::pin(pool.run(Lane::Long, move || sender.send(()).unwrap()));
        assert!((&mut abandoned).now_or_never().is_none());
        drop(abandoned);
        drop(release);
        busy.await.unwrap();
        assert_eq!(
            pool.run(Lane::Long, || panic!("a bug")).await,
            Err::<(), _>(PoolError::Panicked)
        );
        assert_eq!(pool.run(Lane::Long, || 7).await, Ok(7));
        assert!(ran.recv().is_err(), "its sender was dropped, not used");
    }
}
