//! Blobs: inputs and results. Each has a key of its own, sealed under the store's; without the row nothing opens.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::ready;

use crate::base::Private;

use super::engine::{Kind, Reply, Tx};
use super::jobs::ms;
use super::retention::ids;
use super::seal::BlobKey;
use super::value::{Row, owned, values};
use super::{Store, StoreError};

#[cfg(feature = "s3")]
mod bucket;
mod files;
mod folder;

#[cfg(feature = "s3")]
pub use bucket::{BlobBucket, BucketPlace};
pub use files::{BlobFiles, BlobReader, Blobs, Completed};
pub use folder::BlobFolder;

/// Blobs whose files one call names.
const GONE_AT_ONCE: u64 = 200;

/// What a blob is, beside its content. All times are since 1970-01-01T00:00:00Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobMeta {
    /// Identifies it: a UUIDv7 in 32 hexadecimal digits.
    pub id: String,
    /// Agency that it belongs to.
    pub org: String,
    /// Client system that sent it.
    pub client: String,
    /// What it is for: `input`, `result`, `audio`, ….
    pub kind: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub size: u64,
    /// SHA-256 of its content, in hexadecimal digits; none while it takes parts. While it is being closed: what was said.
    pub sha256: Option<String>,
    /// When it was made.
    pub created: Duration,
    /// When it is erased.
    pub expires: Duration,
}

/// A blob to write in the transaction of a job. No `Debug`: it holds somebody's data, sealed.
pub struct NewBlob {
    /// Identifies it.
    pub id: String,
    meta: BlobMeta,
    sealed_key: Vec<u8>,
    content: Vec<u8>,
}

/// A blob as kept.
#[derive(Clone, PartialEq)]
pub struct Blob {
    /// What it is.
    pub meta: BlobMeta,
    /// Whether all of it is there and checked.
    pub is_complete: bool,
    sealed_key: Vec<u8>,
    content: Option<Vec<u8>>,
}

/// What is found when a blob is to be closed.
enum Closing {
    /// All of it, in these parts; it takes no others until it is closed or opened again.
    Begun(Vec<Part>),
    /// These parts only.
    Lacking(Vec<Part>),
    /// More than was said.
    TooLarge,
    /// It is closed already, or there is none.
    NotOpen,
}

/// A part of a blob in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// From 1.
    number: u32,
    /// Bytes of the content.
    size: u64,
    /// Name of its file.
    place: String,
}

impl Store {
    /// A small blob for a row of the database, sealed.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn inline_blob(&self, meta: BlobMeta, content: &[u8]) -> Result<NewBlob, StoreError> {
        let key = BlobKey::fresh()?;
        let content = key.seal(content, meta.id.as_bytes())?;
        let sealed_key = key.sealed(&self.sealer, &meta.id)?;
        Ok(NewBlob { id: meta.id.clone(), meta, sealed_key, content })
    }

    /// A blob, complete or not.
    ///
    /// # Errors
    /// When the database fails.
    pub fn blob(&self, id: &str) -> Reply<Option<Blob>> {
        self.call(Kind::Query, id.to_owned(), |id, tx| blob(id, tx).boxed())
    }

    /// The content of a small blob; `None` when it lies in files.
    ///
    /// # Errors
    /// When it was sealed under another key or has been changed.
    pub fn inline_content(&self, blob: &Blob) -> Result<Option<Private<Vec<u8>>>, StoreError> {
        let Some(content) = &blob.content else { return Ok(None) };
        let key = self.key_of(blob)?;
        Ok(Some(Private::new(key.unseal(content, blob.meta.id.as_bytes())?)))
    }

    /// Opens a blob whose content will lie in files.
    fn add_blob(&self, meta: BlobMeta) -> Result<Reply<()>, StoreError> {
        let sealed_key = BlobKey::fresh()?.sealed(&self.sealer, &meta.id)?;
        Ok(self.call(Kind::Durable, (meta, sealed_key), |(meta, key), tx| {
            ready(add(meta, key, None, tx)).boxed()
        }))
    }

    /// The parts of a blob, in order.
    fn parts(&self, id: &str) -> Reply<Vec<Part>> {
        self.call(Kind::Query, id.to_owned(), |id, tx| parts(id, tx).boxed())
    }

    /// Notes where a part lies; the file that it replaces, if any. `None` when the blob takes no parts.
    fn put_part(&self, id: &str, part: Part) -> Reply<Option<Vec<String>>> {
        self.call(Kind::Durable, (id.to_owned(), part), |(id, part), tx| {
            put_part(id, part, tx).boxed()
        })
    }

    /// Lets a blob take no more parts when they are all there, so that its content can be checked against a hash.
    fn close_blob(&self, id: &str, sha256: String) -> Reply<Closing> {
        self.call(Kind::Durable, (id.to_owned(), sha256), |(id, sha256), tx| {
            close(id, sha256, tx).boxed()
        })
    }

    /// Lets a blob take parts again whose content was not what was said.
    fn reopen_blob(&self, id: &str) -> Reply<()> {
        self.call(Kind::Durable, id.to_owned(), |id, tx| ready(reopen(id, tx)).boxed())
    }

    /// Completes a blob whose content was checked in these parts; `false` when it was not open, or has others by now.
    fn complete_blob(&self, id: &str, sha256: String, parts: Vec<Part>) -> Reply<bool> {
        self.call(Kind::Durable, (id.to_owned(), sha256, parts), |(id, sha256, parts), tx| {
            complete(id, sha256, parts, tx).boxed()
        })
    }

    /// Forgets a blob and its key.
    fn delete_blob(&self, id: &str) -> Reply<()> {
        self.call(Kind::Durable, id.to_owned(), |id, tx| destroy(id, tx).boxed())
    }

    /// Destroyed blobs whose files may still lie there; some hundred.
    fn blobs_gone(&self) -> Reply<Vec<String>> {
        self.call(Kind::Query, (), |(), tx| {
            async move {
                let select = "SELECT blob FROM blob_gone LIMIT $1";
                ids(tx.rows(select, values![GONE_AT_ONCE]).await?)
            }
            .boxed()
        })
    }

    /// Notes that the files of destroyed blobs are gone too.
    fn files_gone(&self, ids: Vec<String>) -> Reply<()> {
        self.call(Kind::Relaxed, ids, |ids, tx| {
            async move {
                for id in ids {
                    tx.execute("DELETE FROM blob_gone WHERE blob = $1", values![id]).await?;
                }
                Ok(())
            }
            .boxed()
        })
    }

    fn key_of(&self, blob: &Blob) -> Result<BlobKey, StoreError> {
        BlobKey::open(&self.sealer, &blob.sealed_key, &blob.meta.id)
    }
}

/// Writes a small blob.
pub(super) fn insert(blob: &NewBlob, tx: &mut dyn Tx) -> Result<(), StoreError> {
    add(&blob.meta, &blob.sealed_key, Some(blob.content.as_slice()), tx)
}

/// Forgets a small blob that nobody needs any longer.
pub(super) fn delete_inline(id: Option<&str>, tx: &mut dyn Tx) -> Result<(), StoreError> {
    if let Some(id) = id {
        tx.write("DELETE FROM blob WHERE id = $1", owned![id])?;
    }
    Ok(())
}

fn add(
    meta: &BlobMeta,
    sealed_key: &[u8],
    content: Option<&[u8]>,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO blob(id, org, client, kind, media_type, size, sha256, state, sealed_key, content, created, expires)
        VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let state = if content.is_some() { "complete" } else { "open" };
    let values = owned![
        &meta.id,
        &meta.org,
        &meta.client,
        &meta.kind,
        &meta.media_type,
        meta.size,
        &meta.sha256,
        state,
        sealed_key,
        content,
        ms(meta.created),
        ms(meta.expires),
    ];
    tx.write(insert, values)
}

async fn blob(id: &str, tx: &mut dyn Tx) -> Result<Option<Blob>, StoreError> {
    let select = "SELECT id, org, client, kind, media_type, size, sha256, created, expires, state, sealed_key, content
        FROM blob WHERE id = $1";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(Blob {
            meta: BlobMeta {
                id: row.take()?,
                org: row.take()?,
                client: row.take()?,
                kind: row.take()?,
                media_type: row.take()?,
                size: row.take()?,
                sha256: row.take()?,
                created: Duration::from_millis(row.take()?),
                expires: Duration::from_millis(row.take()?),
            },
            is_complete: row.take::<String>()? == "complete",
            sealed_key: row.take()?,
            content: row.take()?,
        })
    };
    tx.rows(select, values![id]).await?.into_iter().next().map(read).transpose()
}

async fn parts(id: &str, tx: &mut dyn Tx) -> Result<Vec<Part>, StoreError> {
    let select = "SELECT number, size, place FROM blob_part WHERE blob = $1 ORDER BY number";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(Part { number: row.take()?, size: row.take()?, place: row.take()? })
    };
    tx.rows(select, values![id]).await?.into_iter().map(read).collect()
}

async fn put_part(
    id: &str,
    part: &Part,
    tx: &mut dyn Tx,
) -> Result<Option<Vec<String>>, StoreError> {
    // The change locks the row, so that no part is added while the blob is being closed.
    let lock = "UPDATE blob SET state = state WHERE id = $1 AND state = 'open' AND sha256 IS NULL";
    if tx.execute(lock, values![id]).await? == 0 {
        return Ok(None);
    }
    let select = "SELECT place FROM blob_part WHERE blob = $1 AND number = $2";
    let replaced = ids(tx.rows(select, values![id, part.number]).await?)?;
    let insert = "INSERT INTO blob_part(blob, number, size, place) VALUES($1, $2, $3, $4)
        ON CONFLICT (blob, number) DO UPDATE SET size = excluded.size, place = excluded.place";
    tx.execute(insert, values![id, part.number, part.size, &part.place]).await?;
    Ok(Some(replaced))
}

/// An open blob with a hash is being closed: it is read, and its parts stay as they are. Whoever read it and went away
/// without an end may come again.
async fn close(id: &str, sha256: &str, tx: &mut dyn Tx) -> Result<Closing, StoreError> {
    let update = "UPDATE blob SET sha256 = $1 WHERE id = $2 AND state = 'open' RETURNING size";
    let Some(mut row) = tx.rows(update, values![sha256, id]).await?.into_iter().next() else {
        return Ok(Closing::NotOpen);
    };
    let size: u64 = row.take()?;
    let parts = parts(id, tx).await?;
    let found: u64 = parts.iter().map(|it| it.size).sum();
    let has_gap = (1..).zip(&parts).any(|(expected, it)| it.number != expected);
    if found == size && !has_gap {
        return Ok(Closing::Begun(parts));
    }
    reopen(id, tx)?;
    Ok(if has_gap || found < size { Closing::Lacking(parts) } else { Closing::TooLarge })
}

fn reopen(id: &str, tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.write("UPDATE blob SET sha256 = NULL WHERE id = $1 AND state = 'open'", owned![id])
}

async fn complete(
    id: &str,
    sha256: &str,
    checked: &[Part],
    tx: &mut dyn Tx,
) -> Result<bool, StoreError> {
    // The change locks the row: the parts are those that were read, or others came after a wrong hash.
    let lock = "UPDATE blob SET state = state WHERE id = $1 AND state = 'open'";
    if tx.execute(lock, values![id]).await? == 0 || parts(id, tx).await? != checked {
        return Ok(false);
    }
    tx.write("UPDATE blob SET state = 'complete', sha256 = $1 WHERE id = $2", owned![sha256, id])?;
    Ok(true)
}

/// Destroys a blob's key with its row. That its files are to be deleted is noted, so that a crash forgets none.
pub(super) async fn destroy(id: &str, tx: &mut dyn Tx) -> Result<(), StoreError> {
    // A small blob has no files.
    let select = "SELECT id FROM blob WHERE id = $1 AND content IS NULL";
    let has_files = !tx.rows(select, values![id]).await?.is_empty();
    tx.execute("DELETE FROM blob WHERE id = $1", values![id]).await?;
    tx.execute("DELETE FROM blob_part WHERE blob = $1", values![id]).await?;
    if has_files {
        let insert = "INSERT INTO blob_gone(blob) VALUES($1) ON CONFLICT DO NOTHING";
        tx.execute(insert, values![id]).await?;
    }
    Ok(())
}

/// Destroys blobs that have expired at `now` and are not held, `limit` at most; how many.
pub(super) async fn purge(now: Duration, limit: u64, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let select = "SELECT id FROM blob WHERE expires <= $1
        AND NOT EXISTS (SELECT 1 FROM held WHERE held.kind = 'blob' AND held.object = blob.id) LIMIT $2";
    let found = ids(tx.rows(select, values![ms(now), limit]).await?)?;
    for id in &found {
        destroy(id, tx).await?;
    }
    Ok(found.len() as u64)
}
