//! 個資: what the page shows, and that its script reaches the routes by the session and its token only.

use serde_json::{Value, json};

use crate::http::client::{Answer, get};
use crate::http::fake::Server;
use crate::http::subjects::keep;

use super::{ask, html, register, shown};

const PRIVACY: &str = "/console/privacy";
const SUBJECTS: &str = "/api/v1/subjects";
const ID_NUMBER: &str = "A123456789";

async fn act(server: &Server, head: &str, path: &str, body: Value) -> Answer {
    let head = format!("{head}content-type: application/json\r\n");
    ask(server, "POST", &format!("{SUBJECTS}{path}"), &head, &body.to_string()).await
}

/// About the person.
fn about(more: Value) -> Value {
    let mut body = json!({"kind": "id-number", "identifier": ID_NUMBER});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn requests_and_holds_are_shown_with_what_became_of_them() {
    let server = Server::open().await;
    keep(&server, "p-1", "301000000A").await;
    let asked = about(json!({"reason": "當事人申請", "by": "王承辦"}));
    let id = act(&server, "", "/erasures", asked.clone()).await.json()["erasure_id"].clone();
    let id = id.as_str().unwrap();
    let page = shown(&get(server.addr, PRIVACY).await);
    assert!(page.contains(id) && page.contains("待核准") && page.contains("王承辦"));
    assert!(page.contains("data-do=\"approve\"") && page.contains("data-do=\"reject\""));
    let other = act(&server, "", "/erasures", asked).await.json()["erasure_id"].clone();
    let why = json!({"reason": "重複申請", "by": "李科長"});
    let reject = format!("/erasures/{}/reject", other.as_str().unwrap());
    assert_eq!(act(&server, "", &reject, why).await.status, 204);
    let approve = json!({"by": "李科長"});
    assert_eq!(act(&server, "", &format!("/erasures/{id}/approve"), approve).await.status, 200);
    let page = shown(&get(server.addr, "/console/privacy?did=approve").await);
    assert!(page.contains("李科長") && page.contains("已刪除。請將刪除清單另存他處"));
    assert!(page.contains("已駁回") && page.contains("重複申請"));
    assert!(!page.contains("data-do=\"approve\"") && !page.contains("data-do=\"reject\""));

    let hold = json!({"held": "case", "object": "C-1", "reason": "訴願", "by": "u-1"});
    let held = act(&server, "", "/holds", hold).await.json()["hold_id"].clone();
    let page = shown(&get(server.addr, PRIVACY).await);
    assert!(page.contains("C-1") && page.contains("保全中") && page.contains("訴願"));
    let lift = format!("/holds/{}/lift", held.as_str().unwrap());
    assert_eq!(act(&server, "", &lift, json!({"by": "u-2"})).await.status, 204);
    let of_person = about(json!({"held": "subject", "reason": "訴願", "by": "u-1"}));
    assert_eq!(act(&server, "", "/holds", of_person).await.status, 201);
    let page = shown(&get(server.addr, PRIVACY).await);
    assert!(page.contains("已解除") && !page.contains(ID_NUMBER), "a person is a pseudonym");
}

#[tokio::test]
async fn only_the_privacy_officer_and_with_the_token() {
    let server = Server::guarded().await;
    let find = about(json!({}));
    assert_eq!(act(&server, "", "/find", find.clone()).await.status, 401, "nobody");
    let sign_in = async |id: &str, scopes: &str| {
        let key = register(&server, id, scopes).await;
        // One that was made just now is known a second later.
        server.skip(std::time::Duration::from_secs(1));
        let answer = ask(&server, "POST", "/console/login", "", &format!("key={key}")).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let cookie = format!("cookie: {cookie}\r\n");
        let page = html(&ask(&server, "GET", "/console", &cookie, "").await);
        let (_, after) = page.split_once("name=\"token\" content=\"").unwrap();
        let token = after.split('"').next().unwrap();
        (cookie.clone(), format!("{cookie}x-csrf-token: {token}\r\n"))
    };
    let (_, other) = sign_in("officer", "letters:classify").await;
    assert_eq!(act(&server, &other, "/find", find.clone()).await.status, 403);
    let (cookie, head) = sign_in("privacy", "privacy:handle").await;
    assert_eq!(act(&server, &cookie, "/find", find.clone()).await.status, 401, "without the token");
    assert_eq!(act(&server, &head, "/find", find).await.status, 200);
    // Whoever has proven who it is cannot say otherwise.
    let asked = about(json!({"reason": "當事人申請", "by": "somebody"}));
    let id = act(&server, &head, "/erasures", asked).await.json()["erasure_id"].clone();
    let approve = format!("/erasures/{}/approve", id.as_str().unwrap());
    let by = json!({"by": "somebody else"});
    assert_eq!(act(&server, &head, &approve, by.clone()).await.status, 409);
    let own = shown(&ask(&server, "GET", PRIVACY, &head, "").await);
    assert!(own.contains("須由另一人核准") && !own.contains("data-do=\"approve\""));
    let (_, second) = sign_in("privacy-2", "privacy:handle").await;
    assert_eq!(act(&server, &second, &approve, by).await.status, 200);
}

#[tokio::test]
async fn classes_of_data_are_told_in_the_language_of_the_page() {
    let server = Server::open().await;
    let zh = html(&get(server.addr, PRIVACY).await);
    assert!(zh.contains("稽核紀錄</th>") && !zh.contains("Audit log</th>"));
    let en = html(&get(server.addr, "/console/privacy?lang=en").await);
    assert!(en.contains("Audit log</th>") && !en.contains("稽核紀錄</th>"));
}
