//! The objects of a PDF: opened under limits, streams decompressed within a budget.

use std::cell::Cell;

use lopdf::{DecompressError, Dictionary, Document, Error, LoadOptions, Object, Stream};

use super::{PdfError, PdfLimits, Quantity};

/// Where the header may begin, at the latest (ISO 32000-1, annex H: within the first 1024 bytes).
const HEADER_WITHIN: usize = 1024;
/// Most bytes that deflate makes of one.
const MAX_RATIO: usize = 1032;

/// An opened file and what is left of its budget.
pub(super) struct Source {
    /// All objects.
    pub(super) document: Document,
    max_stream: usize,
    max_decompressed: usize,
    n_decompressed: Cell<usize>,
}

/// Opens a file; encrypted ones are refused, also those that need no password.
pub(super) fn open(bytes: &[u8], limits: &PdfLimits) -> Result<Source, PdfError> {
    let head = bytes.get(..HEADER_WITHIN).unwrap_or(bytes);
    if !head.windows(5).any(|it| it == b"%PDF-") {
        return Err(PdfError::NotPdf);
    }
    let options = LoadOptions::with_max_decompressed_size(limits.max_stream);
    let document = Document::load_mem_with_options(bytes, options)
        .map_err(|err| refusal(&err, limits.max_stream))?;
    if document.was_encrypted() || document.trailer.has(b"Encrypt") {
        return Err(PdfError::Encrypted);
    }
    if limits.max_objects < document.objects.len() {
        return Err(PdfError::TooLarge { what: Quantity::Objects, limit: limits.max_objects });
    }
    Ok(Source {
        document,
        max_stream: limits.max_stream,
        max_decompressed: limits.max_decompressed,
        n_decompressed: Cell::new(0),
    })
}

fn refusal(error: &Error, max_stream: usize) -> PdfError {
    match error {
        Error::Decompress(DecompressError::MemoryLimitExceeded { .. }) => {
            PdfError::TooLarge { what: Quantity::StreamBytes, limit: max_stream }
        }
        Error::InvalidPassword
        | Error::Decryption(_)
        | Error::UnsupportedSecurityHandler(_)
        | Error::Unimplemented(_) => PdfError::Encrypted,
        _ => PdfError::Damaged,
    }
}

impl Source {
    /// The object behind a key, references followed.
    pub(super) fn get<'a>(&'a self, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        dictionary.get_deref(key, &self.document).ok()
    }

    /// The dictionary behind a key.
    pub(super) fn dictionary<'a>(
        &'a self,
        dictionary: &'a Dictionary,
        key: &[u8],
    ) -> Option<&'a Dictionary> {
        self.get(dictionary, key)?.as_dict().ok()
    }

    /// The array behind a key.
    pub(super) fn array<'a>(
        &'a self,
        dictionary: &'a Dictionary,
        key: &[u8],
    ) -> Option<&'a [Object]> {
        self.get(dictionary, key)?.as_array().ok().map(Vec::as_slice)
    }

    /// An element of an array, references followed.
    pub(super) fn follow<'a>(&'a self, object: &'a Object) -> Option<&'a Object> {
        self.document.dereference(object).ok().map(|(_, object)| object)
    }

    /// The content of a stream; none when it is broken.
    pub(super) fn decompress(&self, stream: &Stream) -> Result<Option<Vec<u8>>, PdfError> {
        let used = self.n_decompressed.get();
        let allowed = self.max_stream.min(self.max_decompressed.saturating_sub(used));
        match stream.get_plain_content_with_limit(allowed) {
            Ok(content) => {
                self.n_decompressed.set(used + content.len());
                Ok(Some(content))
            }
            Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
                Err(if allowed < self.max_stream {
                    let limit = self.max_decompressed;
                    PdfError::TooLarge { what: Quantity::DecompressedBytes, limit }
                } else {
                    PdfError::TooLarge { what: Quantity::StreamBytes, limit: self.max_stream }
                })
            }
            Err(_) => {
                // What it may have cost before it broke.
                let cost = stream.content.len().saturating_mul(MAX_RATIO).min(allowed);
                self.n_decompressed.set(used + cost);
                Ok(None)
            }
        }
    }
}
