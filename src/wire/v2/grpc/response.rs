//! Answers as protobuf; elements of outputs are raw, whatever the inputs were.

use crate::base::protobuf::{put_bytes, put_head, put_number, put_packed};
use crate::task::infer::{Datatype, TensorModelInfo};
use crate::tensor::{Data, Tensor};
use crate::wire::v2::{
    ModelConfig, ModelMetadata, Reply, RepositoryModel, ServerMetadata, StatisticDuration,
    StatisticsResponse, TensorMetadata,
};

/// Bytes of what stands around an output, at most.
const AROUND: usize = 256;

/// A message whose field 1 is a truth value (`ServerLiveResponse`, `ServerReadyResponse`, `ModelReadyResponse`).
pub fn truth(value: bool) -> Vec<u8> {
    let mut message = Vec::new();
    put_number(&mut message, 1, value.into());
    message
}

/// `ServerMetadataResponse`.
pub fn server_metadata(server: &ServerMetadata) -> Vec<u8> {
    let mut message = Vec::new();
    put_text(&mut message, 1, server.name);
    put_text(&mut message, 2, server.version);
    server.extensions.iter().for_each(|it| put_text(&mut message, 3, it));
    message
}

/// `ModelMetadataResponse`.
pub fn model_metadata(model: &ModelMetadata) -> Vec<u8> {
    let mut message = Vec::new();
    put_text(&mut message, 1, &model.name);
    model.versions.iter().for_each(|it| put_text(&mut message, 2, it));
    put_text(&mut message, 3, model.platform);
    model.inputs.iter().for_each(|it| put_bytes(&mut message, 4, &metadata(it)));
    model.outputs.iter().for_each(|it| put_bytes(&mut message, 5, &metadata(it)));
    message
}

/// `ModelMetadataResponse.TensorMetadata`.
fn metadata(tensor: &TensorMetadata) -> Vec<u8> {
    let mut message = Vec::new();
    put_text(&mut message, 1, &tensor.name);
    put_text(&mut message, 2, tensor.datatype);
    put_packed(&mut message, 3, tensor.shape.iter().map(|it| it.cast_unsigned()));
    message
}

/// `ModelConfigResponse`, as far as clients read it.
pub fn model_config(model: &ModelConfig) -> Vec<u8> {
    let mut config = Vec::new();
    put_text(&mut config, 1, &model.name);
    put_text(&mut config, 2, model.platform);
    if model.max_batch_size != 0 {
        put_number(&mut config, 4, model.max_batch_size as u64);
    }
    for (field, dims_field, tensors) in [(5, 4, &model.input), (6, 3, &model.output)] {
        for tensor in tensors {
            let mut message = Vec::new();
            put_text(&mut message, 1, &tensor.name);
            put_number(&mut message, 2, tensor.data_type as u64);
            put_packed(&mut message, dims_field, tensor.dims.iter().map(|it| it.cast_unsigned()));
            put_bytes(&mut config, field, &message);
        }
    }
    let mut message = Vec::new();
    put_bytes(&mut message, 1, &config);
    message
}

/// `ModelStatisticsResponse`.
pub fn model_statistics(found: &StatisticsResponse) -> Vec<u8> {
    let mut message = Vec::new();
    for version in &found.model_stats {
        let mut calls = Vec::new();
        put_bytes(&mut calls, 1, &duration(&version.inference_stats.success));
        put_bytes(&mut calls, 2, &duration(&version.inference_stats.fail));
        let mut about = Vec::new();
        put_text(&mut about, 1, &version.name);
        put_text(&mut about, 2, &version.version);
        put_number(&mut about, 3, version.last_inference);
        put_number(&mut about, 4, version.inference_count);
        put_number(&mut about, 5, version.execution_count);
        put_bytes(&mut about, 6, &calls);
        put_bytes(&mut message, 1, &about);
    }
    message
}

/// `StatisticDuration`.
fn duration(calls: &StatisticDuration) -> Vec<u8> {
    let mut message = Vec::new();
    put_number(&mut message, 1, calls.count);
    put_number(&mut message, 2, calls.ns);
    message
}

/// `RepositoryIndexResponse`.
pub fn repository_index(models: impl Iterator<Item = RepositoryModel>) -> Vec<u8> {
    let mut message = Vec::new();
    for model in models {
        let mut listed = Vec::new();
        put_text(&mut listed, 1, &model.name);
        put_text(&mut listed, 2, &model.version);
        put_text(&mut listed, 3, model.state);
        put_text(&mut listed, 4, model.reason);
        put_bytes(&mut message, 1, &listed);
    }
    message
}

/// `ModelInferResponse`: what `model` gave, `outputs` being all that it has, in its order.
pub fn write(model: &TensorModelInfo, reply: &Reply, outputs: &[Tensor]) -> Vec<u8> {
    let wanted = || {
        let found = reply.outputs.iter();
        found.filter_map(|(idx, _)| Some((model.outputs.get(*idx)?, outputs.get(*idx)?)))
    };
    let n_bytes: usize = wanted().map(|(port, it)| AROUND + port.name.len() + n_bytes_of(it)).sum();
    let mut message = Vec::with_capacity(AROUND + n_bytes);
    put_text(&mut message, 1, &model.name);
    put_text(&mut message, 2, &model.version);
    if let Some(id) = &reply.id {
        put_text(&mut message, 3, id);
    }
    for (port, tensor) in wanted() {
        let mut about = Vec::new();
        put_text(&mut about, 1, &port.name);
        put_text(&mut about, 2, Datatype::of(tensor).as_str());
        put_packed(&mut about, 3, tensor.shape().iter().map(|it| *it as u64));
        put_bytes(&mut message, 5, &about);
    }
    for (_, tensor) in wanted() {
        put_head(&mut message, 6, n_bytes_of(tensor));
        match tensor.data() {
            Data::F32(values) => message.extend(values.iter().flat_map(|it| it.to_le_bytes())),
            Data::I64(values) => message.extend(values.iter().flat_map(|it| it.to_le_bytes())),
        }
    }
    message
}

fn n_bytes_of(tensor: &Tensor) -> usize {
    tensor.shape().iter().product::<usize>() * Datatype::of(tensor).n_bytes()
}

fn put_text(message: &mut Vec<u8>, field: u64, text: &str) {
    put_bytes(message, field, text.as_bytes());
}
