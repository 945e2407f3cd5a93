//! PDF → the text of its text layer, page by page, under limits. Nothing is drawn, run, fetched or decrypted.
//!
//! [`read`] works in this process and counts its work; what a hostile file can still do to the parser below it (memory,
//! time, a full stack) is contained by [`PdfWorker`], which reads in a process of its own. Use that for files of others.

mod content;
mod error;
mod font;
mod layout;
mod source;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

pub use error::{PdfError, Quantity};
pub use worker::{PdfWorker, serve};

/// Limits of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PdfLimits {
    /// Bytes of the file.
    pub max_bytes: usize,
    /// Indirect objects.
    pub max_objects: usize,
    /// Pages.
    pub max_pages: usize,
    /// Fonts.
    pub max_fonts: usize,
    /// Bytes that one stream may decompress to.
    pub max_stream: usize,
    /// Bytes of all content and font streams that are decompressed.
    pub max_decompressed: usize,
    /// Drawing operators of all pages.
    pub max_operators: usize,
    /// Characters of the text.
    pub max_chars: usize,
}

impl Default for PdfLimits {
    /// 32 MiB, 200 000 objects, 1 000 pages, 1 000 fonts, 16 MiB a stream, 128 MiB of streams, 4 million operators,
    /// 2 million characters.
    fn default() -> PdfLimits {
        PdfLimits {
            max_bytes: 32 << 20,
            max_objects: 200_000,
            max_pages: 1_000,
            max_fonts: 1_000,
            max_stream: 16 << 20,
            max_decompressed: 128 << 20,
            max_operators: 4_000_000,
            max_chars: 2_000_000,
        }
    }
}

/// The text of a file. No `Debug`: it holds somebody's document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pdf {
    /// Text of each page, in order; lines end with `\n`, lines that were only wrapped are joined.
    pub pages: Vec<String>,
    /// Pages (counted from 1) without text, most likely scanned.
    pub textless: Vec<usize>,
    /// Pages (counted from 1) of which a part could not be read.
    pub broken: Vec<usize>,
    /// Characters whose font does not tell what they are; each stands as U+FFFD in the text.
    pub n_unmapped: usize,
}

impl Pdf {
    /// All pages, an empty line between them.
    pub fn text(&self) -> String {
        let pages: Vec<&str> =
            self.pages.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
        pages.join("\n\n")
    }
}

/// Reads a file.
///
/// Every limit holds before the work that it bounds is done; a file above one is refused, not cut.
pub fn read(bytes: &[u8], limits: &PdfLimits) -> Result<Pdf, PdfError> {
    if limits.max_bytes < bytes.len() {
        return Err(PdfError::TooLarge { what: Quantity::Bytes, limit: limits.max_bytes });
    }
    // A panic that the parsers below still have costs one file, not the process.
    catch_unwind(AssertUnwindSafe(|| content::read(&source::open(bytes, limits)?, limits)))
        .unwrap_or(Err(PdfError::Damaged))
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
