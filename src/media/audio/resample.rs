//! To 16 kHz, whatever the rate of the file: a windowed sinc, a chunk at a time, without a shift in time.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters, WindowFunction,
};

use super::{Chunk, RATE};

/// Samples of the file that are converted at a time.
const BLOCK: usize = 1024;
/// Taps of the filter at the lower of the two rates. 128 lets 92 % of the band pass; speech models hear mel bands.
const TAPS: usize = 128;

/// Converts the samples of one recording.
pub(super) struct Resampler {
    inner: Async<f32>,
    /// Samples that wait for a whole block.
    waiting: Vec<Vec<f32>>,
    out: Vec<Vec<f32>>,
    /// Samples at the beginning that are the filter's own.
    delay: usize,
    ratio: f64,
    n_in: u64,
    n_out: u64,
}

impl Resampler {
    /// A converter from `rate`; none inside when it is the wanted rate already, none at all when it cannot be built.
    pub(super) fn of(rate: u32, channels: u32) -> Option<Option<Resampler>> {
        if rate == RATE {
            return Some(None);
        }
        let ratio = f64::from(RATE) / f64::from(rate);
        let n_channels = channels as usize;
        let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris2);
        let inner =
            Async::new_sinc(ratio, 1.0, &parameters, BLOCK, n_channels, FixedAsync::Input).ok()?;
        let delay = inner.output_delay();
        let out = vec![vec![0.0; inner.output_frames_max()]; n_channels];
        let waiting = vec![Vec::new(); n_channels];
        Some(Some(Resampler { inner, waiting, out, delay, ratio, n_in: 0, n_out: 0 }))
    }

    /// Converts `raw` and appends what is ready to `chunk`; at the end also what is left. None when it fails.
    pub(super) fn push(&mut self, raw: &Chunk, is_last: bool, chunk: &mut Chunk) -> Option<()> {
        self.n_in += raw.len() as u64;
        for (waiting, samples) in self.waiting.iter_mut().zip(&raw.channels) {
            waiting.extend_from_slice(samples);
        }
        let mut used = 0;
        let n_waiting = self.waiting.first().map_or(0, Vec::len);
        while used + self.inner.input_frames_next() <= n_waiting {
            used += self.convert(used, None, chunk)?;
        }
        for waiting in &mut self.waiting {
            waiting.drain(..used);
        }
        if is_last {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive")]
            let wanted = (self.n_in as f64 * self.ratio).round() as u64;
            let mut rest = n_waiting - used;
            while self.n_out < wanted {
                self.waiting.iter_mut().for_each(|it| it.resize(BLOCK, 0.0));
                let before = self.n_out;
                self.convert(0, Some(rest), chunk)?;
                rest = 0;
                let surplus = self.n_out.saturating_sub(wanted);
                let surplus = usize::try_from(surplus).ok()?;
                chunk.channels.iter_mut().for_each(|it| it.truncate(it.len() - surplus));
                if self.n_out == before && self.delay == 0 {
                    return None;
                }
            }
        }
        Some(())
    }

    fn convert(
        &mut self,
        offset: usize,
        partial: Option<usize>,
        chunk: &mut Chunk,
    ) -> Option<usize> {
        let n_channels = self.waiting.len();
        let n_frames = self.waiting.first().map_or(0, Vec::len);
        let input = SequentialSliceOfVecs::new(&self.waiting, n_channels, n_frames).ok()?;
        let room = self.out.first().map_or(0, Vec::len);
        let mut output = SequentialSliceOfVecs::new_mut(&mut self.out, n_channels, room).ok()?;
        let indexing = Indexing { input_offset: offset, partial_len: partial, ..Indexing::new() };
        let (n_used, n_made) =
            self.inner.process_into_buffer(&input, &mut output, Some(&indexing)).ok()?;
        let n_skipped = self.delay.min(n_made);
        self.delay -= n_skipped;
        for (to, from) in chunk.channels.iter_mut().zip(&self.out) {
            to.extend_from_slice(from.get(n_skipped..n_made)?);
        }
        self.n_out += (n_made - n_skipped) as u64;
        Some(n_used)
    }
}
