//! The program from outside: exit codes, one-line errors, help.

use std::process::{Command, Output};

use fenwen::base::{Clock, Date, SystemClock};
use fenwen::store::Store;
use fenwen::warehouse::TABLES;

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

/// What a server refuses when it starts, the check refuses before.
#[test]
fn settings_are_checked_by_the_parts_that_they_are_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fenwen.toml");
    let check = |text: &str, words: &[&str]| {
        std::fs::write(&path, text).unwrap();
        let output = fenwen(&["config", "check", "--config", path.to_str().unwrap()]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(i32::from(!words.is_empty())), "{text}: {said}");
        assert_eq!(
            said.lines().filter(|it| it.starts_with("錯誤:")).count(),
            words.len(),
            "{said}"
        );
        assert!(words.iter().all(|it| said.contains(it)), "{said}");
    };
    let trial = |candidate: &str| {
        format!(
            "[[models.trials]]\nmodel = \"ppocrv6-small-rec\"\ncandidate = \"{candidate}\"\n\
             canary_percent = 10\nshadow = false\n"
        )
    };
    check(
        &trial("nothing-of-this-name"),
        &["模型庫中沒有以張量呼叫的模型「nothing-of-this-name」"],
    );
    check("[webhooks]\nallowed_networks = [\"127.0.0.0/99\"]\n", &["127.0.0.0/99 不是網段"]);
    check("[webhooks]\nallowed_networks = [\"127.0.0.0/8\"]\n", &[]);
    if cfg!(feature = "mail") {
        let mail = |from: &str| format!("[mail]\nhost = \"mail.example\"\nfrom = \"{from}\"\n");
        check(&mail("fenwen@example.tw"), &[]);
        check(&mail("nobody"), &["mail.from"]);
        let kinds = format!("{}[mail.recipients]\naudit-brokn = [\"a@b\"]\n", mail("a@b.tw"));
        check(&kinds, &["沒有「audit-brokn」這種通知"]);
    }
    if cfg!(feature = "webhooks") {
        let sms = |to: &str| {
            format!(
                "[sms]\nurl = \"https://sms.example/\"\nfields = {{to = \"{{to}}\", text = \"{{text}}\"}}\n\
                 [sms.recipients]\n{to}\n"
            )
        };
        check(&sms("default = [\"0912000000\"]"), &[]);
        check(&sms("default = [\"abc\"]"), &["sms.recipients"]);
        check(&sms("dead-leters = [\"0912000000\"]"), &["沒有「dead-leters」這種通知"]);
        let both = format!("{}[webhooks]\nallowed_networks = [\"x\"]\n", sms(""));
        check(&both, &["x 不是網段"]);
    }
}

#[test]
fn a_wrong_setting_is_one_line_that_names_it() {
    check_refused(&["config", "show", "--set", "idcard.quue=1"], &["quue"]);
    check_refused(&["config", "show", "--config", "/nowhere.toml"], &["/nowhere.toml"]);
}

#[test]
fn a_day_is_exported_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let done = fenwen(&["export", "--day", "2026-01-01", "--data-dir", data]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8(done.stdout).unwrap().lines().count(), TABLES.len());
    assert!(dir.path().join("exports/ai_prediction/dt=2026-01-01/manifest.json").is_file());
    let store = Store::open(dir.path()).unwrap();
    let told = store.outbox_pending(9).wait().unwrap();
    let [event] = told.as_slice() else { unreachable!("{}", told.len()) };
    assert_eq!(event.subject, "moi.ai.v1.evt.301000000A.exports.export.ready");
    assert!(event.body.contains(r#""day":"2026-01-01""#), "{}", event.body);
    check_refused(&["export", "--day", "2199-01-01", "--data-dir", data], &["2199-01-01"]);
    check_refused(&["export", "--day", "2026-02-30", "--data-dir", data], &["YYYY-MM-DD"]);
}

/// Without a day: what is missing since the newest, and the days before it again.
#[test]
fn the_days_that_are_missing_are_exported() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let yesterday = Date::in_taiwan(SystemClock.unix_time()).previous_day();
    let before = yesterday.previous_day().to_string();
    assert!(fenwen(&["export", "--day", &before, "--data-dir", data]).status.success());
    let done = fenwen(&["export", "--again", "1", "--data-dir", data]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(said.lines().count(), 2 * TABLES.len(), "{said}");
    let is_unchanged = |day: &str| said.contains(&format!("dt={day}(未變)"));
    assert!(is_unchanged(&before) && !is_unchanged(&yesterday.to_string()), "{said}");
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(
        store.outbox_pending(9).wait().unwrap().len(),
        2,
        "a day that is the same is not told"
    );
}

#[test]
fn the_bus_is_checked() {
    let checked = fenwen(&["bus", "check"]);
    let text = String::from_utf8(checked.stdout).unwrap();
    for word in ["embedded", "MOI_AI_JOBS", "往返時間"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(checked.status.success());
}

#[cfg(feature = "nats")]
#[test]
fn a_bus_that_cannot_be_reached_is_one_line_with_its_remedy() {
    let nats = ["bus", "check", "--set", "bus.engine=nats", "--set"];
    let closed = [&nats[..], &["bus.url=nats://u:hunter2@127.0.0.1:1"]].concat();
    check_refused(&closed, &["127.0.0.1:1", "bus.url"]);
    let production = [&nats[..], &["profile=production"]].concat();
    check_refused(&production, &["tls://", "bus.credentials"]);
}

#[cfg(feature = "nats")]
#[test]
fn the_bus_of_a_server_is_checked() {
    let server = crate::nats_server::NatsServer::start();
    let url = format!("bus.url={}", server.url());
    let check = || fenwen(&["bus", "check", "--set", "bus.engine=nats", "--set", &url]);
    // A check that made anything would say something else the second time.
    let (first, checked) = (check(), check());
    assert!(String::from_utf8(first.stdout).unwrap().contains("尚未建立"));
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(text.contains("2.15.1") && text.contains("MOI_AI_DLQ"), "{text}");
    assert!(
        text.contains("MOI_AI_JOBS    工作佇列,尚未建立") && text.contains("fenwen serve"),
        "{text}"
    );
}

#[test]
fn help_names_every_role_and_speaks_the_words_of_operators() {
    let serve = String::from_utf8(fenwen(&["serve", "--help"]).stdout).unwrap();
    for role in
        ["all(全部)", "api(只接受請求)", "worker(只執行工作)", "relay(只送出事件與 webhook)"]
    {
        assert!(serve.contains(role), "{role}: {serve}");
    }
    for word in ["用法:fenwen serve", "選項:", "顯示說明"] {
        assert!(serve.contains(word), "{word}: {serve}");
    }
    assert!(!serve.contains("Print") && !serve.contains("Usage"), "{serve}");
    assert!(fenwen(&["serve", "--version"]).status.success());
    let models = String::from_utf8(fenwen(&["models", "--help"]).stdout).unwrap();
    // The parser's own line on `help` has no other words.
    let mut english =
        models.lines().filter(|it| !it.starts_with("  help ") && it.contains(" the "));
    assert_eq!(english.next(), None, "{models}");
}

#[test]
fn capacity_refuses_what_nobody_has_and_warns_of_the_database() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/eval/capacity");
    let (small, large) = (format!("{files}/two-cores.toml"), format!("{files}/h200.toml"));
    check_refused(&["capacity", &small, "--per-hour", "1e12"], &["--per-hour", "10000"]);
    check_refused(
        &["capacity", &large, "--station", "speech-h200", "--per-hour", "1e300"],
        &["10000"],
    );
    let ask = ["capacity", &small, "--station", "letters-cpu", "--per-hour", "10000000"];
    let told = String::from_utf8(fenwen(&ask).stdout).unwrap();
    assert!(told.contains("需要") && told.contains("警告:受限於資料庫"), "{told}");
}

#[test]
fn an_export_counts_the_calls_of_nodes_whose_audit_logs_it_is_told() {
    let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = own.path().to_str().unwrap();
    let audit = other.path().join("audit");
    let told = audit.to_str().unwrap();
    let export = ["export", "--day", "2026-01-01", "--data-dir", folder, "--audit", told];
    check_refused(&export, &[told]);
    std::fs::create_dir(&audit).unwrap();
    let done = fenwen(&export);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn help_teaches() {
    let help = String::from_utf8(fenwen(&["--help"]).stdout).unwrap();
    for word in ["config", "eval", "train", "--data-dir"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn a_mistyped_folder_becomes_no_installation() {
    let data = tempfile::tempdir().unwrap();
    let typo = data.path().join("tpyo");
    let folder = ["--data-dir", typo.to_str().unwrap()];
    for command in [&["jobs", "list"][..], &["jobs", "cancel", "x"], &["subject", "erasures"]] {
        check_refused(&[command, &folder].concat(), &["--data-dir", "fenwen serve"]);
        assert!(!typo.join("store.sqlite").is_file(), "{command:?}");
    }
}

#[test]
fn who_approves_is_one_name() {
    for name in [" ", "", "甲 ", "甲\n"] {
        let add = ["clients", "add", "mailbox", "--purpose", "petition", "--approved-by", name];
        check_refused(&add, &["--approved-by"]);
    }
    check_refused(&["subject", "approve", "x", "--by", "甲 "], &[]);
}

#[test]
fn what_operators_do_with_jobs_is_on_record() {
    let data = tempfile::tempdir().unwrap();
    drop(Store::open(data.path()).unwrap());
    let folder = ["--data-dir", data.path().to_str().unwrap()];
    let id = "019a9f4e5d7c7d3e9c550d6a3f2b1c00";
    for (command, event) in [("cancel", "job.cancelled"), ("requeue", "job.requeued")] {
        check_refused(&[&["jobs", command, id], &folder[..]].concat(), &["fenwen jobs list"]);
        let days = ["--from", "2026-01-01", "--to", "2199-01-01"];
        let rows = fenwen(&[&["audit", "search"], &days[..], &folder[..]].concat());
        let rows = String::from_utf8(rows.stdout).unwrap();
        let row = rows.lines().find(|it| it.contains(event)).unwrap_or_default();
        assert!(row.contains(&format!("jobs/{id}")) && row.contains("failed"), "{rows}");
    }
}
