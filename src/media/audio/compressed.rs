//! MP3, AAC, FLAC, Vorbis and Opus, in their own files and in OGG, M4A and WebM.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, MediaInfo, Track};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::opus::OpusPackets;
use super::timeline::Timeline;
use super::{
    AudioError, AudioInfo, Chunk, Codec, Damage, Format, Frames, Input, MAX_DAMAGED, Opened, RATE,
    honest_seconds,
};

/// Seconds that may be lacking at the end: containers round, and coders cut off what is their own.
const SLACK: f64 = 0.5;
/// Samples of silence that are given at a time.
const SILENCE: u64 = 8192;
/// Bytes at the end of an OGG file in which its last page begins.
const PAGE: u64 = 65_307;

/// Opens the first track of sound in the file.
pub(super) fn open<'a>(
    format: Format,
    input: Box<dyn Input + 'a>,
    n_bytes: u64,
) -> Result<Opened<'a>, AudioError> {
    let broken = |reason| AudioError::Broken { format, reason };
    let mut input = input;
    let is_open = format == Format::Ogg && !ends(&mut input, n_bytes);
    let stream = MediaSourceStream::new(Box::new(Source { input, n_bytes }), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(extension(format));
    // Pictures and texts inside the file are nobody's business here.
    let metadata = MetadataOptions::default()
        .limit_tag_bytes(Limit::Maximum(1 << 16))
        .limit_visual_bytes(Limit::Maximum(0));
    let reader = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), metadata)
        .map_err(|_| broken("its header cannot be read"))?;
    let tracks = reader.tracks().iter().filter_map(|track| match &track.codec_params {
        Some(CodecParameters::Audio(parameters)) => Some((track.clone(), parameters.clone())),
        _ => None,
    });
    let (track, parameters) = tracks.into_iter().next().ok_or(broken("it holds no sound"))?;
    let codec = codec(&parameters);
    let decoder = decoder(format, codec, &parameters)?;
    let mut frames = CompressedFrames {
        format,
        announced: announced(format, &track, reader.media_info()),
        reader,
        track: track.id,
        decoder,
        first: Chunk::default(),
        time: Timeline::new(track.time_base),
        missing: 0,
        waiting: None,
        damage: Damage { is_cut: is_open, n_missing: 0 },
    };
    let (rate, channels) = frames.spec(&parameters)?;
    frames.time.start(rate, honest_seconds(n_bytes));
    let info = AudioInfo { format, codec, rate, channels };
    Ok(Opened { info, frames: Box::new(frames) })
}

/// The seconds that the file says it has; none where it does not say, or only the size of the file was asked.
fn announced(format: Format, track: &Track, media: &MediaInfo) -> Option<f64> {
    let is_guessed = match format {
        Format::Aac => true,
        // Known where a coder has written how much of it is its own.
        Format::Mp3 => track.delay.is_none(),
        _ => false,
    };
    let (base, duration) = match track.duration {
        Some(duration) => (track.time_base, Some(duration)),
        None => (media.time_base, media.duration),
    };
    let seconds = base?.calc_duration(duration?)?.as_secs_f64();
    Some(seconds).filter(|_| !is_guessed)
}

/// Whether an OGG file has its last page, whole (RFC 3533, 6).
fn ends(input: &mut Box<dyn Input + '_>, n_bytes: u64) -> bool {
    let mut tail = Vec::new();
    let read = input
        .seek(SeekFrom::Start(n_bytes.saturating_sub(PAGE)))
        .and_then(|_| input.take(PAGE).read_to_end(&mut tail));
    if input.rewind().is_err() || read.is_err() {
        return true;
    }
    let Some(at) = tail.windows(4).rposition(|it| it == b"OggS") else { return false };
    let page = tail.get(at..).unwrap_or_default();
    let n_parts = page.get(26).map_or(0, |it| usize::from(*it));
    let Some(parts) = page.get(27..27 + n_parts) else { return false };
    let n_bytes = 27 + n_parts + parts.iter().map(|it| usize::from(*it)).sum::<usize>();
    page.get(5).is_some_and(|it| it & 4 != 0) && n_bytes <= page.len()
}

fn extension(format: Format) -> &'static str {
    match format {
        Format::Mp3 => "mp3",
        Format::Aac => "aac",
        Format::Flac => "flac",
        Format::Mp4 => "m4a",
        Format::WebM => "webm",
        _ => "ogg",
    }
}

fn codec(parameters: &AudioCodecParameters) -> Codec {
    match parameters.codec {
        codecs::CODEC_ID_MP3 => Codec::Mp3,
        codecs::CODEC_ID_AAC => Codec::Aac,
        codecs::CODEC_ID_FLAC => Codec::Flac,
        codecs::CODEC_ID_VORBIS => Codec::Vorbis,
        codecs::CODEC_ID_OPUS => Codec::Opus,
        _ => Codec::Other,
    }
}

fn decoder(
    format: Format,
    codec: Codec,
    parameters: &AudioCodecParameters,
) -> Result<Decoder, AudioError> {
    if codec == Codec::Opus {
        let header = parameters.extra_data.as_deref().unwrap_or_default();
        let packets = OpusPackets::new(header)
            .ok_or(AudioError::Broken { format, reason: "its Opus header is not understood" })?;
        return Ok(Decoder::Opus(Box::new(packets)));
    }
    symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map(|decoder| Decoder::Other { decoder, spec: None })
        .map_err(|_| AudioError::UnsupportedCodec { codec })
}

enum Decoder {
    Opus(Box<OpusPackets>),
    Other {
        decoder: Box<dyn AudioDecoder>,
        /// Rate and channels of the first packet: they may not change.
        spec: Option<(u32, u32)>,
    },
}

struct CompressedFrames<'a> {
    format: Format,
    reader: Box<dyn FormatReader + 'a>,
    track: u32,
    decoder: Decoder,
    /// Samples decoded to learn rate and channels.
    first: Chunk,
    time: Timeline,
    /// Samples of silence to give before the packet that waits.
    missing: u64,
    waiting: Option<Packet>,
    /// The seconds that the file says it has.
    announced: Option<f64>,
    damage: Damage,
}

impl CompressedFrames<'_> {
    /// Rate and channels as the decoder gives them: the header may say nothing, or half the truth (HE-AAC).
    fn spec(&mut self, parameters: &AudioCodecParameters) -> Result<(u32, u32), AudioError> {
        if let Decoder::Opus(packets) = &self.decoder {
            return Ok((RATE, u32::try_from(packets.n_channels()).unwrap_or_default()));
        }
        let n_channels = parameters.channels.as_ref().map_or(0, |it| it.count());
        let mut first = Chunk { channels: vec![Vec::new(); n_channels.clamp(2, 8)] };
        while self.next(&mut first)? && first.is_empty() {}
        let Decoder::Other { spec: Some((rate, channels)), .. } = self.decoder else {
            return Err(self.broken("it holds no sound"));
        };
        first.channels.truncate(channels as usize);
        self.first = first;
        Ok((rate, channels))
    }

    /// Appends the samples of the next good packet, or silence for what is missing before it; `false` at the end.
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let mut n_damaged = 0;
        loop {
            if self.fill(chunk) {
                return Ok(true);
            }
            let packet = match self.waiting.take() {
                Some(packet) => packet,
                None => {
                    let Some(packet) = self.packet()? else { return Ok(false) };
                    self.missing = self.time.missing(&packet);
                    if 0 < self.missing {
                        self.waiting = Some(packet);
                        continue;
                    }
                    packet
                }
            };
            let n_before = chunk.len();
            if self.decode(&packet, chunk)? {
                self.time.heard(&packet, (chunk.len() - n_before) as u64);
                return Ok(true);
            }
            n_damaged += 1;
            if MAX_DAMAGED < n_damaged {
                return Err(self.broken("too much of it is damaged"));
            }
        }
    }

    /// Appends some of the silence that is due.
    fn fill(&mut self, chunk: &mut Chunk) -> bool {
        let n_samples = self.missing.min(SILENCE);
        self.missing -= n_samples;
        self.damage.n_missing += n_samples;
        for channel in &mut chunk.channels {
            channel.extend((0..n_samples).map(|_| 0.0));
        }
        0 < n_samples
    }

    /// The next packet of the track; none at the end.
    fn packet(&mut self) -> Result<Option<Packet>, AudioError> {
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => {
                    self.damage.is_cut |= self.is_short().unwrap_or(false);
                    return Ok(None);
                }
                // A recording that breaks off is given as far as it goes.
                Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    // So ends WebM, too, that was written without knowing its length.
                    let is_cut = self.format != Format::WebM || self.is_short().unwrap_or(false);
                    self.damage.is_cut |= is_cut;
                    return Ok(None);
                }
                Err(_) => return Err(self.broken("it cannot be read to its end")),
            };
            if packet.track_id == self.track {
                return Ok(Some(packet));
            }
        }
    }

    /// Whether less came than the file says it has; none where nobody knows.
    fn is_short(&self) -> Option<bool> {
        let (announced, lasting) = self.announced.zip(self.time.seconds())?;
        Some(lasting + SLACK < announced)
    }

    /// Appends the samples of a packet; `false` when it is damaged.
    fn decode(&mut self, packet: &Packet, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let (decoder, spec) = match &mut self.decoder {
            Decoder::Opus(packets) => return Ok(packets.decode(&packet.data, chunk).is_some()),
            Decoder::Other { decoder, spec } => (decoder, spec),
        };
        let Ok(buffer) = decoder.decode(packet) else { return Ok(false) };
        let channels = u32::try_from(buffer.spec().channels().count());
        let found = (buffer.spec().rate(), channels.unwrap_or_default());
        if *spec.get_or_insert(found) != found {
            return Err(self.broken("its rate or channels change"));
        }
        let mut planes = Vec::new();
        buffer.copy_to_vecs_planar::<f32>(&mut planes);
        for (to, from) in chunk.channels.iter_mut().zip(&planes) {
            to.extend_from_slice(from);
        }
        Ok(true)
    }

    fn broken(&self, reason: &'static str) -> AudioError {
        AudioError::Broken { format: self.format, reason }
    }
}

impl Frames for CompressedFrames<'_> {
    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        if !self.first.is_empty() {
            std::mem::swap(chunk, &mut self.first);
            self.first = Chunk::default();
            return Ok(true);
        }
        self.next(chunk)
    }

    fn damage(&self) -> Damage {
        self.damage
    }
}

/// An input as symphonia wants it.
struct Source<'a> {
    input: Box<dyn Input + 'a>,
    n_bytes: u64,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}

impl MediaSource for Source<'_> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.n_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn an_ogg_file_ends_with_its_last_page() {
        let check = |bytes: &[u8], expected: bool| {
            let mut input: Box<dyn Input + '_> = Box::new(Cursor::new(bytes));
            assert_eq!(ends(&mut input, bytes.len() as u64), expected, "{}", bytes.len());
        };
        for name in ["tone.ogg", "tone.opus"] {
            let path = format!("{}/tests/data/audio/{name}", env!("CARGO_MANIFEST_DIR"));
            let bytes = std::fs::read(path).unwrap();
            check(&bytes, true);
            check(&bytes[..bytes.len() - 1], false);
            check(&bytes[..60], false);
        }
        check(b"", false);
    }
}
