//! A recording among the uploads as a file that can be read and sought: of its sealed parts, one at a time is open.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

use tokio::runtime::Handle;

use crate::base::Private;
use crate::store::blobs::BlobReader;

/// Reads an upload from a thread of its own: it blocks, and never on a thread of the runtime.
pub struct SealedFile {
    reader: BlobReader,
    runtime: Handle,
    /// Where each part begins, and the end of the last.
    starts: Vec<u64>,
    position: u64,
    open: Option<(usize, Private<Vec<u8>>)>,
}

impl SealedFile {
    /// The upload of `reader`, of which nothing was read yet. Takes the runtime that it is called on.
    pub fn new(reader: BlobReader) -> SealedFile {
        let mut starts = vec![0];
        let mut end = 0;
        for size in reader.sizes() {
            end += size;
            starts.push(end);
        }
        SealedFile { reader, runtime: Handle::current(), starts, position: 0, open: None }
    }

    fn len(&self) -> u64 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The part that holds the byte at `position`; none at the end.
    fn part_at(&self, position: u64) -> Option<usize> {
        let idx = self.starts.partition_point(|it| *it <= position);
        idx.checked_sub(1).filter(|_| position < self.len())
    }
}

impl Read for SealedFile {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(idx) = self.part_at(self.position) else { return Ok(0) };
        let start = self.starts.get(idx).copied().unwrap_or(0);
        let (opened, content) = match self.open.take() {
            Some(open) if open.0 == idx => open,
            _ => {
                let part = self.runtime.block_on(self.reader.part(idx));
                (idx, part.map_err(|error| Error::other(error.to_string()))?)
            }
        };
        let offset = usize::try_from(self.position - start).unwrap_or(usize::MAX);
        let rest = content.expose().get(offset..).unwrap_or_default();
        let n_bytes = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.open = Some((opened, content));
        self.position += n_bytes as u64;
        Ok(n_bytes)
    }
}

impl Seek for SealedFile {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.len().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let outside = || Error::new(ErrorKind::InvalidInput, "a position before the beginning");
        self.position = position.ok_or_else(outside)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::store::Store;
    use crate::store::blobs::{BlobFolder, BlobMeta, Blobs};

    /// An upload of `content` in parts of these sizes.
    async fn file(folder: &std::path::Path, content: &[u8], sizes: &[usize]) -> SealedFile {
        let store = Store::open(folder).unwrap();
        let blobs = Blobs::new(store, Arc::new(BlobFolder::new(folder.join("blobs"))));
        let meta = BlobMeta {
            id: "0".repeat(32),
            org: "o".to_owned(),
            client: "c".to_owned(),
            kind: "audio".to_owned(),
            media_type: "audio/wav".to_owned(),
            size: content.len() as u64,
            sha256: None,
            created: Duration::ZERO,
            expires: Duration::from_secs(60),
        };
        let id = meta.id.clone();
        blobs.open(meta).await.unwrap();
        let blob = blobs.find(&id).await.unwrap().unwrap();
        let mut rest = content;
        for (number, size) in (1..).zip(sizes) {
            let (part, after) = rest.split_at(*size);
            rest = after;
            assert!(blobs.put_part(&blob, number, Private::new(part.to_vec())).await.unwrap());
        }
        use sha2::Digest;
        let hash = crate::base::hex(&sha2::Sha256::digest(content));
        blobs.complete(&blob, &hash).await.unwrap();
        SealedFile::new(blobs.read(&id).await.unwrap().unwrap())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_reads_like_the_file_that_was_uploaded() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let mut sealed = file(folder.path(), &content, &[300, 1, 699]).await;
        let work = move || {
            let mut all = Vec::new();
            sealed.read_to_end(&mut all).unwrap();
            assert_eq!(all, content);
            let mut check = |to: SeekFrom, from: usize| {
                let mut found = [0; 5];
                assert_eq!(sealed.seek(to).unwrap(), from as u64);
                sealed.read_exact(&mut found).unwrap();
                assert_eq!(found, content[from..from + 5], "{from}");
            };
            check(SeekFrom::Start(299), 299);
            check(SeekFrom::Current(-10), 294);
            check(SeekFrom::End(-5), 995);
            check(SeekFrom::Start(0), 0);
            assert_eq!(sealed.seek(SeekFrom::Start(5000)).unwrap(), 5000);
            assert_eq!(sealed.read(&mut [0; 4]).unwrap(), 0);
            assert!(sealed.seek(SeekFrom::Current(-5001)).is_err());
        };
        std::thread::spawn(work).join().unwrap();
    }
}
