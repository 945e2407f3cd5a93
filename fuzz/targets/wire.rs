//! JSON bodies of every service: whatever comes is an order or a refusal.
#![no_main]

use fenwen::wire::v1::meta::{PurposeRule, RecognitionOrder};
use fenwen::wire::v1::{answers, documents, jobs, letters, live, speech, webhooks};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let rule = || PurposeRule::Required;
    drop(letters::parse(bytes, rule()));
    drop(documents::parse(bytes, rule()));
    drop(RecognitionOrder::parse(Some(bytes), rule()));
    drop(jobs::parse(bytes, rule()));
    drop(jobs::parse_blob(bytes, 1 << 30));
    drop(jobs::parse_complete(bytes));
    drop(answers::parse(bytes, rule()));
    drop(speech::parse(bytes, rule(), ""));
    drop(live::parse(bytes));
    drop(live::parse_opening(bytes, rule()));
    drop(webhooks::parse(bytes));
    drop(webhooks::parse_change(bytes));
});
