//! Tables of sources: CSV and JSON lines, their columns named in English or in Chinese.

use serde_json::{Map, Value};

use crate::base::Date;

use super::{LineFault, SourceDraft, SourceError, SourceFile, tidy};
use crate::media::exchange::printed_date;
use crate::media::table;

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Title,
    Question,
    Answer,
    Unit,
    Link,
    From,
    To,
}

/// Names of columns as city and ministry sites export them; other columns are left out.
const NAMES: [(Column, &[&str]); 8] = [
    (Column::Id, &["id", "source_id", "編號", "序號"]),
    (Column::Title, &["title", "標題", "主題"]),
    (Column::Question, &["question", "問題", "問"]),
    (Column::Answer, &["answer", "答案", "回答", "內容", "答", "text", "body"]),
    (Column::Unit, &["unit", "department", "owner", "單位", "機關", "業務單位", "發布單位"]),
    (Column::Link, &["link", "url", "url_path", "網址", "連結"]),
    (Column::From, &["valid_from", "生效日", "生效日期"]),
    (Column::To, &["valid_to", "失效日", "失效日期"]),
];

fn column(name: &str) -> Option<Column> {
    let name = name.trim().to_ascii_lowercase();
    NAMES.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(column, _)| *column)
}

/// The rows of a table.
pub(super) fn csv(text: &str, most: usize) -> Result<SourceFile, SourceError> {
    let separator = table::separator(text);
    if let Some(lines) = table::open_quote(text, separator) {
        return Err(SourceError::Line { line: *lines.start(), fault: LineFault::OpenQuote });
    }
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(u8::try_from(separator).unwrap_or(b','));
    let mut reader = builder.flexible(true).from_reader(text.as_bytes());
    let broken = |line: Option<u64>| SourceError::Line {
        line: line.and_then(|it| usize::try_from(it).ok()).unwrap_or(1),
        fault: LineFault::NoRow,
    };
    let header = reader.headers().map_err(|it| broken(it.position().map(csv::Position::line)))?;
    let columns: Vec<Option<Column>> = header.iter().map(column).collect();
    if header.is_empty() {
        return Ok(SourceFile::default());
    }
    if !columns.contains(&Some(Column::Answer)) {
        return Err(SourceError::NoAnswerColumn);
    }
    let mut file = SourceFile::default();
    for record in reader.records() {
        let record = record.map_err(|it| broken(it.position().map(csv::Position::line)))?;
        let line = record.position().map_or(1, csv::Position::line);
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        if columns.len() < record.len() {
            return Err(SourceError::Line { line, fault: LineFault::MoreColumns });
        }
        let cells = columns.iter().zip(record.iter());
        let cells = cells.filter_map(|(column, text)| Some(((*column)?, text.to_owned())));
        add(&mut file, cells, line)?;
        require_room(&file.drafts, most)?;
    }
    Ok(file)
}

/// The objects of a file, one a line.
pub(super) fn json_lines(text: &str, most: usize) -> Result<SourceFile, SourceError> {
    let mut file = SourceFile::default();
    for (idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_error = |fault| SourceError::Line { line: idx + 1, fault };
        let object: Map<String, Value> =
            serde_json::from_str(line).map_err(|_| line_error(LineFault::NoObject))?;
        let mut cells = Vec::new();
        for (name, value) in object {
            let Some(column) = column(&name) else { continue };
            match value {
                Value::String(text) => cells.push((column, text)),
                Value::Number(number) => cells.push((column, number.to_string())),
                Value::Null => (),
                _ => return Err(line_error(LineFault::NoCell)),
            }
        }
        add(&mut file, cells.into_iter(), idx + 1)?;
        require_room(&file.drafts, most)?;
    }
    Ok(file)
}

fn require_room(drafts: &[SourceDraft], most: usize) -> Result<(), SourceError> {
    if most < drafts.len() { Err(SourceError::TooMany(most)) } else { Ok(()) }
}

/// Makes a source of the cells of a row, or notes that it has no answer; of two columns with one meaning the first that is
/// filled counts.
fn add(
    file: &mut SourceFile,
    cells: impl Iterator<Item = (Column, String)>,
    line: usize,
) -> Result<(), SourceError> {
    let mut draft = SourceDraft::default();
    for (column, text) in cells {
        let Some(text) = tidy(&text) else { continue };
        let day = || {
            let day = Date::parse_iso(&text).or_else(|| printed_date(&text));
            day.ok_or(SourceError::Line { line, fault: LineFault::NoDay })
        };
        match column {
            Column::From => draft.valid_from = Some(day()?),
            Column::To => draft.valid_to = Some(day()?),
            Column::Answer if draft.answer.is_empty() => draft.answer = text,
            Column::Answer => (),
            Column::Id => _ = draft.id.get_or_insert(text),
            Column::Title => _ = draft.title.get_or_insert(text),
            Column::Question => _ = draft.question.get_or_insert(text),
            Column::Unit => _ = draft.unit.get_or_insert(text),
            Column::Link => _ = draft.link.get_or_insert(text),
        }
    }
    match draft.answer.is_empty() {
        true => file.blank.push(line),
        false => file.drafts.push(draft),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = "身分證遺失怎麼補?|請攜帶\n印章|戶政司|2026-01-01";

    fn check(found: Result<SourceFile, SourceError>) {
        let SourceFile { drafts, blank } = found.unwrap();
        assert_eq!((drafts.len(), blank.len()), (1, 1), "{drafts:?}");
        let it = &drafts[0];
        let shown = [
            it.question.clone().unwrap_or_default(),
            it.answer.clone(),
            it.unit.clone().unwrap_or_default(),
            it.valid_from.map(|it| it.to_string()).unwrap_or_default(),
        ];
        assert_eq!(shown.join("|"), EXPECTED);
    }

    #[test]
    fn columns_are_known_in_both_languages() {
        check(csv(
            "問題,答案,業務單位,點閱,生效日\n身分證遺失怎麼補?,\"請攜帶\r\n印章\",戶政司,9,115/01/01\n空,  ,,,\n",
            9,
        ));
        check(json_lines(
            "{\"question\":\" 身分證遺失怎麼補?\",\"answer\":\"請攜帶\\r\\n印章\",\"department\":\"戶政司\",\"half\":[1],\"valid_from\":\"2026-01-01\"}\n\n{\"answer\":\"\"}\n",
            9,
        ));
    }

    #[test]
    fn a_broken_line_is_named() {
        use LineFault::{MoreColumns, NoCell, NoDay, NoObject, OpenQuote};
        let error = |fault| Err(SourceError::Line { line: 2, fault });
        assert_eq!(csv("answer,valid_to\n甲,明年\n", 9), error(NoDay));
        assert_eq!(csv("answer,valid_to\n甲,115/13/1\n", 9), error(NoDay));
        let more = "answer,unit\n請攜帶印章,至任一戶政事務所,戶政司\n";
        assert_eq!(csv(more, 9), error(MoreColumns));
        assert_eq!(csv("answer,unit\n\"請攜帶印章,戶政司\n乙,丙\n", 9), error(OpenQuote));
        assert_eq!(json_lines("{\"answer\":\"a\"}\n[1]\n", 9), error(NoObject));
        assert_eq!(json_lines("{\"answer\":\"a\"}\n{\"answer\":[]}\n", 9), error(NoCell));
        assert_eq!(csv("answer\n甲\n乙\n丙\n", 2), Err(SourceError::TooMany(2)));
    }

    #[test]
    fn days_are_read_in_the_years_of_taiwan() {
        let check = |day: &str, expected: &str| {
            let read = csv(&format!("answer,valid_from\n甲,{day}\n"), 9).unwrap();
            assert_eq!(
                read.drafts[0].valid_from.map(|it| it.to_string()).as_deref(),
                Some(expected)
            );
        };
        for day in
            ["115/01/02", "115.1.2", "民國115年1月2日", "中華民國一一五年一月二日", "1150102"]
        {
            check(day, "2026-01-02");
        }
        check("2026/1/2", "2026-01-02");
        check("2026-01-02", "2026-01-02");
    }

    #[test]
    fn rows_without_an_answer_are_noted() {
        let blank = csv("question;answer\n甲;乙\n丙;\n丁; \n", 9).map(|it| it.blank);
        assert_eq!(blank, Ok(vec![3, 4]));
    }
}
