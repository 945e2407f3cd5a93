//! What the made-up recogniser reads.

use fenwen::base::Private;
use fenwen::media::{Point, Quad};
use fenwen::task::idcard::{
    Check, DocumentType, Field, FieldName, FieldStatus, Mrz, MrzCheckDigits, MrzFormat, Quality,
    ReadLine, Recognition, RetakeReason,
};

fn quad() -> Quad {
    let point = |x, y| Point { x, y };
    Quad([point(1.04, 2.0), point(9.0, 2.0), point(9.0, 4.0), point(1.0, 4.0)])
}

/// A card with one of everything.
pub(crate) fn card() -> Recognition {
    let field = |name, value: Option<&str>, status| Field {
        name,
        value: value.map(|it| Private::new(it.to_owned())),
        raw: Private::new("民國79年1月2日".to_owned()),
        confidence: 0.123_456_7,
        quad: quad(),
        checks: vec![Check { name: "calendar", ok: true }],
        status,
        repair: None,
    };
    Recognition {
        document_type: DocumentType::TwNationalIdFront,
        type_score: 0.98,
        rotation: 90,
        corners: Some(quad()),
        quality: Quality {
            sharpness: 0.7,
            glare: f32::NAN,
            cropped: false,
            resolution_ok: true,
            n_cards: 1,
            recapture_suspected: false,
            retake: vec![RetakeReason::Glare],
        },
        fields: vec![
            field(FieldName::IdNumber, Some("A123456789"), FieldStatus::Verified),
            field(FieldName::Name, None, FieldStatus::Review),
        ],
        mrz: Some(Mrz {
            format: MrzFormat::MrvA,
            lines: vec![Private::new("V<UTO".to_owned())],
            check_digits: MrzCheckDigits { number: Some(true), ..MrzCheckDigits::default() },
            repaired: false,
        }),
        lines: vec![ReadLine {
            text: Private::new("中華民國國民身分證".to_owned()),
            confidence: 0.5,
            quad: quad(),
        }],
        face: Some(quad()),
        redacted_png: Some(Private::new(vec![1, 2, 3])),
    }
}
