//! What must be nowhere: passwords in contracts, and statements put together from values.

use std::path::PathBuf;

use serde_json::Value;

use super::{read, root};

/// Words of what this service never takes nor keeps.
const PASSWORDS: [&str; 5] = ["password", "passwd", "passphrase", "pwd", "密碼"];

/// Every name of the description: of fields, parameters and schemas.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                found.push(name.clone());
                if name == "name" {
                    found.extend(value.as_str().map(str::to_owned));
                }
                names(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|it| names(it, found)),
        _ => (),
    }
}

#[test]
fn nothing_takes_or_keeps_a_password() {
    let mut found = Vec::new();
    names(&serde_json::to_value(fenwen::http::openapi()).unwrap(), &mut found);
    assert!(200 < found.len(), "{}", found.len());
    let settings = read("docs/reference/config.md");
    let keys = settings.lines().filter_map(|it| it.split('`').nth(1));
    found.extend(keys.map(str::to_owned));
    for file in files("src/store/migrations", "sql") {
        let text = std::fs::read_to_string(file).unwrap();
        found.extend(text.split(|ch: char| !ch.is_alphanumeric() && ch != '_').map(str::to_owned));
    }
    for name in found {
        let lower = name.to_lowercase();
        assert!(!PASSWORDS.iter().any(|it| lower.contains(it)), "`{name}` is a password");
    }
}

/// What answers is a suggestion, and says so.
#[test]
fn every_answer_says_that_it_is_a_suggestion() {
    let description = serde_json::to_value(fenwen::http::openapi()).unwrap();
    let schemas = description["components"]["schemas"].as_object().unwrap();
    for name in [
        "LetterItem",
        "DispatchResponse",
        "AnswerResponse",
        "SuggestionResponse",
        "RecognitionAnswer",
    ] {
        let schema = schemas.get(name).unwrap_or_else(|| panic!("no schema {name}"));
        for field in ["decision_support", "disclosure"] {
            let is_required = schema.to_string().contains(&format!("\"{field}\""));
            assert!(is_required, "{name} has no {field}");
        }
    }
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    found
}

/// The first literals of a source text's `format!` and `write!` that are statements.
fn formatted_statements(text: &str) -> Vec<String> {
    let calls = ["format!(", "write!(", "writeln!("];
    let starts = calls.iter().flat_map(|call| text.match_indices(call));
    let literals = starts.filter_map(|(at, _)| {
        let (call, _) = text[at..].split_once(';')?;
        let (_, literal) = call.split_once('"')?;
        let end =
            literal.char_indices().find(|&(at, ch)| ch == '"' && !literal[..at].ends_with('\\'));
        Some(literal[..end?.0].to_owned())
    });
    let words = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
    literals.filter(|it| words.iter().any(|word| it.contains(word))).collect()
}

/// What comes before a value: there a statement has a parameter and never a place. Names of tables and columns, and
/// whole conditions, are chosen among literals.
const BEFORE_VALUES: [&str; 8] = ["'", "=", "<", ">", "LIKE", "VALUES (", "LIMIT", "OFFSET"];

fn has_value(statement: &str) -> bool {
    let ends = statement.match_indices('{').map(|(at, _)| statement[..at].trim_end());
    // A quote that closes a literal is not before a value.
    let is_value = |before: &str, end: &str| {
        before.ends_with(end) && (end != "'" || before.matches('\'').count() % 2 == 1)
    };
    ends.into_iter().any(|before| BEFORE_VALUES.iter().any(|end| is_value(before, end)))
}

#[test]
fn statements_are_never_put_together_from_values() {
    let mut n_statements = 0;
    for file in files("src", "rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(&text);
        for statement in formatted_statements(code) {
            n_statements += 1;
            assert!(!has_value(&statement), "{}: {statement}", file.display());
        }
    }
    assert!(5 <= n_statements, "{n_statements}");
}

#[test]
fn a_statement_with_a_value_is_seen() {
    let text = r#"let a = format!("SELECT a FROM b WHERE c = {value}"); let d = format!("plain = {text}");"#;
    let found = formatted_statements(text);
    assert_eq!(found, ["SELECT a FROM b WHERE c = {value}"]);
    for (statement, expected) in [
        (found[0].as_str(), true),
        ("SELECT a FROM b WHERE c LIKE '{value}%'", true),
        ("SELECT {COLUMNS} FROM {table} WHERE {column} = $1 {skip}", false),
    ] {
        assert_eq!(has_value(statement), expected, "{statement}");
    }
}
