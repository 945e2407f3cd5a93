//! Answers as protobuf; elements of outputs are raw, whatever the inputs were.

use crate::base::protobuf::{put_bytes, put_head, put_number, put_packed};
use crate::task::infer::{Datatype, MAX_ROWS, TensorModelInfo, TensorPort};
use crate::tensor::{Data, Tensor};
use crate::wire::v2::{ModelMetadata, Reply, RepositoryModel, ServerMetadata, TensorMetadata};

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

/// `ModelConfigResponse`, as far as clients read it: inputs, outputs and most rows of a call.
pub fn model_config(model: &TensorModelInfo) -> Vec<u8> {
    // Where inputs have any number of rows, Triton's dimensions leave them out.
    let is_open = |it: &TensorPort| it.dims.as_ref().is_some_and(|it| it.first() == Some(&None));
    let has_rows = model.takes_rows && model.inputs.iter().all(is_open);
    let mut config = Vec::new();
    put_text(&mut config, 1, &model.name);
    put_text(&mut config, 2, model.platform);
    if has_rows {
        put_number(&mut config, 4, MAX_ROWS as u64);
    }
    for (field, dims_field, ports) in [(5, 4, &model.inputs), (6, 3, &model.outputs)] {
        for port in ports {
            let about = TensorMetadata::from(port);
            let n_left_out = usize::from(has_rows && is_open(port));
            let mut message = Vec::new();
            put_text(&mut message, 1, &port.name);
            put_number(&mut message, 2, number(port.datatype));
            let dims = about.shape.iter().skip(n_left_out).map(|it| it.cast_unsigned());
            put_packed(&mut message, dims_field, dims);
            put_bytes(&mut config, field, &message);
        }
    }
    let mut message = Vec::new();
    put_bytes(&mut message, 1, &config);
    message
}

/// The number of a type in Triton's `DataType`.
fn number(datatype: Datatype) -> u64 {
    match datatype {
        Datatype::Int64 => 9,
        Datatype::Fp32 => 11,
    }
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
