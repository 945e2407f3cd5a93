//! Traditional characters as Taiwan writes them, for what the model wrote in Simplified ones.
//!
//! The conversion guesses where one Simplified character stands for several Traditional ones (后, 里, 面), and it
//! guesses wrong on a text that is Traditional already: 里長 would become 裡長. So it is applied to texts that show
//! themselves as Simplified, and what shows nothing follows what was heard before it.

use encoding_rs::{BIG5, GB18030};

use super::line::Line;
use crate::media::text::is_han;

/// Which script a text is written in, as far as its characters tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Script {
    /// 正體
    Traditional,
    /// 简体
    Simplified,
    /// Its characters are the same in both.
    #[default]
    Either,
}

impl Script {
    /// Of a text: by the greater number of characters that only one script has.
    pub fn of(text: &str) -> Script {
        let (mut n_traditional, mut n_simplified) = (0_usize, 0_usize);
        for ch in text.chars().filter(|it| is_han(*it)) {
            match (is_in_big5(ch), is_in_gb2312(ch)) {
                (true, false) => n_traditional += 1,
                (false, true) => n_simplified += 1,
                _ => (),
            }
        }
        match n_traditional.cmp(&n_simplified) {
            std::cmp::Ordering::Greater => Script::Traditional,
            std::cmp::Ordering::Less => Script::Simplified,
            std::cmp::Ordering::Equal => Script::Either,
        }
    }
}

fn is_in_big5(ch: char) -> bool {
    let mut bytes = [0; 4];
    let (encoded, _, has_failed) = BIG5.encode(ch.encode_utf8(&mut bytes));
    // Below 0xA4 stand the characters of Hong Kong's extension, some of them Simplified.
    !has_failed && encoded.first().is_some_and(|it| (0xa4..=0xf9).contains(it))
}

fn is_in_gb2312(ch: char) -> bool {
    let mut bytes = [0; 4];
    let (encoded, _, has_failed) = GB18030.encode(ch.encode_utf8(&mut bytes));
    let is_plane = |it: &u8| (0xb0..=0xf7).contains(it);
    !has_failed
        && encoded.len() == 2
        && encoded.first().is_some_and(is_plane)
        && encoded.get(1).is_some_and(|it| 0xa1 <= *it)
}

/// Rewrites what was heard on one channel, one line after another.
#[derive(Default)]
pub struct Scribe {
    /// The script of the last line that showed one.
    last: Script,
}

impl Scribe {
    /// The line in Traditional characters.
    pub fn rewrite(&mut self, line: Line) -> Line {
        let text = line.text();
        let script = Script::of(&text);
        if script != Script::Either {
            self.last = script;
        }
        match (script, self.last) {
            (Script::Simplified, _) | (Script::Either, Script::Simplified) => {
                line.rewritten(&convert(&text))
            }
            _ => line,
        }
    }
}

/// A text in Traditional characters, whatever it was written in: for comparing texts.
pub fn to_traditional(text: &str) -> String {
    convert(text)
}

#[cfg(feature = "opencc")]
fn convert(text: &str) -> String {
    use std::sync::LazyLock;

    use ferrous_opencc::OpenCC;
    use ferrous_opencc::config::BuiltinConfig;

    static CONVERTER: LazyLock<Option<OpenCC>> =
        LazyLock::new(|| OpenCC::from_config(BuiltinConfig::S2twp).ok());
    CONVERTER.as_ref().map_or_else(|| text.to_owned(), |it| it.convert(text))
}

#[cfg(not(feature = "opencc"))]
fn convert(text: &str) -> String {
    text.to_owned()
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "opencc")]
    use super::super::line::tests::line;
    use super::*;

    #[test]
    fn scripts_show_themselves() {
        let check = |text: &str, expected| assert_eq!(Script::of(text), expected, "{text}");
        check("請問里長的電話", Script::Traditional);
        check("请问里长的电话", Script::Simplified);
        check("我在家", Script::Either);
        check("hello 123", Script::Either);
        check("", Script::Either);
        check("臺北市", Script::Traditional);
    }

    #[cfg(feature = "opencc")]
    #[test]
    fn only_what_is_simplified_is_converted() {
        let check = |lines: &[(&str, &str)]| {
            let mut scribe = Scribe::default();
            for (text, expected) in lines {
                assert_eq!(scribe.rewrite(line(text)).text(), *expected);
            }
        };
        check(&[("請問里長在嗎", "請問里長在嗎"), ("后面", "后面")]);
        check(&[("请问软件和信息怎么打印", "請問軟體和資訊怎麼列印"), ("然后", "然後")]);
        check(&[("我在家里", "我在家里"), ("请问", "請問"), ("我在家里", "我在家裡")]);
    }
}
