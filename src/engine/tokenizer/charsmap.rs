//! Normalisation by a precompiled map: a double-array trie from byte sequences to their replacements.

use crate::engine::tokenizer::{SPACE, TokenizerError};

/// Most units of the trie; the largest known one has 60,000.
const MAX_UNITS: usize = 1 << 22;

/// A map of characters. Invariant: every value of the trie is looked up with a bounds check.
#[derive(Debug, Default)]
pub(super) struct CharsMap {
    /// Units of the double array (darts-clone): label, offset, whether a value follows.
    units: Vec<u32>,
    /// Replacements, each ended by a zero byte.
    replacements: Vec<u8>,
}

impl CharsMap {
    /// Reads the size of the trie in bytes, the trie, and the replacements.
    pub(super) fn read(bytes: &[u8]) -> Result<CharsMap, TokenizerError> {
        let damaged = || TokenizerError::Malformed("the map of characters is damaged");
        let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
        let size = usize::try_from(u32::from_le_bytes(*size)).map_err(|_| damaged())?;
        let (trie, replacements) = rest.split_at_checked(size).ok_or_else(damaged)?;
        if !size.is_multiple_of(4) || MAX_UNITS < size / 4 {
            return Err(damaged());
        }
        std::str::from_utf8(replacements).map_err(|_| damaged())?;
        let (units, _) = trie.as_chunks::<4>();
        let units = units.iter().map(|unit| u32::from_le_bytes(*unit)).collect();
        Ok(CharsMap { units, replacements: replacements.to_vec() })
    }

    /// At most `max_chars` normal characters of `text`, and whether some were left out.
    ///
    /// Spaces at both ends vanish, runs of them become one; a space comes before the text.
    pub(super) fn normalize(&self, text: &str, max_chars: usize) -> (Vec<char>, bool) {
        let mut normal = vec![SPACE];
        let mut after_space = true;
        let mut rest = text;
        while !rest.is_empty() {
            let (replacement, n_bytes) = self.longest_match(rest);
            for ch in replacement.chars() {
                if ch == ' ' && after_space {
                    continue;
                }
                if normal.len() == max_chars {
                    return (normal, true);
                }
                normal.push(if ch == ' ' { SPACE } else { ch });
                // Spaces inside one replacement are kept, as the reference does.
                after_space = false;
            }
            if !replacement.is_empty() {
                after_space = replacement.ends_with(' ');
            }
            rest = rest.get(n_bytes..).unwrap_or_default();
        }
        while normal.last() == Some(&SPACE) {
            normal.pop();
        }
        (normal, false)
    }

    /// The replacement of the longest known beginning of `text`, which is not empty, and that beginning's length.
    fn longest_match<'a>(&'a self, text: &'a str) -> (&'a str, usize) {
        let mut best = None;
        let mut node = self.units.first().map_or(0, |unit| offset(*unit));
        for (idx, byte) in text.bytes().enumerate() {
            node ^= usize::from(byte);
            let Some(&unit) = self.units.get(node) else { break };
            if unit & LABEL != u32::from(byte) {
                break;
            }
            node ^= offset(unit);
            if unit & HAS_VALUE != 0
                && let Some(value) = self.units.get(node)
            {
                best = Some((value & VALUE, idx + 1));
            }
        }
        // A match that ends inside a character would be a damaged map; it is passed over.
        let known = best.filter(|(_, len)| text.is_char_boundary(*len));
        if let Some((replacement, len)) =
            known.and_then(|(at, len)| Some((self.replacement(at)?, len)))
        {
            return (replacement, len);
        }
        let len = text.chars().next().map_or(1, char::len_utf8);
        (text.get(..len).unwrap_or_default(), len)
    }

    fn replacement(&self, value: u32) -> Option<&str> {
        let rest = self.replacements.get(usize::try_from(value).ok()?..)?;
        let len = rest.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(rest.get(..len)?).ok()
    }
}

/// Bits of a unit: label with its mark for "is a value", "a value follows", the value itself.
const LABEL: u32 = 0x8000_00ff;
const HAS_VALUE: u32 = 0x100;
const VALUE: u32 = 0x7fff_ffff;

/// Distance to a unit's children.
fn offset(unit: u32) -> usize {
    usize::try_from((unit >> 10) << ((unit & 0x200) >> 6)).unwrap_or(usize::MAX)
}
