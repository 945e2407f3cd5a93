//! One writing for many, character by character: rules match the folded text, offsets stay those of the original.

/// A piece of a text: Unicode code-point offsets, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

impl Span {
    /// Whether two pieces share a character.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// A folded text: as many characters as the original, some of them simpler.
pub(crate) struct Folded {
    text: String,
    /// Byte offset of each character, and of the end.
    offsets: Vec<usize>,
}

impl Folded {
    pub(crate) fn new(text: &str) -> Folded {
        let mut folded = String::with_capacity(text.len());
        let mut offsets = Vec::with_capacity(text.len() / 2);
        for ch in text.chars() {
            offsets.push(folded.len());
            folded.push(fold(ch));
        }
        offsets.push(folded.len());
        Folded { text: folded, offsets }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The span of a range of bytes of the folded text.
    pub(crate) fn span(&self, bytes: std::ops::Range<usize>) -> Span {
        Span { start: self.char_at(bytes.start), end: self.char_at(bytes.end) }
    }

    fn char_at(&self, byte: usize) -> usize {
        self.offsets.binary_search(&byte).unwrap_or_else(|place| place)
    }
}

/// The simplest character that means the same here: half width, upper case, one kind of dash and blank.
fn fold(ch: char) -> char {
    let half = match ch {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(ch) - 0xFEE0).unwrap_or(ch),
        '\u{3000}' | '\u{A0}' | '\t'
        // What cannot be seen hides no number.
        | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' => ' ',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '─' | '−' => '-',
        '臺' => '台',
        _ => ch,
    };
    half.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_for_one() {
        let folded = Folded::new("Ａ１－臺\u{10FFFD}　x");
        assert_eq!(folded.as_str(), "A1-台\u{10FFFD} X");
        let at = folded.as_str().find('\u{10FFFD}').unwrap_or_default();
        assert_eq!(folded.span(at..at + 4), Span { start: 4, end: 5 });
        assert_eq!(folded.span(0..folded.as_str().len()), Span { start: 0, end: 7 });
    }
}
