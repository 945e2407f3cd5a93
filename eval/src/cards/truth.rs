//! What is printed on a picture: the truth a reader is scored against, one JSON line per picture.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A point of the picture, x then y, in pixels from the top left corner.
pub type Spot = [f32; 2];

/// Everything known about one generated picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// File name, relative to the truth file.
    pub image: String,
    /// Seed that makes the picture again, together with `level`.
    pub seed: u64,
    /// `dev` or `test`.
    pub split: String,
    /// `flat`, `phone` or `bad`.
    pub level: String,
    /// Wire name of the document type.
    pub document_type: String,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Clockwise rotation, in degrees, that was applied to the upright picture: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Corners of the card in its reading order.
    pub corners: [Spot; 4],
    /// Fields by wire name.
    pub fields: BTreeMap<String, TruthField>,
    /// Machine-readable zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mrz: Option<TruthMrz>,
}

/// One printed field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthField {
    /// Normalised value.
    pub value: String,
    /// Other values that are right as well, such as the code of a printed nationality.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// As printed.
    pub raw: String,
    /// Around the printed value, in reading order: the first edge is the top of the text.
    pub polygon: [Spot; 4],
    /// Whether the check digit holds, for numbers that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// Whether it has a character that recognition dictionaries lack.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rare: bool,
}

/// A printed machine-readable zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthMrz {
    /// `TD1`, `TD2`, `TD3`, `MRV-A` or `MRV-B`.
    #[serde(rename = "type")]
    pub format: String,
    /// Lines as printed.
    pub lines: Vec<String>,
    /// Around each line.
    pub polygons: Vec<[Spot; 4]>,
}
