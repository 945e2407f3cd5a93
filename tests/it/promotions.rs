//! Versions of classifiers through the commands: two persons in production, one in a demonstration.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fenwen::audit::{AuditEvent, Outcome};

use crate::audit::rows;
use crate::http::texts::classifier;

const LABELS: [[&str; 3]; 3] = [["甲", "乙", "丙"], ["丁", "戊", "己"], ["庚", "辛", "壬"]];

fn models(data: &Path, profile: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
    command.arg("models").args(arguments).args(["--profile", profile]);
    command.args(["--set", "audit.node=n", "--set", "audit.min_free_mib=0"]);
    command.arg("--data-dir").arg(data).env("XDG_DATA_HOME", data).output().unwrap()
}

#[track_caller]
fn done(data: &Path, arguments: &[&str]) -> String {
    let output = models(data, "production", arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(output: Output, word: &str) {
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains(word), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
}

/// A trained folder.
fn trained(data: &Path, n: usize) -> PathBuf {
    let folder = data.join(format!("trained-{n}"));
    std::fs::create_dir_all(&folder).unwrap();
    classifier::write(&folder, &LABELS[n]);
    folder
}

/// Proposes the folder; the id of the proposal.
fn propose(data: &Path, n: usize) -> String {
    let folder = trained(data, n);
    let propose = ["propose", "letters", folder.to_str().unwrap(), "--reason", "年度重訓"];
    let told = done(data, &[&propose[..], &["--by", "王承辦"]].concat());
    assert!(told.contains("尚未啟用"), "{told}");
    told.split(|ch: char| !ch.is_ascii_hexdigit()).find(|it| it.len() == 32).unwrap().to_owned()
}

fn active(data: &Path) -> String {
    let listed = done(data, &["versions", "letters"]);
    let line = listed.lines().find(|it| it.starts_with('*')).unwrap();
    line.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn in_production_one_proposes_and_another_approves() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let folder = trained(data, 1);
    let activate = ["activate", "letters", folder.to_str().unwrap()];
    refused(models(data, "production", &activate), "fenwen models propose letters DIR");
    let id = propose(data, 0);
    assert_eq!(active(data), "0", "it waits");
    refused(models(data, "production", &["approve", &id, "--by", "王承辦"]), "另一人");
    refused(models(data, "production", &["approve", &id, "--by", " "]), "--by");
    refused(models(data, "production", &["approve", "x", "--by", "李科長"]), "models proposals");
    assert_eq!(active(data), "0");
    assert!(
        done(data, &["approve", &id, "--by", "李科長"]).contains("已核准並啟用 letters 第 1 版")
    );
    assert_eq!(active(data), "1");
    refused(
        models(data, "production", &["approve", &id, "--by", "陳專委"]),
        "沒有這件待核可的申請",
    );
    refused(models(data, "demo", &activate), "屬於執行模式 production");
    let listed = done(data, &["proposals"]);
    assert!(listed.starts_with("letters 1 ") && listed.contains("asked=王承辦"), "{listed}");
    assert!(listed.contains("approved=李科長") && !listed.contains("done=-"), "{listed}");
    let object = Some("models/letters/1".to_owned());
    let who = |event| {
        let is_done = |it: &fenwen::audit::RowBody| it.outcome == Some(Outcome::Success);
        let mut found = rows(data).into_iter().filter(|it| it.event == event && is_done(it));
        let row = found.next().unwrap();
        assert!(row.object == object && found.next().is_none(), "{row:?}");
        row.person.unwrap()
    };
    assert_eq!(who(AuditEvent::ModelProposed), "王承辦");
    assert_eq!(who(AuditEvent::ModelActivated), "李科長");
}

#[test]
fn what_nobody_approved_is_not_rolled_back_to() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let proposed: Vec<String> = (0..3).map(|n| propose(data, n)).collect();
    for id in [&proposed[0], &proposed[2]] {
        done(data, &["approve", id, "--by", "李科長"]);
    }
    assert_eq!(active(data), "3");
    for expected in ["1", "0"] {
        done(data, &["rollback", "letters"]);
        assert_eq!(active(data), expected, "version 2 waits");
    }
}

#[test]
fn what_is_approved_is_what_was_proposed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let proposed: Vec<String> = (0..2).map(|n| propose(data, n)).collect();
    let versions = data.join("classifiers/letters");
    std::fs::remove_dir_all(versions.join("1")).unwrap();
    std::fs::rename(versions.join("2"), versions.join("1")).unwrap();
    let approve = ["approve", &proposed[0], "--by", "李科長"];
    refused(models(data, "production", &approve), "與提議時不同");
    assert_eq!(active(data), "0");
}

#[test]
fn a_demonstration_needs_one_person_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let folder = trained(dir.path(), 0);
    let activate = ["activate", "letters", folder.to_str().unwrap()];
    let output = models(dir.path(), "demo", &activate);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("正式環境須一人提案、另一人核准"), "{told}");
    assert_eq!(rows(dir.path())[0].object.as_deref(), Some("models/letters/1"));
}

#[test]
fn what_was_rejected_never_answers_and_can_be_proposed_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let id = propose(data, 0);
    let reject = ["reject", &id, "--by", "李科長", "--reason", "召回率下降"];
    let unnamed = ["reject", &id, "--by", "李科長", "--reason", " "];
    refused(models(data, "production", &unnamed), "--reason");
    assert!(done(data, &reject).contains("已駁回"));
    refused(models(data, "production", &reject), "沒有這件待核可的申請");
    let approve = ["approve", &id, "--by", "陳專委"];
    refused(models(data, "production", &approve), "沒有這件待核可的申請");
    assert_eq!(active(data), "0");
    let listed = done(data, &["proposals"]);
    assert!(listed.contains("rejected=李科長") && listed.contains("why=召回率下降"), "{listed}");
    let again = propose(data, 0);
    done(data, &["approve", &again, "--by", "陳專委"]);
    assert_eq!(active(data), "2");
    let is_done = |it: &fenwen::audit::RowBody| it.outcome == Some(Outcome::Success);
    let mut rejected = rows(data).into_iter().filter(|it| it.event == AuditEvent::ModelRejected);
    let row = rejected.find(is_done).unwrap();
    let object = Some("models/letters/1".to_owned());
    assert_eq!((row.person.as_deref(), row.object), (Some("李科長"), object));
}
