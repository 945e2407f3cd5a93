//! The lock of the fuzz targets: no member of the workspace, so cargo does not keep it in step with the root's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What to do when it is behind: cargo drops from a copy what the targets do not need, and adds what only they need.
const REMEDY: &str = "run: cp Cargo.lock fuzz/Cargo.lock && \
    cargo metadata --manifest-path fuzz/Cargo.toml --format-version 1 > /dev/null";

/// Versions by the name of the package.
type Locked = BTreeMap<String, BTreeSet<String>>;

fn table(file: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

fn text(value: &toml::Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn locked(lock: &toml::Table) -> Locked {
    let mut found = Locked::new();
    for package in lock["package"].as_array().unwrap() {
        found.entry(text(&package["name"])).or_default().insert(text(&package["version"]));
    }
    found
}

/// Packages of the targets that the root locks at other versions.
fn drifted(root: &Locked, fuzz: &Locked) -> Vec<String> {
    let differs = |name: &String, versions: &BTreeSet<String>| {
        root.get(name).is_some_and(|it| !versions.is_subset(it))
    };
    let wrong = fuzz.iter().filter(|(name, versions)| differs(name, versions));
    wrong.map(|(name, versions)| format!("{name} {versions:?}, not {:?}", root[name])).collect()
}

#[test]
fn the_targets_are_locked_as_the_program_is() {
    let (root, fuzz) = (locked(&table("Cargo.lock")), locked(&table("fuzz/Cargo.lock")));
    assert!(100 < fuzz.len(), "{} packages: too little was read", fuzz.len());
    let wrong = drifted(&root, &fuzz);
    assert!(wrong.is_empty(), "\n{}\n{REMEDY}\n", wrong.join("\n"));
}

/// A new dependency of the program is one of the targets, or `--locked` refuses to build them.
#[test]
fn what_the_program_needs_is_locked_for_the_targets() {
    let fuzz = table("fuzz/Cargo.lock");
    let packages = fuzz["package"].as_array().unwrap();
    let program = packages.iter().find(|it| it["name"].as_str() == Some("fenwen")).unwrap();
    let has = |name: &str| {
        let known = program["dependencies"].as_array().unwrap();
        known.iter().any(|it| it.as_str().unwrap().split(' ').next() == Some(name))
    };
    let manifest = table("Cargo.toml");
    let is_needed =
        |it: &toml::Value| it.get("optional").is_none_or(|it| it.as_bool() != Some(true));
    let needed = manifest["dependencies"].as_table().unwrap().iter();
    let missing: Vec<&String> =
        needed.filter(|(name, it)| is_needed(it) && !has(name)).map(|it| it.0).collect();
    assert!(missing.is_empty(), "fuzz/Cargo.lock lacks {missing:?}; {REMEDY}");
}

#[test]
fn a_drift_is_seen() {
    let of = |versions: &[(&str, &str)]| {
        let mut found = Locked::new();
        for (name, version) in versions {
            found.entry((*name).to_owned()).or_default().insert((*version).to_owned());
        }
        found
    };
    let root = of(&[("a", "1"), ("a", "2")]);
    for (fuzz, n_wrong) in [(("a", "1"), 0), (("only-here", "1"), 0), (("a", "3"), 1)] {
        assert_eq!(drifted(&root, &of(&[fuzz])).len(), n_wrong, "{fuzz:?}");
    }
}
