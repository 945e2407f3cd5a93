//! 中華民國護照: the page with the picture.

use crate::pipeline::idcard::layout::Layout;
use crate::pipeline::idcard::lexicon::{AUTHORITIES, BIRTH_PLACES};
use crate::pipeline::idcard::value::Kind;
use crate::task::idcard::{DocumentType, FieldName};

const NAMES: &[FieldName] = &[FieldName::NameZh, FieldName::NameEn];

/// The page with the picture.
pub(super) const PASSPORT: Layout = Layout {
    document: DocumentType::TwPassport,
    titles: &[
        ("中華民國護照", 3.0),
        ("MINISTRY OF FOREIGN AFFAIRS", 2.0),
        ("護照號碼", 1.5),
        ("身分證統一編號", 1.0),
        ("效期截止日期", 1.0),
        ("發照日期", 0.5),
        ("護照", 1.5),
        ("Passport No.", 0.5),
        ("Personal Id. No.", 1.5),
        ("REPUBLIC OF CHINA", 1.0),
        ("外交部", 1.0),
    ],
    labels: &[
        ("中華民國", &[]),
        ("型式", &[]),
        ("Type", &[]),
        ("代碼", &[]),
        ("Code", &[]),
        ("Country code", &[]),
        ("護照號碼", &[FieldName::PassportNo]),
        ("Passport No.", &[FieldName::PassportNo]),
        ("姓名", NAMES),
        ("Name", NAMES),
        ("Surname, Given names", NAMES),
        ("外文別名", &[]),
        ("Also known as", &[]),
        ("國籍", &[FieldName::Nationality]),
        ("Nationality", &[FieldName::Nationality]),
        ("身分證統一編號", &[FieldName::IdNumber]),
        ("統一編號", &[FieldName::IdNumber]),
        ("Personal Id. No.", &[FieldName::IdNumber]),
        ("性別", &[FieldName::Sex]),
        ("Sex", &[FieldName::Sex]),
        ("出生日期", &[FieldName::BirthDate]),
        ("Date of birth", &[FieldName::BirthDate]),
        ("出生地", &[FieldName::BirthPlace]),
        ("出生地點", &[FieldName::BirthPlace]),
        ("Place of birth", &[FieldName::BirthPlace]),
        ("發照日期", &[FieldName::IssueDate]),
        ("Date of issue", &[FieldName::IssueDate]),
        ("效期截止日期", &[FieldName::ExpiryDate]),
        ("Date of expiry", &[FieldName::ExpiryDate]),
        ("發照機關", &[FieldName::Authority]),
        ("機關", &[FieldName::Authority]),
        ("Authority", &[FieldName::Authority]),
        ("持照人簽名", &[]),
        ("Signature of bearer", &[]),
        ("SPECIMEN", &[]),
        ("樣本", &[]),
    ],
    fields: &[
        (FieldName::NameZh, Kind::NameZh),
        (FieldName::NameEn, Kind::NameEn),
        (FieldName::Sex, Kind::Sex),
        (FieldName::BirthDate, Kind::Date),
        (FieldName::Nationality, Kind::Phrase(&["REPUBLIC OF CHINA"])),
        (FieldName::PassportNo, Kind::Digits(9, 9)),
        (FieldName::IdNumber, Kind::Id),
        (FieldName::IssueDate, Kind::Date),
        (FieldName::ExpiryDate, Kind::Date),
        (FieldName::Authority, Kind::Phrase(AUTHORITIES)),
        (FieldName::BirthPlace, Kind::Phrase(BIRTH_PLACES)),
    ],
};
