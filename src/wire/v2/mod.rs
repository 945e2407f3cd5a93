//! The documents of the Open Inference Protocol (KServe v2) over HTTP and gRPC. Only the shapes are theirs.

mod config;
mod data;
mod given;
pub mod grpc;
mod request;
mod response;
mod statistics;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::RequestId;
use crate::task::call::CallError;
use crate::task::infer::{ListedModel, TensorModelInfo, TensorPort};
use crate::wire::v1::body;

pub use config::{ConfigTensor, DataType, ModelConfig};
pub use request::{InferRequest, Reply, RequestInput, RequestedOutput, parse};
pub use response::{InferResponse, ResponseOutput, Written, write};
pub use statistics::{StatisticDuration, StatisticsResponse, VersionStatistics};

/// Extensions of the protocol that are spoken.
const EXTENSIONS: [&str; 4] =
    ["binary_tensor_data", "model_configuration", "model_repository", "statistics"];

/// The server.
#[derive(Serialize, ToSchema)]
pub struct ServerMetadata {
    /// `fenwen`.
    #[schema(example = "fenwen")]
    pub name: &'static str,
    /// Version of the program.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// Extensions that are spoken.
    pub extensions: [&'static str; 4],
}

impl ServerMetadata {
    /// This one.
    pub fn current() -> ServerMetadata {
        let version = env!("CARGO_PKG_VERSION");
        ServerMetadata { name: "fenwen", version, extensions: EXTENSIONS }
    }
}

/// Whether the server lives.
#[derive(Serialize, ToSchema)]
pub struct ServerLive {
    /// Always true.
    pub live: bool,
}

/// Whether the server takes calls.
#[derive(Serialize, ToSchema)]
pub struct ServerReady {
    /// Always true; otherwise the answer is a failure.
    pub ready: bool,
}

/// Whether a model answers.
#[derive(Serialize, ToSchema)]
pub struct ModelReady {
    /// Its name.
    pub name: String,
    /// Always true; otherwise the answer is a failure.
    pub ready: bool,
}

/// What a loaded model takes and gives.
#[derive(Serialize, ToSchema)]
pub struct ModelMetadata {
    /// Its name.
    #[schema(example = "ppocrv6-small-det")]
    pub name: String,
    /// Its versions: the one that answers, and the one that is tried beside it.
    pub versions: Vec<String>,
    /// `onnx` or `candle`.
    #[schema(example = "onnx")]
    pub platform: &'static str,
    /// Inputs.
    pub inputs: Vec<TensorMetadata>,
    /// Outputs.
    pub outputs: Vec<TensorMetadata>,
}

/// An input or output.
#[derive(Serialize, ToSchema)]
pub struct TensorMetadata {
    /// Its name.
    pub name: String,
    /// `FP32` or `INT64`.
    #[schema(example = "FP32")]
    pub datatype: &'static str,
    /// Dimensions; -1 where any size will do.
    #[schema(example = json!([-1, 3, -1, -1]))]
    pub shape: Vec<i64>,
}

impl From<&TensorModelInfo> for ModelMetadata {
    fn from(model: &TensorModelInfo) -> ModelMetadata {
        ModelMetadata {
            name: model.name.clone(),
            versions: model.versions.clone(),
            platform: model.platform,
            inputs: model.inputs.iter().map(Into::into).collect(),
            outputs: model.outputs.iter().map(Into::into).collect(),
        }
    }
}

impl From<&TensorPort> for TensorMetadata {
    fn from(port: &TensorPort) -> TensorMetadata {
        let dim = |it: &Option<usize>| it.and_then(|it| i64::try_from(it).ok()).unwrap_or(-1);
        TensorMetadata {
            name: port.name.clone(),
            datatype: port.datatype.as_str(),
            // There is no word for an open rank.
            shape: port.dims.as_ref().map_or(vec![-1], |dims| dims.iter().map(dim).collect()),
        }
    }
}

/// Which models are listed. May be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RepositoryIndexRequest {
    /// Only those that answer.
    pub ready: bool,
}

/// A model of the repository.
#[derive(Serialize, ToSchema)]
pub struct RepositoryModel {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `READY` or `UNAVAILABLE`.
    #[schema(example = "READY")]
    pub state: &'static str,
    /// Why it does not answer; empty when it does.
    pub reason: &'static str,
}

impl From<ListedModel> for RepositoryModel {
    fn from(listed: ListedModel) -> RepositoryModel {
        let (state, reason) = match listed.is_loaded {
            true => ("READY", ""),
            false => ("UNAVAILABLE", "尚未載入"),
        };
        let (name, version) = (listed.model.name, listed.model.version);
        RepositoryModel { name, version, state, reason }
    }
}

/// Load or unload. May be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositoryModelRequest {
    /// Of them only `unload_dependents` is known, which has no effect: no model depends on another.
    #[serde(default)]
    pub parameters: RepositoryParameters,
}

/// Parameters of load and unload.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RepositoryParameters {
    /// Accepted, without effect.
    pub unload_dependents: Option<bool>,
}

/// Load or unload is done.
#[derive(Serialize, ToSchema)]
pub struct RepositoryModelResponse {
    /// The model.
    pub name: String,
}

/// Reads which models are listed; an empty body lists all.
///
/// # Errors
/// With the place of what is wrong, never its value.
pub fn parse_index(json: &[u8]) -> Result<RepositoryIndexRequest, CallError> {
    if json.is_empty() {
        Ok(RepositoryIndexRequest::default())
    } else {
        body::parse(json, "", &[""])
    }
}

/// Reads a request to load or unload; an empty body is one.
///
/// # Errors
/// With the place of what is wrong, never its value: settings of the model are not the caller's.
pub fn parse_change(json: &[u8]) -> Result<RepositoryModelRequest, CallError> {
    if json.is_empty() {
        return Ok(RepositoryModelRequest::default());
    }
    body::parse(json, "", &["", "/parameters"])
}

/// A failure as clients of this protocol read it.
#[derive(Serialize, ToSchema)]
pub struct InferFailure {
    /// What went wrong and what to do, in Traditional Chinese.
    pub error: String,
    /// Our code of the failure.
    #[schema(example = "ER0510")]
    pub code: &'static str,
    /// Identifies the call in our logs.
    pub request_id: String,
}

impl InferFailure {
    /// A failed call in this shape.
    pub fn of(error: CallError, request_id: RequestId) -> InferFailure {
        let code = error.code.number();
        InferFailure { error: error.message, code, request_id: request_id.to_string() }
    }
}
