//! MP3, AAC, FLAC, Vorbis and Opus, in their own files and in OGG, M4A and WebM.

use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known as codecs;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use super::opus::OpusPackets;
use super::{
    AudioError, AudioInfo, Chunk, Codec, Format, Frames, Input, MAX_DAMAGED, Opened, RATE,
};

/// Opens the first track of sound in the file.
pub(super) fn open<'a>(
    format: Format,
    input: Box<dyn Input + 'a>,
    n_bytes: u64,
) -> Result<Opened<'a>, AudioError> {
    let broken = |reason| AudioError::Broken { format, reason };
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
        Some(CodecParameters::Audio(parameters)) => Some((track.id, parameters.clone())),
        _ => None,
    });
    let (track, parameters) = tracks.into_iter().next().ok_or(broken("it holds no sound"))?;
    let codec = codec(&parameters);
    let decoder = decoder(format, codec, &parameters)?;
    let mut frames = CompressedFrames { format, reader, track, decoder, first: Chunk::default() };
    let (rate, channels) = frames.spec(&parameters)?;
    let info = AudioInfo { format, codec, rate, channels };
    Ok(Opened { info, frames: Box::new(frames) })
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

    /// Appends the samples of the next good packet; `false` at the end.
    fn next(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let mut n_damaged = 0;
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(false),
                // A recording that breaks off is given as far as it goes.
                Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(false);
                }
                Err(_) => return Err(self.broken("it cannot be read to its end")),
            };
            if packet.track_id != self.track {
                continue;
            }
            let decoded = match &mut self.decoder {
                Decoder::Opus(packets) => packets.decode(&packet.data, chunk),
                Decoder::Other { decoder, spec } => match decoder.decode(&packet) {
                    Ok(buffer) => {
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
                        Some(())
                    }
                    Err(_) => None,
                },
            };
            if decoded.is_some() {
                return Ok(true);
            }
            n_damaged += 1;
            if MAX_DAMAGED < n_damaged {
                return Err(self.broken("too much of it is damaged"));
            }
        }
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
