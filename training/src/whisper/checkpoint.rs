//! What of a run its checkpoints hold.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoints;

use super::trainer::{State, Trainer};

/// Where a run stands.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    state: State,
}

/// Writes where `trainer` stands.
pub(crate) fn write(checkpoints: &Checkpoints, trainer: &Trainer<'_>) -> anyhow::Result<()> {
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    let moments = &trainer.optimiser.moments;
    for (((name, var), best), moments) in trainer.adapters.vars().zip(&trainer.best).zip(moments) {
        let value = var.as_detached_tensor();
        let (mean, square) = (moments.mean.clone(), moments.square.clone());
        let all = [("value", value), ("mean", mean), ("square", square), ("best", best.clone())];
        tensors.extend(all.map(|(what, tensor)| (format!("{what}/{name}"), tensor)));
    }
    let kept = Kept { state: trainer.state.clone() };
    checkpoints.write(trainer.state.rounds.len(), &tensors, &kept)
}

/// Lets `trainer`, which has not begun, go on from the last checkpoint; false where there is none.
pub(crate) fn restore(
    checkpoints: &Checkpoints,
    trainer: &mut Trainer<'_>,
) -> anyhow::Result<bool> {
    let Some(mut kept) = checkpoints.read::<Kept>(&Device::Cpu)? else { return Ok(false) };
    let n_steps = u32::try_from(kept.state.state.step)?;
    trainer.best.clear();
    for ((name, var), moments) in trainer.adapters.vars().zip(&mut trainer.optimiser.moments) {
        let mut take = |what: &str| kept.take(&format!("{what}/{name}"));
        var.set(&take("value")?)?;
        trainer.best.push(take("best")?);
        (moments.mean, moments.square) = (take("mean")?, take("square")?);
        // Every adapter learns in every step.
        moments.n_steps = n_steps;
    }
    trainer.state = kept.state.state;
    Ok(true)
}
