//! AdamW (Loshchilov and Hutter, ICLR 2019) with the gradient clipped to a length, and the learning rates over time.
//!
//! candle-nn has an AdamW too, but one whose moments cannot be written to a checkpoint.

use candle_core::backprop::GradStore;
use candle_core::{
    CpuStorage, DType, Device, InplaceOp2, InplaceOp3, Layout, Result, Tensor, Var, bail,
};

/// Decay of the mean and of the mean square, and what keeps a divisor from being 0.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// What is remembered of a parameter's gradients.
pub(crate) struct Moments {
    /// Their mean.
    pub(crate) mean: Tensor,
    /// The mean of their squares.
    pub(crate) square: Tensor,
    /// Steps in which the parameter has learned; some begin later than others.
    pub(crate) n_steps: u32,
}

/// The optimiser of a network.
pub(crate) struct AdamW {
    /// One for each parameter, in the network's order.
    pub(crate) moments: Vec<Moments>,
}

/// A parameter in one step.
pub(crate) struct Param<'a> {
    /// Its value.
    pub(crate) var: &'a Var,
    /// Learning rate.
    pub(crate) rate: f64,
    /// A matrix shrinks by this times the rate; what is no matrix does not.
    pub(crate) decay: f64,
}

/// How one parameter moves in one step.
#[derive(Clone, Copy)]
struct Move {
    /// The gradient is multiplied by it first.
    scale: f64,
    rate: f64,
    decay: f64,
    /// 1 - β^n for both moments.
    corrections: [f64; 2],
}

/// The learning rate at `step` of `n_steps`, from 0: it rises in a straight line, then falls in one.
pub(crate) fn factor(step: usize, n_steps: usize, warmup: f64) -> f64 {
    let (step, n_steps) = (step as f64, (n_steps as f64).max(1.0));
    let n_rising = n_steps * warmup;
    if step < n_rising {
        (step + 1.0).min(n_rising) / n_rising
    } else {
        ((n_steps - step) / (n_steps - n_rising).max(1.0)).clamp(0.0, 1.0)
    }
}

impl AdamW {
    /// An optimiser of these parameters that has seen nothing.
    pub(crate) fn new<'a>(params: impl IntoIterator<Item = &'a Var>) -> Result<AdamW> {
        let nothing = |var: &Var| {
            let zeros = || var.zeros_like();
            Ok(Moments { mean: zeros()?, square: zeros()?, n_steps: 0 })
        };
        Ok(AdamW { moments: params.into_iter().map(nothing).collect::<Result<_>>()? })
    }

    /// Moves every parameter, all of them in the order of [`AdamW::new`], that has a gradient; the length of the
    /// gradient of all before it was clipped to `clip_norm`.
    pub(crate) fn step(
        &mut self,
        params: &[Param<'_>],
        gradients: &GradStore,
        clip_norm: f64,
    ) -> Result<f64> {
        // Added up where they are: on a card each number that is read is waited for.
        let squares = params.iter().filter_map(|it| gradients.get(it.var));
        let squares = squares.map(|it| it.sqr()?.sum_all()?.to_dtype(DType::F64));
        let sum = squares.reduce(|sum, it| sum? + it?).transpose()?;
        let length = sum.map_or(Ok(0.0), |it| it.to_scalar::<f64>())?.sqrt();
        if !length.is_finite() {
            bail!("a gradient is not finite");
        }
        let scale = (clip_norm / length.max(f64::MIN_POSITIVE)).min(1.0);
        for (param, moments) in params.iter().zip(&mut self.moments) {
            if let Some(gradient) = gradients.get(param.var) {
                moments.n_steps += 1;
                let n_steps = i32::try_from(moments.n_steps).unwrap_or(i32::MAX);
                let corrections = BETAS.map(|beta| 1.0 - beta.powi(n_steps));
                let decay = if 1 < param.var.rank() { param.decay } else { 0.0 };
                let how = Move { scale, rate: param.rate, decay, corrections };
                moments.step(param.var, gradient, how)?;
            }
        }
        Ok(length)
    }
}

impl Moments {
    fn step(&mut self, value: &Var, gradient: &Tensor, how: Move) -> Result<()> {
        if matches!(value.device(), Device::Cpu) && value.dtype() == DType::F32 {
            self.step_in_place(value, &gradient.contiguous()?, how)
        } else {
            self.step_in_tensors(value, gradient, how)
        }
    }

    /// One pass over memory for each moment and the value, where operations on tensors take a dozen.
    fn step_in_place(&mut self, value: &Var, gradient: &Tensor, how: Move) -> Result<()> {
        self.mean.inplace_op2(gradient, &Average { beta: BETAS[0], how, is_square: false })?;
        self.square.inplace_op2(gradient, &Average { beta: BETAS[1], how, is_square: true })?;
        value.inplace_op3(&self.mean, &self.square, &how)
    }

    /// The same on any device.
    fn step_in_tensors(&mut self, value: &Var, gradient: &Tensor, how: Move) -> Result<()> {
        let gradient = gradient.detach().affine(how.scale, 0.0)?;
        let average = |old: &Tensor, new: &Tensor, beta: f64| {
            old.affine(beta, 0.0)?.add(&new.affine(1.0 - beta, 0.0)?)
        };
        self.mean = average(&self.mean, &gradient, BETAS[0])?;
        self.square = average(&self.square, &gradient.sqr()?, BETAS[1])?;
        let mean = self.mean.affine(1.0 / how.corrections[0], 0.0)?;
        let root = self.square.affine(1.0 / how.corrections[1], 0.0)?.sqrt()?;
        let step = mean.div(&root.affine(1.0, EPSILON)?)?.affine(how.rate, 0.0)?;
        let moved = value.detach().affine(1.0 - how.rate * how.decay, 0.0)?.sub(&step)?;
        value.set(&moved)
    }
}

/// A moment moves towards the gradient, or its square.
struct Average {
    beta: f64,
    how: Move,
    is_square: bool,
}

impl InplaceOp2 for Average {
    fn name(&self) -> &'static str {
        "average"
    }

    #[expect(clippy::cast_possible_truncation, reason = "the network computes in 32-bit floats")]
    fn cpu_fwd(
        &self,
        moment: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let (keep, take) = (self.beta as f32, (1.0 - self.beta) as f32);
        let scale = self.how.scale as f32;
        let gradient = floats(gradient, gradient_layout)?;
        for (moment, gradient) in floats_mut(moment, layout)?.iter_mut().zip(gradient) {
            let scaled = gradient * scale;
            let new = if self.is_square { scaled * scaled } else { scaled };
            *moment = keep * *moment + take * new;
        }
        Ok(())
    }
}

impl InplaceOp3 for Move {
    fn name(&self) -> &'static str {
        "move"
    }

    #[expect(clippy::cast_possible_truncation, reason = "the network computes in 32-bit floats")]
    fn cpu_fwd(
        &self,
        value: &mut CpuStorage,
        layout: &Layout,
        mean: &CpuStorage,
        mean_layout: &Layout,
        square: &CpuStorage,
        square_layout: &Layout,
    ) -> Result<()> {
        let corrections = self.corrections.map(|it| (1.0 / it) as f32);
        let (rate, kept) = (self.rate as f32, (1.0 - self.rate * self.decay) as f32);
        let moments = floats(mean, mean_layout)?.iter().zip(floats(square, square_layout)?);
        for (value, (mean, square)) in floats_mut(value, layout)?.iter_mut().zip(moments) {
            let root = (square * corrections[1]).sqrt() + EPSILON as f32;
            *value = *value * kept - rate * (mean * corrections[0] / root);
        }
        Ok(())
    }
}

fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout
        .contiguous_offsets()
        .and_then(|(start, end)| storage.as_slice::<f32>().ok()?.get(start..end))
    {
        Some(values) => Ok(values),
        None => bail!("a tensor has gaps"),
    }
}

fn floats_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets())
    else {
        bail!("a tensor has gaps or holds no 32-bit floats")
    };
    match values.get_mut(start..end) {
        Some(values) => Ok(values),
        None => bail!("a tensor ends before its last number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(var: &Var) -> Moments {
        Moments { mean: var.zeros_like().unwrap(), square: var.zeros_like().unwrap(), n_steps: 0 }
    }

    /// Three steps of f(x) = Σ x²/2, in place or in tensors.
    fn run(in_place: bool, decay: f64) -> Vec<f32> {
        let var = Var::new(&[1.0_f32, -2.0, 0.5], &Device::Cpu).unwrap();
        let mut moments = moments(&var);
        for step in 1..=3 {
            let gradient = var.as_detached_tensor().copy().unwrap();
            let corrections = BETAS.map(|beta| 1.0 - beta.powi(step));
            let how = Move { scale: 0.5, rate: 0.1, decay, corrections };
            if in_place {
                moments.step_in_place(&var, &gradient, how).unwrap();
            } else {
                moments.step_in_tensors(&var, &gradient, how).unwrap();
            }
        }
        var.to_vec1().unwrap()
    }

    #[test]
    fn a_step_is_that_of_the_paper() {
        // The first step is the rate itself, towards zero.
        let plain = run(true, 0.0);
        for (value, start) in plain.iter().zip([1.0_f32, -2.0, 0.5]) {
            assert!((value - (start - 0.3 * start.signum())).abs() < 0.01, "{plain:?}");
        }
        let decayed = run(true, 0.5);
        assert!(decayed[0] < plain[0] && plain[1] < decayed[1]);
    }

    #[test]
    fn both_ways_agree() {
        for decay in [0.0, 0.1] {
            for (a, b) in run(true, decay).iter().zip(run(false, decay)) {
                assert!((a - b).abs() < 1e-6, "{a} {b}");
            }
        }
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let found: Vec<f64> = (0..8).map(|step| factor(step, 8, 0.25)).collect();
        assert_eq!(found[..3], [0.5, 1.0, 1.0]);
        assert!(found[2..].is_sorted_by(|a, b| b < a) && 0.0 < found[7], "{found:?}");
        assert_eq!((factor(0, 4, 0.0), factor(4, 4, 0.5)), (1.0, 0.0));
    }
}
