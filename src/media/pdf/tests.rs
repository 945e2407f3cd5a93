//! Files of every kind that offices send, and files that nobody should.

use proptest::prelude::*;

use super::samples::{Subset, deflated, file, page, pages, predefined, stream};
use super::*;

const FONT: &str = "/Font<</F1 5 0 R>>";

fn text(bytes: &[u8]) -> String {
    read(bytes, &PdfLimits::default()).unwrap_or_else(|err| panic!("{err}")).text()
}

fn refusal(bytes: &[u8], limits: &PdfLimits) -> PdfError {
    read(bytes, limits).err().unwrap()
}

/// A page that shows each line of `lines` in a subset font, at the place given.
fn placed(lines: &[(f64, f64, &str)]) -> Vec<u8> {
    let all: String = lines.iter().map(|it| it.2).collect();
    let subset = Subset::of(&all);
    let shows: String = lines
        .iter()
        .map(|(x, y, line)| {
            format!("BT /F1 12 Tf 1 0 0 1 {x} {y} Tm {} Tj ET\n", subset.show(line))
        })
        .collect();
    page(shows.as_bytes(), FONT, &subset.objects(true))
}

#[test]
fn a_letter_with_a_to_unicode_map() {
    let bytes = placed(&[
        (60.0, 800.0, "嘉禾市政府 函"),
        (60.0, 780.0, "主旨:檢送路燈維護計畫一份,請查照。"),
        (60.0, 760.0, "說明:"),
        (84.0, 740.0, "一、依據貴局114年11月5日來函辦理,並請於文到後"),
        (84.0, 720.0, "七日內回復。"),
        (84.0, 700.0, "二、𠮷字亦可。"),
    ]);
    let expected = "嘉禾市政府 函\n主旨:檢送路燈維護計畫一份,請查照。\n說明:\n\
                    一、依據貴局114年11月5日來函辦理,並請於文到後七日內回復。\n二、𠮷字亦可。";
    assert_eq!(text(&bytes), expected);
}

#[test]
fn predefined_maps_of_traditional_chinese() {
    let check = |encoding: &str, ordering: &str, hex: &str| {
        let content = format!("BT /F1 12 Tf <{hex}> Tj ET");
        assert_eq!(text(&predefined(encoding, ordering, &content)), "內政部A", "{encoding}");
    };
    check("UniCNS-UTF16-H", "CNS1", "5167653F90E80041");
    check("UniCNS-UCS2-H", "CNS1", "5167653F90E80041");
    check("ETen-B5-H", "CNS1", "A4BAAC46B3A141");
    check("ETenms-B5-H", "CNS1", "A4BAAC46B3A141");
    check("UniGB-UTF16-H", "GB1", "5167653F90E80041");
    // Identifiers of Adobe-CNS1 themselves.
    check("Identity-H", "CNS1", "02AB07410BC50022");
}

#[test]
fn one_byte_fonts() {
    let check = |font: &str, shown: &str, expected: &str| {
        let content = format!("BT /F1 12 Tf {shown} Tj ET");
        let font = format!("<</Type/Font/Subtype/Type1/BaseFont/Helvetica{font}>>");
        assert_eq!(text(&page(content.as_bytes(), FONT, &[font.into()])), expected);
    };
    check("/Encoding/WinAnsiEncoding", "(Taipei \\200)", "Taipei €");
    check("", "(Taipei 114)", "Taipei 114");
    let differences = "/Encoding<</Differences[65/Euro/uni5167/u653F/g77/b.alt]>>";
    check(differences, "(ABCDEZZZ)", "€內政\u{FFFD}bZZZ");
}

#[test]
fn blanks_and_lines_come_from_places() {
    let font =
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/FirstChar 32\
                 /Widths[250]/FontDescriptor<</MissingWidth 500>>>>";
    let check = |content: &str, expected: &str| {
        assert_eq!(text(&page(content.as_bytes(), FONT, &[font.to_vec()])), expected);
    };
    check("BT /F1 10 Tf [(AB)-100(C)-400(D)] TJ ET", "ABC D");
    check("BT /F1 10 Tf 12 TL (A) Tj T* (B) Tj (C) ' 1 1 (D) \" ET", "A\nB\nC\nD");
    check("BT /F1 10 Tf 0 -20 TD (A) Tj 0 -20 Td (B) Tj 30 0 Td (C) Tj ET", "A\nB C");
    // Scaled up, the gap of two points is one of twenty.
    check("q 10 0 0 10 0 0 cm BT /F1 1 Tf (A) Tj 1 0 0 1 2.5 0 Tm (B) Tj ET Q", "A B");
    // Printed twice to look bold; a real repetition stays.
    check("BT /F1 10 Tf (A) Tj 1 0 0 1 0.3 0 Tm (A) Tj 1 0 0 1 5 0 Tm (A) Tj ET", "AA");
    check("BT /F1 10 Tf (1) Tj 5 Ts (2) Tj 0 Ts (3) Tj ET", "123");
    // Upside down.
    check("BT /F1 10 Tf -1 0 0 -1 200 200 Tm (AB) Tj -1 0 0 -1 190 200 Tm (C) Tj ET", "ABC");
}

#[test]
fn lines_from_top_to_bottom() {
    let content =
        "BT /F1 12 Tf 1 0 0 1 500 800 Tm <5167653F90E8> Tj 1 0 0 1 480 800 Tm <5167> Tj ET";
    assert_eq!(text(&predefined("UniCNS-UTF16-V", "CNS1", content)), "內政部\n內");
}

#[test]
fn forms_are_read_and_pages_told_apart() {
    let subset = Subset::of("甲乙丙丁");
    let show = |it: &str| format!("BT /F1 12 Tf {} Tj ET ", subset.show(it));
    let resources = "/Font<</F1 5 0 R>>/XObject<</X 8 0 R/Y 9 0 R>>";
    let mut more = subset.objects(true);
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Matrix[1 0 0 1 0 -40]";
    more.push(stream(form, show("乙").as_bytes()));
    // A form that draws itself ends at the depth allowed.
    more.push(stream(&format!("{form}/Resources<<{resources}>>"), b"/Y Do"));
    let content = format!("{}/X Do /Y Do", show("甲"));
    assert_eq!(text(&page(content.as_bytes(), resources, &more)), "甲\n乙");

    let more = subset.objects_from(9, true);
    let contents = [show("丙"), "0 0 9 9 re f".to_owned(), show("丁") + "BI /W 1 ID x"];
    let contents: Vec<&[u8]> = contents.iter().map(String::as_bytes).collect();
    let pdf = read(&pages(&contents, "/Font<</F1 9 0 R>>", &more, ""), &PdfLimits::default());
    let pdf = pdf.unwrap_or_else(|err| panic!("{err}"));
    assert_eq!(pdf.pages, ["丙", "", "丁"]);
    assert_eq!((pdf.textless, pdf.broken), (vec![2], vec![3]));
}

#[test]
fn refusals_name_their_remedy() {
    let limits = PdfLimits::default();
    let check = |bytes: &[u8], expected: PdfError, remedy: &str| {
        let error = refusal(bytes, &limits);
        assert_eq!(error, expected);
        assert!(error.remedy().contains(remedy), "{}", error.remedy());
    };
    check(b"PK\x03\x04", PdfError::NotPdf, "不是 PDF");
    check(b"%PDF-1.7\nnothing", PdfError::Damaged, "重新匯出");
    let image =
        "/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8";
    let scan = page(b"/X Do", "/XObject<</X 5 0 R>>", &[stream(image, b"x")]);
    check(&scan, PdfError::NoText, "OCR");
    let subset = Subset::of("甲乙丙丁");
    let content = format!("BT /F1 12 Tf {} Tj ET", subset.show("甲乙丙丁"));
    let bare = page(content.as_bytes(), FONT, &subset.objects(false));
    check(&bare, PdfError::NoUnicode { n_unmapped: 4, n_chars: 4 }, "ToUnicode");
    let encryption = b"<</Filter/Standard/V 2/R 3/Length 128/P -3904/O<3a>/U<3b>>>".to_vec();
    let locked = pages(&[b"BT ET"], "", &[encryption], "/Encrypt 5 0 R/ID[<01><01>]");
    check(&locked, PdfError::Encrypted, "解除保護");
}

#[test]
fn limits_hold() {
    let subset = Subset::of("甲乙");
    let show = format!("BT /F1 12 Tf {} Tj ET ", subset.show("甲乙"));
    let content = show.repeat(50);
    let contents = [content.as_bytes(), b""];
    let more = subset.objects_from(7, true);
    let bytes = pages(&contents, "/Font<</F1 7 0 R>>", &more, "");
    let all = PdfLimits::default();
    assert!(read(&bytes, &all).is_ok());
    for (limits, what, limit) in [
        (PdfLimits { max_bytes: 100, ..all }, Quantity::Bytes, 100),
        (PdfLimits { max_objects: 3, ..all }, Quantity::Objects, 3),
        (PdfLimits { max_pages: 1, ..all }, Quantity::Pages, 1),
        (PdfLimits { max_fonts: 0, ..all }, Quantity::Fonts, 0),
        (PdfLimits { max_stream: 200, ..all }, Quantity::StreamBytes, 200),
        (PdfLimits { max_decompressed: 1600, ..all }, Quantity::DecompressedBytes, 1600),
        (PdfLimits { max_operators: 20, ..all }, Quantity::Operators, 20),
        (PdfLimits { max_chars: 30, ..all }, Quantity::Chars, 30),
    ] {
        assert_eq!(refusal(&bytes, &limits), PdfError::TooLarge { what, limit });
    }
}

/// Streams that swell to gigabytes, circles, depths: each ends and is refused or read.
#[test]
fn hostile_files_end() {
    let bomb = deflated("", &vec![b' '; 200 << 20]);
    let one_page = |content: &str| {
        vec![
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            "<</Type/Pages/Count 1/Kids[3 0 R]/Parent 2 0 R>>".into(),
            format!("<</Type/Page/Parent 2 0 R/Contents {content}/Resources 3 0 R>>").into(),
        ]
    };
    let mut swelling = one_page("4 0 R");
    swelling.push(bomb.clone());
    let mut object_stream = one_page("5 0 R");
    object_stream.push(deflated("/Type/ObjStm/N 1/First 8", &vec![b'['; 200 << 20]));
    let kids = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 99/Kids[2 0 R 2 0 R 3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 3 0 R/Contents[3 0 R]/Resources 3 0 R/Font 3 0 R/F1 3 0 R>>".to_vec(),
    ];
    let deep = page("[".repeat(1 << 20).as_bytes(), "", &[]);
    let dictionaries = page("<</A".repeat(1 << 18).as_bytes(), "", &[]);
    let saved = page("q ".repeat(1 << 16).as_bytes(), "", &[]);
    let strings = page("(".repeat(1 << 20).as_bytes(), "", &[]);
    let ranges = format!("{} beginbfrange <0000> <FFFFFFFF> [", 1);
    let mut more = Subset::of("甲").objects(true);
    more[2] = deflated("", ranges.as_bytes());
    let map = page(b"BT /F1 12 Tf <0001> Tj ET", FONT, &more);
    let mut objects = String::from("%PDF-1.7\n");
    for idx in 0..100_000 {
        objects += &format!("{} 0 obj [0 0 0 0] endobj\n", idx % 1000);
    }
    for bytes in [
        file(&swelling, ""),
        file(&object_stream, ""),
        file(&kids, ""),
        deep,
        dictionaries,
        saved,
        strings,
        map,
        objects.into_bytes(),
    ] {
        let _ = read(&bytes, &PdfLimits::default());
    }
    assert!(matches!(
        refusal(&file(&swelling, ""), &PdfLimits::default()),
        PdfError::TooLarge { what: Quantity::StreamBytes, .. }
    ));
}

proptest! {
    #[test]
    fn any_change_of_a_good_file_is_fine(at in 0.0..1.0_f64, bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
        let good = placed(&[(60.0, 800.0, "嘉禾市政府"), (60.0, 780.0, "主旨")]);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the file")]
        let at = (at * good.len() as f64) as usize;
        let _ = read(&good[..at], &PdfLimits::default());
        let end = (at + bytes.len()).min(good.len());
        let changed = [&good[..at], bytes.as_slice(), &good[end..]].concat();
        let _ = read(&changed, &PdfLimits::default());
    }
}
