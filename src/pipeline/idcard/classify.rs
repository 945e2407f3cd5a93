//! Which document a page is: by the words it prints and by its machine-readable zone.

use crate::pipeline::idcard::label::contains;
use crate::pipeline::idcard::layout::{self, Layout};
use crate::pipeline::idcard::mrz::Found;
use crate::pipeline::idcard::text::Row;
use crate::task::idcard::{DocumentType, MrzCheckDigits, MrzFormat};

/// Words must weigh this much before they tell a document.
const MIN_WEIGHT: f32 = 2.0;
/// Each label of a document weighs this much, up to [`MAX_LABELS`] of them.
const LABEL_WEIGHT: f32 = 0.3;
const MAX_LABELS: usize = 5;
/// Words of this weight tell a document whatever its zone seems to be.
const TELLING: f32 = 3.0;
/// Probability of a kind that check digits confirm.
const PROVEN: f32 = 0.99;

/// The kind of a page, how sure, and the layout to read it by.
pub(crate) struct Class {
    pub(crate) document: DocumentType,
    pub(crate) score: f32,
    pub(crate) layout: Option<&'static Layout>,
}

/// Tells the kind of a page.
pub(crate) fn classify(rows: &[Row], zone: Option<&Found>) -> Class {
    let mut weights: Vec<(f32, &'static Layout)> =
        layout::ALL.iter().map(|layout| (weight(rows, layout), layout)).collect();
    weights.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (best, second) = match weights.as_slice() {
        [best, second, ..] => (*best, second.0),
        _ => return Class { document: DocumentType::Unknown, score: 0.0, layout: None },
    };
    let (weight, layout) = best;
    let score = weight / (weight + 0.5 * second + 0.5);
    let by_words = Class { document: layout.document, score, layout: Some(layout) };
    let Some(zone) = zone else {
        if weight < MIN_WEIGHT {
            return Class {
                document: DocumentType::Unknown,
                score: 1.0 - weight / (2.0 * MIN_WEIGHT),
                layout: None,
            };
        }
        return by_words;
    };
    // A page that says in words that it is Taiwan's passport is one, even when the end of its zone is cut off.
    if layout.document == DocumentType::TwPassport && TELLING <= weight && zone.issuer == "TWN" {
        return by_words;
    }
    let document = by_zone(zone);
    // A card that names itself is that card, whatever zone its other side carries.
    let is_card = document == DocumentType::MrzTd1 || document == DocumentType::MrzTd2;
    if is_card && TELLING <= weight && layout.document != DocumentType::TwPassport {
        return by_words;
    }
    let layout = layout::ALL.iter().find(|it| it.document == document);
    Class { document, score: zone_score(zone), layout }
}

fn weight(rows: &[Row], layout: &Layout) -> f32 {
    let titles: f32 =
        layout.titles.iter().filter(|(text, _)| contains(rows, text)).map(|it| it.1).sum();
    if titles == 0.0 {
        return 0.0;
    }
    let labels = layout.labels.iter().filter(|(text, fields)| {
        !fields.is_empty() && 2 < text.chars().count() && contains(rows, text)
    });
    titles + LABEL_WEIGHT * labels.take(MAX_LABELS).count() as f32
}

fn by_zone(zone: &Found) -> DocumentType {
    match zone.mrz.format {
        MrzFormat::Td3 if zone.issuer == "TWN" => DocumentType::TwPassport,
        MrzFormat::Td3 => DocumentType::Passport,
        MrzFormat::Td1 => DocumentType::MrzTd1,
        MrzFormat::Td2 => DocumentType::MrzTd2,
        MrzFormat::MrvA | MrzFormat::MrvB => DocumentType::Visa,
    }
}

fn zone_score(zone: &Found) -> f32 {
    let MrzCheckDigits { number, birth, expiry, optional, composite } = zone.mrz.check_digits;
    let known: Vec<bool> =
        [number, birth, expiry, optional, composite].into_iter().flatten().collect();
    let n_holding = known.iter().filter(|it| **it).count();
    PROVEN * (n_holding + 1) as f32 / (known.len() + 1) as f32
}
