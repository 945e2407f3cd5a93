//! A question: looked for among the approved sources, answered or refused, kept.

use serde_json::{Value, json};

use crate::base::{Deadline, Private, RequestId};
use crate::batch::RunError;
use crate::pipeline::answers::assist;
use crate::pipeline::answers::index::{Asked, Found};
use crate::pipeline::answers::topic::is_follow_up;
use crate::pipeline::encode::EncodeError;
use crate::pipeline::letters::pii;
use crate::service::events::{Event, QuestionUnanswered};
use crate::service::jobs::failed;
use crate::store::NewPrediction;
use crate::task::answers::{
    Answer, AnswerOrder, Citation, Refusal, Unanswered, UnansweredQuestion,
};
use crate::task::assist::{CallOrder, Suggestions};
use crate::task::call::{CallContext, CallError};
use crate::task::idcard::ModelInfo;
use crate::task::text::Mode;

use super::drift::shape;
use super::index::ActiveIndex;
use super::{ANSWERS, DAY, Routing, internal};

/// First label of a kept question that no source answered.
const NO_ANSWER: &str = "none";
/// Questions that a report looks at, and those that it names.
const MAX_LOOKED_AT: usize = 100_000;
const MAX_NAMED: usize = 1_000;
/// Those whose words it shows: each is opened by itself.
const MAX_SHOWN: usize = 200;
/// Questions of a call for which sources are suggested.
const MAX_SUGGESTED: usize = 3;

impl Routing {
    /// Answers a question from an approved source, or refuses. In the shadow what was found is kept, and refused.
    ///
    /// # Errors
    /// When no index is active, the time is over or the answer cannot be kept.
    pub fn answer(
        &self,
        order: &AnswerOrder,
        cx: &CallContext,
        mode: Mode,
    ) -> Result<Answer, CallError> {
        let deadline = cx.deadline;
        let active = self.answers.require()?;
        self.require_time(deadline)?;
        let top_k = order.top_k.unwrap_or(self.settings.answers.top_k);
        let look = |text: &String| -> Result<(Found, bool), CallError> {
            let vectors = vectors(&active, std::slice::from_ref(text), deadline)?;
            let vector = vectors.as_ref().and_then(|it| it.first()).map(Vec::as_slice);
            let asked = Asked { text, vector };
            let found = active.index.answer(asked, self.today(), top_k);
            Ok((found.map_err(|it| internal(&it))?, vectors.is_none()))
        };
        let question = active.index.asked(order.question.expose());
        let (mut found, mut by_words_only) = look(&question)?;
        let mut used_previous = false;
        // A question that is clear by itself is not mixed with the one before, nor one about something else.
        if found.refusal.is_some()
            && is_follow_up(order.question.expose())
            && let Some(previous) = &order.previous
        {
            let previous = active.index.asked(previous.expose());
            let (with_previous, by_words) = look(&format!("{previous}\n{question}"))?;
            if best(&found) < best(&with_previous) {
                (found, by_words_only, used_previous) = (with_previous, by_words, true);
            }
        }
        let answer = Answer {
            id: RequestId::fresh(self.clock.as_ref()).to_string(),
            refusal: found.refusal,
            citations: found.citations,
            used_previous,
            by_words_only,
            index: active.info.clone(),
        };
        let kept = self.asked(order, &answer, (&cx.origin.org, mode));
        let answer = if mode == Mode::Shadow { unshown(answer) } else { answer };
        let told = answer.refusal.map(|refusal| {
            let event = QuestionUnanswered::new(&answer, refusal, &cx.origin.org);
            self.told(&Event::QuestionUnanswered(event), &answer.id, &cx.origin)
        });
        let told = told.transpose()?.into_iter().collect();
        self.keep(vec![kept], told, Vec::new())?;
        Ok(answer)
    }

    /// Sources for the newest questions of a call; none in the shadow. Nothing of it is kept.
    ///
    /// # Errors
    /// When no index is active or the time is over.
    pub fn suggest(
        &self,
        order: &CallOrder,
        deadline: Deadline,
        mode: Mode,
    ) -> Result<Suggestions, CallError> {
        let active = self.answers.require()?;
        self.require_time(deadline)?;
        if mode == Mode::Shadow {
            let index = active.info.clone();
            return Ok(Suggestions { items: Vec::new(), by_words_only: false, index });
        }
        let asked = assist::questions(&order.utterances, MAX_SUGGESTED);
        let texts: Vec<String> =
            asked.iter().map(|it| active.index.asked(it.text.expose())).collect();
        let vectors = vectors(&active, &texts, deadline)?;
        let top_k = order.top_k.unwrap_or(self.settings.answers.top_k);
        let items = assist::suggest(&active.index, asked, vectors.as_deref(), self.today(), top_k);
        Ok(Suggestions {
            items: items.map_err(|it| internal(&it))?,
            by_words_only: vectors.is_none(),
            index: active.info.clone(),
        })
    }

    /// Which index answers, and what an operator should know of it.
    pub fn answers(&self) -> (Option<ModelInfo>, Option<String>) {
        (self.answers.get().map(|it| it.info.clone()), self.answers.notice())
    }

    /// Questions that no source answered; the newest with their words, personal data masked.
    ///
    /// # Errors
    /// When the store fails.
    pub fn unanswered(&self, org: &str) -> Result<Unanswered, CallError> {
        let now = self.clock.unix_time().as_secs();
        let kept = self.store.newest(ANSWERS, org, now, MAX_LOOKED_AT).wait();
        let kept = kept.map_err(|it| failed(&it))?;
        let mut report = Unanswered { n_asked: kept.len(), n_unanswered: 0, items: Vec::new() };
        for it in kept {
            let labels: Vec<(String, f32)> = serde_json::from_str(&it.labels).unwrap_or_default();
            let mut codes = labels.into_iter().map(|(code, _)| code);
            if codes.next().is_none_or(|first| first != NO_ANSWER) {
                continue;
            }
            report.n_unanswered += 1;
            if report.items.len() < MAX_NAMED {
                let is_shown = report.items.len() < MAX_SHOWN;
                let masked = if is_shown { self.masked_question(&it.id)? } else { None };
                let (id, asked, nearest) = (it.id, it.created, codes.next());
                report.items.push(UnansweredQuestion { id, asked, nearest, masked });
            }
        }
        Ok(report)
    }

    /// The words of a kept question, personal data masked; none once they have expired.
    fn masked_question(&self, id: &str) -> Result<Option<Private<String>>, CallError> {
        let text = self.store.prediction_text(id).wait().map_err(|it| failed(&it))?;
        let text = text.and_then(|it| serde_json::from_slice::<Value>(it.expose()).ok());
        let question = text.as_ref().and_then(|it| it["question"].as_str());
        Ok(question.map(|it| Private::new(pii::mask(it, &pii::find(it)))))
    }

    /// A question as it is kept: its sources are the labels, after [`NO_ANSWER`] where it was refused.
    fn asked(
        &self,
        order: &AnswerOrder,
        answer: &Answer,
        (org, mode): (&str, Mode),
    ) -> NewPrediction {
        let label = |it: &Citation| (it.source_id.clone(), it.score);
        let refusal =
            (NO_ANSWER.to_owned(), 1.0 - answer.citations.first().map_or(0.0, |it| it.score));
        let labels: Vec<(String, f32)> = answer
            .refusal
            .map(|_| refusal)
            .into_iter()
            .chain(answer.citations.iter().map(label))
            .collect();
        let previous = order.previous.as_ref().map(Private::expose);
        let text = json!({"question": order.question.expose(), "previous": previous});
        let created = self.clock.unix_time().as_secs();
        NewPrediction {
            id: answer.id.clone(),
            org: org.to_owned(),
            service: ANSWERS,
            model: [&answer.index.name, &answer.index.version, &answer.index.sha256]
                .map(Clone::clone),
            taxonomy: self.taxonomy.load().version().to_owned(),
            labels: json!(labels).to_string(),
            subjects: self.mentioned(&text),
            shape: Some(shape(&text)),
            text: Private::new(text.to_string().into_bytes()),
            signature: None,
            case_no: None,
            mode: Some(mode.as_str()),
            made_by: None,
            created,
            text_expires: created + self.settings.text_days * DAY,
            expires: created + self.settings.prediction_days * DAY,
        }
    }
}

/// The vectors of texts; none where only words are compared, also when the encoder fails or has too much to do.
fn vectors(
    active: &ActiveIndex,
    texts: &[String],
    deadline: Deadline,
) -> Result<Option<Vec<Vec<f32>>>, CallError> {
    let Some(encoder) = &active.encoder else { return Ok(None) };
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    match encoder.encode(&texts, deadline) {
        Ok(vectors) => Ok(Some(vectors)),
        Err(EncodeError::Run(RunError::Expired)) => Err(CallError::timeout()),
        Err(error) => {
            tracing::warn!(reason = %error, "a question was compared by words only");
            Ok(None)
        }
    }
}

/// What is answered in the shadow.
fn unshown(answer: Answer) -> Answer {
    Answer { refusal: Some(Refusal::NotShown), citations: Vec::new(), ..answer }
}

fn best(found: &Found) -> f32 {
    found.citations.first().map_or(0.0, |it| it.score)
}
