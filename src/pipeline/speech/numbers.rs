//! Spoken numbers as they are written: digits read one by one, amounts, dates, times, articles of laws.
//!
//! Careful by design: a number word is rewritten only where nothing else can be meant. 十分, 萬一, 千萬, 三三兩兩 and
//! 一些 stay words, and so do small counts (一個, 兩次).

use std::sync::LazyLock;

use regex::Regex;

use super::line::{HeardChar, Line};

/// Digits read one by one that make a number: fewer may be a word.
const MIN_DIGITS: usize = 4;
/// What follows a number that is written in digits even when it is one word long.
const UNITS: &str = "月|日|號|點|時|分|秒|年|歲|元|塊|樓|巷|弄|鄰|段|條|項|款|目|度|公里|公尺|公分|公斤|坪|平方公尺|人|位|戶|件|筆|萬|億|成|倍|%";
/// Those of them before which even one word is a number.
const PLAIN: &[&str] = &[
    "月", "日", "樓", "巷", "弄", "鄰", "段", "條", "項", "款", "歲", "萬", "億", "元", "塊", "%",
];
/// Four characters that are read as digits but are no number.
const IDIOMS: &[&str] = &["三三四四", "五五六六", "七七八八"];

const DIGIT: &str = "[零〇○一二三四五六七八九幺么0-9]";
const NUMERAL: &str = "[一二兩三四五六七八九零〇十百千]";

static DIGITS: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("[A-Za-z]?{DIGIT}(?:[ -]?{DIGIT})*")));
static PERCENT: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("百分之({NUMERAL}+)")));
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("(第)?([一二兩三四五六七八九十]{NUMERAL}*)({UNITS})?")));

#[expect(clippy::expect_used, reason = "constant patterns; a test compiles every one")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern is valid")
}

/// Rewrites the numbers of an utterance.
pub fn write_numbers(line: &mut Line) {
    rewrite(line, &PERCENT, |found| {
        let amount = found.strip_prefix("百分之")?;
        let rest = if amount == "百" { Some(100) } else { value(amount) };
        Some(format!("{}%", rest?))
    });
    rewrite(line, &DIGITS, digits);
    rewrite(line, &NUMBER, number);
}

/// A text with its numbers written in digits: for comparing texts.
pub fn written(text: &str) -> String {
    let chars = text.chars().map(|ch| HeardChar { ch, start: 0, end: 0, confidence: 1.0 });
    let mut line = Line { chars: chars.collect() };
    write_numbers(&mut line);
    line.text()
}

/// Replaces matches for which `write` gives another writing, from the last to the first.
fn rewrite(line: &mut Line, pattern: &Regex, write: impl Fn(&str) -> Option<String>) {
    let text = line.text();
    let changes: Vec<(std::ops::Range<usize>, String)> = pattern
        .find_iter(&text)
        .filter_map(|found| {
            let start = text.get(..found.start())?.chars().count();
            let range = start..start + found.as_str().chars().count();
            Some((range, write(found.as_str())?))
        })
        .collect();
    for (range, written) in changes.into_iter().rev() {
        line.replace(range, &written);
    }
}

/// Digits read one by one: 零九一二三四五六七八 → 0912345678.
fn digits(found: &str) -> Option<String> {
    let is_spoken = found.chars().any(|it| digit(it).is_some() && !it.is_ascii_digit());
    let n_digits = found.chars().filter(|it| digit(*it).is_some()).count();
    if !is_spoken || n_digits < MIN_DIGITS || IDIOMS.contains(&found) {
        return None;
    }
    let written = found.chars().filter(|it| !matches!(it, ' ' | '-'));
    Some(written.map(|it| digit(it).unwrap_or(it.to_ascii_uppercase())).collect())
}

/// The digit that a character is, spoken over a telephone or a radio.
pub fn digit(ch: char) -> Option<char> {
    Some(match ch {
        '0'..='9' => ch,
        '零' | '〇' | '○' | '洞' => '0',
        '一' | '幺' | '么' => '1',
        '二' => '2',
        '三' => '3',
        '四' => '4',
        '五' => '5',
        '六' => '6',
        '七' | '拐' => '7',
        '八' => '8',
        '九' | '勾' => '9',
        _ => return None,
    })
}

fn number(found: &str) -> Option<String> {
    let (ordinal, rest) = match found.strip_prefix('第') {
        Some(rest) => ("第", rest),
        None => ("", found),
    };
    let is_numeral = |it: &char| "一二兩三四五六七八九零〇十百千".contains(*it);
    let amount: String = rest.chars().take_while(is_numeral).collect();
    let unit = rest.strip_prefix(amount.as_str())?;
    let written = value(&amount)?;
    let n_chars = amount.chars().count();
    let is_clear = match unit {
        // 十分 is an adverb, 一點 and 一時 are no times, 一位 and 一號 no numbers to write: only after 第 or from 十一 on.
        "" => ordinal.is_empty() && 3 <= n_chars && amount.contains(['十', '百', '千']),
        unit if PLAIN.contains(&unit) => true,
        "年" => 1 < n_chars,
        _ => 1 < n_chars || !ordinal.is_empty(),
    };
    // 一千 and 三百 alone may be part of a greater number that follows: 三百萬 is written 300萬.
    is_clear.then(|| format!("{ordinal}{written}{unit}"))
}

/// The value of a numeral below ten thousand, or of digits read one by one (一一五); none when it is neither.
fn value(numeral: &str) -> Option<u32> {
    if !numeral.contains(['十', '百', '千']) {
        let digits: Option<String> =
            numeral.chars().map(|it| if it == '兩' { Some('2') } else { digit(it) }).collect();
        return digits?.parse().ok();
    }
    let (mut total, mut current, mut last_unit) = (0, None, 10_000);
    for ch in numeral.chars() {
        let unit = match ch {
            '十' => 10,
            '百' => 100,
            '千' => 1000,
            '零' | '〇' => {
                last_unit = last_unit.min(100);
                continue;
            }
            _ => {
                let digit = if ch == '兩' { '2' } else { digit(ch)? };
                if current.replace(digit.to_digit(10)?).is_some() {
                    return None;
                }
                continue;
            }
        };
        if last_unit <= unit {
            return None;
        }
        let count = match current.take() {
            Some(count) => count,
            None if unit == 10 => 1,
            None => return None,
        };
        total += count * unit;
        last_unit = unit;
    }
    // 一百二 means 120; after 零 the digit counts ones.
    let rest = current.unwrap_or(0);
    let spoken_short = 100 <= last_unit && !numeral.contains(['零', '〇']);
    Some(total + if spoken_short { rest * last_unit / 10 } else { rest })
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut found = line(text);
        write_numbers(&mut found);
        assert_eq!(found.text(), expected);
    }

    #[test]
    fn digits_read_one_by_one() {
        check("我的電話是零九一二三四五六七八", "我的電話是0912345678");
        check("身分證A一二三四五六七八九", "身分證A123456789");
        check("a幺二三四五六七八九", "A123456789");
        check("零二 二三五六 五零零零", "0223565000");
        check("案號是九八七六", "案號是9876");
        check("七七八八的", "七七八八的");
        check("一二三", "一二三");
        check("0912345678", "0912345678");
    }

    #[test]
    fn dates_and_times() {
        check("民國一百一十五年十一月二十四日", "民國115年11月24日");
        check("一一五年三月一號", "115年3月一號");
        check("二零二六年", "2026年");
        check("下午三點二十分", "下午三點20分");
        check("十二點三十分", "12點30分");
    }

    #[test]
    fn amounts() {
        check("三百五十元", "350元");
        check("一千兩百塊", "1200塊");
        check("一千零五元", "1005元");
        check("一百二十萬", "120萬");
        check("三萬五千元", "3萬5000元");
        check("百分之三十五", "35%");
        check("百分之百", "100%");
        check("一百二十三", "123");
        check("三十五坪", "35坪");
    }

    #[test]
    fn articles_and_addresses() {
        check("依第十二條第三項", "依第12條第3項");
        check("中正路一百二十三號五樓", "中正路123號5樓");
    }

    #[test]
    fn words_stay_words() {
        for text in [
            "我要問一個問題",
            "十分感謝",
            "萬一下雨",
            "千萬不要",
            "一些人",
            "等一下",
            "三三兩兩",
            "一樣",
            "第一次",
            "一點也不",
            "統一編號",
            "兩個人",
            "星期三",
            "四個工作天",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn values_of_numerals() {
        let check = |text: &str, expected: Option<u32>| assert_eq!(value(text), expected, "{text}");
        check("十", Some(10));
        check("十五", Some(15));
        check("二十", Some(20));
        check("一百零五", Some(105));
        check("一千零五十", Some(1050));
        check("一百五", Some(150));
        check("三千六", Some(3600));
        check("九千九百九十九", Some(9999));
        check("一一五", Some(115));
        check("十百", None);
        check("一百百", None);
        check("百", None);
    }
}
