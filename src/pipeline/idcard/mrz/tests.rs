//! Zones of specimens, whole and damaged.

use proptest::prelude::*;

use super::*;
use crate::pipeline::idcard::line::Page;
use crate::pipeline::idcard::text::fixture::{line, page, unsure};
use crate::pipeline::idcard::text::rows;

const TODAY: Date = Date { year: 2026, month: 11, day: 24 };

const TD3: [&str; 2] = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
];
const TD2: [&str; 2] =
    ["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"];
const TD1: [&str; 3] = [
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
    "ERIKSSON<<ANNA<MARIA<<<<<<<<<<",
];
const MRV_A: [&str; 2] = [
    "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L8988901C4XXX4009078F96121096ZE184226B<<<<<<",
];
const MRV_B: [&str; 2] =
    ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"];

fn page_of(lines: &[&str]) -> Page {
    let placed: Vec<(f32, f32, &str)> = lines
        .iter()
        .enumerate()
        .map(|(idx, text)| (20.0, 400.0 + 50.0 * idx as f32, *text))
        .collect();
    page(&placed)
}

fn found(lines: &[&str]) -> Found {
    find(&rows(&page_of(lines)), TODAY).unwrap_or_else(|| panic!("no zone in {lines:?}"))
}

fn texts(found: &Found) -> Vec<String> {
    found.mrz.lines.iter().map(|it| it.expose().clone()).collect()
}

fn check(read: &[&str], printed: &[&str]) {
    let found = found(read);
    assert_eq!(texts(&found), printed, "{read:?}");
    let digits = found.mrz.check_digits;
    let all = [digits.number, digits.birth, digits.expiry, digits.optional, digits.composite];
    assert!(all.iter().all(|it| *it != Some(false)), "{digits:?} {read:?}");
}

#[test]
fn the_five_formats() {
    check(&TD3, &TD3);
    check(&TD2, &TD2);
    check(&TD1, &TD1);
    check(&MRV_A, &MRV_A);
    check(&MRV_B, &MRV_B);
    let formats: Vec<MrzFormat> =
        [&TD3[..], &TD2, &TD1, &MRV_A, &MRV_B].map(|it| found(it).mrz.format).to_vec();
    use MrzFormat::{MrvA, MrvB, Td1, Td2, Td3};
    assert_eq!(formats, [Td3, Td2, Td1, MrvA, MrvB]);
}

#[test]
fn what_begins_with_p_is_a_passport_however_its_second_line_was_read() {
    let found = found(&[
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE1W4ZZ6B<<<<<14",
    ]);
    assert_eq!(found.mrz.format, MrzFormat::Td3);
    assert_eq!(found.mrz.check_digits.composite, Some(false));
}

#[test]
fn a_personal_number_of_taiwan_begins_with_a_letter() {
    let names = "P<TWNCHANG<<HUI<CHEN<<<<<<<<<<<<<<<<<<<<<<<<";
    check(
        &[names, "3887696056TWN9904145F30073091218942343<<<<86"],
        &[names, "3887696056TWN9904145F3007309I218942343<<<<86"],
    );
}

#[test]
fn values() {
    let found = found(&TD3);
    assert_eq!(found.name.value, "ERIKSSON, ANNA MARIA");
    assert_eq!(found.number.value, "L898902C3");
    assert_eq!(
        (found.birth.value.as_str(), found.expiry.value.as_str()),
        ("1974-08-12", "2012-04-15")
    );
    assert_eq!((found.issuer.as_str(), found.nationality.value.as_str()), ("UTO", "UTO"));
    assert_eq!(found.personal.unwrap().value, "ZE184226B");
    assert!(!found.mrz.repaired && found.number.proven);
}

#[test]
fn lines_that_lost_or_gained_fillers() {
    check(&["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<", TD3[1]], &TD3);
    check(&["P<UTOERIKSSON<<ANNA<MARIA", TD3[1]], &TD3);
    check(&["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<<<", TD3[1]], &TD3);
    check(&[TD3[0], "L898902C36UTO7408122F1204159ZE184226B<<<10"], &TD3);
    check(&["PUTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", TD3[1]], &TD3);
    check(&[TD1[0], "7408122F1204159UTO<<<<<<<<6", TD1[2]], &TD1);
    check(&[TD2[0], "D231458907UTO7408122F1204159<<<<<<6"], &TD2);
}

#[test]
fn fillers_read_as_letters_and_blanks_between() {
    check(&["PKUTOERIKSSON<<ANNA<MARIA<<<<<<KKK<<<<<<<<<<", TD3[1]], &TD3);
    check(&["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<CSK", TD3[1]], &TD3);
    check(&["P<UTO ERIKSSON<< ANNA<MARIA <<<<<<<<<<<<<<<<<<<", TD3[1]], &TD3);
    check(&["p<UTOERIKSSON«ANNA<MARIA<<<<<<<<<<<<<<<<<<<", TD3[1]], &TD3);
}

#[test]
fn look_alikes_that_the_check_digits_decide() {
    check(&[TD3[0], "L898902C36UT074O8I22F12O4159ZE184226B<<<<<1O"], &TD3);
    check(&[TD3[0], "L89B902C36UTO7408122F1204159ZE184226B<<<<<10"], &TD3);
    check(&["I<UTOD23I458907<<<<<<<<<<<<<<<", TD1[1], TD1[2]], &TD1);
    assert!(found(&[TD3[0], "L89B902C36UTO7408122F1204159ZE184226B<<<<<10"]).mrz.repaired);
}

#[test]
fn the_recognisers_alternatives_are_used() {
    let mut page = page_of(&[TD3[0], "L838902C36UTO7408122F1204159ZE184226B<<<<<10"]);
    page.lines[1] = unsure(page.lines[1].clone(), 2, &[('3', 0.6), ('8', 0.35), ('9', 0.05)]);
    let found = find(&rows(&page), TODAY).unwrap();
    assert_eq!(texts(&found), TD3);
    assert!(found.mrz.repaired);
}

#[test]
fn pieces_of_a_line_are_joined() {
    let (left, right) = TD3[1].split_at(20);
    let mut page = page_of(&[TD3[0]]);
    page.lines.push(line(20.0, 450.0, left));
    page.lines.push(line(325.0, 452.0, right));
    assert_eq!(texts(&find(&rows(&page), TODAY).unwrap()), TD3);
}

#[test]
fn noise_around_the_zone() {
    check(&["REPUBLIC OF UTOPIA PASSPORT", "ERIKSSON", TD3[0], TD3[1]], &TD3);
    let rows = rows(&page_of(&["MINISTRY OF FOREIGN AFFAIRS", "A123456789", "民國57年6月5日"]));
    assert!(find(&rows, TODAY).is_none());
}

#[test]
fn a_long_document_number() {
    let lines = [
        "I<UTOD23145890<7349<<<<<<<<<<<",
        "3407127M9507122UTO<<<<<<<<<<<2",
        "STEVENSON<<PETER<JOHN<<<<<<<<<",
    ];
    let found = found(&lines);
    assert_eq!(texts(&found), lines);
    assert_eq!(found.number.value, "D23145890734");
}

#[test]
fn a_wrong_digit_without_an_alternative_stays_and_is_told() {
    let found = found(&[TD3[0], "L898902C37UTO7408122F1204159ZE184226B<<<<<10"]);
    assert_eq!(found.mrz.check_digits.number, Some(false));
    assert!(!found.number.proven);
}

#[test]
fn a_state_that_no_document_carries_is_the_one_like_it() {
    let state = |read: &str| alike_state(&read.chars().collect::<Vec<char>>());
    assert_eq!(state("ION"), Some(vec!['I', 'D', 'N']));
    assert_eq!(state("TVN"), None);
    assert_eq!(state("QQQ"), None);
    let found = found(&[&TD3[0].replace("UTO", "ION"), &TD3[1].replace("UTO", "ION")]);
    assert_eq!((found.issuer.as_str(), found.nationality.value.as_str()), ("IDN", "IDN"));
    assert!(found.nationality.repaired);
}

#[test]
fn centuries() {
    let date = |raw: &str, is_birth: bool| date_of(raw, |date| !is_birth || date <= TODAY, TODAY);
    assert_eq!(date("740812", true), "1974-08-12");
    assert_eq!(date("250101", true), "2025-01-01");
    assert_eq!(date("270101", true), "1927-01-01");
    assert_eq!(date("300101", false), "2030-01-01");
    assert_eq!(date("991231", false), "1999-12-31");
    assert_eq!(date("<<<<<<", true), "");
}

fn build(number: &str, birth: &str, expiry: &str, personal: &str) -> [String; 2] {
    let with_digit = |text: &str| format!("{text}{}", digit::check_digit(text.chars()));
    let number = with_digit(&format!("{number:<<9}"));
    let (birth, expiry) = (with_digit(birth), with_digit(expiry));
    let personal = with_digit(&format!("{personal:<<14}"));
    let all = digit::check_digit(format!("{number}{birth}{expiry}{personal}").chars());
    let second = format!("{number}TWN{birth}F{expiry}{personal}{all}");
    [format!("{:<<44}", "P<TWNCHEN<<HSIAO<LING"), second]
}

/// The repair tries many readings of a line: seconds without optimisation. The run with the engines has time for it.
const CASES: u32 = if cfg!(feature = "ort") { 48 } else { 8 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn round_trip(
        number in "[A-Z0-9]{6,9}", birth in "[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])",
        expiry in "[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])", personal in "([A-Z][12][0-9]{8})?",
    ) {
        let lines = build(&number, &birth, &expiry, &personal);
        let found = found(&[&lines[0], &lines[1]]);
        prop_assert_eq!(texts(&found), lines.to_vec());
        prop_assert_eq!(found.mrz.check_digits.composite, Some(true));
    }

    #[test]
    fn one_look_alike_is_repaired(number in "[0-9]{9}", at in 0_usize..9, birth in "[0-9]{2}0[1-9]1[0-9]") {
        let lines = build(&number, &birth, "280630", "A234567890");
        let mut chars: Vec<char> = lines[1].chars().collect();
        let wrong = match chars[at] { '0' => 'O', '1' => 'I', '2' => 'Z', '5' => 'S', '8' => 'B', _ => return Ok(()) };
        chars[at] = wrong;
        let read: String = chars.into_iter().collect();
        let found = found(&[&lines[0], &read]);
        prop_assert_eq!(texts(&found), lines.to_vec());
        prop_assert!(found.mrz.repaired && found.number.repaired);
    }

    #[test]
    fn no_page_is_too_strange(texts in proptest::collection::vec("[A-Z0-9<«K ]{0,60}|\\PC{0,50}", 0..6)) {
        let lines: Vec<&str> = texts.iter().map(String::as_str).collect();
        let _ = find(&rows(&page_of(&lines)), TODAY);
    }
}
