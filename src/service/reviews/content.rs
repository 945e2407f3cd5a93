//! What an officer sees of an item: the text with personal data masked, and what was suggested.
//!
//! The mask is laid before the text is kept: a review shows whose matter it is, and that takes no number of anybody's.

use serde::{Deserialize, Serialize};

use crate::base::Private;
use crate::pipeline::letters::pii;
use crate::task::documents::{DispatchAnswer, DispatchDocument, DispatchReason, OfficerState};
use crate::task::letters::{Letter, LetterAnswer, LetterFlags};
use crate::task::text::{Label, TextField, TextPlace};

/// Characters of a title.
const TITLE: usize = 60;

/// Text and suggestions of an item. No `Debug`: it holds somebody's text.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Content {
    /// The caller's own id.
    pub external_id: Option<String>,
    /// The caller's case.
    pub case_no: Option<String>,
    /// Where a letter came in.
    pub channel: Option<String>,
    /// Subject.
    pub subject: Vec<Run>,
    /// Paragraphs.
    pub body: Vec<Vec<Run>>,
    /// Suggested labels, most likely first.
    pub labels: Vec<SuggestedLabel>,
    /// Suggested units of a document, the main one first.
    pub units: Vec<SuggestedUnit>,
    /// Suggested officers of a document, best first.
    pub officers: Vec<SuggestedOfficer>,
    /// Officers of the unit who cannot take it, and why.
    pub excluded: Vec<(String, String)>,
    /// Numbers that speak for a unit or an officer: what they are, and they.
    pub references: Vec<(String, String)>,
    /// Names of the flags that are raised.
    pub flags: Vec<String>,
    /// An earlier letter that says nearly the same, and how nearly, 0 to 1.
    pub repeated: Option<(String, f32)>,
    /// Another ministry whose matter it may be, with its probability.
    pub ministry: Option<(String, f32)>,
    /// Whether the first suggestion is not likely enough.
    pub abstained: bool,
    /// By when, and by which rule.
    pub due: Option<(String, String)>,
    /// Name and version of the model.
    pub model: (String, String),
}

/// A piece of a text that is marked in one way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The text; of personal data the name of its kind in brackets.
    pub text: String,
    /// How it is marked.
    pub mark: Option<Mark>,
}

/// What a piece of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// It drove the first suggestion.
    Evidence,
    /// It raised a flag.
    Flag,
    /// It stands for personal data.
    Pii,
}

impl Mark {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::Evidence => "evidence",
            Mark::Flag => "flag",
            Mark::Pii => "pii",
        }
    }
}

/// A suggested label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuggestedLabel {
    /// As the model was trained with.
    pub code: String,
    /// In words.
    pub name: String,
    /// Path of its unit.
    pub unit: Option<String>,
    /// Probability, 0 to 1.
    pub score: f32,
}

/// A suggested unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuggestedUnit {
    /// Path.
    pub unit: String,
    /// Its name.
    pub name: String,
    /// Probability, 0 to 1.
    pub score: f32,
    /// `main` or `co`.
    pub role: String,
}

/// A suggested officer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuggestedOfficer {
    /// Id.
    pub id: String,
    /// By the rule, 0 to 1.
    pub score: f32,
    /// 前案, 職掌, 案量.
    pub basis: Vec<String>,
    /// Cases not yet closed.
    pub n_open: u32,
}

impl From<&Label> for SuggestedLabel {
    fn from(label: &Label) -> SuggestedLabel {
        SuggestedLabel {
            code: label.code.clone(),
            name: label.name.clone(),
            unit: label.unit.clone(),
            score: label.score,
        }
    }
}

impl Content {
    /// Of a letter and its answer.
    pub(super) fn of_letter(letter: &Letter, answer: &LetterAnswer) -> Content {
        let evidence = answer.evidence.iter().map(|it| (it.place, Mark::Evidence));
        let flags = answer.flags.marks.iter().map(|it| (it.place, Mark::Flag));
        let marks: Vec<(TextPlace, Mark)> = evidence.chain(flags).collect();
        let of = |field, text: &str| runs(text, &within(&marks, field));
        Content {
            external_id: answer.external_id.clone(),
            channel: letter.channel.clone(),
            subject: of(TextField::Subject, letter.subject.expose()),
            body: vec![of(TextField::Body(0), letter.body.expose())],
            labels: answer.labels.iter().map(SuggestedLabel::from).collect(),
            flags: flags_of(&answer.flags),
            repeated: answer
                .flags
                .repeated
                .as_ref()
                .map(|it| (it.prediction_id.clone(), it.similarity)),
            ministry: answer.flags.not_our_remit.as_ref().map(|it| (it.name.clone(), it.score)),
            abstained: answer.abstained,
            ..Content::default()
        }
    }

    /// Of a document, those who might handle it, and its answer.
    pub(super) fn of_document(
        document: &DispatchDocument,
        officers: &[OfficerState],
        answer: &DispatchAnswer,
    ) -> Content {
        let mut marks = Vec::new();
        let mut references = Vec::new();
        for reason in &answer.reasons {
            match reason {
                DispatchReason::OwnNumber { number, place } => {
                    references.push(("own_number".to_owned(), number.clone()));
                    marks.push((*place, Mark::Evidence));
                }
                DispatchReason::PriorCase { reference } => {
                    references.push(("prior_case".to_owned(), reference.clone()));
                }
                DispatchReason::Term { place, .. } => marks.push((*place, Mark::Evidence)),
            }
        }
        let n_open = |id: &str| officers.iter().find(|it| it.id == id).map_or(0, |it| it.n_open);
        let body = document.body.iter().enumerate();
        Content {
            external_id: answer.external_id.clone(),
            subject: runs(document.subject.expose(), &within(&marks, TextField::Subject)),
            body: body
                .map(|(idx, it)| runs(it.expose(), &within(&marks, TextField::Body(idx))))
                .collect(),
            labels: answer.labels.iter().map(SuggestedLabel::from).collect(),
            units: answer
                .units
                .iter()
                .map(|it| SuggestedUnit {
                    unit: it.unit.clone(),
                    name: it.name.clone(),
                    score: it.score,
                    role: it.role.as_str().to_owned(),
                })
                .collect(),
            officers: answer
                .officers
                .iter()
                .map(|it| SuggestedOfficer {
                    n_open: n_open(&it.id),
                    id: it.id.clone(),
                    score: it.score,
                    basis: it.basis.iter().map(|&it| it.to_owned()).collect(),
                })
                .collect(),
            excluded: answer
                .excluded
                .iter()
                .map(|(id, why)| (id.clone(), (*why).to_owned()))
                .collect(),
            references,
            ministry: answer.ministry.as_ref().map(|it| (it.name.clone(), it.score)),
            abstained: answer.abstained,
            due: Some((answer.deadline.date.to_string(), answer.deadline.rule.to_owned())),
            ..Content::default()
        }
    }

    /// As it is kept.
    pub(super) fn pack(&self) -> Private<Vec<u8>> {
        // Nothing in it fails to be written.
        Private::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// What [`Content::pack`] packed; none of anything else.
    pub(super) fn unpack(packed: &Private<Vec<u8>>) -> Option<Content> {
        serde_json::from_slice(packed.expose()).ok()
    }

    /// One line for lists: the subject, else how the text begins.
    pub(super) fn title(&self) -> Private<String> {
        let text = |runs: &[Run]| -> String { runs.iter().map(|it| it.text.as_str()).collect() };
        let subject = text(&self.subject);
        let begin = || self.body.iter().map(|it| text(it)).find(|it| !it.trim().is_empty());
        let line = if subject.trim().is_empty() { begin().unwrap_or_default() } else { subject };
        let mut words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = words.char_indices().nth(TITLE) {
            words.truncate(end);
            words.push('…');
        }
        Private::new(words)
    }
}

fn flags_of(flags: &LetterFlags) -> Vec<String> {
    let raised = [
        ("sensitive", flags.sensitive),
        ("confidential_report", flags.confidential_report),
        ("urgent", flags.urgent),
        ("no_substance", flags.no_substance),
        ("repeated", flags.repeated.is_some()),
        ("instruction_like", flags.instruction_like),
    ];
    raised.into_iter().filter(|it| it.1).map(|it| it.0.to_owned()).collect()
}

/// Marks of one field: first and last character, and which.
fn within(marks: &[(TextPlace, Mark)], field: TextField) -> Vec<(usize, usize, Mark)> {
    let own = marks.iter().filter(|(place, _)| place.field == field);
    own.map(|(place, mark)| (place.start, place.end, *mark)).collect()
}

/// A text in pieces, personal data masked. Where marks lie over each other the greater counts; personal data always.
fn runs(text: &str, marks: &[(usize, usize, Mark)]) -> Vec<Run> {
    let n_chars = text.chars().count();
    let mut at: Vec<Option<Mark>> = vec![None; n_chars];
    for &(start, end, mark) in marks {
        for slot in at.iter_mut().take(end).skip(start) {
            *slot = (*slot).max(Some(mark));
        }
    }
    let found = pii::find(text);
    let mut left = found.iter().peekable();
    let mut runs: Vec<Run> = Vec::new();
    for ((idx, ch), mark) in text.chars().enumerate().zip(at) {
        while left.next_if(|it| it.span.end <= idx).is_some() {}
        match left.peek() {
            Some(it) if it.span.start == idx => {
                runs.push(Run { text: it.kind.mask().to_owned(), mark: Some(Mark::Pii) });
            }
            Some(it) if it.span.start < idx => (),
            _ => match runs.last_mut() {
                Some(run) if run.mark == mark => run.text.push(ch),
                _ => runs.push(Run { text: ch.to_string(), mark }),
            },
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, marks: &[(usize, usize, Mark)], expected: &str) {
        let shown: String = runs(text, marks)
            .iter()
            .map(|it| match it.mark {
                Some(Mark::Evidence) => format!("[{}]", it.text),
                Some(Mark::Flag) => format!("!{}!", it.text),
                None | Some(Mark::Pii) => it.text.clone(),
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn texts_come_in_marked_pieces_without_personal_data() {
        use Mark::{Evidence, Flag};
        check("", &[], "");
        check("戶籍遷入", &[(0, 2, Evidence)], "[戶籍]遷入");
        check("戶籍遷入", &[(2, 99, Evidence)], "戶籍[遷入]");
        check("請速辦戶籍", &[(1, 3, Flag), (2, 5, Evidence)], "請!速辦![戶籍]");
        let number = "我是A123456789的戶長";
        check(number, &[], "我是〔身分證字號〕的戶長");
        check(number, &[(0, 8, Evidence)], "[我是]〔身分證字號〕的戶長");
        check("電話0912345678", &[(0, 4, Flag)], "!電話!〔行動電話〕");
    }

    #[test]
    fn a_title_is_one_short_line() {
        let title = |subject: &str, body: &str| {
            let content = Content {
                subject: runs(subject, &[]),
                body: vec![runs(body, &[])],
                ..Content::default()
            };
            content.title().expose().clone()
        };
        assert_eq!(title(" 甲\n乙 ", "丙"), "甲 乙");
        assert_eq!(title(" ", "丙\n丁"), "丙 丁");
        assert_eq!(title("", ""), "");
        assert_eq!(title(&"字".repeat(61), ""), format!("{}…", "字".repeat(60)));
        assert_eq!(title("A123456789", ""), "〔身分證字號〕");
    }
}
