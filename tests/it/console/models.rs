//! 模型與評測: proposals that wait, and who is offered which action.

use fenwen::registry::Versions;
use serde_json::{Value, json};

use crate::http::client::get;
use crate::http::fake::Server;
use crate::http::texts::{self, classifier};

use super::{ask, html, register, shown};

const MODELS: &str = "/console/models";

async fn post(server: &Server, path: &str, body: Value) -> Value {
    let head = "content-type: application/json\r\n";
    let path = format!("/api/v1/models/proposals{path}");
    let answer = ask(server, "POST", &path, head, &body.to_string()).await;
    assert!(answer.status < 300, "{answer:?}");
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

#[tokio::test]
async fn proposals_are_shown_with_what_can_be_done() {
    let server = Server::open().await;
    let page = shown(&get(server.addr, MODELS).await);
    assert!(page.contains("沒有提案") && page.contains("id=\"propose\""));
    let trained = tempfile::tempdir().unwrap();
    classifier::write(trained.path(), &classifier::UNITS);
    let folder = server.data_dir.path().join("classifiers");
    let version = Versions::at(&folder, "letters").add(trained.path()).unwrap();
    let body =
        json!({"model": "letters", "version": version, "reason": "年度重訓", "by": "王承辦"});
    let first = post(&server, "", body.clone()).await;
    let page = shown(&get(server.addr, "/console/models?did=propose").await);
    assert!(page.contains("年度重訓") && page.contains("待核准") && page.contains("已提案"));
    assert!(page.contains("data-do=\"approve\"") && page.contains("data-do=\"reject\""));
    let at = |it: &Value, what: &str| format!("/{}/{what}", it["proposal_id"].as_str().unwrap());
    let why = json!({"reason": "召回率下降", "by": "李科長"});
    post(&server, &at(&first, "reject"), why).await;
    let page = shown(&get(server.addr, MODELS).await);
    assert!(page.contains("已駁回") && page.contains("召回率下降"));
    assert!(!page.contains("data-do=\"approve\""));
    let second = post(&server, "", body).await;
    post(&server, &at(&second, "approve"), json!({"by": "李科長"})).await;
    let page = shown(&get(server.addr, "/console/models?did=approve").await);
    assert!(page.contains("已啟用") && page.contains("李科長") && page.contains("已核准並啟用"));
}

async fn choose(server: &Server, service: &str, mode: &str) {
    let head = "content-type: application/json\r\n";
    let body = json!({"mode": mode, "reason": "試辦前比對", "by": "王承辦"});
    let path = format!("/api/v1/modes/301000000A/{service}");
    let answer = ask(server, "PUT", &path, head, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn modes_are_shown_with_who_chose_them() {
    let server = Server::open().await;
    let page = shown(&get(server.addr, MODELS).await);
    assert!(page.contains("沒有另行指定階段的機關") && page.contains("id=\"choose-mode\""));
    assert!(page.contains("尚無第二意見"), "agreement has an empty state");
    choose(&server, "letters", "shadow").await;
    choose(&server, "speech", "off").await;
    let page = shown(&get(server.addr, "/console/models?did=mode").await);
    for text in ["已變更服務階段", "試辦前比對", "王承辦", "data-mode=\"shadow\"", "停用</span>"]
    {
        assert!(page.contains(text), "{text}");
    }
    let guarded = Server::guarded().await;
    let head = register(&guarded, "reader", "models:read").await;
    // One that was made just now is known a second later.
    guarded.skip(std::time::Duration::from_secs(1));
    let head = format!("authorization: Bearer {head}\r\n");
    let page = html(&ask(&guarded, "GET", MODELS, &head, "").await);
    assert!(!page.contains("id=\"choose-mode\""), "only whoever may choose is asked");
}

#[tokio::test]
async fn the_shadow_is_compared_on_a_screen() {
    const COMPARISON: &str = "/console/models/comparison";
    let server = texts::ready().await;
    let page = html(&get(server.addr, COMPARISON).await);
    assert!(page.contains("沒有可比對的作答"), "{page}");
    choose(&server, "letters", "shadow").await;
    let mut ids = Vec::new();
    for subject in ["戶籍", "兵役"] {
        let answer = texts::post(server.addr, texts::LETTERS, &texts::letter(subject, "")).await;
        ids.push(answer.json()["items"][0]["prediction_id"].as_str().unwrap().to_owned());
    }
    let page = html(&get(server.addr, COMPARISON).await);
    assert!(page.contains("尚無承辦人的決定") && page.contains("影子</span>"));
    for id in &ids {
        let body = json!({"decision": "corrected", "label": "戶政司"});
        let path = format!("/api/v1/predictions/{id}/feedback");
        assert_eq!(texts::post(server.addr, &path, &body).await.status, 204);
    }
    let page = html(&get(server.addr, COMPARISON).await);
    for text in
        ["50.0", "9.5", "90.5", &format!("href=\"/api/v1/predictions/{}\"", ids[1]), "役政司"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    let english = html(&get(server.addr, &format!("{COMPARISON}?lang=en")).await);
    assert!(english.contains("Where they differ") && english.contains(">Shadow</span>"));
}
