//! Writes ONNX files: nodes, weights, and the protobuf around them.

use crate::base::protobuf::{put_bytes, put_float, put_number};

/// Version of the standard operators: the first with `LayerNormalization`; and of the file format.
const OPSET: u64 = 17;
const FORMAT: u64 = 8;

/// Element types, by their number in ONNX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    U8,
    I64,
}

impl Kind {
    fn number(self) -> u64 {
        match self {
            Kind::F32 => 1,
            Kind::U8 => 2,
            Kind::I64 => 7,
        }
    }
}

/// An input or output of the graph; a dimension is a number, or a name where any size will do.
pub(super) struct ValueInfo<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) dims: [&'a str; 2],
}

/// A graph under construction. Values are strings: names of constants, inputs or earlier results.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<u8>,
    constants: Vec<u8>,
    n_values: usize,
}

// Field numbers of onnx.proto.
const MODEL_FORMAT: u64 = 1;
const MODEL_PRODUCER: u64 = 2;
const MODEL_GRAPH: u64 = 7;
const MODEL_OPSETS: u64 = 8;
const OPSET_VERSION: u64 = 2;
const GRAPH_NODE: u64 = 1;
const GRAPH_NAME: u64 = 2;
const GRAPH_CONSTANT: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_OPERATOR: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_NAME: u64 = 1;
const ATTRIBUTE_FLOAT: u64 = 2;
const ATTRIBUTE_INTEGER: u64 = 3;
const ATTRIBUTE_INTEGERS: u64 = 8;
const ATTRIBUTE_KIND: u64 = 20;
const TENSOR_DIM: u64 = 1;
const TENSOR_KIND: u64 = 2;
const TENSOR_NAME: u64 = 8;
const TENSOR_RAW: u64 = 9;
const VALUE_NAME: u64 = 1;
const VALUE_TYPE: u64 = 2;
const TYPE_TENSOR: u64 = 1;
const TENSOR_TYPE_ELEMENT: u64 = 1;
const TENSOR_TYPE_SHAPE: u64 = 2;
const SHAPE_DIM: u64 = 1;
const DIM_SIZE: u64 = 1;
const DIM_NAME: u64 = 2;

impl Graph {
    /// Adds a constant of floats.
    pub(super) fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) {
        let raw: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.constant(name, Kind::F32, dims, &raw);
    }

    /// Adds a constant of integers.
    pub(super) fn integers(&mut self, name: &str, dims: &[usize], values: &[i64]) {
        let raw: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.constant(name, Kind::I64, dims, &raw);
    }

    /// Adds a constant of bytes.
    pub(super) fn bytes(&mut self, name: &str, dims: &[usize], values: &[u8]) {
        self.constant(name, Kind::U8, dims, values);
    }

    fn constant(&mut self, name: &str, kind: Kind, dims: &[usize], raw: &[u8]) {
        let mut tensor = Vec::with_capacity(raw.len() + 64);
        for dim in dims {
            put_number(&mut tensor, TENSOR_DIM, u64::try_from(*dim).unwrap_or(u64::MAX));
        }
        put_number(&mut tensor, TENSOR_KIND, kind.number());
        put_bytes(&mut tensor, TENSOR_NAME, name.as_bytes());
        put_bytes(&mut tensor, TENSOR_RAW, raw);
        put_bytes(&mut self.constants, GRAPH_CONSTANT, &tensor);
    }

    /// Adds a node without attributes; its result.
    pub(super) fn add(&mut self, operator: &str, inputs: &[&str]) -> String {
        let output = self.fresh();
        self.named(&output, operator, inputs);
        output
    }

    /// Adds a node without attributes whose result has this name.
    pub(super) fn named(&mut self, output: &str, operator: &str, inputs: &[&str]) {
        self.node(operator, inputs, &[output.to_owned()], &[]);
    }

    /// Values as floats.
    pub(super) fn cast_to_float(&mut self, input: &str) -> String {
        self.with(("Cast", &[input]), &[integer("to", Kind::F32.number())])
    }

    /// The greatest values along an axis, which stays with size 1.
    pub(super) fn reduce_max(&mut self, input: &str, axis: u64) -> String {
        let attributes = [integers("axes", &[axis]), integer("keepdims", 1)];
        self.with(("ReduceMax", &[input]), &attributes)
    }

    /// Sums along the axes that a constant names.
    pub(super) fn reduce_sum(&mut self, input: &str, axes: &str, keeps_axis: bool) -> String {
        self.with(("ReduceSum", &[input, axes]), &[integer("keepdims", u64::from(keeps_axis))])
    }

    /// Values side by side along an axis.
    pub(super) fn concat(&mut self, inputs: &[String], axis: u64) -> String {
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.with(("Concat", &inputs), &[integer("axis", axis)])
    }

    /// Equal parts along an axis.
    pub(super) fn split(&mut self, input: &str, axis: u64, n_parts: usize) -> Vec<String> {
        let outputs: Vec<String> = (0..n_parts).map(|_| self.fresh()).collect();
        self.node("Split", &[input], &outputs, &[integer("axis", axis)]);
        outputs
    }

    /// Layer normalisation along the last axis: input, gain, bias.
    pub(super) fn layer_normalization(&mut self, inputs: &[&str; 3], epsilon: f32) -> String {
        self.with(("LayerNormalization", inputs), &[float("epsilon", epsilon)])
    }

    fn with(&mut self, (operator, inputs): (&str, &[&str]), attributes: &[Vec<u8>]) -> String {
        let output = self.fresh();
        self.node(operator, inputs, std::slice::from_ref(&output), attributes);
        output
    }

    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[String],
        attributes: &[Vec<u8>],
    ) {
        let mut node = Vec::new();
        for input in inputs {
            put_bytes(&mut node, NODE_INPUT, input.as_bytes());
        }
        for output in outputs {
            put_bytes(&mut node, NODE_OUTPUT, output.as_bytes());
        }
        put_bytes(&mut node, NODE_OPERATOR, operator.as_bytes());
        for attribute in attributes {
            put_bytes(&mut node, NODE_ATTRIBUTE, attribute);
        }
        put_bytes(&mut self.nodes, GRAPH_NODE, &node);
    }

    fn fresh(&mut self) -> String {
        self.n_values += 1;
        format!("v{}", self.n_values)
    }

    /// The finished file.
    pub(super) fn finish(self, input: &ValueInfo<'_>, output: &ValueInfo<'_>) -> Vec<u8> {
        let mut graph = self.nodes;
        put_bytes(&mut graph, GRAPH_NAME, b"sentence-encoder");
        graph.extend_from_slice(&self.constants);
        drop(self.constants);
        put_bytes(&mut graph, GRAPH_INPUT, &value_info(input));
        put_bytes(&mut graph, GRAPH_OUTPUT, &value_info(output));
        let mut opset = Vec::new();
        put_number(&mut opset, OPSET_VERSION, OPSET);
        let mut model = Vec::with_capacity(graph.len() + 64);
        put_number(&mut model, MODEL_FORMAT, FORMAT);
        put_bytes(&mut model, MODEL_PRODUCER, b"fenwen");
        put_bytes(&mut model, MODEL_GRAPH, &graph);
        put_bytes(&mut model, MODEL_OPSETS, &opset);
        model
    }
}

fn value_info(value: &ValueInfo<'_>) -> Vec<u8> {
    let mut shape = Vec::new();
    for dim in value.dims {
        let mut message = Vec::new();
        match dim.parse() {
            Ok(size) => put_number(&mut message, DIM_SIZE, size),
            Err(_) => put_bytes(&mut message, DIM_NAME, dim.as_bytes()),
        }
        put_bytes(&mut shape, SHAPE_DIM, &message);
    }
    let mut tensor = Vec::new();
    put_number(&mut tensor, TENSOR_TYPE_ELEMENT, value.kind.number());
    put_bytes(&mut tensor, TENSOR_TYPE_SHAPE, &shape);
    let mut kind = Vec::new();
    put_bytes(&mut kind, TYPE_TENSOR, &tensor);
    let mut info = Vec::new();
    put_bytes(&mut info, VALUE_NAME, value.name.as_bytes());
    put_bytes(&mut info, VALUE_TYPE, &kind);
    info
}

// Kinds of attribute.
const FLOAT: u64 = 1;
const INTEGER: u64 = 2;
const INTEGERS: u64 = 7;

fn attribute(name: &str, kind: u64) -> Vec<u8> {
    let mut attribute = Vec::new();
    put_bytes(&mut attribute, ATTRIBUTE_NAME, name.as_bytes());
    put_number(&mut attribute, ATTRIBUTE_KIND, kind);
    attribute
}

fn integer(name: &str, value: u64) -> Vec<u8> {
    let mut attribute = attribute(name, INTEGER);
    put_number(&mut attribute, ATTRIBUTE_INTEGER, value);
    attribute
}

fn integers(name: &str, values: &[u64]) -> Vec<u8> {
    let mut attribute = attribute(name, INTEGERS);
    for value in values {
        put_number(&mut attribute, ATTRIBUTE_INTEGERS, *value);
    }
    attribute
}

fn float(name: &str, value: f32) -> Vec<u8> {
    let mut attribute = attribute(name, FLOAT);
    put_float(&mut attribute, ATTRIBUTE_FLOAT, value);
    attribute
}
