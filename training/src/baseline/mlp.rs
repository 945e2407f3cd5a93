//! A multilayer perceptron by `candle-nn`: one hidden layer, AdamW on shuffled batches.

use candle_core::{D, Device, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, loss};
use ndarray::Array2;

use super::{Setting, Split};
use crate::linear::recipe::MlpPart;
use fenwen::base::Chance;

/// Trains on a split and answers its test rows.
pub(super) fn answer(
    split: &Split,
    setting: Setting,
    part: &MlpPart,
) -> anyhow::Result<Vec<usize>> {
    let device = Device::Cpu;
    let tensor = |it: &Array2<f32>| {
        Tensor::from_iter(it.iter().copied(), &device)?.reshape((it.nrows(), it.ncols()))
    };
    let (train, test) = (tensor(&split.train)?, tensor(&split.test)?);
    let labels: Vec<u32> =
        split.labels.iter().map(|it| u32::try_from(*it)).collect::<Result<_, _>>()?;
    let labels = Tensor::new(labels, &device)?;
    let mut chance = Chance::new(setting.seed);
    // The library's own start cannot be seeded on a processor.
    let mut layer = |from: usize, to: usize| -> anyhow::Result<[Var; 2]> {
        let bound = (6.0 / from as f32).sqrt();
        let weights = (0..from * to).map(|_| bound * (2.0 * unit(&mut chance) - 1.0));
        let weights = Tensor::from_iter(weights, &device)?.reshape((to, from))?;
        let bias = Tensor::zeros(to, candle_core::DType::F32, &device)?;
        Ok([Var::from_tensor(&weights)?, Var::from_tensor(&bias)?])
    };
    let layers = [layer(split.train.ncols(), part.hidden)?, layer(part.hidden, setting.n_classes)?];
    let settings =
        ParamsAdamW { lr: part.rate, weight_decay: part.decay, ..ParamsAdamW::default() };
    let mut optimiser = AdamW::new(layers.iter().flatten().cloned().collect(), settings)?;
    let mut order: Vec<u32> = (0..u32::try_from(split.labels.len())?).collect();
    for _ in 0..part.epochs {
        chance.shuffle(&mut order);
        for batch in order.chunks(part.batch) {
            let rows = Tensor::new(batch, &device)?;
            let logits = forward(&layers, &train.index_select(&rows, 0)?)?;
            let loss = loss::cross_entropy(&logits, &labels.index_select(&rows, 0)?)?;
            optimiser.backward_step(&loss)?;
        }
    }
    let classes: Vec<u32> = forward(&layers, &test)?.argmax(D::Minus1)?.to_vec1()?;
    Ok(classes.into_iter().map(usize::try_from).collect::<Result<_, _>>()?)
}

fn forward(layers: &[[Var; 2]; 2], rows: &Tensor) -> candle_core::Result<Tensor> {
    let layer = |[weights, bias]: &[Var; 2]| {
        Linear::new(weights.as_tensor().clone(), Some(bias.as_tensor().clone()))
    };
    let hidden = layer(&layers[0]).forward(rows)?.relu()?;
    layer(&layers[1]).forward(&hidden)
}

/// From 0 to below 1.
fn unit(chance: &mut Chance) -> f32 {
    const STEPS: usize = 1 << 24;
    chance.below(STEPS) as f32 / STEPS as f32
}
