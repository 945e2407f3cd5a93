//! Days that were exported, brought to where the warehouse takes them: the manifest last, and nothing that is there already.

use std::fs;
use std::path::Path;

use futures_util::future::BoxFuture;

use crate::store::StoreError;

use super::manifest::{DICTIONARY, MANIFEST, SIGNATURE};
use super::partition::FILES;
use super::{ExportError, Exported};

/// Where objects are put under names such as `ai_job_daily/dt=2026-11-25/part-0.csv`.
pub trait Destination: Send + Sync {
    /// Puts an object whole, in the place of one that is there.
    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>) -> BoxFuture<'a, Result<(), StoreError>>;

    /// An object, if there is one.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Deletes an object; one that is not there does no harm.
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Brings a table of a day there; `false` when the same was there already.
///
/// While it is replaced it has no manifest, and the manifest comes last: whoever reads a manifest finds all that it names.
///
/// # Errors
/// When a file cannot be read, or the destination fails: the next call begins anew.
pub async fn deliver(exported: &Exported, to: &dyn Destination) -> Result<bool, ExportError> {
    let Some(day) = exported.folder.file_name().and_then(|it| it.to_str()) else {
        return Ok(false);
    };
    let of = |name: &str| format!("{}/{day}/{name}", exported.table);
    let manifest = read(&exported.folder.join(MANIFEST))?;
    let before = to.get(&of(MANIFEST)).await?;
    if before.as_ref() == Some(&manifest) {
        return Ok(false);
    }
    if before.is_some() {
        to.remove(&of(MANIFEST)).await?;
    }
    for name in FILES {
        to.put(&of(name), read(&exported.folder.join(name))?).await?;
    }
    let table = exported.folder.parent().unwrap_or(&exported.folder);
    to.put(&format!("{}/{DICTIONARY}", exported.table), read(&table.join(DICTIONARY))?).await?;
    to.put(&of(SIGNATURE), read(&exported.folder.join(SIGNATURE))?).await?;
    to.put(&of(MANIFEST), manifest).await?;
    Ok(true)
}

fn read(path: &Path) -> Result<Vec<u8>, ExportError> {
    fs::read(path).map_err(|it| ExportError::write(path, it))
}

#[cfg(feature = "s3")]
mod bucket {
    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;

    use super::Destination;
    use crate::store::StoreError;
    use crate::store::blobs::BlobBucket;

    impl Destination for BlobBucket {
        fn put<'a>(
            &'a self,
            name: &'a str,
            bytes: Vec<u8>,
        ) -> BoxFuture<'a, Result<(), StoreError>> {
            self.put_object(name, bytes).boxed()
        }

        fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
            self.object(name).boxed()
        }

        fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
            self.remove_object(name).boxed()
        }
    }
}
