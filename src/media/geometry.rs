//! Points and quadrilaterals in image coordinates (pixels, origin at the top left, y down).

/// A point; pixel centres lie at half-integer coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Pixels from the left edge.
    pub x: f32,
    /// Pixels from the top edge.
    pub y: f32,
}

/// A quadrilateral, in reading order of its content: top left, top right, bottom right, bottom left.
///
/// For a text line the first edge is the top of the text, so a line printed upside down starts at its bottom right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quad(pub [Point; 4]);
