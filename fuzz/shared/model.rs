//! The model that requests of KServe v2 are for.

use fenwen::task::infer::{Datatype, TensorModelInfo, TensorPort};

/// One that takes rows of two numbers of either kind.
pub fn model() -> TensorModelInfo {
    let port = |name: &str, datatype| {
        let dims = Some(vec![None, Some(2)]);
        TensorPort { name: name.to_owned(), datatype, dims }
    };
    TensorModelInfo {
        name: "m".to_owned(),
        version: "1".to_owned(),
        versions: vec!["1".to_owned()],
        platform: "onnx",
        takes_rows: true,
        inputs: vec![port("x", Datatype::Fp32), port("i", Datatype::Int64)],
        outputs: vec![port("y", Datatype::Fp32)],
    }
}
