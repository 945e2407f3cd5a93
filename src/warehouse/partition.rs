//! One table of one day on the disk.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::base::Date;

#[cfg(feature = "parquet")]
use super::parquet::ParquetFile;
use super::table::{Cell, Table};
use super::{ExportError, Exported, Sign, manifest};

const CSV: &str = "part-0.csv";
const PARQUET: &str = "part-0.parquet";

/// The files of a day.
pub(super) const FILES: &[&str] = if cfg!(feature = "parquet") { &[CSV, PARQUET] } else { &[CSV] };

/// Added to a name while its file is not whole.
const UNFINISHED: &str = ".part";

/// A partition that is being written.
pub(super) struct Partition<'a> {
    table: &'a Table,
    folder: PathBuf,
    n_rows: u64,
    csv: csv::Writer<BufWriter<File>>,
    #[cfg(feature = "parquet")]
    parquet: ParquetFile,
}

impl Partition<'_> {
    pub(super) fn begin<'a>(table: &'a Table, folder: &Path) -> Result<Partition<'a>, ExportError> {
        fs::create_dir_all(folder).map_err(|it| ExportError::write(folder, it))?;
        let mut csv = csv::Writer::from_writer(BufWriter::new(create(folder, CSV)?));
        csv.write_record(table.columns.iter().map(|it| it.name))
            .map_err(|it| ExportError::write(folder, it))?;
        Ok(Partition {
            table,
            n_rows: 0,
            csv,
            #[cfg(feature = "parquet")]
            parquet: ParquetFile::begin(table, create(folder, PARQUET)?)
                .map_err(|it| ExportError::write(folder, it))?,
            folder: folder.to_owned(),
        })
    }

    pub(super) fn add(&mut self, rows: &[Vec<Cell>]) -> Result<(), ExportError> {
        for row in rows {
            let record = self.csv.write_record(row.iter().map(Cell::csv));
            record.map_err(|it| ExportError::write(&self.folder, it))?;
        }
        #[cfg(feature = "parquet")]
        self.parquet.add(rows).map_err(|it| ExportError::write(&self.folder, it))?;
        self.n_rows += rows.len() as u64;
        Ok(())
    }

    /// Puts the files in their places, the manifest last.
    pub(super) fn finish(self, day: Date, sign: &Sign<'_>) -> Result<Exported, ExportError> {
        let Partition { table, folder, n_rows, csv, .. } = self;
        let failed = |it: std::io::Error| ExportError::write(&folder, it);
        let csv = csv.into_inner().map_err(|it| ExportError::write(&folder, it.to_string()))?;
        let csv = csv.into_inner().map_err(|it| failed(it.into_error()))?;
        csv.sync_all().map_err(failed)?;
        #[cfg(feature = "parquet")]
        self.parquet.finish().map_err(|it| ExportError::write(&folder, it))?;
        for name in FILES {
            fs::rename(folder.join(format!("{name}{UNFINISHED}")), folder.join(name))
                .map_err(failed)?;
        }
        let is_new = manifest::write(table, (day, sign), n_rows, &folder, FILES)?;
        Ok(Exported { table: table.name, n_rows, folder, is_new })
    }
}

/// The newest day of a table that was written whole.
pub(super) fn newest(table: &Path) -> Result<Option<Date>, ExportError> {
    let entries = match fs::read_dir(table) {
        Ok(entries) => entries,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(ExportError::write(table, err)),
    };
    let mut newest = None;
    for entry in entries {
        let entry = entry.map_err(|it| ExportError::write(table, it))?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|it| it.strip_prefix("dt=")).and_then(Date::parse_iso);
        if entry.path().join(manifest::MANIFEST).is_file() {
            newest = newest.max(day);
        }
    }
    Ok(newest)
}

fn create(folder: &Path, name: &str) -> Result<File, ExportError> {
    let path = folder.join(format!("{name}{UNFINISHED}"));
    File::create(&path).map_err(|it| ExportError::write(&path, it))
}

/// Writes a small file whole, or not at all.
pub(super) fn write_whole(folder: &Path, name: &str, content: &[u8]) -> Result<(), ExportError> {
    let mut file = create(folder, name)?;
    let path = folder.join(name);
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let written =
        written.and_then(|()| fs::rename(folder.join(format!("{name}{UNFINISHED}")), &path));
    written.map_err(|it| ExportError::write(&path, it))
}
