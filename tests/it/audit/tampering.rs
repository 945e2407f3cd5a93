//! Every kind of tampering is found, and the first wrong row is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fenwen::audit::{AuditKey, Excerpt, Finding, PublicKey, Wrong, excerpt, verify};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{always, recorder, row, verified};

/// Rows of the log that is tampered with.
const N_ROWS: u64 = 40;

/// A log of several segments, with a checkpoint every ten rows.
fn log() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let recorder = recorder(dir.path(), |it| {
        it.segment_bytes = 6000;
        it.checkpoint = (10, Duration::from_secs(600));
    });
    for n in 0..N_ROWS {
        recorder.append(row(n)).wait().unwrap();
    }
    drop(recorder);
    dir
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder.join("audit/n"))
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.file_name().unwrap().to_str().unwrap().starts_with('0'))
        .collect();
    paths.sort();
    paths
}

/// The lines of all segments, with what separates the segments kept.
fn read(folder: &Path) -> Vec<Vec<String>> {
    let lines = |it: &PathBuf| fs::read_to_string(it).unwrap().lines().map(str::to_owned).collect();
    segments(folder).iter().map(lines).collect()
}

fn write(folder: &Path, lines: &[Vec<String>]) {
    for (path, lines) in segments(folder).iter().zip(lines) {
        let text: String = lines.iter().map(|it| format!("{it}\n")).collect();
        fs::write(path, text).unwrap();
    }
}

/// Segment and line of a row.
fn place(lines: &[Vec<String>], row_idx: usize) -> (usize, usize) {
    let mut left = row_idx;
    for (segment_idx, segment) in lines.iter().enumerate() {
        if left < segment.len() {
            return (segment_idx, left);
        }
        left -= segment.len();
    }
    unreachable!("row {row_idx}")
}

fn finding(folder: &Path) -> Option<Finding> {
    let [report] = verified(folder).try_into().unwrap();
    report.finding
}

/// Changes the lines and checks what is found; `row` counts from 1.
#[track_caller]
fn check(change: impl FnOnce(&mut Vec<Vec<String>>), seq: u64, wrong: Wrong) {
    let dir = log();
    let mut lines = read(dir.path());
    assert!(2 < lines.len(), "there are several segments");
    change(&mut lines);
    write(dir.path(), &lines);
    assert_eq!(finding(dir.path()), Some(Finding { seq, wrong }));
}

fn take(lines: &mut [Vec<String>], row: usize) -> String {
    let (segment, line) = place(lines, row - 1);
    lines[segment].remove(line)
}

fn change(lines: &mut [Vec<String>], row: usize, from: &str, to: &str) {
    let (segment, line) = place(lines, row - 1);
    let changed = lines[segment][line].replacen(from, to, 1);
    assert_ne!(lines[segment][line], changed);
    lines[segment][line] = changed;
}

#[test]
fn each_kind_is_named() {
    assert_eq!(finding(log().path()), None);
    check(|it| change(it, 17, "mailbox", "mailbax"), 17, Wrong::Changed);
    check(|it| change(it, 17, "\"seq\":17", "\"seq\":18"), 17, Wrong::Changed);
    check(|it| drop(take(it, 17)), 17, Wrong::Removed(17));
    check(|it| (0..3).for_each(|_| drop(take(it, 17))), 17, Wrong::Removed(19));
    check(
        |it| {
            let (from, to) = (place(it, 4), place(it, 24));
            let moved = it[from.0][from.1].clone();
            it[from.0][from.1] = std::mem::replace(&mut it[to.0][to.1], moved);
        },
        5,
        Wrong::Swapped,
    );
    check(
        |it| {
            let copy = it[0][2].clone();
            it[1].insert(1, copy);
        },
        3,
        Wrong::Inserted,
    );
    check(|it| drop(take(it, 40)), 40, Wrong::Truncated(N_ROWS));
}

#[test]
fn a_removed_segment_and_a_broken_end_are_named() {
    let dir = log();
    let n_before = read(dir.path())[0].len() as u64;
    let n_gone = read(dir.path())[1].len() as u64;
    fs::remove_file(&segments(dir.path())[1]).unwrap();
    let wrong = Wrong::Removed(n_before + n_gone);
    assert_eq!(finding(dir.path()), Some(Finding { seq: n_before + 1, wrong }));
    let dir = log();
    let last = segments(dir.path()).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(finding(dir.path()), Some(Finding { seq: N_ROWS, wrong: Wrong::Unfinished }));
}

/// A log that was written anew from row 12 on, with hashes that fit: only checkpoints tell.
#[test]
fn a_rewritten_log_does_not_fit_its_checkpoints() {
    let (dir, other) = (log(), tempfile::tempdir().unwrap());
    let forged = recorder(other.path(), |_| ());
    for n in 0..N_ROWS {
        forged.append(row(n + 1000)).wait().unwrap();
    }
    drop(forged);
    for path in segments(dir.path()) {
        fs::remove_file(path).unwrap();
    }
    let copy = |name: &str| {
        let path = Path::new("audit/n").join(name);
        fs::copy(other.path().join(&path), dir.path().join(&path)).unwrap();
    };
    copy("00000000000000000001.jsonl");
    assert_eq!(finding(dir.path()), Some(Finding { seq: 10, wrong: Wrong::Rewritten }));
    // The forger's own checkpoints are not signed by the key.
    copy("checkpoints.jsonl");
    let found = finding(dir.path()).unwrap();
    assert_eq!(found.wrong, Wrong::Forged(1));
}

#[test]
fn checkpoints_cannot_be_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = recorder(dir.path(), |_| ());
    let waiting: Vec<_> = (0..2500).map(|n| log.append(row(n))).collect();
    for appended in waiting {
        appended.wait().unwrap();
    }
    drop(log);
    assert_eq!(finding(dir.path()), None);
    fs::remove_file(dir.path().join("audit/n/checkpoints.jsonl")).unwrap();
    assert_eq!(finding(dir.path()), Some(Finding { seq: 1, wrong: Wrong::Unsigned }));
}

#[test]
fn an_excerpt_proves_itself_elsewhere() {
    let dir = log();
    let key = AuditKey::open(&dir.path().join("keys")).unwrap();
    let out = dir.path().join("out");
    let asked = Excerpt {
        folder: &dir.path().join("audit"),
        time: always(),
        key: &key,
        ts: "2026-01-01T00:00:00.000Z",
    };
    assert_eq!(excerpt(&asked, &out).unwrap(), N_ROWS);
    assert!(excerpt(&asked, &out).is_err(), "nothing is written over");
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    fs::rename(&out, &moved).unwrap();
    drop(dir);
    let public = PublicKey::read(&moved.join("public.pem")).unwrap();
    let [report] = verify(&moved, &public).unwrap().try_into().unwrap();
    assert_eq!((report.finding, report.last, report.n_unsigned), (None, N_ROWS, 0));
    let segment = moved.join("n/00000000000000000001.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    fs::write(&segment, text.replacen("mailbox", "mailbax", 1)).unwrap();
    let [report] = verify(&moved, &public).unwrap().try_into().unwrap();
    assert_eq!(report.finding, Some(Finding { seq: 1, wrong: Wrong::Changed }));
}

/// Something done to a log.
#[derive(Clone, Debug)]
enum Tampering {
    Flip { row: usize, byte: prop::sample::Index, bit: u8 },
    Remove { row: usize },
    Swap { first: usize, second: usize },
    Repeat { row: usize, before: usize },
    Cut { from: usize },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let row = 0..usize::try_from(N_ROWS).unwrap();
    prop_oneof![
        (row.clone(), any::<prop::sample::Index>(), 0_u8..8)
            .prop_map(|(row, byte, bit)| Tampering::Flip { row, byte, bit }),
        row.clone().prop_map(|row| Tampering::Remove { row }),
        (row.clone(), row.clone())
            .prop_filter("two rows", |(first, second)| first != second)
            .prop_map(|(one, two)| Tampering::Swap { first: one.min(two), second: one.max(two) }),
        (row.clone(), row.clone()).prop_map(|(row, before)| Tampering::Repeat { row, before }),
        row.prop_map(|from| Tampering::Cut { from }),
    ]
}

/// The lines after it, and the row that must be named, from 1.
fn tamper(lines: &mut Vec<Vec<u8>>, what: &Tampering) -> u64 {
    let row = match *what {
        Tampering::Flip { row, byte, bit } => {
            let at = byte.index(lines[row].len());
            lines[row][at] ^= 1 << bit;
            row
        }
        Tampering::Remove { row } => {
            lines.remove(row);
            row
        }
        Tampering::Swap { first, second } => {
            lines.swap(first, second);
            first
        }
        Tampering::Repeat { row, before } => {
            let copy = lines[row].clone();
            lines.insert(before, copy);
            row
        }
        Tampering::Cut { from } => {
            lines.truncate(from);
            from
        }
    };
    row as u64 + 1
}

#[test]
fn whatever_is_done_is_found_and_the_row_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = recorder(dir.path(), |_| ());
    for n in 0..N_ROWS {
        log.append(row(n)).wait().unwrap();
    }
    drop(log);
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let lines: Vec<Vec<u8>> =
        whole.split_inclusive(|&it| it == b'\n').map(<[u8]>::to_vec).collect();
    proptest!(ProptestConfig::with_cases(200), |(what in tampering())| {
        let mut changed = lines.clone();
        let seq = tamper(&mut changed, &what);
        fs::write(&path, changed.concat()).unwrap();
        let found = finding(dir.path());
        prop_assert_eq!(found.map(|it| it.seq), Some(seq), "{:?}", found);
    });
}
