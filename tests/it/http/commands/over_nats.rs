//! Commands of another system over a real server: its headers prove it, and go no further than here.

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::context::Context;
use fenwen::bus::{Nats, NatsSettings};
use futures_util::StreamExt;

use super::{CANARY, command, jobs, letters};
use crate::http::client::WATCHDOG;
use crate::http::fake::Server;
use crate::http::guard::register;
use crate::http::texts;
use crate::nats_server::NatsServer;
use fenwen::rpc::RpcOptions;

const CLASSIFY: &str = "moi.ai.v1.job.letters.classify";

async fn send(sender: &Context, credential: &str, body: Vec<u8>) {
    let mut headers = HeaderMap::new();
    if !credential.is_empty() {
        headers.insert("Authorization", credential);
    }
    let sent = sender.publish_with_headers(CLASSIFY, headers, body.into()).await.unwrap();
    sent.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_is_proven_by_its_headers_and_its_credential_is_not_kept() {
    let nats = NatsServer::start();
    let server = Server::guarded().await;
    texts::activate(&server);
    let credential = |head: String| head.trim_start_matches("authorization: ").trim().to_owned();
    let good = credential(register(&server, "mailbox", |_| ()).await);
    let poor = credential(register(&server, "poor", |it| it.scopes = "qa:ask".to_owned()).await);
    let settings = NatsSettings { url: nats.url(), ..NatsSettings::default() };
    let bus = Nats::connect(settings).await.unwrap();
    let rpc = server.rpc(server.gate.clone(), RpcOptions::default());
    let _receiving = fenwen::rpc::receive(&bus, &rpc).await.unwrap();
    let sender = async_nats::connect(nats.url()).await.unwrap();
    let sender = async_nats::jetstream::new(sender);
    let body = |id: &str| command(id, letters(CANARY)).to_json().unwrap();
    // Without the id in a header, so that the server takes the second one, too.
    for _ in 0..2 {
        send(&sender, &good, body("c-1")).await;
    }
    let refused =
        [("", "c-2", "ER0300"), ("Bearer x", "c-3", "ER0300"), (poor.as_str(), "c-4", "ER0310")];
    for (credential, id, _) in refused {
        send(&sender, credential, body(id)).await;
    }
    send(&sender, &good, CANARY.as_bytes().to_vec()).await;
    let graves = sender.get_stream("MOI_AI_DLQ").await.unwrap();
    let graves = graves.create_consumer(pull::Config::default()).await.unwrap();
    let mut graves = graves.messages().await.unwrap();
    let mut reasons = Vec::new();
    for _ in 0..=refused.len() {
        let dead = tokio::time::timeout(WATCHDOG, graves.next()).await.unwrap().unwrap().unwrap();
        let headers = dead.headers.clone().unwrap();
        assert!(!format!("{headers:?}").to_lowercase().contains("authorization"), "{headers:?}");
        assert!(!String::from_utf8_lossy(&dead.payload).contains("CANARY"));
        reasons.push(headers.get("fenwen-dead-reason").unwrap().to_string());
    }
    reasons.sort();
    let mut expected = refused.map(|it| it.2.to_owned()).to_vec();
    expected.push("not-an-event".to_owned());
    assert_eq!(reasons, expected);
    let report = async {
        use fenwen::bus::Bus;
        while 0 < bus.report().await.unwrap().streams[0].state.unwrap().n_messages {}
    };
    tokio::time::timeout(WATCHDOG, report).await.unwrap();
    let found = jobs(&server).await;
    assert_eq!(found.len(), 1, "one id is one job");
    assert_eq!((found[0].client.as_str(), found[0].correlation.as_str()), ("mailbox", "c-1"));
    assert_eq!(found[0].org, "301000000A");
}
