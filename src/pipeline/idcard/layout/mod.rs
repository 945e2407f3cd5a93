//! What each document prints: its title, its labels and the fields behind them. One file per document.

mod licence;
mod national_id;
mod nhi;
mod passport;
mod resident;

use crate::pipeline::idcard::label::Label;
use crate::pipeline::idcard::value::Kind;
use crate::task::idcard::{DocumentType, FieldName};

/// A document's layout, as far as it does not depend on a printer.
pub(crate) struct Layout {
    pub(crate) document: DocumentType,
    /// Words that tell the document, with their weight; labels count as well.
    pub(crate) titles: &'static [(&'static str, f32)],
    pub(crate) labels: &'static [Label],
    /// Fields in the order of the document.
    pub(crate) fields: &'static [(FieldName, Kind)],
}

impl Layout {
    /// How a field is read on this document.
    pub(crate) fn kind(&self, name: FieldName) -> Option<Kind> {
        self.fields.iter().find(|field| field.0 == name).map(|field| field.1)
    }

    /// Listed values that contain a label.
    pub(crate) fn words_with_labels(&self) -> Vec<&'static str> {
        let words = self.fields.iter().flat_map(|field| field.1.list());
        let holds_label = |word: &&str| {
            self.labels.iter().any(|(label, _)| word.len() > label.len() && word.contains(label))
        };
        words.copied().filter(holds_label).collect()
    }
}

/// Every layout.
pub(crate) const ALL: &[Layout] = &[
    national_id::FRONT,
    national_id::BACK,
    resident::CERTIFICATE,
    nhi::CARD,
    licence::LICENCE,
    passport::PASSPORT,
];
