//! What is answered, and what is refused.

use serde_json::{Value, json};

use super::super::client::{get, send};
use super::super::description::validate;
use super::super::fake::Server;
use super::{DOCUMENTS, LETTERS, classifier, letter, post, post_bytes, ready};

#[tokio::test]
async fn a_letter_gets_labels_evidence_flags_and_personal_data() {
    let server = ready().await;
    let request = json!({
        "purpose": {"code": "petition-handling", "case_no": "MB1140012345"},
        "letters": [{"external_id": "MB1140012345", "subject": "戶籍遷入遭退件",
            "body": "您好,我要檢舉,電話0912345678", "channel": "minister-mailbox",
            "received_at": "2026-11-20T09:12:00+08:00"}],
        "options": {"top_k": 3, "explain": true, "taxonomy": "minister-mailbox@2023-09-20"},
    });
    let answer = post(server.addr, LETTERS, &request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    validate(
        "/paths/~1api~1v1~1letters~1classifications/post/responses/200/content/application~1json/schema",
        &answer.json(),
    );
    let item = &answer.json()["items"][0];
    assert_eq!(item["external_id"], "MB1140012345");
    assert_eq!(item["labels"].as_array().unwrap().len(), 3);
    assert_eq!(item["labels"][0]["unit"], "301000000A/戶政司");
    assert_eq!(item["labels"][0]["code"], "戶政司");
    assert_eq!(item["abstained"], false);
    let evidence = &item["evidence"][0];
    let place = (&evidence["field"], &evidence["start"], &evidence["end"]);
    assert_eq!(place, (&json!("subject"), &json!(0), &json!(2)));
    assert_eq!(evidence["text_hash"].as_str().unwrap().len(), 64);
    assert_eq!(item["flags"]["confidential_report"], 1.0);
    assert_eq!(item["flags"]["repeated"], Value::Null);
    assert!(item["flags"]["not_our_remit"].as_f64().unwrap() < 0.5);
    assert_eq!(
        item["pii"],
        json!([{"kind": "mobile_phone", "field": "body", "start": 10, "end": 20}])
    );
    assert_eq!(item["model"]["version"], "1");
    assert!(item["disclosure"].as_str().unwrap().contains("僅供承辦人參考"));
    // Texts stay with the caller.
    assert!(!String::from_utf8(answer.body).unwrap().contains("遭退件"));
}

#[tokio::test]
async fn a_repeated_letter_names_the_earlier_prediction() {
    let server = ready().await;
    let text = "我家門前的路燈壞了三個月,戶籍資料也錯了,請儘快派人處理這件事情。";
    let first = post(server.addr, LETTERS, &letter("路燈", text)).await.json();
    let again = post(server.addr, LETTERS, &letter("路燈", &format!("{text}拜託"))).await.json();
    assert_eq!(again["items"][0]["flags"]["repeated"], first["items"][0]["prediction_id"]);
    let other =
        post(server.addr, LETTERS, &letter("", "土地徵收補償費的計算方式為何")).await.json();
    assert_eq!(other["items"][0]["flags"]["repeated"], Value::Null);
}

#[tokio::test]
async fn a_new_installation_answers_with_the_built_in_classifiers() {
    let server = Server::open().await;
    let answer = post(server.addr, LETTERS, &letter("戶籍遷入遭退件", "請問如何補件")).await.json();
    let item = &answer["items"][0];
    assert_eq!(item["labels"][0]["unit"], "301000000A/戶政司");
    assert_eq!(item["model"]["version"], "0");
    let document =
        json!({"document": {"subject": "檢送消防人員訓練計畫", "body": ["依消防法辦理"]}});
    let answer = post(server.addr, DOCUMENTS, &document).await.json();
    assert_eq!(answer["units"][0]["unit"], "301000000A/消防署");
    let foreign =
        json!({"document": {"subject": "公告修正「食品添加物使用範圍及限量暨規格標準」"}});
    let answer = post(server.addr, DOCUMENTS, &foreign).await.json();
    assert_eq!(answer["out_of_remit"], true, "{answer}");
}

#[tokio::test]
async fn another_version_answers_and_a_broken_one_does_not() {
    let server = ready().await;
    let dir = server.data_dir.path();
    classifier::activate(dir, "letters", &["甲", "乙", "丙"]);
    server.routing.refresh();
    let item = |answer: Value| answer["items"][0].clone();
    let second = item(post(server.addr, LETTERS, &letter("", "戶籍")).await.json());
    assert_eq!(
        (&second["model"]["version"], &second["labels"][0]["code"]),
        (&json!("2"), &json!("丙"))
    );
    assert_eq!(second["labels"][0]["unit"], Value::Null);
    let third = classifier::activate(dir, "letters", &super::classifier::UNITS);
    std::fs::write(dir.join(format!("classifiers/letters/{third}/classifier.json")), b"{}")
        .unwrap();
    server.routing.refresh();
    let still = item(post(server.addr, LETTERS, &letter("", "戶籍")).await.json());
    assert_eq!(still["model"]["version"], "2");
    std::fs::write(dir.join("classifiers/letters/active"), b"1\n").unwrap();
    server.routing.refresh();
    let back = item(post(server.addr, LETTERS, &letter("", "戶籍")).await.json());
    assert_eq!(
        (&back["model"]["version"], &back["labels"][0]["code"]),
        (&json!("1"), &json!("戶政司"))
    );
}

#[tokio::test]
async fn a_document_gets_units_officers_reasons_and_a_day() {
    let server = ready().await;
    let request = json!({
        "document": {"external_id": "1140067890", "issuer": {"org": "379000000A", "name": "臺北市政府"},
            "doc_type": "函", "priority": "速件", "secrecy": "普通", "subject": "檢送土地徵收計畫書", "body": ["說明:一、如附件。"],
            "attachments": [{"name": "附件1.pdf", "pages": 3}], "received_at": "2026-11-20"},
        "options": {"top_k": 5, "level": "officer"},
        "officers": [
            {"officer_id": "u-1", "unit": "301000000A/地政司/第二科", "duties": ["徵收"], "open_cases": 9},
            {"officer_id": "u-2", "unit": "301000000A/地政司", "open_cases": 9},
            {"officer_id": "u-3", "unit": "301000000A/地政司", "on_leave": true},
            {"officer_id": "u-4", "unit": "301000000A/役政司"}],
        "prior_cases": [{"reference": "1130045678", "officer_id": "u-1", "tie": "same_applicant"}],
    });
    let answer = post(server.addr, DOCUMENTS, &request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    validate(
        "/paths/~1api~1v1~1documents~1dispatch-suggestions/post/responses/200/content/application~1json/schema",
        &answer.json(),
    );
    let found = answer.json();
    assert_eq!(found["units"][0]["unit"], "301000000A/地政司");
    assert_eq!(found["units"][0]["role"], "main");
    let officers: Vec<&Value> =
        found["officers"].as_array().unwrap().iter().map(|it| &it["officer_id"]).collect();
    assert_eq!(officers, [&json!("u-1"), &json!("u-2")]);
    assert_eq!(found["officers"][0]["basis"], json!(["前案", "職掌", "案量"]));
    assert_eq!(found["excluded"], json!([{"officer_id": "u-3", "why": "差假"}]));
    let kinds: Vec<&Value> =
        found["reasons"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds, [&json!("term"), &json!("prior_case")]);
    // A Friday and three working days.
    assert_eq!(found["deadline"]["date"], "2026-11-25");
    assert_eq!(found["out_of_remit"], false);
}

#[tokio::test]
async fn our_own_number_decides_before_any_model() {
    let server = ready().await;
    for (document, field) in [
        (json!({"subject": "兵役", "cited_numbers": ["台內戶字第1140123456號"]}), "cited_numbers"),
        (
            json!({"subject": "復貴部114年11月5日台內戶字第1140123456號函", "body": ["兵役"]}),
            "subject",
        ),
    ] {
        let found = post(server.addr, DOCUMENTS, &json!({"document": document})).await.json();
        assert_eq!(found["units"][0]["unit"], "301000000A/戶政司", "{found}");
        assert_eq!(found["units"][0]["score"], 1.0);
        let reason = &found["reasons"][0];
        assert_eq!((&reason["kind"], &reason["field"]), (&json!("own_number"), &json!(field)));
        assert_eq!(reason["ref"], "台內戶字第1140123456號");
        assert_eq!(found["abstained"], false);
    }
}

#[tokio::test]
async fn exchange_files_are_documents_and_classified_ones_are_not() {
    let server = ready().await;
    let file = |grade: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><函><發文機關><全銜>臺北市政府</全銜></發文機關>\
             <速別 代碼=\"最速件\"/><密等及解密條件或保密期限><密等>{grade}</密等></密等及解密條件或保密期限>\
             <主旨><文字>土地重測疑義</文字></主旨></函>"
        )
    };
    let answer = post_bytes(server.addr, DOCUMENTS, "application/xml", file("").as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["units"][0]["unit"], "301000000A/地政司");
    let secret = post_bytes(server.addr, DOCUMENTS, "application/xml", file("密").as_bytes()).await;
    assert_eq!((secret.status, secret.problem().as_str()), (422, "ER0452"));
    let secret = json!({"document": {"secrecy": "機密", "subject": "土地"}});
    let secret = post(server.addr, DOCUMENTS, &secret).await;
    assert_eq!((secret.status, secret.problem().as_str()), (422, "ER0452"));
    let form = format!(
        "--b\r\ncontent-disposition: form-data; name=\"document\"; filename=\"a.di\"\r\n\r\n{}\r\n--b--\r\n",
        file("普通")
    );
    let kind = "multipart/form-data; boundary=b";
    let answer = post_bytes(server.addr, DOCUMENTS, kind, form.as_bytes()).await;
    assert_eq!(answer.json()["units"][0]["unit"], "301000000A/地政司");
    let meta = "--b\r\ncontent-disposition: form-data; name=\"meta\"\r\n\r\n{\"received_at\":\"2026-11-23\",        \"officers\":[{\"officer_id\":\"u-1\",\"unit\":\"地政司\"}]}\r\n";
    let known = post_bytes(server.addr, DOCUMENTS, kind, format!("{meta}{form}").as_bytes()).await;
    assert_eq!(known.json()["officers"][0]["officer_id"], "u-1", "by the unit's name: {known:?}");
    assert_eq!(known.json()["deadline"]["date"], "2026-11-24", "a working day later");
    let twice = format!("{meta}{meta}{form}");
    let twice = post_bytes(server.addr, DOCUMENTS, kind, twice.as_bytes()).await;
    assert_eq!(twice.problem(), "ER0210");
    let other = post_bytes(server.addr, DOCUMENTS, "text/plain", b"x").await;
    assert_eq!(other.problem(), "ER0440");
}

#[tokio::test]
async fn reviews_are_counted() {
    let server = ready().await;
    for (text, feedback) in [
        ("戶籍謄本", json!({"decision": "accepted"})),
        ("兵役", json!({"decision": "corrected", "label": "地政司"})),
        ("土地", json!({"decision": "discarded"})),
    ] {
        let made = post(server.addr, LETTERS, &letter("", text)).await.json();
        let id = made["items"][0]["prediction_id"].as_str().unwrap();
        let path = format!("/api/v1/predictions/{id}/feedback");
        assert_eq!(post(server.addr, &path, &feedback).await.status, 204);
    }
    let found = get(server.addr, "/api/v1/statistics").await.json();
    validate(
        "/paths/~1api~1v1~1statistics/get/responses/200/content/application~1json/schema",
        &found,
    );
    let letters = &found["services"][1];
    assert_eq!(letters["service"], "letters");
    assert_eq!((&letters["reviewed"], &letters["right"]), (&json!(2), &json!(1)));
    assert_eq!(letters["promise"]["measured"], 0.5);
    assert_eq!(letters["promise"]["state"], "untested");
    let empty = json!({"label": "役政司", "reviewed": 1, "right": 0});
    assert!(letters["labels"].as_array().unwrap().contains(&empty));
}

#[tokio::test]
async fn feedback_is_checked_and_kept() {
    let server = ready().await;
    let made = post(server.addr, LETTERS, &letter("", "戶籍謄本")).await.json();
    let id = made["items"][0]["prediction_id"].as_str().unwrap();
    let path = format!("/api/v1/predictions/{id}/feedback");
    let corrected = |label: &str| {
        json!({"decision": "corrected", "label": label,
        "unit": "301000000A/役政司", "reason": "wrong_category", "decided_by": {"id": "u-88", "role": "承辦人"}})
    };
    assert_eq!(post(server.addr, &path, &corrected("役政司")).await.status, 204);
    assert_eq!(post(server.addr, &path, &corrected("警政署")).await.status, 204);
    assert_eq!(post(server.addr, &path, &corrected("天文司")).await.problem(), "ER0210");
    assert_eq!(
        post(server.addr, &path, &json!({"decision": "corrected"})).await.problem(),
        "ER0210"
    );
    let accepted = |label: &str| json!({"decision": "accepted", "label": label});
    let refused = post(server.addr, &path, &accepted("警政署")).await.json();
    assert_eq!(refused["errors"][0]["pointer"], "/label", "nobody suggested that: {refused}");
    assert_eq!(post(server.addr, &path, &json!({"verdict": "x"})).await.problem(), "ER0220");
    let kept = get(server.addr, &format!("/api/v1/predictions/{id}")).await;
    validate(
        "/paths/~1api~1v1~1predictions~1{id}/get/responses/200/content/application~1json/schema",
        &kept.json(),
    );
    assert_eq!(kept.json()["labels"][0]["code"], "戶政司");
    assert_eq!(kept.json()["feedback"].as_array().unwrap().len(), 2);
    assert_eq!(post(server.addr, &path, &accepted("301000000A/戶政司")).await.status, 204);
    let unknown = "0".repeat(32);
    let accepted = json!({"decision": "accepted"});
    let path = format!("/api/v1/predictions/{unknown}/feedback");
    assert_eq!(post(server.addr, &path, &accepted).await.problem(), "ER0100");
    assert_eq!(get(server.addr, "/api/v1/predictions/x").await.problem(), "ER0100");
}

#[tokio::test]
async fn whose_cases_those_of_a_reformed_unit_are_a_person_says() {
    let server = Server::open().await;
    // 營建署 was split in 2023, 社會司 went to another ministry in 2013.
    for name in ["letters", "documents"] {
        classifier::activate(server.data_dir.path(), name, &["營建署", "社會司", "戶政司"]);
    }
    server.routing.refresh();
    for (text, unit, is_open) in [
        ("土地重劃疑義", json!("301000000A/國土管理署"), true),
        ("戶籍謄本申請", json!("301000000A/戶政司"), false),
    ] {
        let answer = post(server.addr, LETTERS, &letter("", text)).await.json();
        let item = &answer["items"][0];
        assert_eq!(item["labels"][0]["unit"], unit, "{answer}");
        assert_eq!(item["abstained"], json!(is_open), "{answer}");
        let document = json!({"document": {"doc_type": "函", "subject": text}});
        let answer = post(server.addr, DOCUMENTS, &document).await.json();
        assert_eq!(answer["units"][0]["unit"], unit, "{answer}");
        assert_eq!(answer["abstained"], json!(is_open), "{answer}");
    }
    let made = post(server.addr, LETTERS, &letter("", "戶籍")).await.json();
    let id = made["items"][0]["prediction_id"].as_str().unwrap();
    let path = format!("/api/v1/predictions/{id}/feedback");
    let gone = json!({"decision": "corrected", "label": "社會司"});
    assert_eq!(post(server.addr, &path, &gone).await.problem(), "ER0210");
}

#[tokio::test]
async fn full_is_full_and_says_when_to_come_again() {
    use fenwen::service::ServiceLimits;
    let limits = ServiceLimits { max_texts_in_flight: 1, ..ServiceLimits::default() };
    let recogniser = super::super::fake::FakeRecogniser::open();
    let server = Server::start(recogniser, limits, super::super::fake::options()).await;
    classifier::activate(server.data_dir.path(), "letters", &classifier::UNITS);
    server.routing.refresh();
    let mut slow = super::super::client::Client::connect(server.addr).await;
    slow.write(format!("POST {LETTERS} HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{{").as_bytes()).await;
    super::super::fake::until(|| server.service.occupancy().calls == 1).await;
    let answer = post(server.addr, LETTERS, &letter("", "戶籍")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (429, "ER0429"));
    assert_eq!(answer.header("retry-after"), "1");
    drop(slow);
    super::super::fake::until(|| server.service.occupancy().calls == 0).await;
    assert_eq!(post(server.addr, LETTERS, &letter("", "戶籍")).await.status, 200);
    let get =
        send(server.addr, format!("GET {LETTERS} HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes()).await;
    assert_eq!(get.status, 405);
}

#[tokio::test]
async fn a_store_that_fails_is_said_to_be_away() {
    let server = ready().await;
    let kept = post(server.addr, LETTERS, &letter("遷入", "戶籍")).await.json();
    let id = kept["items"][0]["prediction_id"].as_str().unwrap();
    let database = rusqlite::Connection::open(server.data_dir.path().join("store.sqlite")).unwrap();
    database.execute_batch("ALTER TABLE prediction RENAME TO gone").unwrap();
    let feedback = format!("/api/v1/predictions/{id}/feedback");
    for (path, body) in [
        (LETTERS, letter("遷入", "戶籍")),
        (
            DOCUMENTS,
            json!({"document": {"doc_type": "函", "subject": "戶籍遷入", "body": ["戶籍"]}}),
        ),
        (feedback.as_str(), json!({"decision": "accepted"})),
    ] {
        let answer = post(server.addr, path, &body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (503, "ER0510"), "{path}");
        assert_eq!(answer.header("retry-after"), "2");
    }
    let answer = get(server.addr, &format!("/api/v1/predictions/{id}")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));
}
