//! One file out of a wheel (zip) or an npm tarball (gzipped tar). Names in the archive are compared, never used as paths.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use zip::result::ZipError;

use crate::registry::error::SourceError;
use crate::registry::progress::Progress;
use crate::registry::store::Incoming;

/// Most bytes of a tarball that are unpacked while looking for the member: a bomb ends here.
const MAX_UNPACKED: u64 = 4 << 30;

/// Copies `member` of the archive at `path` into `incoming`, which stops at the declared size.
pub(super) fn extract(
    path: &Path,
    member: &str,
    incoming: &mut Incoming<'_>,
    progress: &dyn Progress,
) -> Result<(), SourceError> {
    let archive = path.file_name().and_then(OsStr::to_str).unwrap_or("archive");
    let file = File::open(path)
        .map_err(|source| SourceError::Read { what: path.display().to_string(), source })?;
    let finder = Finder { archive, member };
    if path.extension() == Some(OsStr::new("whl")) {
        finder.unzip(file, incoming, progress)
    } else {
        finder.untar(file, incoming, progress)
    }
}

struct Finder<'a> {
    archive: &'a str,
    member: &'a str,
}

impl Finder<'_> {
    fn unzip(
        &self,
        file: File,
        incoming: &mut Incoming<'_>,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        let mut archive =
            zip::ZipArchive::new(BufReader::new(file)).map_err(|error| self.broken(error))?;
        let mut entry = match archive.by_name(self.member) {
            Ok(entry) if entry.is_file() => entry,
            Ok(_) | Err(ZipError::FileNotFound) => return Err(self.missing()),
            Err(error) => return Err(self.broken(error)),
        };
        incoming.copy_from(&mut entry, progress)
    }

    fn untar(
        &self,
        file: File,
        incoming: &mut Incoming<'_>,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        let unpacked = GzDecoder::new(BufReader::new(file)).take(MAX_UNPACKED);
        let mut archive = tar::Archive::new(unpacked);
        // Raw: extended headers, whose size an attacker chooses, are not read into memory.
        let entries = archive.entries().map_err(|error| self.broken(error))?.raw(true);
        for entry in entries {
            let mut entry = entry.map_err(|error| self.broken(error))?;
            let is_member = entry.header().entry_type().is_file()
                && *entry.path_bytes() == *self.member.as_bytes();
            if is_member {
                return incoming.copy_from(&mut entry, progress);
            }
        }
        Err(self.missing())
    }

    fn missing(&self) -> SourceError {
        let (archive, member) = (self.archive.to_owned(), self.member.to_owned());
        SourceError::NoMember { archive, member }
    }

    fn broken(&self, error: impl std::fmt::Display) -> SourceError {
        let (archive, message) = (self.archive.to_owned(), error.to_string());
        SourceError::Archive { archive, message }
    }
}
