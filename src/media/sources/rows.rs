//! Tables of sources: CSV and JSON lines, their columns named in English or in Chinese.

use serde_json::{Map, Value};

use crate::base::Date;

use super::{SourceDraft, SourceError, tidy};

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

/// The rows of a table whose answer is not blank.
pub(super) fn csv(text: &str, most: usize) -> Result<Vec<SourceDraft>, SourceError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let broken = |line: Option<u64>| SourceError::Line {
        line: line.and_then(|it| usize::try_from(it).ok()).unwrap_or(1),
        what: "it is no row of a table",
    };
    let header = reader.headers().map_err(|it| broken(it.position().map(csv::Position::line)))?;
    let columns: Vec<Option<Column>> = header.iter().map(column).collect();
    if header.is_empty() {
        return Ok(Vec::new());
    }
    if !columns.contains(&Some(Column::Answer)) {
        return Err(SourceError::NoAnswerColumn);
    }
    let mut drafts = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|it| broken(it.position().map(csv::Position::line)))?;
        let line = record.position().map_or(1, csv::Position::line);
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        // An answer cut at a comma would be quoted to citizens.
        if columns.len() < record.len() {
            let what =
                "it has more columns than the head: put texts with commas in quotation marks";
            return Err(SourceError::Line { line, what });
        }
        let cells = columns.iter().zip(record.iter());
        let cells = cells.filter_map(|(column, text)| Some(((*column)?, text.to_owned())));
        add(&mut drafts, cells, line)?;
        require_room(&drafts, most)?;
    }
    Ok(drafts)
}

/// The objects whose answer is not blank.
pub(super) fn json_lines(text: &str, most: usize) -> Result<Vec<SourceDraft>, SourceError> {
    let mut drafts = Vec::new();
    for (idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_error = |what| SourceError::Line { line: idx + 1, what };
        let object: Map<String, Value> =
            serde_json::from_str(line).map_err(|_| line_error("it is no JSON object"))?;
        let mut cells = Vec::new();
        for (name, value) in object {
            let Some(column) = column(&name) else { continue };
            match value {
                Value::String(text) => cells.push((column, text)),
                Value::Number(number) => cells.push((column, number.to_string())),
                Value::Null => (),
                _ => return Err(line_error("a column is neither text nor number")),
            }
        }
        add(&mut drafts, cells.into_iter(), idx + 1)?;
        require_room(&drafts, most)?;
    }
    Ok(drafts)
}

fn require_room(drafts: &[SourceDraft], most: usize) -> Result<(), SourceError> {
    if most < drafts.len() { Err(SourceError::TooMany(most)) } else { Ok(()) }
}

/// Makes a source of the cells of a row; of two columns with one meaning the first that is filled counts.
fn add(
    drafts: &mut Vec<SourceDraft>,
    cells: impl Iterator<Item = (Column, String)>,
    line: usize,
) -> Result<(), SourceError> {
    let mut draft = SourceDraft::default();
    for (column, text) in cells {
        let Some(text) = tidy(&text) else { continue };
        let day = || {
            let what = "a day is not written as 2026-11-24";
            Date::parse_iso(&text).ok_or(SourceError::Line { line, what })
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
    if !draft.answer.is_empty() {
        drafts.push(draft);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPECTED: &str = "身分證遺失怎麼補?|請攜帶\n印章|戶政司|2026-01-01";

    fn check(found: Result<Vec<SourceDraft>, SourceError>) {
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let it = &found[0];
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
            "問題,答案,業務單位,點閱,生效日\n身分證遺失怎麼補?,\"請攜帶\r\n印章\",戶政司,9,2026-01-01\n空,  ,,,\n",
            9,
        ));
        check(json_lines(
            "{\"question\":\" 身分證遺失怎麼補?\",\"answer\":\"請攜帶\\r\\n印章\",\"department\":\"戶政司\",\"half\":[1],\"valid_from\":\"2026-01-01\"}\n\n{\"answer\":\"\"}\n",
            9,
        ));
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = |what| Err(SourceError::Line { line: 2, what });
        let day = "a day is not written as 2026-11-24";
        assert_eq!(csv("answer,valid_to\n甲,115/1/1\n", 9), error(day));
        let more = "it has more columns than the head: put texts with commas in quotation marks";
        assert_eq!(csv("answer,unit\n請攜帶印章,至任一戶政事務所,戶政司\n", 9), error(more));
        assert_eq!(json_lines("{\"answer\":\"a\"}\n[1]\n", 9), error("it is no JSON object"));
        let list = "{\"answer\":\"a\"}\n{\"answer\":[]}\n";
        assert_eq!(json_lines(list, 9), error("a column is neither text nor number"));
        assert_eq!(csv("answer\n甲\n乙\n丙\n", 2), Err(SourceError::TooMany(2)));
    }
}
