//! Claim checks: large inputs are uploaded once, and messages carry only their id.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::{ErrorCode, Private};
use crate::store::blobs::Blobs;
use crate::task::call::CallError;

use super::jobs;

/// Where uploads are.
pub trait ClaimCheck: Send + Sync {
    /// The bytes of a finished upload.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none, [`ErrorCode::TooLarge`] when it has more than `limit` bytes.
    fn claim<'a>(
        &'a self,
        id: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Private<Vec<u8>>, CallError>>;
}

impl ClaimCheck for Blobs {
    fn claim<'a>(
        &'a self,
        id: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Private<Vec<u8>>, CallError>> {
        async move {
            let found = self.read(id).await.map_err(|it| jobs::failed(&it))?;
            let upload = found.filter(|it| !jobs::OWN_BLOBS.contains(&it.meta().kind.as_str()));
            let missing = || CallError::new(ErrorCode::NotFound, "沒有這份上傳,或尚未上傳完成。");
            let content = upload.ok_or_else(missing)?.collect(limit as u64).await;
            content.map_err(|it| jobs::failed(&it))?.ok_or_else(|| {
                let message = format!("上傳的內容超過上限 {limit} 位元組。");
                CallError::new(ErrorCode::TooLarge, message)
            })
        }
        .boxed()
    }
}
