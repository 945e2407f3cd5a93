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
/// What is said in numbers but counts nothing.
const IDIOMS: &[&str] = &[
    "三三四四",
    "五五六六",
    "七七八八",
    "十萬八千里",
    "三十六計",
    "七十二變",
    "三百六十行",
    "二十四孝",
    "一千零一夜",
];
/// What follows a decimal number that nothing else can be: 三點五分 is also a time.
const MEASURES: &str =
    "度|公里|公尺|公分|公斤|公升|公噸|噸|坪|平方公尺|公頃|倍|成|級|小時|年|歲|萬|億|元|塊|個百分點";

const DIGIT: &str = "[零〇○一二三四五六七八九幺么0-9]";
const NUMERAL: &str = "[一二兩三四五六七八九零〇十百千]";

static DIGITS: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("[A-Za-z]?{DIGIT}(?:[ -]?{DIGIT})*")));
static SHARE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("[百千]分之{NUMERAL}+(?:點{DIGIT}+)?")));
static DECIMAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("負?{NUMERAL}+點{DIGIT}+(?:{MEASURES})")));
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("(第)?([一二兩三四五六七八九十]{NUMERAL}*)({UNITS})?")));

#[expect(clippy::expect_used, reason = "constant patterns; a test compiles every one")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern is valid")
}

/// Rewrites the numbers of an utterance.
pub fn write_numbers(line: &mut Line) {
    rewrite(line, &SHARE, |found| share(found.text));
    rewrite(line, &DECIMAL, |found| decimal(found.text));
    rewrite(line, &DIGITS, |found| digits(found.text));
    rewrite(line, &NUMBER, number);
}

/// A text with its numbers written in digits: for comparing texts.
pub fn written(text: &str) -> String {
    let chars = text.chars().map(|ch| HeardChar { ch, start: 0, end: 0, confidence: 1.0 });
    let mut line = Line { chars: chars.collect() };
    write_numbers(&mut line);
    line.text()
}

/// A match with the characters beside it.
#[derive(Clone, Copy)]
struct Found<'t> {
    text: &'t str,
    before: Option<char>,
    after: Option<char>,
}

/// Replaces matches for which `write` gives another writing, from the last to the first; idioms stay.
fn rewrite(line: &mut Line, pattern: &Regex, write: impl Fn(Found<'_>) -> Option<String>) {
    let text = line.text();
    let idioms: Vec<std::ops::Range<usize>> = IDIOMS
        .iter()
        .flat_map(|idiom| text.match_indices(idiom).map(|(at, _)| at..at + idiom.len()))
        .collect();
    let changes: Vec<(std::ops::Range<usize>, String)> = pattern
        .find_iter(&text)
        .filter(|it| !idioms.iter().any(|idiom| idiom.start <= it.start() && it.end() <= idiom.end))
        .filter_map(|found| {
            let (before, after) = (text.get(..found.start())?, text.get(found.end()..)?);
            let start = before.chars().count();
            let range = start..start + found.as_str().chars().count();
            let (before, after) = (before.chars().next_back(), after.chars().next());
            Some((range, write(Found { text: found.as_str(), before, after })?))
        })
        .collect();
    for (range, written) in changes.into_iter().rev() {
        line.replace(range, &written);
    }
}

/// 百分之三點五 → 3.5%, 千分之二 → 2‰.
fn share(found: &str) -> Option<String> {
    let (amount, sign) = match found.strip_prefix("百分之") {
        Some(amount) => (amount, '%'),
        None => (found.strip_prefix("千分之")?, '\u{2030}'),
    };
    let amount = if amount == "百" { "100".to_owned() } else { fraction(amount)? };
    Some(format!("{amount}{sign}"))
}

/// 負三點五度 → -3.5度.
fn decimal(found: &str) -> Option<String> {
    let (sign, rest) = found.strip_prefix('負').map_or(("", found), |rest| ("-", rest));
    let (_, behind) = rest.split_once('點')?;
    let unit = behind.trim_start_matches(|it| digit(it).is_some());
    let amount = fraction(rest.strip_suffix(unit)?)?;
    Some(format!("{sign}{amount}{unit}"))
}

/// A numeral with the digits behind 點, if any.
fn fraction(numeral: &str) -> Option<String> {
    let Some((whole, rest)) = numeral.split_once('點') else {
        return value(numeral).map(|it| it.to_string());
    };
    let digits: Option<String> = rest.chars().map(digit).collect();
    Some(format!("{}.{}", value(whole)?, digits?))
}

/// Digits read one by one: 零九一二三四五六七八 → 0912345678.
fn digits(found: &str) -> Option<String> {
    let is_spoken = found.chars().any(|it| digit(it).is_some() && !it.is_ascii_digit());
    let n_digits = found.chars().filter(|it| digit(*it).is_some()).count();
    if !is_spoken || n_digits < MIN_DIGITS {
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

fn number(found: Found<'_>) -> Option<String> {
    let (ordinal, rest) = match found.text.strip_prefix('第') {
        Some(rest) => ("第", rest),
        None => ("", found.text),
    };
    let is_numeral = |it: &char| "一二兩三四五六七八九零〇十百千".contains(*it);
    let amount: String = rest.chars().take_while(is_numeral).collect();
    let unit = rest.strip_prefix(amount.as_str())?;
    let written = value(&amount)?;
    let n_chars = amount.chars().count();
    // 初一十五, 十幾二十歲, 一百二十幾, 二十分之一.
    let is_part = matches!(found.before, Some('初' | '幾'))
        || unit.is_empty() && found.after == Some('幾')
        || unit == "分" && found.after == Some('之');
    let is_year = unit == "年" && found.before == Some('國');
    if is_part || ordinal.is_empty() && !is_year && is_rough(&amount, unit) {
        return None;
    }
    let is_clear = match unit {
        // 十分 is an adverb, 一點 and 一時 are no times, 一位 and 一號 no numbers to write: only after 第 or from 十一 on.
        "" if ordinal.is_empty() && amount.contains(['十', '百', '千']) => {
            let goes_on = 2 == n_chars && matches!(found.before, Some('萬' | '億'));
            goes_on || 3 <= n_chars
        }
        "" => false,
        unit if PLAIN.contains(&unit) => true,
        "年" => 1 < n_chars,
        _ => 1 < n_chars || !ordinal.is_empty(),
    };
    // 一千 and 三百 alone may be part of a greater number that follows: 三百萬 is written 300萬.
    is_clear.then(|| format!("{ordinal}{written}{unit}"))
}

/// Whether neighbouring digits say how many there are roughly, or one after another: 兩三年, 三五成群, 一二三樓.
fn is_rough(amount: &str, unit: &str) -> bool {
    let digit = |it| if it == '兩' { Some('2') } else { digit(it) };
    let digits: Option<Vec<u32>> = amount.chars().map(|it| digit(it)?.to_digit(10)).collect();
    let Some(digits) = digits else { return false };
    let follows = digits.windows(2).all(|it| it[0] + 1 == it[1]);
    match digits.len() {
        2 => follows || amount.contains('兩') || amount == "三五",
        3.. => follows && unit == "樓",
        _ => false,
    }
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
    fn shares_and_decimals() {
        check("百分之三點五", "3.5%");
        check("百分之零點五", "0.5%");
        check("百分之一百二十", "120%");
        check("千分之二點五", "2.5\u{2030}");
        check("負三點五度", "-3.5度");
        check("三十七點五度", "37.5度");
        check("二點五公里、三點五萬", "2.5公里、3.5萬");
        check("三點五", "三點五");
        check("三點五分", "三點五分");
        check("兩點五十分", "兩點50分");
        check("二分之一,二十分之一", "二分之一,二十分之一");
    }

    #[test]
    fn what_follows_ten_thousands_is_written_like_them() {
        check("十萬八千", "10萬8000");
        check("一億五千萬", "1億5000萬");
        check("十萬八千元", "10萬8000元");
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
            "初一十五",
            "初二十六都拜拜",
            "三五成群",
            "十萬八千里",
            "七上八下",
            "一五一十",
            "五十步笑百步",
            "兩三天",
            "兩三年",
            "一兩萬",
            "三兩年",
            "七八歲",
            "五六萬元",
            "四五點",
            "三四個人",
            "三四十人",
            "十幾二十",
            "十幾二十歲",
            "一百二十幾",
            "一二三樓",
            "六七月",
            "三十六計走為上策",
            "三百六十行",
            "七七四十九天",
            "八九不離十",
            "百分百",
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
