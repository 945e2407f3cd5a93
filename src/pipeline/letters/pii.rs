//! Personal data in a text, by rule: where it stands and of what kind, and the text with it masked.
//!
//! Rules, not models: an identity number must satisfy its check digit (or stand behind a label that calls it one), a
//! card number the Luhn sum, a telephone number the numbering plan. Names are found by no rule here.

mod birth;

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::base::IdNumber;
use crate::pipeline::fold::{Folded, Span};

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PiiKind {
    /// 國民身分證統一編號
    NationalId,
    /// 統一證號, old and new form
    ResidentCertificate,
    /// 電子信箱
    Email,
    /// 行動電話
    MobilePhone,
    /// 市內電話
    Landline,
    /// 信用卡、金融卡卡號
    BankCard,
    /// 車牌號碼
    Plate,
    /// 地址
    Address,
    /// 出生日期
    BirthDate,
}

impl PiiKind {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            PiiKind::NationalId => "national_id",
            PiiKind::ResidentCertificate => "resident_certificate",
            PiiKind::Email => "email",
            PiiKind::MobilePhone => "mobile_phone",
            PiiKind::Landline => "landline",
            PiiKind::BankCard => "bank_card",
            PiiKind::Plate => "plate",
            PiiKind::Address => "address",
            PiiKind::BirthDate => "birth_date",
        }
    }

    /// What a masked text shows in its place.
    pub fn mask(self) -> &'static str {
        match self {
            PiiKind::NationalId => "〔身分證字號〕",
            PiiKind::ResidentCertificate => "〔統一證號〕",
            PiiKind::Email => "〔電子信箱〕",
            PiiKind::MobilePhone => "〔行動電話〕",
            PiiKind::Landline => "〔電話〕",
            PiiKind::BankCard => "〔卡號〕",
            PiiKind::Plate => "〔車牌〕",
            PiiKind::Address => "〔地址〕",
            PiiKind::BirthDate => "〔生日〕",
        }
    }
}

/// One finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pii {
    /// Of what kind.
    pub kind: PiiKind,
    /// Where.
    pub span: Span,
}

/// Characters before a number in which a label may call it an identity number.
const LABEL_WINDOW: usize = 12;
/// Characters that introduce an address and are no part of a road's name.
const INTRODUCTIONS: &[char] =
    &['住', '在', '於', '址', '位', '我', '家', '的', '是', '到', '從', '寄'];
/// 直轄市、縣、市, folded; those merged in 2010 and 2014 still stand in letters.
const COUNTIES: &str = "台北市|新北市|桃園市|台中市|台南市|高雄市|基隆市|新竹市|嘉義市|新竹縣|苗栗縣|彰化縣|\
    南投縣|雲林縣|嘉義縣|屏東縣|宜蘭縣|花蓮縣|台東縣|澎湖縣|金門縣|連江縣|台北縣|桃園縣|台中縣|台南縣|高雄縣";
/// 區域號碼 with the digits that follow: area code, least and most.
const AREAS: [(&str, usize, usize); 13] = [
    ("0826", 5, 5),
    ("0836", 5, 5),
    ("037", 6, 6),
    ("049", 7, 7),
    ("082", 6, 6),
    ("089", 6, 6),
    ("02", 8, 8),
    ("03", 7, 7),
    ("04", 7, 8),
    ("05", 7, 7),
    ("06", 7, 7),
    ("07", 7, 7),
    ("08", 7, 7),
];

/// Series of standards and products that look like plates.
const NO_PLATES: &[&str] = &["ISO", "IEC", "CNS", "RFC", "GPT", "BMW"];

/// What stands between the digits of a number, also where a line ends.
const GAP: &str = r"[ \r\n-]{0,3}";

static IDENTITY: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("[A-Z]{GAP}[1289A-D](?:{GAP}[0-9]){{8}}")));
static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[A-Z0-9._%+-]{1,64}@[A-Z0-9](?:[A-Z0-9-]{0,62})(?:\.[A-Z0-9-]{1,63}){1,6}")
});
static MOBILE: LazyLock<Regex> = LazyLock::new(|| {
    let prefix = format!(r"\+?886{GAP}(?:\(0\){GAP})?9|\(?09");
    pattern(&format!(r"(?:{prefix})(?:[ .()\r\n-]{{0,3}}[0-9]){{8}}"))
});
static LANDLINE: LazyLock<Regex> = LazyLock::new(|| {
    let area = format!(r"\(0[2-8][0-9]{{0,2}}\)|0[2-8][0-9]{{0,2}}|\+?886{GAP}[2-8]");
    let extension = r"(?:#|轉|分機)[ :]?[0-9]{1,6}";
    pattern(&format!("(?:{area})(?:{GAP}[0-9]){{5,8}}(?:{extension})?"))
});
static CARD: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("[3-6](?:{GAP}[0-9]){{12,18}}")));
static PLATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"[A-Z]{3}-[0-9]{3,4}|[A-Z0-9]{2}-[0-9]{4}|[0-9]{4}-[A-Z0-9]{2}|[0-9]{3}-[A-Z]{3}|(?:車牌|車號)[: 號碼為是]{0,3}[A-Z0-9]{2,4} ?[A-Z0-9]{2,4}",
    )
});
/// The number of a paper, not of a house: 本里公告第3號.
static NO_ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| pattern("[第字](?:[0-9一二三四五六七八九十百〇○]{1,5})號"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    let number = "[0-9一二三四五六七八九十百〇○]{1,5}";
    let han = "[㐀-鿿]";
    let town = format!("{han}{{1,3}}[鄉鎮市區]");
    let ward = format!("(?: ?{number} ?鄰)?");
    // A house of a hamlet, known by its village: 富世村富世291號.
    let hamlet = format!(
        "(?:{town} ?)?(?:{han}{{1,4}}[村里]{ward}|{han}{{0,4}}{number} ?鄰) ?{han}{{1,4}}?"
    );
    let street = format!(
        "(?:{town} ?)?(?:{han}{{1,4}}[村里])?{ward} ?\
         (?:{han}{{1,6}}?(?:路|街|大道)|{han}{{2,4}}?巷|{han}{{0,4}}{han}(?:新村|[村里]){ward})"
    );
    pattern(&format!(
        "(?:(?:{COUNTIES}) ?)?(?:{street}|{hamlet})\
         (?: ?(?:[東西南北中]|{number}) ?段)?(?: ?{number} ?巷)?(?: ?{number} ?弄)?(?: ?{number} ?衖)?\
         (?: ?臨?{number}(?:[之-]{number})? ?號)(?:[之-]{number})?\
         (?:,? ?(?:地下)?{number} ?(?:樓|F)(?:[之-]{number})?)?(?: ?[0-9A-Z]{{1,4}}室)?"
    ))
});

#[expect(clippy::expect_used, reason = "constant patterns; a test compiles every one")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern is valid")
}

/// The personal data in a text, in order, not overlapping; where rules dispute a place, the surer kind has it.
pub fn find(text: &str) -> Vec<Pii> {
    search(text, Kinds::All)
}

/// Only what tells one person from all others: identity numbers, telephone numbers, addresses of mail. For texts that
/// nobody masks it takes a fraction of the time.
pub fn find_identifiers(text: &str) -> Vec<Pii> {
    search(text, Kinds::Identifiers)
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kinds {
    All,
    Identifiers,
}

fn search(text: &str, kinds: Kinds) -> Vec<Pii> {
    let folded = Folded::new(text);
    let text = folded.as_str();
    let mut taken: BTreeMap<usize, Pii> = BTreeMap::new();
    let mut keep = |kind: PiiKind, range: Range<usize>| {
        let span = folded.span(range);
        let before = taken.range(..span.end).next_back();
        if before.is_none_or(|(_, it)| !it.span.overlaps(span)) {
            taken.insert(span.start, Pii { kind, span });
        }
    };
    // Most letters have few digits or none: a rule that wants more than there are need not look.
    let n_digits = text.bytes().filter(u8::is_ascii_digit).count();
    let with_digits = |least: usize| if least <= n_digits { text } else { "" };
    let with = |part: char| if text.contains(part) { text } else { "" };
    let mut rule =
        |pattern: &Regex, text: &str, kind: &dyn Fn(&Range<usize>) -> Option<PiiKind>| {
            for (kind, range) in accepted(pattern, text, kind) {
                keep(kind, range);
            }
        };
    let of = |kind: PiiKind, is: bool| is.then_some(kind);
    let is_all = kinds == Kinds::All;
    let all = if is_all { text } else { "" };
    rule(&IDENTITY, with_digits(8), &|it| identity(text, it));
    rule(&EMAIL, with('@'), &|_| Some(PiiKind::Email));
    rule(&CARD, if is_all { with_digits(13) } else { "" }, &|it| {
        of(PiiKind::BankCard, is_card(text, it))
    });
    rule(&MOBILE, with_digits(10), &|it| of(PiiKind::MobilePhone, is_number(text, it)));
    rule(&LANDLINE, with_digits(9), &|it| of(PiiKind::Landline, is_landline(text, it)));
    rule(&PLATE, all, &|it| of(PiiKind::Plate, is_plate(text, it)));
    let addresses = ADDRESS.find_iter(if all.contains('號') { all } else { "" });
    for it in addresses.filter(|it| !NO_ADDRESS.is_match(it.as_str())) {
        let introduction = introduction(it.as_str());
        keep(PiiKind::Address, it.start() + introduction..it.end());
    }
    if all.contains('生') {
        for it in birth::DATE.find_iter(all).filter(|it| birth::is_birth(all, &it.range())) {
            keep(PiiKind::BirthDate, it.range());
        }
    }
    taken.into_values().collect()
}

/// Where a rule's pattern is found and its check passes. What fails is tried without its last groups of digits (a number, and
/// behind it a floor or a date), then again from its next character.
fn accepted(
    pattern: &Regex,
    text: &str,
    check: &dyn Fn(&Range<usize>) -> Option<PiiKind>,
) -> Vec<(PiiKind, Range<usize>)> {
    let mut accepted = Vec::new();
    let mut at = 0;
    while let Some(found) = pattern.find_at(text, at) {
        let shorter = found.as_str().rmatch_indices([' ', '-', '\n']).map(|it| it.0);
        let ends = iter::once(found.len()).chain(shorter);
        let mut tried = ends.map(|it| found.start()..found.start() + it);
        let passed = tried.find_map(|range| Some((check(&range)?, range)));
        // No match begins within a character.
        at = passed.as_ref().map_or(found.start() + 1, |(_, range)| range.end);
        accepted.extend(passed);
    }
    accepted
}

/// The text with every finding replaced by the name of its kind in brackets.
///
/// `found` is what [`find`] returned for the same text: in order and not overlapping.
pub fn mask(text: &str, found: &[Pii]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut left = found.iter().peekable();
    for (idx, ch) in text.chars().enumerate() {
        while left.next_if(|it| it.span.end <= idx).is_some() {}
        match left.peek() {
            Some(it) if it.span.start == idx => masked.push_str(it.kind.mask()),
            Some(it) if it.span.start < idx => (),
            _ => masked.push(ch),
        }
    }
    masked
}

/// The kind of an identity number; none when nothing proves it to be one.
fn identity(text: &str, range: &Range<usize>) -> Option<PiiKind> {
    let found = text.get(range.clone())?;
    if !stands_alone(text, range, |ch| ch.is_ascii_alphanumeric()) {
        return None;
    }
    let number: String = found.chars().filter(char::is_ascii_alphanumeric).collect();
    let before: Vec<char> = text.get(..range.start)?.chars().rev().take(LABEL_WINDOW).collect();
    let before: String = before.into_iter().rev().collect();
    let is_labelled = ["身分證", "身份證", "統一編號", "統一證號", "居留證"]
        .iter()
        .any(|label| before.contains(label));
    if !IdNumber::checksum_holds(&number) && !is_labelled {
        return None;
    }
    match IdNumber::shape(&number)? {
        IdNumber::National(_) => Some(PiiKind::NationalId),
        IdNumber::Resident(_) | IdNumber::LegacyResident(_) => Some(PiiKind::ResidentCertificate),
    }
}

/// Whether no character of a class touches the range.
fn stands_alone(text: &str, range: &Range<usize>, class: fn(char) -> bool) -> bool {
    let before = text.get(..range.start).and_then(|it| it.chars().next_back());
    let after = text.get(range.end..).and_then(|it| it.chars().next());
    !before.is_some_and(class) && !after.is_some_and(class)
}

fn digit(ch: char) -> bool {
    ch.is_ascii_digit()
}

/// The sum that the check digit of a card makes divisible by ten.
fn luhn(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().rev().filter_map(|ch| ch.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(idx, digit)| match (idx % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) => doubled / 10 + doubled % 10,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|it| *it != 0)
}

/// Whether digits are a card's.
fn is_card(text: &str, range: &Range<usize>) -> bool {
    let digits = text.get(range.clone()).unwrap_or_default();
    let n_digits = digits.bytes().filter(u8::is_ascii_digit).count();
    12 < n_digits && stands_alone(text, range, digit) && luhn(digits)
}

/// Whether digits are no part of a longer number, nor the number of a document (第…號). One or two digits behind a dash are
/// somebody's extension.
fn is_number(text: &str, range: &Range<usize>) -> bool {
    let goes_on = |rest: &str| {
        let rest = rest.strip_prefix('-').unwrap_or_default();
        2 < rest.bytes().take_while(u8::is_ascii_digit).count()
    };
    let before = text.get(..range.start).unwrap_or_default();
    let begins_before = before.strip_suffix('-').is_some_and(|it| it.ends_with(digit));
    stands_alone(text, range, |ch| ch.is_ascii_digit() || matches!(ch, '第' | '號'))
        && !begins_before
        && !goes_on(text.get(range.end..).unwrap_or_default())
}

/// Whether the digits fit the numbering plan.
fn is_landline(text: &str, range: &Range<usize>) -> bool {
    let Some(found) = text.get(range.clone()) else { return false };
    if !is_number(text, range) {
        return false;
    }
    let main = found.split(['#', '轉', '分']).next().unwrap_or_default();
    let digits: String = main.chars().filter(char::is_ascii_digit).collect();
    let national = match digits.strip_prefix("886") {
        Some(rest) => format!("0{rest}"),
        None => digits,
    };
    let area = AREAS.iter().find(|(code, least, most)| {
        let rest = national.strip_prefix(code).map_or(0, str::len);
        (*least..=*most).contains(&rest)
    });
    area.is_some()
}

/// Whether a run that looks like a plate has letters and digits and is no part of a longer one.
fn is_plate(text: &str, range: &Range<usize>) -> bool {
    let Some(found) = text.get(range.clone()) else { return false };
    stands_alone(text, range, |ch| ch.is_ascii_alphanumeric() || ch == '-')
        && found.chars().any(|ch| ch.is_ascii_alphabetic())
        && found.chars().any(|ch| ch.is_ascii_digit())
        && !NO_PLATES.iter().any(|it| found.starts_with(it))
}

/// Bytes of the words before an address that begins without a county: 我住在|中正路1號.
fn introduction(found: &str) -> usize {
    let head = found.find(['路', '街', '道', '村', '里', '區', '鄉', '鎮']).unwrap_or(0);
    let head = found.get(..head).unwrap_or_default();
    let last = head.rfind(INTRODUCTIONS);
    last.map_or(0, |at| {
        at + head.get(at..).and_then(|it| it.chars().next()).map_or(0, char::len_utf8)
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(mask(text, &find(text)), expected, "{text}");
    }

    #[test]
    fn identity_numbers() {
        check("我是A123456789王小明", "我是〔身分證字號〕王小明");
        check("Ａ１２３４５６７８９", "〔身分證字號〕");
        check("a123456789。A 123-456-789", "〔身分證字號〕。〔身分證字號〕");
        check("居留證A800000014", "居留證〔統一證號〕");
        check("AC01234567", "〔統一證號〕");
        check("A123456788", "A123456788");
        check("身分證字號:A123456788", "身分證字號:〔身分證字號〕");
        check("XA123456789 A1234567890", "XA123456789 A1234567890");
    }

    #[test]
    fn telephones_and_mail() {
        check("手機0912345678、0912-345-678", "手機〔行動電話〕、〔行動電話〕");
        check("+886 912 345 678", "〔行動電話〕");
        check("電話(02)2356-5000#1234", "電話〔電話〕");
        check("049-2391-122 或 037123456", "〔電話〕 或 〔電話〕");
        check("請打1996或110、0800-000-000", "請打1996或110、0800-000-000");
        check("台內營字第0950807676號", "台內營字第0950807676號");
        check("寄到 wang.xm+1@mail.example.com.tw 謝謝", "寄到 〔電子信箱〕 謝謝");
        check("２３５６－５０００", "２３５６－５０００");
    }

    #[test]
    fn cards_and_plates() {
        check("卡號4111 1111 1111 1111", "卡號〔卡號〕");
        check("5500-0055-5555-5559", "〔卡號〕");
        check("4111111111111112", "4111111111111112");
        check("車牌ABC-1234,機車 MXL-889", "車牌〔車牌〕,機車 〔車牌〕");
        check("1234-AB 5678-9012 02-1234", "〔車牌〕 5678-9012 02-1234");
        check("車號ABC1234違停", "〔車牌〕違停");
    }

    #[test]
    fn addresses() {
        check("我住在臺北市中正區徐州路5號", "我住在〔地址〕");
        check("我家在中正路123巷4弄5之1號3樓之2。", "我家在〔地址〕。");
        check("嘉義縣太保市祥和里12鄰祥和一路東段1號", "〔地址〕");
        check("南投縣仁愛鄉大同村5號民宿", "〔地址〕民宿");
        check("住南投縣信義鄉神木村3鄰15號", "住〔地址〕");
        check("丹林村5鄰18號", "〔地址〕");
        check("花蓮縣秀林鄉富世村富世291號", "〔地址〕");
        check("台北市 中正區 徐州路 5 號", "〔地址〕");
        check("中正路臨5號", "〔地址〕");
        check("本里里長辦公處公告第3號", "本里里長辦公處公告第3號");
        check("忠孝東路四段口很塞", "忠孝東路四段口很塞");
        check("依第3號公告辦理", "依第3號公告辦理");
    }

    #[test]
    fn the_shortest_of_each_kind_is_found_where_nothing_else_is() {
        check("AC01234567", "〔統一證號〕");
        check("4222222222222", "〔卡號〕");
        check("0912345678", "〔行動電話〕");
        check("0836-22381", "〔電話〕");
        check("037123456", "〔電話〕");
        check("車號A1 BC", "〔車牌〕");
        check("a@b.tw", "〔電子信箱〕");
        check("中正路五號", "〔地址〕");
    }

    #[test]
    fn what_stands_beside_a_number_does_not_hide_it() {
        check("我的ID A123456789,住戶B A123456789", "我的ID 〔身分證字號〕,住戶B 〔身分證字號〕");
        check("4111 1111 1111 1111 123", "〔卡號〕 123");
        check("4111-1111-1111-1111 12/27", "〔卡號〕 12/27");
        check("03-3322101 5樓", "〔電話〕 5樓");
        check("07-3368333 0912345678", "〔電話〕 〔行動電話〕");
        check("0912345678-1,電話-0912345678", "〔行動電話〕-1,電話-〔行動電話〕");
        check("(0912)345-678 09-12345678 0912.345.678", "〔行動電話〕 〔行動電話〕 〔行動電話〕");
        check("(02) - 2356 - 5000", "〔電話〕");
        check("09123\r\n45678 A12345\n6789", "〔行動電話〕 〔身分證字號〕");
        check("A1234\u{200b}56789", "〔身分證字號〕");
        check("ISO-9001、CNS-1234、BMW-320", "ISO-9001、CNS-1234、BMW-320");
        check("案號0912-345-678-901", "案號0912-345-678-901");
    }

    #[test]
    fn offsets_are_code_points() {
        let found = find("𠮷野家 A123456789");
        let span = Span { start: 4, end: 14 };
        assert_eq!(found, [Pii { kind: PiiKind::NationalId, span }]);
    }

    #[test]
    fn long_and_hostile_texts_end_soon() {
        for text in [
            "0".repeat(1 << 20),
            "路".repeat(1 << 18),
            "A1".repeat(1 << 19),
            "一號".repeat(1 << 17),
        ] {
            let start = Instant::now();
            let found = find(&text);
            let masked = mask(&text, &found);
            assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
            assert!(found.len() <= masked.chars().count());
        }
    }

    proptest! {
        #[test]
        fn findings_are_in_order_and_inside(text in "[A-C0-9路街號中@. -]{0,60}") {
            let found = find(&text);
            prop_assert!(found.windows(2).all(|it| it[0].span.end <= it[1].span.start));
            let n_chars = text.chars().count();
            prop_assert!(found.iter().all(|it| it.span.start < it.span.end && it.span.end <= n_chars));
            if found.is_empty() {
                prop_assert_eq!(mask(&text, &found), text);
            }
        }
    }
}
