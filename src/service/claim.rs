//! Claim checks: large inputs are uploaded once, and messages carry only their id.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::base::{ErrorCode, Private};
use crate::task::call::CallError;

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

/// A node without uploads.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoUploads;

impl ClaimCheck for NoUploads {
    fn claim<'a>(
        &'a self,
        _: &'a str,
        _: usize,
    ) -> BoxFuture<'a, Result<Private<Vec<u8>>, CallError>> {
        let message = "沒有這份上傳,或本節點未提供上傳。";
        std::future::ready(Err(CallError::new(ErrorCode::NotFound, message))).boxed()
    }
}
