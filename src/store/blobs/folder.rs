//! Files of blobs in a folder of this machine: one folder a blob, readable by the owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;

use crate::store::StoreError;

use super::BlobFiles;

/// A folder of sealed files.
pub struct BlobFolder(PathBuf);

impl BlobFolder {
    /// The files below `folder`, which is made with the first of them.
    pub fn new(folder: PathBuf) -> BlobFolder {
        BlobFolder(folder)
    }

    /// The folder of a blob. Ids are our own hexadecimal digits, never a caller's text.
    fn of(&self, blob: &str) -> PathBuf {
        self.0.join(blob.get(blob.len().saturating_sub(2)..).unwrap_or("x")).join(blob)
    }
}

impl BlobFiles for BlobFolder {
    fn write(
        &self,
        blob: &str,
        place: &str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let folder = self.of(blob);
        let path = folder.join(place);
        blocking("write", path.clone(), move || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            // The file's name must be on the disk too.
            File::open(&folder)?.sync_all()
        })
    }

    fn read(&self, blob: &str, place: &str) -> BoxFuture<'static, Result<Vec<u8>, StoreError>> {
        let path = self.of(blob).join(place);
        blocking("read", path.clone(), move || fs::read(&path))
    }

    fn delete(
        &self,
        blob: &str,
        place: Option<&str>,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let folder = self.of(blob);
        let path = place.map_or_else(|| folder.clone(), |it| folder.join(it));
        let is_file = place.is_some();
        blocking("delete", path.clone(), move || delete(&path, is_file))
    }
}

fn delete(path: &Path, is_file: bool) -> std::io::Result<()> {
    let deleted = if is_file { fs::remove_file(path) } else { fs::remove_dir_all(path) };
    match deleted {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        deleted => deleted,
    }
}

fn blocking<R: Send + 'static>(
    action: &'static str,
    path: PathBuf,
    work: impl FnOnce() -> std::io::Result<R> + Send + 'static,
) -> BoxFuture<'static, Result<R, StoreError>> {
    async move {
        let done = spawn_blocking(work).await.map_err(|_| StoreError::Closed)?;
        done.map_err(|source| StoreError::File { action, path, source })
    }
    .boxed()
}
