//! 居留證 in its forms: 外僑居留證, 外僑永久居留證, 臺灣地區居留證, 中華民國居留證.

use crate::pipeline::idcard::layout::Layout;
use crate::pipeline::idcard::lexicon::{NATIONALITIES, PURPOSES};
use crate::pipeline::idcard::value::Kind;
use crate::task::idcard::{DocumentType, FieldName};

const NAMES: &[FieldName] = &[FieldName::NameZh, FieldName::NameEn];

/// The side with the picture.
pub(super) const CERTIFICATE: Layout = Layout {
    document: DocumentType::TwResidentCertificate,
    titles: &[
        ("居留證", 4.0),
        ("RESIDENT CERTIFICATE", 4.0),
        ("Alien Permanent Resident", 2.0),
        ("統一證號", 2.0),
        ("居留期限", 2.0),
        ("居留事由", 2.0),
        ("內政部移民署", 1.0),
    ],
    labels: &[
        ("中華民國居留證", &[]),
        ("外僑居留證", &[]),
        ("中華民國永久居留證", &[]),
        ("外僑永久居留證", &[]),
        ("臺灣地區居留證", &[]),
        ("居留證", &[]),
        ("RESIDENT CERTIFICATE", &[]),
        ("REPUBLIC OF CHINA", &[]),
        ("姓名", NAMES),
        ("中文姓名", NAMES),
        ("英文姓名", NAMES),
        ("Name", NAMES),
        ("統一證號", &[FieldName::ResidenceNo]),
        ("居留證號", &[FieldName::ResidenceNo]),
        ("UI No.", &[FieldName::ResidenceNo]),
        ("ID No.", &[FieldName::ResidenceNo]),
        ("國籍", &[FieldName::Nationality]),
        ("Nationality", &[FieldName::Nationality]),
        ("出生日期", &[FieldName::BirthDate]),
        ("出生年月日", &[FieldName::BirthDate]),
        ("Date of Birth", &[FieldName::BirthDate]),
        ("性別", &[FieldName::Sex]),
        ("Sex", &[FieldName::Sex]),
        ("核發日期", &[FieldName::IssueDate]),
        ("發證日期", &[FieldName::IssueDate]),
        ("換發日期", &[FieldName::IssueDate]),
        ("Date of Issue", &[FieldName::IssueDate]),
        ("居留期限", &[FieldName::ExpiryDate]),
        ("有效期限", &[FieldName::ExpiryDate]),
        ("效期截止日期", &[FieldName::ExpiryDate]),
        ("Date of Expiry", &[FieldName::ExpiryDate]),
        ("Expiry Date", &[FieldName::ExpiryDate]),
        ("居留事由", &[FieldName::Purpose]),
        ("居留原因", &[FieldName::Purpose]),
        ("Purpose of Residence", &[FieldName::Purpose]),
        ("Reason for Residence", &[FieldName::Purpose]),
        ("Purpose", &[FieldName::Purpose]),
        ("護照號碼", &[FieldName::PassportNo]),
        ("Passport No.", &[FieldName::PassportNo]),
        ("居留地址", &[]),
        ("Address", &[]),
        ("SPECIMEN", &[]),
        ("樣本", &[]),
    ],
    fields: &[
        (FieldName::NameZh, Kind::NameZh),
        (FieldName::NameEn, Kind::NameEn),
        (FieldName::Sex, Kind::Sex),
        (FieldName::BirthDate, Kind::Date),
        (FieldName::Nationality, Kind::Preferred(NATIONALITIES)),
        (FieldName::ResidenceNo, Kind::Id),
        (FieldName::IssueDate, Kind::Date),
        (FieldName::ExpiryDate, Kind::Date),
        (FieldName::Purpose, Kind::Printed(PURPOSES)),
        (FieldName::PassportNo, Kind::Code(6, 12)),
    ],
};
