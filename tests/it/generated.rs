//! Committed documents that are generated from the code: they must equal what the code prints.
//!
//! `UPDATE_EXPECT=1 cargo test --test it generated` rewrites them.

use std::path::Path;

use fenwen::config::Config;

#[test]
fn the_configuration_reference_is_current() {
    check("docs/reference/config.md", &Config::reference());
}

/// Compares a committed file with what the code generates, or rewrites it when asked to.
#[track_caller]
pub(crate) fn check(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{file} is out of date: run `UPDATE_EXPECT=1 cargo test --test it generated`"
    );
}
