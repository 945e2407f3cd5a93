//! 模型與評測: proposals that wait, and who is offered which action.

use fenwen::registry::Versions;
use serde_json::{Value, json};

use crate::http::client::get;
use crate::http::fake::Server;
use crate::http::texts::classifier;

use super::{ask, shown};

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
