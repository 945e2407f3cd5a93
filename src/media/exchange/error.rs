//! Why a file is refused, and what its sender can do about it.

use crate::base::ErrorCode;

/// Why a file is not an exchange file we read. Never holds a part of the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// More than a limit allows.
    #[error("the file has more {what} than {limit}")]
    TooLarge {
        /// `bytes`, `levels`, `elements`, `entities` or `attributes`.
        what: &'static str,
        /// Allowed.
        limit: usize,
    },
    /// UTF-16 or UCS-2.
    #[error("the file is UTF-16")]
    Utf16,
    /// An encoding that the exchange does not use.
    #[error("unknown encoding `{label}`")]
    UnknownEncoding {
        /// As declared, printable ASCII, at most 32 characters.
        label: String,
    },
    /// Declared or by default UTF-8, and not so.
    #[error("the file is not UTF-8 from byte {offset} on")]
    NotUtf8 {
        /// First bad byte.
        offset: usize,
    },
    /// Declared or by default UTF-8, but all of it can be read as Big5.
    #[error("the file is not UTF-8 from byte {offset} on, but looks like Big5")]
    UndeclaredBig5 {
        /// First byte that is not UTF-8.
        offset: usize,
    },
    /// Declared Big5, and not so.
    #[error("the file is not Big5 at byte {offset}")]
    NotBig5 {
        /// First bad byte.
        offset: usize,
    },
    /// Declared Big5, but its bytes are UTF-8.
    #[error("the file declares Big5 but is UTF-8")]
    ContradictoryEncoding,
    /// An external entity without `NDATA`, or a reference to any declared entity.
    #[error("external entities are refused")]
    ExternalEntity,
    /// A parameter entity, declared or referenced.
    #[error("parameter entities are refused")]
    ParameterEntity,
    /// An entity with replacement text.
    #[error("internal entities are refused")]
    InternalEntity,
    /// A reference to an entity other than the five of XML.
    #[error("an entity reference is refused at byte {offset}")]
    EntityReference {
        /// Place in the decoded text.
        offset: usize,
    },
    /// Not well-formed XML.
    #[error("malformed at byte {offset}: {what}")]
    Malformed {
        /// Place in the decoded text.
        offset: usize,
        /// What is wrong; never a part of the content.
        what: &'static str,
    },
    /// Well-formed, but neither a document nor a roster.
    #[error("the file is no exchange document")]
    NotExchange,
}

impl ExchangeError {
    /// The code answered to callers.
    pub fn code(&self) -> ErrorCode {
        match self {
            ExchangeError::Empty => ErrorCode::BadValue,
            ExchangeError::TooLarge { what: "bytes", .. } => ErrorCode::TooLarge,
            ExchangeError::NotExchange => ErrorCode::UnsupportedMedia,
            _ => ErrorCode::ContentRefused,
        }
    }

    /// What the sender can do, in Traditional Chinese.
    pub fn remedy(&self) -> &'static str {
        match self {
            ExchangeError::Empty => "檔案是空的,請重新匯出後再傳送。",
            ExchangeError::TooLarge { .. } => "檔案超過可接受的大小或層數,請確認是否為公文本文檔。",
            ExchangeError::Utf16 => "檔案為 UTF-16 編碼,請改存為 UTF-8 後再傳送。",
            ExchangeError::UnknownEncoding { .. } => {
                "宣告的編碼不在交換規範內,請改存為 UTF-8,並宣告 encoding=\"UTF-8\"。"
            }
            ExchangeError::NotUtf8 { .. } => "內容不是有效的 UTF-8,請由公文系統重新匯出。",
            ExchangeError::UndeclaredBig5 { .. } => {
                "內容應為 Big5,請在 XML 宣告加上 encoding=\"big5\",或改存為 UTF-8。"
            }
            ExchangeError::NotBig5 { .. } => {
                "內容不是有效的 Big5,請確認宣告的編碼,或改存為 UTF-8 並宣告 encoding=\"UTF-8\"。"
            }
            ExchangeError::ContradictoryEncoding => {
                "宣告為 Big5,內容卻是 UTF-8,請把宣告改為 encoding=\"UTF-8\"。"
            }
            ExchangeError::ExternalEntity
            | ExchangeError::ParameterEntity
            | ExchangeError::InternalEntity
            | ExchangeError::EntityReference { .. } => {
                "不接受外部或自訂的實體(ENTITY);附件請以 NDATA 宣告,文字請直接寫入。"
            }
            ExchangeError::Malformed { .. } => "XML 格式不完整或有誤,請由公文系統重新匯出。",
            ExchangeError::NotExchange => "檔案不是公文電子交換的本文檔(DI)或交換表單(SW)。",
        }
    }
}
