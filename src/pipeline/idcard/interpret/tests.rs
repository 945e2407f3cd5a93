//! Documents as they are printed, line by line, with what recognition does to them.

use proptest::prelude::*;

use super::*;
use crate::pipeline::idcard::text::fixture::{line, page, unsure};
use crate::task::idcard::FieldStatus;

const TODAY: Date = Date { year: 2026, month: 11, day: 24 };

/// `name=value` for each field.
fn values(document: &Document) -> Vec<String> {
    let value =
        |field: &Field| field.value.as_ref().map_or(String::new(), |it| it.expose().clone());
    document.fields.iter().map(|field| format!("{:?}={}", field.name, value(field))).collect()
}

fn check(lines: &[(f32, f32, &str)], expected: DocumentType, fields: &[&str]) -> Document {
    let document = interpret(&page(lines), TODAY);
    assert_eq!(document.document_type, expected, "{lines:?}");
    assert_eq!(values(&document), fields, "{lines:?}");
    document
}

fn status(document: &Document, name: FieldName) -> FieldStatus {
    document.fields.iter().find(|it| it.name == name).unwrap().status
}

const FRONT: &[(f32, f32, &str)] = &[
    (60.0, 40.0, "中華民國國民身分證"),
    (60.0, 150.0, "姓 名"),
    (220.0, 150.0, "陳 筱 玲"),
    (60.0, 260.0, "出生"),
    (60.0, 295.0, "年月日"),
    (220.0, 275.0, "民國 57 年 6 月 5 日"),
    (60.0, 380.0, "性別 女"),
    (60.0, 520.0, "發證日期"),
    (220.0, 520.0, "民國94年7月1日(北市)換發"),
    (680.0, 480.0, "統一編號"),
    (680.0, 540.0, "A234567890"),
];

const FRONT_FIELDS: &[&str] = &[
    "Name=陳筱玲",
    "Sex=F",
    "BirthDate=1968-06-05",
    "IssueDate=2005-07-01",
    "IssuePlace=北市",
    "IssueKind=換發",
    "IdNumber=A234567890",
];

#[test]
fn national_id_front() {
    let document = check(FRONT, DocumentType::TwNationalIdFront, FRONT_FIELDS);
    // The specimen's number has a wrong check digit: given as printed, and said so.
    assert_eq!(status(&document, FieldName::IdNumber), FieldStatus::Invalid);
    assert_eq!(status(&document, FieldName::Name), FieldStatus::Plausible);
    assert!(document.type_score > 0.8);
}

#[test]
fn national_id_front_with_labels_and_values_in_one_line() {
    let lines = [
        (60.0, 40.0, "中华民國國民身分證"),
        (60.0, 150.0, "姓名 陳筱玲"),
        (60.0, 275.0, "出生年月日民國57年6月5日性別女"),
        (60.0, 520.0, "發證日期民國94年7月1日(北市)換發 統一編號A234567893"),
    ];
    let fields: Vec<&str> = FRONT_FIELDS
        .iter()
        .map(|it| if it.starts_with("Id") { "IdNumber=A234567893" } else { *it })
        .collect();
    let document = check(&lines, DocumentType::TwNationalIdFront, &fields);
    assert_eq!(status(&document, FieldName::IdNumber), FieldStatus::Verified);
    let number = document.fields.last().unwrap();
    assert!(number.quad.0[0].x > 600.0, "a part of the line, not all of it");
}

#[test]
fn national_id_front_without_some_labels_and_pieces_apart() {
    let lines = [
        (60.0, 40.0, "中華民國國民身分證"),
        (220.0, 150.0, "陳"),
        (300.0, 150.0, "筱"),
        (380.0, 150.0, "玲"),
        (220.0, 275.0, "民國57年6月5日"),
        (520.0, 275.0, "女"),
        (220.0, 520.0, "民國94年7月1日(北市)"),
        (560.0, 520.0, "換發"),
        (680.0, 540.0, "A234567893"),
    ];
    let fields: Vec<&str> = FRONT_FIELDS
        .iter()
        .map(|it| if it.starts_with("Id") { "IdNumber=A234567893" } else { *it })
        .collect();
    check(&lines, DocumentType::TwNationalIdFront, &fields);
}

#[test]
fn a_number_repaired_by_position_is_for_review() {
    let mut lines = FRONT.to_vec();
    lines.pop();
    lines.push((680.0, 540.0, "A2345G7893"));
    let document = interpret(&page(&lines), TODAY);
    let number = document.fields.last().unwrap();
    assert_eq!(number.value.as_ref().unwrap().expose(), "A234567893");
    assert_eq!(number.raw.expose(), "A2345G7893");
    assert_eq!((number.repair, number.status), (Some("position"), FieldStatus::Review));
}

#[test]
fn sex_and_number_that_disagree_are_told() {
    let mut lines = FRONT.to_vec();
    lines[6] = (60.0, 380.0, "性別 男");
    let document = interpret(&page(&lines), TODAY);
    assert_eq!(status(&document, FieldName::Sex), FieldStatus::Invalid);
}

#[test]
fn national_id_back() {
    let lines = [
        (60.0, 60.0, "父"),
        (130.0, 60.0, "陳樹木"),
        (480.0, 60.0, "母"),
        (550.0, 60.0, "林美麗"),
        (60.0, 130.0, "配偶"),
        (480.0, 130.0, "役別"),
        (60.0, 200.0, "出生地"),
        (180.0, 200.0, "臺灣省臺北市"),
        (60.0, 280.0, "住址"),
        (180.0, 280.0, "臺北市中正區黎明里3鄰"),
        (180.0, 325.0, "徐州路5號"),
        (60.0, 560.0, "0000123456"),
    ];
    let fields = [
        "Father=陳樹木",
        "Mother=林美麗",
        "BirthPlace=臺灣省臺北市",
        "Address=臺北市中正區黎明里3鄰徐州路5號",
        "ControlNumber=0000123456",
    ];
    check(&lines, DocumentType::TwNationalIdBack, &fields);
    let merged = [
        (60.0, 60.0, "父 陳樹木 母 林美麗"),
        (60.0, 130.0, "配偶王大同 役別 免役"),
        (60.0, 200.0, "出生地 臺北市"),
        (60.0, 280.0, "住址 臺北市中正區徐州路5號"),
    ];
    let fields = [
        "Father=陳樹木",
        "Mother=林美麗",
        "Spouse=王大同",
        "MilitaryService=免役",
        "BirthPlace=臺北市",
        "Address=臺北市中正區徐州路5號",
    ];
    check(&merged, DocumentType::TwNationalIdBack, &fields);
}

#[test]
fn resident_certificate() {
    let lines = [
        (60.0, 30.0, "中華民國居留證"),
        (60.0, 75.0, "REPUBLIC OF CHINA(TAIWAN) RESIDENT CERTIFICATE"),
        (300.0, 140.0, "姓名"),
        (300.0, 172.0, "Name"),
        (430.0, 155.0, "SMITH, JOHN ALAN"),
        (300.0, 215.0, "性別 Sex"),
        (470.0, 215.0, "M"),
        (300.0, 260.0, "國籍 Nationality"),
        (560.0, 260.0, "美國"),
        (300.0, 305.0, "出生日期 Date of Birth"),
        (650.0, 305.0, "1985/05/05"),
        (300.0, 350.0, "統一證號 UI No."),
        (560.0, 350.0, "A800000014"),
        (300.0, 395.0, "居留事由 Purpose of Residence"),
        (740.0, 395.0, "應聘"),
        (300.0, 440.0, "核發日期 Date of Issue 2021/01/02"),
        (300.0, 485.0, "居留期限 Date of Expiry 2024/01/01"),
    ];
    let fields = [
        "Name=SMITH, JOHN ALAN",
        "NameEn=SMITH, JOHN ALAN",
        "Sex=M",
        "BirthDate=1985-05-05",
        "Nationality=美國",
        "ResidenceNo=A800000014",
        "IssueDate=2021-01-02",
        "ExpiryDate=2024-01-01",
        "Purpose=應聘",
    ];
    let document = check(&lines, DocumentType::TwResidentCertificate, &fields);
    assert_eq!(status(&document, FieldName::ResidenceNo), FieldStatus::Verified);
}

#[test]
fn resident_certificate_without_labels() {
    let lines = [
        (60.0, 30.0, "中華民國居留證"),
        (60.0, 75.0, "REPUBLIC OF CHINA(TAIWAN) RESIDENT CERTIFICATE"),
        (390.0, 130.0, "葉宗仁"),
        (390.0, 172.0, "NGUYEN, VAN HUNG"),
        (330.0, 240.0, "山生日期"),
        (450.0, 240.0, "1992/05/03"),
        (740.0, 240.0, "M"),
        (420.0, 300.0, "無國籍"),
        (440.0, 365.0, "外籍移工"),
        (440.0, 425.0, "2019/05/24"),
        (160.0, 500.0, "2022/05/24"),
        (160.0, 570.0, "A800000014"),
    ];
    let fields = [
        "Name=葉宗仁",
        "NameZh=葉宗仁",
        "NameEn=NGUYEN, VAN HUNG",
        "Sex=M",
        "BirthDate=1992-05-03",
        "Nationality=無國籍",
        "ResidenceNo=A800000014",
        "IssueDate=2019-05-24",
        "ExpiryDate=2022-05-24",
        "Purpose=外籍移工",
    ];
    check(&lines, DocumentType::TwResidentCertificate, &fields);
}

#[test]
fn dates_whose_labels_are_lost_keep_their_order() {
    let lines = [
        (60.0, 30.0, "中華民國居留證 RESIDENT CERTIFICATE"),
        (450.0, 240.0, "1992/05/03"),
        (330.0, 272.0, "核發日期"),
        (440.0, 425.0, "2019/05/24"),
        (160.0, 500.0, "2022/05/24"),
    ];
    let fields = ["BirthDate=1992-05-03", "IssueDate=2019-05-24", "ExpiryDate=2022-05-24"];
    check(&lines, DocumentType::TwResidentCertificate, &fields);
}

#[test]
fn national_id_back_without_labels() {
    let lines = [
        (130.0, 60.0, "陳樹木"),
        (550.0, 60.0, "林美麗"),
        (130.0, 130.0, "王大同"),
        (480.0, 130.0, "役別"),
        (60.0, 200.0, "出生地"),
        (180.0, 200.0, "臺灣省臺北市"),
        (180.0, 280.0, "臺北市中正區黎明里3鄱徐州路5號"),
    ];
    let fields = [
        "Father=陳樹木",
        "Mother=林美麗",
        "Spouse=王大同",
        "BirthPlace=臺灣省臺北市",
        "Address=臺北市中正區黎明里3鄰徐州路5號",
    ];
    let document = check(&lines, DocumentType::TwNationalIdBack, &fields);
    assert_eq!(status(&document, FieldName::Address), FieldStatus::Review);
}

#[test]
fn nhi_card_without_labels() {
    let lines = [
        (40.0, 40.0, "全民健康保險"),
        (40.0, 80.0, "NATIONAL HEALTH INSURANCE"),
        (380.0, 300.0, "陳筱玲"),
        (380.0, 360.0, "A234567893"),
        (380.0, 420.0, "57/06/05"),
        (380.0, 540.0, "0000 1234 5678"),
    ];
    let fields =
        ["Name=陳筱玲", "IdNumber=A234567893", "BirthDate=1968-06-05", "CardNumber=000012345678"];
    check(&lines, DocumentType::TwNhiCard, &fields);
}

#[test]
fn driver_licence() {
    let lines = [
        (60.0, 30.0, "中華民國"),
        (60.0, 70.0, "汽車駕駛執照"),
        (60.0, 130.0, "駕照號碼"),
        (220.0, 130.0, "A234567893"),
        (60.0, 180.0, "姓名"),
        (220.0, 180.0, "陳筱玲"),
        (480.0, 180.0, "性別 女"),
        (60.0, 230.0, "出生日期"),
        (220.0, 230.0, "57年06月05日"),
        (60.0, 280.0, "住址"),
        (220.0, 280.0, "臺北市中正區徐州路5號"),
        (60.0, 330.0, "駕照種類"),
        (220.0, 330.0, "普通小型車"),
        (60.0, 380.0, "發照日期"),
        (220.0, 380.0, "094.07.01"),
        (60.0, 430.0, "有效日期"),
        (220.0, 430.0, "100.07.01"),
        (60.0, 480.0, "管轄編號"),
        (220.0, 480.0, "201234567890"),
        (60.0, 530.0, "持照條件"),
    ];
    let fields = [
        "Name=陳筱玲",
        "IdNumber=A234567893",
        "Sex=F",
        "BirthDate=1968-06-05",
        "Address=臺北市中正區徐州路5號",
        "LicenceClass=普通小型車",
        "IssueDate=2005-07-01",
        "ExpiryDate=2011-07-01",
        "ControlNumber=201234567890",
    ];
    check(&lines, DocumentType::TwDriverLicence, &fields);
}

#[test]
fn half_a_label_is_a_label_but_not_inside_a_place() {
    let lines = [
        (60.0, 70.0, "中華民國汽車駕駛執照"),
        (60.0, 130.0, "駕照號碼 A234567893"),
        (90.0, 180.0, "名陳筱玲"),
        (60.0, 280.0, "住址"),
        (220.0, 280.0, "南投縣名間鄉彰南路5號"),
        (60.0, 330.0, "駕照種類 普通小型車"),
    ];
    let fields = ["Name=陳筱玲", "IdNumber=A234567893", "Address=南投縣名間鄉彰南路5號"];
    let fields: Vec<&str> = fields.into_iter().chain(["LicenceClass=普通小型車"]).collect();
    check(&lines, DocumentType::TwDriverLicence, &fields);
}

const PASSPORT: &[(f32, f32, &str)] = &[
    (60.0, 20.0, "中華民國 REPUBLIC OF CHINA"),
    (60.0, 55.0, "護照 PASSPORT"),
    (300.0, 90.0, "型式/Type"),
    (480.0, 90.0, "代碼/Country code"),
    (760.0, 90.0, "護照號碼/Passport No."),
    (300.0, 122.0, "P"),
    (480.0, 122.0, "TWN"),
    (760.0, 122.0, "888800371"),
    (300.0, 157.0, "姓名/Name(Surname, Given names)"),
    (300.0, 190.0, "陳筱玲"),
    (300.0, 222.0, "CHEN, HSIAO-LING"),
    (300.0, 257.0, "國籍/Nationality"),
    (640.0, 257.0, "身分證統一編號/Personal Id. No."),
    (300.0, 289.0, "REPUBLIC OF CHINA"),
    (640.0, 289.0, "A234567890"),
    (300.0, 324.0, "性別/Sex"),
    (640.0, 324.0, "出生日期/Date of birth"),
    (300.0, 356.0, "F"),
    (640.0, 356.0, "05 JUN 1957"),
    (300.0, 391.0, "出生地/Place of birth"),
    (640.0, 391.0, "發照日期/Date of issue"),
    (300.0, 423.0, "TAIWAN"),
    (640.0, 423.0, "24 SEP 2002"),
    (300.0, 458.0, "效期截止日期/Date of expiry"),
    (640.0, 458.0, "機關/Authority"),
    (300.0, 490.0, "24 SEP 2012"),
    (640.0, 490.0, "MINISTRY OF FOREIGN AFFAIRS"),
];

const PASSPORT_FIELDS: &[&str] = &[
    "Name=陳筱玲",
    "NameZh=陳筱玲",
    "NameEn=CHEN, HSIAO-LING",
    "Sex=F",
    "BirthDate=1957-06-05",
    "Nationality=REPUBLIC OF CHINA",
    "PassportNo=888800371",
    "IdNumber=A234567890",
    "IssueDate=2002-09-24",
    "ExpiryDate=2012-09-24",
    "Authority=MINISTRY OF FOREIGN AFFAIRS",
    "BirthPlace=TAIWAN",
];

const PASSPORT_ZONE: [&str; 2] = [
    "P<TWNCHEN<<HSIAO<LING<<<<<<<<<<<<<<<<<<<<<<<",
    "8888003717TWN5706053F1209246A234567890<<<<06",
];

#[test]
fn passport_of_taiwan() {
    check(PASSPORT, DocumentType::TwPassport, PASSPORT_FIELDS);
    let mut lines = PASSPORT.to_vec();
    lines.extend([(30.0, 540.0, PASSPORT_ZONE[0]), (30.0, 585.0, PASSPORT_ZONE[1])]);
    let document = check(&lines, DocumentType::TwPassport, PASSPORT_FIELDS);
    let mrz = document.mrz.as_ref().unwrap();
    assert_eq!(mrz.check_digits.composite, Some(true), "{:?}", mrz.check_digits);
    for name in
        [FieldName::PassportNo, FieldName::BirthDate, FieldName::ExpiryDate, FieldName::NameEn]
    {
        assert_eq!(status(&document, name), FieldStatus::Verified, "{name:?}");
    }
    assert_eq!(status(&document, FieldName::IssueDate), FieldStatus::Plausible);
}

#[test]
fn passport_of_taiwan_without_labels() {
    let mut lines = vec![
        (60.0, 20.0, "中華民國 REPUBLIC OF CHINA"),
        (60.0, 55.0, "護照 PASSPORT"),
        (300.0, 289.0, "REPUBL1C OF CHINA"),
        (300.0, 423.0, "KAOHSIUNG CITY"),
        (640.0, 423.0, "24 SEP 2002"),
        (640.0, 490.0, "MINISTRY 0F FOREIGN AFFARS"),
    ];
    lines.extend([(30.0, 540.0, PASSPORT_ZONE[0]), (30.0, 585.0, PASSPORT_ZONE[1])]);
    let document = interpret(&page(&lines), TODAY);
    let values = values(&document);
    for expected in [
        "Nationality=REPUBLIC OF CHINA",
        "BirthPlace=KAOHSIUNG CITY",
        "Authority=MINISTRY OF FOREIGN AFFAIRS",
        "NameEn=CHEN, HSIAO-LING",
    ] {
        assert!(values.iter().any(|it| it == expected), "{expected} in {values:?}");
    }
    assert_eq!(status(&document, FieldName::Name), FieldStatus::Review, "the Chinese name is lost");
}

#[test]
fn a_zone_alone_gives_its_fields() {
    let lines = [
        (30.0, 500.0, "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"),
        (30.0, 550.0, "L898902C36UTO7408122F1204159ZE184226B<<<<<10"),
    ];
    let fields = [
        "Name=ERIKSSON, ANNA MARIA",
        "NameEn=ERIKSSON, ANNA MARIA",
        "PassportNo=L898902C3",
        "Nationality=UTO",
        "BirthDate=1974-08-12",
        "Sex=F",
        "ExpiryDate=2012-04-15",
    ];
    let document = check(&lines, DocumentType::Passport, &fields);
    assert_eq!(status(&document, FieldName::PassportNo), FieldStatus::Verified);
    assert_ne!(status(&document, FieldName::Name), FieldStatus::Verified);
}

#[test]
fn nothing_and_nonsense() {
    check(&[], DocumentType::Unknown, &[]);
    check(
        &[(0.0, 0.0, "今天天氣很好"), (0.0, 50.0, "HELLO WORLD 123")],
        DocumentType::Unknown,
        &[],
    );
}

#[test]
fn unsure_characters_go_to_review() {
    let mut page = page(FRONT);
    page.lines[2] = unsure(line(220.0, 150.0, "陳筱玲"), 1, &[('筱', 0.6), ('莜', 0.3)]);
    let document = interpret(&page, TODAY);
    assert_eq!(status(&document, FieldName::Name), FieldStatus::Review);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_page_is_too_strange(
        texts in proptest::collection::vec(("[姓名出生年月日民國統一編號居留證駕照A-Z0-9<臺北市中正區 ]{0,30}|\\PC{0,30}",
            -100.0_f32..1100.0, -100.0_f32..700.0), 0..24)
    ) {
        let lines: Vec<(f32, f32, &str)> = texts.iter().map(|(text, x, y)| (*x, *y, text.as_str())).collect();
        let document = interpret(&page(&lines), TODAY);
        for field in &document.fields {
            prop_assert!((0.0..=1.0).contains(&field.confidence));
        }
    }
}
