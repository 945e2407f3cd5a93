//! The answer to a recognition request.
//!
//! One rule: the keys of a document at the top level describe the first picture. `documents` appears only when two
//! pictures were sent, and holds the same keys for each of them in order. Everything else is about the call.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::base::{Private, RequestId};
use crate::media::Quad;
use crate::task::idcard::{
    self, DocumentType, FieldName, FieldStatus, IdAnswer, ModelInfo, Recognition, Timings,
};
use crate::wire::catalogue::Model;
use crate::wire::names;

use super::compare;
use super::meta::RecognitionOrder;

/// What every answer discloses.
pub const DISCLOSURE: &str = "本結果由人工智慧產生,僅供承辦人參考";

/// Corners, top left first, clockwise as the content reads: `[[x, y], …]` in pixels of the picture as displayed.
#[derive(Clone, Serialize, ToSchema)]
#[schema(value_type = Vec<Vec<f64>>, example = json!([[31, 40], [988, 52], [980, 640], [25, 628]]))]
pub struct Corners(pub [[f64; 2]; 4]);

/// The answer. Not `Debug`: it holds what is printed on somebody's card.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is its own key on the wire")]
pub struct RecognitionAnswer {
    /// Identifies the recognition.
    #[schema(example = "019a9f4e5d7c7d3e9c550d6a3f2b1c00")]
    pub recognition_id: String,
    /// The first picture.
    #[serde(flatten)]
    pub first: DocumentAnswer,
    /// Every picture in order; absent when one was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub documents: Vec<DocumentAnswer>,
    /// Expected values against the values read on any of the pictures.
    pub comparisons: Vec<Comparison>,
    /// Whether a value is in doubt, a check or comparison failed, or a picture should be taken again.
    pub needs_review: bool,
    /// Always: a person decides.
    pub requires_human: bool,
    /// Always: the answer supports a decision and is none.
    pub decision_support: bool,
    /// To be shown with the result.
    pub disclosure: &'static str,
    /// What answered.
    pub model: Model,
    /// Never: nothing of a picture is left out for its size.
    pub truncated: bool,
}

/// What was found in one picture.
#[derive(Clone, Serialize, ToSchema)]
pub struct DocumentAnswer {
    /// The document.
    pub document: Document,
    /// The picture's quality.
    pub quality: Quality,
    /// Fields, in the order of the document.
    pub fields: Vec<Field>,
    /// Machine-readable zone, if there is one.
    #[schema(required = true)]
    pub mrz: Option<Mrz>,
    /// Every line read, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Line>>,
    /// Where the face is, if asked for and found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face: Option<Corners>,
    /// PNG with the numbers masked, base64, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted_image: Option<String>,
    /// Where the time went, in milliseconds.
    pub timings_ms: TimingsMs,
}

/// Kind and place of a document.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = CardDocument)]
pub struct Document {
    /// Kind.
    #[serde(rename = "type")]
    pub kind: names::DocumentType,
    /// Probability of the kind, 0 to 1.
    pub type_score: f64,
    /// Clockwise rotation that makes the card upright: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Corners of the card; null when no border was found.
    #[schema(required = true)]
    pub corners: Option<Corners>,
    /// The picture.
    pub image: ImageSize,
}

/// Size of a picture as displayed (EXIF orientation applied).
#[derive(Clone, Serialize, ToSchema)]
pub struct ImageSize {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Technical quality of a picture.
#[derive(Clone, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is its own key on the wire")]
pub struct Quality {
    /// 0 (blurred) to 1 (crisp).
    pub sharpness: f64,
    /// Share of the card that is clipped highlight, 0 to 1.
    pub glare: f64,
    /// Whether the card touches the edge of the picture.
    pub cropped: bool,
    /// Whether the card is wide enough to read.
    pub resolution_ok: bool,
    /// Cards seen.
    pub n_cards: u32,
    /// Hint only: looks like a photo of a screen or a print.
    pub recapture_suspected: bool,
    /// Whether to take the picture again.
    pub retake: bool,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// Why to take a picture again.
#[derive(Clone, Serialize, ToSchema)]
pub struct Reason {
    /// Why.
    pub code: names::RetakeReason,
    /// What to do, in Traditional Chinese.
    pub text: &'static str,
}

/// A field.
#[derive(Clone, Serialize, ToSchema)]
pub struct Field {
    /// Which.
    pub name: names::FieldName,
    /// Normalised value (dates ISO 8601, sex `M` or `F`); null when not legible.
    #[schema(required = true)]
    pub value: Option<String>,
    /// As printed.
    pub raw: String,
    /// Probability that `value` is right, 0 to 1.
    pub confidence: f64,
    /// How far to trust it.
    pub status: names::FieldStatus,
    /// Where; absent when not asked for.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub corners: Option<Corners>,
    /// Checks made.
    pub checks: Vec<Check>,
    /// Why the value differs from `raw` beyond normalisation; null when it does not.
    #[schema(required = true)]
    pub repair: Option<&'static str>,
}

/// A check of a value.
#[derive(Clone, Serialize, ToSchema)]
pub struct Check {
    /// Which.
    #[schema(example = "checksum")]
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
}

/// A machine-readable zone.
#[derive(Clone, Serialize, ToSchema)]
pub struct Mrz {
    /// Layout.
    #[serde(rename = "type")]
    pub kind: names::MrzFormat,
    /// Lines.
    pub lines: Vec<String>,
    /// Whether the check digits hold; null where the layout has none.
    pub check_digits: CheckDigits,
    /// Whether a character was corrected with the help of the check digits.
    pub repaired: bool,
}

/// Check digits of an MRZ.
#[derive(Clone, Serialize, ToSchema)]
pub struct CheckDigits {
    /// Document number.
    #[schema(required = true)]
    pub number: Option<bool>,
    /// Date of birth.
    #[schema(required = true)]
    pub birth: Option<bool>,
    /// Date of expiry.
    #[schema(required = true)]
    pub expiry: Option<bool>,
    /// Optional data.
    #[schema(required = true)]
    pub optional: Option<bool>,
    /// Composite.
    #[schema(required = true)]
    pub composite: Option<bool>,
}

/// A line of text.
#[derive(Clone, Serialize, ToSchema)]
pub struct Line {
    /// As read.
    pub text: String,
    /// Mean probability of its characters.
    pub confidence: f64,
    /// Where.
    #[serde(rename = "box")]
    pub corners: Corners,
}

/// An expected value against the value read.
#[derive(Clone, Serialize, ToSchema)]
pub struct Comparison {
    /// Which field.
    pub name: names::FieldName,
    /// Whether they agree; null when the field was not read.
    #[serde(rename = "match")]
    #[schema(required = true)]
    pub is_match: Option<bool>,
}

/// Where the time of a picture went, in milliseconds.
#[derive(Clone, Serialize, ToSchema)]
pub struct TimingsMs {
    /// Waiting for memory and a decoding thread.
    pub queue: f64,
    /// Decoding.
    pub decode: f64,
    /// Recognition.
    pub infer: f64,
}

impl RecognitionAnswer {
    /// The answer to `order`; `None` when there is no answer at all to show.
    pub fn new(
        id: RequestId,
        order: &RecognitionOrder,
        answers: Vec<IdAnswer>,
        model: ModelInfo,
    ) -> Option<RecognitionAnswer> {
        let comparisons: Vec<Comparison> = order
            .expected
            .iter()
            .map(|(name, expected)| compare_field(*name, expected, &answers))
            .collect();
        let needs_review = comparisons.iter().any(|it| it.is_match != Some(true))
            || answers.iter().any(|it| is_doubtful(&it.recognition, order));
        let mut documents: Vec<DocumentAnswer> =
            answers.into_iter().map(|it| DocumentAnswer::new(it, order)).collect();
        let first = documents.first().cloned()?;
        if documents.len() == 1 {
            documents.clear();
        }
        Some(RecognitionAnswer {
            recognition_id: id.to_string(),
            first,
            documents,
            comparisons,
            needs_review,
            requires_human: true,
            decision_support: true,
            disclosure: DISCLOSURE,
            model: model.into(),
            truncated: false,
        })
    }
}

fn is_doubtful(found: &Recognition, order: &RecognitionOrder) -> bool {
    let type_accepted = match &order.types {
        Some(types) => types.contains(&found.document_type),
        None => found.document_type != DocumentType::Unknown,
    };
    let trusted =
        |it: &idcard::Field| matches!(it.status, FieldStatus::Verified | FieldStatus::Plausible);
    !type_accepted
        || found.fields.is_empty()
        || !found.fields.iter().all(trusted)
        || !found.quality.retake.is_empty()
}

/// Agreement with a legible value on any picture; a disagreement if there are only others.
fn compare_field(name: FieldName, expected: &Private<String>, answers: &[IdAnswer]) -> Comparison {
    let is_match = answers
        .iter()
        .flat_map(|it| &it.recognition.fields)
        .filter(|it| it.name == name)
        .filter_map(|it| it.value.as_ref())
        .map(|value| compare::matches(expected.expose(), value.expose()))
        .reduce(|any, one| any || one);
    Comparison { name: names::FieldName(name), is_match }
}

impl DocumentAnswer {
    fn new(answer: IdAnswer, order: &RecognitionOrder) -> DocumentAnswer {
        let IdAnswer { recognition: found, size: (width, height), timings } = answer;
        let line = |it: idcard::ReadLine| Line {
            text: it.text.into_inner(),
            confidence: share(it.confidence),
            corners: corners(&it.quad),
        };
        DocumentAnswer {
            document: Document {
                kind: names::DocumentType(found.document_type),
                type_score: share(found.type_score),
                rotation: found.rotation,
                corners: found.corners.as_ref().map(corners),
                image: ImageSize { width, height },
            },
            quality: found.quality.into(),
            fields: found.fields.into_iter().map(|it| Field::new(it, order.boxes)).collect(),
            mrz: found.mrz.map(Mrz::from),
            lines: order.lines.then(|| found.lines.into_iter().map(line).collect()),
            face: found.face.as_ref().map(corners),
            redacted_image: found.redacted_png.map(|it| STANDARD.encode(it.expose())),
            timings_ms: timings.into(),
        }
    }
}

impl From<idcard::Quality> for Quality {
    fn from(quality: idcard::Quality) -> Quality {
        let reason = |it: &idcard::RetakeReason| Reason {
            code: names::RetakeReason(*it),
            text: it.advice(),
        };
        Quality {
            sharpness: share(quality.sharpness),
            glare: share(quality.glare),
            cropped: quality.cropped,
            resolution_ok: quality.resolution_ok,
            n_cards: quality.n_cards,
            recapture_suspected: quality.recapture_suspected,
            retake: !quality.retake.is_empty(),
            reasons: quality.retake.iter().map(reason).collect(),
        }
    }
}

impl Field {
    fn new(field: idcard::Field, with_box: bool) -> Field {
        Field {
            name: names::FieldName(field.name),
            value: field.value.map(Private::into_inner),
            raw: field.raw.into_inner(),
            confidence: share(field.confidence),
            status: names::FieldStatus(field.status),
            corners: with_box.then(|| corners(&field.quad)),
            checks: field.checks.iter().map(|it| Check { name: it.name, ok: it.ok }).collect(),
            repair: field.repair,
        }
    }
}

impl From<idcard::Mrz> for Mrz {
    fn from(mrz: idcard::Mrz) -> Mrz {
        let idcard::MrzCheckDigits { number, birth, expiry, optional, composite } =
            mrz.check_digits;
        Mrz {
            kind: names::MrzFormat(mrz.format),
            lines: mrz.lines.into_iter().map(Private::into_inner).collect(),
            check_digits: CheckDigits { number, birth, expiry, optional, composite },
            repaired: mrz.repaired,
        }
    }
}

impl From<Timings> for TimingsMs {
    fn from(timings: Timings) -> TimingsMs {
        let ms = |it: std::time::Duration| rounded(it.as_secs_f64() * 1e3, 100.0);
        TimingsMs { queue: ms(timings.queue), decode: ms(timings.decode), infer: ms(timings.infer) }
    }
}

/// A probability or share, to four digits.
fn share(value: f32) -> f64 {
    rounded(f64::from(value).clamp(0.0, 1.0), 1e4)
}

fn corners(quad: &Quad) -> Corners {
    Corners(quad.0.map(|it| [rounded(it.x.into(), 10.0), rounded(it.y.into(), 10.0)]))
}

/// JSON knows no NaN and no infinity: they become 0.
fn rounded(value: f64, steps: f64) -> f64 {
    if value.is_finite() { (value * steps).round() / steps } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f32, expected: f64) {
        assert!((share(value) - expected).abs() < 1e-12, "{value}");
    }

    #[test]
    fn shares_are_finite_and_short() {
        check(0.123_456, 0.1235);
        check(f32::NAN, 0.0);
        check(7.0, 1.0);
        check(f32::NEG_INFINITY, 0.0);
    }
}
