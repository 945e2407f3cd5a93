//! A tree of units as personnel systems export it (CSV: code, parent's code, name), as the next version of a taxonomy.
//!
//! Nothing of the past is lost: a unit that the table does not have any more ends on the day of the new version, and what
//! became of units before stays.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::base::Date;

use super::taxonomy::{Taxonomy, TaxonomyError, Unit};

/// Units above a unit: no agency has more.
const MAX_DEPTH: usize = 8;
/// Rows of a table.
const MAX_ROWS: usize = 10_000;

/// Why a table is refused.
#[derive(Debug, thiserror::Error)]
pub enum UnitTreeError {
    /// A column that is needed is not there.
    #[error("the table has no column `{0}`")]
    Column(&'static str),
    /// A row that is none.
    #[error("wrong row in line {line}: {what}")]
    Row {
        /// Its line.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A unit whose parent is not in the table, or lies below itself.
    #[error(
        "the unit of code `{code}` has no way up: its parent is not in the table, or lies below it"
    )]
    Parent {
        /// Its code.
        code: String,
    },
    /// The version that comes of it is none.
    #[error("the units of the table are no taxonomy")]
    Taxonomy(#[from] TaxonomyError),
    /// It cannot be written.
    #[error("failed to write the taxonomy")]
    Write(#[from] toml::ser::Error),
}

/// Columns by their names, in Chinese and in English.
struct Columns {
    code: usize,
    parent: usize,
    name: usize,
    aliases: Option<usize>,
    from: Option<usize>,
    to: Option<usize>,
    duties: Option<usize>,
}

/// A row of the table.
struct Listed {
    parent: String,
    name: String,
    aliases: Option<Vec<String>>,
    from: Option<Date>,
    to: Option<Date>,
    duties: Option<String>,
}

#[derive(Serialize)]
struct Written {
    version: String,
    tenant: String,
    name: String,
    unit: Vec<WrittenUnit>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    change: Vec<WrittenChange>,
}

#[derive(Serialize)]
struct WrittenUnit {
    path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
}

#[derive(Serialize)]
struct WrittenChange {
    on: String,
    from: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ministry: Option<String>,
}

/// The taxonomy, as a file, that holds from `on` when the table's units are those of that day.
///
/// # Errors
/// See [`UnitTreeError`].
pub fn from_csv(
    text: &str,
    before: &Taxonomy,
    version: &str,
    on: Date,
) -> Result<String, UnitTreeError> {
    let listed = read(text)?;
    let mut units: BTreeMap<String, Unit> = BTreeMap::new();
    for (code, row) in &listed {
        // The agency itself may be a row.
        if code == before.tenant() {
            continue;
        }
        let path = path(code, &listed, before.tenant())?;
        units.insert(path.clone(), unit(path, row, before, on));
    }
    for old in
        before.units().filter(|it| !units.contains_key(&it.path)).cloned().collect::<Vec<_>>()
    {
        let ended = old.to.filter(|it| *it <= on).unwrap_or(on);
        units.insert(old.path.clone(), Unit { to: Some(ended), ..old });
    }
    let changes = before.changes().iter().map(|it| WrittenChange {
        on: it.on.to_string(),
        from: it.from.clone(),
        to: it.to.clone(),
        ministry: it.ministry.clone(),
    });
    let written = Written {
        version: version.to_owned(),
        tenant: before.tenant().to_owned(),
        name: before.name().to_owned(),
        unit: units.into_values().map(written).collect(),
        change: changes.collect(),
    };
    let text = toml::to_string(&written)?;
    Taxonomy::parse(&text)?;
    Ok(text)
}

fn written(it: Unit) -> WrittenUnit {
    WrittenUnit {
        path: it.path,
        aliases: it.aliases,
        from: it.from.map(|it| it.to_string()),
        to: it.to.map(|it| it.to_string()),
        scope: it.scope,
    }
}

/// A unit of the table; what the table leaves open is as it was before.
fn unit(path: String, row: &Listed, before: &Taxonomy, on: Date) -> Unit {
    let known = before.unit(&path);
    let since = match known {
        Some(known) => known.from,
        None => Some(on),
    };
    Unit {
        aliases: row
            .aliases
            .clone()
            .or_else(|| known.map(|it| it.aliases.clone()))
            .unwrap_or_default(),
        from: row.from.or(since),
        to: row.to,
        scope: row.duties.clone().or_else(|| known.map(|it| it.scope.clone())).unwrap_or_default(),
        path,
    }
}

/// The path of a code, from the agency down.
fn path(
    code: &str,
    listed: &BTreeMap<String, Listed>,
    tenant: &str,
) -> Result<String, UnitTreeError> {
    let lost = || UnitTreeError::Parent { code: code.to_owned() };
    let mut names = Vec::new();
    let mut at = code;
    while !at.is_empty() && at != tenant {
        let row = listed.get(at).filter(|_| names.len() < MAX_DEPTH).ok_or_else(lost)?;
        names.push(row.name.as_str());
        at = &row.parent;
    }
    names.push(tenant);
    names.reverse();
    Ok(names.join("/"))
}

fn read(text: &str) -> Result<BTreeMap<String, Listed>, UnitTreeError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let wrong = |line, what| UnitTreeError::Row { line, what };
    let headers = reader.headers().map_err(|_| wrong(1, "no table"))?.clone();
    let columns = Columns::of(&headers)?;
    let (mut listed, mut paths) = (BTreeMap::new(), BTreeSet::new());
    for record in reader.records() {
        let record =
            record.map_err(|it| wrong(it.position().map_or(0, csv::Position::line), "no table"))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = |column: usize| record.get(column).unwrap_or_default().trim();
        let (code, name, parent) = (text(columns.code), text(columns.name), text(columns.parent));
        if code.is_empty() || name.is_empty() || name.contains('/') {
            return Err(wrong(line, "a code and a name without `/` are needed"));
        }
        if !paths.insert((parent.to_owned(), name.to_owned())) {
            return Err(wrong(line, "the name is there twice under one unit"));
        }
        let some = |column: Option<usize>| column.map(text).filter(|it| !it.is_empty());
        let day = |column| match some(column).map(Date::parse_iso) {
            Some(None) => Err(wrong(line, "a day is not YYYY-MM-DD")),
            Some(day) => Ok(day),
            None => Ok(None),
        };
        let names = |it: &str| it.split(['、', ';']).map(|it| it.trim().to_owned()).collect();
        let row = Listed {
            parent: parent.to_owned(),
            name: name.to_owned(),
            aliases: some(columns.aliases).map(names),
            from: day(columns.from)?,
            to: day(columns.to)?,
            duties: some(columns.duties).map(str::to_owned),
        };
        if listed.insert(code.to_owned(), row).is_some() {
            return Err(wrong(line, "the code is there twice"));
        }
        if MAX_ROWS < listed.len() {
            return Err(wrong(line, "too many rows"));
        }
    }
    if listed.is_empty() { Err(wrong(1, "no units")) } else { Ok(listed) }
}

impl Columns {
    fn of(headers: &csv::StringRecord) -> Result<Columns, UnitTreeError> {
        let find =
            |names: [&'static str; 2]| headers.iter().position(|it| names.contains(&it.trim()));
        let need = |names: [&'static str; 2]| find(names).ok_or(UnitTreeError::Column(names[0]));
        Ok(Columns {
            code: need(["單位代碼", "code"])?,
            parent: need(["上級單位代碼", "parent"])?,
            name: need(["單位名稱", "name"])?,
            aliases: find(["別名", "aliases"]),
            from: find(["起日", "valid_from"]),
            to: find(["迄日", "valid_to"]),
            duties: find(["職掌", "duties"]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "version = '1'\ntenant = 'A'\nname = '機關'\n\
        [[unit]]\npath = 'A/民政'\nscope = '自治'\nsections = 1\n\
        [[unit]]\npath = 'A/社會'\nto = '2020-01-01'\n\
        [[unit]]\npath = 'A/地政'\naliases = ['土地']\n\
        [[change]]\non = '2020-01-01'\nfrom = ['A/社會']\nto = ['A/民政']\n";

    fn on() -> Date {
        Date::parse_iso("2027-01-01").unwrap()
    }

    fn made(csv: &str) -> Result<Taxonomy, UnitTreeError> {
        let before = Taxonomy::parse(BEFORE).unwrap();
        from_csv(csv, &before, "2", on()).map(|it| Taxonomy::parse(&it).unwrap())
    }

    fn line(it: &Unit) -> String {
        let day = |it: Option<Date>| it.map_or("-".to_owned(), |it| it.to_string());
        format!("{} {} {} {} {}", it.path, day(it.from), day(it.to), it.aliases.join("+"), it.scope)
    }

    #[test]
    fn a_tree_becomes_the_next_version_and_the_past_stays() {
        let csv = "\u{FEFF}單位代碼,上級單位代碼,單位名稱,別名,職掌\n\
            10,A,民政,,\nA,,機關,,\n11,10,第二科,,\n20,,數位,資訊、網路,系統\n";
        let made = made(csv).unwrap();
        let units: Vec<String> = made.units().map(line).collect();
        let expected = [
            "A/地政 - 2027-01-01 土地 ",
            "A/數位 2027-01-01 - 資訊+網路 系統",
            "A/民政 - -  自治",
            "A/民政/第一科 - 2027-01-01  ",
            "A/民政/第二科 2027-01-01 -  ",
            "A/社會 - 2020-01-01  ",
        ];
        assert_eq!(units, expected);
        assert_eq!((made.version(), made.changes().len()), ("2", 1));
    }

    #[test]
    fn days_of_the_table_count() {
        let made =
            made("code,parent,name,valid_from,valid_to\n1,A,新,2027-03-01,2028-01-01\n").unwrap();
        let unit = made.unit("A/新").unwrap();
        assert_eq!(line(unit), "A/新 2027-03-01 2028-01-01  ");
    }

    #[track_caller]
    fn check(csv: &str, expected: &str) {
        let error = made(csv).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_table_that_is_no_tree_is_refused_with_its_line() {
        check("code,name\n1,a\n", "上級單位代碼");
        check("code,parent,name\n", "no units");
        check("code,parent,name\n1,A,a\n1,A,b\n", "line 3: the code");
        check("code,parent,name\n1,A,a\n2,A,a\n", "line 3: the name");
        check("code,parent,name\n1,A,a/b\n", "line 2");
        check("code,parent,name\n1,9,a\n", "`1` has no way up");
        check("code,parent,name\n1,2,a\n2,1,b\n", "no way up");
        check("code,parent,name,valid_from\n1,A,a,1 Jan\n", "line 2: a day");
        check("code,parent,name,valid_from,valid_to\n1,A,a,2027-02-01,2027-01-01\n", "no taxonomy");
    }
}
