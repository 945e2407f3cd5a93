//! Tables (CSV) → rows: the separator is told by the head, and what would lose data is refused with its place.

use anyhow::{Context, bail, ensure};
use fenwen::media::table;
use serde_json::Value;

use super::rows::Row;

/// The rows below the head, cells without the blanks around them: a label with a blank after it is no other label.
pub(super) fn rows(text: &str) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Row>>> {
    let separator = table::separator(text);
    check_quotes(text, separator)?;
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.delimiter(u8::try_from(separator)?).from_reader(text.as_bytes());
    let headers: Vec<String> = reader
        .headers()
        .context("CSV 標題列無法讀取")?
        .iter()
        .map(|it| it.trim().to_owned())
        .collect();
    for (idx, name) in headers.iter().enumerate() {
        let is_again = headers.iter().take(idx).any(|it| it == name);
        ensure!(!is_again || name.is_empty(), "CSV 標題列有兩個「{name}」欄,請改名後再匯入");
    }
    let n_unnamed = headers.iter().filter(|it| it.is_empty()).count();
    Ok(reader.into_records().enumerate().map(move |(idx, record)| {
        let record = record.with_context(|| format!("CSV 第 {} 筆無法讀取", idx + 1))?;
        let mut row = Row::new();
        for (header, cell) in headers.iter().zip(record.iter()) {
            let cell = cell.trim();
            // Tables of spreadsheets end with columns that have neither a name nor a value.
            if header.is_empty() && 1 < n_unnamed {
                ensure!(cell.is_empty(), "CSV 第 {} 筆在沒有欄名的欄有資料,請補上欄名", idx + 1);
                continue;
            }
            row.insert(header.clone(), Value::from(cell));
        }
        Ok(row)
    }))
}

/// Refuses a quotation mark that does not end its cell: the rows up to the next one would become part of the cell.
fn check_quotes(text: &str, separator: char) -> anyhow::Result<()> {
    let Some(lines) = table::open_quote(text, separator) else { return Ok(()) };
    let (began, line) = lines.into_inner();
    bail!("CSV 第 {began} 行開始的引號沒有結束,或在第 {line} 行的引號之後還有文字")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        let found: anyhow::Result<Vec<Row>> = rows(text).and_then(Iterator::collect);
        found.map(|it| json!(it)).map_err(|err| format!("{err:#}"))
    }

    fn check(text: &str, expected: Value) {
        assert_eq!(read(text), Ok(expected), "{text}");
    }

    fn check_refused(text: &str, expected: &str) {
        let told = read(text).unwrap_err();
        assert!(told.contains(expected), "{text}: {told}");
    }

    #[test]
    fn the_head_tells_the_separator() {
        let expected = json!([{ "text": "甲,乙", "label": "路燈" }]);
        check("text;label\n甲,乙;路燈\n", expected.clone());
        check("text\tlabel\r\n甲,乙\t路燈\r\n", expected.clone());
        check("text,label\n\"甲,乙\",\" 路燈 \"\n", expected);
        check("\"a;b;c\",d\n1,2\n", json!([{ "a;b;c": "1", "d": "2" }]));
        check("text\n甲\n", json!([{ "text": "甲" }]));
    }

    #[test]
    fn quotation_marks_that_do_not_end_are_refused() {
        check("a,b\n\"1 \"\"x\"\"\n2\" ,3\n", json!([{ "a": "1 \"x\"\n2", "b": "3" }]));
        check("a,b\n5\" disk,3\n", json!([{ "a": "5\" disk", "b": "3" }]));
        check_refused("a,b\n1,\"2\n3,4\n", "第 2 行");
        check_refused("a,b\n1,\"2\n3,\"4\"\n5,6\n", "第 2 行");
    }

    #[test]
    fn names_of_columns_are_told_apart() {
        check_refused("a,b,a\n1,2,3\n", "兩個「a」");
        check_refused("a,b\n1,2,3\n", "第 1 筆");
        check(",a\n0,1\n", json!([{ "": "0", "a": "1" }]));
        check("a,,\n1,,\n", json!([{ "a": "1" }]));
        check_refused("a,,\n1,,2\n", "沒有欄名");
    }
}
