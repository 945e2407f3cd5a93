//! Words of persons in the place of those that were heard.

use super::*;
use crate::pipeline::speech::line::tests::line;
use crate::task::speech::Rendition;

/// A segment of 100 ms a character; words are heard with 0.9.
fn heard(text: &str) -> Segment {
    Segment {
        channel: 0,
        start: 0,
        end: text.chars().count() as u64 * 100,
        language: SpokenLanguage::Mandarin,
        text: Private::new(text.to_owned()),
        words: words(&line(text)),
        pii: Vec::new(),
        confidence: 0.9,
    }
}

/// The segments after `text` was written for the first.
fn corrected(texts: &[&str], text: &str) -> Vec<Segment> {
    let mut segments: Vec<Segment> = texts.iter().map(|it| heard(it)).collect();
    redact::redact(&mut segments);
    correct(&mut segments, &[Change { idx: 0, text }]);
    segments
}

/// Words as text, begin, end, and whether the model was sure of them (`=`) or a person is (`!`).
fn spelled(segment: &Segment) -> String {
    let spell = |it: &Word| {
        let sign = if it.confidence < 1.0 { '=' } else { '!' };
        format!("{}{sign}{}-{}", it.text.expose(), it.start, it.end)
    };
    segment.words.iter().map(spell).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(before: &str, after: &str, expected: &str) {
    let found = corrected(&[before], after).remove(0);
    assert_eq!(spelled(&found), expected);
    assert_eq!(found.text.expose(), after);
    let joined: String = found.words.iter().map(|it| it.text.expose().as_str()).collect();
    assert_eq!(joined, after, "the words say the same");
}

#[test]
fn what_stays_the_same_keeps_its_time_and_its_doubt() {
    check("我要檢具", "我要檢舉", "我=0-100 要=100-200 檢=200-300 舉!300-400");
    check("我檢舉", "我要檢舉", "我=0-100 要!100-100 檢=100-200 舉=200-300");
    check("我我要", "我要", "我=0-100 要=200-300");
    check("", "好", "好!0-0");
    check("好。", "", "");
}

#[test]
fn a_number_of_which_one_digit_was_changed_is_sure() {
    check("共120元", "共130元", "共=0-100 130!100-400 元=400-500");
    check("共120元", "共12元", "共=0-100 12!100-300 元=400-500");
    check("共120元", "共 120,元", "共 =0-100 120,=100-400 元=400-500");
}

#[test]
fn the_segment_is_as_sure_as_its_words() {
    let found = corrected(&["甲乙"], "丙丁").remove(0);
    assert_eq!(found.confidence, 1.0);
    let other = Segment { language: SpokenLanguage::Other, words: Vec::new(), ..heard("") };
    let mut segments = [other];
    correct(&mut segments, &[Change { idx: 0, text: "食飽未" }, Change { idx: 9, text: "x" }]);
    assert_eq!(segments[0].language, SpokenLanguage::Mandarin);
}

#[track_caller]
fn check_shown(texts: &[&str], text: &str, expected: &[&str]) {
    let found = corrected(texts, text);
    let shown: Vec<String> = found.iter().map(|it| it.shown(Rendition::Redacted)).collect();
    assert_eq!(shown, expected);
}

#[test]
fn personal_data_is_looked_for_anew() {
    check_shown(&["打電話"], "打0912345678", &["打〔行動電話〕"]);
    check_shown(&["打0912", "再來", "謝謝"], "打0913", &["打0913", "再來", "謝謝"]);
    check_shown(&["打0912345", "謝謝"], "打0912345678", &["打〔行動電話〕", "謝謝"]);
}

#[test]
fn what_was_hidden_stays_hidden_where_it_stays_at_all() {
    // The number would be none any longer: what is left of it is still somebody's.
    check_shown(&["打0912345678好"], "打0912號345678好", &["打〔行動電話〕號〔行動電話〕好"]);
    check_shown(&["打0912345678好"], "打好", &["打好"]);
    // The first half is gone; the second one is not shown for that.
    check_shown(&["打0912", "345678好"], "打", &["打", "〔個資〕好"]);
    check_shown(&["住臺北市信義區松高路1號"], "松高路1號,臺北市", &["〔地址〕,臺北市"]);
}

#[test]
fn a_second_change_shows_nothing_either() {
    let mut segments = corrected(&["打0912345678好"], "打0912號345678好");
    correct(&mut segments, &[Change { idx: 0, text: "打0912號345號678好嗎" }]);
    let shown = segments[0].shown(Rendition::Redacted);
    assert!(!shown.chars().any(|it| it.is_ascii_digit()), "{shown}");
}

#[track_caller]
fn check_unmasked(texts: &[&str], place: usize, text: &str, expected: Option<&str>) {
    let mut segments: Vec<Segment> = texts.iter().map(|it| heard(it)).collect();
    redact::redact(&mut segments);
    assert_eq!(unmasked(&segments[place], text).as_deref(), expected);
}

#[test]
fn a_mask_stands_for_what_it_hides() {
    let one = &["打0912345678好"];
    check_unmasked(one, 0, "請打〔行動電話〕謝謝", Some("請打0912345678謝謝"));
    check_unmasked(one, 0, "請打", Some("請打"));
    check_unmasked(one, 0, "〔行動電話〕〔行動電話〕", None);
    check_unmasked(one, 0, "〔地址〕", Some("〔地址〕"));
    let two = &["打0912", "345678好"];
    check_unmasked(two, 1, "好的", Some("345678好的"));
    let both = &["A123456789和0912345678"];
    check_unmasked(both, 0, "〔行動電話〕", Some("0912345678"));
    check_unmasked(both, 0, "〔行動電話〕和〔身分證字號〕", None);
}
