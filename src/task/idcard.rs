//! ID images: what a recognition takes and what it finds.

mod door;

use std::sync::Arc;

use crate::base::Private;
use crate::media::{Pixels, Quad};

pub use door::{Health, IdAnswer, IdCall, Load, ModelInfo, RecogniseId, Timings};

/// Kind of document, and side where the sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentType {
    /// 國民身分證正面.
    TwNationalIdFront,
    /// 國民身分證背面.
    TwNationalIdBack,
    /// 居留證 (正面).
    TwResidentCertificate,
    /// 健保卡.
    TwNhiCard,
    /// 駕照.
    TwDriverLicence,
    /// 中華民國護照.
    TwPassport,
    /// Another state's passport (TD3).
    Passport,
    /// Card-size travel document, three lines of 30 (TD1).
    MrzTd1,
    /// Two lines of 36 (TD2).
    MrzTd2,
    /// Machine-readable visa, MRV-A or MRV-B.
    Visa,
    /// None of these, or not legible enough to tell.
    Unknown,
}

impl DocumentType {
    /// Every kind, in the order of its declaration.
    pub const ALL: [DocumentType; 11] = [
        DocumentType::TwNationalIdFront,
        DocumentType::TwNationalIdBack,
        DocumentType::TwResidentCertificate,
        DocumentType::TwNhiCard,
        DocumentType::TwDriverLicence,
        DocumentType::TwPassport,
        DocumentType::Passport,
        DocumentType::MrzTd1,
        DocumentType::MrzTd2,
        DocumentType::Visa,
        DocumentType::Unknown,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            DocumentType::TwNationalIdFront => "tw_national_id_front",
            DocumentType::TwNationalIdBack => "tw_national_id_back",
            DocumentType::TwResidentCertificate => "tw_resident_certificate",
            DocumentType::TwNhiCard => "tw_nhi_card",
            DocumentType::TwDriverLicence => "tw_driver_licence",
            DocumentType::TwPassport => "tw_passport",
            DocumentType::Passport => "passport",
            DocumentType::MrzTd1 => "mrz_td1",
            DocumentType::MrzTd2 => "mrz_td2",
            DocumentType::Visa => "visa",
            DocumentType::Unknown => "unknown",
        }
    }
}

/// Name of a field; the wire name is [`FieldName::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is its wire name, explained in docs/glossary.md")]
pub enum FieldName {
    Name,
    NameZh,
    NameEn,
    Sex,
    BirthDate,
    IssueDate,
    ExpiryDate,
    IssuePlace,
    IssueKind,
    IdNumber,
    CardNumber,
    ResidenceNo,
    PassportNo,
    Nationality,
    BirthPlace,
    Address,
    Father,
    Mother,
    Spouse,
    MilitaryService,
    LicenceClass,
    Authority,
    ControlNumber,
    Purpose,
}

impl FieldName {
    /// Every name, in the order of its declaration.
    pub const ALL: [FieldName; 24] = [
        FieldName::Name,
        FieldName::NameZh,
        FieldName::NameEn,
        FieldName::Sex,
        FieldName::BirthDate,
        FieldName::IssueDate,
        FieldName::ExpiryDate,
        FieldName::IssuePlace,
        FieldName::IssueKind,
        FieldName::IdNumber,
        FieldName::CardNumber,
        FieldName::ResidenceNo,
        FieldName::PassportNo,
        FieldName::Nationality,
        FieldName::BirthPlace,
        FieldName::Address,
        FieldName::Father,
        FieldName::Mother,
        FieldName::Spouse,
        FieldName::MilitaryService,
        FieldName::LicenceClass,
        FieldName::Authority,
        FieldName::ControlNumber,
        FieldName::Purpose,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldName::Name => "name",
            FieldName::NameZh => "name_zh",
            FieldName::NameEn => "name_en",
            FieldName::Sex => "sex",
            FieldName::BirthDate => "birth_date",
            FieldName::IssueDate => "issue_date",
            FieldName::ExpiryDate => "expiry_date",
            FieldName::IssuePlace => "issue_place",
            FieldName::IssueKind => "issue_kind",
            FieldName::IdNumber => "id_number",
            FieldName::CardNumber => "card_number",
            FieldName::ResidenceNo => "residence_no",
            FieldName::PassportNo => "passport_no",
            FieldName::Nationality => "nationality",
            FieldName::BirthPlace => "birth_place",
            FieldName::Address => "address",
            FieldName::Father => "father",
            FieldName::Mother => "mother",
            FieldName::Spouse => "spouse",
            FieldName::MilitaryService => "military_service",
            FieldName::LicenceClass => "licence_class",
            FieldName::Authority => "authority",
            FieldName::ControlNumber => "control_number",
            FieldName::Purpose => "purpose",
        }
    }
}

/// How far a value may be trusted. Never a decision: a person may always correct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldStatus {
    /// A check digit or a second, independent reading proves the value.
    Verified,
    /// Read with high confidence, nothing contradicts it, nothing proves it.
    Plausible,
    /// A person must look: low confidence, rare characters, or a repaired value.
    Review,
    /// A check failed: the value is returned as read, and flagged.
    Invalid,
}

impl FieldStatus {
    /// Every status, in the order of its declaration.
    pub const ALL: [FieldStatus; 4] =
        [FieldStatus::Verified, FieldStatus::Plausible, FieldStatus::Review, FieldStatus::Invalid];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldStatus::Verified => "verified",
            FieldStatus::Plausible => "plausible",
            FieldStatus::Review => "review",
            FieldStatus::Invalid => "invalid",
        }
    }
}

/// One check of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which: `checksum`, `calendar`, `issue_after_birth`, `county`, `mrz_number`, `mrz_match`, `sex_digit`, …
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
}

/// One field of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Which.
    pub name: FieldName,
    /// Normalised value: dates ISO 8601, sex `M` or `F`, numbers without blanks. `None` when not legible.
    pub value: Option<Private<String>>,
    /// As printed (after recognition, before normalisation and repair).
    pub raw: Private<String>,
    /// Calibrated probability that `value` is right, 0 to 1.
    pub confidence: f32,
    /// Where, in the coordinates of the submitted image as displayed (EXIF orientation applied).
    pub quad: Quad,
    /// Checks made.
    pub checks: Vec<Check>,
    /// How far to trust it.
    pub status: FieldStatus,
    /// Why the value differs from `raw` beyond normalisation (positional repair, check-digit repair).
    pub repair: Option<&'static str>,
}

/// Layout of a machine-readable zone, ICAO 9303.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of ICAO 9303")]
pub enum MrzFormat {
    Td1,
    Td2,
    Td3,
    MrvA,
    MrvB,
}

impl MrzFormat {
    /// Every layout, in the order of its declaration.
    pub const ALL: [MrzFormat; 5] =
        [MrzFormat::Td1, MrzFormat::Td2, MrzFormat::Td3, MrzFormat::MrvA, MrzFormat::MrvB];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            MrzFormat::Td1 => "TD1",
            MrzFormat::Td2 => "TD2",
            MrzFormat::Td3 => "TD3",
            MrzFormat::MrvA => "MRV-A",
            MrzFormat::MrvB => "MRV-B",
        }
    }
}

/// A machine-readable zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Mrz {
    /// Layout.
    pub format: MrzFormat,
    /// Lines, after any correction that the check digits prove.
    pub lines: Vec<Private<String>>,
    /// Check digits; `None` where the layout has none.
    pub check_digits: MrzCheckDigits,
    /// Whether a character was corrected with the help of the check digits.
    pub repaired: bool,
}

/// Which check digits of an MRZ hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MrzCheckDigits {
    /// Document number.
    pub number: Option<bool>,
    /// Date of birth.
    pub birth: Option<bool>,
    /// Date of expiry.
    pub expiry: Option<bool>,
    /// Optional data (TD3 personal number).
    pub optional: Option<bool>,
    /// Composite.
    pub composite: Option<bool>,
}

/// What is wrong with a picture, so that the person can take a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetakeReason {
    /// Out of focus or shaken.
    Blurred,
    /// A reflection covers a field.
    Glare,
    /// A corner or edge is outside the picture.
    CutOff,
    /// The card is too small in the picture.
    LowResolution,
    /// Too dark or too bright.
    BadExposure,
    /// More than one card.
    SeveralCards,
    /// No card or no text found.
    NoDocument,
}

impl RetakeReason {
    /// Every reason, in the order of its declaration.
    pub const ALL: [RetakeReason; 7] = [
        RetakeReason::Blurred,
        RetakeReason::Glare,
        RetakeReason::CutOff,
        RetakeReason::LowResolution,
        RetakeReason::BadExposure,
        RetakeReason::SeveralCards,
        RetakeReason::NoDocument,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            RetakeReason::Blurred => "blurred",
            RetakeReason::Glare => "glare",
            RetakeReason::CutOff => "cut_off",
            RetakeReason::LowResolution => "low_resolution",
            RetakeReason::BadExposure => "bad_exposure",
            RetakeReason::SeveralCards => "several_cards",
            RetakeReason::NoDocument => "no_document",
        }
    }

    /// What the person should do, in Traditional Chinese.
    pub fn advice(self) -> &'static str {
        match self {
            RetakeReason::Blurred => "影像模糊,請拿穩並對焦後重新拍攝。",
            RetakeReason::Glare => "證件反光,請避開光源後重新拍攝。",
            RetakeReason::CutOff => "證件未完整入鏡,請將四個角都拍進畫面。",
            RetakeReason::LowResolution => "證件在畫面中太小,請靠近一點重新拍攝。",
            RetakeReason::BadExposure => "畫面過暗或過亮,請調整光線後重新拍攝。",
            RetakeReason::SeveralCards => "畫面中有多張證件,請一次只拍一張。",
            RetakeReason::NoDocument => "畫面中找不到證件,請將證件置於畫面中央後重新拍攝。",
        }
    }
}

/// Technical quality of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// 0 (blurred) to 1 (crisp), relative to the card's size.
    pub sharpness: f32,
    /// Share of the card that is clipped highlight, 0 to 1.
    pub glare: f32,
    /// Whether the card touches the edge of the picture.
    pub cropped: bool,
    /// Whether the card is wide enough to read (≥ 400 px; `docs/adr`).
    pub resolution_ok: bool,
    /// Cards seen.
    pub n_cards: u32,
    /// Hint only: the picture looks like a photo of a screen or a print.
    pub recapture_suspected: bool,
    /// Why to take the picture again; empty when it is good enough.
    pub retake: Vec<RetakeReason>,
}

/// Which optional results a caller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Locate the face.
    pub face: bool,
    /// Return the picture with numbers masked.
    pub redacted_image: bool,
}

/// One picture to recognise, decoded and upright.
pub struct IdImage {
    /// As displayed: EXIF orientation applied.
    pub pixels: Arc<Pixels>,
    /// Options.
    pub wanted: Wanted,
}

/// What was found in one picture.
#[derive(Clone, Debug)]
pub struct Recognition {
    /// Kind of document.
    pub document_type: DocumentType,
    /// Probability of the kind, 0 to 1.
    pub type_score: f32,
    /// Clockwise rotation that makes the card upright: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Corners of the card, in reading order of the card; `None` when no border was found.
    pub corners: Option<Quad>,
    /// Quality.
    pub quality: Quality,
    /// Fields, in the order of the document.
    pub fields: Vec<Field>,
    /// Machine-readable zone.
    pub mrz: Option<Mrz>,
    /// Every line read, for people who want to see what the machine saw.
    pub lines: Vec<ReadLine>,
    /// Face, if wanted and found.
    pub face: Option<Quad>,
    /// PNG with numbers masked, if wanted.
    pub redacted_png: Option<Private<Vec<u8>>>,
}

/// One line of text in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadLine {
    /// Text as read.
    pub text: Private<String>,
    /// Mean probability of its characters, 0 to 1.
    pub confidence: f32,
    /// Where.
    pub quad: Quad,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `all` holds as many distinct names as values, in the characters of its kind.
    fn check(all: &[&str]) {
        let distinct: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len());
        for name in all {
            assert!(name.chars().all(|ch| ch.is_ascii_alphanumeric() || "_-".contains(ch)));
        }
    }

    #[test]
    fn wire_names_are_distinct() {
        check(&DocumentType::ALL.map(DocumentType::as_str));
        check(&FieldName::ALL.map(FieldName::as_str));
        check(&FieldStatus::ALL.map(FieldStatus::as_str));
        check(&MrzFormat::ALL.map(MrzFormat::as_str));
        check(&RetakeReason::ALL.map(RetakeReason::as_str));
        assert_eq!(DocumentType::MrzTd1.as_str(), "mrz_td1");
        assert_eq!(FieldName::IdNumber.as_str(), "id_number");
    }
}
