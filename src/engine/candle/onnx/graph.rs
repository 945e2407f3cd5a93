//! What an ONNX file holds, as far as the executor needs it: ports, constants, nodes and their attributes.
//!
//! Names are resolved to slots while reading; a value that is used before it is made, or made twice, is refused. The
//! length of every array is compared with its dimensions.

use std::collections::{BTreeMap, HashMap};

use crate::base::protobuf::{Fields, Malformed, Value, text};
use crate::engine::signature::{Element, Port};
use crate::engine::{EngineError, GraphError};

/// The number of a value of the graph.
pub(super) type Slot = usize;

/// A graph whose nodes stand in an order in which they can run.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) inputs: Vec<(Slot, Port)>,
    pub(super) outputs: Vec<(Slot, Port)>,
    pub(super) constants: BTreeMap<Slot, Array>,
    pub(super) nodes: Vec<Node>,
    pub(super) n_slots: usize,
}

/// One application of an operator.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) operator: String,
    pub(super) name: String,
    /// `None` where an optional input is left out.
    pub(super) inputs: Vec<Option<Slot>>,
    pub(super) outputs: Vec<Slot>,
    pub(super) attributes: Attributes,
}

/// An array on the host. Invariant: as many elements as the dimensions say.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) elements: Elements,
}

/// Elements of an [`Array`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Elements {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// The attributes of a node, by name.
#[derive(Debug, Default)]
pub(super) struct Attributes(HashMap<String, Attribute>);

#[derive(Debug)]
enum Attribute {
    Float(f32),
    Integer(i64),
    Text(String),
    Integers(Vec<i64>),
    Array(Array),
    /// Of a kind that no operator here has.
    Other,
}

impl Attributes {
    /// Refuses attributes other than these: what is not understood is not ignored.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), String> {
        match self.0.keys().find(|it| !names.contains(&it.as_str())) {
            Some(name) => Err(format!("attribute `{name}`")),
            None => Ok(()),
        }
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        match self.0.get(name) {
            None => Ok(default),
            Some(Attribute::Float(value)) => Ok(*value),
            Some(_) => Err(format!("attribute `{name}` is no float")),
        }
    }

    pub(super) fn integer(&self, name: &str, default: i64) -> Result<i64, String> {
        match self.0.get(name) {
            None => Ok(default),
            Some(Attribute::Integer(value)) => Ok(*value),
            Some(_) => Err(format!("attribute `{name}` is no integer")),
        }
    }

    pub(super) fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, String> {
        match self.0.get(name) {
            None => Ok(default),
            Some(Attribute::Text(value)) => Ok(value),
            Some(_) => Err(format!("attribute `{name}` is no text")),
        }
    }

    pub(super) fn integers(&self, name: &str) -> Result<Option<&[i64]>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Attribute::Integers(values)) => Ok(Some(values)),
            Some(_) => Err(format!("attribute `{name}` is no list of integers")),
        }
    }

    pub(super) fn array(&self, name: &str) -> Result<&Array, String> {
        match self.0.get(name) {
            Some(Attribute::Array(array)) => Ok(array),
            _ => Err(format!("attribute `{name}` is no tensor")),
        }
    }
}

// Field numbers of onnx.proto3.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_CONSTANT: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_SPARSE: u64 = 15;
const NODE_INPUT: u64 = 1;
const NODE_OUTPUT: u64 = 2;
const NODE_NAME: u64 = 3;
const NODE_OPERATOR: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;
const NODE_DOMAIN: u64 = 7;
const ATTRIBUTE_NAME: u64 = 1;
const ATTRIBUTE_FLOAT: u64 = 2;
const ATTRIBUTE_INTEGER: u64 = 3;
const ATTRIBUTE_TEXT: u64 = 4;
const ATTRIBUTE_TENSOR: u64 = 5;
const ATTRIBUTE_INTEGERS: u64 = 8;
const ATTRIBUTE_KIND: u64 = 20;
const TENSOR_DIM: u64 = 1;
const TENSOR_KIND: u64 = 2;
const TENSOR_FLOATS: u64 = 4;
const TENSOR_INTEGERS_32: u64 = 5;
const TENSOR_INTEGERS_64: u64 = 7;
const TENSOR_NAME: u64 = 8;
const TENSOR_RAW: u64 = 9;

/// Element types, by their number in ONNX.
pub(super) const FLOAT: i64 = 1;
pub(super) const INTEGER_32: i64 = 6;
pub(super) const INTEGER_64: i64 = 7;

impl Graph {
    /// Reads the graph of a model that [`crate::engine::onnx::read`] has accepted.
    pub(super) fn read(bytes: &[u8]) -> Result<Graph, EngineError> {
        let mut graph = Graph::default();
        let mut slots = HashMap::new();
        for field in Fields::new(bytes) {
            if let (MODEL_GRAPH, Value::Bytes(message)) = field.map_err(malformed)? {
                graph.read_constants(message, &mut slots)?;
                graph.read_nodes(message, &mut slots)?;
            }
        }
        graph.n_slots = slots.len();
        Ok(graph)
    }

    /// Reads what does not depend on nodes. A constant that is also listed as an input is no input.
    fn read_constants<'a>(
        &mut self,
        message: &'a [u8],
        slots: &mut HashMap<&'a str, Slot>,
    ) -> Result<(), EngineError> {
        let mut inputs = Vec::new();
        for field in Fields::new(message) {
            match field.map_err(malformed)? {
                (GRAPH_CONSTANT, Value::Bytes(tensor)) => {
                    let (name, array) = read_array(tensor)?;
                    self.constants.insert(define(name, slots)?, array);
                }
                (GRAPH_INPUT, Value::Bytes(info)) => inputs.push(read_port(info)?),
                (GRAPH_SPARSE, _) => {
                    return Err(EngineError::Unsupported("sparse weights".to_owned()));
                }
                _ => (),
            }
        }
        for (name, port) in inputs {
            if !slots.contains_key(name) {
                self.inputs.push((define(name, slots)?, port));
            }
        }
        Ok(())
    }

    fn read_nodes<'a>(
        &mut self,
        message: &'a [u8],
        slots: &mut HashMap<&'a str, Slot>,
    ) -> Result<(), EngineError> {
        for field in Fields::new(message) {
            if let (GRAPH_NODE, Value::Bytes(node)) = field.map_err(malformed)? {
                self.nodes.push(read_node(node, slots)?);
            }
        }
        for field in Fields::new(message) {
            if let (GRAPH_OUTPUT, Value::Bytes(info)) = field.map_err(malformed)? {
                let (name, port) = read_port(info)?;
                self.outputs.push((find(name, slots)?, port));
            }
        }
        Ok(())
    }
}

fn malformed(_: Malformed) -> EngineError {
    EngineError::Graph(GraphError::Malformed)
}

/// A new slot for the value of that name.
fn define<'a>(name: &'a str, slots: &mut HashMap<&'a str, Slot>) -> Result<Slot, EngineError> {
    let slot = slots.len();
    match slots.insert(name, slot) {
        None => Ok(slot),
        Some(_) => Err(EngineError::Load(format!("`{name}` is defined twice"))),
    }
}

fn find(name: &str, slots: &HashMap<&str, Slot>) -> Result<Slot, EngineError> {
    let slot = slots.get(name).copied();
    slot.ok_or_else(|| EngineError::Load(format!("`{name}` is used before it is defined")))
}

fn read_node<'a>(
    message: &'a [u8],
    slots: &mut HashMap<&'a str, Slot>,
) -> Result<Node, EngineError> {
    let mut node = Node::default();
    let mut outputs = Vec::new();
    for field in Fields::new(message) {
        let (number, Value::Bytes(bytes)) = field.map_err(malformed)? else { continue };
        match number {
            NODE_INPUT => {
                let name = text(bytes).map_err(malformed)?;
                let slot = if name.is_empty() { None } else { Some(find(name, slots)?) };
                node.inputs.push(slot);
            }
            NODE_OUTPUT => outputs.push(text(bytes).map_err(malformed)?),
            NODE_NAME => text(bytes).map_err(malformed)?.clone_into(&mut node.name),
            NODE_OPERATOR => text(bytes).map_err(malformed)?.clone_into(&mut node.operator),
            NODE_ATTRIBUTE => {
                let (name, attribute) = read_attribute(bytes)?;
                node.attributes.0.insert(name.to_owned(), attribute);
            }
            NODE_DOMAIN if !bytes.is_empty() && bytes != b"ai.onnx" => {
                let domain = text(bytes).map_err(malformed)?;
                return Err(EngineError::Unsupported(format!("operator domain `{domain}`")));
            }
            _ => (),
        }
    }
    if node.name.is_empty() {
        outputs.first().copied().unwrap_or_default().clone_into(&mut node.name);
    }
    // Only after the inputs: a node does not feed itself.
    node.outputs = outputs.into_iter().map(|it| define(it, slots)).collect::<Result<_, _>>()?;
    Ok(node)
}

fn read_attribute(message: &[u8]) -> Result<(&str, Attribute), EngineError> {
    let (mut name, mut kind) = ("", 0);
    let (mut float, mut integer, mut string) = (0.0, 0_u64, "");
    let mut integers = Vec::new();
    let mut array = None;
    for field in Fields::new(message) {
        match field.map_err(malformed)? {
            (ATTRIBUTE_NAME, Value::Bytes(bytes)) => name = text(bytes).map_err(malformed)?,
            (ATTRIBUTE_FLOAT, Value::Fixed32(bytes)) => float = f32::from_le_bytes(bytes),
            (ATTRIBUTE_INTEGER, Value::Number(value)) => integer = value,
            // An attribute of bytes need not be text: then it is one that no operator here has.
            (ATTRIBUTE_TEXT, Value::Bytes(bytes)) => string = text(bytes).unwrap_or_default(),
            (ATTRIBUTE_TENSOR, Value::Bytes(bytes)) => array = Some(read_array(bytes)?.1),
            (ATTRIBUTE_INTEGERS, value) => put_integers(value, &mut integers)?,
            (ATTRIBUTE_KIND, Value::Number(value)) => kind = value,
            _ => (),
        }
    }
    let attribute = match (kind, array) {
        (1, _) => Attribute::Float(float),
        (2, _) => Attribute::Integer(integer.cast_signed()),
        (3, _) => Attribute::Text(string.to_owned()),
        (4, Some(array)) => Attribute::Array(array),
        (7, _) => Attribute::Integers(integers),
        _ => Attribute::Other,
    };
    Ok((name, attribute))
}

/// Appends one number, or packed ones.
fn put_integers(value: Value<'_>, integers: &mut Vec<i64>) -> Result<(), EngineError> {
    match value {
        Value::Number(number) => integers.push(number.cast_signed()),
        Value::Bytes(bytes) => {
            for number in Fields::packed(bytes) {
                integers.push(number.map_err(malformed)?.cast_signed());
            }
        }
        Value::Fixed32(_) | Value::Fixed64 => return Err(malformed(Malformed)),
    }
    Ok(())
}

/// Name and content of a tensor.
fn read_array(message: &[u8]) -> Result<(&str, Array), EngineError> {
    let (mut name, mut kind) = ("", 0);
    let (mut dims, mut floats, mut integers) = (Vec::new(), Vec::new(), Vec::new());
    let mut raw = None;
    for field in Fields::new(message) {
        match field.map_err(malformed)? {
            (TENSOR_NAME, Value::Bytes(bytes)) => name = text(bytes).map_err(malformed)?,
            (TENSOR_KIND, Value::Number(value)) => kind = value.cast_signed(),
            (TENSOR_DIM, value) => put_integers(value, &mut dims)?,
            (TENSOR_FLOATS, Value::Fixed32(bytes)) => floats.push(f32::from_le_bytes(bytes)),
            (TENSOR_FLOATS, Value::Bytes(bytes)) => {
                floats.extend(chunks(bytes)?.map(f32::from_le_bytes));
            }
            (TENSOR_INTEGERS_32 | TENSOR_INTEGERS_64, value) => {
                put_integers(value, &mut integers)?;
            }
            (TENSOR_RAW, Value::Bytes(bytes)) => raw = Some(bytes),
            _ => (),
        }
    }
    let elements = match (kind, raw) {
        (FLOAT, None) => Elements::Floats(floats),
        (FLOAT, Some(raw)) => Elements::Floats(chunks(raw)?.map(f32::from_le_bytes).collect()),
        (INTEGER_32 | INTEGER_64, None) => Elements::Integers(integers),
        (INTEGER_32, Some(raw)) => {
            Elements::Integers(chunks(raw)?.map(|it| i32::from_le_bytes(it).into()).collect())
        }
        (INTEGER_64, Some(raw)) => {
            Elements::Integers(chunks(raw)?.map(i64::from_le_bytes).collect())
        }
        _ => {
            return Err(EngineError::Unsupported(format!("`{name}` has elements of type {kind}")));
        }
    };
    let array = Array::new(&dims, elements);
    Ok((name, array.ok_or_else(|| EngineError::Load(format!("`{name}` has a wrong size")))?))
}

/// Numbers of `N` bytes each, nothing left over.
fn chunks<const N: usize>(bytes: &[u8]) -> Result<impl Iterator<Item = [u8; N]>, EngineError> {
    match bytes.as_chunks() {
        (chunks, []) => Ok(chunks.iter().copied()),
        _ => Err(malformed(Malformed)),
    }
}

impl Array {
    /// `None` if the dimensions do not fit the elements.
    fn new(dims: &[i64], elements: Elements) -> Option<Array> {
        let len = match &elements {
            Elements::Floats(values) => values.len(),
            Elements::Integers(values) => values.len(),
        };
        let shape: Vec<usize> =
            dims.iter().map(|it| usize::try_from(*it).ok()).collect::<Option<_>>()?;
        let product = shape.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim))?;
        (product == len).then_some(Array { shape, elements })
    }

    /// Its floats, if it has such.
    pub(super) fn floats(&self) -> Option<&[f32]> {
        match &self.elements {
            Elements::Floats(values) => Some(values),
            Elements::Integers(_) => None,
        }
    }

    /// Its integers, if it has such.
    pub(super) fn integers(&self) -> Option<&[i64]> {
        match &self.elements {
            Elements::Floats(_) => None,
            Elements::Integers(values) => Some(values),
        }
    }
}

/// Name and port of an input or output: `ValueInfoProto`, with the messages inside it.
fn read_port(info: &[u8]) -> Result<(&str, Port), EngineError> {
    let name = text(submessage(info, 1)?.unwrap_or_default()).map_err(malformed)?;
    let kind = submessage(info, 2)?.unwrap_or_default();
    let tensor = submessage(kind, 1)?.unwrap_or_default();
    let mut element = 0;
    for field in Fields::new(tensor) {
        if let (1, Value::Number(value)) = field.map_err(malformed)? {
            element = value.cast_signed();
        }
    }
    if element != FLOAT {
        let reason = format!("`{name}` has elements of type {element}");
        return Err(EngineError::Unsupported(reason));
    }
    let dims = submessage(tensor, 2)?.map(read_dims).transpose()?;
    Ok((name, Port { name: name.to_owned(), element: Some(Element::F32), dims }))
}

/// The dimensions of a `TensorShapeProto`: a number above 0, or any size.
fn read_dims(shape: &[u8]) -> Result<Vec<Option<usize>>, EngineError> {
    let mut dims = Vec::new();
    for field in Fields::new(shape) {
        if let (1, Value::Bytes(dim)) = field.map_err(malformed)? {
            let mut size = None;
            for field in Fields::new(dim) {
                if let (1, Value::Number(value)) = field.map_err(malformed)? {
                    size = usize::try_from(value.cast_signed()).ok().filter(|it| 0 < *it);
                }
            }
            dims.push(size);
        }
    }
    Ok(dims)
}

/// The content of the field of that number, the last one if there are several.
fn submessage(message: &[u8], wanted: u64) -> Result<Option<&[u8]>, EngineError> {
    let mut found = None;
    for field in Fields::new(message) {
        if let (number, Value::Bytes(bytes)) = field.map_err(malformed)?
            && number == wanted
        {
            found = Some(bytes);
        }
    }
    Ok(found)
}
