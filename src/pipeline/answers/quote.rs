//! The piece of a source that answers: whole sentences, and where they stand.

use super::lexical::{LexicalIndex, Query};

/// Code points of a quote, unless one sentence is longer.
const MAX_QUOTE: usize = 200;

/// A piece of a text: Unicode code points, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

impl Quote {
    /// Its words.
    pub fn of<'a>(&self, text: &'a str) -> &'a str {
        let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
        text.get(at(self.start)..at(self.end)).unwrap_or_default()
    }
}

/// The sentences of `text` that hold most of the question, with those after them as far as there is room.
pub fn quote(text: &str, query: &Query, index: &LexicalIndex) -> Quote {
    let sentences = sentences(text);
    let (Some(first), Some(last)) = (sentences.first(), sentences.last()) else {
        return Quote { start: 0, end: 0 };
    };
    if last.end - first.start <= MAX_QUOTE {
        return Quote { start: first.start, end: last.end };
    }
    // Where each code point begins, so that a piece of a long text is found without counting from its start.
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let words = |it: Quote| {
        let (start, end) = (places.get(it.start)?, places.get(it.end)?);
        text.get(*start..*end)
    };
    let mut best = (f32::NEG_INFINITY, *first);
    for (idx, sentence) in sentences.iter().enumerate() {
        let rest = sentences.get(idx..).unwrap_or_default();
        let end = rest
            .iter()
            .take_while(|it| it.end - sentence.start <= MAX_QUOTE)
            .last()
            .map_or(sentence.end, |it| it.end);
        let window = Quote { start: sentence.start, end };
        let score = index.overlap(query, words(window).unwrap_or_default());
        // Of equal pieces the first: it tells what the rest is about.
        if best.0 < score {
            best = (score, window);
        }
    }
    best.1
}

/// The sentences of a text without the blanks around them.
pub fn sentences(text: &str) -> Vec<Quote> {
    let mut found = Vec::new();
    let (mut start, mut end) = (None, 0);
    for (idx, ch) in text.chars().enumerate() {
        if !ch.is_whitespace() {
            start.get_or_insert(idx);
            end = idx + 1;
        }
        if matches!(ch, '。' | '!' | '?' | ';' | '\u{ff01}' | '\u{ff1f}' | '\u{ff1b}' | '\n')
            && let Some(start) = start.take()
        {
            found.push(Quote { start, end });
        }
    }
    found.extend(start.map(|start| Quote { start, end }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = sentences(text).iter().map(|it| it.of(text)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn sentences_are_divided() {
        check(" 甲。 乙?\n\n丙", &["甲。", "乙?", "丙"]);
        check("一、甲\u{ff1b}\r\n二、𠮷。", &["一、甲\u{ff1b}", "二、𠮷。"]);
        check(" \n", &[]);
    }

    #[test]
    fn a_short_text_is_quoted_whole_and_a_long_one_where_it_answers() {
        let index = LexicalIndex::build(["攜帶印章", "開放時間"]);
        let query = Query::new("要帶印章嗎");
        assert_eq!(quote(" 甲。請帶印章。", &query, &index), Quote { start: 1, end: 8 });
        let filler = "開放時間為週一至週五。".repeat(30);
        let text = format!("{filler}請攜帶印章。{filler}");
        let found = quote(&text, &query, &index);
        assert!(found.of(&text).contains("請攜帶印章。") && found.end - found.start <= MAX_QUOTE);
        let endless = "長".repeat(500);
        assert_eq!(quote(&endless, &query, &index), Quote { start: 0, end: 500 });
        assert_eq!(quote("", &query, &index), Quote { start: 0, end: 0 });
    }
}
