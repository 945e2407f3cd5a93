//! A call with tensors: it is read, computed and written; how it ended is counted.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Deadline;
use crate::service::pool::Lane;
use crate::service::{Service, Unread};
use crate::task::call::CallError;
use crate::task::infer::TensorCall;
use crate::tensor::Tensor;

use super::InferPlace;
use super::split::rows;
use super::tally::Ended;
use super::trial::Shadow;

/// How long a call that nobody hears may take.
const SHADOW_TIME: Duration = Duration::from_secs(10);

/// Bytes of a body that is read at once, without a change of threads.
const INLINE_BYTES: usize = 8 << 10;

/// Elements of an answer that is written at once.
const INLINE_ELEMENTS: usize = 1024;

/// Bytes of a body up to which its call overtakes.
const SHORT_BYTES: usize = 64 << 10;

impl Service {
    /// Computes on tensors: `read` makes them of the body, `write` an answer of what the model gave; both run on the
    /// pool of texts, unless they are so small that going there costs more. How it ended is counted, unless the caller leaves.
    ///
    /// # Errors
    /// Those of `read` and `write`; when the model is overloaded, late or cannot compute on this.
    pub async fn infer<F, W, T, A>(
        &self,
        place: InferPlace,
        body: Unread<F>,
        write: W,
        deadline: Deadline,
    ) -> Result<A, CallError>
    where
        F: FnOnce() -> Result<TensorCall<T>, CallError> + Send + 'static,
        W: FnOnce(&T, &[Tensor]) -> Result<A, CallError> + Send + 'static,
        T: Send + 'static,
        A: Send + 'static,
    {
        let begun = self.clock.now();
        let work = self.compute(&place, body, write, deadline);
        let answered = tokio::time::timeout_at(deadline.into(), work).await;
        let answered = answered.unwrap_or_else(|_| Err(CallError::timeout()));
        let n_rows = answered.as_ref().ok().map(|it| it.1);
        let time = self.clock.now().saturating_duration_since(begun);
        place.chosen.loaded.tally.count(&Ended { n_rows, time, at: self.clock.unix_time() });
        Ok(answered?.0)
    }

    /// The answer, and of how many rows it is.
    async fn compute<F, W, T, A>(
        &self,
        place: &InferPlace,
        body: Unread<F>,
        write: W,
        deadline: Deadline,
    ) -> Result<(A, u64), CallError>
    where
        F: FnOnce() -> Result<TensorCall<T>, CallError> + Send + 'static,
        W: FnOnce(&T, &[Tensor]) -> Result<A, CallError> + Send + 'static,
        T: Send + 'static,
        A: Send + 'static,
    {
        let begun = self.clock.now();
        let takes_rows = place.info().takes_rows;
        let shadow = place.shadow(begun + SHADOW_TIME);
        let read = move || {
            let TensorCall { inputs, timeout, reply } = (body.read)()?;
            let inputs = if takes_rows { rows(inputs)? } else { inputs };
            let shadow = shadow.map(|it| it.of(&inputs));
            Ok::<_, CallError>((inputs, timeout, shadow, reply))
        };
        let lane = if body.n_bytes <= SHORT_BYTES { Lane::Short } else { Lane::Long };
        let (inputs, timeout, shadow, reply) = if body.n_bytes <= INLINE_BYTES {
            read()?
        } else {
            self.texts.run(lane, read).await.map_err(|it| self.pool_error(it))??
        };
        let asked = timeout.and_then(|it| begun.checked_add(it));
        let deadline = asked.map_or(deadline, |it| deadline.min(it));
        let n_rows = if takes_rows { inputs.len() as u64 } else { 1 };
        let loaded = &place.chosen.loaded;
        loaded.require_in_time(&inputs, deadline.saturating_duration_since(self.clock.now()))?;
        let outputs = tokio::time::timeout_at(deadline.into(), loaded.run(inputs, deadline)).await;
        let outputs = outputs.unwrap_or_else(|_| Err(CallError::timeout()));
        place.chosen.count(&outputs);
        let outputs = outputs?;
        let n_elements = outputs.n_elements();
        let written = move || {
            let outputs = Arc::new(outputs.whole()?);
            if let Some(shadow) = shadow {
                shadow.compare_with(Arc::clone(&outputs));
            }
            write(&reply, &outputs)
        };
        let answer = if n_elements <= INLINE_ELEMENTS {
            written()?
        } else {
            self.texts.run(lane, written).await.map_err(|it| self.pool_error(it))??
        };
        Ok((answer, n_rows))
    }
}

impl InferPlace {
    /// The call that nobody hears, where one is wanted and there is room for it.
    fn shadow(&self, until: Deadline) -> Option<Shadow> {
        self.chosen.shadow.as_ref().and_then(|it| self.shadows.place(it, until))
    }
}
