//! Markdown without its marks: what a citizen is quoted are words, not asterisks.

use std::sync::LazyLock;

use regex::Regex;

static IMAGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"!\[([^\]\n]*)\]\([^)\n]*\)"));
static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[([^\]\n]+)\]\(([^)\s]*)[^)\n]*\)"));
static STRONG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\*{1,3}([^*\s](?:[^*\n]*[^*\s])?)\*{1,3}|__([^_\s](?:[^_\n]*[^_\s])?)__")
});
static CODE: LazyLock<Regex> = LazyLock::new(|| pattern("`+([^`\n]+)`+"));
static BULLET: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\s*)[*+-]\s+(?:\[[ xX]\]\s+)?"));
static RULE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:-\s*){3,}$|^\s*(?:\*\s*){3,}$|^\s*(?:_\s*){3,}$"));
static TABLE_RULE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*\|?(?:\s*:?-+:?\s*\|)+\s*(?::?-+:?)?\s*$"));

#[expect(clippy::expect_used, reason = "constant patterns; a test compiles every one")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern is valid")
}

/// The text behind the front matter: what stands between `---` in the first line and the next such line.
pub(super) fn without_front_matter(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else {
        return text;
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return rest.get(at..).unwrap_or_default();
        }
    }
    text
}

/// A line without marks; none when it was nothing but one.
pub(super) fn line(line: &str) -> Option<String> {
    if RULE.is_match(line) || TABLE_RULE.is_match(line) {
        return None;
    }
    let mut text = line.trim_start();
    while let Some(quoted) = text.strip_prefix('>') {
        text = quoted.trim_start();
    }
    // What is indented stays so: it belongs to the point before it.
    let text = if text.len() == line.trim_start().len() { line } else { text };
    let text = match text.trim().strip_prefix('|') {
        Some(row) => {
            row.trim_end_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" ")
        }
        None => BULLET.replace(text, "${1}・").into_owned(),
    };
    Some(words(&text))
}

/// Words without the marks among them; a link keeps its address.
pub(super) fn words(text: &str) -> String {
    let text = IMAGE.replace_all(text, "$1");
    let text = LINK.replace_all(&text, |found: &regex::Captures<'_>| {
        let part = |idx| found.get(idx).map_or("", |it| it.as_str());
        let (words, to) = (part(1), part(2).trim_matches(['<', '>']));
        let is_public = ["http://", "https://"].iter().any(|it| to.starts_with(it));
        if is_public && words != to { format!("{words}({to})") } else { words.to_owned() }
    });
    let text = STRONG.replace_all(&text, "$1$2");
    CODE.replace_all(&text, "$1").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_off() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(line(text).as_deref(), expected, "{text}");
        };
        check("請攜帶**身分證**與 *印章*", Some("請攜帶身分證與 印章"));
        check("***重要***、__必要__、`A01`", Some("重要、必要、A01"));
        check("見[說明](https://www.moi.gov.tw/a)", Some("見說明(https://www.moi.gov.tw/a)"));
        check("見[下節](#b \"標題\")", Some("見下節"));
        check("<https://a.tw> ![圖](a.png)", Some("<https://a.tw> 圖"));
        check("- 印章", Some("・印章"));
        check("  * [ ] 印章", Some("  ・印章"));
        check("1. 印章", Some("1. 印章"));
        check("> 注意", Some("注意"));
        check("| 規費 | 50 元 |", Some("規費 50 元"));
        check("|---|:-:|", None);
        check("---", None);
        check("* * *", None);
        check("3 * 4 * 5 = 60、a_b_c、-5 度", Some("3 * 4 * 5 = 60、a_b_c、-5 度"));
        check("", Some(""));
    }

    #[test]
    fn front_matter_is_no_text() {
        let check = |text: &str, expected: &str| assert_eq!(without_front_matter(text), expected);
        check("---\ntitle: 甲\n---\n乙", "乙");
        check("---\r\ntitle: 甲\r\n---\r\n乙", "乙");
        check("---\n乙", "---\n乙");
        check("甲\n---\n乙\n---\n", "甲\n---\n乙\n---\n");
    }
}
