//! JSONL: one object a line, read with its line number, written in one pass.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::{Map, Value};

/// Most bytes of one line.
const MAX_LINE: u64 = 16 << 20;

/// One row.
pub(crate) type Row = Map<String, Value>;

/// Reads a file of rows; blank lines are passed over.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let file = File::open(path).with_context(|| format!("無法開啟 {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut rows = Vec::new();
    let mut line = String::new();
    let mut number = 0;
    loop {
        number += 1;
        line.clear();
        let n_bytes = std::io::Read::take(&mut reader, MAX_LINE)
            .read_line(&mut line)
            .with_context(|| format!("{} 第 {number} 行無法讀取", path.display()))?;
        if n_bytes == 0 {
            return Ok(rows);
        }
        let text = line.trim_start_matches('\u{FEFF}').trim();
        if text.is_empty() {
            continue;
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(row)) => rows.push(row),
            // The line itself may be somebody's letter: only its number is told.
            _ => bail!("{} 第 {number} 行不是 JSON 物件", path.display()),
        }
    }
}

/// A field as text; numbers and booleans as written, none for what is missing or null.
pub(crate) fn text<'a>(row: &'a Row, field: &str) -> Option<std::borrow::Cow<'a, str>> {
    match row.get(field)? {
        Value::Null => None,
        Value::String(text) => Some(text.as_str().into()),
        other => Some(other.to_string().into()),
    }
}

/// A label without the blanks around it, which make no other label of it.
pub(crate) fn label(row: &Row, field: &str) -> Option<String> {
    text(row, field).map(|it| it.trim().to_owned())
}

/// A file that is there only when it is whole.
pub(crate) struct Writer {
    out: BufWriter<tempfile::NamedTempFile>,
}

impl Writer {
    pub(crate) fn new(path: &Path) -> anyhow::Result<Writer> {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .with_context(|| format!("無法寫入 {}", path.display()))?;
        Ok(Writer { out: BufWriter::new(file) })
    }

    pub(crate) fn write(&mut self, row: &Row) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.out, row)?;
        Ok(self.out.write_all(b"\n")?)
    }

    pub(crate) fn finish(self, path: &Path) -> anyhow::Result<()> {
        let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.persist(path).with_context(|| format!("無法寫入 {}", path.display()))?;
        Ok(())
    }
}
