//! Indexes: packed and opened again, swapped, refused.

use std::fs;

use super::*;

fn sources() -> Vec<Source> {
    let source = |id: &str, answer: &str| Source {
        id: id.to_owned(),
        version: 3,
        question: Some("怎麼辦?".to_owned()),
        answer: answer.to_owned(),
        valid_to: crate::base::Date::parse_iso("2027-01-01"),
        ..Source::default()
    };
    vec![source("a", "甲"), source("b", "乙\n丙")]
}

fn encoder(sha256: &str) -> EncoderId {
    EncoderId { name: "e".to_owned(), sha256: sha256.to_owned() }
}

fn two_wide() -> Vectors {
    Vectors { width: 2, values: (0_u8..8).map(f32::from).collect() }
}

/// Adds and activates a version of these files.
fn activate(answers: &Path, files: &[(&'static str, Vec<u8>)]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let versions = versions(answers);
    versions.activate(versions.add(folder.path()).unwrap()).unwrap();
}

fn slot(answers: &Path) -> IndexSlot {
    IndexSlot::new(answers, Box::new(|| None))
}

#[test]
fn what_is_packed_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let id = encoder("ab");
    let vectors = two_wide();
    activate(dir.path(), &pack(sources(), Some((&id, &vectors))).unwrap());
    let opened = ActiveIndex::open(&versions(dir.path()).load(1).unwrap()).unwrap();
    assert_eq!(opened.index.sources(), sources());
    assert_eq!((opened.index.width(), opened.encoder), (Some(2), Some(id)));
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
    let (id, vectors) = (encoder("ab"), two_wide());
    activate(dir.path(), &pack(sources(), Some((&id, &vectors))).unwrap());
    let slot = slot(dir.path());
    slot.refresh();
    assert!(slot.require().is_ok() && slot.encoder().is_none());
    assert!(slot.notice().unwrap().contains("fenwen models pull"));
}

#[test]
fn another_form_is_refused() {
    let check = |change: &dyn Fn(&mut Vec<(&'static str, Vec<u8>)>)| {
        let dir = tempfile::tempdir().unwrap();
        let (id, vectors) = (encoder("ab"), two_wide());
        let mut files = pack(sources(), Some((&id, &vectors))).unwrap();
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
