//! A signed release: what is not in it, or not as it was signed, never answers; what was good goes on.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenwen::audit::{AuditEvent, Outcome};
use fenwen::base::{Date, ErrorCode, ManualClock, PublicKey, SigningKey};
use fenwen::registry::{Release, Trust, digest_of, sign_release};
use fenwen::service::routing::{Routing, RoutingParts};
use fenwen::store::{Store, TaxonomyRow};
use fenwen::task::call::Task;

use crate::audit::rows;
use crate::http::fake::parts_over;
use crate::http::texts::classifier;

fn fenwen(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenwen"));
    command.args(arguments).args(["--set", "audit.node=n", "--set", "audit.min_free_mib=0"]);
    command.arg("--data-dir").arg(data).env("XDG_DATA_HOME", data).output().unwrap()
}

#[track_caller]
fn done(data: &Path, arguments: &[&str]) -> String {
    let output = fenwen(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(data: &Path, arguments: &[&str], word: &str) -> String {
    let output = fenwen(data, arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains(word), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_release_is_drafted_signed_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let (key, draft, manifest) = (path("stick/release.key"), path("draft"), path("release.toml"));
    classifier::activate(data, "letters", &classifier::UNITS);
    let told = done(data, &["release", "key", "--key", &key]);
    let line = told.lines().next().unwrap().split('"').nth(1).unwrap().to_owned();
    assert!(PublicKey::from_line(&line).is_some() && told.contains("BEGIN PUBLIC KEY"), "{told}");
    assert_eq!(done(data, &["release", "key", "--key", &key]), told, "it is made once");
    done(data, &["release", "draft", "--out", &draft]);
    let sign = ["release", "sign", "--key", &key, "--out", &manifest, "--draft", &draft];
    refused(data, &[&sign[..], &["--by", " "]].concat(), "--by");
    let told = done(data, &[&sign[..], &["--by", "王資安"]].concat());
    assert!(told.contains("letters/1"), "{told}");
    let pin = format!("release.public_key={line}");
    let verify = ["release", "verify", "--set", &pin];
    assert!(done(data, &verify).contains("相符"));
    let signed = rows(data).into_iter().rfind(|it| it.event == AuditEvent::ReleaseSigned).unwrap();
    assert_eq!(
        (signed.person.as_deref(), signed.outcome),
        (Some("王資安"), Some(Outcome::Success))
    );

    let weights = data.join("classifiers/letters/1/linear.safetensors");
    let good = std::fs::read(&weights).unwrap();
    let mut bytes = good.clone();
    bytes[10] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    assert!(refused(data, &verify, "不符").contains("models/letters/1"));
    std::fs::write(&weights, good).unwrap();
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replacen("version = \"", "version = \"9", 1)).unwrap();
    refused(data, &verify, "not signed with the pinned key");
    refused(data, &["serve", "--listen", "127.0.0.1:0", "--set", &pin], "fenwen release sign");
    let row = rows(data).into_iter().next_back().unwrap();
    assert_eq!((row.event, row.outcome), (AuditEvent::ReleaseRefused, Some(Outcome::Refused)));
}

#[test]
fn a_version_is_proposed_then_signed_then_approved() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let (key, draft, manifest) = (path("stick/release.key"), path("draft"), path("release.toml"));
    let told = done(data, &["release", "key", "--key", &key]);
    let pin =
        format!("release.public_key={}", told.lines().next().unwrap().split('"').nth(1).unwrap());
    let sign = || {
        done(data, &["release", "draft", "--out", &draft]);
        let sign = ["release", "sign", "--key", &key, "--out", &manifest, "--draft", &draft];
        done(data, &[&sign[..], &["--by", "王資安"]].concat())
    };
    sign();
    let folder = data.join("trained");
    std::fs::create_dir_all(&folder).unwrap();
    classifier::write(&folder, &classifier::UNITS);
    let folder = folder.to_str().unwrap();
    let pin = ["--set", &pin];
    let propose =
        ["models", "propose", "letters", folder, "--reason", "年度重訓", "--by", "王承辦"];
    let told = done(data, &[&propose[..], &pin].concat());
    let id = told.split(|ch: char| !ch.is_ascii_hexdigit()).find(|it| it.len() == 32).unwrap();
    let approve = ["models", "approve", id, "--by", "李科長"];
    refused(data, &[&approve[..], &pin].concat(), "fenwen release sign");
    assert!(sign().contains("letters/1"));
    assert!(done(data, &[&approve[..], &pin].concat()).contains("已核准並啟用 letters 第 1 版"));
}

#[test]
fn another_key_signs_nothing_here() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let key = |name: &str| {
        SigningKey::make(&data.join(name)).unwrap();
        SigningKey::read(&data.join(name)).unwrap().public().to_line()
    };
    let (pin, _) = (format!("release.public_key={}", key("a.key")), key("b.key"));
    let (other, out) = (path("b.key"), path("release.toml"));
    let sign = ["release", "sign", "--key", &other, "--out", &out, "--by", "王資安"];
    refused(data, &[&sign[..], &["--set", &pin]].concat(), "不是設定所指定者");
    assert!(!data.join("release.toml").try_exists().unwrap());
    refused(data, &["release", "verify", "--set", &pin], "release.manifest");
    refused(data, &["release", "verify", "--set", "release.public_key=AA=="], "release key");
}

/// The services over a folder, trusting what a key there has signed.
fn trusting(data: &Path) -> Arc<Routing> {
    let clock = Arc::new(ManualClock::at(Duration::from_secs(1_728_000_000)));
    let parts = parts_over(Store::open(data).unwrap(), data, clock);
    let key = SigningKey::read(&data.join("release.key")).unwrap().public();
    let trust = Trust::pinned(key, data.join("release.toml"));
    Routing::open(RoutingParts { trust, ..parts }).unwrap()
}

/// Signs these classifiers, by hash, and what the program brings.
fn sign(data: &Path, letters: &[String]) {
    sign_with(data, letters, &[]);
}

/// The same and these tables.
fn sign_with(data: &Path, letters: &[String], tables: &[(&str, &str)]) {
    let key = SigningKey::read(&data.join("release.key")).unwrap();
    let mut release = Release::new(String::new(), digest_of(b""), digest_of(b""));
    let registry = fenwen::registry::ModelRegistry::open(fenwen::registry::Settings::at(data));
    for model in registry.unwrap().models() {
        release.models.insert(model.manifest.id.to_string(), model.sha256.clone());
    }
    for (idx, sha256) in letters.iter().enumerate() {
        release.classifiers.insert(format!("letters/{}", idx + 1), sha256.parse().unwrap());
    }
    for (name, text) in tables {
        release.tables.insert((*name).to_owned(), digest_of(text.as_bytes()));
    }
    let text = sign_release(&release.to_draft().unwrap(), &key);
    std::fs::write(data.join("release.toml"), text).unwrap();
}

#[test]
fn what_is_unsigned_or_corrupt_never_answers_and_what_was_good_stays() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    SigningKey::make(&data.join("release.key")).unwrap();
    let versions = fenwen::registry::Versions::at(&data.join("classifiers"), "letters");
    let sum = |number: u32| versions.load(number).unwrap().sha256;
    let number = |routing: &Routing| routing.model(Task::Letters).unwrap().info.version.clone();

    classifier::activate(data, "letters", &classifier::UNITS);
    sign(data, &[sum(1)]);
    let routing = trusting(data);
    assert_eq!(number(&routing), "1");
    // Another version is made to answer that nobody signed: neither this process nor the next one takes it.
    classifier::activate(data, "letters", &["戶政司", "役政司", "地政司"]);
    routing.refresh();
    assert_eq!(number(&routing), "1");
    assert_eq!(number(&trusting(data)), "1");
    sign(data, &[sum(1), sum(2)]);
    let routing = trusting(data);
    assert_eq!(number(&routing), "2");
    // A byte flips.
    let weights = data.join("classifiers/letters/2/linear.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    routing.refresh();
    assert_eq!(number(&routing), "2", "what it has was good when it was read");
    assert_eq!(number(&trusting(data)), "1");
    std::fs::remove_file(data.join("release.toml")).unwrap();
    assert!(trusting(data).model(Task::Letters).is_none(), "without a release nothing answers");
}

#[test]
fn units_that_nobody_signed_are_not_added_and_do_not_hold() {
    const NEXT: &str = "version = 'next'\ntenant = '301000000A'\nname = '內政部'\n\
                        [[unit]]\npath = '301000000A/戶政司'\n";
    let today = Date { year: 2024, month: 10, day: 4 };
    let version = |routing: &Routing| routing.taxonomy_state().unwrap().version;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    SigningKey::make(&data.join("release.key")).unwrap();
    sign(data, &[]);
    let routing = trusting(data);
    let given = version(&routing);
    let refused = routing.add_taxonomy(NEXT, today).unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(refused.message.contains("taxonomies/301000000A/next"), "{}", refused.message);
    assert_eq!(routing.taxonomy_state().unwrap().versions, []);
    sign_with(data, &[], &[("taxonomies/301000000A/next", NEXT)]);
    assert_eq!(routing.add_taxonomy(NEXT, today).unwrap().version, "next");
    assert_eq!(version(&trusting(data)), "next");
    // What is kept is trusted no more than what is brought: without its row it does not hold.
    sign(data, &[]);
    assert_eq!(version(&trusting(data)), given);
}

/// Lines of the log of this thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn units_that_do_not_hold_are_told_of_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    SigningKey::make(&data.join("release.key")).unwrap();
    sign(data, &[]);
    let routing = trusting(data);
    let row = |version: &str, body: &str| TaxonomyRow {
        name: "301000000A".to_owned(),
        version: version.to_owned(),
        body: body.to_owned(),
        valid_from: 1,
        created: 1,
    };
    let store = Store::open(data).unwrap();
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    let n_told = |look: &dyn Fn()| {
        lines.0.lock().unwrap().clear();
        look();
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.matches("added units do not hold").count()
    };
    tracing::subscriber::with_default(log.finish(), || {
        let thrice = || (0..3).for_each(|_| routing.refresh_taxonomy().unwrap());
        assert!(store.add_taxonomy(row("a-broken", "version = ")).wait().unwrap());
        assert_eq!(n_told(&thrice), 1);
        assert_eq!(n_told(&thrice), 0, "it was told");
        let unsigned = "version = 'b'\ntenant = '301000000A'\nname = '內政部'\n";
        assert!(store.add_taxonomy(row("b-unsigned", unsigned)).wait().unwrap());
        assert_eq!(n_told(&thrice), 1, "another version");
    });
}
