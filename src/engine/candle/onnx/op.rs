//! The operators as they run: values in, one value out, on whatever device the values lie.

use candle_core::{D, Tensor};

use crate::engine::candle::onnx::planes::ScalePlanes;
use crate::engine::candle::onnx::shape::{
    RunError, axes, axis, bounded, broadcast, range, reshaped, squeezed, unsqueezed,
};
use crate::engine::candle::onnx::window::{Convolution, Pool, Transposed, Window};

/// A value between two operators.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Sizes and axes; they never leave the host.
    Host(Integers),
    /// Floats on the device.
    Device(Tensor),
}

/// An array of integers on the host.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Integers {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<i64>,
}

/// Where the values of an operator lie, known when a graph is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    Device,
}

/// Operators with two inputs, each stretched where it has size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Div,
    Mul,
    Sub,
}

/// Functions of each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unary {
    Erf,
    Gelu,
    Power(f64),
    Relu,
    Sigmoid,
    Sqrt,
    Square,
}

/// An operator with its attributes and its constant inputs.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// × factor + offset.
    Affine {
        factor: f64,
        offset: f64,
    },
    Binary(Binary),
    /// Not less than the one, not more than the other.
    Clip {
        least: Option<Tensor>,
        most: Option<Tensor>,
    },
    Concat {
        axis: i64,
    },
    Convolution(Convolution),
    /// × factor + offset, not less than 0, not more than `most`.
    HardSigmoid {
        factor: f64,
        offset: f64,
        most: Tensor,
    },
    MatMul,
    /// Along these axes; along all but the first two if there are none.
    Mean {
        axes: Option<Vec<i64>>,
        keeps_axes: bool,
    },
    Pool(Pool, Window),
    Reshape,
    /// × factor + offset for each channel.
    Scale {
        factor: Tensor,
        offset: Tensor,
    },
    Shape,
    /// Starts, ends and perhaps axes are the other inputs.
    Slice,
    /// Over all elements from this axis on.
    Softmax {
        axis: i64,
    },
    Squeeze {
        axes: Option<Vec<i64>>,
    },
    Transpose {
        order: Vec<usize>,
    },
    Transposed(Transposed),
    Unary(Unary),
    Unsqueeze {
        axes: Vec<i64>,
    },
    /// Each pixel becomes a block of that height and width.
    Upsample([usize; 2]),
}

impl Op {
    /// Where its output lies, if its inputs lie so; `Err` if it cannot have those.
    pub(super) fn place(&self, inputs: &[Kind]) -> Result<Kind, String> {
        let misplaced =
            || Err("integers where floats are wanted, or floats for integers".to_owned());
        let (first, rest) = inputs.split_first().ok_or("no inputs")?;
        match self {
            Op::Reshape | Op::Slice if rest.iter().all(|it| *it == Kind::Host) => Ok(*first),
            Op::Concat { .. } if rest.iter().all(|it| it == first) => Ok(*first),
            Op::Squeeze { .. } | Op::Unsqueeze { .. } => Ok(*first),
            Op::Shape => Ok(Kind::Host),
            Op::Reshape | Op::Slice | Op::Concat { .. } => misplaced(),
            _ if inputs.iter().all(|it| *it == Kind::Device) => Ok(Kind::Device),
            _ => misplaced(),
        }
    }

    pub(super) fn run(&self, inputs: &[&Value]) -> Result<Value, RunError> {
        match (self, inputs) {
            (Op::Shape, [input]) => input.dims().map(Value::Host),
            (Op::Reshape, [input, Value::Host(target)]) => {
                input.reshaped(reshaped(input.shape(), &target.values)?)
            }
            (Op::Squeeze { axes }, [input]) => {
                input.reshaped(squeezed(input.shape(), axes.as_deref())?)
            }
            (Op::Unsqueeze { axes }, [input]) => input.reshaped(unsqueezed(input.shape(), axes)?),
            (Op::Slice, [input, Value::Host(starts), Value::Host(ends), rest @ ..]) => {
                let axes: Vec<i64> = match rest {
                    [Value::Host(axes)] => axes.values.clone(),
                    _ => (0..).take(starts.values.len()).collect(),
                };
                if starts.values.len() != ends.values.len() || ends.values.len() != axes.len() {
                    return Err(RunError::Misfit("a slice without an end"));
                }
                let places = starts.values.iter().zip(&ends.values).zip(axes);
                places.into_iter().try_fold((*input).clone(), |value, ((start, end), axis)| {
                    value.slice((*start, *end), axis)
                })
            }
            (Op::Concat { axis }, inputs) => concat(inputs, *axis),
            (_, [Value::Device(input)]) => self.run_one(input).map(Value::Device),
            (_, [Value::Device(one), Value::Device(other)]) => {
                self.run_two(one, other).map(Value::Device)
            }
            _ => Err(RunError::Misfit("an operator without its inputs")),
        }
    }

    fn run_one(&self, input: &Tensor) -> Result<Tensor, RunError> {
        Ok(match self {
            Op::Affine { factor, offset } => input.affine(*factor, *offset)?,
            Op::Clip { least, most } => clip(input, least.as_ref(), most.as_ref())?,
            Op::Convolution(convolution) => convolution.run(input)?,
            Op::HardSigmoid { factor, offset, most } => {
                input.affine(*factor, *offset)?.relu()?.broadcast_minimum(most)?
            }
            Op::Mean { axes: wanted, keeps_axes } => {
                let along = match wanted {
                    Some(wanted) => axes(wanted, input.rank())?,
                    None => (2..input.rank()).collect(),
                };
                if *keeps_axes { input.mean_keepdim(along)? } else { input.mean(along)? }
            }
            Op::Pool(pool, window) => pool.run(window, input)?,
            Op::Scale { factor, offset } => {
                let mut dims = vec![1; input.rank()];
                if let Some(channels) = dims.get_mut(1) {
                    *channels = factor.elem_count();
                }
                let product = input.broadcast_mul(&factor.reshape(dims.as_slice())?)?;
                product.broadcast_add(&offset.reshape(dims)?)?
            }
            Op::Softmax { axis } => softmax(input, *axis)?,
            Op::Transpose { order } => input.permute(order.as_slice())?,
            Op::Transposed(transposed) => transposed.run(input)?,
            Op::Unary(unary) => unary.run(input)?,
            Op::Upsample([down, right]) => {
                let (n_rows, n_channels, height, width) = input.dims4()?;
                bounded(&[n_rows, n_channels, height, *down, width, *right])?;
                input.contiguous()?.upsample_nearest2d(height * down, width * right)?
            }
            _ => return Err(RunError::Misfit("an operator without its inputs")),
        })
    }

    fn run_two(&self, one: &Tensor, other: &Tensor) -> Result<Tensor, RunError> {
        match self {
            Op::Binary(binary) => {
                bounded(&broadcast(one.dims(), other.dims())?)?;
                Ok(match binary {
                    Binary::Add => one.broadcast_add(other)?,
                    Binary::Div => one.broadcast_div(other)?,
                    // What weighs channels (squeeze and excitation): a factor for each plane.
                    Binary::Mul if is_plane(one, other) => {
                        one.contiguous()?.apply_op2_no_bwd(&other.contiguous()?, &ScalePlanes)?
                    }
                    Binary::Mul => one.broadcast_mul(other)?,
                    Binary::Sub => one.broadcast_sub(other)?,
                })
            }
            Op::MatMul => product(one, other),
            _ => Err(RunError::Misfit("an operator with too many inputs")),
        }
    }
}

/// Whether `factors` is one number for each plane of `planes`.
fn is_plane(planes: &Tensor, factors: &Tensor) -> bool {
    let [rows, channels, _, _] = *planes.dims() else { return false };
    *factors.dims() == [rows, channels, 1, 1]
}

impl Unary {
    fn run(self, input: &Tensor) -> Result<Tensor, RunError> {
        Ok(match self {
            Unary::Erf => input.erf()?,
            Unary::Gelu => input.gelu_erf()?,
            Unary::Power(exponent) => input.powf(exponent)?,
            Unary::Relu => input.relu()?,
            Unary::Sigmoid => input.neg()?.exp()?.affine(1.0, 1.0)?.recip()?,
            Unary::Sqrt => input.sqrt()?,
            Unary::Square => input.sqr()?,
        })
    }
}

impl Value {
    fn shape(&self) -> &[usize] {
        match self {
            Value::Host(integers) => &integers.shape,
            Value::Device(tensor) => tensor.dims(),
        }
    }

    /// Its own dimensions, as a value.
    fn dims(&self) -> Result<Integers, RunError> {
        let values: Vec<i64> =
            self.shape().iter().filter_map(|dim| i64::try_from(*dim).ok()).collect();
        Ok(Integers { shape: vec![values.len()], values })
    }

    /// The same elements under dimensions that fit them.
    fn reshaped(&self, shape: Vec<usize>) -> Result<Value, RunError> {
        Ok(match self {
            Value::Host(integers) => {
                Value::Host(Integers { shape, values: integers.values.clone() })
            }
            Value::Device(tensor) => Value::Device(tensor.reshape(shape)?),
        })
    }

    fn slice(&self, (start, end): (i64, i64), along: i64) -> Result<Value, RunError> {
        let along = axis(along, self.shape().len())?;
        let len = self.shape().get(along).copied().unwrap_or_default();
        let (start, len) = range(start, end, len)?;
        match self {
            Value::Device(tensor) => Ok(Value::Device(tensor.narrow(along, start, len)?)),
            Value::Host(integers) if integers.shape.len() == 1 => {
                let values = integers.values.iter().skip(start).take(len).copied().collect();
                Ok(Value::Host(Integers { shape: vec![len], values }))
            }
            Value::Host(_) => Err(RunError::Misfit("a slice of a table of integers")),
        }
    }
}

fn concat(inputs: &[&Value], along: i64) -> Result<Value, RunError> {
    let rank = inputs.first().map_or(0, |it| it.shape().len());
    let along = axis(along, rank)?;
    let mut tensors = Vec::new();
    let mut values = Vec::new();
    for input in inputs {
        match input {
            Value::Device(tensor) => tensors.push(tensor),
            Value::Host(integers) if integers.shape.len() == 1 => values.extend(&integers.values),
            Value::Host(_) => return Err(RunError::Misfit("tables of integers side by side")),
        }
    }
    if tensors.is_empty() {
        return Ok(Value::Host(Integers { shape: vec![values.len()], values }));
    }
    let total: usize = tensors.iter().map(|it| it.elem_count()).sum();
    bounded(&[total])?;
    Ok(Value::Device(Tensor::cat(&tensors, along)?))
}

fn clip(input: &Tensor, least: Option<&Tensor>, most: Option<&Tensor>) -> Result<Tensor, RunError> {
    let mut output = input.clone();
    if let Some(least) = least {
        output = output.broadcast_maximum(least)?;
    }
    if let Some(most) = most {
        output = output.broadcast_minimum(most)?;
    }
    Ok(output)
}

/// The product of matrices, or of stacks of them.
fn product(one: &Tensor, other: &Tensor) -> Result<Tensor, RunError> {
    let ([.., rows, inner], [.., inner_too, columns]) = (one.dims(), other.dims()) else {
        return Err(RunError::Misfit("a product of something other than matrices"));
    };
    if inner != inner_too {
        return Err(RunError::Misfit("a product of matrices that do not fit"));
    }
    let stack = |tensor: &Tensor| tensor.dims().iter().rev().skip(2).rev().copied().collect();
    let (one_stack, other_stack): (Vec<usize>, Vec<usize>) = (stack(one), stack(other));
    let mut dims = broadcast(&one_stack, &other_stack)?;
    dims.extend([*rows, *columns]);
    bounded(&dims)?;
    Ok(one.contiguous()?.broadcast_matmul(&other.contiguous()?)?)
}

/// Softmax as it was before version 13: over all elements from an axis on.
fn softmax(input: &Tensor, from: i64) -> Result<Tensor, RunError> {
    let from = axis(from, input.rank())?;
    let rows = input.flatten_from(from)?;
    let shifted = rows.broadcast_sub(&rows.max_keepdim(D::Minus1)?)?;
    let powers = shifted.exp()?;
    let output = powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)?;
    Ok(output.reshape(input.dims())?)
}
