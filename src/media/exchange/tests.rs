//! Whole files: every kind, generation and encoding, then everything hostile.

mod generator;

use std::time::{Duration, Instant};

use super::*;
use generator::{Generation, SUBJECT, Sample, Writing, encode};

const KINDS: [(&str, &str, Kind); 10] = [
    ("函", "函", Kind::Letter),
    ("函", "書函", Kind::ShortLetter),
    ("函", "移文單", Kind::Transfer),
    ("令", "獎懲令", Kind::Order),
    ("公告", "公告", Kind::Announcement),
    ("開會通知單", "開會通知單", Kind::MeetingNotice),
    ("會勘通知單", "會勘通知單", Kind::InspectionNotice),
    ("簽", "簽", Kind::Memorandum),
    ("簽稿會核單", "簽稿會核單", Kind::ReviewSlip),
    ("疾病管制署請辦單", "疾病管制署請辦單", Kind::Other),
];

const WAYS: [(Generation, Writing); 7] = [
    (Generation::Roc104, Writing::Utf8),
    (Generation::Roc104, Writing::Utf8Marked),
    (Generation::Roc104, Writing::Undeclared),
    (Generation::Roc99, Writing::Utf8),
    (Generation::Roc99, Writing::Big5),
    (Generation::Roc99, Writing::Cp950),
    (Generation::Roc91, Writing::Big5),
];

const LETTER: Sample = Sample {
    kind: "函",
    class: "函",
    generation: Generation::Roc104,
    writing: Writing::Utf8,
    is_indented: false,
    is_loose: false,
};

fn read(bytes: &[u8]) -> Result<Exchange, ExchangeError> {
    parse(bytes, &ExchangeLimits::default())
}

fn document(bytes: &[u8]) -> Document {
    match read(bytes) {
        Ok(Exchange::Document(document)) => *document,
        Ok(Exchange::Roster(_)) => panic!("a roster"),
        Ok(Exchange::Classified(secrecy)) => panic!("classified {secrecy:?}"),
        Err(err) => panic!("{err}"),
    }
}

fn names(parties: &[Party]) -> Vec<&str> {
    parties.iter().map(|it| it.name.as_str()).collect()
}

/// Every field of a generated file, against the facts it was written from.
fn check(sample: Sample, kind: Kind) {
    let document = document(&sample.bytes());
    let big5 = matches!(sample.writing, Writing::Big5 | Writing::Cp950);
    assert_eq!(document.kind, kind, "{sample:?}");
    assert_eq!(document.class, sample.class, "{sample:?}");
    assert_eq!(document.encoding == Encoding::Cp950, big5, "{sample:?}");
    let dtd = document.dtd.as_deref().unwrap();
    assert!(dtd.starts_with(&format!("{:?}_", sample.generation)[3..]), "{dtd} {sample:?}");
    assert_eq!(document.subject, SUBJECT, "{sample:?}");
    assert_eq!(document.date.unwrap().to_string(), "2025-11-05", "{sample:?}");
    let prefix = if sample.kind == "簽" { "" } else { "府民戶" };
    let numbers: Vec<String> = document.numbers.iter().map(DocumentNumber::printed).collect();
    let printed = if prefix.is_empty() { "11401234562" } else { "府民戶字第11401234562號" };
    assert_eq!(numbers, [printed], "{sample:?}");
    assert_eq!(document.numbers[0].branch.as_deref(), Some("2"), "{sample:?}");
    assert_eq!(document.priority, Priority::Fast, "{sample:?}");
    assert_eq!(document.attachment_text, "如說明二", "{sample:?}");
    let file = Some("計畫書.pdf".to_owned());
    let attachment = Attachment { entity: "ATTCH1".to_owned(), file };
    assert_eq!(document.attachments, [attachment], "{sample:?}");
    check_body(&document, sample);
    check_parties(&document, sample);
    let is_meeting = matches!(kind, Kind::MeetingNotice | Kind::InspectionNotice);
    assert_eq!(document.meeting.is_some(), is_meeting, "{sample:?}");
}

fn check_body(document: &Document, sample: Sample) {
    let name = if sample.kind == "公告" { "公告事項：" } else { "說明：" };
    let expected = format!(
        "{name}查本案如下：\n一、依 <戶籍法> 辦理 & 備查。\n(一)第17條。\n二、檢附計畫書1份。"
    );
    assert_eq!(document.body(), expected, "{sample:?}");
    assert_eq!(document.paragraphs[0].items[0].items[0].label, "(一)", "{sample:?}");
    assert_eq!(document.contacts, ["嘉禾市中正路1號", "承辦人：林小明"], "{sample:?}");
    assert_eq!(document.signatures, ["市長　王○○"], "{sample:?}");
}

fn check_parties(document: &Document, sample: Sample) {
    let sender = &document.senders[0];
    assert_eq!(names(&document.recipients), ["如正副本"], "{sample:?}");
    if sample.kind == "簽" {
        assert_eq!((sender.name.as_str(), sender.kind), ("民政處", PartyKind::Unit));
        assert_eq!(sender.unit_code.as_deref(), Some("UA10000"));
        let titles: Vec<_> = document.originals.iter().map(|it| it.title.as_deref()).collect();
        assert_eq!(titles, [Some("處長"), Some("市長")]);
        assert_eq!(names(&document.originals), ["", "王○○"]);
        return;
    }
    assert_eq!((sender.name.as_str(), sender.kind), ("嘉禾市政府", PartyKind::Agency));
    assert_eq!(sender.agency_code.as_deref(), Some("Q10000000A"), "{sample:?}");
    assert_eq!(names(&document.originals), ["內政部", "各區公所"], "{sample:?}");
    assert_eq!(document.originals[1].kind, PartyKind::Group);
    assert_eq!(names(&document.copies), ["嘉禾市議會"], "{sample:?}");
    assert_eq!(document.copies[0].with_attachments, Some(false), "{sample:?}");
}

#[test]
fn every_kind_generation_and_encoding() {
    let mut n_files = 0;
    for (kind, class, expected) in KINDS {
        for (generation, writing) in WAYS {
            for (is_indented, is_loose) in [(false, false), (true, true)] {
                let sample = Sample { kind, class, generation, writing, is_indented, is_loose };
                check(sample, expected);
                n_files += 1;
            }
        }
    }
    assert_eq!(n_files, 140);
}

#[test]
fn meetings_say_when_where_and_who() {
    let sample = Sample { kind: "開會通知單", class: "", is_indented: true, ..LETTER };
    let meeting = document(&sample.bytes()).meeting.unwrap();
    let dates: Vec<String> = meeting.dates.iter().map(ToString::to_string).collect();
    assert_eq!(dates, ["2025-11-20"]);
    assert_eq!(meeting.times, ["中華民國114年11月20日(星期四)上午9時30分"]);
    assert_eq!(meeting.place, "第一會議室");
    assert_eq!(names(&meeting.chairs), ["王主任"]);
    assert_eq!(meeting.chairs[0].title.as_deref(), Some("主任秘書"));
    assert_eq!(names(&meeting.attendees), ["內政部", "民政處"]);
    assert_eq!(names(&meeting.observers), ["各區公所"]);
}

#[test]
fn user_defined_characters_are_counted() {
    for writing in [Writing::Utf8, Writing::Big5] {
        let sample = Sample { writing, ..LETTER };
        let text = sample.text().replace("林小明", "林\u{E000}\u{E000}");
        let document = document(&encode(&text, writing));
        assert_eq!(document.n_private, 2, "{writing:?}");
        assert_eq!(document.contacts[1], "承辦人：林\u{E000}\u{E000}");
    }
}

#[test]
fn loose_writing_is_tolerated() {
    let parse = |from: &str, to: &str| {
        let text = LETTER.text();
        assert!(text.contains(from), "{from}");
        document(text.replace(from, to).as_bytes())
    };
    let subject = format!("<文字>{SUBJECT}</文字>");
    assert_eq!(parse(&subject, SUBJECT).subject, SUBJECT);
    assert_eq!(parse("<文字>如說明二</文字>", "").attachment_text, "");
    assert_eq!(parse("代碼=\"速件\"", "").priority, Priority::Unstated);
    assert_eq!(parse("代碼=\"速件\"", "代碼=\"最速\"").priority, Priority::Immediate);
    assert_eq!(parse("代碼=\"速件\"", "代碼=\"急件\"").priority, Priority::Unclear);
    assert_eq!(parse(" 附件名=\"ATTCH1\"/>", ">甲.odt</附件檔名>").attachments.len(), 2);
    assert_eq!(parse("附件名=\"ATTCH1\"", "附件名=\"ATTCH1 LOST\"").attachments[1].file, None);
    let copies = parse("<全銜>嘉禾市議會</全銜><含附件>不含附件</含附件>", "甲處、乙處").copies;
    assert_eq!((names(&copies), copies[0].kind), (vec!["甲處、乙處"], PartyKind::Group));
    assert_eq!(parse("114年11月5日", "").date, None);
    assert_eq!(parse("<流水號>0123456</流水號>", "<流水號/>").numbers, []);
    let joint = "</發文字號><發文字號><文字>院臺字第1141234567號</文字></發文字號>";
    assert_eq!(parse("</發文字號>", joint).numbers.len(), 2);
}

#[test]
fn rosters_list_receivers() {
    let roster = |declaration: &str, writing| {
        let text = format!(
            "{declaration}<交換表單>\n<全銜>內政部</全銜><機關代碼>301000000A</機關代碼><含附件>含附件</含附件>\
             <本別><收發處理本別 代碼=\"正本\"/></本別>\n<單位名>戶政司</單位名><機關代碼>301000000A</機關代碼>\
             <單位代碼>UA20000</單位代碼><姓名>王大明</姓名><職稱>科長</職稱><機關代碼>Q10000000A</機關代碼>\
             </交換表單>"
        );
        match read(&encode(&text, writing)) {
            Ok(Exchange::Roster(parties)) => parties,
            _ => panic!("no roster"),
        }
    };
    let utf8 = "<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE 交換表單 SYSTEM \"104_Roster_utf8.dtd\">";
    let big5 =
        "<?xml version='1.0' encoding='big5'?>\n<!DOCTYPE 交換表單 SYSTEM \"99_roster_big5.dtd\">";
    for (declaration, writing) in [(utf8, Writing::Utf8), (big5, Writing::Big5)] {
        let parties = roster(declaration, writing);
        assert_eq!(names(&parties), ["內政部", "戶政司", "王大明"]);
        assert_eq!(parties[0].copy.as_deref(), Some("正本"));
        assert_eq!(parties[0].with_attachments, Some(true));
        assert_eq!(parties[1].unit_code.as_deref(), Some("UA20000"));
        assert_eq!(parties[2].title.as_deref(), Some("科長"));
    }
}

#[test]
fn classified_documents_give_their_grade_only() {
    let text = Sample { is_loose: true, ..LETTER }.text();
    for (grade, expected) in [
        ("密", Secrecy::Confidential),
        ("機密", Secrecy::Secret),
        ("極機密", Secrecy::HighlySecret),
        ("絕對機密", Secrecy::TopSecret),
    ] {
        for to in [format!("<密等 代碼=\"{grade}\"/>"), format!("<密等>{grade}</密等>")] {
            let classified = text.replace("<密等/>", &to);
            assert_ne!(classified, text);
            assert!(matches!(
                read(classified.as_bytes()),
                Ok(Exchange::Classified(found)) if found == expected
            ));
        }
    }
}

/// A file whose declaration or body is hostile: the error, in bounded time.
fn refused(bytes: &[u8], expected: &ExchangeError) {
    let start = Instant::now();
    let found = read(bytes).err();
    assert_eq!(found.as_ref(), Some(expected));
    assert!(start.elapsed() < Duration::from_secs(10), "{expected} took {:?}", start.elapsed());
    assert!(!expected.remedy().is_empty());
}

fn with_subset(subset: &str, subject: &str) -> Vec<u8> {
    format!("<!DOCTYPE 函 [{subset}]><函><主旨><文字>{subject}</文字></主旨></函>").into_bytes()
}

#[test]
fn entities_are_never_expanded_nor_files_read() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.txt");
    std::fs::write(&secret, "canary").unwrap();
    let external = format!("<!ENTITY x SYSTEM \"file://{}\">", secret.display());
    refused(&with_subset(&external, "&x;"), &ExchangeError::ExternalEntity);
    let attached = format!("<!ENTITY x SYSTEM \"file://{}\" NDATA n>", secret.display());
    let found = read(&with_subset(&attached, "&x;")).err();
    assert!(matches!(found, Some(ExchangeError::EntityReference { .. })), "{found:?}");
    let named = document(&with_subset(&attached, "好"));
    assert_eq!(named.attachments[0].file.as_deref(), Some("secret.txt"));
    assert!(!format!("{}{}", named.subject, named.body()).contains("canary"));

    let parameter = "<!ENTITY % p SYSTEM 'http://example.invalid/evil.dtd'> %p;";
    refused(&with_subset(parameter, "x"), &ExchangeError::ParameterEntity);
    let mut laughs = "<!ENTITY a0 'ha'>".to_owned();
    for idx in 1..10 {
        laughs.push_str(&format!("<!ENTITY a{idx} '{}'>", format!("&a{};", idx - 1).repeat(10)));
    }
    refused(&with_subset(&laughs, "&a9;"), &ExchangeError::InternalEntity);
    let quadratic = format!("<!ENTITY a '{}'>", "A".repeat(100_000));
    let body = "&a;".repeat(100_000);
    refused(&with_subset(&quadratic, &body), &ExchangeError::InternalEntity);
    let offset = "<函><主旨>&x;".len();
    refused("<函><主旨>&x;</主旨></函>".as_bytes(), &ExchangeError::EntityReference { offset });
}

#[test]
fn sizes_are_limited_before_anything_is_kept() {
    let limits = ExchangeLimits::default();
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    refused(deep.as_bytes(), &ExchangeError::TooLarge { what: "levels", limit: limits.max_depth });
    let wide = format!("<函>{}</函>", "<a/>".repeat(100_000));
    let limit = limits.max_elements;
    refused(wide.as_bytes(), &ExchangeError::TooLarge { what: "elements", limit });
    let long = format!("<函><主旨>{}</主旨></函>", "一".repeat(10 << 20));
    let limit = limits.max_bytes;
    refused(long.as_bytes(), &ExchangeError::TooLarge { what: "bytes", limit });
    let attributes: String = (0..100_000).map(|idx| format!(" a{idx}='1'")).collect();
    let busy = format!("<函{attributes}><主旨>x</主旨></函>");
    refused(busy.as_bytes(), &ExchangeError::TooLarge { what: "attributes", limit: 16 });
    let fits = format!("<函><主旨>{}</主旨></函>", "一".repeat(1 << 20));
    assert_eq!(document(fits.as_bytes()).subject.chars().count(), 1 << 20);
}

#[test]
fn broken_files_are_refused_whole() {
    let text = LETTER.text();
    // Cut anywhere, a file is refused; what is past the last tag may go.
    for end in (0..text.trim_end().len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(read(&text.as_bytes()[..end]).is_err(), "cut at {end}");
    }
    for bad in [
        "<函><主旨>a</函></主旨>",
        "<函/><函/>",
        "x<函/>",
        "<函/>x",
        "<函><主旨>&#0;</主旨></函>",
        "<函><主旨>&#xD800;</主旨></函>",
        "<函><主旨>\u{0}</主旨></函>",
        "<函><主旨>\u{b}</主旨></函>",
        "<函 a='1' a='2'/>",
        "<函><!DOCTYPE 函></函>",
        "<!DOCTYPE 函><!DOCTYPE 函><函/>",
    ] {
        assert!(matches!(read(bad.as_bytes()), Err(ExchangeError::Malformed { .. })), "{bad:?}");
    }
    refused(b"", &ExchangeError::Empty);
    refused(b"<html><body/></html>", &ExchangeError::NotExchange);
    refused(b"   ", &ExchangeError::NotExchange);
    refused(b"<a>\xED\xA0\x80</a>", &ExchangeError::NotUtf8 { offset: 3 });
}

#[test]
fn wrong_encodings_name_the_remedy() {
    let big5 = Sample { writing: Writing::Big5, ..LETTER };
    let undeclared = Sample { writing: Writing::Undeclared, ..LETTER }.text();
    let found = read(&encode(&undeclared, Writing::Big5)).err().unwrap();
    assert!(matches!(found, ExchangeError::UndeclaredBig5 { .. }), "{found}");
    assert!(found.remedy().contains("big5"));
    let found = read(big5.text().as_bytes()).err().unwrap();
    assert_eq!(found, ExchangeError::ContradictoryEncoding);
    assert!(found.remedy().contains("UTF-8"));
    let utf16: Vec<u8> = LETTER.text().encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused(&utf16, &ExchangeError::Utf16);
    refused(&[b"\xFF\xFE", utf16.as_slice()].concat(), &ExchangeError::Utf16);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_fine(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = read(&bytes);
        let _ = read(&[b"<?xml encoding='big5'?>", bytes.as_slice()].concat());
    }

    #[test]
    fn any_change_of_one_byte_is_fine(at in 0_usize..2_000, byte in proptest::num::u8::ANY) {
        let mut bytes = LETTER.bytes();
        if let Some(it) = bytes.get_mut(at) {
            *it = byte;
        }
        let _ = read(&bytes);
    }
}
