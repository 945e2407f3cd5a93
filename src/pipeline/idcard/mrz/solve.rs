//! Corrects an aligned zone where its check digits prove the correction, and nowhere else.

use crate::pipeline::idcard::mrz::align::{Aligned, Column};
use crate::pipeline::idcard::mrz::digit::holds;
use crate::pipeline::idcard::mrz::layout::{Checked, Layout, Slot};
use crate::task::idcard::{MrzCheckDigits, MrzFormat};

/// Substitutions less likely than this (negative logarithm) are not tried.
const COST_LIMIT: f32 = 9.0;
/// A correction must be this much more likely than the next that the check digits admit.
const MARGIN: f32 = 0.7;
/// A reading this close to the chosen one must be refuted before a value counts as proven.
const RIVAL_COST: f32 = 2.3;
/// Corrections kept per value.
const MAX_PROPOSALS: usize = 8;

/// A zone in the columns of its format.
pub(crate) struct Zone {
    pub(crate) layout: Layout,
    pub(crate) lines: Vec<Vec<Column>>,
}

/// Columns to replace and how much less likely that reading is.
#[derive(Clone, Default)]
struct Proposal {
    cost: f32,
    changes: Vec<(usize, usize, char)>,
}

impl Zone {
    pub(crate) fn new(layout: Layout, lines: Vec<Aligned>) -> Zone {
        Zone { layout, lines: lines.into_iter().map(|line| line.columns).collect() }
    }

    pub(crate) fn column(&self, line: usize, column: usize) -> Option<&Column> {
        self.lines.get(line)?.get(column)
    }

    fn ch(&self, line: usize, column: usize) -> char {
        self.column(line, column).map_or('<', |it| it.ch)
    }

    pub(crate) fn columns(&self, slot: &Slot) -> &[Column] {
        self.lines
            .get(slot.line)
            .and_then(|line| line.get(slot.columns.clone()))
            .unwrap_or_default()
    }

    pub(crate) fn chars(&self, slot: &Slot) -> Vec<char> {
        self.columns(slot).iter().map(|it| it.ch).collect()
    }

    /// Whether the check digit of a value holds.
    pub(crate) fn holds(&self, checked: &Checked) -> bool {
        if let Some((chars, digit)) = self.long_number(checked) {
            return holds(&chars, digit);
        }
        holds(&self.chars(&checked.value), self.ch(checked.value.line, checked.digit))
    }

    /// A document number of more than nine characters: it goes on in the optional data, its digit last.
    pub(crate) fn long_number(&self, checked: &Checked) -> Option<(Vec<char>, char)> {
        let has_long = matches!(self.layout.format, MrzFormat::Td1 | MrzFormat::Td2);
        if !has_long || *checked != self.layout.number {
            return None;
        }
        let mut chars = self.chars(&checked.value);
        if self.ch(checked.value.line, checked.digit) != '<' || chars.last() == Some(&'<') {
            return None;
        }
        let rest = self.layout.free.first().map(|slot| self.chars(slot))?;
        chars.extend(rest.into_iter().take_while(|ch| *ch != '<'));
        let digit = chars.pop().filter(|_| checked.value.columns.len() <= chars.len())?;
        digit.is_ascii_digit().then_some((chars, digit))
    }

    fn composite_holds(&self) -> Option<bool> {
        let (slots, (line, column)) = self.layout.composite.as_ref()?;
        let chars: Vec<char> = slots.iter().flat_map(|slot| self.chars(slot)).collect();
        Some(holds(&chars, self.ch(*line, *column)))
    }

    /// Which check digits hold.
    pub(crate) fn check_digits(&self) -> MrzCheckDigits {
        MrzCheckDigits {
            number: Some(self.holds(&self.layout.number)),
            birth: Some(self.holds(&self.layout.birth)),
            expiry: Some(self.holds(&self.layout.expiry)),
            optional: self.layout.personal.as_ref().map(|it| self.holds(it)),
            composite: self.composite_holds(),
        }
    }

    /// Number of check digits that fail.
    pub(crate) fn n_failing(&self) -> usize {
        let digits = self.check_digits();
        let all = [digits.number, digits.birth, digits.expiry, digits.optional, digits.composite];
        all.into_iter().filter(|it| *it == Some(false)).count()
    }

    /// Whether a reading about as likely as the chosen one satisfies the check digit too.
    pub(crate) fn has_rival(&self, checked: &Checked) -> bool {
        columns_of(checked).into_iter().any(|(line, column)| {
            self.alternatives(line, column, RIVAL_COST)
                .into_iter()
                .any(|it| self.with(&it).holds(checked))
        })
    }

    /// Whether a character outside the names is not what was read.
    pub(crate) fn is_repaired(&self) -> bool {
        self.lines.iter().enumerate().any(|(line_idx, line)| {
            line.iter().enumerate().any(|(column_idx, column)| {
                let names = &self.layout.names;
                let is_name = names.line == line_idx && names.columns.contains(&column_idx);
                !is_name && column.read.is_some_and(|read| read != column.ch)
            })
        })
    }

    /// Applies the corrections that the check digits prove.
    pub(crate) fn solve(&mut self) {
        let failing: Vec<Checked> =
            self.layout.checked().into_iter().filter(|it| !self.holds(it)).cloned().collect();
        if failing.is_empty() && self.composite_holds() != Some(false) {
            return;
        }
        let mut plans = vec![Proposal::default()];
        for checked in &failing {
            let proposals = self.proposals(checked);
            if proposals.is_empty() {
                continue;
            }
            plans = plans.iter().flat_map(|plan| proposals.iter().map(|it| plan.and(it))).collect();
            plans.sort_by(|a, b| a.cost.total_cmp(&b.cost));
            plans.truncate(MAX_PROPOSALS * MAX_PROPOSALS);
        }
        if self.layout.composite.is_some() {
            let loose = self.loose_changes();
            let plans: Vec<Proposal> = plans
                .iter()
                .flat_map(|plan| loose.iter().map(|it| plan.and(it)))
                .filter(|plan| self.with(plan).composite_holds() == Some(true))
                .collect();
            if let Some(plan) = clear_winner(plans) {
                self.apply(&plan);
                return;
            }
        }
        if let Some(plan) = clear_winner(plans)
            && plan.changes.len() <= failing.len()
        {
            self.apply(&plan);
        }
    }

    /// Changes of one or two characters after which the check digit of a value holds, likeliest first.
    fn proposals(&self, checked: &Checked) -> Vec<Proposal> {
        let single: Vec<Proposal> = columns_of(checked)
            .into_iter()
            .flat_map(|(line, column)| self.alternatives(line, column, COST_LIMIT))
            .collect();
        let mut found: Vec<Proposal> = Vec::new();
        for (idx, first) in single.iter().enumerate() {
            let pairs = single.iter().skip(idx + 1).map(|second| first.and(second));
            for plan in std::iter::once(first.clone()).chain(pairs) {
                if plan.cost <= COST_LIMIT && plan.is_sound() {
                    let zone = self.with(&plan);
                    if zone.holds(checked) && zone.is_possible_date(checked) {
                        found.push(plan);
                    }
                }
            }
        }
        found.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        found.truncate(MAX_PROPOSALS);
        found
    }

    /// Changes of one character that only the composite checks, and no change.
    fn loose_changes(&self) -> Vec<Proposal> {
        let mut found = vec![Proposal::default()];
        let digit = self.layout.composite.iter().map(|(_, at)| *at);
        let free = self
            .layout
            .free
            .iter()
            .flat_map(|slot| slot.columns.clone().map(move |column| (slot.line, column)));
        for (line, column) in digit.chain(free) {
            found.extend(self.alternatives(line, column, COST_LIMIT));
        }
        found
    }

    fn alternatives(&self, line: usize, column: usize, limit: f32) -> Vec<Proposal> {
        let Some(it) = self.column(line, column) else { return Vec::new() };
        let base =
            it.options.iter().find(|option| option.0 == it.ch).map_or(0.0, |option| option.1);
        it.options
            .iter()
            .filter(|(ch, cost)| *ch != it.ch && cost - base < limit)
            .map(|(ch, cost)| Proposal { cost: cost - base, changes: vec![(line, column, *ch)] })
            .collect()
    }

    fn is_possible_date(&self, checked: &Checked) -> bool {
        if *checked != self.layout.birth && *checked != self.layout.expiry {
            return true;
        }
        let text: String = self.chars(&checked.value).into_iter().collect();
        let part = |from: usize| text.get(from..from + 2).unwrap_or_default().to_owned();
        let within =
            |part: &str, max: u8| part == "<<" || part.parse().is_ok_and(|it: u8| it <= max);
        within(&part(2), 12) && within(&part(4), 31)
    }

    fn with(&self, plan: &Proposal) -> Zone {
        let mut zone = Zone { layout: self.layout.clone(), lines: self.lines.clone() };
        zone.apply(plan);
        zone
    }

    fn apply(&mut self, plan: &Proposal) {
        for &(line, column, ch) in &plan.changes {
            if let Some(it) = self.lines.get_mut(line).and_then(|line| line.get_mut(column)) {
                it.ch = ch;
            }
        }
    }
}

impl Proposal {
    fn and(&self, other: &Proposal) -> Proposal {
        let changes = self.changes.iter().chain(&other.changes).copied().collect();
        Proposal { cost: self.cost + other.cost, changes }
    }

    /// Not two characters for one column.
    fn is_sound(&self) -> bool {
        let mut columns: Vec<(usize, usize)> =
            self.changes.iter().map(|&(line, column, _)| (line, column)).collect();
        columns.sort_unstable();
        columns.windows(2).all(|pair| pair.first() != pair.last())
    }
}

/// The columns of a value and of its check digit.
fn columns_of(checked: &Checked) -> Vec<(usize, usize)> {
    let line = checked.value.line;
    checked.value.columns.clone().chain([checked.digit]).map(|column| (line, column)).collect()
}

fn clear_winner(mut plans: Vec<Proposal>) -> Option<Proposal> {
    plans.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let mut plans = plans.into_iter();
    let best = plans.next()?;
    let is_clear = plans.next().is_none_or(|next| best.cost + MARGIN < next.cost);
    (is_clear && !best.changes.is_empty()).then_some(best)
}
