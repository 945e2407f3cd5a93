//! Reads an ONNX file just far enough to describe it and to refuse what we would not load.
//!
//! Refused: weights outside the file (an attacker's path to other files), operator domains that need custom code,
//! and anything that is not well-formed. Nothing is copied but names and metadata, nothing recurses without bound.

use std::collections::BTreeMap;

use crate::base::protobuf::{Fields, Malformed, Value, text};

/// Subgraphs within subgraphs that we follow.
const MAX_DEPTH: usize = 16;
/// Most bytes of metadata; the largest known dictionary has 80 kB.
const MAX_METADATA: usize = 4 << 20;
/// Operator domains that the runtimes implement themselves.
const KNOWN_DOMAINS: &[&str] = &["", "ai.onnx", "ai.onnx.ml", "com.microsoft"];

/// What a model file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Key-value metadata, such as a recogniser's `character` dictionary.
    pub metadata: BTreeMap<String, String>,
    /// Version of each operator domain; the standard domain has the empty name.
    pub opsets: BTreeMap<String, u64>,
}

/// Why a model file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Not an ONNX file, or a broken one.
    #[error("the file is not well-formed ONNX")]
    Malformed,
    /// Weights lie outside the file.
    #[error("the graph refers to data outside the file")]
    ExternalData,
    /// Operators of a domain that needs custom code.
    #[error("the graph uses the unknown operator domain `{0}`")]
    UnknownDomain(String),
    /// Graphs nested too deeply.
    #[error("graphs are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// More metadata than any honest model has.
    #[error("the metadata is larger than {MAX_METADATA} bytes")]
    TooMuchMetadata,
}

impl From<Malformed> for GraphError {
    fn from(_: Malformed) -> GraphError {
        GraphError::Malformed
    }
}

/// Scans a whole model.
pub(crate) fn read(bytes: &[u8]) -> Result<Header, GraphError> {
    let mut header = Header::default();
    let mut has_graph = false;
    let mut metadata_len = 0;
    for field in Fields::new(bytes) {
        match field? {
            (MODEL_GRAPH, Value::Bytes(graph)) => {
                has_graph = true;
                scan(Message::Graph, graph, 0)?;
            }
            (MODEL_FUNCTIONS, Value::Bytes(function)) => scan(Message::Function, function, 0)?,
            (MODEL_TRAINING, Value::Bytes(training)) => scan(Message::Training, training, 0)?,
            (MODEL_OPSETS, Value::Bytes(opset)) => {
                let (domain, version) = read_opset(opset)?;
                header.opsets.insert(domain, version);
            }
            (MODEL_METADATA, Value::Bytes(entry)) => {
                metadata_len += entry.len();
                if MAX_METADATA < metadata_len {
                    return Err(GraphError::TooMuchMetadata);
                }
                let (key, value) = read_entry(entry)?;
                header.metadata.insert(key, value);
            }
            _ => (),
        }
    }
    if has_graph && !header.opsets.is_empty() { Ok(header) } else { Err(GraphError::Malformed) }
}

// Field numbers of onnx.proto3.
const MODEL_GRAPH: u64 = 7;
const MODEL_OPSETS: u64 = 8;
const MODEL_METADATA: u64 = 14;
const MODEL_TRAINING: u64 = 20;
const MODEL_FUNCTIONS: u64 = 25;
const OPSET_DOMAIN: u64 = 1;
const OPSET_VERSION: u64 = 2;
const ENTRY_KEY: u64 = 1;
const ENTRY_VALUE: u64 = 2;
const TENSOR_EXTERNAL_DATA: u64 = 13;
const TENSOR_DATA_LOCATION: u64 = 14;
const NODE_DOMAIN: u64 = 7;
const FUNCTION_OPSETS: u64 = 9;

/// The kinds of message that may hold, at any depth, a tensor or an operator.
#[derive(Clone, Copy)]
enum Message {
    Attribute,
    Function,
    Graph,
    Node,
    SparseTensor,
    Tensor,
    Training,
}

impl Message {
    /// The kind of the submessage in field `number`; `None` where nothing of interest can be.
    fn child(self, number: u64) -> Option<Message> {
        match (self, number) {
            (Message::Graph, 1) | (Message::Function, 7) => Some(Message::Node),
            (Message::Graph, 5) | (Message::Attribute, 5 | 10) | (Message::SparseTensor, 1 | 2) => {
                Some(Message::Tensor)
            }
            (Message::Graph, 15) | (Message::Attribute, 22 | 23) => Some(Message::SparseTensor),
            (Message::Node, 5) | (Message::Function, 11) => Some(Message::Attribute),
            (Message::Attribute, 6 | 11) | (Message::Training, 1 | 2) => Some(Message::Graph),
            _ => None,
        }
    }
}

/// Looks for what is refused, in `bytes` and below.
fn scan(message: Message, bytes: &[u8], depth: usize) -> Result<(), GraphError> {
    if MAX_DEPTH < depth {
        return Err(GraphError::TooDeep);
    }
    for field in Fields::new(bytes) {
        let (number, value) = field?;
        match (message, number, value) {
            (Message::Tensor, TENSOR_EXTERNAL_DATA, _)
            | (Message::Tensor, TENSOR_DATA_LOCATION, Value::Number(1..)) => {
                return Err(GraphError::ExternalData);
            }
            (Message::Node, NODE_DOMAIN, Value::Bytes(domain)) => check_domain(text(domain)?)?,
            (Message::Function, FUNCTION_OPSETS, Value::Bytes(opset)) => {
                read_opset(opset)?;
            }
            (_, _, Value::Bytes(child_bytes)) => {
                if let Some(child) = message.child(number) {
                    let deeper = usize::from(matches!(child, Message::Graph));
                    scan(child, child_bytes, depth + deeper)?;
                }
            }
            (_, _, Value::Number(_) | Value::Fixed32(_) | Value::Fixed64) => (),
        }
    }
    Ok(())
}

fn check_domain(domain: &str) -> Result<(), GraphError> {
    if KNOWN_DOMAINS.contains(&domain) {
        Ok(())
    } else {
        Err(GraphError::UnknownDomain(domain.chars().take(64).collect()))
    }
}

fn read_opset(bytes: &[u8]) -> Result<(String, u64), GraphError> {
    let mut domain = "";
    let mut version = 0;
    for field in Fields::new(bytes) {
        match field? {
            (OPSET_DOMAIN, Value::Bytes(value)) => domain = text(value)?,
            (OPSET_VERSION, Value::Number(value)) => version = value,
            _ => (),
        }
    }
    check_domain(domain)?;
    Ok((domain.to_owned(), version))
}

fn read_entry(bytes: &[u8]) -> Result<(String, String), GraphError> {
    let (mut key, mut value) = ("", "");
    for field in Fields::new(bytes) {
        match field? {
            (ENTRY_KEY, Value::Bytes(bytes)) => key = text(bytes)?,
            (ENTRY_VALUE, Value::Bytes(bytes)) => value = text(bytes)?,
            _ => (),
        }
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::protobuf::written::{field, scalar};

    /// A model whose graph has this content.
    fn model(graph: &[u8]) -> Vec<u8> {
        [field(7, graph), field(8, &scalar(2, 17))].concat()
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<(), GraphError>) {
        assert_eq!(read(bytes).map(|_| ()), expected);
    }

    #[test]
    fn reads_metadata_and_opsets() {
        let entry = [field(1, b"character"), field(2, "甲\n乙".as_bytes())].concat();
        let header = read(&[model(&[]), field(14, &entry)].concat()).unwrap();
        assert_eq!(header.metadata["character"], "甲\n乙");
        assert_eq!(header.opsets[""], 17);
    }

    #[test]
    fn refuses_data_outside_the_file() {
        let tensor = scalar(14, 1);
        let attribute = field(5, &tensor);
        let node = field(5, &attribute);
        check(&model(&field(5, &tensor)), Err(GraphError::ExternalData));
        check(&model(&field(5, &field(13, b""))), Err(GraphError::ExternalData));
        check(&model(&field(1, &node)), Err(GraphError::ExternalData));
        check(&model(&field(15, &field(1, &tensor))), Err(GraphError::ExternalData));
        let inner_graph = field(5, &tensor);
        let node = field(5, &field(6, &inner_graph));
        check(&model(&field(1, &node)), Err(GraphError::ExternalData));
        let function = field(25, &field(7, &field(5, &attribute)));
        check(&[model(&[]), function].concat(), Err(GraphError::ExternalData));
        check(&model(&field(5, &scalar(14, 0))), Ok(()));
    }

    #[test]
    fn refuses_unknown_domains() {
        let unknown = || Err(GraphError::UnknownDomain("evil".to_owned()));
        check(&model(&field(1, &field(7, b"evil"))), unknown());
        check(&[model(&[]), field(8, &field(1, b"evil"))].concat(), unknown());
        check(&model(&field(1, &field(7, b"com.microsoft"))), Ok(()));
    }

    #[test]
    fn refuses_deep_nesting() {
        let mut graph = Vec::new();
        for _ in 0..MAX_DEPTH {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        check(&model(&graph), Ok(()));
        check(&model(&field(1, &field(5, &field(6, &graph)))), Err(GraphError::TooDeep));
    }

    #[test]
    fn refuses_too_much_metadata() {
        let entry = field(2, &vec![b'a'; MAX_METADATA]);
        check(&[model(&[]), field(14, &entry)].concat(), Err(GraphError::TooMuchMetadata));
    }

    #[test]
    fn refuses_what_is_no_model() {
        check(b"", Err(GraphError::Malformed));
        check(b"GIF89a", Err(GraphError::Malformed));
        check(&field(7, &[]), Err(GraphError::Malformed));
        check(&[0x0b; 8], Err(GraphError::Malformed));
        check(&[0xff; 20], Err(GraphError::Malformed));
        let whole = model(&field(5, &field(9, &[0; 100])));
        check(&whole[..whole.len() - 1], Err(GraphError::Malformed));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = read(&bytes);
        }

        #[test]
        fn never_panics_on_damaged_models(
            cut in 0_usize..400,
            idx in 0_usize..400,
            byte in any::<u8>(),
        ) {
            let node = field(1, &[field(7, b"ai.onnx"), field(5, &field(6, &[]))].concat());
            let entry = field(14, &[field(1, b"key"), field(2, &[b'v'; 60])].concat());
            let tensor = field(5, &field(9, &[7; 200]));
            let mut bytes = [model(&[node, tensor].concat()), entry].concat();
            let idx = idx % bytes.len();
            bytes[idx] = byte;
            bytes.truncate(bytes.len() - cut % bytes.len());
            let _ = read(&bytes);
        }
    }
}
