//! Exchange files (DI, SW): a document above 普通 gives its grade only, and no file is expanded.
#![no_main]

use fenwen::media::exchange::{ExchangeLimits, parse};
use fenwen::wire::v1::documents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    drop(parse(bytes, &ExchangeLimits::default()));
    drop(documents::parse_exchange(bytes));
});
