//! One document → units, officers, reasons and the day by which it must be answered.
//!
//! A reply to a number of ours is decided by the exact rule before any model is asked; the model then only names
//! co-handling units.

use crate::base::Date;
use crate::pipeline::classify::{Ask, Classifier, ClassifyError, Place, Ranked, Workspace};
use crate::pipeline::compose::{Composed, Part};
use crate::task::documents::{
    CaseTie, DispatchDeadline, DispatchDocument, DispatchOrder, DispatchReason, OfficerSuggestion,
};
use crate::task::text::{TextField, TextPlace};

use super::deadline::{Calendar, Named, deadline, requested};
use super::number::{Decision, Owner, PrefixTable};
use super::officer::{self, Exclusion, Matter, Officer, PriorCase, Reason, Tie, Weights};

/// Labels that are ranked, so that co-handling units are among them.
const RANKED: usize = 20;
/// Words that drove the first unit that are listed.
const SPANS: usize = 5;

/// What the documents' rules are.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Which unit wrote a number.
    pub prefixes: &'a PrefixTable,
    /// Working days.
    pub calendar: &'a Calendar,
}

/// One document to read.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// It.
    pub document: &'a DispatchDocument,
    /// The vector of the text that the classifier's encoder embeds.
    pub embedding: Option<&'a [f32]>,
    /// Day on which it is read.
    pub today: Date,
}

/// What was read of one document.
pub struct DispatchReading {
    /// Whose number it answers, if it answers one of ours.
    pub owner: Option<Owner>,
    /// Classes of the classifier, most likely first.
    pub ranked: Vec<Ranked>,
    /// The unit that is sure where none of its sections is.
    pub unit: Option<Place>,
    /// The first unit is not sure.
    pub abstained: bool,
    /// Why.
    pub reasons: Vec<DispatchReason>,
    /// By when.
    pub deadline: DispatchDeadline,
}

/// Reads a document; `workspace` is one thread's own.
///
/// # Errors
/// When the classifier wants what there is not.
pub fn read(
    classifier: &Classifier,
    rules: Rules<'_>,
    asked: Asked<'_>,
    workspace: &mut Workspace,
) -> Result<DispatchReading, ClassifyError> {
    let Asked { document, embedding, today } = asked;
    let decision = own_number(rules.prefixes, document);
    let spans = if decision.is_some() { 0 } else { SPANS };
    let composed = Composed::new(classifier.inputs(), &parts(document));
    let ask = Ask { top_k: RANKED, spans };
    let answer = classifier.classify(&composed.texts(), embedding, ask, workspace)?;
    let mut reasons = Vec::new();
    let owner = decision.map(|decision| {
        reasons.push(own_number_reason(document, &decision));
        decision.citation.owner
    });
    let terms = composed.evidence(&answer.evidence).into_iter();
    reasons.extend(terms.map(|it| DispatchReason::Term { place: it.place, weight: it.weight }));
    let received = document.received.unwrap_or(today);
    let texts: Vec<&str> = parts(document).iter().map(|it| it.1).collect();
    let named = Named { stated: document.due, requested: requested(&texts, received) };
    let day = deadline(received, document.priority, named, rules.calendar);
    Ok(DispatchReading {
        abstained: owner.is_none() && answer.requires_human,
        unit: answer.unit.filter(|_| owner.is_none()),
        owner,
        ranked: answer.ranked,
        reasons,
        deadline: DispatchDeadline {
            date: day.date,
            working_days: day.working_days,
            calendar_complete: day.is_covered,
            rule: day.rule,
        },
    })
}

/// Subject and paragraphs.
pub fn parts(document: &DispatchDocument) -> Vec<Part<'_>> {
    let body = document.body.iter().enumerate();
    let body = body.map(|(idx, it)| (TextField::Body(idx), it.expose().as_str()));
    std::iter::once((TextField::Subject, document.subject.expose().as_str())).chain(body).collect()
}

/// The exact rule over the text and the numbers that the caller lists; those count as answered.
fn own_number(prefixes: &PrefixTable, document: &DispatchDocument) -> Option<Decision> {
    let listed: Vec<String> = document.cited_numbers.iter().map(|it| format!("復{it}")).collect();
    let parts = parts(document);
    let texts: Vec<&str> =
        parts.iter().map(|it| it.1).chain(listed.iter().map(String::as_str)).collect();
    prefixes.decide(&texts)
}

fn own_number_reason(document: &DispatchDocument, decision: &Decision) -> DispatchReason {
    let n_parts = 1 + document.body.len();
    let span = decision.citation.span;
    let (field, start, end) = match decision.text.checked_sub(n_parts) {
        // The word put before a listed number is not the caller's.
        Some(idx) => {
            (TextField::CitedNumber(idx), span.start.saturating_sub(1), span.end.saturating_sub(1))
        }
        None => match decision.text.checked_sub(1) {
            Some(idx) => (TextField::Body(idx), span.start, span.end),
            None => (TextField::Subject, span.start, span.end),
        },
    };
    let place = TextPlace { field, start, end };
    DispatchReason::OwnNumber { number: decision.citation.number.printed(), place }
}

/// Officers for a document.
#[derive(Default)]
pub struct OfficerReading {
    /// Best first.
    pub best: Vec<OfficerSuggestion>,
    /// Who cannot take it, and why.
    pub excluded: Vec<(String, &'static str)>,
    /// Prior cases behind the suggestions.
    pub reasons: Vec<DispatchReason>,
}

/// Applies the rule of [`officer`] to the officers of `unit`.
pub fn officers(order: &DispatchOrder, unit: &str, top_k: usize) -> OfficerReading {
    let officers: Vec<Officer> = order
        .officers
        .iter()
        .map(|it| Officer {
            id: it.id.clone(),
            unit: it.unit.clone(),
            duties: it.duties.clone(),
            n_open: it.n_open,
            is_on_leave: it.on_leave,
            has_conflict: it.conflict,
        })
        .collect();
    let earlier = order.earlier.iter().map(|it| PriorCase {
        reference: it.reference.clone(),
        officer: it.officer.clone(),
        tie: match it.tie {
            CaseTie::CitedNumber => Tie::CitedNumber,
            CaseTie::SameApplicant => Tie::SameApplicant,
            CaseTie::Similar(similarity) => Tie::Similar(similarity),
        },
    });
    let prior: Vec<PriorCase> = earlier.collect();
    let text: Vec<&str> = parts(&order.document).iter().map(|it| it.1).collect();
    let text = text.join("\n");
    let matter = Matter { unit, text: &text, prior: &prior };
    let found = officer::suggest(&matter, &officers, Weights::default(), top_k);
    let mut reading = OfficerReading::default();
    for suggestion in found.best {
        for reason in &suggestion.reasons {
            if let Reason::Prior { reference, .. } = reason {
                reading.reasons.push(DispatchReason::PriorCase { reference: reference.clone() });
            }
        }
        reading.best.push(OfficerSuggestion {
            id: suggestion.officer,
            score: suggestion.score,
            basis: suggestion.reasons.iter().map(basis).collect(),
        });
    }
    let excluded = found.excluded.into_iter();
    reading.excluded = excluded.map(|(officer, why)| (officer, in_words(why))).collect();
    reading
}

fn basis(reason: &Reason) -> &'static str {
    match reason {
        Reason::Prior { .. } => "前案",
        Reason::Duty { .. } => "職掌",
        Reason::Load { .. } => "案量",
    }
}

fn in_words(exclusion: Exclusion) -> &'static str {
    match exclusion {
        Exclusion::OnLeave => "差假",
        Exclusion::Conflict => "迴避",
    }
}
