//! A server whose bus is not there serves all the same, and tells the bus everything when it comes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fenwen::bus::{Bus, Headers, Nats, NatsSettings, Request, Subject};
use serde_json::Value;

use crate::http::client::{WATCHDOG, get};
use crate::http::later::{JOBS, order, post};
use crate::nats_server::NatsServer;
use crate::support::Server;

fn serving(nats: &str, data: &Path) -> Server {
    let url = format!("bus.url={nats}");
    let options = ["--set", "bus.engine=nats", "--set", &url];
    Server::with(&mut Command::new(env!("CARGO_BIN_EXE_fenwen")), &options, data)
}

/// A pause between two looks: nobody reads what the server logs of each until it ends.
async fn pause() {
    let _ = tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_begins_without_its_bus_and_finds_it_later() {
    let mut nats = NatsServer::start();
    nats.kill();
    let data = tempfile::tempdir().unwrap();
    let url = nats.url();
    let folder = data.path().to_owned();
    let server = tokio::task::spawn_blocking(move || serving(&url, &folder)).await.unwrap();
    let notices = async || {
        let answer = get(server.addr, "/healthz/ready").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["notices"].to_string()
    };
    assert!(notices().await.contains("匯流排未連線"));
    let accepted = post(server.addr, JOBS, "", &order("遷入")).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.json()["job_id"].clone();
    nats.start_again();
    let settings = NatsSettings { url: nats.url(), ..NatsSettings::default() };
    let bus = Nats::connect(settings).await.unwrap();
    let read = async || -> Option<Value> {
        let subject = Subject::rpc("jobs", "read").unwrap();
        let body = serde_json::json!({"job_id": id}).to_string().into_bytes().into();
        let asked = Request { subject, headers: Headers::new(), body };
        let reply = bus.request(asked, Duration::from_secs(5)).await.ok()?;
        serde_json::from_slice(reply.body.expose()).ok()
    };
    let found = async {
        loop {
            if let Some(job) = read().await {
                return job;
            }
            pause().await;
        }
    };
    let job = tokio::time::timeout(WATCHDOG, found).await.unwrap();
    assert_eq!((&job["job_id"], &job["operation"]), (&id, &"classify".into()));
    // What happened meanwhile waits in the stream, and commands have their receivers.
    let told = async {
        loop {
            let streams = bus.report().await.unwrap().streams;
            let [jobs, events, ..] = streams.as_slice() else { unreachable!() };
            if 0 < jobs.state.unwrap().n_durables && 0 < events.state.unwrap().n_messages {
                return;
            }
            pause().await;
        }
    };
    tokio::time::timeout(WATCHDOG, told).await.unwrap();
    let settled = async {
        while notices().await.contains("匯流排未連線") {
            pause().await;
        }
    };
    tokio::time::timeout(WATCHDOG, settled).await.unwrap();
    let log = tokio::task::spawn_blocking(move || server.stop()).await.unwrap();
    assert_eq!(log.matches("匯流排無法連線").count(), 1, "{log}");
    assert_eq!(log.matches("已連上匯流排").count(), 1, "{log}");
}

#[test]
fn a_bus_that_refuses_us_ends_the_start() {
    let nats = NatsServer::with(&["--user", "fenwen", "--pass", "right"]);
    let data = tempfile::tempdir().unwrap();
    let url = nats.url().replace("//", "//fenwen:hunter2@");
    let ended = Command::new(env!("CARGO_BIN_EXE_fenwen"))
        .args(["serve", "--profile", "demo", "--listen", "127.0.0.1:0", "--set", "audit.node=n"])
        .args(["--set", "audit.min_free_mib=0", "--set", "bus.engine=nats", "--set"])
        .arg(format!("bus.url={url}"))
        .arg("--data-dir")
        .arg(data.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success());
    assert!(told.contains("127.0.0.1") && told.contains("bus.url"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}
