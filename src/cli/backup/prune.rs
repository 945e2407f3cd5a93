//! Destroys backups that are too old: what was deleted here could come back from them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

use crate::base::{Date, from_rfc3339};

use super::manifest::FILE;

/// What the form of every version's backups begins with.
const FORMATS: &str = "fenwen-backup/";

/// What is read of a manifest, whatever else its version wrote into it.
#[derive(Deserialize)]
struct Made {
    format: String,
    made: String,
}

/// Deletes the backups that lie beside the newest one and were made `days` days ago or earlier. What is no backup of ours stays.
///
/// Days are counted by the calendar: by hours, a backup of a minute later than today's would stay for another day.
pub(super) fn prune(newest: &Path, days: u32, now: Duration) -> anyhow::Result<Vec<PathBuf>> {
    let newest = fs::canonicalize(newest).with_context(|| unreadable(newest))?;
    let folder = newest.parent().context("備份沒有上層目錄")?;
    let today = Date::in_taiwan(now).unix_days();
    let mut pruned = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| unreadable(folder))? {
        let entry = entry.with_context(|| unreadable(folder))?;
        let path = entry.path();
        // A link is not followed.
        if path == newest || !entry.file_type().is_ok_and(|it| it.is_dir()) {
            continue;
        }
        let Some(made) = made(&path) else { continue };
        if Date::in_taiwan(made).unix_days().saturating_add(days) <= today {
            remove(&path).with_context(|| format!("無法刪除 {}", path.display()))?;
            pruned.push(path);
        }
    }
    pruned.sort();
    Ok(pruned)
}

/// When a backup was made; `None` for a folder that is none.
fn made(folder: &Path) -> Option<Duration> {
    let found: Made = serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()?;
    from_rfc3339(&found.made).filter(|_| found.format.starts_with(FORMATS))
}

/// The manifest goes last: what is left of an interrupted removal is still known for what it is.
fn remove(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false if entry.file_name() != FILE => fs::remove_file(entry.path())?,
            false => (),
        }
    }
    fs::remove_dir_all(folder)
}

fn unreadable(path: &Path) -> String {
    format!("無法讀取 {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rfc3339;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn backups_are_destroyed_by_their_day_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let now = 20_000 * DAY;
        let lay = |name: &str, manifest: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.join("audit/node")).unwrap();
            fs::write(path.join("audit/node/1.jsonl"), "").unwrap();
            fs::write(path.join("store.sqlite"), "").unwrap();
            fs::write(path.join(FILE), manifest).unwrap();
        };
        let backup = |name: &str, made: Duration| {
            let made = rfc3339(made);
            let text = format!(r#"{{"format":"fenwen-backup/1","made":"{made}","later":1}}"#);
            lay(name, &text);
        };
        backup("new", now);
        backup("a-year-old", now - 365 * DAY);
        backup("of-the-day", now - 30 * DAY + DAY / 4);
        backup("young", now - 29 * DAY);
        lay("other", r#"{"format":"tar/1","made":"2000-01-01T00:00:00.000Z"}"#);
        lay("broken", "{");
        fs::create_dir(folder.path().join("empty")).unwrap();
        fs::write(folder.path().join(FILE), "").unwrap();
        let pruned = prune(&folder.path().join("new"), 30, now).unwrap();
        let names: Vec<_> = pruned.iter().filter_map(|it| it.file_name()?.to_str()).collect();
        assert_eq!(names, ["a-year-old", "of-the-day"]);
        assert!(pruned.iter().all(|it| !it.try_exists().unwrap()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
        assert!(folder.path().join("other/store.sqlite").is_file());
    }
}
