//! Manifests of models: one that is accepted names only plain files and known sources.
#![no_main]

use std::path::{Component, Path};

use fenwen::registry::ModelManifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = ModelManifest::parse(text) {
        for file in &manifest.files {
            let mut parts = Path::new(&file.name).components();
            let is_plain = matches!(parts.next(), Some(Component::Normal(_)));
            assert!(is_plain && parts.next().is_none(), "a file lies outside of its model");
        }
    }
});
