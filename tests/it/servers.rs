//! A PostgreSQL server of the tests' own: a private folder, a Unix socket, no port; it ends with the test run.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

/// Longest wait for the server to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server; one for all tests of a run.
struct Server {
    folder: TempDir,
    /// Holds the pipe whose end tells the server to stop.
    _shell: Child,
}

/// Ids of the user that the server runs as: a server refuses to run as root.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Address of a database that nobody else uses.
pub(crate) fn fresh_database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = SERVER.get_or_init(start).folder.path();
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::SeqCst));
    let created = Command::new(binary("createdb"))
        .args(["-U", "fenwen", "-h"])
        .arg(folder)
        .arg(&name)
        .output()
        .unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    format!("host={} user=fenwen dbname={name}", folder.display())
}

fn start() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let user = user();
    let data = folder.path().join("data");
    if let Some(User { uid, gid }) = user {
        chown(folder.path(), Some(uid), Some(gid)).unwrap();
    }
    let mut command = Command::new(binary("initdb"));
    command
        .args(["-U", "fenwen", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", "-D"])
        .arg(&data);
    let made = as_user(&mut command, user).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // The shell waits for the end of its input, which comes with the end of this process, however it ends.
    let script = format!(
        "'{}' -D '{}' -k '{}' -c listen_addresses='' -c fsync=off -c max_connections=200 & \
         server=$!; cat >/dev/null; kill -INT $server; wait $server",
        binary("postgres").display(),
        data.display(),
        folder.path().display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let shell = as_user(&mut command, user).current_dir(folder.path()).spawn().unwrap();
    wait_until_ready(folder.path());
    Server { folder, _shell: shell }
}

fn wait_until_ready(folder: &Path) {
    let seconds = PATIENCE.as_secs().to_string();
    // `pg_isready` waits for one answer only, so the shell asks until there is one.
    let script = format!(
        "n=0; until '{}' -q -h '{}' -U fenwen; do n=$((n+1)); [ $n -lt {seconds}0 ] || exit 1; sleep 0.1; done",
        binary("pg_isready").display(),
        folder.display()
    );
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
}

fn as_user(command: &mut Command, user: Option<User>) -> &mut Command {
    match user {
        Some(User { uid, gid }) => command.uid(uid).gid(gid),
        None => command,
    }
}

/// The user `postgres` or `nobody`, when the tests run as root.
fn user() -> Option<User> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let is_root = status.lines().any(|it| it.starts_with("Uid:\t0\t"));
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = passwd.lines().find(|it| it.starts_with(&format!("{name}:")))?;
        let mut ids = line.split(':').skip(2).map(|it| it.parse().unwrap());
        Some(User { uid: ids.next()?, gid: ids.next()? })
    };
    is_root.then(|| find("postgres").or_else(|| find("nobody")).unwrap())
}

/// A program of PostgreSQL: the newest that Debian's packages have installed, else one on the path.
#[expect(clippy::panic, reason = "a test without its server has failed")]
fn binary(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|it| it.path().join("bin").join(name)).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.sort();
    found.reverse();
    found.extend(std::env::split_paths(&path).map(|it| it.join(name)));
    found
        .into_iter()
        .find(|it| it.is_file())
        .unwrap_or_else(|| panic!("PostgreSQL's `{name}` is missing: run `make setup`"))
}
