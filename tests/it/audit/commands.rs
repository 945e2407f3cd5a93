//! `fenwen audit` and what other commands leave in the log.

use std::path::Path;
use std::process::{Command, Output};

use fenwen::audit::{AuditEvent, Outcome};

use super::rows;

fn fenwen(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
    command.args(arguments).args(["--set", "audit.node=n", "--set", "audit.min_free_mib=0"]);
    command.arg("--data-dir").arg(data).env("XDG_DATA_HOME", data).output().unwrap()
}

#[track_caller]
fn done(data: &Path, arguments: &[&str]) -> String {
    let output = fenwen(data, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const DAYS: [&str; 4] = ["--from", "2026-01-01", "--to", "2199-01-01"];

#[test]
fn the_log_is_verified_exported_searched_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    done(data, &["export", "--day", "2026-01-01"]);
    let text = done(data, &["audit", "verify"]);
    assert!(text.contains("n:正確") && text.contains("共 1 列"), "{text}");
    let out = data.join("out");
    done(data, &[&["audit", "export", "--out", out.to_str().unwrap()][..], &DAYS].concat());
    let text = done(data, &["audit", "verify", "--dir", out.to_str().unwrap()]);
    assert!(text.contains("共 1 列"), "{text}");
    let text = done(data, &[&["audit", "search"][..], &DAYS].concat());
    assert_eq!(text.lines().count(), 2, "{text}");
    let text = done(data, &["audit", "key"]);
    assert!(text.starts_with("-----BEGIN PUBLIC KEY-----"), "{text}");
    let month = fenwen::base::rfc3339(fenwen::base::Clock::unix_time(&fenwen::base::SystemClock));
    // The month in Taiwan is the one of UTC, or the next one in its first hours.
    let text = done(data, &["audit", "report", "--month", &month[..7]]);
    assert!(text.contains("# 稽核紀錄月報") && text.contains("維運人員"), "{text}");
    let events: Vec<AuditEvent> = rows(data).into_iter().map(|it| it.event).collect();
    let expected = [
        AuditEvent::ExportMade,
        AuditEvent::AuditExported,
        AuditEvent::AuditRead,
        AuditEvent::AuditRead,
    ];
    assert_eq!(events, expected, "whoever reads the log is in it");
    let segment = data.join("audit/n/00000000000000000001.jsonl");
    let changed = std::fs::read_to_string(&segment).unwrap().replacen("export", "expart", 1);
    std::fs::write(&segment, changed).unwrap();
    let output = fenwen(data, &["audit", "verify"]);
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("第 1 列被改動"));
}

#[test]
fn failures_and_refused_settings_are_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    assert!(!fenwen(data, &["models", "activate", "letters", "/nowhere"]).status.success());
    assert!(!fenwen(data, &["models", "rollback", "letters"]).status.success());
    assert!(!fenwen(data, &["serve", "--set", "audit.retention_days=1"]).status.success());
    let found: Vec<_> = rows(data).into_iter().map(|it| (it.event, it.outcome)).collect();
    let expected = [
        (AuditEvent::ModelActivated, Some(Outcome::Failed)),
        (AuditEvent::ModelRolledBack, Some(Outcome::Failed)),
        (AuditEvent::ConfigRefused, Some(Outcome::Refused)),
    ];
    assert_eq!(found, expected);
}
