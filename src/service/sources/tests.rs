//! The library: versions, states, damage.

use std::fs;

use super::*;

fn draft(id: Option<&str>, question: &str, answer: &str) -> SourceDraft {
    SourceDraft {
        id: id.map(str::to_owned),
        question: Some(question.to_owned()),
        answer: answer.to_owned(),
        ..SourceDraft::default()
    }
}

fn provenance() -> Provenance {
    Provenance { file: "faq.csv".to_owned(), format: "csv", sha256: "ab".repeat(32) }
}

fn change(at: u64) -> Change {
    Change { by: "u-1".to_owned(), at }
}

fn states(library: &Library) -> Vec<(String, u32, &'static str)> {
    let loaded = library.load().unwrap();
    loaded
        .versions()
        .map(|it| (it.source.id.clone(), it.source.version, it.state.as_str()))
        .collect()
}

fn check(library: &Library, expected: &[(&str, u32, &str)]) {
    let found = states(library);
    let found: Vec<(&str, u32, &str)> =
        found.iter().map(|(id, version, state)| (id.as_str(), *version, *state)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_source_goes_from_draft_to_approved_to_retired() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::at(dir.path());
    check(&library, &[]);
    let drafts = [draft(Some("a"), "甲?", "乙"), draft(Some("b"), "丙?", "丁")];
    let imported = library.import(&drafts, &provenance(), &change(1)).unwrap();
    assert_eq!((imported.n_new, imported.ids), (2, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(library.load().unwrap().approved(), []);
    assert_eq!(library.approve(&["a".to_owned()], &change(2)).unwrap(), 1);
    check(&library, &[("a", 1, "approved"), ("b", 1, "draft")]);

    let changed = [draft(Some("a"), "甲?", "新"), drafts[1].clone()];
    let imported = library.import(&changed, &provenance(), &change(3)).unwrap();
    assert_eq!((imported.n_new, imported.n_changed, imported.n_same), (0, 1, 1));
    check(&library, &[("a", 1, "approved"), ("a", 2, "draft"), ("b", 1, "draft")]);
    assert_eq!(library.load().unwrap().approved()[0].answer, "乙", "until the new one is approved");
    library.approve(&["a".to_owned()], &change(4)).unwrap();
    check(&library, &[("a", 1, "retired"), ("a", 2, "approved"), ("b", 1, "draft")]);
    assert_eq!(library.retire(&["a".to_owned()], &change(5)).unwrap(), 1);
    check(&library, &[("a", 1, "retired"), ("a", 2, "retired"), ("b", 1, "draft")]);

    let loaded = library.load().unwrap();
    assert_eq!(loaded.newest("a").map(|it| it.changed.clone()), Some(change(5)));
    assert_eq!(library.import(&changed, &provenance(), &change(6)).unwrap().n_changed, 1);
    check(
        &library,
        &[("a", 1, "retired"), ("a", 2, "retired"), ("a", 3, "draft"), ("b", 1, "draft")],
    );
}

#[test]
fn what_cannot_be_changed_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::at(dir.path());
    library.import(&[draft(Some("a"), "甲?", "乙")], &provenance(), &change(1)).unwrap();
    let both = ["a".to_owned(), "x".to_owned()];
    assert!(
        matches!(library.approve(&both, &change(2)), Err(LibraryError::State { id, .. }) if id == "x")
    );
    check(&library, &[("a", 1, "draft")]);
    let twice = [draft(Some("c"), "一", "二"), draft(Some("c"), "三", "四")];
    assert!(matches!(
        library.import(&twice, &provenance(), &change(3)),
        Err(LibraryError::Twice(2))
    ));
    let blank = [draft(Some("a b"), "一", "二")];
    assert!(matches!(library.import(&blank, &provenance(), &change(3)), Err(LibraryError::Id(1))));
    check(&library, &[("a", 1, "draft")]);
}

#[test]
fn ids_are_made_of_headings() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::at(dir.path());
    let drafts = [draft(None, "甲?", "一"), draft(None, "甲?", "二"), draft(None, "甲?", "二")];
    assert_eq!(library.import(&drafts, &provenance(), &change(1)).unwrap().n_new, 2);
    let changed = [draft(None, "甲?", "改")];
    assert_eq!(library.import(&changed, &provenance(), &change(2)).unwrap().n_changed, 1);
    assert!(states(&library).iter().all(|(id, ..)| id.len() == ID_DIGITS));
}

#[test]
fn a_torn_line_is_dropped_and_a_damaged_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::at(dir.path());
    let one = |id: &str| [draft(Some(id), "甲?", "乙")];
    library.import(&one("a"), &provenance(), &change(1)).unwrap();
    let path = dir.path().join("journal.jsonl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [whole.as_slice(), &whole[..whole.len() / 2]].concat()).unwrap();
    check(&library, &[("a", 1, "draft")]);
    library.import(&one("b"), &provenance(), &change(2)).unwrap();
    check(&library, &[("a", 1, "draft"), ("b", 1, "draft")]);
    let repeated = [whole.as_slice(), whole.as_slice()].concat();
    fs::write(&path, repeated).unwrap();
    assert!(
        matches!(library.load(), Err(LibraryError::Damaged { line: 2, .. })),
        "version 1 twice"
    );
    fs::write(&path, b"{}\n").unwrap();
    assert!(matches!(library.load(), Err(LibraryError::Damaged { line: 1, .. })));
}

#[test]
fn days_and_units_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::at(dir.path());
    let day = crate::base::Date::parse_iso("2026-12-31");
    let draft = SourceDraft {
        unit: Some("戶政司".to_owned()),
        valid_to: day,
        ..draft(Some("a"), "甲?", "乙")
    };
    library.import(&[draft], &provenance(), &change(1)).unwrap();
    library.approve(&["a".to_owned()], &change(2)).unwrap();
    let approved = library.load().unwrap().approved();
    assert_eq!((approved[0].unit.as_deref(), approved[0].valid_to), (Some("戶政司"), day));
}
