//! Scoring: one answer against one truth, field by field.

use serde::Serialize;

use crate::cards::truth::{Truth, TruthField};
use crate::idcard::peer::{self, PeerLine};
use crate::idcard::reader::{PredictedField, Prediction};
use crate::idcard::text::{distance, fold, fold_value};

/// What became of one printed field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldScore {
    /// Wire name.
    pub name: String,
    /// Whether the normalised value is right.
    pub exact: bool,
    /// Whether the lines over the field say what is printed; `None` when the answer has no lines.
    pub lines_exact: Option<bool>,
    /// Characters wrong in the value (for a peer: in the printed text).
    pub edits: usize,
    /// Characters of the true value (for a peer: of the printed text).
    pub length: usize,
    /// Confidence of the answer; `None` when there is none.
    pub confidence: Option<f32>,
    /// Status of the answer.
    pub status: String,
    /// Whether the answer was repaired.
    pub repaired: bool,
    /// Whether the printed check digit holds; `None` for fields without one.
    pub valid: Option<bool>,
}

/// What became of a machine-readable zone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MrzScore {
    /// Whether every line is right.
    pub exact: bool,
    /// Whether the reader says that all check digits hold.
    pub digits_ok: bool,
    /// Characters wrong.
    pub edits: usize,
    /// Characters.
    pub length: usize,
}

/// What became of one picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageScore {
    /// File name.
    pub image: String,
    /// Level.
    pub level: String,
    /// True kind of document.
    pub document_type: String,
    /// Whether the kind is right; `None` for readers that give none.
    pub type_ok: Option<bool>,
    /// Printed fields.
    pub fields: Vec<FieldScore>,
    /// Machine-readable zone, where one is printed.
    pub mrz: Option<MrzScore>,
    /// Fields answered that are not printed, on documents whose printed fields are all in the truth.
    pub extra: Vec<String>,
    /// Why there is no answer.
    pub error: Option<String>,
}

/// Scores an answer; `Err` is the reason why there is none.
pub fn score(truth: &Truth, answer: Result<&Prediction, String>) -> ImageScore {
    let (prediction, error) = match answer {
        Ok(prediction) => (prediction.clone(), None),
        Err(error) => (Prediction::default(), Some(error)),
    };
    let lines = prediction.lines.as_deref();
    let find = |name: &str| prediction.fields.iter().find(|it| it.name == name);
    let fields = truth
        .fields
        .iter()
        .map(|(name, field)| score_field(name, field, (find(name), lines)))
        .collect();
    let mrz = truth.mrz.as_ref().map(|zone| {
        let read = prediction.mrz.clone().unwrap_or_default();
        let edits = edits_of_lines(&zone.lines, &read.lines);
        MrzScore {
            exact: edits == 0 && read.lines.len() == zone.lines.len(),
            digits_ok: !read.lines.is_empty()
                && read.check_digits.values().all(|it| *it != Some(false)),
            edits,
            length: zone.lines.iter().map(String::len).sum(),
        }
    });
    let complete = truth.document_type.starts_with("tw_");
    let extra = prediction.fields.iter().filter(|it| complete && it.value.is_some());
    ImageScore {
        image: truth.image.clone(),
        level: truth.level.clone(),
        document_type: truth.document_type.clone(),
        type_ok: Some(prediction.document.kind == truth.document_type),
        fields,
        mrz,
        extra: extra
            .map(|it| it.name.clone())
            .filter(|it| !truth.fields.contains_key(it))
            .collect(),
        error,
    }
}

fn score_field(
    name: &str,
    truth: &TruthField,
    (read, lines): (Option<&PredictedField>, Option<&[PeerLine]>),
) -> FieldScore {
    let value = read.and_then(|it| it.value.as_deref());
    let found = fold_value(name, value.unwrap_or_default());
    let accepted = std::iter::once(&truth.value).chain(&truth.also);
    let (edits, length) = accepted
        .map(|it| fold_value(name, it))
        .map(|it| (distance(&it, &found), it.len()))
        .min()
        .unwrap_or((0, 0));
    FieldScore {
        name: name.to_owned(),
        exact: value.is_some() && edits == 0,
        lines_exact: lines.map(|it| read_lines(truth, it).0 == 0),
        edits: edits.min(length),
        length,
        confidence: read.filter(|it| it.value.is_some()).map(|it| it.confidence),
        status: read.map(|it| it.status.clone()).unwrap_or_default(),
        repaired: read.is_some_and(|it| it.repair.is_some()),
        valid: truth.valid,
    }
}

/// Scores the lines of another engine: a field is what the lines over its polygon say, at their best.
pub fn score_lines(truth: &Truth, lines: &[PeerLine]) -> ImageScore {
    let fields = truth.fields.iter().map(|(name, field)| {
        let (edits, confidence) = read_lines(field, lines);
        FieldScore {
            name: name.clone(),
            exact: edits == 0,
            lines_exact: Some(edits == 0),
            edits,
            length: fold(&field.raw).len(),
            confidence,
            status: String::new(),
            repaired: false,
            valid: field.valid,
        }
    });
    let mrz = truth.mrz.as_ref().map(|zone| {
        let pairs = zone.lines.iter().zip(&zone.polygons);
        let edits = pairs.map(|(line, at)| peer::best(at, &fold(line), lines).0).sum();
        let length = zone.lines.iter().map(String::len).sum();
        MrzScore { exact: edits == 0, digits_ok: edits == 0, edits, length }
    });
    ImageScore {
        image: truth.image.clone(),
        level: truth.level.clone(),
        document_type: truth.document_type.clone(),
        type_ok: None,
        fields: fields.collect(),
        mrz,
        extra: Vec::new(),
        error: None,
    }
}

/// Wrong characters over all pieces of a field, and the lowest confidence; `None` when a piece has no line.
fn read_lines(field: &TruthField, lines: &[PeerLine]) -> (usize, Option<f32>) {
    if field.parts.is_empty() {
        return peer::best(&field.polygon, &fold(&field.raw), lines);
    }
    let pieces = field.parts.iter().map(|it| peer::best(&it.polygon, &fold(&it.raw), lines));
    pieces.fold((0, Some(1.0)), |(edits, confidence), (more, own)| {
        (edits + more, confidence.zip(own).map(|(a, b)| a.min(b)))
    })
}

fn edits_of_lines(truth: &[String], read: &[String]) -> usize {
    let nothing = String::new();
    let pairs =
        truth.iter().enumerate().map(|(idx, line)| (line, read.get(idx).unwrap_or(&nothing)));
    pairs.map(|(line, found)| distance(&fold(line), &fold(found)).min(line.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::{Truth, score, score_lines};
    use crate::idcard::peer::PeerLine;
    use crate::idcard::reader::Prediction;

    fn truth() -> Truth {
        let field = |value: &str, raw: &str, x: f32| serde_json::json!({"value": value, "raw": raw, "polygon": [[x, 0], [x + 50.0, 0], [x + 50.0, 10], [x, 10]]});
        let mut id = field("A123456789", "A123456789", 200.0);
        id["valid"] = true.into();
        let mut nationality = field("REPUBLIC OF CHINA", "REPUBLIC OF CHINA", 300.0);
        nationality["also"] = serde_json::json!(["TWN"]);
        let birth = field("1990-06-05", "民國79年6月5日", 0.0);
        serde_json::from_value(serde_json::json!({
            "image": "a.jpg", "seed": 1, "split": "dev", "level": "flat", "document_type": "tw_passport",
            "width": 10, "height": 10, "rotation": 0, "corners": [[0, 0], [0, 0], [0, 0], [0, 0]],
            "fields": {"birth_date": birth, "id_number": id, "nationality": nationality},
            "mrz": {"type": "TD3", "lines": ["P<TWN", "12345"],
                    "polygons": [[[0, 20], [50, 20], [50, 30], [0, 30]], [[0, 40], [50, 40], [50, 50], [0, 50]]]}
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_is_scored_by_value() {
        let answer: Prediction = serde_json::from_value(serde_json::json!({
            "document": {"type": "tw_passport"},
            "fields": [
                {"name": "birth_date", "value": "1990-06-05", "raw": "出生民國 79 年 6 月 5 日", "confidence": 0.9},
                {"name": "id_number", "value": "A123456780", "raw": "A12345678O", "status": "verified", "repair": "x"},
                {"name": "nationality", "value": "TWN", "raw": "TWN"},
                {"name": "spouse", "value": "無", "raw": "無"}
            ],
            "mrz": {"lines": ["P<TWN", "12345"], "check_digits": {"number": true, "optional": null}},
            "lines": [{"text": "出生民國79年6月5日", "confidence": 0.9, "box": [[0, 0], [50, 0], [50, 10], [0, 10]]}]
        }))
        .unwrap();
        let score = score(&truth(), Ok(&answer));
        let found: Vec<(bool, Option<bool>, usize)> =
            score.fields.iter().map(|it| (it.exact, it.lines_exact, it.edits)).collect();
        assert_eq!(found, [(true, Some(true), 0), (false, Some(false), 1), (true, Some(false), 0)]);
        assert!(score.fields[1].repaired && score.fields[1].status == "verified");
        assert_eq!(score.extra, ["spouse"]);
        assert!(
            score.mrz.unwrap().exact && score.mrz.unwrap().digits_ok && score.type_ok == Some(true)
        );
    }

    #[test]
    fn without_an_answer_everything_is_wrong() {
        let score = score(&truth(), Err("gone".to_owned()));
        assert!(
            score
                .fields
                .iter()
                .all(|it| !it.exact && it.lines_exact.is_none() && it.edits == it.length)
        );
        assert!(!score.mrz.unwrap().exact && !score.mrz.unwrap().digits_ok);
        assert_eq!((score.type_ok, score.error.as_deref()), (Some(false), Some("gone")));
    }

    #[test]
    fn lines_of_a_peer_are_scored_by_place() {
        let line = |text: &str, x: f32, y: f32| PeerLine {
            text: text.to_owned(),
            score: 0.9,
            quad: [[x, y], [x + 120.0, y], [x + 120.0, y + 10.0], [x, y + 10.0]],
        };
        let lines = [
            line("出生 民國79年6月5日 A", 0.0, 0.0),
            line("A123456789", 900.0, 0.0),
            line("P<TWN", 0.0, 20.0),
        ];
        let score = score_lines(&truth(), &lines);
        let exact: Vec<bool> = score.fields.iter().map(|it| it.exact).collect();
        assert_eq!(exact, [true, false, false], "the number was read, but elsewhere");
        assert_eq!(score.mrz.unwrap().edits, 5);
    }
}
