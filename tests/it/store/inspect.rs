//! A look at a database changes nothing, and tells what a start would.

use std::collections::BTreeMap;
use std::path::Path;

use fenwen::store::{Inspection, Store, StoreError};

use super::Fixture;

fn inspect(fixture: &Fixture) -> Result<Inspection, StoreError> {
    #[cfg(feature = "postgres")]
    if let Some(url) = &fixture.url {
        return Store::inspect_over(&Default::default(), fixture.path(), url);
    }
    Store::inspect(fixture.path())
}

/// Runs statements beside the program; the number that the first row of the last one begins with.
#[cfg(feature = "postgres")]
pub(super) fn beside(fixture: &Fixture, [of_sqlite, of_postgres]: [&str; 2]) -> Option<i64> {
    let Some(url) = fixture.url.clone() else { return in_file(fixture.path(), of_sqlite) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let rows = client.simple_query(of_postgres).await.unwrap();
        rows.iter().find_map(|it| match it {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        })
    })
}

#[cfg(not(feature = "postgres"))]
fn beside(fixture: &Fixture, [of_sqlite, _]: [&str; 2]) -> Option<i64> {
    in_file(fixture.path(), of_sqlite)
}

fn in_file(folder: &Path, statement: &str) -> Option<i64> {
    let file = rusqlite::Connection::open(folder.join("store.sqlite")).unwrap();
    if !statement.ends_with("user_version") {
        file.execute_batch(statement).unwrap();
        return None;
    }
    Some(file.query_row(statement, [], |row| row.get(0)).unwrap())
}

fn version(fixture: &Fixture) -> i64 {
    beside(fixture, ["PRAGMA user_version", "SELECT max(number) FROM migration"]).unwrap()
}

/// Everything in a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            all.extend(
                files(&entry.path()).into_iter().map(|(it, is)| (format!("{name}/{it}"), is)),
            );
        } else {
            all.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

pub(super) fn a_look_changes_nothing_and_tells_what_a_start_would(fixture: Fixture) {
    let now = inspect(&fixture).unwrap();
    assert_eq!(
        (now.is_new, now.n_missing, now.n_keys, now.n_sealed_before),
        (false, 0, 1, Some(0))
    );
    fixture.store.add_key().unwrap();
    let rotated = inspect(&fixture).unwrap();
    assert!(rotated.n_keys == 2 && rotated.n_sealed_before.is_some_and(|it| 0 < it), "{rotated:?}");
    fixture.store.close();
    let newest = version(&fixture);
    let older = ["PRAGMA user_version = 3", "DELETE FROM migration WHERE 3 < number"];
    beside(&fixture, older);
    let before = files(fixture.path());
    let found = inspect(&fixture).unwrap();
    assert_eq!((found.is_new, found.n_sealed_before), (false, None), "{found:?}");
    assert_eq!(found.n_missing, usize::try_from(newest - 3).unwrap());
    assert_eq!(version(&fixture), 3);
    assert!(files(fixture.path()) == before, "not a byte is written");
}

pub(super) fn a_look_refuses_what_a_start_would(fixture: Fixture) {
    fixture.store.close();
    let keys = fixture.path().join("keys");
    let away = fixture.path().join("away");
    std::fs::rename(&keys, &away).unwrap();
    let refused = inspect(&fixture);
    assert!(matches!(refused, Err(StoreError::Key { .. })), "{refused:?}");
    assert!(!keys.try_exists().unwrap(), "no key is made");
    std::fs::rename(&away, &keys).unwrap();
    for (name, told) in [("store.key", ""), ("subject.key", "subject.key")] {
        let file = keys.join(name);
        let own = std::fs::read(&file).unwrap();
        std::fs::write(&file, [7; 32]).unwrap();
        let Err(StoreError::Key { path, .. }) = inspect(&fixture) else { unreachable!("{name}") };
        assert_eq!(path, keys.join(told), "another");
        std::fs::rename(&file, &away).unwrap();
        let Err(StoreError::Key { path, .. }) = inspect(&fixture) else { unreachable!("{name}") };
        assert_eq!(path, keys.join(told), "none");
        std::fs::rename(&away, &file).unwrap();
        assert!(inspect(&fixture).is_err());
        std::fs::write(&file, own).unwrap();
        assert!(inspect(&fixture).is_ok());
    }
    let newer = ["PRAGMA user_version = 9999", "INSERT INTO migration(number) VALUES(9999)"];
    beside(&fixture, newer);
    let refused = inspect(&fixture);
    assert!(matches!(refused, Err(StoreError::Version { found: 9999, .. })), "{refused:?}");
}

#[test]
fn a_file_that_is_not_there_is_not_made_and_a_log_that_a_crash_left_stays() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Store::inspect(folder.path()), Err(StoreError::Sqlite(_))));
    assert!(files(folder.path()).is_empty());
    let store = Store::open(folder.path()).unwrap();
    // The files of a program that has not ended yet are those of one that crashed.
    let crashed = tempfile::tempdir().unwrap();
    for (name, bytes) in files(folder.path()) {
        let to = crashed.path().join(&name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(&to, bytes).unwrap();
        std::fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    drop(store);
    let kept = |name: &str| std::fs::read(crashed.path().join(name)).unwrap();
    let before = [kept("store.sqlite"), kept("store.sqlite-wal")];
    assert!(!before[1].is_empty());
    assert!(!Store::inspect(crashed.path()).unwrap().is_new);
    assert!([kept("store.sqlite"), kept("store.sqlite-wal")] == before);
}

#[cfg(feature = "postgres")]
#[test]
fn an_empty_database_is_new_and_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::servers::fresh_database();
    let look = || Store::inspect_over(&Default::default(), folder.path(), &url).unwrap();
    let found = look();
    assert!(found.is_new && 0 < found.n_missing && found.n_keys == 0, "{found:?}");
    assert_eq!(look(), found);
    assert!(files(folder.path()).is_empty());
}

/// How often an index of PostgreSQL was looked into, as far as the database has counted.
#[cfg(feature = "postgres")]
pub(super) fn looks(fixture: &Fixture, index: &str) -> i64 {
    let select =
        format!("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = '{index}'");
    beside(fixture, ["", &select]).unwrap()
}
