//! A call of one document: the exact rule, the classifier, officers, the other ministries, keep, answer.

use serde_json::json;

use crate::base::RequestId;
use crate::pipeline::classify::is_below;
use crate::pipeline::documents::dispatch::{Asked, DispatchReading, Rules, officers, parts, read};
use crate::pipeline::documents::number::Owner;
use crate::pipeline::documents::taxonomy::Mapping;
use crate::service::events::{DocumentDispatched, Event};
use crate::store::NewPrediction;
use crate::task::call::{CallContext, CallError, Task};
use crate::task::documents::{
    DispatchAnswer, DispatchDocument, DispatchOrder, OfficerState, Role, UnitSuggestion,
};
use crate::task::letters::Ministry;
use crate::task::text::{Automation, Label, Mode};

use super::letters::{Draft, case_no};
use super::model::main_of;
use super::{ActiveModel, DOCUMENTS, Routing, info, internal, with_workspace};

impl Routing {
    /// Suggests units and officers for a document. In the shadow what is suggested is kept and not answered.
    ///
    /// # Errors
    /// When no classifier is active, the time is over or the prediction cannot be kept.
    pub fn document(
        &self,
        mut order: DispatchOrder,
        cx: &CallContext,
        mode: Mode,
    ) -> Result<DispatchAnswer, CallError> {
        self.place(&mut order.officers);
        self.require_model(Task::Documents)?;
        let deadline = cx.deadline;
        self.require_time(deadline)?;
        let Some(model) = self.model(Task::Documents) else { return Err(CallError::timeout()) };
        let settings = &self.settings.documents;
        let top_k = order.top_k.unwrap_or(settings.top_k);
        let rules = Rules { prefixes: &self.prefixes, calendar: &self.calendar };
        let document = &order.document;
        let embedding = model.embed(&[parts(document)], deadline)?.pop().flatten();
        let asked = Asked { document, embedding: embedding.as_deref(), today: self.today() };
        let reading = with_workspace(|it| read(&model.classifier, rules, asked, it));
        let reading = reading.map_err(|it| internal(&it))?;
        let (out_of_remit, ministry) = self.remit(&reading, &order)?;
        let (units, labels) = self.units(&model, &reading, top_k);
        let abstained = is_open(&model, &reading, (&units, &labels));
        let main = units.first().filter(|_| order.with_officers);
        let mut found = main.map(|it| officers(&order, &it.unit, top_k)).unwrap_or_default();
        let mut reasons = reading.reasons;
        reasons.append(&mut found.reasons);
        let is_sure = !abstained && !out_of_remit;
        let first = units.first().map(|it| (Some(it.unit.as_str()), it.score));
        let automation = self.automation(Task::Documents, is_sure, first);
        let answer = DispatchAnswer {
            prediction_id: RequestId::fresh(self.clock.as_ref()).to_string(),
            external_id: document.external_id.clone(),
            units,
            labels,
            officers: found.best,
            excluded: found.excluded,
            abstained,
            automation,
            reasons,
            deadline: reading.deadline,
            out_of_remit,
            ministry,
            model: info(&model),
            taxonomy_version: self.taxonomy.load().version().to_owned(),
            mode,
        };
        let draft = Draft {
            id: &answer.prediction_id,
            service: DOCUMENTS,
            labels: &answer.labels,
            text: text(document),
            signature: None,
            case_no: case_no(cx),
        };
        let kept = self.prediction(&model, draft, (&cx.origin, mode));
        let answer = if mode == Mode::Shadow { unshown(answer) } else { answer };
        self.keep_document(kept, (&order, &answer), cx)?;
        Ok(answer)
    }

    fn keep_document(
        &self,
        kept: NewPrediction,
        (order, answer): (&DispatchOrder, &DispatchAnswer),
        cx: &CallContext,
    ) -> Result<(), CallError> {
        let event = Event::DocumentDispatched(DocumentDispatched::new(answer));
        let told = self.told(&event, &answer.prediction_id, &cx.origin)?;
        let unit = answer.units.first().map(|it| it.unit.as_str());
        let of = self.circumstances(&kept, unit, cx);
        let review = self.settings.review.document(order, answer, of);
        // Who reviews would see the suggestions.
        let review = review.filter(|_| answer.mode != Mode::Shadow);
        self.keep(vec![kept], vec![told], review.into_iter().collect())
    }

    /// Has officers in the units of today, whether the caller names those by path, by name or as they were called before.
    fn place(&self, officers: &mut [OfficerState]) {
        for officer in officers {
            if let Some(unit) = self.of_today(&officer.unit) {
                officer.unit = unit;
            }
        }
    }

    /// Whether the document is another ministry's: by the rule where it speaks, else by the model of ministries.
    fn remit(
        &self,
        reading: &DispatchReading,
        order: &DispatchOrder,
    ) -> Result<(bool, Option<Ministry>), CallError> {
        match &reading.owner {
            Some(Owner::Moved { ministry }) => {
                Ok((true, Some(Ministry { name: ministry.clone(), score: 1.0 })))
            }
            Some(Owner::Unit(_)) => Ok((false, None)),
            None => {
                let foreign = self.foreign(&parts(&order.document))?;
                let is_foreign =
                    foreign.as_ref().is_some_and(|it| self.settings.foreign_from <= it.score);
                Ok((is_foreign, foreign.filter(|_| is_foreign)))
            }
        }
    }

    /// Main unit first, then those that co-handle; and the labels behind them. No unit at all where that which is meant is
    /// no more: the next likely one has nothing to do with its cases.
    fn units(
        &self,
        model: &ActiveModel,
        reading: &DispatchReading,
        top_k: usize,
    ) -> (Vec<UnitSuggestion>, Vec<Label>) {
        let sure = reading.unit.as_ref().map(|it| model.place(it));
        let ranked = reading.ranked.iter().map(|it| model.label(it));
        let labels: Vec<Label> = sure.iter().cloned().chain(ranked).collect();
        let mut units: Vec<UnitSuggestion> = Vec::new();
        let is_gone = match &reading.owner {
            Some(Owner::Unit(path)) => {
                let unit = self.of_today(path);
                units.extend(unit.iter().map(|it| suggestion(it, 1.0)));
                unit.is_none()
            }
            _ => labels.first().is_some_and(|it| model.is_gone(it)),
        };
        if is_gone {
            return (Vec::new(), labels.into_iter().take(top_k).collect());
        }
        let is_part =
            |it: &&Label| sure.as_ref().is_some_and(|sure| is_below(&it.code, &sure.code));
        for label in labels.iter().filter(|it| !is_part(it) && !model.is_gone(it)) {
            let unit = label.unit.as_deref().unwrap_or(&label.code);
            match units.iter_mut().find(|it| it.unit == unit) {
                // Several labels may name one unit of today; the rule's certainty stays.
                Some(known) => known.score = (known.score + label.score).min(1.0),
                None => units.push(suggestion(unit, label.score)),
            }
        }
        let first = units.first().cloned();
        let mut kept: Vec<UnitSuggestion> = first.into_iter().collect();
        for unit in kept.iter_mut() {
            unit.role = Role::Main;
        }
        let others = units.into_iter().skip(1);
        kept.extend(others.filter(|it| self.settings.co_from <= it.score));
        kept.truncate(top_k);
        (kept, labels.into_iter().take(top_k).collect())
    }

    /// What a unit of the table of numbers is today; as it stands there where no unit of that path is known.
    fn of_today(&self, path: &str) -> Option<String> {
        match self.taxonomy.load().map(path, None, self.today()) {
            Mapping::Unknown => Some(path.to_owned()),
            meant => main_of(meant),
        }
    }
}

/// Whether a person must say whose the document is: nobody is sure, or the unit is no more, or several now.
fn is_open(
    model: &ActiveModel,
    reading: &DispatchReading,
    (units, labels): (&[UnitSuggestion], &[Label]),
) -> bool {
    let by_model = reading.owner.is_none();
    let needs_choice = || labels.first().is_some_and(|it| model.needs_choice(it));
    reading.abstained || units.is_empty() || (by_model && needs_choice())
}

/// What is answered in the shadow: by when, which is a rule, and nothing that a model suggests.
fn unshown(answer: DispatchAnswer) -> DispatchAnswer {
    DispatchAnswer {
        units: Vec::new(),
        labels: Vec::new(),
        officers: Vec::new(),
        excluded: Vec::new(),
        abstained: true,
        automation: Automation::Suggest,
        reasons: Vec::new(),
        out_of_remit: false,
        ministry: None,
        ..answer
    }
}

/// What is sealed of a document.
fn text(document: &DispatchDocument) -> serde_json::Value {
    let body: Vec<&str> = document.body.iter().map(|it| it.expose().as_str()).collect();
    json!({
        "subject": document.subject.expose(), "body": body.join("\n"),
        "external_id": document.external_id,
    })
}

fn suggestion(unit: &str, score: f32) -> UnitSuggestion {
    let name = unit.rsplit('/').next().unwrap_or(unit).to_owned();
    UnitSuggestion { unit: unit.to_owned(), name, score, role: Role::Co }
}
