//! Writes small ONNX files for tests.

use crate::engine::candle::onnx::graph::Elements;

/// The value of an attribute.
#[derive(Clone, Copy)]
pub(super) enum Setting<'a> {
    Float(f32),
    Integer(i64),
    Text(&'a str),
    Integers(&'a [i64]),
    /// A one-dimensional tensor of floats.
    Floats(&'a [f32]),
}

/// Attributes of a node.
pub(super) type Settings<'a> = &'a [(&'a str, Setting<'a>)];

/// A graph with the input `x` and outputs of any size.
pub(super) struct Sketch {
    graph: Vec<u8>,
    opset: u64,
}

impl Sketch {
    pub(super) fn new() -> Sketch {
        Sketch { graph: field(11, &port("x", 1)), opset: 11 }
    }

    pub(super) fn opset(mut self, opset: u64) -> Sketch {
        self.opset = opset;
        self
    }

    pub(super) fn input(mut self, name: &str, element: u64) -> Sketch {
        self.graph.extend(field(11, &port(name, element)));
        self
    }

    pub(super) fn node(
        mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        settings: Settings<'_>,
    ) -> Sketch {
        let mut node = Vec::new();
        inputs.iter().for_each(|it| node.extend(field(1, it.as_bytes())));
        node.extend(field(2, output.as_bytes()));
        node.extend(field(3, format!("node of {output}").as_bytes()));
        node.extend(field(4, operator.as_bytes()));
        for (name, setting) in settings {
            node.extend(field(5, &[field(1, name.as_bytes()), content(setting)].concat()));
        }
        self.graph.extend(field(1, &node));
        self
    }

    pub(super) fn constant(mut self, name: &str, dims: &[i64], elements: &Elements) -> Sketch {
        self.graph.extend(field(5, &[field(8, name.as_bytes()), tensor(dims, elements)].concat()));
        self
    }

    pub(super) fn floats(self, name: &str, dims: &[i64], values: &[f32]) -> Sketch {
        self.constant(name, dims, &Elements::Floats(values.to_vec()))
    }

    pub(super) fn integers(self, name: &str, values: &[i64]) -> Sketch {
        let dims = [i64::try_from(values.len()).unwrap()];
        self.constant(name, &dims, &Elements::Integers(values.to_vec()))
    }

    pub(super) fn finish(mut self, outputs: &[&str]) -> Vec<u8> {
        outputs.iter().for_each(|it| self.graph.extend(field(12, &port(it, 1))));
        [field(7, &self.graph), field(8, &scalar(2, self.opset))].concat()
    }
}

/// Dimensions and elements of a tensor; integers raw, floats one by one.
fn tensor(dims: &[i64], elements: &Elements) -> Vec<u8> {
    let mut message: Vec<u8> = dims.iter().flat_map(|it| scalar(1, it.cast_unsigned())).collect();
    match elements {
        Elements::Floats(values) => {
            message.extend(scalar(2, 1));
            values.iter().for_each(|it| message.extend(float(4, *it)));
        }
        Elements::Integers(values) => {
            message.extend(scalar(2, 7));
            let raw: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
            message.extend(field(9, &raw));
        }
    }
    message
}

fn content(setting: &Setting<'_>) -> Vec<u8> {
    match setting {
        Setting::Float(value) => [float(2, *value), scalar(20, 1)].concat(),
        Setting::Integer(value) => [scalar(3, value.cast_unsigned()), scalar(20, 2)].concat(),
        Setting::Text(text) => [field(4, text.as_bytes()), scalar(20, 3)].concat(),
        Setting::Integers(values) => {
            let packed: Vec<u8> = values.iter().flat_map(|it| number(it.cast_unsigned())).collect();
            [field(8, &packed), scalar(20, 7)].concat()
        }
        Setting::Floats(values) => {
            let dims = [i64::try_from(values.len()).unwrap()];
            let tensor = tensor(&dims, &Elements::Floats(values.to_vec()));
            [field(5, &tensor), scalar(20, 4)].concat()
        }
    }
}

fn port(name: &str, element: u64) -> Vec<u8> {
    [field(1, name.as_bytes()), field(2, &field(1, &scalar(1, element)))].concat()
}

fn number(value: u64) -> Vec<u8> {
    let mut rest = value;
    let mut bytes = Vec::new();
    while 0x80 <= rest {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes
}

fn field(field_number: u64, content: &[u8]) -> Vec<u8> {
    let len = number(content.len().try_into().unwrap());
    [number(field_number << 3 | 2), len, content.to_vec()].concat()
}

fn scalar(field_number: u64, value: u64) -> Vec<u8> {
    [number(field_number << 3), number(value)].concat()
}

fn float(field_number: u64, value: f32) -> Vec<u8> {
    [number(field_number << 3 | 5), value.to_le_bytes().to_vec()].concat()
}
