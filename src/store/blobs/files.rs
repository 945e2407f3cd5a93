//! Blobs whose content lies in files: parts that come in any order, each sealed alone, read back one at a time.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::base::{Private, RequestId, hex};
use crate::store::jobs::Payload;
use crate::store::seal::BlobKey;
use crate::store::{PartPlace, Store, StoreError};

use super::{Blob, BlobMeta, Closing, Part};

/// Content up to this many bytes lies in a row of the database.
const INLINE_BYTES: usize = 64 << 10;

/// Bytes of the parts into which we cut ourselves.
const PART_BYTES: usize = 4 << 20;

/// Parts that are sealed or opened at one time: each takes its size twice.
const PARTS_AT_ONCE: usize = 2;

/// Where sealed parts lie. A file is written once and never changed.
pub trait BlobFiles: Send + Sync {
    /// Writes a file of a blob; it is on the disk when this is done.
    fn write(
        &self,
        blob: &str,
        place: &str,
        bytes: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Reads a file whole.
    fn read(&self, blob: &str, place: &str) -> BoxFuture<'static, Result<Vec<u8>, StoreError>>;

    /// Deletes one file of a blob, or all of them; what is not there does no harm.
    fn delete(&self, blob: &str, place: Option<&str>)
    -> BoxFuture<'static, Result<(), StoreError>>;
}

/// Blobs and their files; cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Store,
    files: Arc<dyn BlobFiles>,
    at_work: Arc<Semaphore>,
}

/// What became of a blob that was to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completed {
    /// It is whole.
    Whole(BlobMeta),
    /// Parts are missing, or shorter than they should be: number and bytes of those that are there.
    Lacking(Vec<(u32, u64)>),
    /// Its content has another length than was said.
    OtherSize,
    /// Its content has another hash than was said.
    OtherHash,
    /// Another part came while its content was read.
    Changed,
    /// It is closed under another hash, or there is none.
    NotOpen,
}

impl Blobs {
    /// Blobs of `store` with their files in `files`.
    pub fn new(store: Store, files: Arc<dyn BlobFiles>) -> Blobs {
        Blobs { store, files, at_work: Arc::new(Semaphore::new(PARTS_AT_ONCE)) }
    }

    /// Opens a blob for its parts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(&self, meta: BlobMeta) -> Result<(), StoreError> {
        self.store.add_blob(meta)?.await
    }

    /// A blob, complete or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(&self, id: &str) -> Result<Option<Blob>, StoreError> {
        self.store.blob(id).await
    }

    /// Number and bytes of each part that is there, in order; none of a small blob.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn parts(&self, id: &str) -> Result<Vec<(u32, u64)>, StoreError> {
        Ok(self.store.parts(id).await?.iter().map(|it| (it.number, it.size)).collect())
    }

    /// Adds a part, or replaces one; `false` when the blob is closed, or about to be.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn put_part(
        &self,
        blob: &Blob,
        number: u32,
        content: Private<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        let id = blob.meta.id.as_str();
        let size = content.expose().len() as u64;
        let key = self.store.key_of(blob)?;
        // Unique, so that a repetition never writes over a part that may be read.
        let place = format!("{number}-{}", RequestId::at(blob.meta.created));
        let owner = owner(id, number);
        let turn = self.at_work.acquire().await.map_err(|_| StoreError::Closed)?;
        let seal = move || key.seal(content.expose(), &owner);
        let sealed = spawn_blocking(seal).await.map_err(|_| StoreError::Sealed)??;
        self.files.write(id, &place, sealed).await?;
        drop(turn);
        let part = Part { number, size, place: place.clone() };
        let Some(replaced) = self.store.put_part(id, part).await? else {
            self.files.delete(id, Some(&place)).await?;
            return Ok(false);
        };
        for place in replaced {
            self.files.delete(id, Some(&place)).await?;
        }
        Ok(true)
    }

    /// Closes a blob when its parts are all there and have the size and the hash that were said. Until that is known it takes
    /// no parts. Again under the same hash, it is whole again.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn complete(&self, blob: &Blob, sha256: &str) -> Result<Completed, StoreError> {
        let id = blob.meta.id.as_str();
        let parts = match self.store.close_blob(id, sha256.to_owned()).await? {
            Closing::Begun(parts) => parts,
            Closing::Lacking(parts) => {
                let there = parts.iter().map(|it| (it.number, it.size));
                return Ok(Completed::Lacking(there.collect()));
            }
            Closing::TooLarge => return Ok(Completed::OtherSize),
            Closing::NotOpen => return self.completed(id, sha256).await,
        };
        let found = match hash_of(self.reader(blob, parts.clone())?).await {
            Ok(found) => found,
            // What was replaced meanwhile is no longer there to be read.
            Err(_) if self.store.parts(id).await? != parts => return Ok(Completed::Changed),
            Err(error) => {
                self.store.reopen_blob(id).await?;
                return Err(error);
            }
        };
        if found != sha256 {
            self.store.reopen_blob(id).await?;
            return Ok(Completed::OtherHash);
        }
        if !self.store.complete_blob(id, found.clone(), parts).await? {
            return self.completed(id, sha256).await;
        }
        Ok(Completed::Whole(BlobMeta { sha256: Some(found), ..blob.meta.clone() }))
    }

    /// What somebody else has made of a blob that could not be closed.
    async fn completed(&self, id: &str, sha256: &str) -> Result<Completed, StoreError> {
        Ok(match self.store.blob(id).await? {
            Some(blob) if !blob.is_complete => Completed::Changed,
            Some(blob) if blob.meta.sha256.as_deref() == Some(sha256) => {
                Completed::Whole(blob.meta)
            }
            _ => Completed::NotOpen,
        })
    }

    /// A complete blob, to be read part by part.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(&self, id: &str) -> Result<Option<BlobReader>, StoreError> {
        let Some(blob) = self.store.blob(id).await?.filter(|it| it.is_complete) else {
            return Ok(None);
        };
        let parts = if blob.content.is_some() { Vec::new() } else { self.store.parts(id).await? };
        self.reader(&blob, parts).map(Some)
    }

    fn reader(&self, blob: &Blob, parts: Vec<Part>) -> Result<BlobReader, StoreError> {
        Ok(BlobReader {
            meta: blob.meta.clone(),
            inline: self.store.inline_content(blob)?,
            key: Arc::new(self.store.key_of(blob)?),
            parts: parts.into_iter(),
            blobs: self.clone(),
        })
    }

    /// Seals content for a job: in a row when it is small, else in files. `meta` lacks size and hash only.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn keep(
        &self,
        mut meta: BlobMeta,
        content: Private<Vec<u8>>,
    ) -> Result<Payload, StoreError> {
        meta.size = content.expose().len() as u64;
        if content.expose().len() <= INLINE_BYTES {
            meta.sha256 = Some(hash(content.expose()));
            let blob = self.store.inline_blob(meta, content.expose())?;
            return Ok(Payload::Inline(Box::new(blob)));
        }
        self.keep_in_files(meta, content).await.map(Payload::Blob)
    }

    /// Seals content in files, whatever its size; its id. `meta` lacks size and hash only.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn keep_in_files(
        &self,
        mut meta: BlobMeta,
        content: Private<Vec<u8>>,
    ) -> Result<String, StoreError> {
        meta.size = content.expose().len() as u64;
        let id = meta.id.clone();
        self.open(meta).await?;
        let blob = self.store.blob(&id).await?.ok_or(StoreError::Shape)?;
        for (number, part) in (1..).zip(content.expose().chunks(PART_BYTES)) {
            self.put_part(&blob, number, Private::new(part.to_vec())).await?;
        }
        let sha256 = spawn_blocking(move || hash(content.expose())).await;
        let sha256 = sha256.map_err(|_| StoreError::Sealed)?;
        let parts = self.store.parts(&id).await?;
        self.store.complete_blob(&id, sha256, parts).await?;
        Ok(id)
    }

    /// A part as it lies in its file: sealed.
    ///
    /// # Errors
    /// When the file fails.
    pub async fn sealed_part(&self, (blob, place): &PartPlace) -> Result<Vec<u8>, StoreError> {
        self.files.read(blob, place).await
    }

    /// Puts a sealed part back where it lay.
    ///
    /// # Errors
    /// When the file is there already, or fails.
    pub async fn put_sealed_part(
        &self,
        (blob, place): &PartPlace,
        sealed: Vec<u8>,
    ) -> Result<(), StoreError> {
        self.files.write(blob, place, sealed).await
    }

    /// Whether a complete blob opens and is what was kept; `false` when there is no complete one.
    ///
    /// # Errors
    /// When a file fails, or does not open.
    pub async fn is_whole(&self, id: &str) -> Result<bool, StoreError> {
        let Some(reader) = self.read(id).await? else { return Ok(false) };
        let sha256 = reader.meta.sha256.clone();
        let found = hash_of(reader).await?;
        Ok(sha256.is_none_or(|it| it == found))
    }

    /// Destroys a blob's key, then deletes its files.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn delete(&self, id: &str) -> Result<(), StoreError> {
        self.store.delete_blob(id).await?;
        self.files.delete(id, None).await?;
        self.store.files_gone(vec![id.to_owned()]).await
    }

    /// Deletes the files of blobs whose keys were destroyed, also of those that a crash has left; how many blobs.
    ///
    /// # Errors
    /// When the database or a file fails: what is left is deleted by the next call.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let mut n_swept = 0;
        loop {
            let ids = self.store.blobs_gone().await?;
            if ids.is_empty() {
                return Ok(n_swept);
            }
            for id in &ids {
                self.files.delete(id, None).await?;
            }
            n_swept += ids.len();
            self.store.files_gone(ids).await?;
        }
    }
}

/// Reads a blob part by part, so that memory holds one part however large the blob is.
pub struct BlobReader {
    meta: BlobMeta,
    inline: Option<Private<Vec<u8>>>,
    key: Arc<BlobKey>,
    parts: std::vec::IntoIter<Part>,
    blobs: Blobs,
}

impl BlobReader {
    /// What the blob is.
    pub fn meta(&self) -> &BlobMeta {
        &self.meta
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// When a file fails, or has been changed or exchanged.
    pub async fn next(&mut self) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        if let Some(content) = self.inline.take() {
            return Ok(Some(content));
        }
        let Some(part) = self.parts.next() else { return Ok(None) };
        self.unsealed(&part).await.map(Some)
    }

    /// Bytes of each part that is still to be read, in order.
    pub fn sizes(&self) -> Vec<u64> {
        match &self.inline {
            Some(content) => vec![content.expose().len() as u64],
            None => self.parts.as_slice().iter().map(|it| it.size).collect(),
        }
    }

    /// One of the parts of [`BlobReader::sizes`], by its place among them; it can be read again.
    ///
    /// # Errors
    /// Those of [`BlobReader::next`]; [`StoreError::Shape`] when there is no such part.
    pub async fn part(&self, idx: usize) -> Result<Private<Vec<u8>>, StoreError> {
        if let Some(content) = &self.inline {
            return Ok(Private::new(content.expose().clone()));
        }
        self.unsealed(self.parts.as_slice().get(idx).ok_or(StoreError::Shape)?).await
    }

    async fn unsealed(&self, part: &Part) -> Result<Private<Vec<u8>>, StoreError> {
        let sealed = self.blobs.files.read(&self.meta.id, &part.place).await?;
        let (key, owner) = (Arc::clone(&self.key), owner(&self.meta.id, part.number));
        let opened = spawn_blocking(move || key.unseal(&sealed, &owner)).await;
        let content = opened.map_err(|_| StoreError::Sealed)??;
        if content.len() as u64 != part.size {
            return Err(StoreError::Sealed);
        }
        Ok(Private::new(content))
    }

    /// The whole content, unless it is longer than `limit` bytes.
    ///
    /// # Errors
    /// Those of [`BlobReader::next`].
    pub async fn collect(mut self, limit: u64) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        if limit < self.meta.size {
            return Ok(None);
        }
        let mut content = Vec::new();
        while let Some(part) = self.next().await? {
            content.extend_from_slice(part.expose());
        }
        Ok(Some(Private::new(content)))
    }
}

/// What a sealed part is bound to: it opens as no other part of no other blob.
fn owner(id: &str, number: u32) -> Vec<u8> {
    format!("{id}/{number}").into_bytes()
}

/// SHA-256 of all of a blob, in hexadecimal digits.
async fn hash_of(mut reader: BlobReader) -> Result<String, StoreError> {
    let mut hasher = Sha256::new();
    while let Some(content) = reader.next().await? {
        let hash = move || {
            hasher.update(content.expose());
            hasher
        };
        hasher = spawn_blocking(hash).await.map_err(|_| StoreError::Sealed)?;
    }
    Ok(hex(&hasher.finalize()))
}

fn hash(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}
