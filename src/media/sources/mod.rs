//! Files of questions with answers, or of other texts to answer from → drafts of sources: CSV, JSONL, HTML, Markdown.

mod error;
pub(super) mod html;
mod plain;
mod rows;
mod sections;

use crate::base::Date;

use super::charset;

pub use error::{Field, LineFault, SourceError};

/// Form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// A row of a table is a source; the first row names the columns.
    Csv,
    /// A JSON object a line is a source.
    Jsonl,
    /// A heading, `dt`, `th` or `summary` with what follows it is a source.
    Html,
    /// A heading with what follows it is a source.
    Markdown,
}

impl SourceFormat {
    /// Every form.
    pub const ALL: [SourceFormat; 4] =
        [SourceFormat::Csv, SourceFormat::Jsonl, SourceFormat::Html, SourceFormat::Markdown];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceFormat::Csv => "csv",
            SourceFormat::Jsonl => "jsonl",
            SourceFormat::Html => "html",
            SourceFormat::Markdown => "markdown",
        }
    }

    /// The form that the end of a file's name stands for.
    pub fn of_extension(extension: &str) -> Option<SourceFormat> {
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(SourceFormat::Csv),
            "jsonl" | "ndjson" => Some(SourceFormat::Jsonl),
            "html" | "htm" => Some(SourceFormat::Html),
            "md" | "markdown" => Some(SourceFormat::Markdown),
            _ => None,
        }
    }
}

/// A source as a file states it. Texts are trimmed; none is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceDraft {
    /// The file's own id for it.
    pub id: Option<String>,
    /// Heading above the question.
    pub title: Option<String>,
    /// The question that it answers.
    pub question: Option<String>,
    /// The text that is quoted.
    pub answer: String,
    /// Who answers for it.
    pub unit: Option<String>,
    /// Where it was published.
    pub link: Option<String>,
    /// First day on which it may be used.
    pub valid_from: Option<Date>,
    /// Last day on which it may be used.
    pub valid_to: Option<Date>,
}

/// Bounds of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// Bytes of the file.
    pub max_bytes: usize,
    /// Sources in it.
    pub max_sources: usize,
    /// Code points of an answer.
    pub max_answer: usize,
    /// Code points of any other text.
    pub max_short: usize,
}

impl Default for SourceLimits {
    /// 64 MiB, 100,000 sources, 20,000 code points of an answer, 1,000 of any other text.
    fn default() -> SourceLimits {
        SourceLimits {
            max_bytes: 64 << 20,
            max_sources: 100_000,
            max_answer: 20_000,
            max_short: 1_000,
        }
    }
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// Its sources.
    pub drafts: Vec<SourceDraft>,
    /// Lines of rows without an answer, counted from 1: they are left out.
    pub blank: Vec<usize>,
}

/// Reads a file; all of it or nothing.
///
/// # Errors
/// With the line or the number of the source that is refused, never its text.
pub fn read(
    bytes: &[u8],
    format: SourceFormat,
    limits: &SourceLimits,
) -> Result<SourceFile, SourceError> {
    if limits.max_bytes < bytes.len() {
        return Err(SourceError::TooLarge(limits.max_bytes));
    }
    let text = charset::decode(bytes).ok_or(SourceError::NotText)?;
    let sections = |drafts| SourceFile { drafts, blank: Vec::new() };
    let file = match format {
        SourceFormat::Csv => rows::csv(&text, limits.max_sources)?,
        SourceFormat::Jsonl => rows::json_lines(&text, limits.max_sources)?,
        SourceFormat::Html => sections(html::sections(&text)),
        SourceFormat::Markdown => sections(sections::markdown(&text)),
    };
    if file.drafts.is_empty() {
        return Err(SourceError::Empty);
    }
    if limits.max_sources < file.drafts.len() {
        return Err(SourceError::TooMany(limits.max_sources));
    }
    for (idx, draft) in file.drafts.iter().enumerate() {
        check(draft, idx + 1, limits)?;
    }
    Ok(file)
}

fn check(draft: &SourceDraft, number: usize, limits: &SourceLimits) -> Result<(), SourceError> {
    let short = [
        (Field::Id, &draft.id),
        (Field::Title, &draft.title),
        (Field::Question, &draft.question),
        (Field::Unit, &draft.unit),
        (Field::Link, &draft.link),
    ];
    let texts = short.iter().map(|(field, text)| (*field, text.as_deref(), limits.max_short));
    for (field, text, most) in
        texts.chain([(Field::Answer, Some(&*draft.answer), limits.max_answer)])
    {
        if text.is_some_and(|it| it.chars().nth(most).is_some()) {
            return Err(SourceError::TooLong { number, field, most });
        }
    }
    match (draft.valid_from, draft.valid_to) {
        (Some(from), Some(to)) if to < from => Err(SourceError::Backwards(number)),
        _ => Ok(()),
    }
}

/// A text without the blanks around it and with plain line ends; none when nothing is left.
fn tidy(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.replace("\r\n", "\n").replace('\r', "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: SourceFormat, text: &str, expected: Result<usize, SourceError>) {
        let limits = SourceLimits { max_bytes: 200, max_sources: 3, max_answer: 10, max_short: 8 };
        assert_eq!(
            read(text.as_bytes(), format, &limits).map(|it| it.drafts.len()),
            expected,
            "{text}"
        );
    }

    #[test]
    fn limits_hold_for_every_form() {
        use SourceFormat::{Csv, Html, Jsonl, Markdown};
        check(Csv, "\u{feff}question,answer\n甲,乙\n", Ok(1));
        check(Csv, "", Err(SourceError::Empty));
        check(Csv, "question,unit\n甲,乙\n", Err(SourceError::NoAnswerColumn));
        check(Csv, &"x".repeat(201), Err(SourceError::TooLarge(200)));
        check(Jsonl, &"{\"answer\":\"a\"}\n".repeat(4), Err(SourceError::TooMany(3)));
        check(Markdown, "## 甲\n乙\n## 丙\n丁", Ok(2));
        check(Html, "<h2>甲</h2><p>乙</p>", Ok(1));
        let long = SourceError::TooLong { number: 1, field: Field::Answer, most: 10 };
        check(Jsonl, r#"{"answer":"一二三四五六七八九十百"}"#, Err(long));
        let long = SourceError::TooLong { number: 1, field: Field::Unit, most: 8 };
        check(Jsonl, r#"{"answer":"甲","unit":"一二三四五六七八九"}"#, Err(long));
        let backwards = r#"{"answer":"a","valid_from":"2026-02-01","valid_to":"2026-01-31"}"#;
        check(Jsonl, backwards, Err(SourceError::Backwards(1)));
        let limits = SourceLimits::default();
        assert_eq!(read(b"ab\xff", Csv, &limits), Err(SourceError::NotText));
    }

    #[test]
    fn tables_of_old_systems_are_read() {
        let limits = SourceLimits::default();
        let answer = |bytes: &[u8]| {
            let read = read(bytes, SourceFormat::Csv, &limits).unwrap();
            read.drafts.into_iter().map(|it| it.answer).collect::<Vec<_>>()
        };
        // 答案, 內政 in Big5; the same in UTF-16.
        assert_eq!(answer(b"\xb5\xaa\xae\xd7\n\xa4\xba\xacF\n"), ["內政"]);
        let utf16: Vec<u8> =
            "\u{feff}答案\n內政\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(answer(&utf16), ["內政"]);
    }

    #[test]
    fn refusals_say_where_and_what_to_do() {
        let told = |text: &str| {
            read(text.as_bytes(), SourceFormat::Csv, &SourceLimits::default())
                .unwrap_err()
                .message()
        };
        assert_eq!(told("答案\n\"甲\n乙\n"), "第 2 行開始的引號沒有結束,或引號之後還有文字");
        assert_eq!(told("問題\n甲\n"), "沒有答案欄,請將欄名改為 answer 或「答案」");
        assert_eq!(told("答案,生效日\n甲,明年\n"), "第 2 行的日期應寫為 2026-11-24 或 115/11/24");
    }

    #[test]
    fn forms_have_names_and_extensions() {
        for format in SourceFormat::ALL {
            assert_eq!(SourceFormat::of_extension(format.as_str()), Some(format));
        }
        assert_eq!(SourceFormat::of_extension("HTM"), Some(SourceFormat::Html));
        assert_eq!(SourceFormat::of_extension("docx"), None);
    }
}
