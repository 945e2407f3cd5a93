//! E-mail → subject, day, text and names of attachments: one message (EML), or a mailbox of them (mbox).
//!
//! An attachment is named, never opened. HTML is read as text.

use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::mailbox::mbox::MessageIterator;
use mail_parser::{Message, MessageParser, MimeHeaders};

use crate::base::ErrorCode;

/// Most bytes of an attachment's name.
const MAX_NAME: usize = 255;

/// Limits of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailLimits {
    /// Bytes of the message, attachments included.
    pub max_bytes: usize,
    /// Bytes of its text.
    pub max_text: usize,
    /// Bodies and attachments.
    pub max_parts: usize,
}

impl Default for MailLimits {
    /// 25 MiB, 1 MiB of text, 256 parts.
    fn default() -> MailLimits {
        MailLimits { max_bytes: 25 << 20, max_text: 1 << 20, max_parts: 256 }
    }
}

/// One message. No `Debug`: it is somebody's letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Subject; empty when there is none.
    pub subject: String,
    /// When it was written, in seconds since 1970-01-01T00:00:00Z; none when not or wrongly stated.
    pub sent_at: Option<i64>,
    /// All bodies as text, in order.
    pub text: String,
    /// Names of attachments, without folders.
    pub attachments: Vec<String>,
}

/// Why a message cannot be read. Never holds a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// More than a limit allows.
    #[error("the message has more {what} than {limit}")]
    TooLarge {
        /// `bytes`, `bytes of text` or `parts`.
        what: &'static str,
        /// Allowed.
        limit: usize,
    },
    /// No header, or nothing that a reader of e-mail understands.
    #[error("the file is no e-mail message")]
    NotMail,
    /// The mailbox could not be read on.
    #[error("failed to read the mailbox")]
    Unreadable,
}

impl MailError {
    /// The code answered to callers.
    pub fn code(&self) -> ErrorCode {
        match self {
            MailError::TooLarge { .. } => ErrorCode::TooLarge,
            MailError::NotMail => ErrorCode::UnsupportedMedia,
            MailError::Unreadable => ErrorCode::ContentRefused,
        }
    }
}

/// Reads one message.
pub fn parse(bytes: &[u8], limits: &MailLimits) -> Result<Mail, MailError> {
    if limits.max_bytes < bytes.len() {
        return Err(MailError::TooLarge { what: "bytes", limit: limits.max_bytes });
    }
    // The parser is fuzzed by its authors; a panic it still has costs one message, not the process.
    catch_unwind(AssertUnwindSafe(|| read(bytes, limits))).unwrap_or(Err(MailError::NotMail))
}

/// The messages of a mailbox, one at a time; a message that cannot be read does not end it.
pub fn mailbox(
    reader: impl BufRead,
    limits: MailLimits,
) -> impl Iterator<Item = Result<Mail, MailError>> {
    MessageIterator::new(reader).map(move |message| match message {
        Ok(message) => parse(message.contents(), &limits),
        Err(_) => Err(MailError::Unreadable),
    })
}

fn read(bytes: &[u8], limits: &MailLimits) -> Result<Mail, MailError> {
    let message = MessageParser::default().parse(bytes).ok_or(MailError::NotMail)?;
    let n_parts = message.text_body_count() + message.attachment_count();
    if limits.max_parts < n_parts {
        return Err(MailError::TooLarge { what: "parts", limit: limits.max_parts });
    }
    let subject = message.subject().unwrap_or_default().trim().to_owned();
    let text = text(&message, limits.max_text)?;
    if subject.is_empty() && message.from().is_none() && message.date().is_none() {
        return Err(MailError::NotMail);
    }
    let date = message.date().filter(|it| it.is_valid());
    Ok(Mail {
        subject,
        sent_at: date.map(mail_parser::DateTime::to_timestamp),
        text,
        attachments: message
            .attachments()
            .filter_map(|it| file_name(it.attachment_name()?))
            .collect(),
    })
}

fn text(message: &Message<'_>, max: usize) -> Result<String, MailError> {
    let mut text = String::new();
    for idx in 0..message.text_body_count() {
        let Some(body) = message.body_text(idx) else { continue };
        let body = body.trim();
        if max < text.len() + body.len() + 1 {
            return Err(MailError::TooLarge { what: "bytes of text", limit: max });
        }
        if !text.is_empty() && !body.is_empty() {
            text.push('\n');
        }
        text.push_str(body);
    }
    Ok(text)
}

/// The last part of a path, without control characters, cut to what a file system holds.
fn file_name(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name: String = name.chars().filter(|ch| !ch.is_control()).collect();
    while MAX_NAME < name.len() {
        name.pop();
    }
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Mail {
        parse(text.as_bytes(), &MailLimits::default()).unwrap_or_else(|err| panic!("{err}"))
    }

    const PLAIN: &str = "From: citizen@example.tw\r\nDate: Mon, 23 Nov 2026 11:07:00 +0800\r\n\
        Subject: =?UTF-8?B?5oi257GN6YG35YWl6YGt6YCA5Lu2?=\r\nContent-Type: text/plain; charset=utf-8\r\n\
        \r\n您好,我上週辦理遷入。\r\n";

    #[test]
    fn a_plain_message() {
        let mail = read(PLAIN);
        assert_eq!(mail.subject, "戶籍遷入遭退件");
        assert_eq!(mail.sent_at, Some(1_795_403_220));
        assert_eq!(mail.text, "您好,我上週辦理遷入。");
        assert!(mail.attachments.is_empty());
    }

    #[test]
    fn html_is_read_as_text_and_attachments_are_named() {
        let mail = read(
            "From: a@example.tw\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Type: text/html; charset=utf-8\r\n\r\n\
             <html><style>p{}</style><script>alert(1)</script><p>路燈&nbsp;不亮</p><br>請修</html>\r\n--b\r\n\
             Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"../../照片.pdf\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n",
        );
        assert!(mail.text.starts_with("路燈") && mail.text.ends_with("請修"), "{}", mail.text);
        assert!(!mail.text.contains("alert") && !mail.text.contains('<'), "{}", mail.text);
        assert_eq!(mail.attachments, ["照片.pdf"]);
    }

    #[test]
    fn big5_bodies_are_read() {
        let head =
            b"From: a@example.tw\r\nSubject: x\r\nContent-Type: text/plain; charset=big5\r\n\r\n";
        let mail = parse(&[&head[..], b"\xA4\xBA\xACF\xB3\xA1"].concat(), &MailLimits::default());
        assert_eq!(mail.unwrap_or_else(|err| panic!("{err}")).text, "內政部");
    }

    #[test]
    fn a_mailbox_is_read_message_by_message() {
        let body = "Subject: 一\n\n第一封\n>From 引用\n\nFrom b@example.tw Mon Nov 23 11:07:00 2026\nSubject: 二\n\n第二封\n";
        let mbox = format!("From a@example.tw Mon Nov 23 11:07:00 2026\n{body}");
        let mails: Vec<Mail> = mailbox(mbox.as_bytes(), MailLimits::default())
            .map(|it| it.unwrap_or_else(|err| panic!("{err}")))
            .collect();
        let found: Vec<(&str, &str)> =
            mails.iter().map(|it| (it.subject.as_str(), it.text.as_str())).collect();
        assert_eq!(found, [("一", "第一封\nFrom 引用"), ("二", "第二封")]);
    }

    #[test]
    fn limits_hold() {
        let check = |text: &str, limits: MailLimits, expected: MailError| {
            assert_eq!(parse(text.as_bytes(), &limits).err(), Some(expected));
        };
        let limits = MailLimits::default();
        let what = "bytes";
        let few = MailLimits { max_bytes: 10, ..limits };
        check(PLAIN, few, MailError::TooLarge { what, limit: 10 });
        let short = MailLimits { max_text: 10, ..limits };
        check(PLAIN, short, MailError::TooLarge { what: "bytes of text", limit: 10 });
        let parts = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(300);
        let many =
            format!("From: a@b.c\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{parts}--b--");
        check(&many, limits, MailError::TooLarge { what: "parts", limit: 256 });
        check("", limits, MailError::NotMail);
        check("{\"no\": \"mail\"}", limits, MailError::NotMail);
    }

    #[test]
    fn hostile_messages_end_soon() {
        let nested: String = (0..5_000)
            .map(|idx| {
                format!("Content-Type: multipart/mixed; boundary=b{idx}\r\n\r\n--b{idx}\r\n")
            })
            .collect();
        let long = format!("Subject: {}\r\n\r\nx", "=?UTF-8?Q?=E4?= ".repeat(100_000));
        let tags = format!("Content-Type: text/html\r\n\r\n{}", "<p".repeat(1 << 20));
        for text in [nested, long, tags] {
            let start = Instant::now();
            let _ = parse(format!("From: a@b.c\r\n{text}").as_bytes(), &MailLimits::default());
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_fine(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = parse(&bytes, &MailLimits::default());
            let _ = parse(&[b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", bytes.as_slice()].concat(), &MailLimits::default());
        }
    }
}
