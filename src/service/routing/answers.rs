//! A question: looked for among the approved sources, answered or refused, kept.

use serde_json::json;

use crate::base::{Deadline, Private, RequestId};
use crate::batch::RunError;
use crate::pipeline::answers::index::{Asked, Found};
use crate::pipeline::encode::EncodeError;
use crate::store::NewPrediction;
use crate::task::answers::{Answer, AnswerOrder, Citation, Unanswered};
use crate::task::call::CallError;
use crate::task::idcard::ModelInfo;

use super::index::ActiveIndex;
use super::{ANSWERS, DAY, Routing, internal};

/// First label of a kept question that no source answered.
const NO_ANSWER: &str = "none";
/// Questions that a report looks at, and those that it names.
const MAX_LOOKED_AT: usize = 100_000;
const MAX_NAMED: usize = 1_000;

/// A question after the one before it. None without one.
fn after_previous(order: &AnswerOrder) -> Option<String> {
    let previous = order.previous.as_ref()?;
    Some(format!("{}\n{}", previous.expose(), order.question.expose()))
}

impl Routing {
    /// Answers a question from an approved source, or refuses.
    ///
    /// # Errors
    /// When no index is active, the time is over or the answer cannot be kept.
    pub fn answer(&self, order: &AnswerOrder, deadline: Deadline) -> Result<Answer, CallError> {
        let active = self.answers.require()?;
        self.require_time(deadline)?;
        let top_k = order.top_k.unwrap_or(self.settings.answers.top_k);
        let look = |text: &str| -> Result<(Found, bool), CallError> {
            let vector = vector(&active, text, deadline)?;
            let asked = Asked { text, vector: vector.as_deref() };
            let found = active.index.answer(asked, self.today(), top_k);
            Ok((found.map_err(|it| internal(&it))?, vector.is_none()))
        };
        let (mut found, mut by_words_only) = look(order.question.expose())?;
        let mut used_previous = false;
        // A question that is clear by itself is not mixed with the one before.
        if !found.is_answered
            && let Some(together) = after_previous(order)
        {
            let (with_previous, by_words) = look(&together)?;
            if best(&found) < best(&with_previous) {
                (found, by_words_only, used_previous) = (with_previous, by_words, true);
            }
        }
        let answer = Answer {
            id: RequestId::fresh(self.clock.as_ref()).to_string(),
            is_answered: found.is_answered,
            citations: found.citations,
            used_previous,
            by_words_only,
            index: active.info.clone(),
        };
        self.keep(vec![self.asked(order, &answer)])?;
        Ok(answer)
    }

    /// Which index answers, and what an operator should know of it.
    pub fn answers(&self) -> (Option<ModelInfo>, Option<String>) {
        (self.answers.get().map(|it| it.info.clone()), self.answers.notice())
    }

    /// Questions that no source answered; no text of theirs.
    ///
    /// # Errors
    /// When the store fails.
    pub fn unanswered(&self) -> Result<Unanswered, CallError> {
        let now = self.clock.unix_time().as_secs();
        let kept = self.store.newest(ANSWERS, now, MAX_LOOKED_AT).wait();
        let kept = kept.map_err(|it| internal(&it))?;
        let mut report = Unanswered { n_asked: kept.len(), n_unanswered: 0, items: Vec::new() };
        for it in kept {
            let labels: Vec<(String, f32)> = serde_json::from_str(&it.labels).unwrap_or_default();
            let mut codes = labels.into_iter().map(|(code, _)| code);
            if codes.next().is_none_or(|first| first != NO_ANSWER) {
                continue;
            }
            report.n_unanswered += 1;
            if report.items.len() < MAX_NAMED {
                report.items.push((it.id, it.created, codes.next()));
            }
        }
        Ok(report)
    }

    /// A question as it is kept: its sources are the labels, after [`NO_ANSWER`] where it was refused.
    fn asked(&self, order: &AnswerOrder, answer: &Answer) -> NewPrediction {
        let label = |it: &Citation| (it.source_id.clone(), it.score);
        let refusal =
            (NO_ANSWER.to_owned(), 1.0 - answer.citations.first().map_or(0.0, |it| it.score));
        let labels: Vec<(String, f32)> = (!answer.is_answered)
            .then_some(refusal)
            .into_iter()
            .chain(answer.citations.iter().map(label))
            .collect();
        let previous = order.previous.as_ref().map(Private::expose);
        let text = json!({"question": order.question.expose(), "previous": previous});
        let created = self.clock.unix_time().as_secs();
        NewPrediction {
            id: answer.id.clone(),
            service: ANSWERS,
            model: [&answer.index.name, &answer.index.version, &answer.index.sha256]
                .map(Clone::clone),
            taxonomy: self.taxonomy.version().to_owned(),
            labels: json!(labels).to_string(),
            text: Private::new(text.to_string().into_bytes()),
            signature: None,
            created,
            expires: created + self.settings.answers.retention_days * DAY,
        }
    }
}

/// The vector of a text; none where only words are compared, also when the encoder fails or has too much to do.
fn vector(
    active: &ActiveIndex,
    text: &str,
    deadline: Deadline,
) -> Result<Option<Vec<f32>>, CallError> {
    let Some(encoder) = &active.encoder else { return Ok(None) };
    match encoder.encode(&[text], deadline) {
        Ok(vectors) => Ok(vectors.into_iter().next()),
        Err(EncodeError::Run(RunError::Expired)) => Err(CallError::timeout()),
        Err(error) => {
            tracing::warn!(reason = %error, "a question was compared by words only");
            Ok(None)
        }
    }
}

fn best(found: &Found) -> f32 {
    found.citations.first().map_or(0.0, |it| it.score)
}
