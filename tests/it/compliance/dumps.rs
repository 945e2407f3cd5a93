//! A crash leaves nothing of the memory behind, also where the surroundings would let it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

/// Lifts the limit as far as it may be lifted, then becomes the server.
const LIFTED: &str =
    "ulimit -c unlimited 2>/dev/null || ulimit -c \"$(ulimit -H -c)\"; exec \"$@\"";

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_crash_leaves_no_memory_in_a_file() {
    let (data, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let child = Command::new("bash")
        .args(["-c", LIFTED, "bash", env!("CARGO_BIN_EXE_fenwen")])
        .args(["serve", "--profile", "demo", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data.path())
        .current_dir(here.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server(child);
    let lines = BufReader::new(server.0.stdout.take().unwrap()).lines();
    assert!(lines.map(|it| it.unwrap()).any(|it| it.contains("已就緒")));
    let pid = server.0.id().to_string();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|it| it.starts_with("Max core file size")).unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "{core}");
    assert!(Command::new("kill").args(["-ABRT", &pid]).status().unwrap().success());
    let ended = server.0.wait().unwrap();
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0, "nothing lies where it ran");
}
