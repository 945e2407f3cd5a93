//! Encoder and decoder as the transformers library exports them, with weights of eight bits: turned back to floats.

use std::collections::HashMap;

use crate::base::protobuf::{Fields, Malformed, Value, text};

use super::whisper::{OnnxPlace, onnx_place};
use super::{ConvertError, Values, Weights};

// Field numbers of onnx.proto3.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const NODE_INPUT: u64 = 1;
const NODE_NAME: u64 = 3;
const NODE_OPERATOR: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;
const TENSOR_DIMS: u64 = 1;
const TENSOR_TYPE: u64 = 2;
const TENSOR_FLOATS: u64 = 4;
const TENSOR_INTEGERS: u64 = 5;
const TENSOR_NAME: u64 = 8;
const TENSOR_RAW: u64 = 9;
const FLOAT: u64 = 1;
const UINT8: u64 = 2;
const INT8: u64 = 3;
/// Graphs within graphs that are followed: the merged decoder has one level.
const MAX_DEPTH: usize = 4;

/// Both files in memory.
pub(super) struct Files<'a> {
    encoder: Graph<'a>,
    decoder: Graph<'a>,
}

#[derive(Default)]
struct Graph<'a> {
    arrays: HashMap<&'a str, Array<'a>>,
    /// Name of the weight and of its zero point, by the name of the operator.
    operators: HashMap<&'a str, (&'a str, Option<&'a str>)>,
}

#[derive(Clone, Default)]
struct Array<'a> {
    shape: Vec<usize>,
    kind: u64,
    raw: &'a [u8],
    floats: Vec<f32>,
    integers: Vec<u64>,
}

impl<'a> Files<'a> {
    pub(super) fn read(encoder: &'a [u8], decoder: &'a [u8]) -> Result<Files<'a>, ConvertError> {
        let read = |bytes| Graph::read(bytes).map_err(|_| ConvertError::Malformed("ONNX"));
        Ok(Files { encoder: read(encoder)?, decoder: read(decoder)? })
    }
}

impl Weights for Files<'_> {
    fn tensor(&self, name: &str) -> Result<Values, ConvertError> {
        let graph = if name.starts_with("decoder.") { &self.decoder } else { &self.encoder };
        graph.tensor(name).ok_or_else(|| ConvertError::Tensor(name.to_owned()))
    }
}

impl<'a> Graph<'a> {
    fn read(bytes: &'a [u8]) -> Result<Graph<'a>, Malformed> {
        let mut graph = Graph::default();
        for field in Fields::new(bytes) {
            if let (MODEL_GRAPH, Value::Bytes(inner)) = field? {
                graph.scan(inner, 0)?;
            }
        }
        Ok(graph)
    }

    fn scan(&mut self, bytes: &'a [u8], depth: usize) -> Result<(), Malformed> {
        for field in Fields::new(bytes) {
            match field? {
                (GRAPH_INITIALIZER, Value::Bytes(tensor)) => {
                    let (name, array) = read_tensor(tensor)?;
                    self.arrays.insert(name, array);
                }
                (GRAPH_NODE, Value::Bytes(node)) => self.scan_node(node, depth)?,
                _ => (),
            }
        }
        Ok(())
    }

    fn scan_node(&mut self, bytes: &'a [u8], depth: usize) -> Result<(), Malformed> {
        let (mut name, mut operator, mut inputs) = ("", "", Vec::new());
        for field in Fields::new(bytes) {
            match field? {
                (NODE_INPUT, Value::Bytes(input)) => inputs.push(text(input)?),
                (NODE_NAME, Value::Bytes(value)) => name = text(value)?,
                (NODE_OPERATOR, Value::Bytes(value)) => operator = text(value)?,
                (NODE_ATTRIBUTE, Value::Bytes(attribute)) if depth < MAX_DEPTH => {
                    for field in Fields::new(attribute) {
                        if let (ATTRIBUTE_GRAPH, Value::Bytes(graph)) = field? {
                            self.scan(graph, depth + 1)?;
                        }
                    }
                }
                _ => (),
            }
        }
        if matches!(operator, "MatMulInteger" | "ConvInteger")
            && let Some(weight) = inputs.get(1)
        {
            let name = name.strip_suffix("_quant").unwrap_or(name);
            self.operators.insert(name, (weight, inputs.get(3).copied()));
        }
        Ok(())
    }

    fn tensor(&self, name: &str) -> Option<Values> {
        match onnx_place(name)? {
            OnnxPlace::Array(array) => {
                let mut values = self.array(&array)?;
                if name.starts_with("encoder.conv") {
                    values.shape.push(1);
                }
                Some(values)
            }
            OnnxPlace::Operator(operator) => self.weight(&operator),
            OnnxPlace::Transposed(operator) => transposed(&self.weight(&operator)?),
        }
    }

    /// An array of floats, or a quantised one, under the names that the decoder's export gives it.
    fn array(&self, name: &str) -> Option<Values> {
        for prefix in ["", "model.decoder."] {
            for suffix in ["", "_merged_0"] {
                let name = format!("{prefix}{name}{suffix}");
                if let Some(array) = self.arrays.get(name.as_str()) {
                    return array.values(None, None);
                }
                if let Some(values) = self.quantised(&name) {
                    return Some(values);
                }
            }
        }
        None
    }

    fn quantised(&self, name: &str) -> Option<Values> {
        let array = self.arrays.get(format!("{name}_quantized").as_str())?;
        let scale = self.arrays.get(format!("{name}_scale").as_str());
        array.values(scale, self.arrays.get(format!("{name}_zero_point").as_str()))
    }

    fn weight(&self, operator: &str) -> Option<Values> {
        let (weight, zero) = *self.operators.get(operator)?;
        let base = weight.strip_suffix("_quantized")?;
        let scale = self.arrays.get(format!("{base}_scale").as_str());
        self.arrays.get(weight)?.values(scale, zero.and_then(|it| self.arrays.get(it)))
    }
}

impl Array<'_> {
    /// (stored − zero) · scale; scale and zero are one number, or one for each index of the last dimension.
    fn values(&self, scale: Option<&Array<'_>>, zero: Option<&Array<'_>>) -> Option<Values> {
        let numbers = |array: Option<&Array<'_>>| array.map_or(Some(Vec::new()), Array::numbers);
        let (scales, zeros) = (numbers(scale)?, numbers(zero)?);
        let mut data = self.numbers()?;
        let n_values =
            self.shape.iter().try_fold(1_usize, |product, it| product.checked_mul(*it))?;
        if n_values != data.len() {
            return None;
        }
        let width = self.shape.last().copied().unwrap_or(1).max(1);
        let pick = |numbers: &[f32], column: usize, other: f32| match numbers {
            [one] => *one,
            many => many.get(column).copied().unwrap_or(other),
        };
        for row in data.chunks_mut(width) {
            for (column, value) in row.iter_mut().enumerate() {
                *value = (*value - pick(&zeros, column, 0.0)) * pick(&scales, column, 1.0);
            }
        }
        Some(Values { shape: self.shape.clone(), data })
    }

    fn numbers(&self) -> Option<Vec<f32>> {
        match self.kind {
            FLOAT if self.raw.is_empty() => Some(self.floats.clone()),
            FLOAT => Some(
                self.raw
                    .chunks_exact(4)
                    .map(|it| f32::from_le_bytes(it.try_into().unwrap_or_default()))
                    .collect(),
            ),
            UINT8 | INT8 if self.raw.is_empty() => {
                // Negative numbers are written as unsigned ones of 64 bits.
                Some(self.integers.iter().map(|it| it.cast_signed() as f32).collect())
            }
            UINT8 => Some(self.raw.iter().map(|it| f32::from(*it)).collect()),
            INT8 => Some(self.raw.iter().map(|it| f32::from(it.cast_signed())).collect()),
            _ => None,
        }
    }
}

fn read_tensor(bytes: &[u8]) -> Result<(&str, Array<'_>), Malformed> {
    let mut array = Array::default();
    let mut name = "";
    let size = |it: u64| usize::try_from(it).map_err(|_| Malformed);
    for field in Fields::new(bytes) {
        match field? {
            (TENSOR_DIMS, Value::Number(dim)) => array.shape.push(size(dim)?),
            (TENSOR_DIMS, Value::Bytes(packed)) => {
                for dim in Fields::packed(packed) {
                    array.shape.push(size(dim?)?);
                }
            }
            (TENSOR_TYPE, Value::Number(kind)) => array.kind = kind,
            (TENSOR_FLOATS, Value::Bytes(packed)) => {
                let value = |it: &[u8]| f32::from_le_bytes(it.try_into().unwrap_or_default());
                array.floats.extend(packed.chunks_exact(4).map(value));
            }
            (TENSOR_FLOATS, Value::Fixed32(bytes)) => array.floats.push(f32::from_le_bytes(bytes)),
            (TENSOR_INTEGERS, Value::Number(number)) => array.integers.push(number),
            (TENSOR_INTEGERS, Value::Bytes(packed)) => {
                for number in Fields::packed(packed) {
                    array.integers.push(number?);
                }
            }
            (TENSOR_NAME, Value::Bytes(value)) => name = text(value)?,
            (TENSOR_RAW, Value::Bytes(raw)) => array.raw = raw,
            _ => (),
        }
    }
    Ok((name, array))
}

fn transposed(values: &Values) -> Option<Values> {
    let [rows, columns] = values.shape.as_slice() else { return None };
    let mut data = Vec::with_capacity(values.data.len());
    for column in 0..*columns {
        data.extend(values.data.iter().skip(column).step_by(*columns));
    }
    Some(Values { shape: vec![*columns, *rows], data })
}
