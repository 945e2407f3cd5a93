//! Opus packets (RFC 6716) to samples, straight at 16 kHz.

use ropus::{Channels, DecodeMode, Decoder};

use super::{Chunk, RATE};

/// Samples of the longest packet, 120 ms.
const MAX_SAMPLES: usize = RATE as usize * 120 / 1000;

/// Decodes the packets of one recording.
pub(super) struct OpusPackets {
    decoder: Decoder,
    n_channels: usize,
    /// Samples at the beginning that are the encoder's own.
    n_skipped: usize,
    pcm: Vec<i16>,
}

impl OpusPackets {
    /// From the identification header (RFC 7845, 5.1); none when it is not one, or of a kind for surround sound.
    pub(super) fn new(header: &[u8]) -> Option<OpusPackets> {
        let (n_channels, channels) = match header.get(9)? {
            1 => (1, Channels::Mono),
            2 => (2, Channels::Stereo),
            _ => return None,
        };
        let is_plain = *header.get(18).unwrap_or(&0) == 0;
        if !header.starts_with(b"OpusHead") || !is_plain {
            return None;
        }
        let skip = u16::from_le_bytes(header.get(10..12)?.try_into().ok()?);
        Some(OpusPackets {
            decoder: Decoder::new(RATE, channels).ok()?,
            n_channels,
            // Counted at 48 kHz.
            n_skipped: usize::from(skip) / 3,
            pcm: vec![0; MAX_SAMPLES * n_channels],
        })
    }

    pub(super) fn n_channels(&self) -> usize {
        self.n_channels
    }

    /// Appends the samples of one packet; none when it is damaged.
    pub(super) fn decode(&mut self, packet: &[u8], chunk: &mut Chunk) -> Option<()> {
        let n_samples = self.decoder.decode(packet, &mut self.pcm, DecodeMode::Normal).ok()?;
        let n_skipped = self.n_skipped.min(n_samples);
        self.n_skipped -= n_skipped;
        let made = self.pcm.get(n_skipped * self.n_channels..n_samples * self.n_channels)?;
        for frame in made.chunks_exact(self.n_channels) {
            for (channel, sample) in chunk.channels.iter_mut().zip(frame) {
                channel.push(f32::from(*sample) / 32_768.0);
            }
        }
        Some(())
    }
}
