//! 公文電子交換: main texts (DI) and exchange rosters (SW) → plain structs, under limits, with nothing fetched or expanded.
//!
//! Element names follow the public tag sets of the 91, 93, 97, 99 and 104 generations (檔案管理局〈文書及檔案管理電腦化
//! 作業規範〉附錄 5). A document type declaration may name its DTD and declare attachments (`NDATA`); the DTD is never
//! fetched, an attachment never opened, and every other entity declaration is refused. A document above 普通 is
//! recognised in a pass of its own that keeps no text: its content is dropped unread.

mod attachment;
mod date;
mod doctype;
mod document;
mod encoding;
mod error;
mod events;
mod number;
mod party;
mod printed;
mod secrecy;
mod tree;

pub use attachment::Attachment;
pub use date::printed_date;
pub use document::{Document, Item, Kind, Meeting, Paragraph, Priority};
pub use encoding::Encoding;
pub use error::ExchangeError;
pub use number::DocumentNumber;
pub use party::{Party, PartyKind};
pub use secrecy::Secrecy;

/// Limits of one exchange file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeLimits {
    /// Bytes of the file.
    pub max_bytes: usize,
    /// Elements inside elements.
    pub max_depth: usize,
    /// Elements in all.
    pub max_elements: usize,
    /// Entities declared: attachments and the roster.
    pub max_entities: usize,
}

impl Default for ExchangeLimits {
    /// 4 MiB, 32 deep, 20 000 elements, 256 entities: a hundred times the largest real file seen.
    fn default() -> ExchangeLimits {
        ExchangeLimits {
            max_bytes: 4 << 20,
            max_depth: 32,
            max_elements: 20_000,
            max_entities: 256,
        }
    }
}

/// What a file turned out to be. No `Debug`: it holds somebody's document.
pub enum Exchange {
    /// A document of ordinary secrecy.
    Document(Box<Document>),
    /// An exchange roster (交換表單): who receives the document.
    Roster(Vec<Party>),
    /// A document above 普通. Nothing else of it was kept.
    Classified(Secrecy),
}

/// Reads a DI or SW file.
///
/// Every entity, encoding and size rule of the module documentation holds before anything of the content is kept.
pub fn parse(bytes: &[u8], limits: &ExchangeLimits) -> Result<Exchange, ExchangeError> {
    if bytes.is_empty() {
        return Err(ExchangeError::Empty);
    }
    if limits.max_bytes < bytes.len() {
        return Err(ExchangeError::TooLarge { what: "bytes", limit: limits.max_bytes });
    }
    let decoded = encoding::decode(bytes)?;
    if let Some(secrecy) = secrecy::scan(&decoded.text, limits)? {
        return Ok(Exchange::Classified(secrecy));
    }
    let (doctype, root) = tree::read(&decoded.text, limits)?;
    if root.name == "交換表單" {
        return Ok(Exchange::Roster(party::parties(&root)));
    }
    let mut document = document::read(&root, &doctype)?;
    document.encoding = decoded.encoding;
    document.n_private = decoded.n_private;
    Ok(Exchange::Document(Box::new(document)))
}

#[cfg(test)]
mod tests;
