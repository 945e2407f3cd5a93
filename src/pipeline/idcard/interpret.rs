//! From the lines of a page to the fields of a document.

use crate::base::Date;
use crate::pipeline::idcard::assign::Assignment;
use crate::pipeline::idcard::classify::classify;
use crate::pipeline::idcard::label::segments;
use crate::pipeline::idcard::layout::Layout;
use crate::pipeline::idcard::line::Page;
use crate::pipeline::idcard::mrz::{self, Found};
use crate::pipeline::idcard::text::{Row, rows};
use crate::pipeline::idcard::value::Reading;
use crate::pipeline::idcard::verdict::{Calibration, cross_check, field};
use crate::pipeline::idcard::zone;
use crate::task::idcard::{DocumentType, Field, FieldName, Mrz};

/// What the lines of a page say.
#[derive(Clone, Debug)]
pub struct Document {
    /// Kind of document.
    pub document_type: DocumentType,
    /// Probability of the kind, 0 to 1.
    pub type_score: f32,
    /// Fields in the order of the document, each at most once.
    pub fields: Vec<Field>,
    /// Machine-readable zone.
    pub mrz: Option<Mrz>,
}

/// Interprets a page with raw scores as confidences. `today` bounds dates and decides centuries.
pub fn interpret(page: &Page, today: Date) -> Document {
    interpret_with(page, today, &Calibration::default())
}

/// Interprets a page; `calibration` turns raw scores into probabilities.
pub fn interpret_with(page: &Page, today: Date, calibration: &Calibration) -> Document {
    let mut rows = rows(page);
    let zone = mrz::find(&rows, today);
    if let Some(zone) = &zone {
        rows.retain(|row| !lies_in(row, zone));
    }
    let class = classify(&rows, zone.as_ref());
    let mut found = match class.layout {
        Some(layout) => printed(&rows, layout),
        None => zone.as_ref().map(zone::fields).unwrap_or_default(),
    };
    if class.layout.is_none() {
        zone::hyphenate(&mut found, &rows);
    }
    if let (Some(_), Some(zone)) = (class.layout, &zone) {
        zone::merge(&mut found, zone);
    }
    add_main_name(&mut found, class.document);
    cross_check(&mut found, today);
    if let Some(layout) = class.layout {
        sort(&mut found, layout);
    }
    let fields =
        found.into_iter().map(|(name, reading)| field(name, reading, calibration)).collect();
    Document {
        document_type: class.document,
        type_score: class.score,
        fields,
        mrz: zone.map(|it| it.mrz),
    }
}

fn lies_in(row: &Row, zone: &Found) -> bool {
    let bounds = row.bounds();
    let middle = bounds.middle_y();
    zone.bounds.top < middle && middle < zone.bounds.bottom && 0.5 < bounds.stacked(zone.bounds)
}

fn printed(rows: &[Row], layout: &Layout) -> Vec<(FieldName, Reading)> {
    let segments = segments(rows, layout.labels, &layout.words_with_labels());
    Assignment::of(&segments, layout).found
}

/// The main name: on documents from Taiwan the Chinese one, if they carry one; else the Latin one.
///
/// Which of the two names is the main one is a choice that no check digit proves.
fn add_main_name(found: &mut Vec<(FieldName, Reading)>, document: DocumentType) {
    let of = |name: FieldName| found.iter().find(|it| it.0 == name).map(|it| it.1.clone());
    if of(FieldName::Name).is_some() {
        return;
    }
    let Some(mut reading) = of(FieldName::NameZh).or_else(|| of(FieldName::NameEn)) else { return };
    let is_chinese_lost = document == DocumentType::TwPassport && of(FieldName::NameZh).is_none();
    reading.doubtful |= is_chinese_lost;
    reading.proven = false;
    found.insert(0, (FieldName::Name, reading));
}

fn sort(found: &mut [(FieldName, Reading)], layout: &Layout) {
    let place = |name: FieldName| {
        let listed = layout.fields.iter().position(|field| field.0 == name);
        if name == FieldName::Name { 0 } else { listed.map_or(usize::MAX, |at| at + 1) }
    };
    found.sort_by_key(|it| place(it.0));
}

#[cfg(test)]
mod tests;
