//! Where a label is lost, the order in which every issue of a document prints its fields tells which value is which.

use crate::pipeline::idcard::assign::Assignment;
use crate::pipeline::idcard::text::{Bounds, Span};
use crate::pipeline::idcard::value::Kind;
use crate::task::idcard::FieldName;

/// Dates from top to bottom, on every document that prints more than one.
const DATES: [FieldName; 3] = [FieldName::BirthDate, FieldName::IssueDate, FieldName::ExpiryDate];
/// Farther left than this many heights, two values do not begin in one column.
const COLUMN: f32 = 3.0;

impl Assignment<'_> {
    /// Puts the dates in their order if one of them lost its label, so that another's may have taken it.
    pub(super) fn order_dates(&mut self) {
        let is_printed = |field: &FieldName| matches!(self.layout.kind(*field), Some(Kind::Date));
        let fields: Vec<FieldName> = DATES.into_iter().filter(is_printed).collect();
        let is_labelled = |field: &FieldName| {
            self.segments.iter().any(|it| it.label.is_some_and(|fields| fields.contains(field)))
        };
        if fields.iter().all(is_labelled) {
            return;
        }
        let mut dates = Vec::new();
        for field in &fields {
            let Some((_, reading)) = self.found.iter().find(|it| it.0 == *field) else { return };
            dates.push((Bounds::of(&reading.quad), reading.clone()));
        }
        let lies_below = |pair: &[(Bounds, _)]| match pair {
            [(upper, _), (lower, _)] => upper.middle_y() <= lower.middle_y() + 0.5 * lower.height(),
            _ => true,
        };
        if dates.windows(2).all(lies_below) {
            return;
        }
        dates.sort_by(|a, b| a.0.middle_y().total_cmp(&b.0.middle_y()));
        for (field, (_, mut reading)) in fields.into_iter().zip(dates) {
            reading.doubtful = true;
            if let Some(found) = self.found.iter_mut().find(|it| it.0 == field) {
                found.1 = reading;
            }
        }
    }

    /// Names of the family without labels: the father's left of the mother's, the spouse's below the father's.
    pub(super) fn family_by_place(&mut self) {
        let is_printed = |field: FieldName| self.layout.kind(field).is_some();
        if !is_printed(FieldName::Father) || !is_printed(FieldName::Spouse) {
            return;
        }
        if !self.has(FieldName::Father) && !self.has(FieldName::Mother) {
            let beside = self.lone_names().first().and_then(|&(idx, bounds)| {
                let other = self.name_like(idx, bounds)?;
                let is_left = bounds.left < self.bounds.get(other)?.left;
                Some(if is_left { (idx, other) } else { (other, idx) })
            });
            if let Some((father, mother)) = beside {
                self.try_take(FieldName::Father, Kind::NameZh, father, true);
                self.try_take(FieldName::Mother, Kind::NameZh, mother, true);
            }
        }
        let father = self.found.iter().find(|it| it.0 == FieldName::Father);
        let Some(father) = father.map(|it| Bounds::of(&it.1.quad)) else { return };
        if self.has(FieldName::Spouse) {
            return;
        }
        let is_below = |it: &&(usize, Bounds)| {
            father.bottom < it.1.middle_y()
                && (it.1.left - father.left).abs() < COLUMN * father.height()
        };
        if let Some((spouse, _)) = self.lone_names().iter().find(is_below) {
            self.try_take(FieldName::Spouse, Kind::NameZh, *spouse, true);
        }
    }

    /// A text in the same band that may be a name, though not a usual one.
    fn name_like(&self, idx: usize, band: Bounds) -> Option<usize> {
        let fits = |other: &usize| {
            let Some(bounds) = self.bounds.get(*other) else { return false };
            let n_chars = self.text(*other).chars().count();
            *other != idx && self.is_unread(*other) && 3 <= n_chars && 0.5 <= band.beside(*bounds)
        };
        (0..self.segments.len()).find(fits)
    }

    /// Whether a text is neither a label nor any field's value yet.
    fn is_unread(&self, idx: usize) -> bool {
        self.is_free(idx) && self.used.iter().all(|it| it.0 != idx)
    }

    /// Free texts that are a usual name and nothing else, from top to bottom.
    fn lone_names(&self) -> Vec<(usize, Bounds)> {
        let is_name = |idx: &usize| {
            let span: Option<Span<'_>> = self.segments.get(*idx).map(|it| it.span);
            let reading = span.and_then(|span| Kind::NameZh.read(&[span]));
            let is_whole = |value: &str| span.is_some_and(|it| it.len() == value.chars().count());
            self.is_unread(*idx) && reading.is_some_and(|it| !it.doubtful && is_whole(&it.value))
        };
        let mut names: Vec<(usize, Bounds)> = (0..self.segments.len())
            .filter(is_name)
            .filter_map(|idx| Some((idx, *self.bounds.get(idx)?)))
            .collect();
        names.sort_by(|a, b| a.1.top.total_cmp(&b.1.top));
        names
    }
}
