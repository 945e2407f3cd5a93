//! Units of a tenant through time: which there are on a day, what lies under what, and what became of old ones (組改).
//!
//! A taxonomy is a versioned file. A unit is a path, the tenant's code first: `301000000A/戶政司/第一科`. A change
//! renames, merges, splits or sends away units on a day; a label of before is followed through the changes to the day
//! asked for.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::Date;

const MINISTRY: &str = include_str!("taxonomy.toml");

/// Numerals of sections: no unit has more.
const NUMERALS: [&str; 10] = ["一", "二", "三", "四", "五", "六", "七", "八", "九", "十"];

/// Why a taxonomy is refused.
#[derive(Debug, thiserror::Error)]
pub enum TaxonomyError {
    /// Not the expected TOML.
    #[error("failed to parse the taxonomy")]
    Malformed(#[from] toml::de::Error),
    /// A day that is not ISO 8601, or ends before it begins.
    #[error("wrong day at `{at}`")]
    Day {
        /// Path, or day of the change.
        at: String,
    },
    /// A path of another tenant, of an unknown parent, twice, or with empty parts.
    #[error("wrong path `{path}`")]
    Path {
        /// The path.
        path: String,
    },
    /// A change of or to units that the file does not list, or of a kind that does not fit their number.
    #[error("wrong change on {on}")]
    Change {
        /// Its day.
        on: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    tenant: String,
    name: String,
    unit: Vec<UnitRow>,
    #[serde(default)]
    change: Vec<ChangeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitRow {
    path: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    sections: usize,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRow {
    on: String,
    from: Vec<String>,
    #[serde(default)]
    to: Vec<String>,
    ministry: Option<String>,
}

/// One unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// `301000000A/戶政司`.
    pub path: String,
    /// Other names under which labels may call it.
    pub aliases: Vec<String>,
    /// First day; none when it was there before the records.
    pub from: Option<Date>,
    /// First day on which it is no more.
    pub to: Option<Date>,
    /// What it is for, in our own words; empty for a section.
    pub scope: String,
}

impl Unit {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it is there on a day.
    pub fn is_valid(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date < to)
    }
}

/// What happened to units on a day: others follow them, or their duties left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The day.
    pub on: Date,
    /// Those before.
    pub from: Vec<String>,
    /// Those after. The first one carries most of the duties.
    pub to: Vec<String>,
    /// The ministry that the duties went to.
    pub ministry: Option<String>,
}

/// What a label of before is on a later day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// One unit.
    Unit(String),
    /// Split: the unit with most of the duties, and the others. A person or a model must choose.
    Split {
        /// Most of the duties.
        main: String,
        /// The rest.
        others: Vec<String>,
    },
    /// Its duties went to another ministry.
    Left {
        /// That ministry.
        ministry: String,
    },
    /// It was closed, nothing followed it, and nothing above it is there.
    Gone,
    /// No unit of this name.
    Unknown,
}

/// The units of one tenant.
#[derive(Clone, Debug)]
pub struct Taxonomy {
    version: String,
    tenant: String,
    name: String,
    units: BTreeMap<String, Unit>,
    changes: Vec<Change>,
}

impl Taxonomy {
    /// The ministry's units, part of the program.
    pub fn ministry() -> Result<Taxonomy, TaxonomyError> {
        Taxonomy::parse(MINISTRY)
    }

    /// Reads a taxonomy and checks it whole.
    pub fn parse(text: &str) -> Result<Taxonomy, TaxonomyError> {
        let file: File = toml::from_str(text)?;
        let mut taxonomy = Taxonomy {
            version: file.version,
            tenant: file.tenant,
            name: file.name,
            units: BTreeMap::new(),
            changes: Vec::new(),
        };
        for row in file.unit {
            taxonomy.add(row)?;
        }
        for row in file.change {
            taxonomy.changes.push(change(row, &taxonomy.units)?);
        }
        taxonomy.changes.sort_by_key(|it| it.on);
        Ok(taxonomy)
    }

    fn add(&mut self, row: UnitRow) -> Result<(), TaxonomyError> {
        let day = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match Date::parse_iso(text) {
                Some(date) => Ok(Some(date)),
                None => Err(TaxonomyError::Day { at: row.path.clone() }),
            },
        };
        let (from, to) = (day(&row.from)?, day(&row.to)?);
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            return Err(TaxonomyError::Day { at: row.path });
        }
        let wrong = || TaxonomyError::Path { path: row.path.clone() };
        let parent = parent(&row.path).ok_or_else(wrong)?;
        let has_parent = parent == self.tenant || self.units.contains_key(parent);
        let is_whole = row.path.split('/').all(|part| !part.trim().is_empty());
        if !has_parent || !is_whole || self.units.contains_key(&row.path) {
            return Err(wrong());
        }
        for numeral in NUMERALS.iter().take(row.sections) {
            let path = format!("{}/第{numeral}科", row.path);
            let section =
                Unit { path: path.clone(), aliases: Vec::new(), from, to, scope: String::new() };
            self.units.insert(path, section);
        }
        let unit =
            Unit { path: row.path.clone(), aliases: row.aliases, from, to, scope: row.scope };
        self.units.insert(row.path, unit);
        Ok(())
    }

    /// Version of the file.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Code of the tenant, the head of every path.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Name of the tenant.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A unit by its path, whether or not it is still there.
    pub fn unit(&self, path: &str) -> Option<&Unit> {
        self.units.get(path)
    }

    /// Every unit, whether or not it is still there, by path.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// What happened to units, the oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The units that are there on a day, by path.
    pub fn at(&self, date: Date) -> impl Iterator<Item = &Unit> {
        self.units.values().filter(move |it| it.is_valid(date))
    }

    /// The units right under a path on a day; the tenant's code gives the first level.
    pub fn children<'a>(&'a self, path: &'a str, date: Date) -> impl Iterator<Item = &'a Unit> {
        self.at(date).filter(move |it| parent(&it.path) == Some(path))
    }

    /// The unit a label means on `at`. The label is a path, a name or an alias, as it was used on `then`.
    ///
    /// Without `then` it is taken as of the last day on which such a unit was there. What it means is there on `at`.
    pub fn map(&self, label: &str, then: Option<Date>, at: Date) -> Mapping {
        let Some(unit) = self.resolve(label.trim(), then, at) else { return Mapping::Unknown };
        // Without a day, a unit of today is of today; one that is gone is followed from its end.
        let since = match then {
            Some(then) => then,
            None if unit.is_valid(at) => at,
            None => unit.to.map_or(at, day_before),
        };
        let mut current = vec![unit.path.clone()];
        for change in self.changes.iter().filter(|it| since < it.on && it.on <= at) {
            let Some(place) = current.iter().position(|it| change.from.contains(it)) else {
                continue;
            };
            if let (Some(ministry), 0) = (&change.ministry, place) {
                return Mapping::Left { ministry: ministry.clone() };
            }
            current.retain(|it| !change.from.contains(it));
            let place = place.min(current.len());
            let followers: Vec<String> =
                change.to.iter().filter(|it| !current.contains(it)).cloned().collect();
            current.splice(place..place, followers);
        }
        let mut open: Vec<String> = Vec::new();
        for path in &current {
            // What was closed and not followed is handled by what is above it.
            let above = back_off(path).find(|it| self.unit(it).is_some_and(|it| it.is_valid(at)));
            if let Some(path) = above.filter(|it| !open.iter().any(|known| known == it)) {
                open.push(path.to_owned());
            }
        }
        match open.split_first() {
            Some((main, [])) => Mapping::Unit(main.clone()),
            Some((main, others)) => Mapping::Split { main: main.clone(), others: others.to_vec() },
            None => Mapping::Gone,
        }
    }

    /// The unit that a label names: one that was there on the day, else the one that was there last.
    fn resolve(&self, label: &str, then: Option<Date>, at: Date) -> Option<&Unit> {
        let named = |it: &&Unit| {
            it.path == label || it.name() == label || it.aliases.iter().any(|alias| alias == label)
        };
        let day = then.unwrap_or(at);
        let found: Vec<&Unit> = self.units.values().filter(named).collect();
        let there = found.iter().find(|it| it.is_valid(day)).copied();
        // A name that several sections share (第一科) names none of them.
        let n_there = found.iter().filter(|it| it.is_valid(day) && it.path != label).count();
        if 1 < n_there {
            return None;
        }
        there.or_else(|| found.into_iter().filter(|it| it.to.is_some()).max_by_key(|it| it.to))
    }
}

/// The path above a path; none for a tenant's code.
pub fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|it| it.0)
}

/// A path and those above it down to the first level: for handing a section's case to its unit when in doubt.
pub fn back_off(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |it| parent(it).filter(|above| above.contains('/')))
}

fn day_before(date: Date) -> Date {
    // Only the order against days of changes counts, so the first of the month before is as good.
    match date {
        Date { day: 2.., .. } => Date { day: date.day - 1, ..date },
        Date { month: 2.., .. } => Date { month: date.month - 1, day: 28, ..date },
        _ => Date { year: date.year.saturating_sub(1), month: 12, day: 31 },
    }
}

fn change(row: ChangeRow, units: &BTreeMap<String, Unit>) -> Result<Change, TaxonomyError> {
    let wrong = || TaxonomyError::Change { on: row.on.clone() };
    let on = Date::parse_iso(&row.on).ok_or_else(|| TaxonomyError::Day { at: row.on.clone() })?;
    let day_before = day_before(on);
    let were = row.from.iter().all(|it| units.get(it).is_some_and(|it| it.is_valid(day_before)));
    let are = row.to.iter().all(|it| units.get(it).is_some_and(|it| it.is_valid(on)));
    // Either units follow, or the duties left; never both, never neither.
    if row.from.is_empty() || !were || !are || row.to.is_empty() != row.ministry.is_some() {
        return Err(wrong());
    }
    Ok(Change { on, from: row.from, to: row.to, ministry: row.ministry })
}

#[cfg(test)]
mod tests;
