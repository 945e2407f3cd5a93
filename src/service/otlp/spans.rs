//! Spans as an `ExportTraceServiceRequest`. Ids are hexadecimal in OTLP's JSON, other than in that of protobuf.

use serde_json::{Value, json};

use crate::base::{Attribute, Span, SpanKind, hex};

use super::{Resource, nanoseconds, resource, scope, text};

/// What of a span leaves this process; anything else is left out.
const ALLOWED: [&str; 11] = [
    "fenwen.job.attempt",
    "fenwen.job.operation",
    "fenwen.job.service",
    "fenwen.job.state",
    "fenwen.request_id",
    "fenwen.status",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "rpc.method",
    "rpc.service",
];

/// The request that carries these spans.
pub(super) fn request(spans: &[Span], of: &Resource) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": resource(of),
        "scopeSpans": [{"scope": scope(), "spans": spans}],
    }]})
}

fn span(it: &Span) -> Value {
    let allowed = it.attributes.iter().filter(|it| ALLOWED.contains(&it.0));
    let attributes: Vec<Value> = allowed.map(|(key, value)| attribute(key, value)).collect();
    let mut made = json!({
        "traceId": hex(&it.begun.context.trace),
        "spanId": hex(&it.begun.context.span),
        "name": it.name,
        "kind": match it.kind {
            SpanKind::Server => 2,
            SpanKind::Consumer => 5,
        },
        "startTimeUnixNano": nanoseconds(it.start),
        "endTimeUnixNano": nanoseconds(it.end),
        "attributes": attributes,
        // Unset, or an error.
        "status": if it.is_error { json!({"code": 2}) } else { json!({}) },
    });
    if let (Some(parent), Some(object)) = (it.begun.parent, made.as_object_mut()) {
        object.insert("parentSpanId".to_owned(), hex(&parent).into());
    }
    made
}

fn attribute(key: &str, value: &Attribute) -> Value {
    match value {
        Attribute::Text(it) => text(key, it),
        Attribute::Number(it) => json!({"key": key, "value": {"intValue": it.to_string()}}),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::{Begun, TraceContext};

    #[test]
    fn only_what_is_allowed_leaves() {
        let context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::parse(context).unwrap();
        let span = Span {
            name: "POST /api/v1/letters/classifications".to_owned(),
            kind: SpanKind::Server,
            begun: Begun { context, parent: Some([1; 8]) },
            start: Duration::from_millis(1),
            end: Duration::from_secs(1),
            attributes: vec![
                ("http.response.status_code", Attribute::Number(200)),
                ("url.query", Attribute::Text("name=王小明".to_owned())),
            ],
            is_error: true,
        };
        let of = Resource { node: "n".to_owned(), begun: Duration::ZERO };
        let request = request(&[span], &of);
        let found = &request["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(found["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            (&found["spanId"], &found["parentSpanId"]),
            (&"00f067aa0ba902b7".into(), &"0101010101010101".into())
        );
        assert_eq!(
            (&found["startTimeUnixNano"], &found["endTimeUnixNano"]),
            (&"1000000".into(), &"1000000000".into())
        );
        assert_eq!(found["status"]["code"], 2);
        let expected = json!([{"key": "http.response.status_code", "value": {"intValue": "200"}}]);
        assert_eq!(found["attributes"], expected);
    }
}
