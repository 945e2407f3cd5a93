//! One line of a segment: a row between its own hash and the hash of the row before it.
//!
//! `{"body":ROW,"hash":"HEX","prev":"HEX","seq":N}` with `hash` = SHA-256(prev ‖ body): canonical JSON (RFC 8785), and
//! laid out so that its parts are found without reading JSON.

use sha2::{Digest, Sha256};

/// Bytes of a hash.
pub(super) type Hash = [u8; 32];

const BODY: &[u8] = b"{\"body\":";
const HASH: &[u8] = b",\"hash\":\"";
const PREV: &[u8] = b"\",\"prev\":\"";
const SEQ: &[u8] = b"\",\"seq\":";
const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Digits of the largest number.
const MAX_SEQ_DIGITS: usize = 20;

/// The parts of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The row.
    pub(super) body: &'a [u8],
    /// As written; [`Line::is_whole`] tells whether it is true.
    pub(super) hash: Hash,
    /// Hash of the row before.
    pub(super) prev: Hash,
    /// Number of the row, from 1.
    pub(super) seq: u64,
}

impl Line<'_> {
    /// Takes a line apart, without its end of line; none unless it is byte for byte of this form.
    pub(super) fn parse(line: &[u8]) -> Option<Line<'_>> {
        let rest = line.strip_prefix(BODY)?.strip_suffix(b"}")?;
        let n_digits = rest.iter().rev().take_while(|it| it.is_ascii_digit()).count();
        let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(n_digits)?)?;
        let is_number = (1..=MAX_SEQ_DIGITS).contains(&n_digits) && digits.first() != Some(&b'0');
        let seq = std::str::from_utf8(digits).ok()?.parse().ok().filter(|_| is_number)?;
        let (rest, prev) = take_hash(rest.strip_suffix(SEQ)?)?;
        let (rest, hash) = take_hash(rest.strip_suffix(PREV)?)?;
        let body = rest.strip_suffix(HASH)?;
        Some(Line { body, hash, prev, seq })
    }

    /// Whether the hash is that of the row.
    pub(super) fn is_whole(&self) -> bool {
        hash(&self.prev, self.body) == self.hash
    }

    /// When it was written.
    pub(super) fn ts(&self) -> Option<&str> {
        const KEY: &[u8] = b",\"ts\":\"";
        let at = self.body.windows(KEY.len()).rposition(|it| it == KEY)? + KEY.len();
        let rest = self.body.get(at..)?;
        let end = rest.iter().position(|&it| it == b'"')?;
        std::str::from_utf8(rest.get(..end)?).ok()
    }
}

/// Splits the hexadecimal digits of a hash off the end.
fn take_hash(bytes: &[u8]) -> Option<(&[u8], Hash)> {
    let (rest, digits) = bytes.split_last_chunk::<64>()?;
    Some((rest, from_hex(digits)?))
}

/// A hash of its 64 lower-case digits.
pub(super) fn from_hex(digits: &[u8; 64]) -> Option<Hash> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(hash)
}

/// Lower-case digits of a hash.
pub(super) fn hex(hash: &Hash) -> String {
    digits(hash).into_iter().map(char::from).collect()
}

fn digits(hash: &Hash) -> [u8; 64] {
    let digit = |it: u8| DIGITS.get(usize::from(it)).copied().unwrap_or_default();
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(hash) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    text
}

/// SHA-256(prev ‖ body).
pub(super) fn hash(prev: &Hash, body: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(prev);
    hasher.update(body);
    hasher.finalize().into()
}

/// What stands before the first row of a chain, so that no row fits into another chain.
pub(super) fn genesis(chain: &str) -> Hash {
    Sha256::digest(format!("fenwen audit chain {chain}")).into()
}

/// Appends the line of a row to `out`, whose bytes `body` appends; returns its hash.
pub(super) fn write(
    out: &mut Vec<u8>,
    seq: u64,
    prev: &Hash,
    body: impl FnOnce(&mut Vec<u8>),
) -> Hash {
    out.extend_from_slice(BODY);
    let begin = out.len();
    body(out);
    let own = hash(prev, out.get(begin..).unwrap_or_default());
    out.extend_from_slice(HASH);
    out.extend_from_slice(&digits(&own));
    out.extend_from_slice(PREV);
    out.extend_from_slice(&digits(prev));
    out.extend_from_slice(SEQ);
    out.extend_from_slice(seq.to_string().as_bytes());
    out.extend_from_slice(b"}\n");
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_and_no_byte_of_it_may_change() {
        let mut line = Vec::new();
        let body = br#"{"action":"a","ts":"2026-01-01T00:00:00.000Z","xroad_id":"x"}"#;
        let own = write(&mut line, 71, &genesis("n"), |out| out.extend_from_slice(body));
        line.pop();
        let found = Line::parse(&line).unwrap();
        assert_eq!(found, Line { body, hash: own, prev: genesis("n"), seq: 71 });
        assert!(found.is_whole());
        assert_eq!(found.ts(), Some("2026-01-01T00:00:00.000Z"));
        let is_same = |it: Line<'_>| it.is_whole() && it.seq == 71;
        for at in 0..line.len() {
            let mut changed = line.clone();
            changed[at] ^= 1;
            assert!(!Line::parse(&changed).is_some_and(is_same), "byte {at}");
            assert!(!Line::parse(&line[..at]).is_some_and(is_same), "{at} bytes");
        }
    }

    #[test]
    fn the_line_is_canonical_json() {
        let mut line = Vec::new();
        write(&mut line, 1, &[0xa5; 32], |out| out.extend_from_slice(br#"{"a":1}"#));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(format!("{value}\n").as_bytes(), line);
        assert_eq!(value["prev"], "a5".repeat(32));
    }
}
