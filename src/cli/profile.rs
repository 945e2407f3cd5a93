//! The mark of a data directory: what a demonstration left is never served in production, nor the other way.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, ensure};

use crate::config::Profile;

/// The file with the mark.
const FILE: &str = "profile";

/// Refuses a directory that belongs to the other profile; one without a mark belongs to nobody yet.
///
/// # Errors
/// With the remedy.
pub(super) fn check(data_dir: &Path, profile: Profile) -> anyhow::Result<()> {
    let path = data_dir.join(FILE);
    let found = match fs::read_to_string(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("無法讀取 {}", path.display()));
        }
    };
    let (found, wanted) = (found.trim(), name(profile));
    ensure!(
        found == wanted,
        "{} 屬於執行模式 {found}:{wanted} 請另選 --data-dir",
        data_dir.display()
    );
    Ok(())
}

/// Marks a directory that has no mark.
///
/// # Errors
/// When it cannot be written.
pub(super) fn mark(data_dir: &Path, profile: Profile) -> anyhow::Result<()> {
    let path = data_dir.join(FILE);
    let written = match fs::File::create_new(&path) {
        Ok(mut file) => writeln!(file, "{}", name(profile)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return check(data_dir, profile),
        Err(error) => Err(error),
    };
    written.with_context(|| format!("無法寫入 {}", path.display()))
}

fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::Demo => "demo",
        Profile::Production => "production",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stays_with_the_profile_that_marked_it() {
        let dir = tempfile::tempdir().unwrap();
        check(dir.path(), Profile::Production).unwrap();
        mark(dir.path(), Profile::Production).unwrap();
        mark(dir.path(), Profile::Production).unwrap();
        check(dir.path(), Profile::Production).unwrap();
        let error = check(dir.path(), Profile::Demo).unwrap_err().to_string();
        assert!(error.contains("production") && error.contains("--data-dir"), "{error}");
        assert!(mark(dir.path(), Profile::Demo).is_err());
    }
}
