//! Settings of the virus scanner.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Finding;

/// The virus scanner.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scan {
    /// ClamAV 的 clamd:`unix:/run/clamav/clamd.ctl` 或 `主機:3310`(不加密,限本機或隔離網段);未設定則不掃描上傳的檔案。
    pub clamd: Option<String>,
    /// 掃描單一檔案的時限(秒)。
    pub timeout_s: u64,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan { clamd: None, timeout_s: 30 }
    }
}

impl Scan {
    /// What is wrong.
    pub(super) fn check(&self) -> Vec<Finding> {
        let is_place = |it: &String| match it.strip_prefix("unix:") {
            Some(path) => path.starts_with('/'),
            None => it.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|it| it != 0)
            }),
        };
        if self.clamd.as_ref().is_none_or(is_place) {
            return Vec::new();
        }
        vec![Finding::fatal("scan.clamd:應為 unix:/絕對路徑 或 主機:埠")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanner_is_a_socket_or_a_port() {
        let check = |clamd: &str, n_findings: usize| {
            let scan = Scan { clamd: Some(clamd.to_owned()), ..Scan::default() };
            assert_eq!(scan.check().len(), n_findings, "{clamd}");
        };
        check("unix:/run/clamav/clamd.ctl", 0);
        check("127.0.0.1:3310", 0);
        check("unix:clamd.ctl", 1);
        check("127.0.0.1", 1);
        check(":3310", 1);
        check("clamd:0", 1);
    }
}
