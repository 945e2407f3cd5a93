//! No file under version control holds a secret. There is no list of exceptions.

use std::process::Command;

use regex::bytes::{Regex, RegexSet};

use super::root;

/// What keys and tokens look like. Written in two parts where a whole one would find itself.
fn patterns() -> Vec<String> {
    [
        // Private keys in PEM, of any kind, with their content.
        concat!("-----BEGIN [A-Z ]*PRIVATE ", r"KEY-----\s+[A-Za-z0-9+/]{16}"),
        // Tokens of clouds, forges, registries and chat.
        r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
        r"\bgithub_pat_[A-Za-z0-9_]{60}",
        r"\bglpat-[A-Za-z0-9_-]{20}\b",
        r"\bhf_[A-Za-z]{34}\b",
        r"\bnpm_[A-Za-z0-9]{36}\b",
        r"\bpypi-AgE[A-Za-z0-9_-]{50}",
        r"\bxox[abprs]-[A-Za-z0-9-]{10}",
        r"\bsk-[A-Za-z0-9]{40}",
        r"\bAIza[A-Za-z0-9_-]{35}\b",
        // Signed tokens: a header and claims in base64, and a signature of its own.
        r"\beyJ[A-Za-z0-9_-]{12,}\.eyJ[A-Za-z0-9_-]{12,}\.[A-Za-z0-9_-]{30,}",
        // Keys of this service, of its bus and of webhooks.
        r"\bfw[kd]_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\b",
        r"\bSU[A-Z2-7]{56}\b",
        r"\bwhsec_[A-Za-z0-9+/]{43}=",
        // A password inside of the address of a server.
        r"\b(?:postgres|postgresql|mysql|redis|nats|tls|amqps?|mongodb)://[A-Za-z0-9._-]{2,}:[^@/\s${}<\x22]{6,}@[A-Za-z0-9.-]+\.[a-z]{2,}",
    ]
    .map(|it| format!("(?-u){it}"))
    .to_vec()
}

/// Names of files that hold nothing but secrets.
const NAMES: [&str; 8] = [".key", ".p12", ".pfx", ".jks", ".creds", ".nk", "id_rsa", ".env"];

fn tracked() -> Vec<String> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split('\0').filter(|it| !it.is_empty()).map(str::to_owned).collect()
}

#[test]
fn no_tracked_file_holds_a_secret() {
    let patterns = patterns();
    let set = RegexSet::new(&patterns).unwrap();
    let files = tracked();
    assert!(400 < files.len(), "{} files are tracked", files.len());
    for file in files {
        assert!(!NAMES.iter().any(|it| file.ends_with(it)), "{file} is a file of secrets");
        // A file that was deleted, or a link, has nothing to read.
        let Ok(bytes) = std::fs::read(root().join(&file)) else { continue };
        let found = set.matches(&bytes).into_iter().next();
        assert_eq!(found.map(|it| &patterns[it]), None, "{file}");
    }
}

#[test]
fn secrets_are_seen() {
    let patterns = patterns();
    let long = |prefix: &str, n: usize| format!("{prefix}{}", "aB3".repeat(n)[..n].to_owned());
    let samples = [
        format!("-----BEGIN EC PRIVATE {}-----\n{}", "KEY", "A".repeat(64)),
        format!("AKIA{}", "Q".repeat(16)),
        long("ghp_", 36),
        long("github_pat_", 60),
        long("glpat-", 20),
        format!("hf_{}", "a".repeat(34)),
        long("npm_", 36),
        long("pypi-AgE", 50),
        long("xoxb-", 12),
        long("sk-", 40),
        long("AIza", 35),
        format!("eyJ{0}.eyJ{0}.{1}", "a".repeat(20), "b".repeat(43)),
        format!("fwk_{}_{}", "0".repeat(16), "a".repeat(43)),
        format!("SU{}", "A".repeat(56)),
        format!("whsec_{}=", "a".repeat(43)),
        format!("nats://user:{}@bus.example.tw", "hunter22"),
    ];
    assert_eq!(samples.len(), patterns.len());
    for (sample, pattern) in samples.iter().zip(&patterns) {
        assert!(Regex::new(pattern).unwrap().is_match(sample.as_bytes()), "{pattern}: {sample}");
    }
}
