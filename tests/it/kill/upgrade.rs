//! A rolling upgrade: two processes on one PostgreSQL go on while a newer program has added columns; one that starts
//! then is told that it is too old.
//!
//! The nodes are this test binary, told by variables what to play, and by lines on their input what to do.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use fenwen::service::jobs::Worker;
use fenwen::store::{Store, StoreError};
use tokio_postgres::NoTls;

use super::{jobs_over, send};
use crate::servers::fresh_database;

const FOLDER: &str = "FENWEN_UPGRADE_FOLDER";
const DATABASE: &str = "FENWEN_UPGRADE_DATABASE";

/// Longest wait for any one thing.
const WATCHDOG: Duration = Duration::from_secs(120);

/// Jobs that a node accepts at one word.
const JOBS: usize = 20;

fn told_by(variable: &str) -> Option<String> {
    std::env::var_os(variable)?.into_string().ok()
}

/// Plays a node when it is asked to: accepts jobs at each line that it reads, and works; nothing in an ordinary run.
#[test]
fn the_node_that_goes_on() {
    let Some(folder) = told_by(FOLDER).map(PathBuf::from) else { return };
    let store = Store::connect(&folder, &told_by(DATABASE).unwrap(), 4).unwrap();
    let jobs = jobs_over(store, &folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let worker = Worker::new(Arc::clone(&jobs), format!("{}", std::process::id()));
    runtime.spawn(async move { worker.run(std::future::pending()).await });
    let mut out = std::io::stdout();
    writeln!(out, "ready -").unwrap();
    for _ in std::io::stdin().lines().map_while(Result::ok) {
        for _ in 0..JOBS {
            let id = runtime.block_on(send(&jobs));
            writeln!(out, "accepted {id}").unwrap();
        }
    }
}

struct Node {
    child: Child,
    input: ChildStdin,
    lines: mpsc::Receiver<(String, String)>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    fn start(folder: &std::path::Path, database: &str) -> Node {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::upgrade::the_node_that_goes_on", "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .env(DATABASE, database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The harness writes around what the node says.
                let at = line.find("ready ").or_else(|| line.find("accepted "));
                let said = at.and_then(|at| line[at..].split_once(' '));
                if let Some((what, id)) = said {
                    let _ = sender.send((what.to_owned(), id.to_owned()));
                }
            }
        });
        let node = Node { child, input, lines };
        assert_eq!(node.line().0, "ready");
        node
    }

    fn line(&self) -> (String, String) {
        self.lines.recv_timeout(WATCHDOG).unwrap()
    }

    /// Lets the node accept jobs; their ids.
    fn accept(&mut self) -> Vec<String> {
        writeln!(self.input, "go on").unwrap();
        (0..JOBS).map(|_| self.line().1).collect()
    }
}

/// What a newer program does to the tables while it starts: more columns and an index, and a higher number.
async fn change(database: &str, statement: &str) {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute(statement).await.unwrap();
    drop(client);
    let _ = driver.await;
}

/// One more column in each table, a transaction for each: whoever waits for several tables at once may wait for ever.
async fn widen(database: &str) {
    let (client, connection) = tokio_postgres::connect(database, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables = client.query(tables, &[]).await.unwrap();
    assert!(10 < tables.len(), "{}", tables.len());
    for table in tables {
        let name: String = table.get(0);
        let statement = format!("ALTER TABLE \"{name}\" ADD COLUMN of_a_newer_program TEXT");
        client.batch_execute(&statement).await.unwrap();
    }
    drop(client);
    let _ = driver.await;
}

#[test]
fn two_nodes_go_on_while_a_newer_program_adds_columns() {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database();
    drop(Store::connect(folder.path(), &database, 1).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut old = Node::start(folder.path(), &database);
    let mut ids: BTreeSet<String> = old.accept().into_iter().collect();
    runtime.block_on(widen(&database));
    ids.extend(old.accept());
    // Another of the same age starts after the columns have come, while the number is the one that it knows.
    let mut other = Node::start(folder.path(), &database);
    ids.extend(other.accept());
    let number = "INSERT INTO migration(number) SELECT max(number) + 1 FROM migration";
    runtime.block_on(change(&database, number));
    for node in [&mut old, &mut other] {
        ids.extend(node.accept());
    }
    assert_eq!(ids.len(), 5 * JOBS);
    let refused = Store::connect(folder.path(), &database, 1).err().unwrap();
    let StoreError::Version { found, known } = refused else { unreachable!("{refused:?}") };
    assert_eq!(found, known + 1);
    let back = "DELETE FROM migration WHERE number = (SELECT max(number) FROM migration)";
    runtime.block_on(change(&database, back));
    // Whoever looks now is of that age again: every job ended once, whichever node had it.
    let store = Store::connect(folder.path(), &database, 2).unwrap();
    let jobs = jobs_over(store.clone(), folder.path());
    for id in &ids {
        let job = runtime.block_on(jobs.ended(id, WATCHDOG)).unwrap();
        let events = store.job_events(id, 0).wait().unwrap();
        assert_eq!(events.iter().filter(|it| it.state.is_final()).count(), 1, "{events:?}");
        assert!(job.result.is_some());
    }
}

#[test]
fn a_program_that_is_too_old_says_so_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let file = folder.path().join("store.sqlite");
    let newer = rusqlite::Connection::open(&file).unwrap();
    newer.pragma_update(None, "user_version", 9999).unwrap();
    drop(newer);
    let output = Command::new(env!("CARGO_BIN_EXE_fenwen"))
        .args(["jobs", "list", "--data-dir"])
        .arg(folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{told}");
    assert!(told.contains("version 9999") && told.contains("as new as"), "{told}");
    let kept = rusqlite::Connection::open(&file).unwrap();
    let version: i64 = kept.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 9999);
}
