//! What a unit is for, in words: training texts for units that have few labelled rows, or none.

use std::path::Path;

use anyhow::ensure;

use super::recipe::Recipe;
use crate::data::rows;

/// A text of a unit's duties or statutes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Duty {
    /// Label of the unit.
    pub(crate) unit: String,
    /// What it is for.
    pub(crate) text: String,
    /// The coarser label, where the file has the recipe's column.
    pub(crate) parent: Option<String>,
}

/// Reads a file of rows `{"unit", "text"}`; rows that lack one of the two are an error, for this file is written by hand.
pub(crate) fn read(path: &Path, recipe: &Recipe) -> anyhow::Result<Vec<Duty>> {
    let mut duties = Vec::new();
    for (row, number) in rows::read(path)?.iter().zip(1..) {
        let field = |name: &str| {
            let text = rows::text(row, name).map(|it| it.trim().to_owned());
            text.filter(|it| !it.is_empty())
        };
        let (unit, text) = (field("unit"), field("text"));
        ensure!(
            unit.is_some() && text.is_some(),
            "{} 第 {number} 列缺少 unit 或 text",
            path.display()
        );
        let parent = recipe.parent.as_ref().and_then(|it| field(&it.column));
        duties.extend(unit.zip(text).map(|(unit, text)| Duty { unit, text, parent }));
    }
    ensure!(!duties.is_empty(), "{} 沒有任何職掌", path.display());
    Ok(duties)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str) -> Result<Vec<Duty>, String> {
        let recipe: Recipe = toml::from_str(
            "name = 'n'\n[[views]]\norders = [1]\n[parent]\ncolumn = 'above'\nweight = 1",
        )
        .unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("duties.jsonl");
        std::fs::write(&path, lines).unwrap();
        read(&path, &recipe).map_err(|err| err.to_string())
    }

    #[test]
    fn duties_are_read_whole_or_not_at_all() {
        let duty = |unit: &str, text: &str, parent: Option<&str>| Duty {
            unit: unit.to_owned(),
            text: text.to_owned(),
            parent: parent.map(str::to_owned),
        };
        let found = check(concat!(
            "{\"unit\": \"役政司\", \"text\": \" 徵兵處理\"}\n",
            "{\"unit\": \"地政司\", \"text\": \"土地登記\", \"above\": \"部\"}\n",
        ));
        let expected = [duty("役政司", "徵兵處理", None), duty("地政司", "土地登記", Some("部"))];
        assert_eq!(found.unwrap(), expected);
        let lacking = "{\"unit\": \"役政司\", \"text\": \"徵兵\"}\n{\"unit\": \"役政司\"}\n";
        assert!(check(lacking).unwrap_err().contains("第 2 列"));
        assert!(check("").unwrap_err().contains("職掌"));
    }
}
