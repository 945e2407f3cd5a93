//! `fenwen serve` over data whose key is another one: it lives, says what is wrong, serves nothing and changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fenwen::audit::AuditEvent;
use fenwen::base::Private;
use fenwen::store::{NewPrediction, Store};

use crate::audit::rows;
use crate::http::client::{get, send};
use crate::support::Server;

/// Content of every file below the folder, but of the audit log, which tells of the start.
fn files(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![data.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(data).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with("audit/") && !name.ends_with("-shm") {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn keep(data: &Path) {
    let prediction = NewPrediction {
        id: "p".to_owned(),
        org: "301000000A".to_owned(),
        service: "letters",
        model: ["letters", "0", "00"].map(str::to_owned),
        taxonomy: "t".to_owned(),
        labels: "[]".to_owned(),
        text: Private::new(b"{\"subject\":\"A123456789\"}".to_vec()),
        signature: None,
        subjects: Vec::new(),
        shape: None,
        case_no: None,
        mode: None,
        made_by: None,
        created: 1 << 31,
        text_expires: 1 << 40,
        expires: 1 << 40,
    };
    let store = Store::open(data).unwrap();
    store.keep(vec![prediction], Vec::new()).unwrap().wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_another_key_nothing_is_served_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path();
    keep(data);
    let server = Server::start(data);
    // Whoever is answered is served: from then on a signal ends it in order.
    assert_eq!(get(server.addr, "/healthz/live").await.status, 200);
    server.stop();
    let log = data.join("store.sqlite-wal");
    assert!(!log.try_exists().unwrap(), "a server that ends in order puts the log away");
    let key = data.join("keys/store.key");
    let right = fs::read(&key).unwrap();
    fs::write(&key, [7; 32]).unwrap();
    let before = files(data);

    let server = Server::start(data);
    let live = get(server.addr, "/healthz/live").await;
    assert_eq!(live.status, 200);
    let letters = r#"{"purpose":{"code":"p"},"letters":[{"subject":"A123456789","body":"b"}]}"#;
    let find = r#"{"kind":"id-number","identifier":"A123456789"}"#;
    for (method, path, body) in [
        ("GET", "/healthz/ready", ""),
        ("GET", "/console", ""),
        ("GET", "/api/v1/predictions/p", ""),
        ("GET", "/api/v1/reviews", ""),
        ("POST", "/api/v1/letters/classifications", letters),
        ("POST", "/api/v1/subjects/find", find),
        ("POST", "/api/v1/jobs", "{}"),
    ] {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = send(server.addr, request.as_bytes()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (503, "ER0510"), "{path}");
        let told = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(told.contains("放回正確的金鑰後重新啟動"), "{told}");
    }
    let log = server.stop();
    assert!(log.contains("put the right keys in place and start again"), "{log}");
    let after = files(data);
    let changed: Vec<&String> = after
        .iter()
        .filter(|(name, bytes)| before.get(*name) != Some(bytes))
        .map(|it| it.0)
        .collect();
    assert_eq!((changed, before.len()), (Vec::<&String>::new(), after.len()));
    assert!(rows(data).iter().any(|it| it.event == AuditEvent::SystemSealed));

    fs::write(&key, right).unwrap();
    let server = Server::start(data);
    assert_eq!(get(server.addr, "/api/v1/predictions/p").await.status, 404, "no id of ours");
    assert_eq!(get(server.addr, "/healthz/live").await.status, 200);
    server.stop();
    let store = Store::open(data).unwrap();
    assert!(store.prediction_text("p").await.unwrap().is_some(), "it opens again");
}
