//! Which recordings a command was given: files as named, and those of folders, each with its place under `--out`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

/// What recordings are called; other files of a folder are left alone.
const EXTENSIONS: &[&str] = &[
    "wav", "mp3", "flac", "ogg", "oga", "opus", "m4a", "mp4", "aac", "webm", "amr", "awb", "3gp",
    "gsm", "wma",
];

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Where what is made of it lies under the folder for that, before the extension is added.
    pub(super) place: PathBuf,
}

/// The recordings of `paths`, in their order; those of a folder sorted, below what the folder names.
///
/// A file is placed by its name; where another has the same place, by its whole path.
///
/// # Errors
/// When a folder cannot be read or has no recording, or two are still placed alike.
pub(super) fn recordings(paths: &[PathBuf]) -> anyhow::Result<Vec<Recording>> {
    let mut found: Vec<Recording> = Vec::new();
    for path in paths {
        if !path.is_dir() {
            let place = path.file_name().map(PathBuf::from).context("有錄音沒有檔名")?;
            found.push(Recording { path: path.clone(), place });
            continue;
        }
        let mut inside = Vec::new();
        walk(path, &mut inside).with_context(|| format!("無法讀取資料夾 {}", path.display()))?;
        if inside.is_empty() {
            bail!("資料夾 {} 沒有錄音檔({})", path.display(), EXTENSIONS.join("、"));
        }
        inside.sort();
        found.extend(inside.into_iter().map(|it| {
            let place = it.strip_prefix(path).unwrap_or(&it).to_owned();
            Recording { path: it, place }
        }));
    }
    let mut seen = BTreeSet::new();
    found.retain(|it| seen.insert(it.path.clone()));
    part(&mut found)?;
    Ok(found)
}

/// Gives those that are placed alike their whole paths.
fn part(found: &mut [Recording]) -> anyhow::Result<()> {
    let mut n_placed: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for it in found.iter() {
        *n_placed.entry(it.place.clone()).or_default() += 1;
    }
    let mut placed: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for it in found {
        if n_placed.get(&it.place).is_some_and(|n| 1 < *n) {
            let names = it.path.components().filter(|it| matches!(it, Component::Normal(_)));
            it.place = names.collect();
        }
        if let Some(before) = placed.insert(it.place.clone(), it.path.clone()) {
            let (before, path) = (before.display(), it.path.display());
            bail!("{before} 與 {path} 會寫成同一個檔案,請分次轉寫");
        }
    }
    Ok(())
}

/// Links to folders are not followed: one may lead back.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Those that begin with a dot belong to the system (`._call.wav`, `.Trash`).
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(&path, found)?;
        } else if is_recording(&path) && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn is_recording(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|it| EXTENSIONS.contains(&it.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        folder
    }

    #[track_caller]
    fn check(paths: &[&str], expected: &[&str]) {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let found = recordings(&paths).unwrap();
        let places: Vec<&str> = found.iter().map(|it| it.place.to_str().unwrap()).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn files_are_placed_by_name_and_by_path_where_names_are_the_same() {
        check(&["in/a.wav", "b.mp3"], &["a.wav", "b.mp3"]);
        check(
            &["mon/call.wav", "../tue/call.wav", "a.wav"],
            &["mon/call.wav", "tue/call.wav", "a.wav"],
        );
        check(&["a.wav", "a.wav"], &["a.wav"]);
        let alike = ["in/a.wav", "./in/../in/a.wav", "../in/a.wav"].map(PathBuf::from);
        let told = recordings(&alike).unwrap_err().to_string();
        assert!(told.contains("同一個檔案"), "{told}");
    }

    #[test]
    fn a_folder_is_walked_in_order() {
        let given =
            folder(&["b.WAV", "a/z.opus", "a/notes.txt", "._b.wav", "a/.x/c.mp3", "a/b/c.Mp3"]);
        let path = given.path().to_str().unwrap();
        check(&[path], &["a/b/c.Mp3", "a/z.opus", "b.WAV"]);
        let empty = folder(&["notes.txt"]);
        let told = recordings(&[empty.path().to_owned()]).unwrap_err().to_string();
        assert!(told.contains("沒有錄音檔"), "{told}");
        // Two folders may hold calls of one name.
        let given = folder(&["mon/call.wav", "tue/call.wav"]);
        let folders = ["mon", "tue"].map(|it| given.path().join(it));
        let places = recordings(&folders).unwrap().into_iter().map(|it| it.place);
        assert!(places.zip(["mon/call.wav", "tue/call.wav"]).all(|(it, end)| it.ends_with(end)));
    }
}
