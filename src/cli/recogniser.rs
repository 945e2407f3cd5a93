//! Joins the ID-image pipeline to the service's door: time, load, health and the callers' language.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::base::{Clock, Date, Deadline, ErrorCode};
use crate::pipeline::idcard::{IdCardPipeline, PipelineError};
use crate::task::call::CallError;
use crate::task::idcard::{Health, IdImage, Load, ModelInfo, RecogniseId, Recognition};

/// Weight of the newest picture in the learned time per picture.
const LEARNING_RATE: f64 = 0.2;

/// The pipeline, as the service sees it.
#[derive(Clone)]
pub(super) struct Recogniser {
    pipeline: IdCardPipeline,
    model: ModelInfo,
    state: Arc<State>,
}

struct State {
    clock: Arc<dyn Clock>,
    is_ready: AtomicBool,
    n_inside: AtomicU32,
    /// Time a picture takes of the whole machine.
    per_picture: Mutex<Duration>,
}

impl Recogniser {
    /// A recogniser that is not ready before its first successful [`Recogniser::check`].
    pub(super) fn new(
        pipeline: IdCardPipeline,
        model: ModelInfo,
        clock: Arc<dyn Clock>,
    ) -> Recogniser {
        let state = State {
            clock,
            is_ready: AtomicBool::new(false),
            n_inside: AtomicU32::new(0),
            per_picture: Mutex::default(),
        };
        Recogniser { pipeline, model, state: Arc::new(state) }
    }

    /// Runs every network once and notes whether they answer in time.
    pub(super) async fn check(&self, time: Duration) {
        let deadline = self.state.clock.now() + time;
        let result = self.pipeline.networks.check(deadline).await;
        if let Err(err) = &result {
            tracing::error!(reason = %err, "a network of ID images does not answer");
        }
        self.state.is_ready.store(result.is_ok(), Ordering::Release);
    }

    /// The calendar day in Taiwan.
    pub(super) fn today(clock: &dyn Clock) -> Date {
        Date::in_taiwan(clock.unix_time())
    }

    async fn run(self, image: IdImage, deadline: Deadline) -> Result<Recognition, CallError> {
        let inside = Inside::enter(Arc::clone(&self.state));
        let today = Recogniser::today(self.state.clock.as_ref());
        let result = self.pipeline.recognise(image, today, deadline).await;
        if result.is_ok() {
            inside.learn();
        }
        result.map_err(|err| told(&err))
    }
}

impl RecogniseId for Recogniser {
    fn recognise(
        &self,
        image: IdImage,
        deadline: Deadline,
    ) -> BoxFuture<'static, Result<Recognition, CallError>> {
        Box::pin(self.clone().run(image, deadline))
    }

    fn estimate(&self, load: Load) -> Duration {
        let per_picture = *self.state.per_picture.lock().unwrap_or_else(PoisonError::into_inner);
        per_picture * u32::try_from(load.pictures_ahead + 1).unwrap_or(u32::MAX)
    }

    fn health(&self) -> Health {
        if self.state.is_ready.load(Ordering::Acquire) {
            Health::Ready
        } else {
            Health::Unavailable("the networks of ID images do not answer yet".to_owned())
        }
    }

    fn model(&self) -> ModelInfo {
        self.model.clone()
    }
}

/// A picture inside; leaves when dropped.
struct Inside {
    state: Arc<State>,
    entered: std::time::Instant,
    n_at_entry: u32,
}

impl Inside {
    fn enter(state: Arc<State>) -> Inside {
        let n_at_entry = state.n_inside.fetch_add(1, Ordering::AcqRel) + 1;
        Inside { entered: state.clock.now(), state, n_at_entry }
    }

    /// Pictures inside share the machine, so that each takes its time divided by how many there were.
    fn learn(&self) {
        let n_now = self.state.n_inside.load(Ordering::Acquire).max(1);
        let n_mean = f64::from(self.n_at_entry + n_now) / 2.0;
        let took = self.state.clock.now().duration_since(self.entered).as_secs_f64() / n_mean;
        let mut known = self.state.per_picture.lock().unwrap_or_else(PoisonError::into_inner);
        *known = match known.as_secs_f64() {
            0.0 => Duration::from_secs_f64(took),
            before => Duration::from_secs_f64(before + LEARNING_RATE * (took - before)),
        };
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.state.n_inside.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Says in the caller's language why there is no answer.
fn told(err: &PipelineError) -> CallError {
    match err.code() {
        ErrorCode::Timeout => CallError::timeout(),
        ErrorCode::Overloaded => {
            CallError::new(ErrorCode::Overloaded, "等候處理的影像已滿,請稍後再試。")
                .retry_after(Duration::from_secs(1))
        }
        ErrorCode::Unavailable => {
            CallError::new(ErrorCode::Unavailable, "伺服器正在停止服務,請稍後再試。")
                .retry_after(Duration::from_secs(5))
        }
        code => {
            let chain: Vec<String> = error_chain(err);
            tracing::error!(reason = chain.join(": "), "an ID image was not recognised");
            CallError::new(code, "系統發生錯誤。")
        }
    }
}

fn error_chain(err: &dyn std::error::Error) -> Vec<String> {
    let mut chain = vec![err.to_string()];
    let mut source = err.source();
    while let Some(err) = source {
        chain.push(err.to_string());
        source = err.source();
    }
    chain
}
