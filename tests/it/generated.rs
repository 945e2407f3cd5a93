//! Committed documents that are generated from the code: they must equal what the code prints.
//!
//! `UPDATE_EXPECT=1 cargo test --test it generated` rewrites them.

use std::collections::BTreeSet;
use std::path::Path;

use fenwen::config::Config;
use fenwen::service::events::Event;

#[test]
fn the_configuration_reference_is_current() {
    check("docs/reference/config.md", &Config::reference());
}

#[test]
fn the_schema_of_applications_is_current() {
    let schema = fenwen::identity::Applications::schema();
    check("docs/reference/client-application.v1.json", &format!("{schema:#}\n"));
}

#[test]
fn the_description_of_the_bus_is_current() {
    check("docs/reference/asyncapi.yaml", &fenwen::rpc::asyncapi());
}

#[test]
fn the_schemas_of_events_are_current() {
    let mut files = BTreeSet::new();
    for kind in Event::types() {
        let file = format!("docs/reference/schemas/{}", kind.schema_file());
        check(&file, &kind.schema_text());
        files.insert(kind.schema_file());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/schemas");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(files.contains(&name), "{name} belongs to no type of event");
    }
}

/// Compares a committed file with what the code generates, or rewrites it when asked to.
#[track_caller]
pub(crate) fn check(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{file} is out of date: run `UPDATE_EXPECT=1 cargo test --test it generated`"
    );
}
