//! Opus packets (RFC 6716) to samples, straight at 16 kHz.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ropus::{Channels, DecodeMode, Decoder};

use super::{Chunk, RATE};

/// Samples of the longest packet, 120 ms.
const MAX_SAMPLES: usize = RATE as usize * 120 / 1000;

/// Bytes of a packet at most (RFC 6716, 3.4: 48 frames in 120 ms; three of 20 ms are 3831).
const MAX_PACKET: usize = 4000;
/// Shortest and longest packets of a call, in samples: 20 and 60 ms.
const CALL: std::ops::RangeInclusive<usize> = RATE as usize / 50..=RATE as usize * 3 / 50;
/// Packets lost in a row that are concealed; after them there is silence.
const MAX_CONCEALED: usize = 5;
/// Packets lost in a row after which it is no call any more.
const MAX_LOST: usize = 500;

/// Decodes the packets of one call as they come, at [`RATE`], in one channel.
pub struct OpusCall {
    decoder: Decoder,
    pcm: Vec<i16>,
    /// Samples of the last packet: a lost one is taken to have had as many.
    n_last: usize,
    n_lost: usize,
}

/// Why a packet is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// It is not Opus.
    #[error("the packet is not Opus")]
    Malformed,
    /// It is shorter than 20 ms or longer than 60.
    #[error("the packet is shorter than 20 ms or longer than 60")]
    Length,
    /// Too many were lost in a row.
    #[error("more than {MAX_LOST} packets in a row were lost")]
    Lost,
}

impl OpusCall {
    /// A call without a packet; none when the decoder cannot be had.
    pub fn new() -> Option<OpusCall> {
        let decoder = Decoder::new(RATE, Channels::Mono).ok()?;
        Some(OpusCall { decoder, pcm: vec![0; MAX_SAMPLES], n_last: *CALL.start(), n_lost: 0 })
    }

    /// Appends the samples of a packet, 16 bits each, and before them what conceals the packets lost before it. An empty
    /// packet stands for a lost one; it is concealed when the next one comes, which may tell what it was.
    ///
    /// # Errors
    /// Leaves `samples` as they were.
    pub fn push(&mut self, packet: &[u8], samples: &mut Vec<i16>) -> Result<(), PacketError> {
        if packet.is_empty() {
            self.n_lost += 1;
            return if MAX_LOST < self.n_lost { Err(PacketError::Lost) } else { Ok(()) };
        }
        let length = duration(packet).filter(|_| packet.len() <= MAX_PACKET);
        let length = length.ok_or(PacketError::Malformed)?;
        if !CALL.contains(&length) {
            return Err(PacketError::Length);
        }
        let n_before = samples.len();
        // A decoder that panics has found the packet broken.
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            self.conceal(packet, samples)?;
            self.decode(packet, length, DecodeMode::Normal, samples)
        }));
        if !matches!(decoded, Ok(Some(()))) {
            samples.truncate(n_before);
            return Err(PacketError::Malformed);
        }
        (self.n_last, self.n_lost) = (length, 0);
        Ok(())
    }

    /// Fills in what was lost; the last of it is perhaps told by the packet after it.
    fn conceal(&mut self, next: &[u8], samples: &mut Vec<i16>) -> Option<()> {
        let n_last = self.n_last;
        for number in 0..self.n_lost {
            if number + 1 == self.n_lost {
                self.decode(next, n_last, DecodeMode::Fec, samples)?;
            } else if number < MAX_CONCEALED {
                self.decode(&[], n_last, DecodeMode::Normal, samples)?;
            } else {
                samples.resize(samples.len() + n_last, 0);
            }
        }
        Some(())
    }

    fn decode(
        &mut self,
        packet: &[u8],
        length: usize,
        mode: DecodeMode,
        samples: &mut Vec<i16>,
    ) -> Option<()> {
        let made = self.decoder.decode(packet, self.pcm.get_mut(..length)?, mode).ok()?;
        samples.extend_from_slice(self.pcm.get(..made)?);
        Some(())
    }
}

/// Samples of a packet at [`RATE`], by its first bytes (RFC 6716, 3.1); none when they make no sense.
fn duration(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    // In tenths of a millisecond.
    let frame = match (first >> 3, first >> 3 & 3) {
        (0..=11, 0) | (16..=31, 2) => 100,
        (0..=11, 1) | (16..=31, 3) => 200,
        (0..=11, 2) => 400,
        (0..=11, _) => 600,
        (12..=15, it) => 100 << (it & 1),
        (_, 0) => 25,
        (_, _) => 50,
    };
    let n_frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(packet.get(1)? & 0x3f),
    };
    Some(n_frames * frame * (RATE as usize / 1000) / 10).filter(|it| 0 < *it)
}

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

#[cfg(test)]
pub(super) mod tests {
    use ropus::{Application, Encoder};

    use super::*;

    /// Packets of a tone, each of so many milliseconds.
    pub(in crate::media::audio) fn packets(
        rate: u32,
        millis: usize,
        n_packets: usize,
    ) -> Vec<Vec<u8>> {
        let mut encoder =
            Encoder::builder(rate, Channels::Mono, Application::Voip).build().unwrap();
        let length = rate as usize * millis / 1000;
        let angle = |at: usize| std::f32::consts::TAU * 440.0 * at as f32 / rate as f32;
        (0..n_packets)
            .map(|number| {
                let pcm: Vec<f32> =
                    (0..length).map(|idx| 0.5 * angle(number * length + idx).sin()).collect();
                let mut out = vec![0; 1500];
                let n_bytes = encoder.encode_float(&pcm, &mut out).unwrap();
                out.truncate(n_bytes);
                out
            })
            .collect()
    }

    fn power(samples: &[i16]) -> f32 {
        samples.iter().map(|it| f32::from(*it).powi(2)).sum::<f32>() / samples.len() as f32
    }

    #[test]
    fn every_rate_and_length_of_a_call_is_decoded() {
        for rate in [8_000, 16_000, 48_000] {
            for millis in [20, 40, 60] {
                let mut call = OpusCall::new().unwrap();
                let mut samples = Vec::new();
                for packet in packets(rate, millis, 10) {
                    call.push(&packet, &mut samples).unwrap();
                }
                assert_eq!(samples.len(), 10 * 16 * millis, "{rate} {millis}");
                let found = power(&samples[samples.len() / 2..]) / 16_384_f32.powi(2);
                assert!((0.3..0.7).contains(&found), "{rate} {millis} {found}");
            }
        }
    }

    #[test]
    fn lost_packets_are_concealed() {
        let all = packets(16_000, 20, 30);
        let mut call = OpusCall::new().unwrap();
        let mut samples = Vec::new();
        for (number, packet) in all.iter().enumerate() {
            let packet = if [15, 20, 21].contains(&number) { [].as_slice() } else { packet };
            call.push(packet, &mut samples).unwrap();
        }
        assert_eq!(samples.len(), 30 * 320);
        assert!(1e6 < power(&samples[15 * 320..16 * 320]), "there is no gap");
        for _ in 0..20 {
            call.push(&[], &mut samples).unwrap();
        }
        call.push(&all[0], &mut samples).unwrap();
        assert_eq!(samples.len(), 51 * 320);
        let lost: Vec<_> = (0..=MAX_LOST).map(|_| call.push(&[], &mut samples)).collect();
        assert_eq!(lost[MAX_LOST - 1..], [Ok(()), Err(PacketError::Lost)]);
    }

    #[test]
    fn packets_that_make_no_sense_are_refused() {
        let mut call = OpusCall::new().unwrap();
        let mut samples = vec![7];
        let mut check = |packet: &[u8], expected| {
            assert_eq!(call.push(packet, &mut samples), Err(expected), "{packet:?}");
        };
        check(&[0x03], PacketError::Malformed);
        check(&[0x03, 0], PacketError::Malformed);
        check(&[0; MAX_PACKET + 1], PacketError::Malformed);
        check(&packets(16_000, 10, 1)[0], PacketError::Length);
        // Two frames of 60 ms.
        check(&[0x19, 0, 0], PacketError::Length);
        // Two frames of 20 ms, the first longer than the packet.
        check(&[0x0a, 200, 1], PacketError::Malformed);
        assert_eq!(samples, [7]);
    }
}
