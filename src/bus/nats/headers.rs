//! Headers between the port and the client library.

use async_nats::{HeaderMap, HeaderName, HeaderValue};

use crate::bus::message::Headers;

/// Longest name or value that is passed on.
const MAX_CHARS: usize = 1024;

/// Whatever is text; names in lower case.
pub(super) fn read(map: Option<&HeaderMap>) -> Headers {
    let mut headers = Headers::new();
    let Some(map) = map else { return headers };
    for (name, values) in map.iter() {
        let name: &str = name.as_ref();
        if let Some(value) = values.first().filter(|it| it.as_str().len() <= MAX_CHARS) {
            headers.insert(name.to_ascii_lowercase(), value.as_str().to_owned());
        }
    }
    headers
}

/// Leaves out what cannot be written.
pub(super) fn write(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            map.insert(name, value);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_in_lower_case_and_broken_ones_are_left_out() {
        let headers = Headers::from([
            ("X-Request-Id".to_owned(), "a-1".to_owned()),
            ("traceparent".to_owned(), "00-1".to_owned()),
            ("bad".to_owned(), "a\r\nInjected: 1".to_owned()),
        ]);
        let read = read(Some(&write(&headers)));
        assert_eq!(read.len(), 2);
        assert_eq!(read.get("x-request-id").map(String::as_str), Some("a-1"));
        assert!(super::read(None).is_empty());
    }
}
