//! The sound as Whisper sees it: the logarithm of its power in bands, every hundredth of a second.

use candle_core::{Device, Result, Tensor};

use crate::registry::Values;

/// Samples of one look.
const LOOK: usize = 400;
/// Samples from one look to the next.
const HOP: usize = 160;
/// Looks of silence after the sound, so that its end is heard as an end.
const MARGIN: usize = 192;
/// Looks of the longest window.
const MAX_LOOKS: usize = 3000;

/// The transform: cosines and sines under a window, and the bands.
#[derive(Clone)]
pub(super) struct Mel {
    /// [LOOK, 2 × bins].
    waves: Tensor,
    /// [bins, bands].
    filters: Tensor,
}

impl Mel {
    pub(super) fn new(filters: &Values) -> Result<Mel> {
        let [n_bands, n_bins] = filters.shape.as_slice() else {
            candle_core::bail!("the mel filters are no matrix");
        };
        let turn = std::f64::consts::TAU / LOOK as f64;
        let hann = |idx: usize| 0.5 - 0.5 * (turn * idx as f64).cos();
        let mut waves = Vec::with_capacity(LOOK * 2 * n_bins);
        for idx in 0..LOOK {
            // The product is taken modulo one turn first: cosines of great numbers are not exact.
            let angle = |bin: usize| turn * (bin * idx % LOOK) as f64;
            #[expect(clippy::cast_possible_truncation, reason = "to single precision")]
            let narrow = |it: f64| it as f32;
            waves.extend((0..*n_bins).map(|bin| narrow(hann(idx) * angle(bin).cos())));
            waves.extend((0..*n_bins).map(|bin| narrow(hann(idx) * angle(bin).sin())));
        }
        let waves = Tensor::from_vec(waves, (LOOK, 2 * n_bins), &Device::Cpu)?;
        let data = filters.data.clone();
        let filters =
            Tensor::from_vec(data, (*n_bands, *n_bins), &Device::Cpu)?.t()?.contiguous()?;
        Ok(Mel { waves, filters })
    }

    /// [1, bands, looks] of a window, with silence after it.
    pub(super) fn of(&self, window: &[f32]) -> Result<Tensor> {
        let n_looks = (window.len().div_ceil(HOP) + MARGIN).next_multiple_of(2).min(MAX_LOOKS);
        // Looks are centred: the sound is mirrored before its beginning.
        let half = LOOK / 2;
        let sample = |idx: usize| {
            let at = half.abs_diff(idx);
            window.get(at).copied().unwrap_or(0.0)
        };
        let looks: Vec<f32> = (0..n_looks)
            .flat_map(|it| (0..LOOK).map(move |idx| it * HOP + idx))
            .map(sample)
            .collect();
        let looks = Tensor::from_vec(looks, (n_looks, LOOK), &Device::Cpu)?;
        let power = looks.matmul(&self.waves)?.sqr()?;
        let n_bins = self.filters.dim(0)?;
        let power = (power.narrow(1, 0, n_bins)? + power.narrow(1, n_bins, n_bins)?)?;
        let bands = power.matmul(&self.filters)?;
        let logs = (bands.maximum(1e-10)?.log()? / std::f64::consts::LN_10)?;
        let most = logs.max_all()?.to_scalar::<f32>()?;
        let scaled = ((logs.maximum(f64::from(most - 8.0))? + 4.0)? / 4.0)?;
        scaled.t()?.unsqueeze(0)?.contiguous()
    }
}
