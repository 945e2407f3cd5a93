//! Files of blobs in a bucket that speaks S3: what several nodes share when they share no disk.
//!
//! What lies there is sealed; the bucket's owner sees sizes and times only.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{BackoffConfig, Error, ObjectStore, ObjectStoreExt, RetryConfig};

use crate::base::Secret;
use crate::store::StoreError;

use super::BlobFiles;

/// A call is tried again for this long, and this often at most; then the caller hears of it.
const RETRY_TIME: Duration = Duration::from_secs(20);
const MAX_RETRIES: usize = 4;

/// Where a bucket is, and who may use it.
pub struct BucketPlace<'a> {
    /// `https://s3.example.gov.tw`; plain HTTP only where it is told so.
    pub endpoint: &'a str,
    /// Region, as the provider names it.
    pub region: &'a str,
    /// Name of the bucket.
    pub bucket: &'a str,
    /// What the names of all objects begin with.
    pub prefix: &'a str,
    /// Who.
    pub access_key: &'a str,
    /// And the proof of it.
    pub secret_key: &'a Secret<String>,
}

/// Sealed objects of a bucket.
pub struct BlobBucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl BlobBucket {
    /// The bucket at `place`; nothing is asked of it yet.
    ///
    /// # Errors
    /// When the place is none.
    pub fn open(place: &BucketPlace<'_>) -> Result<BlobBucket, StoreError> {
        // Fails only when there is a provider already, which is as good.
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        let backoff = BackoffConfig::default();
        let store = AmazonS3Builder::new()
            .with_endpoint(place.endpoint)
            .with_region(place.region)
            .with_bucket_name(place.bucket)
            .with_access_key_id(place.access_key)
            .with_secret_access_key(place.secret_key.expose())
            .with_allow_http(place.endpoint.starts_with("http://"))
            // Every object has a name of its own; not every provider knows conditions, or deletes many at once.
            .with_conditional_put(S3ConditionalPut::Disabled)
            .with_disable_bulk_delete(true)
            .with_retry(RetryConfig {
                backoff,
                max_retries: MAX_RETRIES,
                retry_timeout: RETRY_TIME,
            })
            .build()
            .map_err(|error| failed("open", place.bucket, error))?;
        Ok(BlobBucket { store: Arc::new(store), prefix: Path::from(place.prefix) })
    }

    /// Puts an object under a name with slashes, as it is: nothing of this is sealed.
    ///
    /// # Errors
    /// When the bucket fails.
    pub async fn put_object(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let path = self.named(name);
        let put = self.store.put(&path, bytes.into()).await;
        put.map(|_| ()).map_err(|error| failed("write", path.as_ref(), error))
    }

    /// An object of such a name, if there is one.
    ///
    /// # Errors
    /// When the bucket fails.
    pub async fn object(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.named(name);
        match async { self.store.get(&path).await?.bytes().await }.await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("read", path.as_ref(), error)),
        }
    }

    /// Deletes an object of such a name; one that is not there does no harm.
    ///
    /// # Errors
    /// When the bucket fails.
    pub async fn remove_object(&self, name: &str) -> Result<(), StoreError> {
        let path = self.named(name);
        match self.store.delete(&path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed("delete", path.as_ref(), error)),
        }
    }

    fn named(&self, name: &str) -> Path {
        name.split('/').fold(self.prefix.clone(), |path, it| path.join(it))
    }

    fn of(&self, blob: &str) -> Path {
        self.prefix.clone().join(blob)
    }
}

impl BlobFiles for BlobBucket {
    fn write(
        &self,
        blob: &str,
        place: &str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let (store, path) = (Arc::clone(&self.store), self.of(blob).join(place));
        async move {
            let put = store.put(&path, bytes.into()).await;
            put.map(|_| ()).map_err(|error| failed("write", path.as_ref(), error))
        }
        .boxed()
    }

    fn read(&self, blob: &str, place: &str) -> BoxFuture<'static, Result<Vec<u8>, StoreError>> {
        let (store, path) = (Arc::clone(&self.store), self.of(blob).join(place));
        async move {
            let got = async { store.get(&path).await?.bytes().await }.await;
            got.map(Vec::from).map_err(|error| failed("read", path.as_ref(), error))
        }
        .boxed()
    }

    fn delete(
        &self,
        blob: &str,
        place: Option<&str>,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let (store, folder) = (Arc::clone(&self.store), self.of(blob));
        let one = place.map(|it| folder.clone().join(it));
        async move {
            let paths = match one {
                Some(path) => vec![path],
                None => {
                    let all = store.list(Some(&folder)).map_ok(|it| it.location);
                    all.try_collect()
                        .await
                        .map_err(|error| failed("list", folder.as_ref(), error))?
                }
            };
            let mut deleted =
                store.delete_stream(futures_util::stream::iter(paths).map(Ok).boxed());
            while let Some(done) = deleted.next().await {
                match done {
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(failed("delete", folder.as_ref(), error)),
                }
            }
            Ok(())
        }
        .boxed()
    }
}

fn failed(action: &'static str, path: &str, error: Error) -> StoreError {
    let kind = match &error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        _ => io::ErrorKind::Other,
    };
    StoreError::File { action, path: PathBuf::from(path), source: io::Error::new(kind, error) }
}
