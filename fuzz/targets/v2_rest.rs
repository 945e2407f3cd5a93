//! Requests of KServe v2 over HTTP: tensors that fit the model, or a refusal.
#![no_main]

#[path = "../shared/model.rs"]
mod model;

use fenwen::task::infer::TensorCall;
use fenwen::wire::v2;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    drop(v2::parse_index(bytes));
    drop(v2::parse_change(bytes));
    // The first two bytes say how long the JSON is; all of it when they are zero.
    let Some((length, body)) = bytes.split_first_chunk() else { return };
    let json_len = Some(usize::from(u16::from_le_bytes(*length))).filter(|it| *it != 0);
    let model = model::model();
    if let Ok(TensorCall { inputs, reply, .. }) = v2::parse(body, json_len, &model) {
        assert!(inputs.iter().zip(&model.inputs).all(|(it, port)| port.admits(it.shape())));
        assert!(reply.outputs.iter().all(|(idx, _)| *idx < model.outputs.len()));
    }
});
