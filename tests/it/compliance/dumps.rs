//! A crash leaves nothing of the memory behind, also where the surroundings would let it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use crate::support::Server;

/// Lifts the limit as far as it may be lifted, then becomes the server.
const LIFTED: &str =
    "ulimit -c unlimited 2>/dev/null || ulimit -c \"$(ulimit -H -c)\"; exec \"$@\"";

#[test]
fn a_crash_leaves_no_memory_in_a_file() {
    let (data, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut command = Command::new("bash");
    command.args(["-c", LIFTED, "bash", env!("CARGO_BIN_EXE_fenwen")]).current_dir(here.path());
    let server = Server::of(&mut command, data.path());
    let pid = server.pid();
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|it| it.starts_with("Max core file size")).unwrap();
    let values: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(values, ["0", "0"], "{core}");
    let (ended, _) = server.killed(rustix::process::Signal::ABORT);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0, "nothing lies where it ran");
}
