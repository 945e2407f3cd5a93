//! A queue of ten thousand letters: how large a page is, and how the database finds it.
//!
//! `cargo test --test it ten_thousand -- --nocapture` prints how long pages take; nothing is asserted of that.

use std::time::Duration;

use fenwen::base::{Clock, Private, SystemClock};
use fenwen::store::reviews::{NewReview, ReviewKind, ReviewReason};
use serde_json::json;

use super::client::{Client, get};
use super::fake::Server;

const N: usize = 10_000;
/// Largest page, in bytes.
const MAX_PAGE: usize = 150 << 10;
/// Pages of one kind that are asked for.
const ASKED: usize = 100;

fn letter(n: usize) -> NewReview {
    let now = SystemClock.unix_time();
    let unit = ["戶政司", "民政司", "地政司", "役政司", "國土管理署"][n % 5];
    let labels = json!([["RIS-05", 0.61], ["RIS-02", 0.2], ["CIV-01", 0.1]]);
    let run = |text: String| json!([{"text": text, "mark": null}]);
    let content = json!({
        "external_id": null, "case_no": format!("C-{n}"), "channel": "web",
        "subject": run(format!("請問第 {n} 件遷入登記應備文件")),
        "body": [run("您好,我上週到戶政事務所辦理遷入登記,承辦人說缺少房屋所有權人的同意書。".repeat(6))],
        "labels": [{"code": "RIS-05", "name": "遷徙登記", "unit": format!("301000000A/{unit}"), "score": 0.61}],
        "units": [], "officers": [], "excluded": [], "references": [], "flags": [], "repeated": null,
        "ministry": null, "abstained": false, "due": null, "model": ["letters", "0"],
    });
    NewReview {
        id: format!("{n:032x}"),
        prediction: format!("{:032x}", N + n),
        kind: ReviewKind::Letter,
        org: "301000000A".to_owned(),
        unit: Some(format!("301000000A/{unit}")),
        reason: ReviewReason::RequiresHuman,
        priority: u32::try_from(n % 7).unwrap(),
        confidence: u32::try_from(n * 7919 % 10_000).unwrap(),
        is_confidential: n.is_multiple_of(50),
        deadline: now + Duration::from_secs((n * 104_729 % (30 * 86_400)) as u64),
        created: now,
        model_version: "0".to_owned(),
        given: labels.to_string(),
        correlation: format!("{n:032x}"),
        title: Private::new(format!("請問第 {n} 件遷入登記應備文件")),
        content: Private::new(content.to_string().into_bytes()),
    }
}

/// Fills the queue through the store, as calls do.
async fn fill(server: &Server) {
    for first in (0..N).step_by(500) {
        let reviews = (first..first + 500).map(letter).collect();
        let kept = server.store.keep_for_review(Vec::new(), Vec::new(), reviews).unwrap();
        kept.await.unwrap();
    }
}

/// Asks for a page again and again over one connection; the time that most pages took.
async fn p95(server: &Server, path: &str) -> Duration {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: t\r\nx-client-id: u-1\r\nx-client-org: 301000000A\r\n\r\n"
    );
    let mut client = Client::connect(server.addr).await;
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let begun = SystemClock.now();
        client.write(request.as_bytes()).await;
        let answer = client.read().await.unwrap();
        times.push(SystemClock.now() - begun);
        assert_eq!(answer.status, 200, "{path}");
    }
    times.sort_unstable();
    times[ASKED * 95 / 100]
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "`--nocapture` shows it")]
async fn a_page_of_ten_thousand_letters_stays_small() {
    let server = Server::open().await;
    fill(&server).await;
    let pages = [
        "/api/v1/reviews?kind=letter&sort=deadline&limit=25",
        "/api/v1/reviews?kind=letter&sort=confidence&limit=25",
        "/api/v1/reviews?kind=letter&sort=priority&limit=25",
        "/api/v1/reviews?kind=letter&sort=deadline&limit=200",
        "/api/v1/reviews?kind=letter&unit=301000000A%2F%E6%88%B6%E6%94%BF%E5%8F%B8&limit=25",
        "/console/letters",
    ];
    for path in pages {
        let answer = get(server.addr, path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let n_bytes = answer.body.len();
        assert!(n_bytes <= MAX_PAGE, "{path}: {n_bytes} bytes");
        if path.starts_with("/api") {
            assert_eq!(answer.json()["waiting"][0]["open"], N, "{path}");
        }
        println!("{path}: {n_bytes} bytes, p95 {:?}", p95(&server, path).await);
    }
}
