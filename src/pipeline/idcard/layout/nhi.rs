//! 健保卡: it prints values without labels, so patterns find most of them.

use crate::pipeline::idcard::layout::Layout;
use crate::pipeline::idcard::value::Kind;
use crate::task::idcard::{DocumentType, FieldName};

/// The side with the picture.
pub(super) const CARD: Layout = Layout {
    document: DocumentType::TwNhiCard,
    titles: &[
        ("全民健康保險", 4.0),
        ("健保卡", 3.0),
        ("健康保險卡", 3.0),
        ("NATIONAL HEALTH INSURANCE", 3.0),
        ("HEALTH INSURANCE", 1.5),
    ],
    labels: &[
        ("全民健康保險卡", &[]),
        ("全民健康保險", &[]),
        ("NATIONAL HEALTH INSURANCE", &[]),
        ("健保卡", &[]),
        ("姓名", &[FieldName::Name]),
        ("Name", &[FieldName::Name]),
        ("身分證字號", &[FieldName::IdNumber]),
        ("身分證號", &[FieldName::IdNumber]),
        ("身分證統一編號", &[FieldName::IdNumber]),
        ("統一編號", &[FieldName::IdNumber]),
        ("ID No.", &[FieldName::IdNumber]),
        ("出生日期", &[FieldName::BirthDate]),
        ("出生年月日", &[FieldName::BirthDate]),
        ("生日", &[FieldName::BirthDate]),
        ("Date of Birth", &[FieldName::BirthDate]),
        ("卡號", &[FieldName::CardNumber]),
        ("卡片號碼", &[FieldName::CardNumber]),
        ("健保卡號", &[FieldName::CardNumber]),
        ("Card No.", &[FieldName::CardNumber]),
        ("SPECIMEN", &[]),
        ("樣本", &[]),
    ],
    fields: &[
        (FieldName::Name, Kind::NameZh),
        (FieldName::IdNumber, Kind::Id),
        (FieldName::BirthDate, Kind::Date),
        (FieldName::CardNumber, Kind::Digits(12, 12)),
    ],
};
