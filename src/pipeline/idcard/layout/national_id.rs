//! 國民身分證 of 2005, front and back.

use crate::pipeline::idcard::layout::Layout;
use crate::pipeline::idcard::lexicon::{ISSUE_KINDS, ISSUE_PLACES, MILITARY_SERVICE};
use crate::pipeline::idcard::value::Kind;
use crate::task::idcard::{DocumentType, FieldName};

const ISSUE: &[FieldName] = &[FieldName::IssueDate, FieldName::IssuePlace, FieldName::IssueKind];

/// The side with the picture.
pub(super) const FRONT: Layout = Layout {
    document: DocumentType::TwNationalIdFront,
    titles: &[
        ("中華民國國民身分證", 4.0),
        ("國民身分證", 3.0),
        ("統一編號", 1.0),
        ("發證日期", 1.5),
        ("初發", 0.5),
        ("換發", 0.5),
    ],
    labels: &[
        ("中華民國國民身分證", &[]),
        ("國民身分證", &[]),
        ("姓名", &[FieldName::Name]),
        // What is left of a wide-spaced 「姓 名」 when its first half was not read.
        ("名", &[FieldName::Name]),
        ("出生年月日", &[FieldName::BirthDate]),
        ("出生日期", &[FieldName::BirthDate]),
        ("出生", &[FieldName::BirthDate]),
        ("年月日", &[FieldName::BirthDate]),
        ("性別", &[FieldName::Sex]),
        ("發證日期", ISSUE),
        ("發證", ISSUE),
        ("統一編號", &[FieldName::IdNumber]),
        ("身分證統一編號", &[FieldName::IdNumber]),
        ("樣本", &[]),
        ("SPECIMEN", &[]),
    ],
    fields: &[
        (FieldName::Name, Kind::NameZh),
        (FieldName::Sex, Kind::Sex),
        (FieldName::BirthDate, Kind::Date),
        (FieldName::IssueDate, Kind::Date),
        (FieldName::IssuePlace, Kind::Listed(ISSUE_PLACES)),
        (FieldName::IssueKind, Kind::Listed(ISSUE_KINDS)),
        (FieldName::IdNumber, Kind::Id),
    ],
};

/// The side with the family and the address.
pub(super) const BACK: Layout = Layout {
    document: DocumentType::TwNationalIdBack,
    titles: &[("配偶", 2.0), ("役別", 2.0), ("出生地", 2.0), ("住址", 1.0)],
    labels: &[
        ("父", &[FieldName::Father]),
        ("母", &[FieldName::Mother]),
        ("父親", &[FieldName::Father]),
        ("母親", &[FieldName::Mother]),
        ("配偶", &[FieldName::Spouse]),
        ("役別", &[FieldName::MilitaryService]),
        ("出生地", &[FieldName::BirthPlace]),
        ("住址", &[FieldName::Address]),
        ("地址", &[FieldName::Address]),
        ("樣本", &[]),
        ("SPECIMEN", &[]),
    ],
    fields: &[
        (FieldName::Father, Kind::NameZh),
        (FieldName::Mother, Kind::NameZh),
        (FieldName::Spouse, Kind::NameZh),
        (FieldName::MilitaryService, Kind::Listed(MILITARY_SERVICE)),
        (FieldName::BirthPlace, Kind::Place),
        (FieldName::Address, Kind::Address),
        (FieldName::ControlNumber, Kind::Digits(8, 12)),
    ],
};
