//! Bytes from outside → samples, pixels, characters, documents and letters, under limits that hold before anything is allocated.
//! Pure, but for the process of its own in which [`pdf`] can read.

pub mod audio;
mod big5;
pub mod charset;
pub mod exchange;
pub mod geometry;
pub mod homography;
pub mod image;
pub mod mail;
#[cfg(feature = "pdf")]
pub mod pdf;
pub mod radicals;
pub mod sources;
pub mod table;
pub mod text;

pub use geometry::{Point, Quad};
pub use homography::Homography;

/// An 8-bit RGB picture, row-major, three bytes a pixel. No `Debug`: it shows somebody's card.
#[derive(Clone)]
pub struct Pixels {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}
