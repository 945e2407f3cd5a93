//! Rows as a Parquet file: one row group for each page of rows, every column optional.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::table::{Cell, ColumnKind, Table};

/// A file that is being written.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<File>,
    kinds: Vec<ColumnKind>,
}

impl ParquetFile {
    pub(super) fn begin(table: &Table, file: File) -> Result<ParquetFile> {
        let columns = table.columns.iter().map(|it| match it.kind {
            ColumnKind::Text => format!("OPTIONAL BYTE_ARRAY {} (UTF8);", it.name),
            ColumnKind::Int => format!("OPTIONAL INT64 {};", it.name),
            ColumnKind::Real => format!("OPTIONAL DOUBLE {};", it.name),
            ColumnKind::Flag => format!("OPTIONAL BOOLEAN {};", it.name),
        });
        let schema = format!("message {} {{ {} }}", table.name, columns.collect::<String>());
        let schema = Arc::new(parse_message_type(&schema)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            // Of this format, not of this program: the same rows are the same bytes in every version of it.
            .set_created_by("fenwen".to_owned())
            .build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        Ok(ParquetFile { writer, kinds: table.columns.iter().map(|it| it.kind).collect() })
    }

    pub(super) fn add(&mut self, rows: &[Vec<Cell>]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for (idx, kind) in self.kinds.iter().enumerate() {
            let Some(column) = group.next_column()? else { break };
            let cells = rows.iter().map(|row| row.get(idx).unwrap_or(&Cell::Null));
            write_column(column, *kind, cells)?;
        }
        group.close()?;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<()> {
        let file = self.writer.into_inner()?;
        Ok(file.sync_all()?)
    }
}

fn write_column<'a>(
    column: SerializedColumnWriter<'_>,
    kind: ColumnKind,
    cells: impl Iterator<Item = &'a Cell>,
) -> Result<()> {
    match kind {
        ColumnKind::Text => write::<ByteArrayType>(column, cells, |it| match it {
            Cell::Text(text) => Some(ByteArray::from(text.as_str())),
            _ => None,
        }),
        ColumnKind::Int => write::<Int64Type>(column, cells, |it| match it {
            Cell::Int(number) => Some(*number),
            _ => None,
        }),
        ColumnKind::Real => write::<DoubleType>(column, cells, |it| match it {
            Cell::Real(number) => Some(*number),
            _ => None,
        }),
        ColumnKind::Flag => write::<BoolType>(column, cells, |it| match it {
            Cell::Flag(truth) => Some(*truth),
            _ => None,
        }),
    }
}

/// A definition level of 1 says that a value is there.
fn write<'a, T: DataType>(
    mut column: SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = &'a Cell>,
    value: impl Fn(&Cell) -> Option<T::T>,
) -> Result<()> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        let value = value(cell);
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}
