//! Why a PDF is refused, and what its sender can do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::base::ErrorCode;

/// Why there is no text. Never holds a part of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum PdfError {
    /// No PDF header.
    #[error("the file is no PDF")]
    NotPdf,
    /// It cannot be opened, or it made the parser fail.
    #[error("the PDF is damaged")]
    Damaged,
    /// Encrypted, with or without a password to open it.
    #[error("the PDF is encrypted")]
    Encrypted,
    /// More than a limit allows.
    #[error("the PDF has more {what} than {limit}")]
    TooLarge {
        /// What there is too much of.
        what: Quantity,
        /// Allowed.
        limit: usize,
    },
    /// No page has a text layer: a scan, or empty.
    #[error("the PDF has no text layer")]
    NoText,
    /// There is text, but its fonts do not tell which characters they show.
    #[error(
        "the fonts of the PDF tell too little about their characters ({n_unmapped} of {n_chars} unknown)"
    )]
    NoUnicode {
        /// Characters without a meaning.
        n_unmapped: usize,
        /// All characters.
        n_chars: usize,
    },
    /// It took more time or memory than a file may take.
    #[error("the PDF takes too much time or memory")]
    TooCostly,
    /// The process that reads could not be started or spoken to.
    #[error("failed to run the PDF reader")]
    Worker,
}

/// What a file may have too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantity {
    /// Bytes of the file.
    Bytes,
    /// Indirect objects.
    Objects,
    /// Pages.
    Pages,
    /// Fonts.
    Fonts,
    /// Bytes that a stream decompresses to.
    StreamBytes,
    /// Bytes that all streams decompress to.
    DecompressedBytes,
    /// Drawing operators.
    Operators,
    /// Characters.
    Chars,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quantity::Bytes => "bytes",
            Quantity::Objects => "objects",
            Quantity::Pages => "pages",
            Quantity::Fonts => "fonts",
            Quantity::StreamBytes => "bytes in a stream",
            Quantity::DecompressedBytes => "decompressed bytes",
            Quantity::Operators => "operators",
            Quantity::Chars => "characters",
        })
    }
}

impl PdfError {
    /// The code answered to callers.
    pub fn code(&self) -> ErrorCode {
        match self {
            PdfError::NotPdf => ErrorCode::UnsupportedMedia,
            PdfError::TooLarge { what: Quantity::Bytes, .. } => ErrorCode::TooLarge,
            PdfError::Worker => ErrorCode::Internal,
            _ => ErrorCode::ContentRefused,
        }
    }

    /// What the sender can do, in Traditional Chinese.
    pub fn remedy(&self) -> &'static str {
        match self {
            PdfError::NotPdf => "檔案不是 PDF,請確認檔案類型。",
            PdfError::Damaged => "PDF 檔不完整或已損壞,請由原系統重新匯出。",
            PdfError::Encrypted => {
                "PDF 已加密或設有權限保護,請先解除保護,或由原系統重新匯出未加密的檔案。"
            }
            PdfError::TooLarge { .. } => "PDF 超過可接受的大小,請拆成較小的檔案後再匯入。",
            PdfError::NoText => {
                "PDF 沒有文字層(多半為掃描影像),請先以文字辨識(OCR)軟體加上文字層,或改用原始電子檔。"
            }
            PdfError::NoUnicode { .. } => {
                "PDF 的字型未附文字對照(ToUnicode),無法還原文字;請由原始檔重新匯出 PDF,或改用原始電子檔。"
            }
            PdfError::TooCostly => {
                "讀取 PDF 所需的時間或記憶體過多,請由原系統重新匯出較單純的檔案。"
            }
            PdfError::Worker => "無法啟動讀取 PDF 的程式,請聯絡系統管理人員。",
        }
    }
}
