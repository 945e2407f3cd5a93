//! One component of the bill.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Code.
    Library,
    /// Weights.
    Model,
    /// What models were trained or measured on.
    Data,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Library => "library",
            Kind::Model => "machine-learning-model",
            Kind::Data => "data",
        }
    }
}

/// A component.
pub(super) struct Component {
    pub(super) kind: Kind,
    /// Unique in the bill.
    pub(super) reference: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: String,
    /// Who holds the rights, or where it comes from.
    pub(super) author: String,
    pub(super) source: String,
    /// SHA-256 of its file or files.
    pub(super) hashes: Vec<String>,
    is_package: bool,
}

/// `pkg:cargo/name@version`.
pub(super) fn package_reference(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

impl Component {
    pub(super) fn of_package(
        package: &Value,
        hashes: &BTreeMap<(String, String), String>,
    ) -> Component {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let authors = package["authors"].as_array().unwrap().iter();
        // Addresses of mail are nobody's business here.
        let author = |it: &Value| it.as_str()?.split('<').next().map(|it| it.trim().to_owned());
        let authors: Vec<String> = authors.filter_map(author).filter(|it| !it.is_empty()).collect();
        let hash = hashes.get(&(text("name"), text("version")));
        Component {
            kind: Kind::Library,
            reference: package_reference(package),
            name: text("name"),
            version: text("version"),
            licence: text("license").replace('/', " OR "),
            author: authors.join("、"),
            source: text("repository"),
            hashes: hash.into_iter().cloned().collect(),
            is_package: true,
        }
    }

    /// What a package carries inside.
    pub(super) fn inside(package: &str, name: &str, licence: &str) -> Component {
        Component {
            kind: Kind::Library,
            reference: format!("inside:{package}/{name}"),
            name: name.to_owned(),
            version: String::new(),
            licence: licence.to_owned(),
            author: String::new(),
            source: format!("套件 {package} 所附"),
            hashes: Vec::new(),
            is_package: false,
        }
    }

    pub(super) fn of_model(manifest: &toml::Table) -> Component {
        let text = |key: &str| manifest[key].as_str().unwrap().to_owned();
        let files = manifest["file"].as_array().unwrap();
        Component {
            kind: Kind::Model,
            reference: format!("model:{}@{}", text("id"), text("version")),
            name: text("id"),
            version: text("version"),
            licence: text("licence"),
            author: text("provenance"),
            source: of_files(files, "name").join("、"),
            hashes: of_files(files, "sha256"),
            is_package: false,
        }
    }

    pub(super) fn of_dataset(manifest: &toml::Table) -> Component {
        let text = |key: &str| {
            let value = manifest.get(key).and_then(toml::Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        // What is generated has no files.
        let files = manifest.get("file").and_then(toml::Value::as_array);
        Component {
            kind: Kind::Data,
            reference: format!("data:{}", text("id")),
            name: text("id"),
            version: text("id").rsplit('-').next().unwrap_or_default().to_owned(),
            licence: text("licence"),
            author: text("attribution"),
            source: text("source"),
            hashes: files.map(|it| of_files(it, "sha256")).unwrap_or_default(),
            is_package: false,
        }
    }

    /// As CycloneDX writes it.
    pub(super) fn json(&self) -> Value {
        let mut it = json!({
            "type": self.kind.name(),
            "bom-ref": self.reference,
            "name": self.name,
            "licenses": [self.licences()],
        });
        let mut set = |key: &str, value: Value| it[key] = value;
        if !self.version.is_empty() {
            set("version", json!(self.version));
        }
        if self.is_package {
            set("purl", json!(self.reference));
        }
        if self.kind == Kind::Library && self.source.starts_with("https://") {
            set("externalReferences", json!([{ "type": "vcs", "url": self.source }]));
        }
        match self.kind {
            Kind::Library if !self.author.is_empty() => set("author", json!(self.author)),
            Kind::Library => (),
            Kind::Model | Kind::Data => set("description", json!(self.author)),
        }
        if !self.hashes.is_empty() {
            let hash = |it: &String| json!({ "alg": "SHA-256", "content": it });
            set("hashes", self.hashes.iter().map(hash).collect());
        }
        it
    }

    /// An expression where it is one; else the words of the manifest.
    fn licences(&self) -> Value {
        match self.is_package {
            true => json!({ "expression": self.licence }),
            false => json!({ "license": { "name": self.licence } }),
        }
    }
}

fn of_files(files: &[toml::Value], key: &str) -> Vec<String> {
    let text = |it: &toml::Value| it.get(key)?.as_str().map(str::to_owned);
    files.iter().filter_map(text).collect()
}
