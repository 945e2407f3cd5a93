//! Another version of a model beside the one that answers: a share of the cases, or all of them unheard.

use fenwen::task::infer::Trial;
use serde_json::{Value, json};

use super::client::{Answer, WATCHDOG, get, send};
use super::fake::Server;
use super::guard;

const INFER: &str = "/v2/models/same/infer";

fn trial(candidate: &str, percent: u8, is_shadow: bool) -> Trial {
    let (model, candidate) = ("same".to_owned(), candidate.to_owned());
    Trial { model, candidate, percent, is_shadow }
}

/// A server with `same` and what is tried beside it loaded.
async fn loaded(trial: Trial) -> Server {
    let server = Server::trying(trial).await;
    let load = ("POST", "/v2/repository/models/same/load");
    assert_eq!(guard::call(&server, load, "", "").await.status, 200);
    server
}

/// A call that belongs to a case of this number.
async fn call(server: &Server, path: &str, case: usize) -> Answer {
    let body =
        json!({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}]});
    let (body, case) = (body.to_string(), case + 1);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: t\r\ntraceparent: 00-{case:032x}-{case:016x}-01\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    send(server.addr, head.as_bytes()).await
}

/// The version that answered, whose answer it is.
#[track_caller]
fn version(answer: &Answer) -> String {
    let body = answer.json();
    let version = body["model_version"].as_str().unwrap_or_default().to_owned();
    let expected = if version == "3" { json!([1.0, 2.0]) } else { json!([2.0, 4.0]) };
    assert_eq!((answer.status, &body["outputs"][0]["data"]), (200, &expected), "{body}");
    assert_eq!(body["model_name"], "same");
    version
}

/// A count of the metrics that has these words.
async fn counted(server: &Server, words: &[&str]) -> u64 {
    let answer = get(server.addr, "/metrics").await;
    let text = String::from_utf8(answer.body).unwrap();
    let line = text.lines().find(|line| words.iter().all(|it| line.contains(it)));
    line.map_or(0, |it| it.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_share_of_the_cases_is_answered_by_the_other_version_and_each_case_by_one() {
    let server = loaded(trial("twice", 30, false)).await;
    let mut n_other = 0;
    for case in 0..200 {
        let first = version(&call(&server, INFER, case).await);
        n_other += usize::from(first == "4");
        assert_eq!(first, version(&call(&server, INFER, case).await), "case {case}");
    }
    assert!((40..80).contains(&n_other), "{n_other}");
}

#[tokio::test]
async fn both_versions_are_told_and_can_be_asked() {
    let server = loaded(trial("twice", 0, true)).await;
    let model = get(server.addr, "/v2/models/same").await.json();
    assert_eq!(model["versions"], json!(["3", "4"]));
    for wanted in ["3", "4"] {
        let path = format!("/v2/models/same/versions/{wanted}");
        assert_eq!(get(server.addr, &format!("{path}/ready")).await.status, 200);
        assert_eq!(version(&call(&server, &format!("{path}/infer"), 7).await), wanted);
    }
    assert_eq!(call(&server, "/v2/models/same/versions/5/infer", 7).await.status, 404);
    let index = guard::call(&server, ("POST", "/v2/repository/index"), "", "").await.json();
    let of_same = index.as_array().unwrap().iter().filter(|it| it["name"] == "same");
    let shown: Vec<_> = of_same.map(|it| (it["version"].clone(), it["state"].clone())).collect();
    assert_eq!(shown, [(json!("3"), json!("READY")), (json!("4"), json!("READY"))]);
}

#[tokio::test]
async fn what_a_shadow_computes_is_compared_and_nobody_is_answered_it() {
    let server = loaded(trial("twice", 0, true)).await;
    let words = ["fenwen_shadow_calls_total", "same", "version=\"4\"", "outcome=\"other\""];
    let before = counted(&server, &words).await;
    for case in 0..3 {
        assert_eq!(version(&call(&server, INFER, case).await), "3");
    }
    // The metrics are those of all tests of this process.
    let compared = async {
        while counted(&server, &words).await < before + 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WATCHDOG, compared).await.unwrap();
}

#[tokio::test]
async fn a_shadow_that_never_answers_keeps_nobody_waiting() {
    let server = loaded(trial("stuck", 0, true)).await;
    for case in 0..20 {
        assert_eq!(version(&call(&server, INFER, case).await), "3");
    }
    // Some wait for it, the others are left out.
    let words = ["fenwen_shadow_calls_total", "version=\"4\"", "outcome=\"skipped\""];
    assert!(16 <= counted(&server, &words).await);
}

#[tokio::test]
async fn a_version_that_is_not_there_leaves_the_other_as_it_is() {
    for candidate in ["missing", "stateful"] {
        let server = loaded(trial(candidate, 100, true)).await;
        assert_eq!(version(&call(&server, INFER, 1).await), "3", "{candidate}");
        let model: Value = get(server.addr, "/v2/models/same").await.json();
        assert_eq!(model["versions"], json!(["3"]), "{candidate}");
    }
}
