//! A call of letters: read each, compare with earlier ones, keep, answer.

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::base::{Private, RequestId, hex};
use crate::pipeline::classify::Ask;
use crate::pipeline::compose::{Composed, Part};
use crate::pipeline::letters::read::{Reading, read};
use crate::pipeline::letters::similar::{Signature, SimilarIndex};
use crate::service::events::{Event, LetterClassified};
use crate::service::jobs::failed;
use crate::service::reviews::Circumstances;
use crate::service::subjects::{self, Subject};
use crate::store::reviews::NewReview;
use crate::store::{NewPrediction, OutboxRow, Reply};
use crate::task::call::{CallContext, CallError, Origin, Task};
use crate::task::letters::{
    Letter, LetterAnswer, LetterAnswers, LetterFlags, LetterOrder, Ministry, Repeated,
};
use crate::task::text::{Automation, Label, Mode, TextField};

use super::drift::shape;
use super::{ActiveModel, DAY, LETTERS, Routing, info, internal, with_workspace};

/// Words that drove the first label that are answered.
const SPANS: usize = 5;

impl Routing {
    /// Classifies the letters of a call, in order; gives up between two of them when the deadline has passed. In the shadow
    /// labels are kept and not answered.
    ///
    /// # Errors
    /// When no classifier is active, the time is over or a prediction cannot be kept.
    pub fn letters(
        &self,
        order: LetterOrder,
        cx: &CallContext,
        mode: Mode,
    ) -> Result<LetterAnswers, CallError> {
        self.require_model(Task::Letters)?;
        let deadline = cx.deadline;
        let Some(model) = self.model(Task::Letters) else { return Err(CallError::timeout()) };
        self.require_taxonomy(order.taxonomy.as_deref())?;
        let settings = &self.settings.letters;
        let ask = Ask {
            top_k: order.top_k.unwrap_or(settings.top_k),
            spans: if order.explain { SPANS } else { 0 },
        };
        let fields: Vec<Vec<Part<'_>>> =
            order.letters.iter().map(|it| parts(it).to_vec()).collect();
        let embeddings = model.embed(&fields, deadline)?;
        let mut items = Vec::with_capacity(order.letters.len());
        let mut kept = Vec::with_capacity(order.letters.len());
        for (letter, embedding) in order.letters.iter().zip(&embeddings) {
            self.require_time(deadline)?;
            let embedding = embedding.as_deref();
            let reading = with_workspace(|it| read(&model.classifier, letter, embedding, ask, it));
            let mut reading = reading.map_err(|it| internal(&it))?;
            reading.flags.not_our_remit = self.foreign(&parts(letter))?;
            let id = RequestId::fresh(self.clock.as_ref()).to_string();
            reading.flags.repeated = self.repeated(&id, &cx.origin.org, &reading);
            let signature = reading.signature.as_ref().map(Signature::to_bytes);
            let mut answer = answer(id, &model, letter, reading, ask.top_k);
            answer.automation =
                self.automation_of(Task::Letters, !answer.abstained, &answer.labels);
            let draft = Draft {
                id: &answer.prediction_id,
                service: LETTERS,
                labels: &answer.labels,
                text: text(letter),
                signature,
                case_no: case_no(cx),
            };
            kept.push(self.prediction(&model, draft, (&cx.origin, mode)));
            items.push(if mode == Mode::Shadow { unshown(answer) } else { answer });
        }
        let answers = LetterAnswers {
            items,
            model: info(&model),
            taxonomy_version: self.taxonomy.load().version().to_owned(),
            mode,
        };
        let result = self.keep_letters(kept, (&order.letters, &answers), cx);
        if result.is_err() {
            let mut similar = self.similar();
            if let Some(index) = similar.get_mut(&cx.origin.org) {
                for item in &answers.items {
                    index.remove(&item.prediction_id);
                }
            }
        }
        result.map(|()| answers)
    }

    fn keep_letters(
        &self,
        kept: Vec<NewPrediction>,
        (letters, answers): (&[Letter], &LetterAnswers),
        cx: &CallContext,
    ) -> Result<(), CallError> {
        let told = answers.items.iter().map(|it| {
            let event = Event::LetterClassified(LetterClassified::new(it, answers));
            self.told(&event, &it.prediction_id, &cx.origin)
        });
        let told = told.collect::<Result<_, _>>()?;
        let asked = letters.iter().zip(&answers.items).zip(&kept);
        // Who reviews would see the suggestions.
        let asked = asked.filter(|_| answers.mode != Mode::Shadow);
        let reviews = asked.filter_map(|((letter, answer), kept)| {
            let unit = answer.labels.first().and_then(|it| it.unit.as_deref());
            self.settings.review.letter(letter, answer, self.circumstances(kept, unit, cx))
        });
        let reviews = reviews.collect();
        self.keep(kept, told, reviews)
    }

    /// What an item to be reviewed is made of beside the text.
    pub(super) fn circumstances<'a>(
        &self,
        kept: &'a NewPrediction,
        unit: Option<&str>,
        cx: &'a CallContext,
    ) -> Circumstances<'a> {
        let [name, version, _] = &kept.model;
        Circumstances {
            cx,
            given: kept.labels.clone(),
            model: (name, version),
            unit: unit.filter(|it| self.names_unit(it)).map(str::to_owned),
            now: self.clock.unix_time(),
        }
    }

    /// Keeps predictions, the events that tell of them and what officers review of them.
    pub(super) fn keep(
        &self,
        kept: Vec<NewPrediction>,
        told: Vec<OutboxRow>,
        reviews: Vec<NewReview>,
    ) -> Result<(), CallError> {
        let kept = self.store.keep_for_review(kept, told, reviews);
        kept.and_then(Reply::wait).map_err(|it| failed(&it))
    }

    fn require_taxonomy(&self, wanted: Option<&str>) -> Result<(), CallError> {
        let taxonomy = self.taxonomy.load();
        let version = taxonomy.version();
        match wanted {
            Some(wanted) if wanted.rsplit('@').next() != Some(version) => {
                Err(CallError::bad_value(
                    "/options/taxonomy",
                    format!("未載入這個版本;目前載入的是 {version}。"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The most similar earlier letter to the agency; afterwards this one is an earlier letter too.
    fn repeated(&self, id: &str, org: &str, reading: &Reading) -> Option<Repeated> {
        let signature = reading.signature.as_ref()?;
        let mut similar = self.similar();
        let index = similar
            .entry(org.to_owned())
            .or_insert_with(|| SimilarIndex::new(self.settings.n_compared));
        let found = index.query(signature, self.settings.repeated_from, 1).into_iter().next();
        index.insert(id, signature.clone());
        found.map(|it| Repeated { prediction_id: it.id, similarity: it.similarity })
    }

    /// Probability that a text is another ministry's; none without a model of ministries, or what it reads: of nothing every
    /// ministry is as likely as it has texts.
    pub(super) fn foreign(&self, parts: &[Part<'_>]) -> Result<Option<Ministry>, CallError> {
        let Some(model) = self.ministries.get() else { return Ok(None) };
        let classifier = &model.classifier;
        let composed = Composed::new(classifier.inputs(), parts);
        if composed.texts().iter().all(|it| it.trim().is_empty()) {
            return Ok(None);
        }
        let ask = Ask { top_k: usize::MAX, spans: 0 };
        let decision = with_workspace(|it| classifier.classify(&composed.texts(), None, ask, it));
        let ranked = decision.map_err(|it| internal(&it))?.ranked;
        let taxonomy = self.taxonomy.load();
        let (mut own, mut other) = (0.0, None);
        for label in ranked.iter().map(|it| model.label(it)) {
            if label.code == taxonomy.name() {
                own += label.score;
            } else if other.is_none() {
                other = Some(label.code);
            }
        }
        Ok(other.map(|name| Ministry { name, score: 1.0 - own }))
    }

    /// Whom a text mentions.
    pub(super) fn mentioned(&self, text: &serde_json::Value) -> Vec<Subject> {
        self.store.subjects(&subjects::identifiers_in(text))
    }

    /// A prediction to keep.
    pub(super) fn prediction(
        &self,
        model: &ActiveModel,
        draft: Draft<'_>,
        (origin, mode): (&Origin, Mode),
    ) -> NewPrediction {
        let created = self.clock.unix_time().as_secs();
        let labels: Vec<(&str, f32)> =
            draft.labels.iter().map(|it| (it.code.as_str(), it.score)).collect();
        NewPrediction {
            id: draft.id.to_owned(),
            org: origin.org.clone(),
            service: draft.service,
            model: [&model.info.name, &model.info.version, &model.info.sha256].map(Clone::clone),
            taxonomy: self.taxonomy.load().version().to_owned(),
            labels: json!(labels).to_string(),
            subjects: self.mentioned(&draft.text),
            shape: Some(shape(&draft.text)),
            text: Private::new(draft.text.to_string().into_bytes()),
            signature: draft.signature,
            case_no: draft.case_no,
            mode: Some(mode.as_str()),
            made_by: None,
            created,
            text_expires: created + self.settings.text_days * DAY,
            expires: created + self.settings.prediction_days * DAY,
        }
    }
}

/// What is new in a prediction. No `Debug`: it holds somebody's text.
pub(super) struct Draft<'a> {
    pub(super) id: &'a str,
    pub(super) service: &'static str,
    pub(super) labels: &'a [Label],
    pub(super) text: serde_json::Value,
    pub(super) signature: Option<Vec<u8>>,
    pub(super) case_no: Option<String>,
}

/// The case that a call has named.
pub(super) fn case_no(cx: &CallContext) -> Option<String> {
    cx.said.get().and_then(|it| it.case_no.clone())
}

/// What is sealed of a letter.
fn text(letter: &Letter) -> serde_json::Value {
    json!({
        "subject": letter.subject.expose(), "body": letter.body.expose(),
        "external_id": letter.external_id, "channel": letter.channel,
    })
}

fn parts(letter: &Letter) -> [Part<'_>; 2] {
    [(TextField::Subject, letter.subject.expose()), (TextField::Body(0), letter.body.expose())]
}

fn answer(
    id: String,
    model: &ActiveModel,
    letter: &Letter,
    reading: Reading,
    top_k: usize,
) -> LetterAnswer {
    let sure = reading.unit.iter().map(|it| model.place(it));
    let ranked = reading.ranked.iter().map(|it| model.label(it));
    let labels: Vec<Label> = sure.chain(ranked).take(top_k).collect();
    LetterAnswer {
        prediction_id: id,
        external_id: letter.external_id.clone(),
        // However sure the model is: of a unit that is no more, or several now, a person says who has its cases.
        abstained: reading.abstained || labels.first().is_some_and(|it| model.needs_choice(it)),
        labels,
        automation: Automation::Suggest,
        flags: reading.flags,
        evidence: reading.evidence,
        text_hashes: [&letter.subject, &letter.body].map(|it| hash(it.expose())),
        pii: reading.pii,
        n_pii_omitted: reading.n_pii_omitted,
    }
}

/// What is answered in the shadow: what a rule has found, and nothing that a model suggests.
fn unshown(answer: LetterAnswer) -> LetterAnswer {
    LetterAnswer {
        labels: Vec::new(),
        abstained: true,
        automation: Automation::Suggest,
        flags: LetterFlags { not_our_remit: None, ..answer.flags },
        evidence: Vec::new(),
        ..answer
    }
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text))
}
