//! The audit log from outside: what calls leave in it, what tampering looks like, what receivers get.

mod calls;
mod commands;
mod forward;
mod tampering;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fenwen::audit::{
    Actor, ActorKind, AuditEvent, AuditKey, AuditSettings, ChainReport, Listener, Query, Recorder,
    Row, RowBody, Word, schema, search, verify,
};
use fenwen::base::SystemClock;
use serde_json::Value;

use crate::generated;

/// All of time.
pub(crate) fn always() -> std::ops::Range<Duration> {
    Duration::ZERO..Duration::from_secs(1 << 33)
}

pub(crate) fn recorder(folder: &Path, change: impl FnOnce(&mut AuditSettings)) -> Recorder {
    let (audit, keys) = (folder.join("audit"), folder.join("keys"));
    let mut settings = AuditSettings::new(audit, keys, "n".to_owned());
    settings.min_free_mib = 0;
    change(&mut settings);
    Recorder::open(settings, Arc::new(SystemClock)).unwrap()
}

pub(crate) fn row(n: u64) -> Row {
    let actor = Actor::of(ActorKind::System, Word::of("mailbox"));
    Row {
        count: Some(n),
        case_no: Word::new(&format!("案-{n}")),
        ..Row::new(AuditEvent::ApiCalled, Listener::Api, actor, Word::of("POST /api/v1/x"))
    }
}

/// Rows in the order in which they were written; every one fits the schema.
pub(crate) fn rows(folder: &Path) -> Vec<RowBody> {
    let mut rows = Vec::new();
    let query = Query { time: always(), ..Query::default() };
    let found = search(&folder.join("audit"), &query, |it| rows.push(it)).unwrap();
    assert_eq!(found.n_unreadable, 0);
    let schema = schema();
    for row in &rows {
        assert_eq!(fault(&schema, &schema, &serde_json::to_value(row).unwrap()), None);
    }
    rows
}

fn verified(folder: &Path) -> Vec<ChainReport> {
    let key = AuditKey::open(&folder.join("keys")).unwrap().public();
    verify(&folder.join("audit"), &key).unwrap()
}

/// What of `value` does not fit a schema of this kind: objects with closed properties, texts, numbers, enumerations.
fn fault(all: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return fault(all, all.pointer(reference.trim_start_matches('#')).unwrap(), value);
    }
    for (word, fits) in [("oneOf", 1), ("anyOf", 1), ("allOf", usize::MAX)] {
        if let Some(options) = schema[word].as_array() {
            let n = options.iter().filter(|it| fault(all, it, value).is_none()).count();
            if n < fits.min(options.len()) {
                return Some(format!("{value} fits {n} of {word}"));
            }
        }
    }
    if schema["enum"].as_array().is_some_and(|it| !it.contains(value)) {
        return Some(format!("{value} is none of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|it| it != value) {
        return Some(format!("{value} is not {}", schema["const"]));
    }
    if let Some(text) = value.as_str() {
        let n = text.chars().count() as u64;
        let (least, most) = (schema["minLength"].as_u64(), schema["maxLength"].as_u64());
        if least.is_some_and(|it| n < it) || most.is_some_and(|it| it < n) {
            return Some(format!("{text} has {n} characters"));
        }
    }
    let object = value.as_object()?;
    let properties = schema["properties"].as_object()?;
    let required = schema["required"].as_array().into_iter().flatten();
    let missing = required.map(|it| it.as_str().unwrap()).find(|it| !object.contains_key(*it));
    if let Some(key) = missing {
        return Some(format!("{key} is missing"));
    }
    assert_eq!(schema["additionalProperties"], false);
    object.iter().find_map(|(key, value)| match properties.get(key) {
        Some(property) => fault(all, property, value).map(|it| format!("{key}: {it}")),
        None => Some(format!("{key} is not described")),
    })
}

#[test]
fn the_schema_refuses_what_is_not_a_row() {
    let schema = schema();
    let good = serde_json::json!({
        "action": "a", "actor": {"asserted": true, "id": "i", "type": "system"},
        "event": "api.called", "listener": "api", "node": "n", "ts": "2026-01-01T00:00:00.000Z",
    });
    assert_eq!(fault(&schema, &schema, &good), None);
    for (pointer, bad) in [
        ("/event", "api.guessed"),
        ("/action", ""),
        ("/listener", "phone"),
        ("/actor/type", "ghost"),
    ] {
        let mut row = good.clone();
        *row.pointer_mut(pointer).unwrap() = bad.into();
        assert!(fault(&schema, &schema, &row).is_some(), "{pointer}");
    }
    let mut row = good.clone();
    row["text"] = "content".into();
    assert!(fault(&schema, &schema, &row).is_some());
}

#[test]
fn the_committed_schema_and_list_of_events_are_current() {
    generated::check("docs/reference/audit-row.v1.json", &format!("{:#}\n", schema()));
    let guide = include_str!("../../../docs/operate/audit.md");
    let listed: Vec<&str> = guide.lines().filter(|it| it.starts_with("| `")).collect();
    let told = |it: &AuditEvent| format!("| `{}` | {} |", it.name(), it.title());
    let expected: Vec<String> = AuditEvent::ALL.iter().map(told).collect();
    assert_eq!(listed, expected, "docs/operate/audit.md lists other events");
}

#[test]
fn ten_writers_leave_no_fork_and_no_gap() {
    const EACH: u64 = 200;
    let dir = tempfile::tempdir().unwrap();
    let recorder = recorder(dir.path(), |_| ());
    let mut seqs: Vec<u64> = std::thread::scope(|scope| {
        let write = |n: u64| {
            let recorder = &recorder;
            move || {
                (0..EACH)
                    .map(|it| recorder.append(row(n * EACH + it)).wait().unwrap())
                    .collect::<Vec<u64>>()
            }
        };
        let writers: Vec<_> = (0..10).map(|n| scope.spawn(write(n))).collect();
        writers.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    drop(recorder);
    seqs.sort_unstable();
    assert!(seqs.iter().copied().eq(1..=10 * EACH), "each row has a number of its own");
    let [report] = verified(dir.path()).try_into().unwrap();
    assert_eq!((report.finding, report.last, report.n_unsigned), (None, 10 * EACH, 0));
    let mut found: Vec<u64> = rows(dir.path()).into_iter().filter_map(|it| it.count).collect();
    found.sort_unstable();
    assert!(found.into_iter().eq(0..10 * EACH), "each row is there once");
}

#[test]
fn rows_are_found_by_actor_case_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = recorder(dir.path(), |_| ());
    for n in 0..5 {
        log.append(row(n)).wait().unwrap();
    }
    drop(log);
    let check = |query: Query, expected: u64| {
        let found = search(&dir.path().join("audit"), &query, |_| ()).unwrap();
        assert_eq!(found.n_rows, expected, "{query:?}");
    };
    let all = Query { time: always(), ..Query::default() };
    check(all.clone(), 5);
    check(Query { actor: Some("mailbox".to_owned()), ..all.clone() }, 5);
    check(Query { actor: Some("mail".to_owned()), ..all.clone() }, 0);
    // The word is in the row, but not as its actor.
    check(Query { actor: Some("案-3".to_owned()), ..all.clone() }, 0);
    check(Query { case_no: Some("案-3".to_owned()), ..all.clone() }, 1);
    check(Query { object: Some("jobs/1".to_owned()), ..all.clone() }, 0);
    check(Query { time: Duration::ZERO..Duration::from_secs(1), ..all }, 0);
}
