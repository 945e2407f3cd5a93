//! Where the models come from.

use crate::base::ErrorCode;
use crate::batch::BatchSpec;
use crate::engine::TensorModel;
use crate::task::call::CallError;
use crate::task::infer::KnownModel;

use super::failed;

/// Opens models of the registry that take tensors.
pub trait Networks: Send + Sync {
    /// Those that there are.
    fn known(&self) -> &[KnownModel];

    /// Whether one of them can be opened, by its files alone: each is read. Blocks.
    ///
    /// # Errors
    /// When they are not here, or not those that were published.
    fn check(&self, name: &str) -> Result<(), NetworkError>;

    /// Opens copies of one of them. Blocks for seconds.
    ///
    /// # Errors
    /// When its files are not here, or it cannot be opened.
    fn open(&self, name: &str) -> Result<OpenedNetwork, NetworkError>;
}

/// An opened model.
pub struct OpenedNetwork {
    /// Its copies.
    pub copies: Vec<Box<dyn TensorModel>>,
    /// How its queue behaves. Rows are padded nowhere: an output would tell of others' rows.
    pub spec: BatchSpec,
}

/// Why a model is not opened.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// Its files are not here.
    #[error("its files are not here: fenwen models pull gets them")]
    NotPulled,
    /// It cannot be opened.
    #[error("it cannot be opened: {reason}")]
    Open {
        /// Why, the whole chain.
        reason: String,
    },
}

/// What a caller is told of that.
pub(super) fn not_opened(name: &str, error: &NetworkError) -> CallError {
    match error {
        NetworkError::NotPulled => CallError::new(
            ErrorCode::Conflict,
            format!("模型檔尚未下載,請先執行:fenwen models pull {name}"),
        ),
        NetworkError::Open { .. } => failed(name, error),
    }
}
