//! The text of a message: its bodies in the charset that they have, then those of messages that it forwards.

use std::borrow::Cow;

use encoding_rs::{BIG5, Encoding, UTF_8};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding as Transfer, Message, MessagePart, MimeHeaders, PartType};

use super::{MailError, MailLimits, file_name};
use crate::media::charset;
use crate::media::sources::html;

/// Names of Big5 that the parser does not know.
const ALIASES: [&str; 7] =
    ["cp950", "ms950", "x-big5", "big-5", "windows-950", "x-windows-950", "big5-eten"];
/// Longest of them.
const MAX_ALIAS: usize = 13;
/// Forwarded messages inside forwarded messages that are read, at most.
const MAX_FORWARDED: usize = 8;
/// The header that every message inside another one has.
const CONTENT_TYPE: &[u8] = b"content-type";
/// How often that is named for each part, at most: the text of a letter may name it too.
const TYPES_A_PART: usize = 4;
/// Bytes of a page in which it may say its charset.
const META_WINDOW: usize = 2048;

/// Whether a message may nest others deeper than there is stack to take them apart: each of those has a type.
pub(super) fn is_too_deep(bytes: &[u8], limits: &MailLimits) -> bool {
    let is_type = |it: &&[u8]| {
        matches!(it.first(), Some(b'C' | b'c')) && it.eq_ignore_ascii_case(CONTENT_TYPE)
    };
    let most = TYPES_A_PART * limits.max_parts;
    most < bytes.windows(CONTENT_TYPE.len()).filter(is_type).count()
}

/// The message as the parser can read its headers: raw Big5 in the head made UTF-8, charsets named as it knows them.
pub(super) fn readable(bytes: &[u8]) -> Cow<'_, [u8]> {
    let ends = |it: &[u8]| it == b"\n\n" || it == b"\n\r";
    let end = bytes.windows(2).position(ends).unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    if str::from_utf8(head).is_ok() && next_alias(bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut made = Vec::with_capacity(bytes.len() + bytes.len() / 4);
    for line in head.split_inclusive(|it| *it == b'\n') {
        match charset::decode(line) {
            Some(text) => made.extend_from_slice(text.as_bytes()),
            None => made.extend_from_slice(line),
        }
    }
    made.extend_from_slice(body);
    let mut known = Vec::with_capacity(made.len());
    let mut rest = made.as_slice();
    while let Some((before, after)) = next_alias(rest) {
        known.extend_from_slice(before);
        known.extend_from_slice(b"big5");
        rest = after;
    }
    known.extend_from_slice(rest);
    Cow::Owned(known)
}

/// What stands before and after the next name of a charset in an encoded word (`=?cp950?B?…?=`) that the parser does not know.
fn next_alias(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let at = bytes.get(from..)?.windows(2).position(|it| it == b"=?")?;
        from += at + 2;
        let (before, word) = bytes.split_at_checked(from)?;
        let end = word.iter().take(MAX_ALIAS + 1).position(|it| *it == b'?');
        if let Some((label, after)) = end.and_then(|end| word.split_at_checked(end))
            && str::from_utf8(label).is_ok_and(is_alias)
        {
            return Some((before, after));
        }
    }
}

fn is_alias(label: &str) -> bool {
    ALIASES.iter().any(|it| label.trim().eq_ignore_ascii_case(it))
}

/// Collects what a message and those that it forwards say.
pub(super) struct Collected {
    limits: MailLimits,
    n_parts: usize,
    pub(super) text: String,
    pub(super) attachments: Vec<String>,
}

impl Collected {
    pub(super) fn of(message: &Message<'_>, limits: &MailLimits) -> Result<Collected, MailError> {
        let (text, attachments) = (String::new(), Vec::new());
        let mut made = Collected { limits: *limits, n_parts: 0, text, attachments };
        made.add(message, 0)?;
        Ok(made)
    }

    fn add(&mut self, message: &Message<'_>, depth: usize) -> Result<(), MailError> {
        self.n_parts += message.text_body_count() + message.attachment_count();
        if self.limits.max_parts < self.n_parts {
            let limit = self.limits.max_parts;
            return Err(MailError::TooLarge { what: "parts", limit });
        }
        for part in message.text_bodies() {
            match &part.body {
                PartType::Text(text) => self.push(&decoded(message, part, text))?,
                PartType::Html(page) => self.push(&html::text(&decoded(message, part, page)))?,
                _ => (),
            }
        }
        for part in message.attachments() {
            self.attachments.extend(part.attachment_name().and_then(file_name));
            if let PartType::Message(forwarded) = &part.body
                && depth < MAX_FORWARDED
            {
                self.push(&heading(forwarded))?;
                self.add(forwarded, depth + 1)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), MailError> {
        let (text, limit) = (text.trim(), self.limits.max_text);
        if limit < self.text.len() + text.len() + 1 {
            return Err(MailError::TooLarge { what: "bytes of text", limit });
        }
        if !self.text.is_empty() && !text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// Who forwarded messages are from, what they are about and when they were sent, in a line.
fn heading(message: &Message<'_>) -> String {
    let sender = message.from().and_then(|it| it.first());
    let sender = sender.map(|it| {
        let parts = [it.name(), it.address()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let date = message.date().filter(|it| it.is_valid()).map(|it| it.to_rfc3339());
    let fields =
        [("From", sender), ("Subject", message.subject().map(str::to_owned)), ("Date", date)];
    let told = fields.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value?)));
    told.collect::<Vec<_>>().join("; ")
}

/// The text of a part. Where its charset is not stated, not known to the parser or not what the bytes are, the parser makes U+FFFD
/// of them; then they are read as what they look like, else as what the part or its page states.
fn decoded<'a>(message: &Message<'_>, part: &MessagePart<'_>, read: &'a str) -> Cow<'a, str> {
    let label = part.content_type().and_then(|it| it.attribute("charset")).unwrap_or_default();
    // Stated by programs that do not look at what they send.
    let is_ascii = label.eq_ignore_ascii_case("us-ascii");
    let is_read = if is_ascii { read.is_ascii() } else { !read.contains('\u{FFFD}') };
    let Some(bytes) = Some(part).filter(|_| !is_read).and_then(|it| content(message, it)) else {
        return Cow::Borrowed(read);
    };
    let stated = encoding(label).filter(|_| !is_ascii).or_else(|| encoding(&meta(read)?));
    let text = match stated {
        Some(other) if other != BIG5 && other != UTF_8 => Some(other.decode(&bytes).0),
        _ => charset::decode(&bytes),
    };
    let lossy = || stated.map(|it| it.decode(&bytes).0);
    text.or_else(lossy).map_or(Cow::Borrowed(read), |it| Cow::Owned(it.into_owned()))
}

fn encoding(label: &str) -> Option<&'static Encoding> {
    if is_alias(label) { Some(BIG5) } else { Encoding::for_label_no_replacement(label.as_bytes()) }
}

/// The charset that a page states about itself.
fn meta(page: &str) -> Option<String> {
    let head: String = page.chars().take(META_WINDOW).collect::<String>().to_ascii_lowercase();
    let (_, rest) = head.split_once("charset=")?;
    let rest = rest.trim_start_matches(['"', '\'', ' ']);
    let end = |ch: char| ch.is_whitespace() || matches!(ch, '"' | '\'' | ';' | '>' | '/');
    rest.split(end).next().map(str::to_owned)
}

/// The bytes of a part as they were before they were encoded for the way.
fn content(message: &Message<'_>, part: &MessagePart<'_>) -> Option<Vec<u8>> {
    let (start, end) = (part.raw_body_offset(), part.raw_end_offset());
    let raw =
        message.raw_message().get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
    match part.encoding {
        Transfer::None => Some(raw.to_vec()),
        Transfer::QuotedPrintable => quoted_printable_decode(raw),
        Transfer::Base64 => base64_decode(raw),
    }
}
