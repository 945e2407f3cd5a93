//! A server has the ports that it is told to have, and its data stay with its profile.

use std::process::Command;

#[test]
fn a_data_directory_belongs_to_one_profile() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("profile"), "demo\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_fenwen"))
        .args(["serve", "--profile", "production", "--set", "release.unsigned=true", "--data-dir"])
        .arg(dir.path())
        .arg("--set")
        .arg(format!("models.store={:?}", dir.path()))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(stderr.contains("屬於執行模式 demo"), "{stderr}");
}

/// Sockets of a process that wait for connections, as the kernel lists them.
#[cfg(all(feature = "ort", feature = "rten", target_os = "linux"))]
mod linux {
    use std::collections::BTreeSet;
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use crate::support::Server;

    /// State of a socket that listens.
    const LISTEN: &str = "0A";

    /// The inodes of a process's sockets.
    fn sockets(pid: u32) -> BTreeSet<String> {
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let links = entries.filter_map(|it| fs::read_link(it.ok()?.path()).ok());
        let names = links.map(|it| it.to_string_lossy().into_owned());
        names
            .filter_map(|it| Some(it.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect()
    }

    /// Local addresses, in TCP and UDP over both versions of IP, that the process has open for others.
    fn open_ports(pid: u32) -> Vec<String> {
        let own = sockets(pid);
        let mut found = Vec::new();
        for table in ["tcp", "tcp6", "udp", "udp6"] {
            let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
            for line in text.lines().skip(1) {
                let columns: Vec<&str> = line.split_whitespace().collect();
                let is_open = table.starts_with("udp") || columns[3] == LISTEN;
                if is_open && own.contains(columns[9]) {
                    found.push(format!("{table} {}", columns[1]));
                }
            }
        }
        found
    }

    #[test]
    fn a_server_listens_where_it_says_and_nowhere_else() {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path());
        let SocketAddr::V4(address) = server.addr else { panic!("{}", server.addr) };
        assert_eq!(IpAddr::V4(*address.ip()), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let expected = format!("tcp 0100007F:{:04X}", address.port());
        assert_eq!(open_ports(server.pid()), [expected]);
        assert_eq!(fs::read_to_string(data.path().join("profile")).unwrap(), "demo\n");
        // Whoever reads that it is ready may stop it.
        server.stop();
    }
}
