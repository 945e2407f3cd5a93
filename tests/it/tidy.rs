//! Rules about the source itself. They run with the other tests, so there is no second place to look.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{self, code_only};

/// Which top-level module may import which. A module imports only what its row lists.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("tensor", &[]),
    ("config", &["base"]),
    ("audit", &["base"]),
    ("bus", &["base"]),
    ("store", &["base"]),
    ("media", &["base"]),
    ("task", &["base", "tensor", "media"]),
    ("wire", &["base", "tensor", "media", "task"]),
    ("policy", &["base", "task"]),
    ("identity", &["base", "store", "policy"]),
    ("registry", &["base", "config"]),
    ("engine", &["base", "tensor", "config", "registry"]),
    ("batch", &["base", "tensor", "engine"]),
    ("pipeline", &["base", "tensor", "media", "task", "engine", "batch"]),
    (
        "service",
        &[
            "base", "tensor", "config", "bus", "store", "media", "task", "registry", "engine",
            "batch", "pipeline",
        ],
    ),
    ("http", &["base", "config", "audit", "task", "wire", "service", "policy", "identity"]),
    (
        "console",
        &[
            "base", "config", "audit", "policy", "identity", "registry", "task", "wire", "service",
            "http",
        ],
    ),
    ("warehouse", &["base", "store", "task"]),
    ("rpc", &["base", "config", "audit", "task", "wire", "service", "bus", "policy", "identity"]),
    ("cli", ANYTHING),
];

/// The composition root may import everything above it.
const ANYTHING: &[&str] = &[
    "base",
    "tensor",
    "config",
    "audit",
    "bus",
    "store",
    "media",
    "task",
    "wire",
    "registry",
    "engine",
    "batch",
    "pipeline",
    "service",
    "policy",
    "identity",
    "http",
    "console",
    "warehouse",
    "rpc",
];

/// Most lines of a Rust file, and of a function from its `fn` to its closing brace. There are no exceptions.
const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 60;

#[test]
fn layers_point_down() {
    let mut wrong = Vec::new();
    for (idx, (module, allowed)) in MAY_IMPORT.iter().enumerate() {
        for other in *allowed {
            let below = MAY_IMPORT[..idx].iter().any(|(name, _)| name == other);
            assert!(below, "`{module}` lists `{other}`, which is not above it in MAY_IMPORT");
        }
    }
    for file in rust_files(&["src"]) {
        let Some(module) = top_module(&file) else { continue };
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: module `{module}` has no row in MAY_IMPORT", file.display()));
            continue;
        };
        let code = code_only(&fs::read_to_string(&file).unwrap());
        let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or(&code);
        for used in crate_modules(code) {
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
    let silent: Vec<PathBuf> = all_rust_files()
        .into_iter()
        .filter(|it| !fs::read_to_string(it).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "files without a `//!` head: {silent:#?}");
}

#[test]
fn files_and_functions_stay_short() {
    let mut long = Vec::new();
    for file in all_rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        let n_lines = text.lines().count();
        if MAX_FILE_LINES < n_lines {
            long.push(format!("{}: {n_lines} lines", file.display()));
        }
        for function in source::functions(&text) {
            if MAX_FUNCTION_LINES < function.n_lines {
                long.push(format!(
                    "{}: `{}` has {} lines",
                    file.display(),
                    function.name,
                    function.n_lines
                ));
            }
        }
    }
    assert!(long.is_empty(), "\n{}\n", long.join("\n"));
}

#[test]
fn nothing_is_left_undone_or_unexplained() {
    let mut wrong = Vec::new();
    for file in all_rust_files() {
        let text = fs::read_to_string(&file).unwrap();
        let code = code_only(&text);
        for word in ["#[ignore", "#[should_panic", "todo!(", "unimplemented!(", "#[allow("] {
            if code.contains(word) {
                wrong.push(format!("{}: `{word}`", file.display()));
            }
        }
        if ["TODO", "FIXME", "XXX"].iter().any(|it| text.contains(&format!("// {it}"))) {
            wrong.push(format!("{}: an open note in a comment", file.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_server_does_not_carry_training_or_evaluation() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for member in ["fenwen-eval", "fenwen-train"] {
        assert!(!manifest.contains(&format!("{member} =")), "the root package depends on {member}");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn all_rust_files() -> Vec<PathBuf> {
    rust_files(&["src", "tests", "eval", "training", "fuzz"])
}

fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs: Vec<PathBuf> = folders.iter().map(|it| root().join(it)).collect();
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
    let relative = file.strip_prefix(root().join("src")).unwrap();
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
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(first_word(rest));
            continue;
        };
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
    }
    found
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|ch| ch.is_alphanumeric() || *ch == '_').collect()
}

#[test]
fn the_scanner_sees_groups_and_paths() {
    let code = "use crate::{base::{A, B}, task::C, wire};\nlet x = crate::engine::run();";
    let found: Vec<String> = crate_modules(code).into_iter().collect();
    assert_eq!(found, ["base", "engine", "task", "wire"]);
}
