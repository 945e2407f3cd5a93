//! E-mail → subject, day, text and names of attachments: one message (EML), or a mailbox of them (mbox).
//!
//! An attachment is named, never opened, but for a message that was forwarded. HTML is read as text.

mod mbox;
mod text;

use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::MessageParser;

use crate::base::ErrorCode;
use text::Collected;

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
    /// All bodies as text, in order; then those of forwarded messages, each after a line that says who sent it and when.
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
    mbox::Messages::new(reader, limits.max_bytes).map(move |message| match message {
        Ok(message) => parse(&message, &limits),
        Err(_) => Err(MailError::Unreadable),
    })
}

fn read(bytes: &[u8], limits: &MailLimits) -> Result<Mail, MailError> {
    if text::is_too_deep(bytes, limits) {
        return Err(MailError::TooLarge { what: "parts", limit: limits.max_parts });
    }
    let bytes = text::readable(bytes);
    let message = MessageParser::default().parse(&bytes).ok_or(MailError::NotMail)?;
    let subject = message.subject().unwrap_or_default().trim().to_owned();
    let Collected { text, attachments, .. } = Collected::of(&message, limits)?;
    if subject.is_empty() && message.from().is_none() && message.date().is_none() {
        return Err(MailError::NotMail);
    }
    let date = message.date().filter(|it| it.is_valid());
    Ok(Mail { subject, sent_at: date.map(mail_parser::DateTime::to_timestamp), text, attachments })
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

    /// A message of raw bytes with these lines of MIME.
    fn raw(head: &str, body: &[u8]) -> Mail {
        let head = format!("From: a@example.tw\r\nSubject: x\r\n{head}\r\n\r\n");
        let bytes = [head.as_bytes(), body].concat();
        parse(&bytes, &MailLimits::default()).unwrap_or_else(|err| panic!("{err}"))
    }

    #[test]
    fn big5_is_read_under_any_name_and_under_none() {
        let ministry = b"\xA4\xBA\xACF\xB3\xA1";
        for label in ["big5", "cp950", "MS950", "x-big5", "big5-hkscs", "us-ascii", "utf-8", "x"] {
            let head = format!("Content-Type: text/plain; charset={label}");
            assert_eq!(raw(&head, ministry).text, "內政部", "{label}");
        }
        assert_eq!(raw("X-Nothing: y", ministry).text, "內政部");
        assert_eq!(
            raw("Content-Type: text/plain; charset=cp950", "內政部".as_bytes()).text,
            "內政部"
        );
        let head = "Content-Type: text/plain; charset=cp950\r\nContent-Transfer-Encoding: ";
        assert_eq!(raw(&format!("{head}base64"), b"pLqs\r\nRrOh").text, "內政部");
        assert_eq!(
            raw(&format!("{head}quoted-printable"), b"=A4=BA=\r\n=ACF=B3=A1").text,
            "內政部"
        );
        let page = [b"<meta charset=\"big5\"><p>".as_slice(), ministry, b"</p>\xFF"].concat();
        assert_eq!(raw("Content-Type: text/html", &page).text, "內政部\n\u{FFFD}");
        let page = [b"<meta content='text/html; charset=big5'>".as_slice(), ministry].concat();
        assert_eq!(raw("Content-Type: text/html", &page).text, "內政部");
        // Neither Big5 nor UTF-8.
        assert!(raw("X-Nothing: y", b"\xFF\xFF").text.contains('\u{FFFD}'));
    }

    #[test]
    fn big5_in_the_head_is_read() {
        let check = |subject: &[u8]| {
            let bytes = [b"From: a@example.tw\nSubject: ", subject, b"\n\nx"].concat();
            let mail = parse(&bytes, &MailLimits::default()).unwrap_or_else(|err| panic!("{err}"));
            assert_eq!(mail.subject, "內政部");
        };
        check(b"\xA4\xBA\xACF\xB3\xA1");
        check(b"=?CP950?B?pLqsRrOh?=");
        check(b"=?big5?B?pLqsRrOh?=");
    }

    #[test]
    fn forwarded_messages_follow() {
        let inner = "From: \"=?UTF-8?B?5oi257GN?=\" <b@example.tw>\r\nDate: Mon, 23 Nov 2026 11:07:00 +0800\r\n\
             Subject: inner\r\n\r\n路燈不亮";
        let mail = read(&format!(
            "From: a@example.tw\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n請參考\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n",
        ));
        let expected = "請參考\nFrom: 戶籍 b@example.tw; Subject: inner; Date: 2026-11-23T11:07:00+08:00\n路燈不亮";
        assert_eq!((mail.text.as_str(), mail.subject.as_str()), (expected, "x"));
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
        let forwarded = "Content-Type: message/rfc822\r\n\r\n".repeat(500_000);
        let digest =
            "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n".repeat(200_000);
        for text in [nested, long, tags, forwarded, digest] {
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
