//! The life of a job as its client sees it.

use serde_json::{Value, json};

use super::super::client::{Client, get};
use super::super::description::validate;
use super::super::fake::Server;
use super::super::texts::{LETTERS, activate, ready};
use super::{JOBS, call, order, post, work, working};

fn link(answer: &Value, name: &str) -> String {
    answer["links"][name].as_str().unwrap().to_owned()
}

/// Waits until a job has ended; its document.
async fn ended(server: &Server, path: &str) -> Value {
    let id = path.rsplit('/').next().unwrap();
    server.jobs.ended(id, super::super::client::WATCHDOG).await.unwrap();
    get(server.addr, path).await.json()
}

#[tokio::test]
async fn a_job_is_accepted_done_and_read() {
    let (server, _worker) = working().await;
    let accepted = post(server.addr, JOBS, "", &order("遷入")).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    validate(
        "/paths/~1api~1v1~1jobs/post/responses/202/content/application~1json/schema",
        &accepted.json(),
    );
    let path = link(&accepted.json(), "self");
    assert_eq!(accepted.header("location"), path);
    assert!(accepted.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(accepted.header("ratelimit-policy"), "\"jobs\";q=6000;w=60");
    assert!(accepted.header("ratelimit").starts_with("\"jobs\";r=5999;t="));
    let job = ended(&server, &path).await;
    assert_eq!((job["state"].as_str(), job["progress"].as_f64()), (Some("succeeded"), Some(1.0)));
    validate(
        "/paths/~1api~1v1~1jobs~1{id}/get/responses/200/content/application~1json/schema",
        &job,
    );
    let result = get(server.addr, &format!("{path}/result")).await;
    let direct = super::super::texts::post(server.addr, LETTERS, &order("遷入")["input"]).await;
    let labels = |answer: &Value| answer["items"][0]["labels"].clone();
    assert_eq!((result.status, direct.status), (200, 200));
    assert_eq!(labels(&result.json()), labels(&direct.json()), "the same result as a call");
    let again = format!("if-none-match: {}\r\n", result.header("etag"));
    assert_eq!(call(server.addr, &format!("GET {path}/result"), &again, b"").await.status, 304);
}

#[tokio::test]
async fn what_is_unchanged_is_not_sent_again() {
    let server = ready().await;
    let accepted = post(server.addr, JOBS, "", &order("遷入")).await.json();
    let path = link(&accepted, "self");
    let first = get(server.addr, &path).await;
    assert_eq!(first.json()["queue_position"], 0);
    let header = format!("if-none-match: {}\r\n", first.header("etag"));
    let again = call(server.addr, &format!("GET {path}"), &header, b"").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(call(server.addr, &format!("POST {path}/cancel"), "", b"").await.status, 200);
    let changed = call(server.addr, &format!("GET {path}"), &header, b"").await;
    assert_eq!((changed.status, changed.json()["state"].as_str()), (200, Some("cancelled")));
    assert_eq!(get(server.addr, &format!("{path}/result")).await.problem(), "ER0410");
}

#[tokio::test]
async fn a_hundred_calls_with_one_key_bring_one_job() {
    let server = ready().await;
    let key = "idempotency-key: 5b3c\r\n";
    let body = order("遷入");
    let calls = (0..100).map(|_| post(server.addr, JOBS, key, &body));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|it| it.status == 202 && it.body == answers[0].body));
    assert!(answers.iter().all(|it| it.header("location") == answers[0].header("location")));
    let page = get(server.addr, JOBS).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    validate("/paths/~1api~1v1~1jobs/get/responses/200/content/application~1json/schema", &page);
    let other = post(server.addr, JOBS, key, &order("遷出")).await;
    assert_eq!((other.status, other.problem().as_str()), (422, "ER0400"));
    let somebody = "idempotency-key: 5b3c\r\nx-client-id: other\r\n";
    let theirs = post(server.addr, JOBS, somebody, &body).await;
    assert!(theirs.status == 202 && theirs.body != answers[0].body);
}

#[tokio::test]
async fn a_key_that_cannot_hold_is_refused_also_where_no_job_is_made() {
    let server = ready().await;
    let long = format!("idempotency-key: {}\r\n", "k".repeat(257));
    for (key, status) in
        [("idempotency-key: a b\r\n", 400), (long.as_str(), 400), ("idempotency-key: k\r\n", 200)]
    {
        let answer = post(server.addr, LETTERS, key, &order("遷入")["input"]).await;
        assert_eq!(answer.status, status, "{key}");
    }
}

#[tokio::test]
async fn nobody_sees_the_jobs_of_others() {
    let server = ready().await;
    let path = link(&post(server.addr, JOBS, "", &order("遷入")).await.json(), "self");
    let other = "x-client-id: other\r\n";
    for line in [
        format!("GET {path}"),
        format!("GET {path}/result"),
        format!("GET {path}/events"),
        format!("DELETE {path}"),
        format!("POST {path}/cancel"),
    ] {
        let refused = call(server.addr, &line, other, b"").await;
        assert_eq!((refused.status, refused.problem().as_str()), (404, "ER0100"), "{line}");
    }
    let list = call(server.addr, &format!("GET {JOBS}"), other, b"").await.json();
    assert_eq!(list, json!({"items": [], "next": null}));
    assert_eq!(call(server.addr, &format!("DELETE {path}"), "", b"").await.status, 200);
}

#[tokio::test]
async fn jobs_that_cannot_be_are_refused() {
    let server = ready().await;
    let with = |key: &str, value: Value| {
        let mut order = order("x");
        order[key] = value;
        order
    };
    for (body, status, code) in [
        (with("operation", json!("sing")), 400, "ER0210"),
        (with("input", json!({"letters": []})), 400, "ER0210"),
        (with("input", json!({"letters": [{"subject": "a".repeat(66_000)}]})), 413, "ER0430"),
        (with("colour", json!(1)), 400, "ER0220"),
        (
            json!({"service": "letters", "operation": "classify", "blob_id": "0".repeat(32)}),
            400,
            "ER0210",
        ),
    ] {
        let refused = post(server.addr, JOBS, "", &body).await;
        assert_eq!((refused.status, refused.problem().as_str()), (status, code));
    }
    let wrong =
        call(server.addr, &format!("POST {JOBS}"), "content-type: text/plain\r\n", b"{}").await;
    assert_eq!(wrong.problem(), "ER0440");
    for query in ["?state=lost", "?limit=0", "?limit=201", "?before=x"] {
        assert_eq!(
            get(server.addr, &format!("{JOBS}{query}")).await.problem(),
            "ER0210",
            "{query}"
        );
    }
    assert_eq!(get(server.addr, &format!("{JOBS}?colour=1")).await.problem(), "ER0200");
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let server = ready().await;
    for subject in ["a", "b", "c"] {
        post(server.addr, JOBS, "", &order(subject)).await;
    }
    let mut seen = Vec::new();
    let mut query = "?limit=2&state=queued".to_owned();
    loop {
        let page = get(server.addr, &format!("{JOBS}{query}")).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|it| it["job_id"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=2&state=queued&before={next}");
    }
    assert_eq!(seen.len(), 3);
    assert!(seen.is_sorted_by(|a, b| b < a), "the newest first");
}

#[tokio::test]
async fn a_caller_may_prefer_to_wait() {
    let (server, _worker) = working().await;
    let letter = &order("遷入")["input"];
    let now = post(server.addr, LETTERS, "", letter).await;
    let later = post(server.addr, LETTERS, "prefer: respond-async\r\n", letter).await;
    assert_eq!((now.status, later.status), (200, 202));
    assert_eq!(later.header("preference-applied"), "respond-async");
    ended(&server, later.header("location")).await;
    let waited = post(server.addr, LETTERS, "prefer: respond-async, wait=50\r\n", letter).await;
    assert_eq!(waited.status, 200);
    assert_eq!(waited.json()["items"][0]["labels"], now.json()["items"][0]["labels"]);
    let refused = post(server.addr, LETTERS, "prefer: respond-async\r\n", &json!({})).await;
    assert_eq!(refused.problem(), "ER0210", "what can never succeed is refused at once");
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    let server = ready().await;
    let accepted = post(server.addr, JOBS, "", &order("遷入")).await.json();
    let mut client = Client::connect(server.addr).await;
    let request = format!("GET {} HTTP/1.1\r\nhost: t\r\n\r\n", link(&accepted, "events"));
    client.write(request.as_bytes()).await;
    let mut text = client.read_until("event: queued\n").await;
    let worker = work(&server);
    text.push_str(&client.read_until("event: succeeded\n").await);
    let seen: Vec<&str> = text.lines().filter_map(|it| it.strip_prefix("event: ")).collect();
    assert_eq!(seen, ["queued", "running", "succeeded"]);
    assert!(text.contains("content-type: text/event-stream"));
    worker.abort();
    let mut client = Client::connect(server.addr).await;
    let request = request.replace("\r\n\r\n", "\r\nlast-event-id: 2\r\n\r\n");
    client.write(request.as_bytes()).await;
    let text = client.read_until("event: succeeded\n").await;
    assert!(!text.contains("event: running"), "{text}");
    let last = text.lines().filter_map(|it| it.strip_prefix("id: ")).next_back().unwrap();
    let mut client = Client::connect(server.addr).await;
    let request = request.replace("last-event-id: 2", &format!("last-event-id: {last}"));
    client.write(request.as_bytes()).await;
    client.read_until("204 No Content\r\n").await;
}

#[tokio::test]
async fn whoever_has_seen_more_than_there_was_is_told_the_end() {
    let server = ready().await;
    let accepted = post(server.addr, JOBS, "", &order("遷入")).await.json();
    let mut client = Client::connect(server.addr).await;
    let events = link(&accepted, "events");
    let request = format!("GET {events} HTTP/1.1\r\nhost: t\r\nlast-event-id: 7\r\n\r\n");
    client.write(request.as_bytes()).await;
    client.read_until("text/event-stream").await;
    let cancel = format!("POST {}/cancel", link(&accepted, "self"));
    assert_eq!(call(server.addr, &cancel, "", b"").await.status, 200);
    client.read_until("event: cancelled\n").await;
    client.read_until("\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn a_quota_is_kept() {
    let server = Server::with_options(|it| it.quota.calls = 2).await;
    for status in [400, 400, 429] {
        let answer = post(server.addr, JOBS, "", &json!({})).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers.contains_key("retry-after"), status == 429);
    }
    let other = post(server.addr, JOBS, "x-client-id: other\r\n", &json!({})).await;
    assert_eq!(other.status, 400, "each client has its own");
}

#[tokio::test]
async fn whoever_repeats_a_call_is_answered_past_the_quota() {
    let server = Server::with_options(|it| it.quota.calls = 1).await;
    activate(&server);
    let key = "idempotency-key: 5b3c\r\n";
    let first = post(server.addr, JOBS, key, &order("遷入")).await;
    let again = post(server.addr, JOBS, key, &order("遷入")).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.body, again.body);
    assert!(again.header("ratelimit").starts_with("\"jobs\";r=0;t="));
    let misused = post(server.addr, JOBS, key, &order("遷出")).await;
    assert_eq!(misused.problem(), "ER0400");
    // Another key, or the same at another place, is another call.
    let other = post(server.addr, JOBS, "idempotency-key: 5b3d\r\n", &order("遷入")).await;
    assert_eq!((other.status, other.problem().as_str()), (429, "ER0429"));
    assert_eq!(other.header("ratelimit-policy"), "\"jobs\";q=1;w=60");
    assert!(other.header("ratelimit").starts_with("\"jobs\";r=0;t="));
    let later = format!("prefer: respond-async\r\n{key}");
    let elsewhere = post(server.addr, LETTERS, &later, &order("遷入")["input"]).await;
    assert_eq!(elsewhere.status, 429);
}

#[tokio::test]
async fn what_is_wrong_of_an_input_is_shown_where_it_was_sent() {
    let server = ready().await;
    let mut wrong = order("遷入");
    wrong["input"]["letters"][0] = json!({"subject": 1});
    let refused = post(server.addr, JOBS, "", &wrong).await.json();
    assert_eq!(refused["errors"][0]["pointer"], "/input/letters/0/subject", "{refused}");
    let direct = post(server.addr, LETTERS, "", &wrong["input"]).await.json();
    assert_eq!(direct["errors"][0]["pointer"], "/letters/0/subject");
}

#[tokio::test]
async fn who_cannot_keep_anything_is_not_ready() {
    let server = ready().await;
    server.store.close();
    let refused = get(server.addr, "/healthz/ready").await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "ER0510"));
    assert_eq!(get(server.addr, "/healthz/live").await.status, 200);
}
