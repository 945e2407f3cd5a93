//! Makes fewer steps of many: what follows a convolution goes into its weights, and GELU becomes one step.

use std::collections::HashMap;

use candle_core::{Result, Tensor};

use crate::engine::candle::onnx::graph::Slot;
use crate::engine::candle::onnx::op::{Binary, Op, Unary, Value};
use crate::engine::candle::onnx::plan::Step;

/// Folds what it can; `values` are the constants.
pub(super) fn fold(
    steps: Vec<Step>,
    values: &[Option<Value>],
    outputs: &[Slot],
) -> Result<Vec<Step>> {
    let mut n_uses: HashMap<Slot, usize> = HashMap::new();
    for slot in steps.iter().flat_map(|it| &it.inputs).chain(outputs) {
        *n_uses.entry(*slot).or_default() += 1;
    }
    let mut folded = Folded { steps: Vec::new(), makers: HashMap::new(), n_uses, values };
    for step in steps {
        if !folded.absorb(&step)? {
            let step = folded.gelu(&step).unwrap_or(step);
            folded.makers.insert(step.output, folded.steps.len());
            folded.steps.push(step);
        }
    }
    Ok(folded.steps)
}

struct Folded<'a> {
    steps: Vec<Step>,
    /// Which step makes a value.
    makers: HashMap<Slot, usize>,
    n_uses: HashMap<Slot, usize>,
    values: &'a [Option<Value>],
}

impl Folded<'_> {
    fn maker(&self, slot: Slot) -> Option<&Step> {
        self.steps.get(*self.makers.get(&slot)?)
    }

    fn constant(&self, slot: Slot) -> Option<&Tensor> {
        match self.values.get(slot)? {
            Some(Value::Device(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// Whether the convolution before `step`, whose result nobody else uses, now does what the step did.
    fn absorb(&mut self, step: &Step) -> Result<bool> {
        let [input, rest @ ..] = step.inputs.as_slice() else { return Ok(false) };
        let (input, constant) = match rest {
            [] => (*input, None),
            [other] => match (self.constant(*input), self.constant(*other)) {
                (Some(constant), None) => (*other, Some(constant)),
                (None, Some(constant)) => (*input, Some(constant)),
                _ => return Ok(false),
            },
            _ => return Ok(false),
        };
        if self.n_uses.get(&input) != Some(&1) {
            return Ok(false);
        }
        let Some(maker) = self.maker(input) else { return Ok(false) };
        let Some(op) = merged(&maker.op, &step.op, constant)? else { return Ok(false) };
        if let Some(idx) = self.makers.remove(&input)
            && let Some(maker) = self.steps.get_mut(idx)
        {
            (maker.op, maker.output) = (op, step.output);
            self.makers.insert(step.output, idx);
        }
        Ok(true)
    }

    /// x × (erf(x ÷ √2) + 1) × ½ in one step, if that is what `step` ends.
    fn gelu(&self, step: &Step) -> Option<Step> {
        let product = Self::affine(step, 0.5, 0.0)?;
        let [one, other] = self.of(product, &Op::Binary(Binary::Mul))?.inputs[..] else {
            return None;
        };
        [(one, other), (other, one)].into_iter().find_map(|(plain, shifted)| {
            let error = Self::affine(self.maker(shifted)?, 1.0, 1.0)?;
            let [scaled] = self.of(error, &Op::Unary(Unary::Erf))?.inputs[..] else { return None };
            let root = std::f64::consts::FRAC_1_SQRT_2;
            (Self::affine(self.maker(scaled)?, root, 0.0)? == plain).then(|| Step {
                op: Op::Unary(Unary::Gelu),
                inputs: vec![plain],
                output: step.output,
                last_uses: Vec::new(),
            })
        })
    }

    /// The step that makes `slot`, if it is this operator.
    fn of(&self, slot: Slot, wanted: &Op) -> Option<&Step> {
        self.maker(slot).filter(|step| match (&step.op, wanted) {
            (Op::Binary(one), Op::Binary(other)) => one == other,
            (Op::Unary(one), Op::Unary(other)) => one == other,
            _ => false,
        })
    }

    /// What a step takes, if it multiplies by one number and adds the other, as exactly as a file has them.
    fn affine(step: &Step, wanted_factor: f64, wanted_offset: f64) -> Option<Slot> {
        match (&step.op, step.inputs.as_slice()) {
            (Op::Affine { factor, offset }, [input])
                if (factor - wanted_factor).abs() < 1e-6
                    && (offset - wanted_offset).abs() < 1e-6 =>
            {
                Some(*input)
            }
            _ => None,
        }
    }
}

/// A convolution that does `then` as well, if there is one.
fn merged(first: &Op, then: &Op, constant: Option<&Tensor>) -> Result<Option<Op>> {
    let Op::Convolution(convolution) = first else { return Ok(None) };
    let n_out = convolution.n_out()?;
    Ok(match (then, constant) {
        (Op::Scale { factor, offset }, None) if factor.elem_count() == n_out => {
            Some(Op::Convolution(convolution.scaled(factor, offset)?))
        }
        // One number for each channel, alike everywhere.
        (Op::Binary(Binary::Add), Some(constant)) if is_bias(constant.dims(), n_out) => {
            Some(Op::Convolution(convolution.shifted(&constant.flatten_all()?)?))
        }
        _ => None,
    })
}

fn is_bias(dims: &[usize], n_out: usize) -> bool {
    matches!(dims, [1, channels, 1, 1] | [channels, 1, 1] if *channels == n_out)
}
