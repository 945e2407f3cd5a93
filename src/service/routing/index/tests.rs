//! Indexes: packed and opened again, swapped, refused.

use std::fs;

use super::*;
use crate::base::{Date, Deadline};
use crate::pipeline::answers::index::Asked;
use crate::pipeline::documents::taxonomy::Taxonomy;
use crate::pipeline::encode::{Embedding, EncodeError};

fn sources() -> Vec<Source> {
    let source = |id: &str, answer: &str| Source {
        id: id.to_owned(),
        version: 3,
        question: Some("怎麼辦?".to_owned()),
        answer: answer.to_owned(),
        valid_to: Date::parse_iso("2027-01-01"),
        ..Source::default()
    };
    vec![source("a", "甲"), source("b", "乙\n丙")]
}

const HERE: &str = "ab";

/// Has one encoder, [`HERE`]; or none at all.
struct Installed(bool);

impl Encoders for Installed {
    fn open(&self, sha256: &str) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        match (self.0, sha256) {
            (false, _) => Err(EncoderError::Missing { id: "an-encoder".to_owned() }),
            (true, HERE) => Ok(Arc::new(Installed(true))),
            (true, _) => {
                Err(EncoderError::Other { wanted: sha256.to_owned(), found: HERE.to_owned() })
            }
        }
    }

    fn installed(&self) -> Result<Arc<dyn TextEncoder>, EncoderError> {
        self.open(HERE)
    }
}

impl TextEncoder for Installed {
    fn embed(&self, texts: &[&str], _: Deadline) -> Result<Vec<Embedding>, EncodeError> {
        let embedding = |_| Embedding { values: vec![1.0, 0.0], n_tokens: 3, is_truncated: false };
        Ok(texts.iter().map(embedding).collect())
    }
}

fn two_wide() -> Vectors {
    Vectors::new(2, (0_u8..8).map(f32::from).collect())
}

/// A file of an index: its name and what it holds.
type File = (&'static str, Vec<u8>);

/// Adds and activates a version of these files.
fn activate(answers: &Path, files: &[File]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let versions = versions(answers);
    versions.activate(versions.add(folder.path()).unwrap()).unwrap();
}

fn slot(answers: &Path) -> IndexSlot {
    IndexSlot::new(answers, Arc::new(Installed(false)), None)
}

#[test]
fn what_is_packed_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    activate(dir.path(), &pack(sources(), Some((HERE, &two_wide()))).unwrap());
    let opened = ActiveIndex::open(&versions(dir.path()).load(1).unwrap()).unwrap();
    assert_eq!(opened.index.sources(), sources());
    assert_eq!((opened.index.width(), opened.made_by.as_deref()), (Some(2), Some(HERE)));
    assert_eq!((opened.info.name.as_str(), opened.info.version.as_str()), ("qa", "1"));
}

#[test]
fn a_new_version_is_taken_up_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let slot = slot(dir.path());
    slot.refresh();
    assert!(slot.require().err().unwrap().message.contains("fenwen qa import"));
    activate(dir.path(), &pack(sources(), None).unwrap());
    slot.refresh();
    assert_eq!(slot.require().unwrap().info.version, "1");
    assert!(slot.notice().unwrap().contains("只比對文字"));
    assert!(slot.names_source("a") && !slot.names_source("c"));
    let mut broken = pack(sources(), None).unwrap();
    broken[1].1.truncate(1);
    activate(dir.path(), &broken);
    slot.refresh();
    assert_eq!(slot.require().unwrap().info.version, "1", "the one before stays");
    assert!(slot.notice().unwrap().contains("第 2 版"));
    activate(dir.path(), &pack(sources()[..1].to_vec(), None).unwrap());
    slot.refresh();
    assert_eq!(slot.require().unwrap().info.version, "3");
}

#[test]
fn vectors_without_an_encoder_leave_the_words() {
    let dir = tempfile::tempdir().unwrap();
    activate(dir.path(), &pack(sources(), Some((HERE, &two_wide()))).unwrap());
    let slot = slot(dir.path());
    slot.refresh();
    assert!(slot.require().unwrap().encoder.is_none());
    assert!(slot.notice().unwrap().contains("fenwen models pull"));
}

#[test]
fn vectors_of_another_encoder_do_not_answer() {
    let dir = tempfile::tempdir().unwrap();
    let slot = IndexSlot::new(dir.path(), Arc::new(Installed(true)), None);
    activate(dir.path(), &pack(sources(), Some((HERE, &two_wide()))).unwrap());
    slot.refresh();
    assert!(slot.require().unwrap().encoder.is_some() && slot.notice().is_none());
    activate(dir.path(), &pack(sources(), Some(("cd", &two_wide()))).unwrap());
    slot.refresh();
    assert_eq!(slot.require().unwrap().info.version, "1", "the one before stays");
    let notice = slot.notice().unwrap();
    assert!(notice.contains("另一個語句編碼器") && notice.contains("fenwen qa index"), "{notice}");
}

#[test]
fn another_form_is_refused() {
    let check = |change: &dyn Fn(&mut Vec<File>)| {
        let dir = tempfile::tempdir().unwrap();
        let mut files = pack(sources(), Some((HERE, &two_wide()))).unwrap();
        change(&mut files);
        activate(dir.path(), &files);
        ActiveIndex::open(&versions(dir.path()).load(1).unwrap()).err().unwrap()
    };
    assert!(matches!(check(&|it| drop(it.pop())), IndexFileError::Form), "vectors are missing");
    let other = br#"{"schema":2,"n_sources":2,"encoder":null}"#;
    assert!(matches!(check(&|it| it[0].1 = other.to_vec()), IndexFileError::Form));
    assert!(matches!(check(&|it| it[2].1 = b"x".to_vec()), IndexFileError::Vectors(_)));
    let one = pack(sources()[..1].to_vec(), None).unwrap();
    assert!(matches!(check(&|it| it[1].1 = one[1].1.clone()), IndexFileError::Form));
}

#[test]
fn the_examples_answer_until_an_index_is_built() {
    let dir = tempfile::tempdir().unwrap();
    let examples = ActiveIndex::of_examples().unwrap();
    let slot = IndexSlot::new(dir.path(), Arc::new(Installed(false)), Some(examples));
    slot.refresh();
    assert_eq!(slot.require().unwrap().info.version, "examples");
    assert!(slot.notice().unwrap().contains("展示資料"));
    activate(dir.path(), &pack(sources(), None).unwrap());
    slot.refresh();
    assert_eq!(slot.require().unwrap().info.version, "1");
    assert!(!slot.notice().unwrap().contains("展示資料"));
}

#[test]
fn each_example_is_found_by_its_question_and_names_a_unit_of_today() {
    let ActiveIndex { index, .. } = ActiveIndex::of_examples().unwrap();
    let taxonomy = Taxonomy::ministry().unwrap();
    let today = Date::parse_iso("2026-11-29").unwrap();
    let first = |text: &str| {
        let found = index.answer(Asked { text, vector: None }, today, 1).unwrap();
        found.refusal.is_none().then(|| found.citations[0].source_id.clone())
    };
    for source in index.sources() {
        let question = source.question.as_deref().unwrap();
        assert_eq!(first(question).as_ref(), Some(&source.id), "{question}");
        assert!(source.title.as_deref().unwrap().starts_with("展示:"), "{source:?}");
        let unit = taxonomy.unit(source.unit.as_deref().unwrap());
        assert!(unit.is_some_and(|it| it.is_valid(today)), "{source:?}");
    }
    for outside in ["今天中午吃什麼好?", "高雄捷運末班車幾點?", "所得稅怎麼報?"]
    {
        assert_eq!(first(outside), None, "{outside}");
    }
}
