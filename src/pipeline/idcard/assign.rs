//! Gives each label its value: in the same line, to the right, or below; then finds values that lost their label.

mod order;

use std::mem::discriminant;

use crate::media::text::is_han;
use crate::pipeline::idcard::label::Segment;
use crate::pipeline::idcard::layout::Layout;
use crate::pipeline::idcard::text::{Bounds, Span};
use crate::pipeline::idcard::value::{Kind, Reading};
use crate::task::idcard::FieldName;

/// Farthest value, in heights of the text.
const MAX_RIGHT: f32 = 14.0;
const MAX_BELOW: f32 = 2.2;
/// Cost of a value below its label before distance counts.
const COST_BELOW: f32 = 1.0;
/// Cost of a value that stands right after another label.
const COST_FOREIGN: f32 = 8.0;
/// Lines that an address may go on for.
const MAX_CONTINUED: usize = 3;
/// Largest space between the characters of one name, in heights.
const MAX_NAME_GAP: f32 = 3.5;

/// The fields found on one document.
pub(crate) struct Assignment<'a> {
    segments: &'a [Segment<'a>],
    bounds: Vec<Bounds>,
    layout: &'a Layout,
    used: Vec<(usize, Kind)>,
    pub(crate) found: Vec<(FieldName, Reading)>,
}

/// A label and where its value may be.
struct Choice {
    cost: f32,
    field: FieldName,
    kind: Kind,
    segment: usize,
}

impl<'a> Assignment<'a> {
    /// Reads every field of `layout` from the segments of a page.
    pub(crate) fn of(segments: &'a [Segment<'a>], layout: &'a Layout) -> Assignment<'a> {
        let bounds = segments.iter().map(|it| it.span.bounds()).collect();
        let mut assignment =
            Assignment { segments, bounds, layout, used: Vec::new(), found: Vec::new() };
        assignment.by_label();
        assignment.by_pattern();
        assignment
    }

    fn by_label(&mut self) {
        let mut options = self.options();
        options.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        // A refuted value, or a word of no list, is taken only where no sound one is to be had.
        for is_strict in [true, false] {
            for option in &options {
                self.try_take(option.field, option.kind, option.segment, is_strict);
            }
            self.by_list();
        }
    }

    /// Words of lists that stand somewhere without their label.
    fn by_list(&mut self) {
        for (field, kind) in self.layout.fields {
            let span = |this: &Self, idx: usize| this.segments.get(idx).map(|it| it.span);
            match kind {
                _ if self.has(*field) => (),
                Kind::Listed(_) => self.first_of(*field, *kind, |this, idx| {
                    span(this, idx).is_some_and(|span| kind.holds(span))
                }),
                Kind::Preferred(_) | Kind::Printed(_) => {
                    self.first_of(*field, *kind, |this, idx| {
                        this.is_free(idx) && span(this, idx).is_some_and(|span| kind.names(span))
                    });
                }
                _ => (),
            }
        }
    }

    fn options(&self) -> Vec<Choice> {
        let mut options = Vec::new();
        for (label_idx, label) in self.segments.iter().enumerate() {
            for field in label.label.unwrap_or_default() {
                let Some(kind) = self.layout.kind(*field) else { continue };
                for segment in 0..self.segments.len() {
                    if let Some(cost) = self.cost(label_idx, segment) {
                        options.push(Choice { cost, field: *field, kind, segment });
                    }
                }
            }
        }
        options
    }

    /// How unlikely a text is the value of a label; `None` when it cannot be.
    fn cost(&self, label_idx: usize, text_idx: usize) -> Option<f32> {
        let (label, text) = (self.segments.get(label_idx)?, self.segments.get(text_idx)?);
        if text.label.is_some() {
            return None;
        }
        let own = self.label_before(text_idx);
        if own == Some(label_idx) {
            return Some(0.0);
        }
        let same =
            own.and_then(|it| self.segments.get(it)).is_some_and(|it| it.label == label.label);
        let foreign = if own.is_some() && !same { COST_FOREIGN } else { 0.0 };
        let (from, to) = (*self.bounds.get(label_idx)?, *self.bounds.get(text_idx)?);
        let height = from.height().max(to.height()).max(1.0);
        let right = (to.left - from.right) / height;
        let below = (to.top - from.bottom) / height;
        if 0.4 <= from.beside(to) && (-0.6..MAX_RIGHT).contains(&right) {
            let is_blocked = self.is_blocked(label_idx, |it| {
                0.5 <= it.beside(to)
                    && from.right - 0.3 * height < it.left
                    && it.right < to.left + 0.3 * height
            });
            return (!is_blocked)
                .then(|| foreign + 0.3 * right.max(0.0) + 2.0 * (1.0 - from.beside(to)));
        }
        let aligned = 0.2 <= from.stacked(to) || (to.left - from.left).abs() < 3.5 * height;
        let is_lower = from.middle_y() + 0.2 * height < to.middle_y();
        if aligned && is_lower && (-0.8..MAX_BELOW).contains(&below) {
            let is_blocked = self.is_blocked(label_idx, |it| {
                0.3 <= it.stacked(to)
                    && from.bottom < it.middle_y()
                    && it.bottom < to.top + 0.3 * height
            });
            let shift = (to.left - from.left).abs() / height;
            return (!is_blocked).then(|| foreign + COST_BELOW + below.max(0.0) + 0.1 * shift);
        }
        None
    }

    /// Whether a label for something else lies on the way.
    fn is_blocked(&self, label_idx: usize, is_between: impl Fn(Bounds) -> bool) -> bool {
        let fields = self.segments.get(label_idx).and_then(|it| it.label);
        self.segments.iter().zip(&self.bounds).enumerate().any(|(idx, (segment, bounds))| {
            idx != label_idx
                && segment.label.is_some()
                && segment.label != fields
                && is_between(*bounds)
        })
    }

    /// The label right before a text in its row.
    fn label_before(&self, text_idx: usize) -> Option<usize> {
        let text = self.segments.get(text_idx)?;
        let before = text_idx.checked_sub(1)?;
        let label = self.segments.get(before)?;
        (label.label.is_some_and(|it| !it.is_empty()) && label.row_idx == text.row_idx)
            .then_some(before)
    }

    fn has(&self, field: FieldName) -> bool {
        self.found.iter().any(|it| it.0 == field)
    }

    fn is_used(&self, segment: usize, kind: Kind) -> bool {
        let shares = matches!(kind, Kind::Listed(_));
        let same = |other: Kind| !shares && discriminant(&kind) == discriminant(&other);
        self.used.iter().any(|(idx, other)| *idx == segment && same(*other))
    }

    fn is_free(&self, segment: usize) -> bool {
        self.segments.get(segment).is_some_and(|it| it.label.is_none())
            && self
                .used
                .iter()
                .all(|(idx, kind)| *idx != segment || matches!(kind, Kind::Listed(_)))
    }

    fn try_take(&mut self, field: FieldName, kind: Kind, segment: usize, is_strict: bool) {
        if self.has(field) || self.is_used(segment, kind) {
            return;
        }
        let chain = self.chain(segment, kind);
        let spans: Vec<Span<'_>> =
            chain.iter().filter_map(|idx| self.segments.get(*idx).map(|it| it.span)).collect();
        let Some(reading) = kind.read(&spans) else { return };
        let is_unlisted = !kind.list().is_empty() && reading.doubtful;
        if is_strict && (!reading.is_sound() || is_unlisted) {
            return;
        }
        self.used.extend(chain.into_iter().map(|idx| (idx, kind)));
        self.found.push((field, reading));
    }

    /// A text and those that may continue it.
    fn chain(&self, segment: usize, kind: Kind) -> Vec<usize> {
        let mut chain = vec![segment];
        let max = match kind {
            Kind::Address => MAX_CONTINUED,
            Kind::NameZh if self.is_single_name_piece(segment) => 4,
            _ => 1,
        };
        while chain.len() < max {
            let Some(next) = chain.last().and_then(|last| self.next(*last, kind)) else { break };
            chain.push(next);
        }
        chain
    }

    fn is_single_name_piece(&self, segment: usize) -> bool {
        self.segments.get(segment).is_some_and(|it| {
            it.span.len() <= 2 && it.span.cells().iter().all(|cell| is_han(cell.ch()))
        })
    }

    fn next(&self, segment: usize, kind: Kind) -> Option<usize> {
        let from = *self.bounds.get(segment)?;
        let fits = |idx: &usize| {
            let Some(to) = self.bounds.get(*idx) else { return false };
            let height = from.height().max(1.0);
            let continues = self.segments.get(*idx).is_some_and(|it| {
                let is_long = 2 <= it.span.len() || matches!(kind, Kind::NameZh);
                it.span.has_han() && is_long || is_rest_of_address(&it.span.compact())
            });
            let is_near = match kind {
                Kind::NameZh => {
                    let space = (to.left - from.right) / height;
                    0.5 <= from.beside(*to)
                        && (-0.3..MAX_NAME_GAP).contains(&space)
                        && self.is_single_name_piece(*idx)
                }
                _ => {
                    let space = (to.top - from.bottom) / height;
                    (-0.5..1.3).contains(&space)
                        && from.middle_y() + 0.4 * height < to.middle_y()
                        && (0.3 <= from.stacked(*to) || (to.left - from.left).abs() < 3.0 * height)
                }
            };
            let is_others = matches!(kind, Kind::Address) && self.stands_beside_other_label(*idx);
            *idx != segment
                && !is_others
                && continues
                && is_near
                && self.is_free(*idx)
                && self.label_before(*idx).is_none()
        };
        (0..self.segments.len()).filter(fits).min_by(|a, b| {
            let at = |idx: &usize| self.bounds.get(*idx).map_or(f32::MAX, |it| it.left + it.top);
            at(a).total_cmp(&at(b))
        })
    }

    /// Whether a label for something else than an address stands in the same band.
    fn stands_beside_other_label(&self, segment: usize) -> bool {
        let Some(to) = self.bounds.get(segment) else { return false };
        self.segments.iter().zip(&self.bounds).any(|(it, bounds)| {
            let fields = it.label.unwrap_or_default();
            !fields.is_empty() && !fields.contains(&FieldName::Address) && 0.5 <= bounds.beside(*to)
        })
    }

    /// Values that stand somewhere without their label, told by their form alone.
    fn by_pattern(&mut self) {
        for (field, kind) in self.layout.fields {
            if self.has(*field) {
                continue;
            }
            match kind {
                Kind::NameZh => self.lone_name(*field),
                Kind::NameEn => self.first_of(*field, *kind, |this, idx| {
                    this.is_free(idx) && this.text(idx).contains(',')
                }),
                Kind::Address => self.first_of(*field, *kind, |this, idx| {
                    this.is_free(idx) && 8 <= this.text(idx).chars().count()
                }),
                Kind::Sex => self.first_of(*field, *kind, |this, idx| {
                    let text = this.text(idx);
                    let n_chars = text.chars().count();
                    let is_short = n_chars <= 2 || (n_chars <= 4 && text.contains(['男', '女']));
                    (this.is_free(idx) && is_short) || text.ends_with(['男', '女'])
                }),
                Kind::Phrase(_) => self.first_of(*field, *kind, |this, idx| {
                    let span = this.segments.get(idx).map(|it| it.span);
                    this.is_free(idx) && span.is_some_and(|span| kind.is_phrase(span))
                }),
                Kind::Id | Kind::Digits(..) => self.first_of(*field, *kind, Assignment::is_free),
                Kind::Listed(_)
                | Kind::Preferred(_)
                | Kind::Printed(_)
                | Kind::Date
                | Kind::Code(..)
                | Kind::Place => (),
            }
        }
        self.lone_parent(FieldName::Father, FieldName::Mother);
        self.lone_parent(FieldName::Mother, FieldName::Father);
        self.family_by_place();
        self.lone_dates();
        self.order_dates();
    }

    fn text(&self, segment: usize) -> String {
        self.segments.get(segment).map(|it| it.span.compact()).unwrap_or_default()
    }

    fn first_of(&mut self, field: FieldName, kind: Kind, fits: impl Fn(&Self, usize) -> bool) {
        for is_strict in [true, false] {
            for segment in 0..self.segments.len() {
                let is_text = self.segments.get(segment).is_some_and(|it| it.label.is_none());
                if is_text && fits(self, segment) {
                    self.try_take(field, kind, segment, is_strict);
                }
            }
        }
    }

    /// The largest text that is a usual name, on the documents that print the holder's name alone.
    fn lone_name(&mut self, field: FieldName) {
        if !matches!(field, FieldName::Name | FieldName::NameZh) {
            return;
        }
        let mut segments: Vec<usize> = (0..self.segments.len())
            .filter(|idx| self.is_free(*idx) && self.label_before(*idx).is_none())
            .collect();
        let height = |idx: &usize| self.bounds.get(*idx).map_or(0.0, |it| it.height());
        segments.sort_by(|a, b| height(b).total_cmp(&height(a)));
        for segment in segments {
            let chain = self.chain(segment, Kind::NameZh);
            let spans: Vec<Span<'_>> =
                chain.iter().filter_map(|idx| self.segments.get(*idx).map(|it| it.span)).collect();
            let is_usual = Kind::NameZh.read(&spans).is_some_and(|it| {
                let cells = spans.iter().flat_map(|span| span.cells());
                let n_read = cells.filter(|cell| is_han(cell.ch())).count();
                (!it.doubtful || it.repair.is_some()) && it.value.chars().count() == n_read
            });
            if is_usual {
                self.try_take(field, Kind::NameZh, segment, true);
                return;
            }
        }
    }

    /// A parent whose label is lost: the name in the same band as the other parent's.
    fn lone_parent(&mut self, lost: FieldName, other: FieldName) {
        let is_possible = self.layout.kind(lost).is_some() && !self.has(lost);
        let anchor = self.found.iter().find(|it| it.0 == other).map(|it| Bounds::of(&it.1.quad));
        let Some(anchor) = anchor.filter(|_| is_possible) else { return };
        let is_left = lost == FieldName::Father;
        let fits = |idx: &usize| {
            let Some(bounds) = self.bounds.get(*idx) else { return false };
            self.is_free(*idx)
                && 0.5 <= anchor.beside(*bounds)
                && (bounds.right < anchor.left) == is_left
                && self.label_before(*idx).is_none()
        };
        if let Some(segment) = (0..self.segments.len()).find(fits) {
            self.try_take(lost, Kind::NameZh, segment, true);
        }
    }

    /// Dates without a label: the earliest is the birth, an issue says so.
    fn lone_dates(&mut self) {
        let mut dates: Vec<(String, usize)> = (0..self.segments.len())
            .filter(|idx| self.is_free(*idx))
            .filter_map(|idx| {
                let reading = Kind::Date.read(&[self.segments.get(idx)?.span])?;
                reading.is_sound().then_some((reading.value, idx))
            })
            .collect();
        dates.sort();
        let is_date = |field: &FieldName| matches!(self.layout.kind(*field), Some(Kind::Date));
        let mut missing: Vec<FieldName> =
            [FieldName::BirthDate, FieldName::IssueDate, FieldName::ExpiryDate]
                .into_iter()
                .filter(|field| is_date(field) && !self.has(*field))
                .collect();
        if let Some(at) = dates.iter().position(|(_, idx)| self.text(*idx).contains(['發', '('])) {
            let (_, segment) = dates.remove(at);
            self.try_take(FieldName::IssueDate, Kind::Date, segment, true);
            missing.retain(|field| *field != FieldName::IssueDate);
        }
        if dates.len() == missing.len() || missing.first() == Some(&FieldName::BirthDate) {
            for (field, (_, segment)) in missing.into_iter().zip(dates) {
                self.try_take(field, Kind::Date, segment, true);
            }
        }
    }
}

/// What a full line leaves for the next: 號, 樓, or the figure after 之.
fn is_rest_of_address(text: &str) -> bool {
    let mut chars = text.chars();
    let only = chars.next().filter(|_| chars.next().is_none());
    only.is_some_and(|ch| {
        "號樓室".contains(ch) || ch.is_ascii_digit() || ('０'..='９').contains(&ch)
    })
}
