//! The program from outside: exit codes, one-line errors, help.

use std::process::{Command, Output};

fn fenwen(arguments: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_fenwen"))
        .args(arguments)
        .env("XDG_DATA_HOME", dir.path())
        .output()
        .unwrap()
}

/// The command must fail with exactly one line that contains every one of `words`.
#[track_caller]
fn check_refused(arguments: &[&str], words: &[&str]) {
    let output = fenwen(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

#[test]
fn settings_are_checked_shown_and_explained() {
    assert!(fenwen(&["config", "check"]).status.success());
    let shown = fenwen(&["config", "show", "--set", "models.token=hunter2"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("[idcard]") && !shown.contains("hunter2"), "{shown}");
    let unsafe_listen = fenwen(&["config", "check", "--listen", "0.0.0.0:80"]);
    assert_eq!(unsafe_listen.status.code(), Some(1));
}

#[test]
fn a_wrong_setting_is_one_line_that_names_it() {
    check_refused(&["config", "show", "--set", "idcard.quue=1"], &["quue"]);
    check_refused(&["config", "show", "--config", "/nowhere.toml"], &["/nowhere.toml"]);
}

#[test]
fn help_teaches() {
    let help = String::from_utf8(fenwen(&["--help"]).stdout).unwrap();
    for word in ["config", "eval", "train", "--data-dir"] {
        assert!(help.contains(word), "{help}");
    }
}
