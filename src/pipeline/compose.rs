//! The fields of a letter or document → the texts that a classifier takes, and the way back for its evidence.

use crate::pipeline::classify::Span;
use crate::task::text::{Evidence, TextField, TextPlace};

/// A field and its text.
pub type Part<'a> = (TextField, &'a str);

/// One text for each input of a classifier. No `Debug`: it holds what somebody wrote.
pub struct Composed {
    texts: Vec<String>,
    /// For each text, the fields in it: where each begins and how long it is, in code points.
    segments: Vec<Vec<Segment>>,
}

struct Segment {
    field: TextField,
    start: usize,
    len: usize,
}

impl Composed {
    /// Composes the texts that inputs of these names mean.
    ///
    /// An input `subject` is the subject. An input `body` beside it is the body. Any other is all of it, the subject
    /// first, one part a line.
    pub fn new(inputs: &[String], parts: &[Part<'_>]) -> Composed {
        let has_subject = inputs.iter().any(|it| it == "subject");
        let wanted = |name: &str, field: TextField| match name {
            "subject" => field == TextField::Subject,
            "body" if has_subject => field != TextField::Subject,
            _ => true,
        };
        let mut composed = Composed { texts: Vec::new(), segments: Vec::new() };
        for name in inputs {
            let (mut text, mut segments, mut n_chars) = (String::new(), Vec::new(), 0);
            for (field, part) in parts.iter().filter(|it| wanted(name, it.0)) {
                if part.is_empty() {
                    continue;
                }
                if !text.is_empty() {
                    text.push('\n');
                    n_chars += 1;
                }
                let len = part.chars().count();
                text.push_str(part);
                segments.push(Segment { field: *field, start: n_chars, len });
                n_chars += len;
            }
            composed.texts.push(text);
            composed.segments.push(segments);
        }
        composed
    }

    /// The texts, in the order of the inputs.
    pub fn texts(&self) -> Vec<&str> {
        self.texts.iter().map(String::as_str).collect()
    }

    /// Spans of the texts as places of the fields; a span over two fields becomes two, which share its weight.
    pub fn evidence(&self, spans: &[Span]) -> Vec<Evidence> {
        let mut found = Vec::new();
        for span in spans {
            let (start, end) = (offset(span.start), offset(span.end));
            let n_chars = end.saturating_sub(start).max(1);
            for segment in self.segments.get(span.input).into_iter().flatten() {
                let from = start.max(segment.start);
                let to = end.min(segment.start + segment.len);
                if from < to {
                    let (start, end) = (from - segment.start, to - segment.start);
                    let share = (to - from) as f32 / n_chars as f32;
                    let place = TextPlace { field: segment.field, start, end };
                    found.push(Evidence { place, weight: span.weight * share });
                }
            }
        }
        found
    }
}

fn offset(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [Part<'_>; 3] =
        [(TextField::Subject, "甲乙"), (TextField::Body(0), "丙"), (TextField::Body(1), "丁戊")];

    fn check(inputs: &[&str], expected: &[&str]) {
        let inputs: Vec<String> = inputs.iter().map(|&it| it.to_owned()).collect();
        assert_eq!(Composed::new(&inputs, &PARTS).texts(), expected);
    }

    #[test]
    fn inputs_are_told_by_their_names() {
        check(&["text"], &["甲乙\n丙\n丁戊"]);
        check(&["body"], &["甲乙\n丙\n丁戊"]);
        check(&["subject"], &["甲乙"]);
        check(&["subject", "body"], &["甲乙", "丙\n丁戊"]);
        check(&["subject", "full"], &["甲乙", "甲乙\n丙\n丁戊"]);
    }

    #[test]
    fn evidence_goes_back_to_its_fields() {
        let composed = Composed::new(&["text".to_owned()], &PARTS);
        let span = Span { input: 0, start: 1, end: 6, weight: 1.0 };
        let places: Vec<TextPlace> = composed.evidence(&[span]).iter().map(|it| it.place).collect();
        let place = |field, start, end| TextPlace { field, start, end };
        assert_eq!(
            places,
            [
                place(TextField::Subject, 1, 2),
                place(TextField::Body(0), 0, 1),
                place(TextField::Body(1), 0, 1),
            ]
        );
        assert!(composed.evidence(&[Span { input: 9, ..span }]).is_empty());
    }
}
