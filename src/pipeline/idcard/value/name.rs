//! Names. Nothing proves a name: rare characters, and readings with an ending cut off, go to a person.

use crate::media::text::is_han;
use crate::pipeline::idcard::lexicon::{NATIONALITIES, allowed, begins_surname, counties};
use crate::pipeline::idcard::text::Span;
use crate::pipeline::idcard::value::Reading;

/// Longest Chinese name without a dot, and with dots (原住民族 names).
const MAX_HAN: usize = 6;
const MAX_DOTTED: usize = 20;

/// An alternative begins a name in place of what was read if it is at least this many times as probable.
const MIN_SURNAME: f32 = 0.3;

/// Words that no name contains: titles and labels around names.
const NOT_NAMES: &[&str] = &[
    "民國",
    "身分",
    "身份",
    "居留",
    "駕駛",
    "執照",
    "健保",
    "健康",
    "保險",
    "護照",
    "護照",
    "證號",
    "編號",
    "姓名",
    "性別",
    "出生",
    "日期",
    "發證",
    "統一",
    "國籍",
    "地址",
    "住址",
    "有效",
    "機關",
    "樣本",
    "卡號",
    "內政部",
    "移民署",
    "交通部",
    "公路",
    "監理",
    "汽車",
    "機車",
    "小型車",
    "持照",
    "條件",
    "備註",
    "臺灣",
    "台灣",
    "外交部",
    "役別",
    "配偶",
    "事由",
    "期限",
    "核發",
    "駕照",
    "普通",
    "職業",
    "全民",
    "中央",
    "管轄",
    "簽發",
    "審驗",
    "換發",
    "補發",
    "初發",
    "證件",
];

/// Words that no name in Latin letters is.
const NOT_LATIN_NAMES: &[&str] = &[
    "REPUBLIC",
    "CHINA",
    "TAIWAN",
    "PASSPORT",
    "MINISTRY",
    "FOREIGN",
    "AFFAIRS",
    "NATIONALITY",
    "AUTHORITY",
    "DATE",
    "BIRTH",
    "ISSUE",
    "EXPIRY",
    "SEX",
    "NAME",
    "NO",
    "NUMBER",
    "TYPE",
    "CODE",
    "CERTIFICATE",
    "RESIDENT",
    "ALIEN",
    "SPECIMEN",
    "SURNAME",
    "GIVEN",
    "NAMES",
    "HEALTH",
    "INSURANCE",
    "NATIONAL",
    "DRIVER",
    "LICENSE",
    "CARD",
    "PERSONAL",
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
    "ID",
    "UI",
    "COUNTRY",
    "PURPOSE",
    "RESIDENCE",
    "PLACE",
    "OF",
    "HOLDER",
    "SIGNATURE",
    "BEARER",
    "PERMANENT",
];

/// A Chinese name: in one span, or one or two characters in each of several.
pub(crate) fn chinese(spans: &[Span<'_>]) -> Option<Reading> {
    let (first, rest) = spans.split_first()?;
    let mut reading = chinese_part(*first)?;
    for span in rest {
        let is_piece = span.len() <= 2 && span.cells().iter().all(|cell| is_han(cell.ch()));
        if !is_piece || MAX_HAN < reading.value.chars().count() + span.len() {
            break;
        }
        reading = reading.join(&Reading::plain(*span, span.compact()), "");
    }
    let n_chars = reading.value.chars().count();
    let is_dotted = reading.value.chars().any(is_dot);
    let fits = (2..=if is_dotted { MAX_DOTTED } else { MAX_HAN }).contains(&n_chars);
    let is_place = counties().iter().any(|it| reading.value.replace('台', "臺").contains(it.name));
    let is_other = is_place
        || NATIONALITIES.contains(&reading.value.as_str())
        || NOT_NAMES.iter().any(|word| reading.value.contains(word));
    if !fits || is_other {
        return None;
    }
    mend_surname(&mut reading, *first);
    let is_usual = reading.value.chars().next().is_some_and(begins_surname);
    let is_rare = reading.value.chars().any(|ch| !allowed(ch));
    reading.doubtful |= is_rare || !is_usual || n_chars < 2 || is_dotted || 4 < n_chars;
    Some(reading)
}

/// Reads a first character that begins hardly any name as its likely alternative that does.
fn mend_surname(reading: &mut Reading, span: Span<'_>) {
    let mut chars = reading.value.chars();
    let Some(read) = chars.next().filter(|ch| !begins_surname(*ch)) else { return };
    let rest = chars.as_str();
    let cell = span.cells().iter().find(|cell| is_han(cell.ch()) && cell.ch() == read);
    let Some(cell) = cell else { return };
    let is_likely = |it: &&(char, f32)| begins_surname(it.0) && MIN_SURNAME * cell.p() <= it.1;
    if let Some((surname, p)) = cell.options().iter().find(is_likely) {
        reading.value = format!("{surname}{rest}");
        reading.p = reading.p.min(*p);
        reading.repair = Some("lexicon");
        reading.doubtful = true;
    }
}

/// The longest stretch of Chinese characters and dots.
fn chinese_part(span: Span<'_>) -> Option<Reading> {
    let cells = span.cells();
    let (mut best, mut from) = ((0, 0), 0);
    for idx in 0..=cells.len() {
        let fits = cells.get(idx).is_some_and(|cell| is_han(cell.ch()) || is_dot(cell.ch()));
        if !fits {
            if best.1 - best.0 < idx - from {
                best = (from, idx);
            }
            from = idx + 1;
        }
    }
    let part = span.slice(best.0, best.1).trim(is_dot);
    let value: String =
        part.compact().chars().map(|ch| if is_dot(ch) { '‧' } else { ch }).collect();
    (!part.is_empty()).then(|| Reading::plain(part, value))
}

fn is_dot(ch: char) -> bool {
    matches!(ch, '·' | '‧' | '•' | '.' | '・')
}

/// A name in Latin letters, `SURNAME, GIVEN-NAMES` as printed.
pub(crate) fn latin(span: Span<'_>) -> Option<Reading> {
    let cells = span.cells();
    let fits = |ch: char| ch.is_alphabetic() && !is_han(ch) || ",-.' ".contains(ch);
    let from = cells.iter().position(|cell| fits(cell.ch()) && cell.ch().is_alphabetic())?;
    let n_fitting = cells.iter().skip(from).take_while(|cell| fits(cell.ch())).count();
    let part = span.slice(from, from + n_fitting).trim(|ch| !ch.is_alphabetic() && ch != '.');
    let text = tidy(&part.spaced());
    let mut words = text.split([' ', ',', '-', '.']).filter(|it| !it.is_empty());
    let n_letters = text.chars().filter(|ch| ch.is_alphabetic()).count();
    let n_upper = text.chars().filter(|ch| ch.is_uppercase()).count();
    let is_other =
        words.clone().any(|word| NOT_LATIN_NAMES.contains(&word.to_uppercase().as_str()));
    let is_name =
        3 <= n_letters && n_letters <= 2 * n_upper.max(words.clone().count()) && !is_other;
    let has_digits = cells.iter().skip(from + n_fitting).any(|cell| cell.ch().is_ascii_digit());
    (is_name && !has_digits && words.next().is_some()).then(|| Reading::plain(part, text))
}

/// One blank after each comma, none before.
fn tidy(text: &str) -> String {
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::idcard::line::Page;
    use crate::pipeline::idcard::text::fixture::{line, page, unsure};
    use crate::pipeline::idcard::text::{Span, rows};

    fn check(texts: &[&str], expected: Option<(&str, bool)>) {
        let placed: Vec<(f32, f32, &str)> = texts.iter().map(|text| (0.0, 0.0, *text)).collect();
        let rows = rows(&page(&placed));
        let spans: Vec<Span<'_>> = rows.iter().map(|row| row.span()).collect();
        let found = chinese(&spans);
        let found = found.as_ref().map(|it| (it.value.as_str(), it.doubtful));
        assert_eq!(found, expected, "{texts:?}");
    }

    #[test]
    fn chinese_names() {
        check(&["陳筱玲"], Some(("陳筱玲", false)));
        check(&["陳 筱 玲"], Some(("陳筱玲", false)));
        check(&["陳", "筱", "玲"], Some(("陳筱玲", false)));
        check(&["陳", "A123456789"], None);
        check(&["陳"], None);
        check(&["歐陽娜娜"], Some(("歐陽娜娜", false)));
        check(&["林\u{3404}玲"], Some(("林\u{3404}玲", true)));
        check(&["瓦歷斯·諾幹"], Some(("瓦歷斯‧諾幹", true)));
        check(&["中華民國國民身分證"], None);
        check(&["臺北市"], None);
        check(&["台中市"], None);
        check(&["印尼"], None);
    }

    #[test]
    fn a_likely_surname_is_preferred_to_a_character_that_begins_no_name() {
        let read = |other: f32| {
            let line = unsure(line(0.0, 0.0, "禁宗仁"), 0, &[('禁', 0.5), ('葉', other)]);
            let rows = rows(&Page { lines: vec![line], ..Page::default() });
            let reading = chinese(&[rows[0].span()]).unwrap();
            (reading.value, reading.doubtful)
        };
        assert_eq!(read(0.45), ("葉宗仁".to_owned(), true));
        assert_eq!(read(0.05), ("禁宗仁".to_owned(), true));
    }

    fn check_latin(text: &str, expected: Option<&str>) {
        let rows = rows(&page(&[(0.0, 0.0, text)]));
        assert_eq!(latin(rows[0].span()).map(|it| it.value).as_deref(), expected, "{text}");
    }

    #[test]
    fn latin_names() {
        check_latin("CHEN, HSIAO-LING", Some("CHEN, HSIAO-LING"));
        check_latin("CHEN,HSIAO-LING", Some("CHEN, HSIAO-LING"));
        check_latin("陳筱玲 CHEN, HSIAO-LING", Some("CHEN, HSIAO-LING"));
        check_latin("NGUYEN VAN AN", Some("NGUYEN VAN AN"));
        check_latin("REPUBLIC OF CHINA", None);
        check_latin("05 JUN 1957", None);
        check_latin("F", None);
    }
}
