//! A PostgreSQL server of the tests' own: a private folder, a Unix socket, no port unless it encrypts; it ends with the
//! test run.

use std::fs;
#[cfg(all(feature = "jwt", feature = "tls"))]
use std::os::unix::fs::PermissionsExt;
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

/// In the name of a server's socket; nobody listens at it.
const PORT: u16 = 5432;

/// A running server.
pub(crate) struct Postgres {
    folder: TempDir,
    user: Option<User>,
    count: AtomicU32,
    /// Of its sockets; one is open only where it encrypts.
    port: u16,
    arguments: String,
    /// Holds the pipe whose end tells the server to stop.
    shell: Child,
}

/// Ids of the user that the server runs as: a server refuses to run as root.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Address of a database that nobody else uses, on one server for all tests of a run.
pub(crate) fn fresh_database() -> String {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(Postgres::start).database()
}

impl Postgres {
    pub(crate) fn start() -> Postgres {
        Postgres::with(PORT, "-c listen_addresses=''", |_, _| ())
    }

    /// With a loopback port where nothing is in the clear: the server shows this certificate (PEM, with its key), and
    /// asks for one that the authority has signed.
    #[cfg(all(feature = "jwt", feature = "tls"))]
    pub(crate) fn encrypted(certificate: &str, key: &str, client_ca: &str) -> Postgres {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let arguments = "-c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file=server.pem \
             -c ssl_key_file=server.key -c ssl_ca_file=ca.pem";
        Postgres::with(port, arguments, |data, user| {
            for (name, text) in
                [("server.pem", certificate), ("server.key", key), ("ca.pem", client_ca)]
            {
                let path = data.join(name);
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
                if let Some(User { uid, gid }) = user {
                    chown(&path, Some(uid), Some(gid)).unwrap();
                }
            }
            let rules =
                "local all all trust\nhostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n";
            fs::write(data.join("pg_hba.conf"), rules).unwrap();
        })
    }

    fn with(port: u16, arguments: &str, prepare: impl FnOnce(&Path, Option<User>)) -> Postgres {
        let folder = tempfile::tempdir().unwrap();
        let user = user();
        if let Some(User { uid, gid }) = user {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let mut command = Command::new(binary("initdb"));
        command
            .args(["-U", "fenwen", "-A", "trust", "-E", "UTF8", "--no-locale", "-N", "-D"])
            .arg(folder.path().join("data"));
        let made = as_user(&mut command, user).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        prepare(&folder.path().join("data"), user);
        let arguments = format!("-p {port} {arguments}");
        let shell = run(folder.path(), user, (port, &arguments));
        Postgres { folder, user, count: AtomicU32::new(0), port, arguments, shell }
    }

    /// Address of a new database.
    pub(crate) fn database(&self) -> String {
        let folder = self.folder.path();
        let name = format!("test_{}", self.count.fetch_add(1, Ordering::SeqCst));
        let created = Command::new(binary("createdb"))
            .args(["-U", "fenwen", "-p", &self.port.to_string(), "-h"])
            .arg(folder)
            .arg(&name)
            .output()
            .unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        format!("host={} user=fenwen dbname={name}", folder.display())
    }

    /// The same, reached over its port by a name of this machine.
    #[cfg(all(feature = "jwt", feature = "tls"))]
    pub(crate) fn database_at(&self, host: &str) -> String {
        let folder = format!("host={}", self.folder.path().display());
        self.database().replace(&folder, &format!("host={host} port={}", self.port))
    }

    /// Cuts every connection, ends, and starts again with the same data.
    #[cfg(feature = "nats")]
    pub(crate) fn restart(&mut self) {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
        self.shell = run(self.folder.path(), self.user, (self.port, &self.arguments));
    }
}

/// Starts the server in a folder and waits until it answers.
fn run(folder: &Path, user: Option<User>, (port, arguments): (u16, &str)) -> Child {
    // The shell waits for the end of its input, which comes with the end of this process, however it ends.
    let script = format!(
        "'{}' -D '{}' -k '{}' {arguments} -c fsync=off -c max_connections=200 & \
         server=$!; cat >/dev/null; kill -INT $server; wait $server",
        binary("postgres").display(),
        folder.join("data").display(),
        folder.display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let shell = as_user(&mut command, user).current_dir(folder).spawn().unwrap();
    wait_until_ready(folder, port);
    shell
}

fn wait_until_ready(folder: &Path, port: u16) {
    let seconds = PATIENCE.as_secs().to_string();
    // `pg_isready` waits for one answer only, so the shell asks until there is one.
    let script = format!(
        "n=0; until '{}' -q -h '{}' -p {port} -U fenwen; do n=$((n+1)); [ $n -lt {seconds}0 ] || exit 1; sleep 0.1; done",
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
        .unwrap_or_else(|| panic!("PostgreSQL's `{name}` is missing: run `make servers`"))
}
