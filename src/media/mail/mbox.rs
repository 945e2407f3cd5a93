//! A mailbox file → its messages, as bytes.

use std::io::{self, BufRead, Read};

/// What each message begins after.
const SEPARATOR: &[u8] = b"From ";
/// Bytes of a line that are read at a time, at most; separators are shorter.
const MAX_PIECE: u64 = 64 << 10;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The messages of a mailbox, one at a time. Of a longer one than `max` bytes one byte more is kept, so that it can be refused.
pub(super) struct Messages<R> {
    reader: R,
    max: usize,
    /// Whether the separator before the next message was read.
    is_begun: bool,
    is_done: bool,
}

impl<R: BufRead> Messages<R> {
    pub(super) fn new(reader: R, max: usize) -> Messages<R> {
        Messages { reader, max, is_begun: false, is_done: false }
    }

    /// The next message; none when there is none.
    fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = Vec::new();
        let mut line = Vec::new();
        // The start of the file separates as an empty line does; nothing before the first message is one.
        let (mut is_after_empty, mut is_line_start) = (!self.is_begun, true);
        loop {
            line.clear();
            let n_bytes = self.reader.by_ref().take(MAX_PIECE).read_until(b'\n', &mut line)?;
            if n_bytes == 0 {
                self.is_done = true;
                return Ok(Some(message).filter(|_| self.is_begun));
            }
            if is_line_start && is_separator(&line, is_after_empty, self.is_begun) {
                if self.is_begun {
                    return Ok(Some(message));
                }
                self.is_begun = true;
            } else if self.is_begun {
                let line = if is_line_start { unquoted(&line) } else { &line };
                let room = self.max.saturating_add(1).saturating_sub(message.len());
                message.extend_from_slice(line.get(..room).unwrap_or(line));
            }
            is_after_empty = is_line_start && line.trim_ascii().is_empty();
            is_line_start = line.ends_with(b"\n");
        }
    }
}

impl<R: BufRead> Iterator for Messages<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        if self.is_done {
            return None;
        }
        let message = self.message();
        self.is_done |= message.is_err();
        message.transpose()
    }
}

/// Whether a line separates messages: a sentence may begin with the word too, even after an empty line.
fn is_separator(line: &[u8], is_after_empty: bool, is_begun: bool) -> bool {
    let Some(rest) = line.strip_prefix(SEPARATOR).filter(|_| is_after_empty) else { return false };
    let rest = String::from_utf8_lossy(rest);
    let mut words = rest.split_whitespace();
    let (sender, second) = (words.next().unwrap_or_default(), words.next());
    let is_date = || {
        let has = |is_it: &dyn Fn(&str) -> bool| rest.split_whitespace().any(is_it);
        let is_number = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        has(&|it| WEEKDAYS.iter().any(|day| it.trim_end_matches(',') == *day))
            && has(&|it| it.split_once(':').is_some_and(|(hour, _)| is_number(hour)))
            && has(&|it| it.len() == 4 && is_number(it))
    };
    !is_begun || second.is_none() && sender.contains('@') || is_date()
}

/// A line as it was before the mailbox quoted it: `>From` stands for `From`.
fn unquoted(line: &[u8]) -> &[u8] {
    let n_marks = line.iter().take_while(|it| **it == b'>').count();
    let is_quoted = 0 < n_marks && line.get(n_marks..).is_some_and(|it| it.starts_with(SEPARATOR));
    line.get(usize::from(is_quoted)..).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mailbox: &str, expected: &[&str]) {
        let found: Vec<String> = Messages::new(mailbox.as_bytes(), 30)
            .map(|it| String::from_utf8(it.unwrap()).unwrap())
            .collect();
        assert_eq!(found, expected, "{mailbox}");
    }

    #[test]
    fn only_what_a_mailbox_writes_separates() {
        check(
            "From a@b.tw Mon Nov 23 11:07:00 2026\n1\n\nFrom here on it is bad\n\nFrom - Tue Nov 24 09:00:00 2026\r\n2\n",
            &["1\n\nFrom here on it is bad\n\n", "2\n"],
        );
        check("From x\n1\nFrom a@b.tw\n2\n\nFrom c@d.tw\n3", &["1\nFrom a@b.tw\n2\n\n", "3"]);
        check(
            "From x\n>From a\n>>From b\n> c\n\nFrom a@b.tw says so\n",
            &["From a\n>From b\n> c\n\nFrom a@b.tw"],
        );
        check("From x\n\nFrom Mon 10:00 on\n", &["\nFrom Mon 10:00 on\n"]);
        check("", &[]);
        check("no mailbox\n", &[]);
    }
}
