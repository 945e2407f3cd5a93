//! Messages of KServe v2 over gRPC: tensors that fit the model, or a refusal.
#![no_main]

#[path = "../shared/model.rs"]
mod model;

use fenwen::task::infer::TensorCall;
use fenwen::wire::v2::grpc;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    drop(grpc::parse_nothing(bytes));
    drop(grpc::parse_named(bytes));
    drop(grpc::parse_index(bytes));
    drop(grpc::parse_change(bytes));
    drop(grpc::parse_target(bytes));
    let model = model::model();
    if let Ok(TensorCall { inputs, reply, .. }) = grpc::parse(bytes, &model) {
        assert!(inputs.iter().zip(&model.inputs).all(|(it, port)| port.admits(it.shape())));
        assert!(reply.outputs.iter().all(|(idx, _)| *idx < model.outputs.len()));
    }
});
