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
    /// [MAX_LOOKS × LOOK]: the sample of each place in each look.
    places: Tensor,
    /// [LOOK, 2 × bins].
    waves: Tensor,
    /// [bins, bands].
    filters: Tensor,
}

impl Mel {
    pub(super) fn new(filters: &Values, device: &Device) -> Result<Mel> {
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
        let waves = Tensor::from_vec(waves, (LOOK, 2 * n_bins), device)?;
        let data = filters.data.clone();
        let filters = Tensor::from_vec(data, (*n_bands, *n_bins), device)?.t()?.contiguous()?;
        let at = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
        let places: Vec<u32> =
            (0..MAX_LOOKS).flat_map(|it| (0..LOOK).map(move |idx| at(it * HOP + idx))).collect();
        let places = Tensor::from_vec(places, MAX_LOOKS * LOOK, device)?;
        Ok(Mel { places, waves, filters })
    }

    /// [1, bands, looks] of a window, with silence after it.
    pub(super) fn of(&self, window: &[f32]) -> Result<Tensor> {
        let n_looks = (window.len().div_ceil(HOP) + MARGIN).next_multiple_of(2).min(MAX_LOOKS);
        // Looks are centred: the sound is mirrored before its beginning.
        let half = LOOK / 2;
        let mut samples = Vec::with_capacity(n_looks * HOP + LOOK);
        samples.extend((1..=half).rev().map(|it| window.get(it).copied().unwrap_or(0.0)));
        samples.extend_from_slice(window);
        samples.resize(n_looks * HOP + LOOK, 0.0);
        let n_samples = samples.len();
        let samples = Tensor::from_vec(samples, n_samples, self.places.device())?;
        let looks = samples.index_select(&self.places.narrow(0, 0, n_looks * LOOK)?, 0)?;
        let power = looks.reshape((n_looks, LOOK))?.matmul(&self.waves)?.sqr()?;
        let n_bins = self.filters.dim(0)?;
        let power = (power.narrow(1, 0, n_bins)? + power.narrow(1, n_bins, n_bins)?)?;
        let bands = power.matmul(&self.filters)?;
        let logs = (bands.maximum(1e-10)?.log()? / std::f64::consts::LN_10)?;
        let least = (logs.max_all()? - 8.0)?;
        let scaled = ((logs.broadcast_maximum(&least)? + 4.0)? / 4.0)?;
        scaled.t()?.unsqueeze(0)?.contiguous()
    }
}
