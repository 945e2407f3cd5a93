//! How a step of a scenario is called: over HTTP, the embedded bus, or NATS.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fenwen::base::{Clock, Private, RequestId, SystemClock};
use fenwen::bus::{Bus, BusError, Embedded, EmbeddedSettings, Handle, Headers, Request, Subject};
use fenwen::rpc::RpcOptions;
use fenwen::service::jobs::{BlobMeta, Completed};
use fenwen::wire::v1::meta::PurposeRule;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Step;
use crate::http::client::{self, BOUNDARY, WATCHDOG, form, send};
use crate::http::fake::{self, Server, png};
use crate::http::later;
use crate::http::speech;
use crate::http::texts::{self, questions};

/// An answer, however it came.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    /// Null when it is empty.
    pub(super) body: Value,
}

/// A server of its own, reached in one way.
pub(super) struct Transport {
    pub(super) name: &'static str,
    server: Server,
    way: Way,
}

enum Way {
    Http,
    Bus(BusWay),
}

struct BusWay {
    bus: Arc<dyn Bus>,
    _serving: Vec<Handle>,
    #[cfg(feature = "nats")]
    _nats: Option<crate::nats_server::NatsServer>,
}

/// Every transport, with a server each.
pub(super) async fn all() -> Vec<Transport> {
    let mut all = vec![Transport { name: "http", server: server().await, way: Way::Http }];
    let bus = Embedded::new(EmbeddedSettings::default(), Arc::new(SystemClock));
    all.push(over("the embedded bus", Arc::new(bus)).await);
    #[cfg(feature = "nats")]
    {
        use fenwen::bus::{Nats, NatsSettings};
        let server = crate::nats_server::NatsServer::start();
        let settings = NatsSettings { url: server.url(), ..NatsSettings::default() };
        let bus = Nats::connect(settings).await.unwrap();
        let mut transport = over("nats", Arc::new(bus)).await;
        if let Way::Bus(way) = &mut transport.way {
            way._nats = Some(server);
        }
        all.push(transport);
    }
    all
}

/// With classifiers and an index of sources.
async fn server() -> Server {
    let server = texts::ready().await;
    questions::activate(server.data_dir.path(), &questions::ROWS);
    server.routing.refresh();
    server
}

async fn over(name: &'static str, bus: Arc<dyn Bus>) -> Transport {
    let server = server().await;
    let options = RpcOptions { purpose: PurposeRule::Optional, ..RpcOptions::default() };
    let rpc = server.rpc(fake::open_gate(server.store.clone()), options);
    let serving = fenwen::rpc::serve(&*bus, &rpc).await.unwrap();
    let way = BusWay {
        bus,
        _serving: serving,
        #[cfg(feature = "nats")]
        _nats: None,
    };
    Transport { name, server, way: Way::Bus(way) }
}

impl Transport {
    /// An upload, which goes over HTTP whatever the way of the call; its id.
    pub(super) async fn upload(&self, content: &[u8]) -> String {
        speech::upload(self.server.addr, content, content.len()).await
    }

    /// A transcript, whatever the way of the call; its id.
    pub(super) async fn transcript(&self) -> String {
        speech::transcript(&self.server).await
    }

    pub(super) async fn call(&self, step: &Step) -> Answer {
        match &self.way {
            Way::Http => self.over_http(step).await,
            Way::Bus(way) => way.call(&self.server, step).await,
        }
    }

    async fn over_http(&self, step: &Step) -> Answer {
        let mut body = step.body.clone().unwrap_or_default();
        let path = match step.call.as_str() {
            "letters.classify" => texts::LETTERS.to_owned(),
            "documents.dispatch" => texts::DOCUMENTS.to_owned(),
            "qa.suggest" => questions::SUGGESTIONS.to_owned(),
            "qa.answer" => questions::ANSWERS.to_owned(),
            "identity-documents.recognise" => client::RECOGNITIONS.to_owned(),
            "speech.transcribe" => speech::TRANSCRIPTIONS.to_owned(),
            "speech.correct" => return self.correct(step, body).await,
            "jobs.list" => {
                let pairs = body.as_object().unwrap().iter();
                let query: Vec<String> = pairs
                    .map(|(name, it)| format!("{name}={}", it.to_string().trim_matches('"')))
                    .collect();
                let line = format!("GET {}?{}", later::JOBS, query.join("&"));
                return self.send(step, &line, Value::Null).await;
            }
            call if call.starts_with("jobs.") => {
                let path = format!("{}/{}", later::JOBS, body["job_id"].as_str().unwrap());
                let line = match call {
                    "jobs.read" => format!("GET {path}"),
                    "jobs.result" => format!("GET {path}/result"),
                    _ => format!("POST {path}/cancel"),
                };
                return self.send(step, &line, Value::Null).await;
            }
            _ => {
                let id = body.as_object_mut().unwrap().remove("prediction_id").unwrap();
                format!("/api/v1/predictions/{}/feedback", id.as_str().unwrap())
            }
        };
        self.send(step, &format!("POST {path}"), body).await
    }

    /// Over HTTP the path names what is corrected, and a header the version that was seen.
    async fn correct(&self, step: &Step, mut body: Value) -> Answer {
        let take = |name: &str| match body.as_object_mut().unwrap().remove(name).unwrap() {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let [id, segment, version] = ["job_id", "segment", "version"].map(take);
        let path = format!("{}/{id}/segments/{segment}/correction", speech::TRANSCRIPTIONS);
        let mut step = step.clone();
        step.headers.insert("if-match".to_owned(), format!("\"{version}\""));
        self.send(&step, &format!("PUT {path}"), body).await
    }

    async fn send(&self, step: &Step, line: &str, body: Value) -> Answer {
        let (kind, body) = if step.images.is_empty() {
            let text = step.text.clone().unwrap_or_else(|| body.to_string());
            ("application/json".to_owned(), text.into_bytes())
        } else {
            (format!("multipart/form-data; boundary={BOUNDARY}"), form_of(step))
        };
        let mut head = format!("{line} HTTP/1.1\r\nhost: t\r\n");
        let own = BTreeMap::from([("content-type".to_owned(), kind)]);
        for (name, value) in
            own.iter().filter(|it| !step.headers.contains_key(it.0)).chain(&step.headers)
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let answer = send(self.server.addr, &[head.as_bytes(), &body].concat()).await;
        Answer {
            status: answer.status,
            headers: answer.headers,
            body: serde_json::from_slice(&answer.body).unwrap_or_default(),
        }
    }
}

/// Uploads a picture and answers its id.
async fn upload(server: &Server, content: Vec<u8>) -> String {
    let blobs = server.jobs.blobs();
    let hash = fenwen::base::hex(&Sha256::digest(&content));
    let now = SystemClock.unix_time();
    let meta = BlobMeta {
        id: RequestId::fresh(&SystemClock).to_string(),
        org: "301000000A".to_owned(),
        client: "counter".to_owned(),
        kind: "image".to_owned(),
        media_type: "image/png".to_owned(),
        size: content.len() as u64,
        sha256: None,
        created: now,
        expires: now + WATCHDOG,
    };
    let id = meta.id.clone();
    blobs.open(meta).await.unwrap();
    let blob = blobs.find(&id).await.unwrap().unwrap();
    assert!(blobs.put_part(&blob, 1, Private::new(content)).await.unwrap());
    assert!(matches!(blobs.complete(&blob, &hash).await.unwrap(), Completed::Whole(_)));
    id
}

fn form_of(step: &Step) -> Vec<u8> {
    let meta = step.meta.clone().map(|it| it.to_string().into_bytes());
    let images: Vec<Vec<u8>> = step.images.iter().map(|it| png(*it)).collect();
    let meta = meta.iter().map(|it| ("meta", it.as_slice()));
    let parts: Vec<(&str, &[u8])> =
        meta.chain(images.iter().map(|it| ("image", it.as_slice()))).collect();
    form(&parts)
}

impl BusWay {
    async fn call(&self, server: &Server, step: &Step) -> Answer {
        let (service, operation) = step.call.split_once('.').unwrap();
        let body = match (&step.text, step.images.as_slice()) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, []) => step.body.clone().unwrap_or_default().to_string().into_bytes(),
            (None, images) => {
                // The first goes inline, the others by claim check.
                let mut listed = Vec::new();
                for (idx, width) in images.iter().enumerate() {
                    listed.push(match idx {
                        0 => json!({"data": STANDARD.encode(png(*width))}),
                        _ => json!({"blob_id": upload(server, png(*width)).await}),
                    });
                }
                let mut body = json!({"images": listed});
                if let Some(meta) = &step.meta {
                    body["meta"] = meta.clone();
                }
                body.to_string().into_bytes()
            }
        };
        let headers: Headers = step.headers.clone();
        let subject = Subject::rpc(service, operation).unwrap();
        self.ask(Request { subject, headers, body: body.into() }).await
    }

    async fn ask(&self, request: Request) -> Answer {
        let read = |body: &[u8]| serde_json::from_slice(body).unwrap_or_default();
        match self.bus.request(request, WATCHDOG).await {
            Ok(reply) => {
                let body = reply.body.into_inner();
                let body: Value = read(&body);
                // The bus has one kind of success; which one it is, the answer says.
                let status = match &body {
                    Value::Null => 204,
                    // Of a job that was just accepted no attempt is told.
                    body if body["state"] == "queued" && body.get("attempt").is_none() => 202,
                    _ => 200,
                };
                Answer { status, headers: reply.headers, body }
            }
            Err(BusError::Remote { status, code, headers, problem }) => {
                let body: Value = read(problem.expose());
                assert_eq!(body["code"], code.as_str());
                assert_eq!(body["status"], status);
                Answer { status, headers, body }
            }
            Err(error) => unreachable!("{error:?}"),
        }
    }
}
