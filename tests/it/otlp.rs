//! Traces and metrics to a collector on loopback, which reads what came as OTLP over HTTP has it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fenwen::base::{Clock, Secret, Spans, SystemClock};
use fenwen::http::METRICS;
use fenwen::service::jobs::Worker;
use fenwen::service::otlp::{Collector, Resource};
use fenwen::service::webhooks::{HttpSender, SystemResolver};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::http::client::{WATCHDOG, get};
use crate::http::fake::{Server, loopback, until};
use crate::http::later::{order, post};
use crate::http::texts::{LETTERS, activate, letter};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector of the tests' own: keeps each request's path and document, and answers what the test wants.
struct Fake {
    address: SocketAddr,
    got: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<Vec<u16>>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// Answers these statuses, the last one first, and 200 after that.
    async fn start(answers: Vec<u16>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let answers = Arc::new(Mutex::new(answers));
        let (kept, said) = (Arc::clone(&got), Arc::clone(&answers));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let status = said.lock().unwrap().pop().unwrap_or(200);
                let Some((head, body)) = read(&mut stream).await else { continue };
                assert!(head.contains("authorization: Bearer of-the-collector\r\n"), "{head}");
                assert!(head.contains("content-type: application/json\r\n"), "{head}");
                let path = head.split(' ').nth(1).unwrap().to_owned();
                if status == 200 {
                    kept.lock().unwrap().push((path, serde_json::from_slice(&body).unwrap()));
                }
                let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\n{{}}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Fake { address, got, answers, task }
    }

    fn collector(&self) -> Arc<Collector> {
        Arc::new(Collector {
            endpoint: format!("http://{}/", self.address),
            authorization: Some(Secret::new("Bearer of-the-collector".to_owned())),
            resource: Resource { node: "node-1".to_owned(), begun: Duration::from_secs(1) },
            sender: Arc::new(HttpSender::new(None).unwrap()),
            resolver: Arc::new(SystemResolver),
            guard: loopback(),
            clock: Arc::new(SystemClock),
        })
    }

    /// Every span that came.
    fn spans(&self) -> Vec<Value> {
        let got = self.got.lock().unwrap();
        let of = |(path, body): &(String, Value)| {
            assert_eq!(path, "/v1/traces");
            body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
        };
        got.iter().flat_map(of).collect()
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut asked = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let n_bytes = stream.read(&mut chunk).await.ok().filter(|it| 0 < *it)?;
        asked.extend_from_slice(&chunk[..n_bytes]);
        let Some(at) = asked.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&asked[..at + 2]).into_owned();
        let length = head.lines().find_map(|it| it.strip_prefix("content-length: ")).unwrap();
        let body = asked.split_off(at + 4);
        if body.len() == length.parse::<usize>().unwrap() {
            return Some((head, body));
        }
        asked.extend_from_slice(&body);
    }
}

/// Sends what was kept, and ends.
async fn send(fake: &Fake, spans: &Spans) {
    let (stop, stopped) = watch::channel(false);
    stop.send(true).unwrap();
    let collector = fake.collector();
    let sent = collector.send_spans(spans.clone(), stopped);
    tokio::time::timeout(WATCHDOG, sent).await.unwrap();
}

/// What a collector gets to read of these spans.
pub(crate) async fn documents(spans: &Spans) -> Vec<u8> {
    let fake = Fake::start(Vec::new()).await;
    send(&fake, spans).await;
    let got = fake.got.lock().unwrap();
    got.iter().flat_map(|(_, body)| body.to_string().into_bytes()).collect()
}

fn traced(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{CALLER}-{flags}\r\n")
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    let mut all = span["attributes"].as_array().unwrap().iter();
    all.find(|it| it["key"] == key).map_or(&Value::Null, |it| &it["value"])
}

#[tokio::test]
async fn a_request_is_a_span_of_its_callers_trace_and_its_event_belongs_to_it() {
    let spans = Spans::keeping(0.0);
    let server = Server::with_options(|it| it.spans = spans.clone()).await;
    activate(&server);
    post(server.addr, LETTERS, &traced("01"), &letter("遷入", "王小明的土地登記")).await;
    post(server.addr, LETTERS, &traced("00"), &letter("遷入", "不要追蹤")).await;
    post(server.addr, LETTERS, "", &letter("遷入", "沒有說")).await;
    let fake = Fake::start(Vec::new()).await;
    send(&fake, &spans).await;
    let found = fake.spans();
    let [span] = found.as_slice() else { unreachable!("{found:?}") };
    assert_eq!((&span["traceId"], &span["parentSpanId"]), (&json!(TRACE), &json!(CALLER)));
    assert_eq!((&span["name"], &span["kind"]), (&json!(format!("POST {LETTERS}")), &json!(2)));
    assert_eq!(attribute(span, "http.route")["stringValue"], LETTERS);
    assert_eq!(attribute(span, "http.response.status_code")["intValue"], "200");
    let time = |name: &str| span[name].as_str().unwrap().parse::<u128>().unwrap();
    assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"));
    let sent = fake.got.lock().unwrap()[0].1.to_string();
    assert!(!sent.contains('王') && !sent.contains("127.0.0.1"), "{sent}");
    let rows = server.store.outbox_pending(9).await.unwrap();
    let event: Value = serde_json::from_str(&rows[0].body).unwrap();
    let own = span["spanId"].as_str().unwrap();
    assert_eq!(event["traceparent"], format!("00-{TRACE}-{own}-01"));
    let unseen: Value = serde_json::from_str(&rows[1].body).unwrap();
    let trace = unseen["traceparent"].as_str().unwrap();
    assert!(trace.starts_with(&format!("00-{TRACE}-")) && trace.ends_with("-00"), "{trace}");
}

#[tokio::test]
async fn a_job_is_a_span_of_the_trace_of_its_call() {
    let spans = Spans::keeping(1.0);
    let server = Server::with_options(|it| it.spans = spans.clone()).await;
    activate(&server);
    let accepted = post(server.addr, "/api/v1/jobs", &traced("01"), &order("土地登記")).await;
    let id = accepted.json()["job_id"].as_str().unwrap().to_owned();
    let worker = Worker::new(Arc::clone(&server.jobs), "w".to_owned()).traced(spans.clone());
    let (stop, mut stopped) = watch::channel(false);
    let work =
        tokio::spawn(
            async move { worker.run(async { _ = stopped.wait_for(|it| *it).await }).await },
        );
    server.jobs.ended(&id, WATCHDOG).await.unwrap();
    stop.send(true).unwrap();
    tokio::time::timeout(WATCHDOG, work).await.unwrap().unwrap();
    let fake = Fake::start(Vec::new()).await;
    send(&fake, &spans).await;
    let found = fake.spans();
    let of = |kind: u8| found.iter().find(|it| it["kind"] == kind).unwrap();
    let (call, job) = (of(2), of(5));
    assert_eq!((&job["traceId"], &job["parentSpanId"]), (&json!(TRACE), &call["spanId"]));
    assert_eq!(attribute(job, "fenwen.job.state")["stringValue"], "succeeded");
}

#[tokio::test]
async fn what_the_collector_cannot_take_now_is_sent_again_and_what_it_refuses_is_not() {
    let spans = Spans::keeping(1.0);
    let server = Server::with_options(|it| it.spans = spans.clone()).await;
    for (answers, n_left) in [(vec![503], 1), (vec![400], 0)] {
        get(server.addr, "/healthz/live").await;
        let fake = Fake::start(answers).await;
        let (stop, stopped) = watch::channel(false);
        let (collector, spans) = (fake.collector(), spans.clone());
        let sending = tokio::spawn(async move { collector.send_spans(spans, stopped).await });
        until(|| fake.answers.lock().unwrap().is_empty()).await;
        // The word to stop brings what is left at once.
        stop.send(true).unwrap();
        tokio::time::timeout(WATCHDOG, sending).await.unwrap().unwrap();
        assert_eq!(fake.spans().len(), n_left);
    }
}

#[tokio::test]
async fn what_is_measured_is_pushed() {
    let server = Server::with_options(|_| ()).await;
    get(server.addr, "/healthz/live").await;
    let fake = Fake::start(Vec::new()).await;
    let (stop, stopped) = watch::channel(false);
    stop.send(true).unwrap();
    let measured = get(server.addr, "/metrics").await.body;
    let measured = String::from_utf8(measured).unwrap();
    let every = Duration::from_secs(60);
    let pushed = fake.collector();
    let pushed = pushed.send_metrics(|| measured.clone(), every, stopped);
    tokio::time::timeout(WATCHDOG, pushed).await.unwrap();
    let got = fake.got.lock().unwrap();
    let [(path, body)] = got.as_slice() else { unreachable!("{got:?}") };
    assert_eq!(path, "/v1/metrics");
    let resource = &body["resourceMetrics"][0]["resource"];
    assert_eq!(attribute(resource, "service.instance.id")["stringValue"], "node-1");
    let metrics = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    for metric in metrics {
        let name = metric["name"].as_str().unwrap();
        assert!(METRICS.iter().any(|it| it.1 == name), "{name}");
    }
    let named = |name: &str| metrics.iter().find(|it| it["name"] == name).unwrap();
    assert!(named("fenwen_ready")["gauge"]["dataPoints"][0]["asDouble"].is_number());
    let seconds = &named("fenwen_http_request_seconds")["histogram"]["dataPoints"][0];
    let n_bounds = seconds["explicitBounds"].as_array().unwrap().len();
    let counts = seconds["bucketCounts"].as_array().unwrap();
    assert_eq!(counts.len(), n_bounds + 1);
    let sum: u64 = counts.iter().map(|it| it.as_str().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(seconds["count"], sum.to_string());
    let now = SystemClock.unix_time().as_nanos();
    let time = seconds["timeUnixNano"].as_str().unwrap().parse::<u128>().unwrap();
    assert!(time <= now);
}
