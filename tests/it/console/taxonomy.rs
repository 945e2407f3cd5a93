//! 分類與職掌: the screen, and what its script asks of the API.

use fenwen::base::{Clock, Date, SystemClock};
use serde_json::{Value, json};

use crate::http::client::{Answer, get};
use crate::http::fake::Server;

use super::{ask, html};

const TAXONOMY: &str = "/api/v1/taxonomy";

/// The built-in units without one, with another, and another duty.
fn next(version: &str) -> String {
    let text = include_str!("../../../src/pipeline/documents/taxonomy.toml");
    let text = text.replace("version = \"2023-09-20\"", &format!("version = \"{version}\""));
    let text = text.replacen("戶籍登記、國籍", "戶籍登記、歸化", 1);
    format!(
        "{text}\n[[unit]]\npath = \"301000000A/資料司\"\nfrom = \"2026-01-01\"\nscope = \"資料治理\"\n"
    )
}

async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    let head = "content-type: application/json\r\n";
    ask(server, "POST", &format!("{TAXONOMY}{path}"), head, &body.to_string()).await
}

fn today() -> Date {
    Date::in_taiwan(SystemClock.unix_time())
}

#[tokio::test]
async fn units_changes_and_duties_are_shown() {
    let server = Server::open().await;
    let page = html(&get(server.addr, "/console/taxonomy").await);
    for text in ["戶政司", "戶籍登記", "分設", "衛生福利部", "尚未加入其他版本"]
    {
        assert!(page.contains(text), "{text}");
    }
    let gone = "<span class=\"level-1\">社會司</span>";
    assert!(!page.contains(gone));
    let all = html(&get(server.addr, "/console/taxonomy?show=all").await);
    assert!(all.contains(gone) && all.contains("至 2013-07-23"));
    let state = get(server.addr, TAXONOMY).await.json();
    assert_eq!((&state["tenant"], &state["version"]), (&json!("301000000A"), &json!("2023-09-20")));
    assert!(state["units"].as_array().unwrap().iter().any(|it| it["path"] == "301000000A/戶政司"));
}

#[tokio::test]
async fn a_version_is_tried_then_added_and_holds_from_its_day() {
    let server = Server::open().await;
    let body = json!({"toml": next("2026-test"), "valid_from": today().to_string()});
    let tried = post(&server, "/comparisons", &body).await;
    assert_eq!(tried.status, 200, "{tried:?}");
    let tried = tried.json();
    assert_eq!(tried["added"], json!(["301000000A/資料司"]));
    assert_eq!(tried["changed"], json!([{"path": "301000000A/戶政司", "fields": ["scope"]}]));
    assert_eq!((&tried["removed"], &tried["labels"]), (&json!([]), &json!([])));
    let version = get(server.addr, TAXONOMY).await.json()["version"].clone();
    assert_eq!(version, "2023-09-20", "nothing was kept");
    let later = json!({"toml": next("2090-test"), "valid_from": "2090-01-01"});
    let added = post(&server, "/versions", &later).await;
    assert_eq!((added.status, &added.json()["version"]), (201, &json!("2023-09-20")), "not yet");
    let added = post(&server, "/versions", &body).await;
    assert_eq!((added.status, &added.json()["version"]), (201, &json!("2026-test")));
    let again = post(&server, "/versions", &body).await;
    assert_eq!((again.status, again.problem().as_str()), (409, "ER0410"));
    let page = html(&get(server.addr, "/console/taxonomy?did=add").await);
    for text in ["資料治理", "2090-01-01", "適用中", "已加入新版本"] {
        assert!(page.contains(text), "{text}");
    }
}

#[tokio::test]
async fn a_label_that_would_lose_its_unit_is_told() {
    let server = Server::open().await;
    let without = next("2026-test").replace("301000000A/地政司", "301000000A/土地司");
    let body = json!({"toml": without, "valid_from": today().to_string()});
    let tried = post(&server, "/comparisons", &body).await.json();
    let moved = tried["labels"].as_array().unwrap();
    let is_of = |it: &Value| it["before"].as_str().is_some_and(|it| it.contains("地政司"));
    assert!(!moved.is_empty() && moved.iter().all(is_of), "{moved:?}");
}

#[tokio::test]
async fn what_is_no_taxonomy_is_refused_with_the_place() {
    let server = Server::open().await;
    let check = async |toml: &str, day: &str, text: &str| {
        let body = json!({"toml": toml, "valid_from": day});
        let refused = post(&server, "/comparisons", &body).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "ER0210"), "{toml}");
        let said = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(said.contains(text), "{said}");
    };
    check("version = ", "2026-01-01", "TOML").await;
    check(&next("x"), "2026-13-01", "YYYY-MM-DD").await;
    check(&next("x").replace("301000000A", "A1"), "2026-01-01", "301000000A").await;
    let twice = "\n[[unit]]\npath = \"301000000A/戶政司\"\n";
    check(&format!("{}{twice}", next("x")), "2026-01-01", "戶政司").await;
}
