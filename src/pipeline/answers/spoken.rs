//! What is asked, without what people say around it: 「喂你好,我想請問一下,我身分證遺失了要怎麼辦啊?」.
//!
//! Approved sources are written, questions at the telephone are spoken: greetings and particles are no evidence that a
//! source lacks something.

/// What people begin with, longest first.
const OPENINGS: [&str; 30] = [
    "我想請問一下",
    "我想請教一下",
    "我想問一下",
    "我要問一下",
    "想請問一下",
    "想請教一下",
    "請問一下",
    "請教一下",
    "想問一下",
    "我想知道",
    "我想請問",
    "我想請教",
    "不好意思",
    "問一下",
    "我想問",
    "我要問",
    "想請問",
    "想請教",
    "想知道",
    "麻煩您",
    "麻煩你",
    "請問",
    "請教",
    "您好",
    "你好",
    "想問",
    "那個",
    "就是說",
    "小姐",
    "先生",
];
/// Sounds before a question.
const SOUNDS: &str = "喂欸誒嗯呃喔哦啊那";
/// What people end with, longest first.
const CLOSINGS: [&str; 11] = [
    "謝謝您",
    "謝謝你",
    "感謝您",
    "感謝你",
    "可以嗎",
    "好不好",
    "是不是",
    "謝謝",
    "感謝",
    "這樣子",
    "這樣",
];
/// Particles after a question.
const PARTICLES: &str = "啊阿呀喔哦耶呢嗎吧捏了";
/// Who speaks, longest first: 我的身分證 asks about 身分證.
const SPEAKERS: [&str; 6] = ["我們家的", "我們的", "我們家", "我們", "我的", "我"];
/// Where 我 is no speaker, and 了 no particle.
const OTHER_WORDS: [&str; 8] = ["自我", "我國", "本我", "了解", "瞭解", "為了", "終了", "了結"];

/// The words of a question that a source can hold; all of it where nothing would be left.
pub fn asked(question: &str) -> String {
    let chars: Vec<char> = question.chars().collect();
    let mut rest = chars.as_slice();
    while let Some(shorter) = without_opening(rest) {
        rest = shorter;
    }
    while let Some(shorter) = without_closing(rest) {
        rest = shorter;
    }
    let left = without_speaker(rest);
    if left.chars().any(char::is_alphanumeric) { left } else { question.to_owned() }
}

fn without_opening(text: &[char]) -> Option<&[char]> {
    if let Some(found) = OPENINGS.iter().find(|it| starts(text, it)) {
        return text.get(found.chars().count()..);
    }
    let (first, rest) = text.split_first()?;
    let is_sound = SOUNDS.contains(*first) && !begins_word(text);
    (is_sound || !first.is_alphanumeric()).then_some(rest)
}

/// 那些 and 那裡 ask for something; 那 and 那個 do not.
fn begins_word(text: &[char]) -> bool {
    matches!(text, ['那', '些' | '裡' | '裏' | '邊' | '麼', ..])
}

fn without_closing(text: &[char]) -> Option<&[char]> {
    let (last, rest) = text.split_last()?;
    if !last.is_alphanumeric() || PARTICLES.contains(*last) {
        return Some(rest);
    }
    let ends = |it: &&&str| {
        let closing: Vec<char> = it.chars().collect();
        text.ends_with(&closing)
    };
    let found = CLOSINGS.iter().find(ends)?;
    text.get(..text.len() - found.chars().count())
}

/// Blanks where the speaker names himself, and after what has been done.
fn without_speaker(text: &[char]) -> String {
    let mut left = String::with_capacity(4 * text.len());
    let mut at = 0;
    while let Some(ch) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let word = OTHER_WORDS.iter().find(|it| starts(rest, it));
        let said = SPEAKERS.iter().find(|it| starts(rest, it)).map_or(0, |it| it.chars().count());
        let n_chars = match word {
            Some(word) => {
                left.push_str(word);
                word.chars().count()
            }
            None if 0 < said => {
                left.push(' ');
                said
            }
            None => {
                left.push(if *ch == '了' { ' ' } else { *ch });
                1
            }
        };
        at += n_chars;
    }
    left
}

fn starts(text: &[char], word: &str) -> bool {
    let n_chars = word.chars().count();
    text.get(..n_chars).is_some_and(|it| it.iter().copied().eq(word.chars()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, expected: &str) {
        let found = asked(question);
        let words: Vec<&str> = found.split_whitespace().collect();
        assert_eq!(words.join(" "), expected, "{question}");
    }

    #[test]
    fn what_is_asked_is_left() {
        check("喂你好,我想請問一下,我身分證遺失了要怎麼辦啊?", "身分證遺失 要怎麼辦");
        check("欸那個不好意思請問結婚登記要帶什麼,謝謝您", "結婚登記要帶什麼");
        check("我們家的房子要報稅嗎", "房子要報稅");
        check("那些人可以申請?", "那些人可以申請");
        check("身分證遺失如何補發?", "身分證遺失如何補發");
        check("如何了解我國的制度", "如何了解我國的制度");
        check("為了自我介紹", "為了自我介紹");
    }

    #[test]
    fn something_is_always_left() {
        check("你好", "你好");
        check("了", "了");
        check("", "");
        check("?!", "?!");
    }
}
