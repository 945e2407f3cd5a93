//! Addresses and places: county and district come from the gazetteer, the rest is as printed.

use crate::pipeline::idcard::lexicon::counties;
use crate::pipeline::idcard::text::Span;
use crate::pipeline::idcard::value::{Reading, closed, street};
use crate::task::idcard::Check;

/// How far into the text the county may begin: a province, or a postal code, may stand before it.
const MAX_COUNTY_OFFSET: usize = 6;
/// Characters of the longest district.
const MAX_DISTRICT: usize = 5;

/// An address over one or more lines.
pub(crate) fn read(spans: &[Span<'_>]) -> Option<Reading> {
    let (first, rest) = spans.split_first()?;
    let mut reading = line(*first)?;
    for span in rest {
        reading = reading.join(&Reading::plain(bare(*span), bare(*span).compact()), "");
    }
    let county = county(&mut reading, *first);
    if let Some(mended) = street::mended(&reading.value) {
        reading.value = mended;
        reading.repair = Some("lexicon");
        reading.doubtful = true;
    }
    reading.doubtful |= looks_cut_off(&reading.value);
    let n_chars = reading.value.chars().count();
    let is_place = county
        || reading.value.contains(['縣', '市', '區', '鄉', '鎮', '路', '街', '里', '村', '號']);
    (3 <= n_chars && is_place).then_some(reading)
}

/// A place of birth: a county or a city, without letters of a stamp at its ends.
pub(crate) fn place(span: Span<'_>) -> Option<Reading> {
    read(&[span.trim(|ch| ch.is_ascii_alphabetic())])
}

/// Whether an address breaks off: after 之, or in a number that nothing closes.
fn looks_cut_off(address: &str) -> bool {
    let head = address.trim_end_matches(char::is_numeric);
    let ends_in_figures = head.len() < address.len();
    ends_in_figures != head.ends_with('之')
}

fn line(span: Span<'_>) -> Option<Reading> {
    let span = bare(span);
    (!span.is_empty() && span.has_han()).then(|| Reading::plain(span, span.compact()))
}

/// Without marks around it and without the second half of a wide-spaced label, 住址 or 地址.
fn bare(span: Span<'_>) -> Span<'_> {
    let span = span.trim(|ch| !ch.is_alphanumeric() && ch != '(' && ch != ')');
    let n_label = span.cells().iter().take_while(|cell| matches!(cell.ch(), '住' | '址')).count();
    span.slice(n_label, span.len())
}

/// Corrects county and district among the alternatives and checks them. Whether a county was found.
fn county(reading: &mut Reading, span: Span<'_>) -> bool {
    let span = bare(span);
    let head = span.slice(0, MAX_COUNTY_OFFSET + 3);
    let Some((from, name)) = find_county(head) else {
        let looks_like_one = head.slice(0, 3).compact().ends_with(['縣', '市']);
        if looks_like_one {
            reading.checks.push(Check { name: "county", ok: false });
        }
        return looks_like_one;
    };
    let to = from + name.value.chars().count();
    correct(reading, head.slice(from, to), &name);
    reading.checks.push(Check { name: "county", ok: true });
    let official = name.value.replace('台', "臺");
    let after = span.slice(to, to + MAX_DISTRICT);
    let districts = counties().iter().find(|it| it.name == official).map(|it| &it.districts);
    let Some(districts) = districts.filter(|it| !it.is_empty()) else { return true };
    match closed::find(after, districts).filter(|found| found.0 == 0) {
        Some((_, district)) => {
            correct(reading, after.slice(0, district.value.chars().count()), &district);
            reading.checks.push(Check { name: "district", ok: true });
        }
        None if after.compact().contains(['區', '鄉', '鎮']) => {
            reading.checks.push(Check { name: "district", ok: false });
        }
        None => (),
    }
    true
}

/// The county near the beginning, in either spelling of its first character.
fn find_county(head: Span<'_>) -> Option<(usize, Reading)> {
    let official: Vec<&str> =
        counties().iter().map(|it| it.name).filter(|it| !it.ends_with('省')).collect();
    let usual: Vec<String> = official.iter().map(|name| name.replace('臺', "台")).collect();
    let usual: Vec<&str> = usual.iter().map(String::as_str).collect();
    let found = [closed::find(head, &official), closed::find(head, &usual)];
    found.into_iter().flatten().max_by(|a, b| a.1.p.total_cmp(&b.1.p))
}

/// Puts a word of the gazetteer in the place of what was read.
fn correct(reading: &mut Reading, part: Span<'_>, word: &Reading) {
    if part.compact() != word.value {
        reading.value = reading.value.replacen(&part.compact(), &word.value, 1);
        reading.repair = Some("lexicon");
        reading.doubtful = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::idcard::line::Line;
    use crate::pipeline::idcard::line::Page;
    use crate::pipeline::idcard::text::fixture::{line, unsure};
    use crate::pipeline::idcard::text::rows;

    fn read_lines(lines: Vec<Line>) -> Option<Reading> {
        let rows = rows(&Page { lines, ..Page::default() });
        let spans: Vec<Span<'_>> = rows.iter().map(|row| row.span()).collect();
        read(&spans)
    }

    fn check(texts: &[&str], expected: &str, checks: &[(&str, bool)]) {
        let reading = read_lines(texts.iter().map(|text| line(0.0, 0.0, text)).collect()).unwrap();
        let found: Vec<(&str, bool)> = reading.checks.iter().map(|it| (it.name, it.ok)).collect();
        assert_eq!((reading.value.as_str(), found.as_slice()), (expected, checks));
    }

    #[test]
    fn an_address_that_breaks_off_is_doubtful() {
        let is_doubtful = |text: &str| read_lines(vec![line(0.0, 0.0, text)]).unwrap().doubtful;
        for whole in ["徐州路5號", "徐州路5號七樓", "徐州路5號7樓之1"] {
            assert!(!is_doubtful(&format!("臺北市中正區{whole}")), "{whole}");
        }
        for cut in ["徐州路5", "徐州路5號7樓之", "徐州路5號7"] {
            assert!(is_doubtful(&format!("臺北市中正區{cut}")), "{cut}");
        }
    }

    #[test]
    fn a_full_line_leaves_one_character_for_the_next() {
        let both = [("county", true), ("district", true)];
        check(&["臺北市中正區徐州路5號7樓之", "1"], "臺北市中正區徐州路5號7樓之1", &both);
        check(&["臺北市中正區徐州路5", "號"], "臺北市中正區徐州路5號", &both);
    }

    #[test]
    fn a_place_has_no_letters_of_a_stamp() {
        let rows = rows(&Page { lines: vec![line(0.0, 0.0, "高雄市IE")], ..Page::default() });
        assert_eq!(place(rows[0].span()).unwrap().value, "高雄市");
    }

    #[test]
    fn addresses() {
        let both = [("county", true), ("district", true)];
        check(&["臺北市中正區徐州路5號"], "臺北市中正區徐州路5號", &both);
        check(&["台北市中正區黎明里3鄰", "徐州路5號"], "台北市中正區黎明里3鄰徐州路5號", &both);
        check(&["址 臺北市中正區徐州路5號"], "臺北市中正區徐州路5號", &both);
        check(&["臺灣省宜蘭縣"], "臺灣省宜蘭縣", &[("county", true)]);
        check(&["臺北縣板橋市中山路1段161號"], "臺北縣板橋市中山路1段161號", &[("county", true)]);
        check(&["影化縣彰化市中山路1號"], "影化縣彰化市中山路1號", &[("county", false)]);
        check(
            &["臺北市信天區市府路1號"],
            "臺北市信天區市府路1號",
            &[("county", true), ("district", false)],
        );
    }

    #[test]
    fn the_gazetteer_decides_between_alternatives_only() {
        let line = line(0.0, 0.0, "影化縣彰化市中山路1號");
        let line = unsure(line, 0, &[('影', 0.6), ('彰', 0.3)]);
        let reading = read_lines(vec![line]).unwrap();
        assert_eq!(reading.value, "彰化縣彰化市中山路1號");
        assert_eq!((reading.repair, reading.doubtful), (Some("lexicon"), true));
    }
}
