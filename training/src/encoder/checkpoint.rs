//! What of a run its checkpoints hold.

use std::collections::{BTreeMap, HashMap};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoints;

use super::trainer::{State, Trainer};

/// Where a run stands.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    state: State,
    /// Steps in which each parameter has learned.
    n_steps: BTreeMap<String, u32>,
}

/// Writes where `trainer` stands.
pub(crate) fn write(checkpoints: &Checkpoints, trainer: &Trainer<'_>) -> anyhow::Result<()> {
    let (tensors, n_steps) = tensors(trainer);
    let kept = Kept { state: trainer.state.clone(), n_steps };
    checkpoints.write(trainer.state.rounds.len(), &tensors, &kept)
}

/// Lets `trainer`, which has not begun, go on from the last checkpoint; false where there is none.
pub(crate) fn restore(
    checkpoints: &Checkpoints,
    trainer: &mut Trainer<'_>,
) -> anyhow::Result<bool> {
    let Some(mut kept) = checkpoints.read::<Kept>(&trainer.network.place().device)? else {
        return Ok(false);
    };
    let learning: Vec<(usize, String)> =
        trainer.learning().map(|(idx, name)| (idx, name.to_owned())).collect();
    trainer.best.clear();
    for (idx, name) in learning {
        let mut take = |what: &str| kept.take(&format!("{what}/{name}"));
        trainer.network.params()[idx].var.set(&take("value")?)?;
        trainer.best.push(take("best")?);
        let moments = &mut trainer.optimiser.moments[idx];
        (moments.mean, moments.square) = (take("mean")?, take("square")?);
        moments.n_steps = kept.state.n_steps.get(&name).copied().unwrap_or(0);
    }
    trainer.state = kept.state.state;
    Ok(true)
}

/// The tensors of a checkpoint, and the steps of each parameter.
fn tensors(trainer: &Trainer<'_>) -> (HashMap<String, Tensor>, BTreeMap<String, u32>) {
    let (mut tensors, mut n_steps) = (HashMap::new(), BTreeMap::new());
    for ((idx, name), best) in trainer.learning().zip(&trainer.best) {
        let moments = &trainer.optimiser.moments[idx];
        let value = trainer.network.params()[idx].var.as_detached_tensor();
        let (mean, square) = (moments.mean.clone(), moments.square.clone());
        let all = [("value", value), ("mean", mean), ("square", square), ("best", best.clone())];
        tensors.extend(all.map(|(what, tensor)| (format!("{what}/{name}"), tensor)));
        n_steps.insert(name.to_owned(), moments.n_steps);
    }
    (tensors, n_steps)
}
