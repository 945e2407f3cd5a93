//! Dates of birth: dates that something beside them calls so. A date by itself is nobody's.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// What calls the date behind it one of birth.
const LABELS: &[&str] = &["生日", "出生", "出生日", "出生日期", "出生年月日", "生於", "誕生"];
/// What may stand between the label and the date.
const BETWEEN: &[char] = &[
    ' ', ':', ',', '、', '(', '是', '為', '在', '於', '的', '呢', '就', '我', '他', '她', '應',
    '該', '農', '曆', '國', '西', '元',
];
/// What may follow 生 where that is a birth: 67年8月9日生的, but not 生效.
const BEHIND: &[char] = &[' ', ',', '。', '、', ';', ')', '的', '人', '於', '\n'];

/// A day, with or without its year: 民國67年8月9日, 六十七年八月九號, 67/8/9.
pub(super) static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let number = |most: usize| format!("[0-9一二三四五六七八九十百零〇]{{1,{most}}}");
    let (year, part) = (number(5), number(3));
    pattern(&format!(
        "(?:(?:民國|西元)? ?{year} ?年 ?)?{part} ?月 ?{part} ?[日號]|[0-9]{{2,4}}(?:[./-][0-9]{{1,2}}){{2}}"
    ))
});

/// Whether a date is one of birth.
pub(super) fn is_birth(text: &str, range: &Range<usize>) -> bool {
    let (Some(before), Some(after)) = (text.get(..range.start), text.get(range.end..)) else {
        return false;
    };
    let label = before.trim_end_matches(BETWEEN);
    let n_between = before.get(label.len()..).map_or(0, |it| it.chars().count());
    let is_called = |head: &str| LABELS.iter().any(|it| head.ends_with(it));
    if n_between <= 6 && is_called(label) || is_called(before) {
        return true;
    }
    let after = after.trim_start();
    let born = after.strip_prefix('生').map(|rest| rest.chars().next());
    after.starts_with("出生") || born.is_some_and(|it| it.is_none_or(|ch| BEHIND.contains(&ch)))
}

#[cfg(test)]
mod tests {
    use super::super::{find, mask};

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(mask(text, &find(text)), expected, "{text}");
    }

    #[test]
    fn dates_that_are_called_so_are_of_birth() {
        check("我的生日是67年8月9日", "我的生日是〔生日〕");
        check("生日民國六十七年八月九號", "生日〔生日〕");
        check("出生年月日:067/08/09", "出生年月日:〔生日〕");
        check("出生日期 1978-08-09,電話", "出生日期 〔生日〕,電話");
        check("他67年8月9日出生", "他〔生日〕出生");
        check("民國67年8月9日生的", "〔生日〕生的");
        check("我生於67年8月9日", "我生於〔生日〕");
        check("我生日是8月9日", "我生日是〔生日〕");
    }

    #[test]
    fn other_dates_are_nobodys() {
        for text in [
            "67年8月9日",
            "本辦法自115年1月1日生效",
            "115年1月1日生產的車",
            "出生登記請於115年1月1日前辦理",
            "出生率在115年1月下降",
            "生日快樂",
        ] {
            check(text, text);
        }
    }
}
