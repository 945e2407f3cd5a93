//! Private data through the commands: times and holds, keys, subjects, backups under load, a sealed server, the doctor.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fenwen::audit::{AuditEvent, Outcome, RowBody};
use fenwen::base::{Clock, Private, RequestId, SystemClock};
use fenwen::config::Config;
use fenwen::http;
use fenwen::store::blobs::{BlobFolder, BlobMeta, Blobs};
use fenwen::store::{Identifier, IdentifierKind, NewPrediction, Store};
use serde_json::Value;

use crate::audit::{recorder, rows};
use crate::generated;
use crate::http::client::get;

const ID_NUMBER: &str = "A123456789";
const ORG: &str = "301000000A";

/// A command over a data directory, with a line on standard input.
fn run(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
    command.args(arguments).args(["--set", "audit.node=n", "--set", "audit.min_free_mib=0"]);
    command.arg("--data-dir").arg(data).env("XDG_DATA_HOME", data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads nothing closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(format!("{input}\n").as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn done(data: &Path, arguments: &[&str], input: &str) -> String {
    let output = run(data, arguments, input);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(data: &Path, arguments: &[&str], input: &str, word: &str) {
    let output = run(data, arguments, input);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains(word), "{arguments:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
}

/// The id in a sentence.
fn id_in(text: &str) -> &str {
    text.split(|ch: char| !ch.is_ascii_hexdigit()).find(|it| it.len() == 32).unwrap()
}

fn recorded(data: &Path, event: AuditEvent) -> Vec<RowBody> {
    rows(data).into_iter().filter(|it| it.event == event).collect()
}

fn now() -> Duration {
    SystemClock.unix_time()
}

fn prediction(store: &Store, id: &str, expires: u64) -> NewPrediction {
    let value = Private::new(ID_NUMBER.to_owned());
    let subject = store.subject(&Identifier { kind: IdentifierKind::IdNumber, value }).unwrap();
    NewPrediction {
        id: id.to_owned(),
        org: "301000000A".to_owned(),
        service: "letters",
        model: ["letters", "3", "00"].map(str::to_owned),
        taxonomy: "2026-10".to_owned(),
        labels: "[]".to_owned(),
        text: Private::new(format!("我是{ID_NUMBER}").into_bytes()),
        signature: None,
        subjects: vec![subject],
        shape: None,
        case_no: None,
        mode: None,
        made_by: None,
        created: now().as_secs() - 1,
        text_expires: expires,
        expires,
    }
}

fn keep(store: &Store, prediction: NewPrediction) {
    store.keep(vec![prediction], Vec::new()).unwrap().wait().unwrap();
}

const LATER: u64 = 9_999_999_999;

#[test]
fn the_inventory_follows_the_settings() {
    let inventory = fenwen::cli::retention::inventory(&Config::default());
    generated::check("docs/reference/data-inventory.md", &inventory);
    let data = tempfile::tempdir().unwrap();
    let shown = done(data.path(), &["retention", "show", "--set", "retention.text_days=7"], "");
    assert!(shown.contains("信件、公文與問題的文字:7 天(核定範圍 1 天至 180 天"), "{shown}");
    let outside = ["retention", "run", "--set", "retention.text_days=181"];
    refused(data.path(), &outside, "", "retention.text_days:核定範圍為 1 天到 180 天");
}

#[test]
fn what_expired_goes_by_command_unless_it_is_held() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let store = Store::open(data).unwrap();
    for id in ["p", "q"] {
        keep(&store, prediction(&store, id, 10));
    }
    let lay = ["retention", "hold", "--reason", "訴訟", "--approved-by", "法制處"];
    assert!(!run(data, &lay, "").status.success(), "it does not say what is held");
    done(data, &[&lay[..], &["--prediction", "p"]].concat(), "");
    assert!(done(data, &["retention", "run"], "").contains("已銷毀 2 筆"));
    let held = done(data, &["retention", "holds"], "");
    let id = held.split(' ').next().unwrap();
    assert!(held.contains("prediction p") && held.contains("approved_by=法制處"), "{held}");
    refused(data, &["retention", "lift", "x", "--approved-by", "處長"], "", "retention holds");
    done(data, &["retention", "lift", id, "--approved-by", "處長"], "");
    assert!(done(data, &["retention", "run"], "").contains("已銷毀 2 筆"));
    let purged = recorded(data, AuditEvent::DataPurged);
    assert_eq!(purged.len(), 2, "a row for each round that erased something");
    assert_eq!((purged[0].count, purged[0].counts.get("texts")), (Some(2), Some(&1)));
    let [laid] = recorded(data, AuditEvent::RetentionHeld).try_into().unwrap();
    assert_eq!(laid.object, Some(format!("holds/{id}")));
    assert_eq!(recorded(data, AuditEvent::RetentionLifted).len(), 2, "also the refused one");
}

#[test]
fn keys_are_rotated_by_command() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let store = Store::open(data).unwrap();
    keep(&store, prediction(&store, "p", LATER));
    assert!(done(data, &["key", "rotate"], "").contains("金鑰 2 已啟用,重新保護 2 筆,尚餘 0 筆"));
    // The store of this process learns of the key when it meets it.
    assert!(store.prediction_text("p").wait().unwrap().is_some());
    let status = done(data, &["key", "status"], "");
    assert!(status.contains("只供解密") && status.contains("使用中"), "{status}");
    refused(data, &["key", "retire"], "", "10 分鐘");
    assert_eq!(recorded(data, AuditEvent::KeyRotated)[0].object, Some("keys/2".to_owned()));
    assert_eq!(recorded(data, AuditEvent::KeyRetired)[0].outcome, Some(Outcome::Failed));
}

#[test]
fn a_person_is_found_copied_out_and_erased_by_two() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    let store = Store::open(data).unwrap();
    keep(&store, prediction(&store, "p", LATER));
    let kind = ["--kind", "id-number"];
    let found = done(data, &[&["subject", "find"][..], &kind].concat(), ID_NUMBER);
    assert!(found.starts_with("prediction p "), "{found}");
    refused(data, &[&["subject", "find"][..], &kind].concat(), "", "標準輸入");
    let out = data.join("out");
    let export = [&["subject", "export", "--out", out.to_str().unwrap()][..], &kind].concat();
    assert!(done(data, &export, ID_NUMBER).contains("2 個檔案"));
    let text = std::fs::read_to_string(out.join("prediction-p.text.json")).unwrap();
    assert!(text.contains(ID_NUMBER));
    let erase = ["subject", "erase", "--reason", "當事人申請", "--by", "王承辦"];
    let asked = done(data, &[&erase[..], &kind].concat(), "a123456789");
    let id = id_in(&asked);
    refused(data, &["subject", "approve", id, "--by", "王承辦"], "", "另一人");
    assert!(done(data, &["subject", "approve", id, "--by", "李科長"], "").contains("已刪除 1 筆"));
    assert!(done(data, &[&["subject", "find"][..], &kind].concat(), ID_NUMBER).is_empty());
    for row in rows(data) {
        let text = serde_json::to_string(&row).unwrap();
        assert!(!text.to_uppercase().contains(ID_NUMBER), "{text}");
    }
    let found = &recorded(data, AuditEvent::SubjectFound)[0];
    assert!(found.object.as_ref().unwrap().starts_with("subjects/") && found.count == Some(1));
    assert_eq!(recorded(data, AuditEvent::ErasureDone).len(), 2, "the refused one too");
}

fn blobs(store: &Store, data: &Path) -> Blobs {
    Blobs::new(store.clone(), Arc::new(BlobFolder::new(data.join("blobs"))))
}

fn meta(id: String) -> BlobMeta {
    BlobMeta {
        id,
        org: ORG.to_owned(),
        client: "mailbox".to_owned(),
        kind: "audio".to_owned(),
        media_type: "audio/wav".to_owned(),
        size: 0,
        sha256: None,
        created: now(),
        expires: Duration::from_secs(LATER),
    }
}

/// Writes predictions, blobs in files and audit rows until it is told to stop, and destroys every third blob again.
fn write_on(data: &Path, store: &Store, n_written: &AtomicU64, stop: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (blobs, audit) = (blobs(store, data), recorder(data, |_| ()));
    let mut n = 0;
    while !stop.load(Ordering::Acquire) {
        n += 1;
        keep(store, prediction(store, &format!("w{n}"), LATER));
        let id = RequestId::at(now()).to_string();
        let content = Private::new(vec![u8::try_from(n % 251).unwrap(); 100_000]);
        runtime.block_on(blobs.keep_in_files(meta(id.clone()), content)).unwrap();
        if n % 3 == 0 {
            runtime.block_on(blobs.delete(&id)).unwrap();
        }
        audit.append(crate::audit::row(n)).wait().unwrap();
        n_written.store(n, Ordering::Release);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// A data directory that was backed up under load, and its backup.
struct Backed {
    data: tempfile::TempDir,
    backup: PathBuf,
    store: Store,
}

fn backed_up() -> Backed {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path()).unwrap();
    keep(&store, prediction(&store, "first", LATER));
    let (backup, stop) = (data.path().join("backup"), AtomicBool::new(false));
    let n_written = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| write_on(data.path(), &store, &n_written, &stop));
        while n_written.load(Ordering::Acquire) < 5 {
            std::thread::yield_now();
        }
        let made = run(data.path(), &["backup", backup.to_str().unwrap()], "");
        stop.store(true, Ordering::Release);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let text = String::from_utf8(made.stdout).unwrap();
        assert!(text.contains("金鑰不在備份內"), "{text}");
    });
    Backed { data, backup, store }
}

#[test]
fn a_backup_under_load_is_restored_and_verified() {
    let Backed { data, backup, store } = backed_up();
    let manifest = std::fs::read(backup.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert!(0 < manifest["counts"]["prediction"].as_u64().unwrap());
    let keys: Vec<Vec<u8>> = ["store.key", "subject.key", "audit.key"]
        .map(|it| std::fs::read(data.path().join("keys").join(it)).unwrap())
        .to_vec();
    for file in manifest["files"].as_array().unwrap() {
        let path = backup.join(file["path"].as_str().unwrap());
        let bytes = std::fs::read(&path).unwrap();
        let has_key = keys.iter().any(|key| bytes.windows(32).any(|it| it == key));
        assert!(!has_key, "{} holds a key", path.display());
        assert!(!bytes.windows(10).any(|it| it == ID_NUMBER.as_bytes()), "{}", path.display());
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let restore = ["restore", backup.to_str().unwrap(), "--verify"];
    let to = elsewhere.path().join("no-keys");
    refused(&to, &restore, "", "keys");
    let to = elsewhere.path().join("data");
    copy(&data.path().join("keys"), &to.join("keys"));
    let text = done(&to, &restore, "");
    assert!(text.contains("核對相符") && text.contains("未指定 --erasures"), "{text}");
    refused(&to, &restore, "", "不是空的");
    let restored = Store::open(&to).unwrap();
    assert!(restored.prediction_text("first").wait().unwrap().is_some());
    assert_eq!(restored.keys()[0].fingerprint, store.keys()[0].fingerprint);
    assert!(done(&to, &["audit", "verify"], "").contains("正確"));
    assert_eq!(recorded(&to, AuditEvent::BackupRestored).len(), 1);
    let made = recorded(data.path(), AuditEvent::BackupMade).remove(0).object.unwrap();
    assert_eq!(recorded(&to, AuditEvent::BackupRestored)[0].object, Some(made));
    // One byte, anywhere.
    let part = manifest["files"][0]["path"].as_str().unwrap();
    let mut bytes = std::fs::read(backup.join(part)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(backup.join(part), bytes).unwrap();
    refused(&elsewhere.path().join("x"), &restore, "", "已損毀");
}

#[test]
fn a_backup_is_of_what_is_there_and_is_whole_or_nothing() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (mistyped, new) = (elsewhere.path().join("mistyped"), elsewhere.path().join("new"));
    let make = ["backup", new.to_str().unwrap()];
    refused(&mistyped, &make, "", "store.sqlite:請以 --config");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing was made");
    let Backed { data, backup, .. } = backed_up();
    let manifest = std::fs::read(backup.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut files =
        manifest["files"].as_array().unwrap().iter().filter_map(|it| it["path"].as_str());
    let segment = data.path().join(files.find(|it| it.starts_with("audit/")).unwrap());
    let middle = std::fs::read(&segment).unwrap().len() / 2;
    let flip = || {
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[middle] ^= 1;
        std::fs::write(&segment, bytes).unwrap();
    };
    flip();
    refused(data.path(), &make, "", "fenwen audit verify");
    assert!(!new.try_exists().unwrap(), "half of one is left");
    flip();
    done(data.path(), &make, "");
    // An old one beside it goes with the next.
    let made = serde_json::json!({"format": "fenwen-backup/1", "made": "2026-01-01T00:00:00.000Z"});
    std::fs::write(new.join("manifest.json"), made.to_string()).unwrap();
    let next = elsewhere.path().join("next");
    let make = ["backup", next.to_str().unwrap(), "--keep-days", "30"];
    let said = done(data.path(), &make, "");
    assert!(said.contains("已刪除滿 30 天的備份"), "{said}");
    assert!(!new.try_exists().unwrap() && next.is_dir());
    let purged = recorded(data.path(), AuditEvent::DataPurged);
    assert_eq!(purged.last().unwrap().count, Some(1));
}

/// RT-5: who was erased after the backup is erased again after its restore.
#[test]
fn an_erasure_survives_a_restore() {
    let Backed { data, backup, .. } = backed_up();
    let data = data.path();
    let kind = ["--kind", "id-number"];
    let erase = ["subject", "erase", "--reason", "當事人申請", "--by", "王承辦"];
    let asked = done(data, &[&erase[..], &kind].concat(), ID_NUMBER);
    let id = id_in(&asked);
    done(data, &["subject", "approve", id, "--by", "李科長"], "");
    let list = data.join("erasures.jsonl");
    done(data, &["subject", "erasures", "--out", list.to_str().unwrap()], "");
    assert!(!std::fs::read_to_string(&list).unwrap().contains(ID_NUMBER));
    let elsewhere = tempfile::tempdir().unwrap();
    let (to, keys) = (elsewhere.path().join("data"), data.join("keys"));
    let restore = ["restore", backup.to_str().unwrap(), "--verify", "--keys"];
    let list = ["--erasures", list.to_str().unwrap()];
    let text = done(&to, &[&restore[..], &[keys.to_str().unwrap()], &list].concat(), "");
    assert!(text.contains("重新執行刪除清單,刪除") && !text.contains("刪除 0 筆"), "{text}");
    let find = [&["subject", "find"][..], &kind].concat();
    assert!(done(&to, &find, ID_NUMBER).is_empty());
    let restored = Store::open(&to).unwrap();
    assert!(restored.prediction("first", 0).wait().unwrap().is_none());
}

/// EN-4: with a wrong key the server lives and serves nothing.
#[tokio::test]
async fn a_sealed_server_lives_and_serves_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async { _ = stopped.await };
    let server = tokio::spawn(http::serve_sealed(listener, Arc::new(SystemClock), stopped));
    assert_eq!(get(addr, "/healthz/live").await.status, 200);
    for path in ["/healthz/ready", "/api/v1/jobs", "/metrics", "/", "/api/v1/predictions/x"] {
        let answer = get(addr, path).await;
        assert_eq!((answer.status, answer.problem()), (503, "ER0510".to_owned()), "{path}");
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}

#[test]
fn a_wrong_key_is_told_by_every_command_and_the_doctor() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path();
    drop(Store::open(data).unwrap());
    let looked = |word: &str| {
        let output = run(data, &["doctor", "--json", "--listen", "127.0.0.1:0"], "");
        let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
        let of = |name: &str| {
            let found = checks.as_array().unwrap().iter().find(|it| it["check"] == name);
            found.unwrap()["state"].as_str().unwrap().to_owned()
        };
        (output.status.success(), of(word))
    };
    assert_eq!(looked("database"), (true, "good".to_owned()));
    std::fs::write(data.join("keys/store.key"), [7; 32]).unwrap();
    assert_eq!(looked("database"), (false, "bad".to_owned()));
    assert_eq!(looked("keys").1, "good");
    refused(data, &["jobs", "list"], "", "another key");
    let table = run(data, &["doctor", "--listen", "127.0.0.1:0"], "");
    assert!(String::from_utf8(table.stdout).unwrap().contains("資料庫      異常"), "doctor");
}
