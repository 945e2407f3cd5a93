//! Why a file of sources is refused, for logs and for whoever imports it.

/// Why a file is refused: whole, so that nobody wonders which half was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Too many bytes.
    #[error("the file has more than {0} bytes")]
    TooLarge(usize),
    /// Too many sources.
    #[error("the file has more than {0} sources")]
    TooMany(usize),
    /// Not UTF-8, UTF-16 with its mark, nor Big5.
    #[error("the file is no text in UTF-8, UTF-16 or Big5")]
    NotText,
    /// No source in it.
    #[error("the file holds no source")]
    Empty,
    /// No column for the answers.
    #[error("no column is named `answer` or 答案")]
    NoAnswerColumn,
    /// A line that cannot be read.
    #[error("line {line}: {fault}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        fault: LineFault,
    },
    /// A source whose text is too long.
    #[error("source {number}: the {} has more than {most} characters", .field.as_str())]
    TooLong {
        /// Counted from 1.
        number: usize,
        /// Which text.
        field: Field,
        /// How many it may have.
        most: usize,
    },
    /// A source that ends before it begins.
    #[error("source {0} is valid to a day before the one it is valid from")]
    Backwards(usize),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// It cannot be taken apart.
    #[error("it is no row of a table")]
    NoRow,
    /// An answer cut at a comma would be quoted to citizens.
    #[error("it has more columns than the head: put texts with commas in quotation marks")]
    MoreColumns,
    /// The rows behind it would be part of its cell.
    #[error("a quotation mark that begins here does not end its cell")]
    OpenQuote,
    /// Not JSON, or another kind of it.
    #[error("it is no JSON object")]
    NoObject,
    /// A list or an object for a text.
    #[error("a column is neither text nor number")]
    NoCell,
    /// Not a day, or one that the calendar does not have.
    #[error("a day is not written as 2026-11-24 or 115/11/24")]
    NoDay,
}

/// A text of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of a column")]
pub enum Field {
    Id,
    Title,
    Question,
    Answer,
    Unit,
    Link,
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Field::Id => "id",
            Field::Title => "title",
            Field::Question => "question",
            Field::Answer => "answer",
            Field::Unit => "unit",
            Field::Link => "link",
        }
    }
}

impl SourceError {
    /// What whoever imports the file reads, with the remedy.
    pub fn message(&self) -> String {
        match self {
            SourceError::TooLarge(most) => format!("檔案超過 {most} 位元組,請分成數個檔案"),
            SourceError::TooMany(most) => format!("檔案超過 {most} 筆來源,請分成數個檔案"),
            SourceError::NotText => {
                "不是 UTF-8、UTF-16(含 BOM)或 Big5 的文字檔,請轉存為 UTF-8".to_owned()
            }
            SourceError::Empty => "檔案中沒有來源".to_owned(),
            SourceError::NoAnswerColumn => "沒有答案欄,請將欄名改為 answer 或「答案」".to_owned(),
            SourceError::Line { line, fault } => format!("第 {line} 行{}", fault.message()),
            SourceError::TooLong { number, field, most } => {
                format!("第 {number} 筆的 {} 超過 {most} 字", field.as_str())
            }
            SourceError::Backwards(number) => format!("第 {number} 筆的失效日早於生效日"),
        }
    }
}

impl LineFault {
    fn message(self) -> &'static str {
        match self {
            LineFault::NoRow => "不是表格的一列",
            LineFault::MoreColumns => "的欄數多於標題列,含逗號的文字請加引號",
            LineFault::OpenQuote => "開始的引號沒有結束,或引號之後還有文字",
            LineFault::NoObject => "不是 JSON 物件",
            LineFault::NoCell => "有欄位不是文字也不是數字",
            LineFault::NoDay => "的日期應寫為 2026-11-24 或 115/11/24",
        }
    }
}
