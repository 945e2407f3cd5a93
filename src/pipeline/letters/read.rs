//! One letter → labels, evidence, flags, personal data and what near-duplicates are found by.

use crate::pipeline::classify::{Ask, Classifier, ClassifyError, Place, Ranked, Workspace};
use crate::pipeline::compose::{Composed, Part};
use crate::task::letters::{Letter, LetterFlags, Marked, PiiPlace};
use crate::task::text::{Evidence, TextField, TextPlace};

use super::flags::{Flag, has_substance, marks};
use super::pii;
use super::similar::Signature;

/// Findings of personal data that are listed; a letter with more is a list of people, and says so by their number.
const MAX_PII: usize = 1_000;
/// Words that raised flags that are listed.
const MAX_MARKS: usize = 100;

/// What was read of one letter.
pub struct Reading {
    /// Classes of the classifier, most likely first.
    pub ranked: Vec<Ranked>,
    /// The unit that is sure where none of its sections is.
    pub unit: Option<Place>,
    /// The classifier is not sure, or the letter says nothing.
    pub abstained: bool,
    /// What drove the first class.
    pub evidence: Vec<Evidence>,
    /// Flags that need no other model and no other letter.
    pub flags: LetterFlags,
    /// Personal data.
    pub pii: Vec<PiiPlace>,
    /// Findings beyond those listed.
    pub n_pii_omitted: usize,
    /// For near-duplicates; none for a letter without a letter or digit.
    pub signature: Option<Signature>,
}

/// Reads a letter; `embedding` is the vector of the text that the classifier's encoder embeds, `workspace` is one
/// thread's own.
///
/// # Errors
/// When the classifier wants what there is not.
pub fn read(
    classifier: &Classifier,
    letter: &Letter,
    embedding: Option<&[f32]>,
    ask: Ask,
    workspace: &mut Workspace,
) -> Result<Reading, ClassifyError> {
    let (subject, body) = (letter.subject.expose(), letter.body.expose());
    let parts: [Part<'_>; 2] = [(TextField::Subject, subject), (TextField::Body(0), body)];
    let composed = Composed::new(classifier.inputs(), &parts);
    let decision = classifier.classify(&composed.texts(), embedding, ask, workspace)?;
    let flags = flags(&parts);
    let mut pii = Vec::new();
    for (field, text) in parts {
        pii.extend(pii::find(text).into_iter().map(|it| PiiPlace {
            kind: it.kind.as_str(),
            place: TextPlace { field, start: it.span.start, end: it.span.end },
        }));
    }
    let n_pii_omitted = pii.len().saturating_sub(MAX_PII);
    pii.truncate(MAX_PII);
    Ok(Reading {
        abstained: decision.requires_human || flags.no_substance,
        evidence: composed.evidence(&decision.evidence),
        ranked: decision.ranked,
        unit: decision.unit,
        flags,
        pii,
        n_pii_omitted,
        signature: Signature::of_letter(subject, body),
    })
}

fn flags(parts: &[Part<'_>; 2]) -> LetterFlags {
    let mut flags = LetterFlags {
        no_substance: !parts.iter().any(|(_, text)| has_substance(text)),
        ..LetterFlags::default()
    };
    for (field, text) in parts {
        for mark in marks(text) {
            match mark.flag {
                Flag::ConfidentialReport => flags.confidential_report = true,
                Flag::Urgent | Flag::Deadline => flags.urgent = true,
                Flag::InstructionLike => flags.instruction_like = true,
                Flag::NoSubstance => flags.no_substance = true,
                Flag::SelfHarm | Flag::Threat | Flag::DomesticViolence | Flag::Disaster => {
                    flags.sensitive = true;
                }
            }
            if flags.marks.len() < MAX_MARKS {
                let (start, end) = (mark.span.start, mark.span.end);
                let place = TextPlace { field: *field, start, end };
                flags.marks.push(Marked { flag: mark.flag.as_str(), place });
            }
        }
    }
    flags
}
