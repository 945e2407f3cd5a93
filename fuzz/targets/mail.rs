//! Letters as e-mail, one and many.
#![no_main]

use fenwen::media::mail::{MailLimits, mailbox, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // The parser's own panic costs one message; only one that gets out is a finding.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        drop(parse(bytes, &MailLimits::default()));
        for mail in mailbox(bytes, MailLimits::default()).take(16) {
            drop(mail);
        }
    }
);
