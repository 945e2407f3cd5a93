//! Names of clients at the exchange (`X-Road-Client`), hours of clients and text of queries.
#![no_main]

use fenwen::base::Hours;
use fenwen::identity::Member;
use fenwen::wire::v1::speech;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if Member::parse(text).is_some() {
        assert!(4 <= text.split('/').count() && !text.contains("//"), "a part is missing");
    }
    Hours::parse(text);
    drop(speech::parse_query(text));
});
