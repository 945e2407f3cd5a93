//! Punctuation as Taiwan writes it: full width beside Chinese, a mark where the speaker pauses or stops.

use crate::media::text::is_han;
use crate::task::speech::Millis;

use super::line::{HeardChar, Line, is_mark};

const COMMA: char = '\u{ff0c}';
const QUESTION: char = '\u{ff1f}';
const STOP: char = '。';
/// Half an ellipsis: two of them are written.
const ELLIPSIS: char = '…';

/// A pause inside an utterance from which a comma is written, in milliseconds.
const PAUSE: Millis = 600;
/// A pause after an utterance from which it is a sentence.
const END: Millis = 700;
/// Endings of a question.
const QUESTIONS: &[&str] = &[
    "嗎",
    "呢",
    "什麼",
    "怎麼辦",
    "多少",
    "多久",
    "哪裡",
    "哪里",
    "在哪",
    "幾點",
    "幾號",
    "是誰",
    "為什麼",
    "好不好",
    "對不對",
    "是不是",
    "行不行",
    "可不可以",
    "能不能",
    "有沒有",
];

/// Rewrites the marks of an utterance; `until_next` is the silence after it, none at the end of what was heard.
pub fn punctuate(line: &mut Line, until_next: Option<Millis>) {
    if !line.chars.iter().any(|it| is_han(it.ch)) {
        return;
    }
    drop_blanks(line);
    write_ellipses(line);
    for idx in 0..line.chars.len() {
        let is_inside_number = idx
            .checked_sub(1)
            .and_then(|it| line.chars.get(it))
            .zip(line.chars.get(idx + 1))
            .is_some_and(|(a, b)| a.ch.is_ascii_alphanumeric() && b.ch.is_ascii_alphanumeric());
        if let Some(it) = line.chars.get_mut(idx).filter(|_| !is_inside_number) {
            it.ch = full_width(it.ch);
        }
    }
    add_commas(line);
    let Some(last) = line.chars.last().copied() else { return };
    let mark = if is_question(line) {
        QUESTION
    } else if until_next.is_none_or(|it| END <= it) {
        STOP
    } else {
        COMMA
    };
    if is_mark(last.ch) {
        // A comma before a long silence is the end of a sentence.
        if last.ch == COMMA
            && mark != COMMA
            && let Some(last) = line.chars.last_mut()
        {
            last.ch = mark;
        }
    } else {
        line.chars.push(HeardChar { ch: mark, start: last.end, ..last });
    }
}

/// Stops in a row trail off: ... is written ……
fn write_ellipses(line: &mut Line) {
    let is_stop = |it: &HeardChar| matches!(it.ch, '.' | STOP | ELLIPSIS);
    let mut idx = 0;
    while idx < line.chars.len() {
        let n_stops = line.chars.iter().skip(idx).take_while(|it| is_stop(it)).count();
        let is_half = line.chars.get(idx).is_some_and(|it| it.ch == ELLIPSIS);
        if 1 < n_stops || is_half {
            line.replace(idx..idx + n_stops, "……");
            idx += 2;
        } else {
            idx += 1;
        }
    }
}

fn full_width(ch: char) -> char {
    match ch {
        ',' => COMMA,
        '.' => STOP,
        '?' => QUESTION,
        '!' => '\u{ff01}',
        ';' => '\u{ff1b}',
        ':' => '\u{ff1a}',
        other => other,
    }
}

/// Blanks beside a Chinese character stand for nothing, or for a pause.
fn drop_blanks(line: &mut Line) {
    let is_wide = |it: Option<&HeardChar>| it.is_none_or(|it| is_han(it.ch) || is_mark(it.ch));
    let mut idx = 0;
    while idx < line.chars.len() {
        let is_blank = line.chars.get(idx).is_some_and(|it| it.ch.is_whitespace());
        let before = idx.checked_sub(1).and_then(|it| line.chars.get(it));
        if is_blank && (is_wide(before) || is_wide(line.chars.get(idx + 1))) {
            line.chars.remove(idx);
        } else {
            idx += 1;
        }
    }
}

fn add_commas(line: &mut Line) {
    let mut idx = 1;
    while idx < line.chars.len() {
        let (Some(before), Some(after)) = (line.chars.get(idx - 1), line.chars.get(idx)) else {
            return;
        };
        let is_pause = PAUSE <= after.start.saturating_sub(before.end);
        if is_pause && is_han(before.ch) && is_han(after.ch) {
            let mark = HeardChar { ch: COMMA, start: before.end, ..*before };
            line.chars.insert(idx, mark);
        }
        idx += 1;
    }
}

fn is_question(line: &Line) -> bool {
    let text = line.text();
    let text = text.trim_end_matches(is_mark);
    QUESTIONS.iter().any(|it| text.ends_with(it))
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;

    #[track_caller]
    fn check(text: &str, until_next: Option<Millis>, expected: &str) {
        let mut found = line(text);
        punctuate(&mut found, until_next);
        // Commas are written as they are typed, to be read more easily.
        let found = found.text().replace(COMMA, ",").replace(QUESTION, "?");
        assert_eq!(found, expected);
    }

    #[test]
    fn marks_become_those_of_taiwan() {
        check("你好,我要問", Some(0), "你好,我要問,");
        check("你好 我要問", Some(800), "你好我要問。");
        check("要帶身分證嗎", Some(100), "要帶身分證嗎?");
        check("要帶身分證嗎,", None, "要帶身分證嗎?");
        check("可以上網申請,", Some(900), "可以上網申請。");
        check("版本 3.5 和 Line 群組", None, "版本3.5和Line群組。");
        check("這個...我想想", None, "這個……我想想。");
        check("我想想...", Some(900), "我想想……");
        check("嗯…好。。", None, "嗯……好……");
        check("It is 3.5, ok", None, "It is 3.5, ok");
    }

    #[test]
    fn a_pause_is_a_comma() {
        let mut found = line("好我知道");
        found
            .chars
            .iter_mut()
            .skip(1)
            .for_each(|it| (it.start, it.end) = (it.start + 700, it.end + 700));
        punctuate(&mut found, None);
        assert_eq!(found.text(), format!("好{COMMA}我知道。"));
        assert!(found.chars.windows(2).all(|it| it[0].start <= it[1].start));
    }
}
