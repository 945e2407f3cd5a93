//! Calls of letters, documents, questions and predictions: one hop to the text pool, where the body is read, worked on
//! and kept.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::base::Date;
use crate::task::answers::{Answer, AnswerOrder, Unanswered};
use crate::task::assist::{CallOrder, Suggestions};
use crate::task::call::CallError;
use crate::task::comparison::Comparison;
use crate::task::documents::{DispatchAnswer, DispatchOrder};
use crate::task::drift::ServiceDrift;
use crate::task::embeddings::{EmbeddingAnswer, EmbeddingOrder, Encoding};
use crate::task::letters::{LetterAnswers, LetterOrder};
use crate::task::prediction::{AllStatistics, CardCheck, Feedback, KeptPrediction};
use crate::task::taxonomy::{TaxonomyComparison, TaxonomyState};

use super::Admitted;
use super::pool::Lane;
use super::routing::Routing;

/// Bytes of a body up to which its call overtakes: a few letters, some milliseconds of work.
const SHORT_BYTES: usize = 64 << 10;

/// A body that is not read yet: reading it is work for the pool.
pub struct Unread<F> {
    /// Its length in bytes.
    pub n_bytes: usize,
    /// Reads it.
    pub read: F,
}

impl Admitted {
    /// Classifies letters.
    pub async fn classify_letters<F>(self, body: Unread<F>) -> Result<LetterAnswers, CallError>
    where
        F: FnOnce() -> Result<LetterOrder, CallError> + Send + 'static,
    {
        let (cx, mode) = (self.cx.clone(), self.mode);
        let work = move |routing: &Routing, order| routing.letters(order, &cx, mode);
        let answers = self.on_text_pool(body, work).await?;
        metrics::counter!("fenwen_letters_total").increment(answers.items.len() as u64);
        Ok(answers)
    }

    /// Suggests units and officers for a document.
    pub async fn dispatch_document<F>(self, body: Unread<F>) -> Result<DispatchAnswer, CallError>
    where
        F: FnOnce() -> Result<DispatchOrder, CallError> + Send + 'static,
    {
        let (cx, mode) = (self.cx.clone(), self.mode);
        let work = move |routing: &Routing, order| routing.document(order, &cx, mode);
        let answer = self.on_text_pool(body, work).await?;
        metrics::counter!("fenwen_documents_total").increment(1);
        Ok(answer)
    }

    /// Answers a question.
    pub async fn answer_question<F>(self, body: Unread<F>) -> Result<Answer, CallError>
    where
        F: FnOnce() -> Result<AnswerOrder, CallError> + Send + 'static,
    {
        let (cx, mode) = (self.cx.clone(), self.mode);
        let work = move |routing: &Routing, order: AnswerOrder| routing.answer(&order, &cx, mode);
        let answer = self.on_text_pool(body, work).await?;
        let state = if answer.refusal.is_none() { "answered" } else { "no_answer" };
        metrics::counter!("fenwen_questions_total", "state" => state).increment(1);
        Ok(answer)
    }

    /// Suggests sources for what was asked in a call.
    pub async fn suggest_answers<F>(self, body: Unread<F>) -> Result<Suggestions, CallError>
    where
        F: FnOnce() -> Result<CallOrder, CallError> + Send + 'static,
    {
        let (deadline, mode) = (self.cx.deadline, self.mode);
        let work =
            move |routing: &Routing, order: CallOrder| routing.suggest(&order, deadline, mode);
        self.on_text_pool(body, work).await
    }

    /// Embeds texts; with the vectors comes how they are to be written.
    pub async fn embed<F>(self, body: Unread<F>) -> Result<(EmbeddingAnswer, Encoding), CallError>
    where
        F: FnOnce() -> Result<EmbeddingOrder, CallError> + Send + 'static,
    {
        let deadline = self.cx.deadline;
        let work = move |routing: &Routing, order: EmbeddingOrder| {
            Ok((routing.embed(&order, deadline)?, order.encoding))
        };
        // The place is kept until the encoder has answered, which the pool does not wait for.
        let ((queued, encoding), _place) = self.on_text_pool_in_place(body, work).await?;
        let answer = tokio::time::timeout_at(deadline.into(), queued).await;
        let answer = answer.unwrap_or_else(|_| Err(CallError::timeout()))?;
        metrics::counter!("fenwen_embeddings_total").increment(answer.vectors.len() as u64);
        Ok((answer, encoding))
    }

    /// Whether texts can be embedded here.
    pub async fn embeds(self) -> Result<bool, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        self.on_text_pool(body, |routing, ()| Ok(routing.embeds())).await
    }

    /// Questions that no source answered.
    pub async fn unanswered_questions(self) -> Result<Unanswered, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        let origin = Arc::clone(&self.cx.origin);
        self.on_text_pool(body, move |routing, ()| routing.unanswered(&origin.org)).await
    }

    /// A prediction made earlier.
    pub async fn prediction(self, id: String) -> Result<KeptPrediction, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        let origin = Arc::clone(&self.cx.origin);
        self.on_text_pool(body, move |routing, ()| routing.prediction_of(&id, &origin.org)).await
    }

    /// What officers' reviews say about the answers.
    pub async fn statistics(self) -> Result<AllStatistics, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        let model = self.service.idcard_model();
        let work = move |routing: &Routing, ()| {
            let cards = model.map(|it| routing.card_statistics(it)).transpose()?;
            Ok(AllStatistics { services: routing.statistics(), cards })
        };
        self.on_text_pool(body, work).await
    }

    /// What services answered beside what officers decided, of an agency or of all.
    pub async fn comparisons(self, agency: Option<String>) -> Result<Vec<Comparison>, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        self.on_text_pool(body, move |routing, ()| routing.comparisons(agency.as_deref())).await
    }

    /// Whether the answers of the last `days` days drift away from those that their versions gave at first.
    pub async fn drift(self, days: u32) -> Result<Vec<ServiceDrift>, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        self.on_text_pool(body, move |routing, ()| routing.drift(days)).await
    }

    /// The units that answers are given for.
    pub async fn taxonomy(self) -> Result<TaxonomyState, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        self.on_text_pool(body, move |routing, ()| routing.taxonomy_state()).await
    }

    /// What another version of the units would change on a day.
    pub async fn compare_taxonomy<F>(self, body: Unread<F>) -> Result<TaxonomyComparison, CallError>
    where
        F: FnOnce() -> Result<(String, Date), CallError> + Send + 'static,
    {
        self.on_text_pool(body, |routing, (text, on)| routing.compare_taxonomy(&text, on)).await
    }

    /// Adds a version of the units that holds from a day on.
    pub async fn add_taxonomy<F>(self, body: Unread<F>) -> Result<TaxonomyState, CallError>
    where
        F: FnOnce() -> Result<(String, Date), CallError> + Send + 'static,
    {
        self.on_text_pool(body, |routing, (text, from)| routing.add_taxonomy(&text, from)).await
    }

    /// Appends feedback to a prediction.
    pub async fn add_feedback<F>(self, id: String, body: Unread<F>) -> Result<(), CallError>
    where
        F: FnOnce() -> Result<Feedback, CallError> + Send + 'static,
    {
        let origin = Arc::clone(&self.cx.origin);
        let work = move |routing: &Routing, feedback| routing.feedback(&id, feedback, &origin);
        self.on_text_pool(body, work).await?;
        metrics::counter!("fenwen_feedback_total").increment(1);
        Ok(())
    }

    /// Appends what an officer found who compared an ID image with what was read of it.
    pub async fn check_card<F>(self, id: String, body: Unread<F>) -> Result<(), CallError>
    where
        F: FnOnce() -> Result<CardCheck, CallError> + Send + 'static,
    {
        let origin = Arc::clone(&self.cx.origin);
        let work = move |routing: &Routing, check| routing.check_card(&id, check, &origin);
        self.on_text_pool(body, work).await?;
        metrics::counter!("fenwen_feedback_total").increment(1);
        Ok(())
    }

    /// A recognition as kept: an agency's, or with `maker` only what that one has asked for.
    pub async fn recognition(
        self,
        id: String,
        maker: Option<String>,
    ) -> Result<KeptPrediction, CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        let origin = Arc::clone(&self.cx.origin);
        let work =
            move |routing: &Routing, ()| routing.recognition_of(&id, &origin, maker.as_deref());
        self.on_text_pool(body, work).await
    }

    /// Whether the agency has this recognition of an ID image.
    pub async fn require_card(self, id: String) -> Result<(), CallError> {
        let body = Unread { n_bytes: 0, read: || Ok(()) };
        let origin = Arc::clone(&self.cx.origin);
        self.on_text_pool(body, move |routing, ()| routing.recognition(&id, &origin).map(drop))
            .await
    }

    async fn on_text_pool<F, T, R>(
        self,
        body: Unread<F>,
        work: impl FnOnce(&Routing, T) -> Result<R, CallError> + Send + 'static,
    ) -> Result<R, CallError>
    where
        F: FnOnce() -> Result<T, CallError> + Send + 'static,
        R: Send + 'static,
    {
        Ok(self.on_text_pool_in_place(body, work).await?.0)
    }

    /// What the work gives, and the place of the call, for whoever has to wait for more.
    async fn on_text_pool_in_place<F, T, R>(
        self,
        body: Unread<F>,
        work: impl FnOnce(&Routing, T) -> Result<R, CallError> + Send + 'static,
    ) -> Result<(R, OwnedSemaphorePermit), CallError>
    where
        F: FnOnce() -> Result<T, CallError> + Send + 'static,
        R: Send + 'static,
    {
        let lane = if body.n_bytes <= SHORT_BYTES { Lane::Short } else { Lane::Long };
        let routing = Arc::clone(self.service.tenants.of(&self.cx.origin.org));
        // The place travels with the work: a caller that leaves does not make room before the work is done.
        let place = self.place;
        let job = move || {
            let answer = (body.read)().and_then(|it| work(&routing, it));
            Ok((answer?, place))
        };
        let run = self.service.texts.run(lane, job);
        match tokio::time::timeout_at(self.cx.deadline.into(), run).await {
            Ok(answer) => answer.map_err(|it| self.service.pool_error(it))?,
            Err(_) => Err(CallError::timeout()),
        }
    }
}
