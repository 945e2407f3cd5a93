//! The export of a day for the warehouse.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use fenwen::base::{Date, Private};
use fenwen::store::jobs::{Claim, Ending, Success};
use fenwen::store::{DriftRow, FeedbackRow, NewPrediction, Shape, Store};
use fenwen::task::prediction::Verdict;
use fenwen::warehouse::{Call, Day, MIN_GROUP, SCHEMA_VERSION, TABLES, due, export, schema};

use super::jobs::result;
use super::predictions::told;
use super::reviews::decided_and_settled;
use super::{Fixture, LEASE, NOON, new_job, submit};

const ORG: &str = "301000000A";

/// Stands wherever a citizen or an officer may be named.
const CANARY: &str = "CANARY-A123456789";

fn day() -> Date {
    Date::parse_iso("2026-11-23").unwrap()
}

fn prediction(id: &str, labels: &str, created: u64) -> NewPrediction {
    NewPrediction {
        id: id.to_owned(),
        org: ORG.to_owned(),
        service: "letters",
        model: ["letters", "3", "00"].map(str::to_owned),
        taxonomy: "2026-10".to_owned(),
        labels: labels.to_owned(),
        text: Private::new(CANARY.as_bytes().to_vec()),
        signature: None,
        subjects: Vec::new(),
        shape: None,
        case_no: None,
        mode: None,
        made_by: None,
        created,
        text_expires: created + 1000,
        expires: created + 1000,
    }
}

fn keep(store: &Store, predictions: Vec<NewPrediction>) {
    store.keep(predictions, Vec::new()).unwrap().wait().unwrap();
}

fn fill(store: &Store) {
    let noon = NOON.as_secs();
    let labels = r#"[["戶政",0.75],["地政",0.25]]"#;
    let shape = Some(Shape { n_chars: 31, n_han: 20 });
    let shadow = NewPrediction { mode: Some("shadow"), shape, ..prediction(CANARY, labels, noon) };
    keep(store, vec![shadow, prediction("other", "[]", noon)]);
    let about = store.prediction(CANARY, noon).wait().unwrap().unwrap();
    let row = FeedbackRow {
        prediction: CANARY.to_owned(),
        verdict: "corrected".to_owned(),
        label: Some("地政".to_owned()),
        unit: None,
        reason: Some("wrong_category".to_owned()),
        decided_by: Some(CANARY.to_owned()),
        role: Some(CANARY.to_owned()),
        created: noon + 90,
    };
    store.add_feedback(row, about, told("a")).wait().unwrap();
    for n in 0..MIN_GROUP {
        let mut job = new_job(store, &format!("{n}"));
        (job.case_no, job.client) = (Some(CANARY.to_owned()), CANARY.to_owned());
        submit(store, job);
    }
    for n in 0..MIN_GROUP {
        decided_and_settled(store, &format!("r{n}"));
    }
    cards(store);
    recordings(store);
    let row = |day: u32| DriftRow {
        service: "letters".to_owned(),
        version: "3".to_owned(),
        day,
        feature: "confidence".to_owned(),
        measure: "ks".to_owned(),
        n_reference: 500,
        n_window: 300,
        value: 0.25,
        p: 0.001,
        threshold: 0.1,
        is_alarm: true,
    };
    store.keep_drift(vec![row(day().unix_days()), row(day().unix_days() + 1)]).wait().unwrap();
    let mut lonely = new_job(store, "lonely");
    lonely.org = "small".to_owned();
    submit(store, lonely);
}

/// Five recognitions; one of them was compared, and its name was wrong.
fn cards(store: &Store) {
    let noon = NOON.as_secs();
    let labels = r#"[["passport",1.0],["passport/name",0.5]]"#;
    let card = |n: usize| NewPrediction {
        service: "identity-documents",
        model: ["cards", "1", "00"].map(str::to_owned),
        ..prediction(&format!("card-{n}"), labels, noon)
    };
    keep(store, (0..MIN_GROUP).map(card).collect());
    for n in 0..MIN_GROUP {
        let id = format!("card-{n}");
        let about = store.prediction(&id, noon).wait().unwrap().unwrap();
        let is_wrong = n == 0;
        let row = FeedbackRow {
            prediction: id,
            verdict: if is_wrong { "corrected" } else { "accepted" }.to_owned(),
            label: is_wrong.then(|| "passport/name".to_owned()),
            unit: None,
            reason: None,
            decided_by: None,
            role: None,
            created: noon + 9,
        };
        store.add_feedback(row, about, told(&format!("card-{n}"))).wait().unwrap();
    }
}

/// As many recordings as are told of, of one minute and of two in turns, and one of another agency.
fn recordings(store: &Store) {
    for n in 0..=MIN_GROUP {
        let mut job = new_job(store, &format!("call-{n}"));
        job.service = "speech".to_owned();
        job.operation = "transcribe".to_owned();
        job.lane = "speech".to_owned();
        if n == MIN_GROUP {
            job.org = "small".to_owned();
        }
        submit(store, job);
    }
    let claim = Claim {
        lanes: vec!["speech".to_owned()],
        owner: "w-1".to_owned(),
        limit: MIN_GROUP + 1,
        now: NOON,
        lease: LEASE,
    };
    for job in store.claim(claim).wait().unwrap() {
        let seconds = if job.org == "small" { 600 } else { 60 };
        let told =
            format!(r#"{{"job_id":"x","audio_seconds":{seconds}.0,"low_confidence_ratio":0.25}}"#);
        let payload = result(store, &job.id);
        let success = Success { payload, told: None, figures: Some(told), subjects: Vec::new() };
        let ending = Ending::Succeeded(success);
        store.finish(&job.id, job.fence, ending, NOON).wait().unwrap().unwrap();
    }
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let name = path.file_name().unwrap().to_str().unwrap();
            let table = folder.components().next_back().unwrap().as_os_str().to_str().unwrap();
            let parent = folder.parent().unwrap().file_name().unwrap().to_str().unwrap();
            found.insert(format!("{parent}/{table}/{name}"), fs::read(&path).unwrap());
        }
    }
}

/// Calls of one client, of nobody, and too few of another operation.
fn calls() -> Vec<Call> {
    let call = |client: Option<&str>, operation: &str, status| Call {
        client: client.map(str::to_owned),
        operation: operation.to_owned(),
        status,
        took_ms: 7,
    };
    let mut calls: Vec<Call> = [200, 200, 200, 404, 429, 500]
        .map(|it| call(Some(CANARY), "POST /api/v1/letters/classifications", it))
        .to_vec();
    calls.extend((0..MIN_GROUP).map(|_| call(None, "GET /api/v1/services", 200)));
    calls.push(call(Some(CANARY), "GET /api/v1/jobs", 200));
    calls
}

fn exported(store: &Store, out: &Path) -> BTreeMap<String, Vec<u8>> {
    // In the place of a signature: how much was signed.
    let sign = |bytes: &[u8]| format!("over {}", bytes.len());
    export(store, &Day { day: day(), calls: &calls(), sign: &sign }, out).unwrap();
    let mut found = BTreeMap::new();
    files(out, &mut found);
    found
}

/// Rows of a table, without its head.
fn rows(found: &BTreeMap<String, Vec<u8>>, table: &str) -> Vec<Vec<String>> {
    let csv = &found[&format!("{table}/dt=2026-11-23/part-0.csv")];
    let text = std::str::from_utf8(csv).unwrap();
    text.lines().skip(1).map(|it| it.split(',').map(str::to_owned).collect()).collect()
}

/// Rows and columns of a table, as a Parquet reader sees them.
#[cfg(feature = "parquet")]
fn parquet_shape(found: &BTreeMap<String, Vec<u8>>, table: &str) -> (i64, usize) {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &found[&format!("{table}/dt=2026-11-23/part-0.parquet")])
        .unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let meta = reader.metadata().file_metadata();
    (meta.num_rows(), meta.schema_descr().num_columns())
}

/// Each manifest is signed as it is.
fn check_signatures(found: &BTreeMap<String, Vec<u8>>) {
    for table in TABLES {
        let of = |name: &str| &found[&format!("{}/dt=2026-11-23/{name}", table.name)];
        let signed = format!("over {}\n", of("manifest.json").len());
        assert_eq!(of("manifest.sig"), signed.as_bytes(), "{}", table.name);
    }
}

/// What was suggested, and what officers made of it.
fn check_answers(found: &BTreeMap<String, Vec<u8>>) {
    let mut predictions = rows(found, "ai_prediction");
    predictions.retain(|it| it[2] == "letters");
    let [first, second] = predictions.as_slice() else { unreachable!("{predictions:?}") };
    let texts = ["letters", "letters", "3", "2026-10", "戶政", "0.75", "地政", "0.25", "", ""];
    assert_eq!(first[2..12], texts);
    assert_eq!(first[12..], [ORG, "shadow", "31"]);
    assert_eq!(second[12..], [ORG, "", ""], "one of before there were modes and counts");
    assert_eq!((first[1].len(), first[1] == second[1]), (32, false));
    let feedback = rows(found, "ai_feedback");
    let feedback: Vec<_> = feedback.into_iter().filter(|it| it[2] == "letters").collect();
    assert_eq!(feedback.len(), 1);
    assert_eq!(feedback[0][1], first[1], "feedback finds its answer");
    assert_eq!(feedback[0][4..], ["corrected", "地政", "false", "true", "90", "wrong_category"]);
}

/// How well cards and recordings were read, and what has drifted.
fn check_quality(found: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(
        rows(found, "ai_field_quality"),
        [
            ["2026-11-23", "passport", "", "5", "1", "5", "0"],
            ["2026-11-23", "passport", "name", "5", "0.5", "5", "1"],
        ]
    );
    assert_eq!(
        rows(found, "ai_speech_quality"),
        [["2026-11-23", ORG, "5", "5", "0.25", "", ""]],
        "the agency with one is left out"
    );
    assert_eq!(
        rows(found, "ai_drift_daily"),
        [[
            "2026-11-23",
            "letters",
            "3",
            "confidence",
            "ks",
            "500",
            "300",
            "0.25",
            "0.001",
            "0.1",
            "true"
        ]]
    );
}

/// Who called what how often.
fn check_usage(found: &BTreeMap<String, Vec<u8>>) {
    let usage = rows(found, "ai_usage_daily");
    let [nobody, client] = usage.as_slice() else { unreachable!("{usage:?}") };
    assert_eq!(nobody[1..], ["", "GET /api/v1/services", "5", "0", "0", "7", "7"]);
    assert_eq!(client[1].len(), 32);
    assert_eq!(client[2..], ["POST /api/v1/letters/classifications", "6", "2", "1", "7", "7"]);
}

pub(super) fn a_day_is_exported_without_what_it_was_about(fixture: Fixture) {
    fill(&fixture.store);
    let out = fixture.path().join("out");
    let found = exported(&fixture.store, &out);
    let per_table = if cfg!(feature = "parquet") { 5 } else { 4 };
    assert_eq!(found.len(), TABLES.len() * per_table);
    for (name, content) in &found {
        let holds = content.windows(CANARY.len()).any(|it| it == CANARY.as_bytes());
        assert!(!holds, "{name} holds what was sent");
    }

    check_answers(&found);
    let jobs = rows(&found, "ai_job_daily");
    assert_eq!(jobs.len(), 2, "a group below the least is left out: {jobs:?}");
    assert_eq!(jobs[0][1..5], ["301000000A", "letters", "5", "0"]);
    assert_eq!(
        rows(&found, "ai_model_version"),
        [
            ["2026-11-23", "identity-documents", "cards", "1", "00", "5"],
            ["2026-11-23", "letters", "letters", "3", "00", ""],
        ],
        "how few there are is not told"
    );
    assert_eq!(
        rows(&found, "ai_review_daily"),
        [["2026-11-23", ORG, "letters", "requires_human", "5", "5", "0", "0", "0", "10", "10"]]
    );
    check_quality(&found);
    check_usage(&found);
    check_signatures(&found);

    #[cfg(feature = "parquet")]
    for table in TABLES {
        let n_rows = i64::try_from(rows(&found, table.name).len()).unwrap();
        assert_eq!(parquet_shape(&found, table.name), (n_rows, table.columns.len()));
    }

    let dictionary = String::from_utf8_lossy(&found["out/ai_feedback/data-dictionary.json"]);
    for verdict in Verdict::ALL {
        assert!(dictionary.contains(verdict.as_str()), "{verdict:?} is not explained");
    }

    assert_eq!(exported(&fixture.store, &out), found, "the same bytes when repeated");
    let again = fixture.reopened();
    let elsewhere = again.path().join("elsewhere");
    assert_eq!(
        exported(&again.store, &elsewhere).into_values().collect::<Vec<_>>(),
        found.into_values().collect::<Vec<_>>(),
        "and after a restart"
    );
}

pub(super) fn a_day_begins_at_midnight_in_taiwan(fixture: Fixture) {
    let store = &fixture.store;
    let midnight = Duration::from_secs(u64::from(day().unix_days()) * 86_400 - 8 * 3600).as_secs();
    let at = |id: &str, created| prediction(id, "[]", created);
    keep(
        store,
        vec![
            at("a", midnight - 1),
            at("b", midnight),
            at("c", midnight + 86_399),
            at("d", midnight + 86_400),
        ],
    );
    let found = exported(store, &fixture.path().join("out"));
    assert_eq!(rows(&found, "ai_prediction").len(), 2);
}

/// What receivers have built on stays as it is: see `SCHEMA_VERSION`.
#[test]
fn the_committed_tables_are_current_and_only_grow_within_a_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/warehouse.txt");
    let before = fs::read_to_string(path).unwrap_or_default();
    let is_same_version = before.starts_with(&format!("schema_version {SCHEMA_VERSION}\n"));
    for table in TABLES.iter().filter(|_| is_same_version) {
        let head = format!("{}.", table.name);
        let of = |text: &str| -> Vec<String> {
            text.lines().filter(|it| it.starts_with(&head)).map(str::to_owned).collect()
        };
        let (old, new) = (of(&before), of(&schema()));
        assert!(new.starts_with(&old), "{}: raise SCHEMA_VERSION, or add at the end", table.name);
    }
    let is_there = |name: &str| TABLES.iter().any(|it| it.name == name);
    let mut old = before.lines().skip(1).filter_map(|it| it.split_once('.'));
    assert!(!is_same_version || old.all(|(name, _)| is_there(name)), "a table is gone");
    crate::generated::check("docs/reference/warehouse.txt", &schema());
}

#[test]
fn days_that_are_missing_or_may_have_changed_are_due() {
    let out = tempfile::tempdir().unwrap();
    let days = |again| -> Vec<String> {
        due(out.path(), day(), again).unwrap().iter().map(ToString::to_string).collect()
    };
    assert_eq!(days(3), ["2026-11-22"], "the first time it is the day before");
    let written = |name: &str| {
        let folder = out.path().join("ai_prediction").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("manifest.json"), "{}").unwrap();
    };
    written("dt=2026-11-20");
    written("dt=2026-11-19");
    fs::create_dir_all(out.path().join("ai_prediction/dt=2026-11-21")).unwrap();
    assert_eq!(days(0), ["2026-11-21", "2026-11-22"], "half a day is none");
    assert_eq!(days(2), ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]);
}
