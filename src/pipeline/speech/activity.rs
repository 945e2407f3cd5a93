//! Does anybody speak? One probability for each 32 ms of a channel, by the Silero network.

use crate::engine::{EngineError, TensorModel};
use crate::media::audio::RATE;
use crate::tensor::{Data, Tensor};

/// Samples of one frame, 32 ms.
pub const FRAME: usize = 512;
/// Samples of the frame before that the network sees again.
const CONTEXT: usize = 64;
/// Numbers that the network remembers between frames: two layers of this width.
const MEMORY: usize = 128;
/// A channel this much quieter than the other, while that one speaks, only carries its echo (18 dB).
const ECHO: f32 = 0.125;
/// And so does one this much quieter (6 dB) whose samples follow the other's.
const CROSSTALK: f32 = 0.5;
/// Share of a channel's power that the other one explains, from which its samples follow it.
const FOLLOWING: f32 = 0.9;
/// Probability from which the other channel counts as speaking.
const SPEAKING: f32 = 0.5;

/// What the network remembers of one channel.
struct Memory {
    context: Vec<f32>,
    state: Vec<f32>,
}

/// Listens to the channels of one recording, frame by frame.
pub struct Activity<'m> {
    model: &'m mut dyn TensorModel,
    memories: Vec<Memory>,
}

impl<'m> Activity<'m> {
    /// A listener at the beginning of a recording; `model` takes `input`, `state` and `sr` as Silero's versions 5 and 6 do.
    pub fn new(model: &'m mut dyn TensorModel, n_channels: usize) -> Activity<'m> {
        let memory = || Memory { context: vec![0.0; CONTEXT], state: vec![0.0; 2 * MEMORY] };
        Activity { model, memories: (0..n_channels).map(|_| memory()).collect() }
    }

    /// The probability that somebody speaks in the next frame, for each channel.
    ///
    /// # Errors
    /// When the network fails.
    pub fn frame(&mut self, channels: &[&[f32]]) -> Result<Vec<f32>, EngineError> {
        let mut probabilities = Vec::with_capacity(channels.len());
        for (memory, samples) in self.memories.iter_mut().zip(channels) {
            probabilities.push(run(self.model, memory, samples)?);
        }
        suppress_echo(channels, &mut probabilities);
        Ok(probabilities)
    }
}

fn run(
    model: &mut dyn TensorModel,
    memory: &mut Memory,
    samples: &[f32],
) -> Result<f32, EngineError> {
    let mut input = memory.context.clone();
    input.extend_from_slice(samples);
    input.resize(CONTEXT + FRAME, 0.0);
    memory.context = input.get(FRAME..).unwrap_or_default().to_vec();
    let bad = |error: crate::tensor::ShapeError| EngineError::BadInput(error.to_string());
    let inputs = [
        Tensor::f32([1, input.len()], input).map_err(bad)?,
        Tensor::f32([2, 1, MEMORY], std::mem::take(&mut memory.state)).map_err(bad)?,
        Tensor::i64([], vec![i64::from(RATE)]).map_err(bad)?,
    ];
    let mut probability = None;
    let state = &mut memory.state;
    let ran = model.run(&inputs, &mut |outputs| {
        probability = outputs.first().and_then(|it| it.data().first().copied());
        *state = outputs.get(1).map(|it| it.data().to_vec()).unwrap_or_default();
    });
    if let (Err(_), [_, before, _]) = (&ran, inputs)
        && let Data::F32(before) = before.data()
    {
        memory.state.clone_from(before);
    }
    ran?;
    memory.state.resize(2 * MEMORY, 0.0);
    probability.ok_or_else(|| EngineError::Failed("the network gave no probability".to_owned()))
}

/// Silences channels that carry only what another one says.
fn suppress_echo(channels: &[&[f32]], probabilities: &mut [f32]) {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let speaking = channels.iter().zip(&*probabilities).filter(|it| SPEAKING <= *it.1);
    let powers = speaking.map(|(samples, _)| (*samples, product(samples, samples)));
    let Some((loudest, most)) = powers.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    for (probability, samples) in probabilities.iter_mut().zip(channels) {
        let (power, both) = (product(samples, samples), product(samples, loudest));
        let is_echo = power < most * ECHO * ECHO;
        let follows = FOLLOWING * power * most < both * both;
        if is_echo || power < most * CROSSTALK * CROSSTALK && follows {
            *probability = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_no_speech() {
        let check = |levels: [f32; 2], before: [f32; 2], expected: [f32; 2]| {
            let channels: Vec<Vec<f32>> = levels.iter().map(|it| vec![*it; FRAME]).collect();
            let views: Vec<&[f32]> = channels.iter().map(Vec::as_slice).collect();
            let mut probabilities = before.to_vec();
            suppress_echo(&views, &mut probabilities);
            assert_eq!(probabilities, expected, "{levels:?}");
        };
        check([0.5, 0.05], [0.9, 0.8], [0.9, 0.0]);
        // What follows the other's samples is an echo also where it is louder, but for the same voice on both.
        check([0.5, 0.2], [0.9, 0.8], [0.9, 0.0]);
        check([0.5, 0.3], [0.9, 0.8], [0.9, 0.8]);
        check([0.5, 0.05], [0.1, 0.8], [0.1, 0.8]);
        check([0.0, 0.0], [0.0, 0.0], [0.0, 0.0]);
        let tone = |pitch: f32, level: f32| -> Vec<f32> {
            (0..FRAME).map(|idx| level * (pitch * idx as f32).sin()).collect()
        };
        let mut both = [0.9, 0.8];
        suppress_echo(&[&tone(0.3, 0.5), &tone(0.41, 0.2)], &mut both);
        assert_eq!(both, [0.9, 0.8], "somebody else");
        let mixed: Vec<f32> =
            tone(0.3, 0.1).iter().zip(tone(0.41, 0.1)).map(|(a, b)| a + b).collect();
        suppress_echo(&[&tone(0.3, 0.5), &mixed], &mut both);
        assert_eq!(both, [0.9, 0.8], "somebody else beside an echo");
    }
}
