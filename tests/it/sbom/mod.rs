//! The bill of materials of a release: packages, what is inside of them, models and datasets; `make sbom`.

mod component;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use component::{Component, Kind};

/// What releases are built for.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Sources of others that a package carries inside: package, name, licence.
const INSIDE: [(&str, &str, &str); 3] = [
    ("libsqlite3-sys", "SQLite", "blessing"),
    ("utoipa-swagger-ui-vendored", "Swagger UI", "Apache-2.0"),
    ("whisper-rs-sys", "whisper.cpp", "MIT"),
];

/// Everything of a release.
struct Bill {
    components: Vec<Component>,
    /// References of what each package needs, by its own.
    needs: BTreeMap<String, BTreeSet<String>>,
    version: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn table(path: &Path) -> toml::Table {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The folders or files of a folder, in order.
fn entries(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    found.sort();
    found
}

impl Bill {
    fn read() -> Bill {
        let metadata = crate::licences::metadata(&["--filter-platform", PLATFORM]);
        let packages: BTreeMap<&str, &Value> = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["id"].as_str().unwrap(), it))
            .collect();
        let edges = edges(&metadata);
        let own = metadata["resolve"]["root"].as_str().unwrap();
        let hashes = hashes();
        let reference = |id: &str| component::package_reference(packages[id]);
        let mut bill = Bill {
            components: Vec::new(),
            needs: BTreeMap::new(),
            version: packages[own]["version"].as_str().unwrap().to_owned(),
        };
        for id in reachable(own, &edges) {
            let needed = edges[id].iter().map(|it| reference(it)).collect();
            bill.needs.insert(reference(id), needed);
            if id != own {
                bill.components.push(Component::of_package(packages[id], &hashes));
            }
        }
        for (package, name, licence) in INSIDE {
            bill.components.push(Component::inside(package, name, licence));
        }
        let models = entries("models").into_iter().map(|it| it.join("model.toml"));
        bill.components
            .extend(models.filter(|it| it.is_file()).map(|it| Component::of_model(&table(&it))));
        let datasets = entries("datasets-manifest");
        bill.components.extend(datasets.iter().map(|it| Component::of_dataset(&table(it))));
        bill.components.sort_by(|a, b| a.reference.cmp(&b.reference));
        bill
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |it| it.kind == kind)
    }

    /// CycloneDX 1.6. Without a time or a random number: the same source gives the same bill.
    fn json(&self) -> Value {
        let own = format!("pkg:cargo/fenwen@{}", self.version);
        let components: Vec<Value> = self.components.iter().map(Component::json).collect();
        let needs = self
            .needs
            .iter()
            .map(|(reference, needs)| json!({ "ref": reference, "dependsOn": needs }));
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "component": {
                    "type": "application",
                    "bom-ref": own,
                    "name": "fenwen",
                    "version": self.version,
                    "purl": own,
                    "licenses": [{ "license": { "id": "Apache-2.0" } }],
                },
            },
            "components": components,
            "dependencies": needs.collect::<Vec<Value>>(),
        })
    }

    fn third_parties(&self) -> String {
        let mut page = String::from(
            "# 第三方元件\n\n由 `UPDATE_EXPECT=1 cargo test --test it sbom` 產生;同一份內容的 CycloneDX 1.6 清單由 `make sbom` \
             產生。授權代碼依 SPDX,全文見 https://spdx.org/licenses/;權利人依各套件的記載。\n",
        );
        for (kind, title, head) in [
            (Kind::Library, "程式庫", "名稱 | 版本 | 授權 | 權利人 | 來源"),
            (Kind::Model, "模型", "名稱 | 版本 | 授權 | 來歷 | 檔案"),
            (Kind::Data, "資料集", "名稱 | 版本 | 授權 | 標示 | 來源"),
        ] {
            let n = self.of(kind).count();
            let _ =
                write!(page, "\n## {title}\n\n共 {n} 項。\n\n| {head} |\n|---|---|---|---|---|\n");
            for it in self.of(kind) {
                let cells = [&it.name, &it.version, &it.licence, &it.author, &it.source];
                let cells = cells.map(|it| it.replace('|', "\\|").replace('\n', " "));
                let _ = writeln!(page, "| {} |", cells.join(" | "));
            }
        }
        page
    }
}

/// What each package needs to be built for the platform, tests left out.
fn edges(metadata: &Value) -> BTreeMap<&str, BTreeSet<&str>> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    nodes.iter().map(|it| (it["id"].as_str().unwrap(), needed(it))).collect()
}

fn needed(node: &Value) -> BTreeSet<&str> {
    let is_built = |it: &&Value| {
        let kinds = it["dep_kinds"].as_array().unwrap();
        kinds.iter().any(|it| it["kind"] != "dev")
    };
    let deps = node["deps"].as_array().unwrap();
    deps.iter().filter(is_built).map(|it| it["pkg"].as_str().unwrap()).collect()
}

fn reachable<'a>(own: &'a str, edges: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![own];
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(edges[id].iter().copied());
        }
    }
    found
}

/// SHA-256 of packages, by name and version, as Cargo.lock has them.
fn hashes() -> BTreeMap<(String, String), String> {
    let lock = table(&root().join("Cargo.lock"));
    let text = |it: &toml::Value, key: &str| it.get(key)?.as_str().map(str::to_owned);
    let packages = lock["package"].as_array().unwrap().iter();
    packages
        .filter_map(|it| Some(((text(it, "name")?, text(it, "version")?), text(it, "checksum")?)))
        .collect()
}

#[test]
fn the_bill_names_every_package_model_and_dataset() {
    let bill = Bill::read();
    let references: BTreeSet<&str> =
        bill.components.iter().map(|it| it.reference.as_str()).collect();
    assert_eq!(references.len(), bill.components.len(), "each once");
    assert!(250 < bill.of(Kind::Library).count(), "{}", bill.of(Kind::Library).count());
    for it in &bill.components {
        assert!(!it.licence.is_empty(), "{} has no licence", it.reference);
        let is_inside = INSIDE.iter().any(|(_, name, _)| *name == it.name);
        // What is generated, and what lies inside of a package with a hash, has none of its own.
        let is_exempt = is_inside || it.kind == Kind::Data;
        assert!(is_exempt || !it.hashes.is_empty(), "{} has no hash", it.reference);
    }
    for name in
        ["pkg:cargo/rusqlite@", "model:letters@", "model:whisper-base@", "data:moi-duties-v1"]
    {
        assert!(references.iter().any(|it| it.starts_with(name)), "{name} is missing");
    }
    for test_only in ["pkg:cargo/proptest@", "pkg:cargo/linfa@"] {
        assert!(
            !references.iter().any(|it| it.starts_with(test_only)),
            "{test_only} is not shipped"
        );
    }
    let n_files = entries("models").iter().filter(|it| it.join("model.toml").is_file()).count();
    assert_eq!(bill.of(Kind::Model).count(), n_files);
    assert_eq!(bill.of(Kind::Data).count(), entries("datasets-manifest").len());
    let json = bill.json();
    assert_eq!(json, Bill::read().json(), "the same source gives the same bill");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fenwen.cdx.json");
    fs::write(path, serde_json::to_string_pretty(&json).unwrap() + "\n").unwrap();
}

#[test]
fn the_committed_list_of_third_parties_is_current() {
    crate::generated::check("THIRD-PARTY.md", &Bill::read().third_parties());
}
