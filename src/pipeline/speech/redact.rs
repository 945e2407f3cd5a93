//! Personal data in what was said: the rules of letters, and those for numbers that are dictated.
//!
//! A dictated number is broken by pauses, fillers and segments, and one digit misheard spoils its check digit. So the
//! segments of a channel are read as one text, without what stands between digits, and a long run of digits is
//! hidden even when no rule says what it is.

use crate::pipeline::letters::pii::{self, PiiKind};
use crate::task::speech::{Segment, SpokenPii};

use super::line::is_mark;
use super::numbers::digit;

/// Digits in a row that are hidden whatever they are.
const MIN_RUN: usize = 7;
/// Digits in a run that begins with a zero or has letters in it, from which it is hidden whatever it is: what is left of
/// a telephone number when a digit was heard as a letter.
const MIN_CODE: usize = 5;
/// What follows a run of digits that is an amount, not a number of somebody.
const AMOUNT: &[char] = &['元', '塊', '萬', '億', '人', '件', '戶', '%', '年'];
/// What people say between digits.
const FILLERS: &[char] = &[
    '嗯', '啊', '呃', '喔', '哦', '欸', '杠', '槓', '減', '然', '後', '再', '來', '的', '對', '是',
    '好', '那', '就', '還', '有',
];
/// Fillers in a row that may stand between digits.
const MAX_FILLERS: usize = 6;
/// How the signs of an address of mail are said, and names of hosts.
const MAIL_WORDS: [(&str, &str); 8] = [
    ("小老鼠", "@"),
    ("艾特", "@"),
    (" at ", "@"),
    ("雅虎", "yahoo"),
    ("奇摩", "kimo"),
    (" dot ", "."),
    ("點", "."),
    ("底線", "_"),
];
/// Marks that end a sentence: no address goes on behind them.
const SENTENCE_ENDS: &[char] = &['。', '?', '!', '\u{ff1f}', '\u{ff01}'];

/// Kind of digits that no rule names.
pub const UNNAMED: &str = "number";

/// Kind and mask of those digits.
const NUMBER: (&str, &str) = (UNNAMED, "〔號碼〕");

/// Finds the personal data of the segments, each channel by itself; replaces what was found before.
pub fn redact(segments: &mut [Segment]) {
    let n_channels = segments.iter().map(|it| it.channel + 1).max().unwrap_or(0);
    for channel in 0..n_channels {
        let places: Vec<usize> = (0..segments.len())
            .filter(|it| segments.get(*it).is_some_and(|it| it.channel == channel))
            .collect();
        let texts: Vec<Vec<char>> = places
            .iter()
            .filter_map(|it| segments.get(*it))
            .map(|it| it.text.expose().chars().collect())
            .collect();
        let found = find(&texts.concat());
        let mut offset = 0;
        for (place, text) in places.into_iter().zip(&texts) {
            let Some(segment) = segments.get_mut(place) else { continue };
            segment.pii = within(&found, offset, text.len());
            offset += text.len();
        }
    }
}

/// What [`redact`] found, channel by channel: its kind, and its letters, digits and signs without what stands between.
pub fn spoken(segments: &[Segment]) -> Vec<(&'static str, String)> {
    let n_channels = segments.iter().map(|it| it.channel + 1).max().unwrap_or(0);
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for segment in (0..n_channels).flat_map(|it| segments.iter().filter(move |of| of.channel == it))
    {
        for it in &segment.pii {
            let covered = segment.text.expose().chars().skip(it.start).take(it.end - it.start);
            let plain = covered.filter_map(|ch| {
                let is_kept = ch.is_ascii_alphanumeric() || "@._+-".contains(ch);
                dictated(ch).or_else(|| is_kept.then_some(ch))
            });
            match found.last_mut() {
                // Without a mask it goes on with what the segment before began.
                Some((kind, value)) if it.mask.is_empty() && *kind == it.kind => {
                    value.extend(plain);
                }
                _ => found.push((it.kind, plain.collect())),
            }
        }
    }
    found
}

/// Something private in the joined text of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    kind: &'static str,
    mask: &'static str,
    start: usize,
    end: usize,
}

/// The findings that touch `len` characters from `offset` on, counted from there. The mask is shown once, where it begins.
fn within(found: &[Found], offset: usize, len: usize) -> Vec<SpokenPii> {
    let touching = found.iter().filter(|it| it.start < offset + len && offset < it.end);
    touching
        .map(|it| SpokenPii {
            kind: it.kind,
            mask: if offset <= it.start { it.mask } else { "" },
            start: it.start.saturating_sub(offset),
            end: (it.end - offset).min(len),
        })
        .collect()
}

fn find(text: &[char]) -> Vec<Found> {
    let mut found = Vec::new();
    let spoken: String = text.iter().collect();
    let place = |it: pii::Pii, start: usize, end: usize| Found {
        kind: it.kind.as_str(),
        mask: it.kind.mask(),
        start,
        end,
    };
    found.extend(pii::find(&spoken).into_iter().map(|it| place(it, it.span.start, it.span.end)));
    let mut add = |(text, origins): &(String, Vec<usize>), is_of: &dyn Fn(PiiKind) -> bool| {
        let origin = |idx: usize| origins.get(idx).copied();
        for it in pii::find(text).into_iter().filter(|it| is_of(it.kind)) {
            let last = it.span.end.checked_sub(1).and_then(origin);
            if let (Some(start), Some(last)) = (origin(it.span.start), last) {
                found.push(place(it, start, last + 1));
            }
        }
    };
    // Numbers only: addresses of a text without its marks would run into each other.
    let compacted = compact(text);
    add(&compacted, &|kind| kind != PiiKind::Address);
    add(&joined(text), &|kind| kind == PiiKind::Address);
    if spoken.contains(['@', '點', '.']) || spoken.to_lowercase().contains("dot") {
        add(&mail(text), &|kind| kind == PiiKind::Email);
    }
    let (compact, origins) = compacted;
    found.extend(runs(&compact, &origins));
    merged(found)
}

/// As [`digit`], and 兩: who dictates says it for a two.
fn dictated(ch: char) -> Option<char> {
    if ch == '兩' { Some('2') } else { digit(ch) }
}

/// Whether a letter stands by itself, as those that are spelled do.
fn is_spelled(text: &[char], idx: usize) -> bool {
    let is_letter =
        |idx: Option<usize>| idx.and_then(|it| text.get(it)).is_some_and(char::is_ascii_alphabetic);
    is_letter(Some(idx)) && !is_letter(idx.checked_sub(1)) && !is_letter(Some(idx + 1))
}

/// Blanks from `idx` on that stand between letters that are spelled, or such a letter and a digit.
fn between_spelled(text: &[char], idx: usize) -> usize {
    let rest = text.get(idx..).unwrap_or_default();
    let n_blanks = rest.iter().take_while(|it| it.is_whitespace()).count();
    let next = text.get(idx + n_blanks).copied().and_then(dictated);
    let goes_on = next.is_some() || is_spelled(text, idx + n_blanks);
    let is_between = idx.checked_sub(1).is_some_and(|it| is_spelled(text, it)) && goes_on;
    if is_between { n_blanks } else { 0 }
}

/// The text without the marks and blanks within its sentences; and where each character was.
fn joined(text: &[char]) -> (String, Vec<usize>) {
    let is_kept = |ch: char| SENTENCE_ENDS.contains(&ch) || !(is_mark(ch) || ch.is_whitespace());
    let kept = text.iter().enumerate().filter(|(_, ch)| is_kept(**ch));
    kept.map(|(idx, ch)| (*ch, idx)).unzip()
}

/// The text with addresses of mail as they are written; and where each character was.
fn mail(text: &[char]) -> (String, Vec<usize>) {
    let (mut written, mut origins) = (String::new(), Vec::new());
    let mut idx = 0;
    while let Some(&ch) = text.get(idx) {
        let rest = text.get(idx..).unwrap_or_default();
        let said = MAIL_WORDS.iter().find(|(word, _)| {
            let same = |(a, b): (&char, char)| a.eq_ignore_ascii_case(&b);
            let n_chars = word.chars().count();
            rest.get(..n_chars).is_some_and(|it| it.iter().zip(word.chars()).all(same))
        });
        let n_blanks = between_spelled(text, idx);
        if let Some((word, sign)) = said {
            while *sign == "@" && written.ends_with(' ') {
                written.pop();
                origins.pop();
            }
            written.push_str(sign);
            origins.extend(sign.chars().map(|_| idx));
            idx += word.chars().count();
        } else if 0 < n_blanks {
            idx += n_blanks;
        } else {
            written.push(ch);
            origins.push(idx);
            idx += 1;
        }
    }
    (written, origins)
}

/// The text with digits as digits and without what stands between them; and where each character was.
fn compact(text: &[char]) -> (String, Vec<usize>) {
    let is_code = |ch: char| dictated(ch).is_some() || ch.is_ascii_alphabetic();
    let mut compact = String::new();
    let mut origins = Vec::new();
    let mut idx = 0;
    while let Some(&ch) = text.get(idx) {
        let n_blanks = between_spelled(text, idx);
        if 0 < n_blanks {
            idx += n_blanks;
            continue;
        }
        let is_after_digit = compact.ends_with(|it: char| it.is_ascii_digit());
        if is_after_digit && !is_code(ch) {
            let gap = text.iter().skip(idx).take_while(|it| !is_code(**it));
            let (mut n_fillers, mut n_gap) = (0, 0);
            let mut is_gap = true;
            for ch in gap {
                n_gap += 1;
                if FILLERS.contains(ch) {
                    n_fillers += 1;
                } else if !is_mark(*ch) && !ch.is_whitespace() && *ch != '-' {
                    is_gap = false;
                }
            }
            let goes_on = text.get(idx + n_gap).is_some_and(|it| dictated(*it).is_some());
            if is_gap && goes_on && n_fillers <= MAX_FILLERS {
                idx += n_gap;
                continue;
            }
        }
        compact.push(dictated(ch).unwrap_or(ch));
        origins.push(idx);
        idx += 1;
    }
    (compact, origins)
}

/// Runs of letters and digits that are somebody's number, though one of its digits may have been misheard.
fn runs(compact: &str, origins: &[usize]) -> Vec<Found> {
    let chars: Vec<char> = compact.chars().collect();
    let mut found = Vec::new();
    let mut idx = 0;
    while idx < chars.len() {
        let rest = chars.get(idx..).unwrap_or_default();
        let n_run = rest.iter().take_while(|it| it.is_ascii_alphanumeric()).count();
        let (run, after) = rest.split_at(n_run);
        let is_amount = after.first().is_some_and(|it| AMOUNT.contains(it));
        if is_number(run, is_amount)
            && let (Some(start), Some(last)) = (origins.get(idx), origins.get(idx + run.len() - 1))
        {
            let (kind, mask) = NUMBER;
            found.push(Found { kind, mask, start: *start, end: last + 1 });
        }
        idx += run.len().max(1);
    }
    found
}

fn is_number(run: &[char], is_amount: bool) -> bool {
    let n_digits = run.iter().filter(|it| it.is_ascii_digit()).count();
    // Three letters and four digits are a plate.
    let is_plate =
        run.len() == 7 && n_digits == 4 && run.iter().take(3).all(char::is_ascii_alphabetic);
    // No amount begins with a zero, and none has letters in it.
    let is_code = run.first() == Some(&'0') || n_digits < run.len();
    if is_code { is_plate || MIN_CODE <= n_digits } else { MIN_RUN <= n_digits && !is_amount }
}

/// In order, not overlapping: of two that share a character one is made, of the kind that is known better.
fn merged(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|it| (it.start, it.kind == NUMBER.0, usize::MAX - it.end));
    let mut kept: Vec<Found> = Vec::new();
    for it in found {
        match kept.last_mut() {
            Some(last) if it.start < last.end => {
                last.end = last.end.max(it.end);
                if last.kind == NUMBER.0 {
                    (last.kind, last.mask) = (it.kind, it.mask);
                }
            }
            _ => kept.push(it),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Private;
    use crate::task::speech::{Rendition, SpokenLanguage};

    fn segment(channel: usize, text: &str) -> Segment {
        Segment {
            channel,
            start: 0,
            end: 0,
            language: SpokenLanguage::Mandarin,
            text: Private::new(text.to_owned()),
            words: Vec::new(),
            pii: Vec::new(),
            confidence: 1.0,
        }
    }

    /// Each text is a segment; `b:` puts it on the other channel.
    #[track_caller]
    fn check(texts: &[&str], expected: &[&str]) {
        let mut segments: Vec<Segment> = texts
            .iter()
            .map(|it| it.strip_prefix("b:").map_or_else(|| segment(0, it), |it| segment(1, it)))
            .collect();
        redact(&mut segments);
        let shown: Vec<String> = segments.iter().map(|it| it.shown(Rendition::Redacted)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_the_rules_of_letters_find() {
        check(&["我是A123456789,住台北市中正區徐州路5號。"], &["我是〔身分證字號〕,住〔地址〕。"]);
        check(&["電話0912345678,謝謝"], &["電話〔行動電話〕,謝謝"]);
        check(&["請打1996,一共350000元,115年11月24日"], &["請打1996,一共350000元,115年11月24日"]);
    }

    #[test]
    fn numbers_dictated_with_pauses_and_fillers() {
        check(&["零九一二,嗯,三四五,六七八"], &["〔行動電話〕"]);
        check(&["A一二三 四五六 七八九"], &["〔身分證字號〕"]);
        check(&["洞九幺二三四五六拐八"], &["〔行動電話〕"]);
        check(&["零九一二,然後再來三四五六七八,對"], &["〔行動電話〕,對"]);
        check(&["五樓,第三個窗口"], &["五樓,第三個窗口"]);
    }

    #[test]
    fn what_is_spelled_or_said_otherwise_is_hidden() {
        check(&["洞九兩兩三四五六拐八"], &["〔行動電話〕"]);
        check(&["零九一二,嗯對,三四五,嗯對,六七八"], &["〔行動電話〕"]);
        check(&["信箱wang小老鼠gmail點com。"], &["信箱〔電子信箱〕。"]);
        check(&["w a n g 小老鼠雅虎點com點tw"], &["〔電子信箱〕"]);
        check(&["mail to wang at gmail dot com"], &["mail to 〔電子信箱〕"]);
        check(&["住台北市中正區,徐州路,五號。"], &["住〔地址〕。"]);
        check(&["信義路,4段,305號"], &["〔地址〕"]);
        check(&["美信巷15號,東河12鄰石壁15號"], &["〔地址〕,〔地址〕"]);
        check(&["車牌 A B C 1234", "牌照是A B C 5678"], &["〔車牌〕", "牌照是〔號碼〕"]);
        check(&["依本村公告第3號,三點十五分見"], &["依本村公告第3號,三點十五分見"]);
    }

    #[test]
    fn a_misheard_number_is_hidden_all_the_same() {
        check(&["A12345678號"], &["〔號碼〕號"]);
        check(&["帳號是九八七六五四三二一"], &["帳號是〔號碼〕"]);
        check(&["B12345678,9"], &["〔號碼〕"]);
        check(&["092356K8C,對"], &["〔號碼〕,對"]);
        check(&["電話是零二二三五 pp"], &["電話是〔號碼〕 pp"]);
        check(&["K8C092356謝謝"], &["〔號碼〕謝謝"]);
        check(&["郵遞區號100218,COVID19,B2B,0800"], &["郵遞區號100218,COVID19,B2B,0800"]);
    }

    #[test]
    fn a_number_goes_on_in_the_next_segment_of_its_speaker() {
        check(
            &["我的手機是零九一二,", "b:是", "三四五六七八。"],
            &["我的手機是〔行動電話〕", "是", "。"],
        );
        check(&["零九一二", "b:三四五六七八"], &["零九一二", "三四五六七八"]);
    }
}
