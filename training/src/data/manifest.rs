//! `datasets-manifest/*.toml`: what a data set is, where it is from, and under which rules it may be used.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// One data set. Every key is required unless it is optional or has a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Name and version, the same as the file's: `gazette-documents-v1`.
    pub(super) id: String,
    /// One line for people.
    pub(super) title: String,
    /// `idcard`, `documents`, `letters`, `qa`, `taxonomy`.
    pub(super) task: String,
    /// Who published it, or what generates it.
    source: String,
    /// Licence, by SPDX id where there is one.
    pub(super) licence: String,
    /// Words that a model trained on it must carry.
    #[serde(default)]
    attribution: String,
    /// Whether a model trained on it may be shipped.
    may_ship_models: bool,
    /// How the files came to be.
    how_made: String,
    /// What the labels are, and what must not be a feature.
    labels: String,
    /// What it must not be taken for.
    #[serde(default)]
    limits: String,
    pub(super) personal_data: PersonalData,
    split: Split,
    /// Field → what it is.
    #[serde(default)]
    pub(super) schema: BTreeMap<String, String>,
    /// Label as written → label to use.
    #[serde(default)]
    label_map: BTreeMap<String, String>,
    /// Files by name; none for a generated set.
    #[serde(default, rename = "file")]
    pub(super) files: Vec<File>,
    /// Typefaces of a generated set.
    #[serde(default)]
    fonts: String,
}

/// How much of people is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PersonalClass {
    /// Nobody: statutes, generated people.
    None,
    /// Names of people may stand in the text.
    Names,
    /// Identifiers, addresses or telephones of private people.
    Identifiers,
    /// 個資法 §6: health, criminal record and the like.
    Special,
}

impl PersonalClass {
    pub(super) fn name(self) -> &'static str {
        match self {
            PersonalClass::None => "無",
            PersonalClass::Names => "可能含姓名",
            PersonalClass::Identifiers => "含識別資料",
            PersonalClass::Special => "特種個資",
        }
    }
}

/// What has been done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deidentification {
    /// Nothing to do.
    NotNeeded,
    /// Not done: for use in place only, no row may leave.
    NotDone,
    /// By the rules of the masker; names remain.
    Masked,
    /// Checked by a person.
    Reviewed,
}

/// Personal data of a set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonalData {
    pub(super) class: PersonalClass,
    pub(super) state: Deidentification,
    /// In words.
    note: String,
}

/// How it is divided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    /// In words.
    rule: String,
    /// Field that keeps the division, if one does.
    #[serde(default)]
    field: Option<String>,
    /// Jaccard similarity of character shingles above which rows stay together.
    #[serde(default)]
    group_above: Option<f32>,
    /// Field that tells the time, for the honest division by time.
    #[serde(default)]
    time: Option<String>,
}

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Name without folders.
    pub(super) name: String,
    /// 64 hexadecimal digits.
    pub(super) sha256: String,
    pub(super) rows: usize,
}

impl Manifest {
    /// Rows of all files; none for a set that is generated on demand.
    pub(super) fn n_rows(&self) -> Option<usize> {
        (!self.files.is_empty()).then(|| self.files.iter().map(|it| it.rows).sum())
    }

    /// What is said of it in words, blanks left out.
    pub(super) fn details(&self) -> Vec<(&'static str, &str)> {
        let details = [
            ("來源", self.source.as_str()),
            ("姓名標示", &self.attribution),
            ("製作", &self.how_made),
            ("標籤", &self.labels),
            ("切分", &self.split.rule),
            ("個資", &self.personal_data.note),
            ("字型", &self.fonts),
            ("限制", &self.limits),
        ];
        details.into_iter().filter(|it| !it.1.is_empty()).collect()
    }

    fn validate(&self, stem: &str) -> anyhow::Result<()> {
        ensure!(self.id == stem, "id 應與檔名相同:{}", self.id);
        let required =
            [&self.title, &self.task, &self.source, &self.licence, &self.how_made, &self.labels];
        ensure!(required.iter().all(|it| !it.trim().is_empty()), "有必填欄位空白");
        ensure!(!self.split.rule.trim().is_empty(), "split.rule 空白");
        ensure!(!self.personal_data.note.trim().is_empty(), "personal_data.note 空白");
        let fields = self.split.field.iter().chain(&self.split.time);
        for field in fields {
            ensure!(self.schema.contains_key(field), "split 提到 schema 沒有的欄位 {field}");
        }
        if let Some(above) = self.split.group_above {
            ensure!((0.0..=1.0).contains(&above), "split.group_above 應介於 0 與 1");
        }
        for file in &self.files {
            let is_hash = file.sha256.len() == 64
                && file.sha256.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
            ensure!(is_hash, "{} 的 sha256 不是 64 個小寫十六進位數字", file.name);
            ensure!(!file.name.contains(['/', '\\']), "檔名不可含目錄:{}", file.name);
        }
        let is_clean = self.personal_data.class == PersonalClass::None;
        let state = self.personal_data.state;
        ensure!(
            is_clean == (state == Deidentification::NotNeeded),
            "personal_data 的 class 與 state 不一致"
        );
        ensure!(
            self.label_map.iter().all(|(from, to)| from != to && !to.trim().is_empty()),
            "label_map 有無意義的對應"
        );
        ensure!(
            !self.may_ship_models || !self.attribution.trim().is_empty() || self.files.is_empty(),
            "可釋出模型的資料集須載明 attribution"
        );
        Ok(())
    }
}

/// All manifests of a folder, by id.
pub(super) fn read_all(folder: &Path) -> anyhow::Result<Vec<Manifest>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("無法讀取說明檔目錄 {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut manifests = Vec::new();
    for path in paths {
        let read = || -> anyhow::Result<Manifest> {
            let manifest: Manifest = toml::from_str(&std::fs::read_to_string(&path)?)?;
            let stem = path.file_stem().and_then(|it| it.to_str()).unwrap_or_default();
            manifest.validate(stem)?;
            Ok(manifest)
        };
        manifests.push(read().with_context(|| format!("說明檔有誤:{}", path.display()))?);
    }
    Ok(manifests)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "id = 'x-v1'\ntitle = 't'\ntask = 'letters'\nsource = 's'\nlicence = 'MIT'\n\
        attribution = 'a'\nmay_ship_models = true\nhow_made = 'h'\nlabels = 'l'\n\
        [personal_data]\nclass = 'names'\nstate = 'not_done'\nnote = 'n'\n\
        [split]\nrule = 'r'\nfield = 'part'\n[schema]\npart = 'train or dev'\n";

    fn read(text: &str) -> anyhow::Result<Vec<Manifest>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("x-v1.toml"), text)?;
        read_all(folder.path())
    }

    #[test]
    fn a_whole_manifest_is_read() {
        let found = read(GOOD).unwrap();
        assert_eq!((found[0].id.as_str(), found[0].n_rows()), ("x-v1", None));
        let expected = [
            ("來源", "s"),
            ("姓名標示", "a"),
            ("製作", "h"),
            ("標籤", "l"),
            ("切分", "r"),
            ("個資", "n"),
        ];
        assert_eq!(found[0].details(), expected);
    }

    #[test]
    fn what_is_missing_or_contradicts_is_refused() {
        let file = "[[file]]\nname = 'a.jsonl'\nsha256 = '00'\nrows = 1\n";
        for (from, to) in [
            ("title = 't'\n", ""),
            ("id = 'x-v1'", "id = 'y-v1'"),
            ("labels = 'l'", "labels = ' '"),
            ("field = 'part'", "field = 'other'"),
            ("state = 'not_done'", "state = 'not_needed'"),
            ("labels = 'l'", "labels = 'l'\nunknown = 1"),
            ("[schema]", "[label_map]\na = 'a'\n[schema]"),
            ("[split]", &format!("{file}[split]")),
        ] {
            assert!(GOOD.contains(from), "{from}");
            assert!(read(&GOOD.replace(from, to)).is_err(), "{from} → {to}");
        }
    }

    #[test]
    fn the_manifests_of_this_repository_are_whole() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets-manifest");
        let found = read_all(&folder).unwrap();
        let ids: Vec<&str> = found.iter().map(|it| it.id.as_str()).collect();
        let expected = [
            "gazette-documents-v1",
            "gazette-ministries-v1",
            "idcard-synthetic-v1",
            "kaohsiung-faq-half-v1",
            "moi-duties-v1",
            "taipei-questions-v1",
        ];
        assert_eq!(ids, expected);
    }
}
