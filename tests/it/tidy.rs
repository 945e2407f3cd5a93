//! Rules about the source itself. They run with `cargo test`, so there is no second place to look.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which top-level module may import which. A module imports only what its row lists.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("tensor", &[]),
    ("config", &["base"]),
    ("media", &["base"]),
    ("task", &["base", "media"]),
    ("wire", &["base", "media", "task"]),
    ("registry", &["base", "config"]),
    ("engine", &["base", "tensor", "config", "registry"]),
    ("batch", &["base", "tensor", "engine"]),
    ("pipeline", &["base", "tensor", "media", "task", "engine", "batch"]),
    ("service", &["base", "config", "media", "task", "registry", "engine", "batch", "pipeline"]),
    ("http", &["base", "config", "task", "wire", "service"]),
    (
        "cli",
        &[
            "base", "tensor", "config", "media", "task", "wire", "registry", "engine", "batch",
            "pipeline", "service", "http",
        ],
    ),
];

/// Most lines of a source file, tests not counted.
const MAX_FILE_LINES: usize = 500;

/// Files allowed over the limit. This list may only shrink.
const LONG_FILES: &[&str] = &[];

#[test]
fn layers_point_down() {
    let mut wrong = Vec::new();
    for (idx, (module, allowed)) in MAY_IMPORT.iter().enumerate() {
        for other in *allowed {
            let below = MAY_IMPORT[..idx].iter().any(|(name, _)| name == other);
            assert!(below, "`{module}` lists `{other}`, which is not above it in MAY_IMPORT");
        }
    }
    for file in sources() {
        let Some(module) = top_module(&file) else { continue };
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: module `{module}` has no row in MAY_IMPORT", file.display()));
            continue;
        };
        let code = code_only(&fs::read_to_string(&file).unwrap());
        for used in crate_modules(&code) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: `{module}` may not import `{used}`", file.display()));
            }
        }
        if code.contains("super::super") {
            wrong.push(format!("{}: write `crate::…` instead of `super::super`", file.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|it| !fs::read_to_string(it).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "files without a `//!` head: {silent:#?}");
}

#[test]
fn files_stay_short() {
    for file in sources() {
        let lines = code_only(&fs::read_to_string(&file).unwrap()).lines().count();
        let listed = LONG_FILES.iter().any(|it| file.ends_with(it));
        assert!(lines <= MAX_FILE_LINES || listed, "{}: {lines} lines", file.display());
        assert!(MAX_FILE_LINES < lines || !listed, "{}: take it off LONG_FILES", file.display());
    }
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// `src/http/mod.rs` and `src/http.rs` → `http`; `src/lib.rs` → none.
fn top_module(file: &Path) -> Option<String> {
    let relative = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = relative.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib" && name != "main").then(|| name.to_owned())
}

/// The names right after `crate::`, also those inside `crate::{a::X, b}`.
fn crate_modules(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (start, _) in code.match_indices("crate::") {
        if code[..start].ends_with(|ch: char| ch.is_alphanumeric() || ch == '_' || ch == '$') {
            continue;
        }
        let rest = code[start + "crate::".len()..].trim_start();
        match rest.strip_prefix('{') {
            None => found.insert(first_word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut at_name = true;
                for (idx, ch) in group.char_indices() {
                    match ch {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_name = true,
                        _ if at_name && depth == 0 && !ch.is_whitespace() => {
                            found.insert(first_word(&group[idx..]));
                            at_name = false;
                        }
                        _ => (),
                    }
                }
                false
            }
        };
    }
    found
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|ch| ch.is_alphanumeric() || *ch == '_').collect()
}

/// Drops comments and everything from the test module on (tests come last in a file).
fn code_only(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    text.lines()
        .map(|line| line.split("//").next().unwrap_or(line))
        .collect::<Vec<&str>>()
        .join("\n")
}

#[test]
fn the_scanner_sees_groups_and_paths() {
    let code = "use crate::{base::{A, B}, task::C, wire};\nlet x = crate::engine::run();";
    let found: Vec<String> = crate_modules(code).into_iter().collect();
    assert_eq!(found, ["base", "engine", "task", "wire"]);
}
