//! The specification's examples, and what its rules refuse.

use serde_json::json;

use super::*;

/// What the JSON format shows as an event with a string in `data` (json-format.md 3.2).
const EXAMPLE: &str = r#"{
    "specversion" : "1.0",
    "type" : "com.example.someevent",
    "source" : "/mycontext",
    "subject": null,
    "id" : "C234-1234-1234",
    "time" : "2018-04-05T17:31:00Z",
    "comexampleextension1" : "value",
    "comexampleothervalue" : 5,
    "datacontenttype" : "application/json",
    "data" : {
        "appinfoA" : "abc",
        "appinfoB" : 123,
        "appinfoC" : true
    }
}"#;

/// The same section's event with bytes.
const BINARY: &str = r#"{
    "specversion" : "1.0",
    "type" : "com.example.someevent",
    "source" : "/mycontext",
    "id" : "D234-1234-1234",
    "time" : "2018-04-05T17:31:00Z",
    "comexampleextension1" : "value",
    "comexampleothervalue" : 5,
    "datacontenttype" : "application/vnd.apache.thrift.binary",
    "data_base64" : "AQIDBA=="
}"#;

#[test]
fn the_specifications_examples_are_read_and_written_back() {
    for example in [EXAMPLE, BINARY] {
        let event = CloudEvent::from_json(example.as_bytes()).unwrap();
        assert_eq!(event.kind(), "com.example.someevent");
        assert_eq!(event.extension("comexampleothervalue"), Some(&Extension::Integer(5)));
        assert_eq!(event.subject, None, "null stands for absent");
        let written: Value = serde_json::from_slice(&event.to_json().unwrap()).unwrap();
        let mut expected: Value = serde_json::from_str(example).unwrap();
        expected.as_object_mut().unwrap().remove("subject");
        assert_eq!(written, expected);
    }
    let binary = CloudEvent::from_json(BINARY.as_bytes()).unwrap();
    assert_eq!(binary.data, Some(Data::Binary(vec![1, 2, 3, 4])));
}

/// The smallest event with one attribute changed; `None` removes it.
#[track_caller]
fn check(name: &str, value: Option<Value>, expected: Result<(), EventError>) {
    let mut event = json!({"specversion": "1.0", "type": "t", "source": "/s", "id": "1"});
    match value {
        Some(value) => event[name] = value,
        None => {
            event.as_object_mut().unwrap().remove(name);
        }
    }
    let found = CloudEvent::from_json(event.to_string().as_bytes());
    assert_eq!(found.map(|_| ()), expected, "{event}");
}

#[test]
fn attributes_keep_their_rules() {
    check("subject", Some(json!("x")), Ok(()));
    check("data", Some(Value::Null), Ok(()));
    check("traceparent", Some(json!("00-1")), Ok(()));
    check("flag", Some(json!(true)), Ok(()));
    check("dataschema", Some(json!("tag:moi.gov.tw,2026:ai/x")), Ok(()));
    for version in [json!("1.1"), json!("0.3"), json!(1.0)] {
        check("specversion", Some(version), Err(EventError::Version));
    }
    for name in ["id", "source", "type"] {
        check(name, None, Err(EventError::Attribute(name)));
        check(name, Some(Value::Null), Err(EventError::Attribute(name)));
        check(name, Some(json!("")), Err(EventError::Attribute(name)));
        check(name, Some(json!(7)), Err(EventError::Attribute(name)));
    }
    check("source", Some(json!("/a b")), Err(EventError::Attribute("source")));
    check("id", Some(json!("a\u{0}")), Err(EventError::Attribute("id")));
    check("time", Some(json!("yesterday")), Err(EventError::Attribute("time")));
    check("dataschema", Some(json!("/schemas/x")), Ok(()));
    check("dataschema", Some(json!("a b")), Err(EventError::Attribute("dataschema")));
    check("subject", Some(json!("")), Err(EventError::Attribute("subject")));
    for name in ["Upper", "with_line", "aaaaaaaaaaaaaaaaaaaaa", "名"] {
        check(name, Some(json!("x")), Err(EventError::Extension));
    }
    for value in [json!({}), json!([]), json!(1.5), json!(1_i64 << 31), json!("a\nb")] {
        check("x", Some(value), Err(EventError::Extension));
    }
    check("data_base64", Some(json!("?")), Err(EventError::Data));
}

#[test]
fn what_is_no_event_is_refused() {
    for (json, expected) in [
        ("[]", EventError::NotAnObject),
        ("{", EventError::NotAnObject),
        (r#"{"data":{"secrecy":"密","secrecy":"普通"}}"#, EventError::Twice),
        (
            r#"{"specversion":"1.0","type":"t","source":"/s","id":"1","data":1,"data_base64":"AQ=="}"#,
            EventError::Data,
        ),
    ] {
        assert_eq!(CloudEvent::from_json(json.as_bytes()), Err(expected), "{json}");
    }
    let large = vec![b' '; MAX_EVENT_BYTES + 1];
    assert_eq!(CloudEvent::from_json(&large), Err(EventError::TooLarge(large.len())));
    let event = CloudEvent::new(Origin { id: "1", source: "/s", kind: "t" }).unwrap();
    let relative = event.clone().saying(Value::Null, "/schemas/x");
    assert_eq!(relative, Err(EventError::Attribute("dataschema")));
    let text = Value::String("x".repeat(MAX_EVENT_BYTES));
    let event = event.saying(text, "tag:x").unwrap();
    assert!(matches!(event.to_json(), Err(EventError::TooLarge(_))));
}

#[test]
fn the_debug_form_has_no_data() {
    let event = CloudEvent::from_json(EXAMPLE.as_bytes()).unwrap();
    let printed = format!("{event:?}");
    assert!(printed.contains("C234-1234-1234") && !printed.contains("abc"), "{printed}");
}
