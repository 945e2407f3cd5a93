//! From a node of the graph to an operator that runs: attributes checked, constant inputs put on the device.
//!
//! What cannot run as the graph means it is refused here, by name; nothing is ignored.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use crate::engine::candle::onnx::graph::{
    Array, Elements, FLOAT, INTEGER_32, INTEGER_64, Node, Slot,
};
use crate::engine::candle::onnx::op::{Binary, Kind, Op, Unary};
use crate::engine::candle::onnx::sliding;

/// What a node becomes.
pub(super) enum Lowered {
    /// Another name for a value.
    Alias(Slot),
    /// A constant.
    Constant(Array),
    /// An operator and the values that it takes.
    Step(Op, Vec<Slot>),
}

/// A node, and what is known of its inputs.
pub(super) struct Lowering<'a> {
    pub(super) node: &'a Node,
    /// Inputs, aliases resolved.
    pub(super) inputs: &'a [Option<Slot>],
    /// Where values lie, as far as they are made.
    pub(super) kinds: &'a [Option<Kind>],
    pub(super) constants: &'a BTreeMap<Slot, Array>,
    pub(super) device: &'a Device,
}

impl Lowering<'_> {
    pub(super) fn lower(&self) -> Result<Lowered, String> {
        if self.node.outputs.len() != 1 {
            return Err("more than one output".to_owned());
        }
        match self.node.operator.as_str() {
            "Identity" => Ok(Lowered::Alias(self.input(0)?)),
            "Constant" => {
                self.node.attributes.only(&["value"])?;
                Ok(Lowered::Constant(self.node.attributes.array("value")?.clone()))
            }
            "Cast" => self.cast(),
            "Add" => self.binary(Binary::Add),
            "Div" => self.binary(Binary::Div),
            "Mul" => self.binary(Binary::Mul),
            "Sub" => self.binary(Binary::Sub),
            "Pow" => self.power(),
            "Clip" => self.clip(),
            "BatchNormalization" => self.normalisation(),
            "Conv" => self.single(sliding::convolution(self)?),
            "ConvTranspose" => self.single(sliding::transposed(self)?),
            "MaxPool" | "AveragePool" => self.single(sliding::pool(self)?),
            "Resize" => self.single(sliding::upsample(self)?),
            "MatMul" => self.step(Op::MatMul, 2),
            "Reshape" => self.step(Op::Reshape, 2),
            "Slice" => self.slice(),
            "Concat" => {
                self.node.attributes.only(&["axis"])?;
                let axis = self.node.attributes.integer("axis", i64::MAX)?;
                self.all(Op::Concat { axis }, self.inputs.len())
            }
            _ => self.of_one_input(),
        }
    }

    fn of_one_input(&self) -> Result<Lowered, String> {
        let attributes = &self.node.attributes;
        let (op, known): (Op, &[&str]) = match self.node.operator.as_str() {
            "Erf" => (Op::Unary(Unary::Erf), &[]),
            "Relu" => (Op::Unary(Unary::Relu), &[]),
            "Sigmoid" => (Op::Unary(Unary::Sigmoid), &[]),
            "Sqrt" => (Op::Unary(Unary::Sqrt), &[]),
            "Shape" => (Op::Shape, &[]),
            "GlobalAveragePool" => (Op::Mean { axes: None, keeps_axes: true }, &[]),
            "ReduceMean" => {
                let axes = attributes.integers("axes")?.ok_or("without axes")?.to_vec();
                let keeps_axes = attributes.integer("keepdims", 1)? != 0;
                (Op::Mean { axes: Some(axes), keeps_axes }, &["axes", "keepdims"])
            }
            "Softmax" => (Op::Softmax { axis: attributes.integer("axis", 1)? }, &["axis"]),
            "Squeeze" => {
                let axes = attributes.integers("axes")?.map(<[i64]>::to_vec);
                (Op::Squeeze { axes }, &["axes"])
            }
            "Unsqueeze" => {
                let axes = attributes.integers("axes")?.ok_or("without axes")?.to_vec();
                (Op::Unsqueeze { axes }, &["axes"])
            }
            "Transpose" => {
                let order = attributes.integers("perm")?.ok_or("without an order")?;
                let order = order.iter().map(|it| usize::try_from(*it)).collect::<Result<_, _>>();
                let order = order.map_err(|_| "a negative axis")?;
                (Op::Transpose { order }, &["perm"])
            }
            "HardSigmoid" => return self.hard_sigmoid(),
            _ => return Err("not implemented".to_owned()),
        };
        attributes.only(known)?;
        self.single(op)
    }

    /// An operator without attributes.
    fn step(&self, op: Op, n_inputs: usize) -> Result<Lowered, String> {
        self.node.attributes.only(&[])?;
        self.all(op, n_inputs)
    }

    fn all(&self, op: Op, n_inputs: usize) -> Result<Lowered, String> {
        if self.inputs.len() != n_inputs {
            return Err(format!("{} inputs", self.inputs.len()));
        }
        let inputs = (0..n_inputs).map(|idx| self.input(idx)).collect::<Result<_, _>>()?;
        Ok(Lowered::Step(op, inputs))
    }

    /// An operator whose other inputs are constants that it has in itself.
    fn single(&self, op: Op) -> Result<Lowered, String> {
        Ok(Lowered::Step(op, vec![self.input(0)?]))
    }

    pub(super) fn input(&self, idx: usize) -> Result<Slot, String> {
        self.inputs.get(idx).copied().flatten().ok_or_else(|| format!("input {idx} is missing"))
    }

    /// The constant that is input `idx`.
    pub(super) fn constant(&self, idx: usize) -> Option<&Array> {
        self.constants.get(self.inputs.get(idx).copied().flatten().as_ref()?)
    }

    /// The floats of an input that must be a constant.
    pub(super) fn floats(&self, idx: usize) -> Result<&Array, String> {
        let array = self.constant(idx).filter(|it| it.floats().is_some());
        array.ok_or_else(|| format!("input {idx} is no constant of floats"))
    }

    /// The same on the device.
    pub(super) fn weights(&self, idx: usize) -> Result<Tensor, String> {
        to_device(self.floats(idx)?, self.device)
    }

    /// The only element of a constant.
    fn scalar(&self, idx: usize) -> Option<f32> {
        match self.constant(idx) {
            Some(Array { shape, elements: Elements::Floats(values) }) if shape.len() < 2 => {
                values.first().copied().filter(|_| values.len() == 1)
            }
            _ => None,
        }
    }

    fn vector(&self, value: f32) -> Result<Tensor, String> {
        Tensor::from_vec(vec![value], 1, self.device).map_err(|err| err.to_string())
    }

    /// Integers stay integers here, whatever their width, and floats floats.
    fn cast(&self) -> Result<Lowered, String> {
        self.node.attributes.only(&["to"])?;
        let input = self.input(0)?;
        match (self.node.attributes.integer("to", 0)?, self.kinds.get(input).copied().flatten()) {
            (INTEGER_32 | INTEGER_64, Some(Kind::Host)) | (FLOAT, Some(Kind::Device)) => {
                Ok(Lowered::Alias(input))
            }
            (to, _) => Err(format!("to type {to}")),
        }
    }

    /// With a single number as the second input, or as the first of a sum or product, nothing is stretched.
    fn binary(&self, binary: Binary) -> Result<Lowered, String> {
        let (one, other) = (self.scalar(0), self.scalar(1));
        let affine = |factor: f64, offset: f64| Op::Affine { factor, offset };
        let (op, input) = match (binary, one.map(f64::from), other.map(f64::from)) {
            (Binary::Add, _, Some(offset)) => (affine(1.0, offset), 0),
            (Binary::Sub, _, Some(offset)) => (affine(1.0, -offset), 0),
            (Binary::Mul, _, Some(factor)) => (affine(factor, 0.0), 0),
            (Binary::Div, _, Some(divisor)) if divisor != 0.0 => (affine(1.0 / divisor, 0.0), 0),
            (Binary::Add, Some(offset), _) => (affine(1.0, offset), 1),
            (Binary::Mul, Some(factor), _) => (affine(factor, 0.0), 1),
            _ => return self.step(Op::Binary(binary), 2),
        };
        self.node.attributes.only(&[])?;
        Ok(Lowered::Step(op, vec![self.input(input)?]))
    }

    fn power(&self) -> Result<Lowered, String> {
        self.node.attributes.only(&[])?;
        let exponent = self.scalar(1).ok_or("the exponent is not a single constant")?;
        self.single(Op::Unary(match exponent {
            2.0 => Unary::Square,
            0.5 => Unary::Sqrt,
            it => Unary::Power(it.into()),
        }))
    }

    fn clip(&self) -> Result<Lowered, String> {
        self.node.attributes.only(&[])?;
        let bound = |idx: usize| match self.inputs.get(idx).copied().flatten() {
            None => Ok(None),
            Some(_) => {
                let bound = self.scalar(idx).ok_or("a bound is not a single constant")?;
                self.vector(bound).map(Some)
            }
        };
        self.single(Op::Clip { least: bound(1)?, most: bound(2)? })
    }

    fn hard_sigmoid(&self) -> Result<Lowered, String> {
        let attributes = &self.node.attributes;
        attributes.only(&["alpha", "beta"])?;
        self.single(Op::HardSigmoid {
            factor: attributes.float("alpha", 0.2)?.into(),
            offset: attributes.float("beta", 0.5)?.into(),
            most: self.vector(1.0)?,
        })
    }

    /// Scale, bias, mean, variance, all constants: a factor and an offset for each channel.
    fn normalisation(&self) -> Result<Lowered, String> {
        let attributes = &self.node.attributes;
        attributes.only(&["epsilon", "momentum"])?;
        let epsilon = attributes.float("epsilon", 1e-5)?;
        let channels = |idx: usize| self.floats(idx).map(|it| it.floats().unwrap_or_default());
        let (scale, bias) = (channels(1)?, channels(2)?);
        let (mean, variance) = (channels(3)?, channels(4)?);
        if [bias, mean, variance].iter().any(|it| it.len() != scale.len()) {
            return Err("a different number of channels".to_owned());
        }
        let factors: Vec<f32> =
            scale.iter().zip(variance).map(|(scale, it)| scale / (it + epsilon).sqrt()).collect();
        let centres = mean.iter().zip(&factors).map(|(mean, factor)| mean * factor);
        let offsets = bias.iter().zip(centres).map(|(bias, centre)| bias - centre).collect();
        let channels = |values: Vec<f32>| {
            Tensor::from_vec(values, scale.len(), self.device).map_err(|err| err.to_string())
        };
        self.single(Op::Scale { factor: channels(factors)?, offset: channels(offsets)? })
    }

    fn slice(&self) -> Result<Lowered, String> {
        self.node.attributes.only(&[])?;
        if self.inputs.get(4).copied().flatten().is_some() {
            let steps = self.constant(4).and_then(Array::integers);
            let steps = steps.ok_or("the steps are not constant")?;
            if steps.iter().any(|it| *it != 1) {
                return Err("steps other than 1".to_owned());
            }
        }
        let mut inputs = vec![self.input(0)?, self.input(1)?, self.input(2)?];
        inputs.extend(self.inputs.get(3).copied().flatten());
        Ok(Lowered::Step(Op::Slice, inputs))
    }
}

/// A constant of floats on the device.
pub(super) fn to_device(array: &Array, device: &Device) -> Result<Tensor, String> {
    let values = array.floats().ok_or("integers where floats are wanted")?;
    Tensor::from_slice(values, array.shape.as_slice(), device).map_err(|err| err.to_string())
}
