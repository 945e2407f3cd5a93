//! The description of the bus: AsyncAPI, from the operations, events and streams of the code.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::bus::{MEDIA_TYPE, ROOT};
use crate::service::events::{Event, EventType};

use super::{GROUP, Operation};

/// The description as YAML, as committed in `docs/reference/asyncapi.yaml`.
pub fn asyncapi() -> String {
    let mut text = String::from("# 由程式產生:UPDATE_EXPECT=1 cargo test --test it generated\n");
    write(&mut text, &document(), 0);
    text
}

fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for operation in Operation::ALL {
        let id = format!("{}-{}", operation.service(), operation.name());
        channels.insert(id.clone(), request_channel(operation, &id));
        channels.insert(format!("{id}-reply"), reply_channel(&id));
        operations.insert(id.clone(), request_operation(operation, &id));
        messages.insert(format!("{id}-request"), request_message(operation));
        messages.insert(format!("{id}-reply"), reply_message(operation));
    }
    for operation in Operation::ALL.into_iter().filter(|it| it.becomes_job()) {
        let id = format!("{}-{}-command", operation.service(), operation.name());
        channels.insert(id.clone(), command_channel(operation, &id));
        operations.insert(id.clone(), command_operation(operation, &id));
        messages.insert(id, command_message(operation));
    }
    channels.insert("dead-letter".to_owned(), dead_letter_channel());
    operations.insert("dead-letter".to_owned(), dead_letter_operation());
    messages.insert("dead-letter".to_owned(), dead_letter_message());
    for kind in Event::types() {
        let id = kind.name.replace('.', "-");
        channels.insert(id.clone(), event_channel(kind, &id));
        operations.insert(id.clone(), event_operation(kind, &id));
        messages.insert(id, event_message(kind));
    }
    messages.insert("problem".to_owned(), problem_message());
    json!({
        "asyncapi": "3.1.0",
        "info": {
            "title": "fenwen(分文)企業匯流排",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "請求與回覆、命令、事件。所有結果僅供承辦人參考,由人決定。事件不含文字內容與個人資料。",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "nats.example:4222",
                "protocol": "nats",
                "description": "NATS 2.12.6 以上(或 2.11.15 以上的 2.11 版),啟用 JetStream",
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": {"cloud-event": cloud_event()}},
    })
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("./openapi.json#/components/schemas/{name}")})
}

fn request_channel(operation: Operation, id: &str) -> Value {
    json!({
        "address": format!("{ROOT}.rpc.{}.{}", operation.service(), operation.name()),
        "title": operation.title(),
        "messages": {"request": {"$ref": format!("#/components/messages/{id}-request")}},
    })
}

fn reply_channel(id: &str) -> Value {
    json!({
        "address": null,
        "description": "回覆送往請求所附的收件位址",
        "messages": {
            "reply": {"$ref": format!("#/components/messages/{id}-reply")},
            "problem": {"$ref": "#/components/messages/problem"},
        },
    })
}

fn request_operation(operation: Operation, id: &str) -> Value {
    json!({
        "action": "receive",
        "title": operation.title(),
        "channel": {"$ref": format!("#/channels/{id}")},
        "messages": [{"$ref": format!("#/channels/{id}/messages/request")}],
        "bindings": {"nats": {"queue": GROUP}},
        "reply": {
            "channel": {"$ref": format!("#/channels/{id}-reply")},
            "messages": [
                {"$ref": format!("#/channels/{id}-reply/messages/reply")},
                {"$ref": format!("#/channels/{id}-reply/messages/problem")},
            ],
        },
    })
}

fn request_message(operation: Operation) -> Value {
    json!({
        "title": operation.title(),
        "headers": {
            "type": "object",
            "properties": {
                "content-type": {"type": "string", "description": "未附時為 application/json;公文另可為 application/xml(DI)"},
                "authorization": {"type": "string", "description": "Bearer 權杖或 API 金鑰,與 HTTP 相同"},
                "x-deadline-ms": {"type": "string", "pattern": "^[0-9]{1,9}$", "description": "願意等待的毫秒數;只能縮短伺服器的期限,不足 200 以 200 計"},
                "x-request-id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "呼叫端的識別碼,原樣回覆"},
                "x-client-id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "呼叫端系統,由閘道填寫;工作與上傳只供本系統查詢"},
                "x-org-code": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$", "description": "呼叫端的機關代碼;未附時為 301000000A"},
                "traceparent": {"type": "string", "description": "W3C Trace Context"},
            },
        },
        "payload": schema(operation.request()),
    })
}

fn command_channel(operation: Operation, id: &str) -> Value {
    json!({
        "address": format!("{ROOT}.job.{}.{}", operation.service(), operation.name()),
        "title": format!("{}的命令", operation.title()),
        "description": "送入串流 MOI_AI_JOBS;每件命令成為一件工作,由具備該服務的節點接收",
        "messages": {"command": {"$ref": format!("#/components/messages/{id}")}},
    })
}

fn command_operation(operation: Operation, id: &str) -> Value {
    json!({
        "action": "receive",
        "title": format!("{}的命令", operation.title()),
        "channel": {"$ref": format!("#/channels/{id}")},
        "messages": [{"$ref": format!("#/channels/{id}/messages/command")}],
    })
}

/// A command: its document is that of the request, its headers are those that prove the sender.
fn command_message(operation: Operation) -> Value {
    json!({
        "title": format!("{}的命令", operation.title()),
        "contentType": MEDIA_TYPE,
        "headers": {
            "type": "object",
            "properties": {
                "Nats-Msg-Id": {"type": "string", "description": "與事件的 id 相同,供去除重複"},
                "authorization": {"type": "string", "description": "Bearer 權杖或 API 金鑰;處理時仍須有效"},
                "x-client-id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "呼叫端系統,由閘道填寫;工作與上傳只供本系統查詢"},
                "x-org-code": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$", "description": "呼叫端的機關代碼;未附時為 301000000A"},
                "traceparent": {"type": "string", "description": "W3C Trace Context"},
            },
        },
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "data"],
            "properties": {
                "specversion": {"type": "string", "const": "1.0"},
                "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "重送的識別碼:相同的 source 與 id 只成為一件工作,24 小時內有效"},
                "source": {"type": "string", "description": "呼叫端系統的 URI"},
                "type": {"type": "string", "description": "由呼叫端自訂"},
                "correlationid": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "工作的事件以此為 correlationid;未附時為 id"},
                "data": schema(operation.request()),
            },
        },
    })
}

fn dead_letter_channel() -> Value {
    json!({
        "address": format!("{ROOT}.dlq.{{service}}.{{operation}}"),
        "title": "無法處理的命令與放棄的工作",
        "description": "存於串流 MOI_AI_DLQ,供維運人員查明;只有識別碼、代碼與原因,不含內容",
        "parameters": {
            "service": {"description": "服務名稱", "examples": ["speech", "letters"]},
            "operation": {"description": "作業名稱", "examples": ["transcribe", "classify"]},
        },
        "messages": {"letter": {"$ref": "#/components/messages/dead-letter"}},
    })
}

fn dead_letter_operation() -> Value {
    json!({
        "action": "send",
        "title": "無法處理的命令與放棄的工作",
        "channel": {"$ref": "#/channels/dead-letter"},
        "messages": [{"$ref": "#/channels/dead-letter/messages/letter"}],
    })
}

fn dead_letter_message() -> Value {
    json!({
        "title": "無法處理的命令與放棄的工作",
        "contentType": MEDIA_TYPE,
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "deadreason", "deadsubject", "deaddeliveries"],
            "properties": {
                "id": {"type": "string", "description": "命令的 id;放棄的工作則為新的識別碼"},
                "subject": {"type": "string", "description": "放棄的工作,例如 jobs/019a…"},
                "deadreason": {"type": "string", "description": "錯誤代碼(例如 ER0310)、max-deliveries 或 not-an-event"},
                "deadsubject": {"type": "string", "description": "命令的主題"},
                "deaddeliveries": {"type": "integer", "description": "送達或執行的次數"},
            },
        },
    })
}

fn reply_message(operation: Operation) -> Value {
    let payload = match operation.reply() {
        Some(name) => schema(name),
        None if operation == Operation::ReadJobResult => {
            json!({"description": "與該服務直接呼叫時的回覆相同;錄音為遮蔽個資的逐字稿(TranscriptionResponse)"})
        }
        None => json!({"description": "空白:已收下"}),
    };
    json!({"title": format!("{}的結果", operation.title()), "payload": payload})
}

fn problem_message() -> Value {
    json!({
        "title": "失敗",
        "contentType": "application/problem+json",
        "headers": {
            "type": "object",
            "required": ["Nats-Service-Error", "Nats-Service-Error-Code"],
            "properties": {
                "Nats-Service-Error": {"type": "string", "pattern": "^ER[0-9]{4}$", "description": "錯誤代碼"},
                "Nats-Service-Error-Code": {"type": "string", "pattern": "^[45][0-9]{2}$", "description": "對應的 HTTP 狀態"},
                "retry-after": {"type": "string", "description": "幾秒後可再試"},
            },
        },
        "payload": schema("Problem"),
    })
}

fn event_channel(kind: &EventType, id: &str) -> Value {
    let mut parameters = Map::new();
    let orgcode = json!({"description": "機關代碼", "examples": ["301000000A"]});
    parameters.insert("orgcode".to_owned(), orgcode);
    if kind.is_any_service {
        let service = json!({"description": "服務名稱", "examples": ["speech", "letters"]});
        parameters.insert("service".to_owned(), service);
    }
    json!({
        "address": format!("{ROOT}.evt.{{orgcode}}.{}", kind.name_of("{service}")),
        "title": kind.title,
        "parameters": parameters,
        "messages": {"event": {"$ref": format!("#/components/messages/{id}")}},
    })
}

fn event_operation(kind: &EventType, id: &str) -> Value {
    json!({
        "action": "send",
        "title": kind.title,
        "channel": {"$ref": format!("#/channels/{id}")},
        "messages": [{"$ref": format!("#/channels/{id}/messages/event")}],
    })
}

fn event_message(kind: &EventType) -> Value {
    let of_type = match kind.is_any_service {
        true => {
            let kind = kind.kind("SERVICE").replace('.', "\\.").replace("SERVICE", "[a-z-]+");
            json!({"type": "string", "pattern": format!("^{kind}$")})
        }
        false => json!({"type": "string", "const": kind.kind("")}),
    };
    json!({
        "name": kind.kind("{service}"),
        "title": kind.title,
        "contentType": MEDIA_TYPE,
        "headers": {
            "type": "object",
            "properties": {
                "Nats-Msg-Id": {"type": "string", "description": "與事件的 id 相同,供去除重複"},
                "ce-type": of_type,
                "traceparent": {"type": "string"},
            },
        },
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/cloud-event"},
                {
                    "type": "object",
                    "properties": {
                        "type": of_type,
                        "data": {"$ref": format!("./schemas/{}", kind.schema_file())},
                    },
                },
            ],
        },
    })
}

/// The envelope (CloudEvents 1.0, structured) with the extensions that are set.
fn cloud_event() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "dataschema", "orgcode", "data"],
        "properties": {
            "specversion": {"type": "string", "const": "1.0"},
            "id": text("事件識別碼(UUIDv7)"),
            "source": text("來源,例如 /moi/ai/letters"),
            "type": text("事件類型,末段為主版本"),
            "subject": text("所述對象,例如 jobs/019a…"),
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"type": "string", "const": "application/json"},
            "dataschema": {"type": "string", "format": "uri"},
            "orgcode": text("機關代碼"),
            "sequence": text("同一件工作的第幾次變更"),
            "correlationid": text("整個案件第一個請求的識別碼"),
            "causationid": text("引發本事件之訊息的識別碼"),
            "traceparent": text("W3C Trace Context"),
            "dataref": text("取得結果的路徑;需有權限"),
            "data": {"type": "object"},
        },
    })
}

/// Block YAML; every text is quoted as in JSON, which YAML reads alike.
fn write(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    // Writing to a string cannot fail.
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let _ = write!(text, "{indent}{}:", Value::String(key.clone()));
                write_value(text, value, depth + 1);
            }
        }
        Value::Array(list) => {
            for value in list {
                let _ = write!(text, "{indent}-");
                write_value(text, value, depth + 1);
            }
        }
        scalar => {
            let _ = writeln!(text, "{indent}{scalar}");
        }
    }
}

fn write_value(text: &mut String, value: &Value, depth: usize) {
    let is_empty = match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => true,
    };
    if is_empty {
        let _ = writeln!(text, " {value}");
    } else {
        text.push('\n');
        write(text, value, depth);
    }
}
