//! Who may call is changed on record only.

use std::path::Path;
use std::process::{Command, Output};

use fenwen::audit::{AuditEvent as Event, Outcome};

use crate::audit::rows;

fn clients(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
    command.arg("clients").args(arguments);
    command.args(["--set", "audit.node=n", "--set", "audit.min_free_mib=0"]);
    command.arg("--data-dir").arg(data).env("XDG_DATA_HOME", data).output().unwrap()
}

#[test]
fn every_change_of_a_registration_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let add = ["add", "mailbox", "--purpose", "petition-handling", "--approved-by", "u-1"];
    assert!(clients(data, &add).status.success());
    assert!(!clients(data, &add).status.success(), "the name is taken");
    let key = clients(data, &["key", "mailbox"]);
    assert!(key.status.success(), "{}", String::from_utf8_lossy(&key.stderr));
    let key = String::from_utf8(key.stdout).unwrap();
    let id = key.split('_').nth(1).unwrap();
    for arguments in [
        &["list"][..],
        &["suspend", "mailbox"],
        &["enable", "mailbox"],
        &["key", "mailbox", "--revoke", id],
        &["delete", "mailbox"],
    ] {
        let output = clients(data, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {stderr}");
    }
    let found = rows(data);
    let events: Vec<_> = found.iter().map(|it| (it.event, it.outcome)).collect();
    let done = Some(Outcome::Success);
    let expected = [
        (Event::ClientRegistered, done),
        (Event::ClientRegistered, Some(Outcome::Failed)),
        (Event::ClientKeyIssued, done),
        (Event::ClientSuspended, done),
        (Event::ClientEnabled, done),
        (Event::ClientKeyRevoked, done),
        (Event::ClientDeleted, done),
    ];
    assert_eq!(events, expected);
    assert!(found.iter().all(|it| it.object.as_deref() == Some("clients/mailbox")));
    let secret = key.trim().splitn(3, '_').nth(2).unwrap();
    let log = std::fs::read_to_string(data.join("audit/n/00000000000000000001.jsonl")).unwrap();
    assert!(!log.contains(secret), "the key is in the log");
}

#[test]
fn a_review_is_signed_kept_and_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let add = ["add", "mailbox", "--purpose", "petition-handling", "--approved-by", "u-1"];
    assert!(clients(data, &add).status.success());
    assert!(!clients(data, &["review", "--by", " "]).status.success(), "nobody signs");
    assert!(clients(data, &["review", "--by", "王資安"]).status.success());
    let row = rows(data).pop().unwrap();
    assert_eq!((row.event, row.outcome), (Event::ClientsReviewed, Some(Outcome::Success)));
    assert_eq!((row.person.as_deref(), row.count), (Some("王資安"), Some(1)));
    let sheet = data.join(format!("{}.md", row.object.unwrap()));
    let verify = ["review", "--verify", sheet.to_str().unwrap()];
    assert!(clients(data, &verify).status.success());
    let text = std::fs::read_to_string(&sheet).unwrap();
    assert!(text.contains("| mailbox | 301000000A | active |"), "{text}");
    std::fs::write(&sheet, text.replace("mailbox", "mailb0x")).unwrap();
    let output = clients(data, &verify);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("於核可後遭更動"));
}
