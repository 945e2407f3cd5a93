//! RIFF/WAVE: PCM of 8 to 32 bits, floats, A-law and µ-law, whatever lengths the header claims.

use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};

use super::g711::{from_alaw, from_mulaw};
use super::{AudioError, AudioInfo, Chunk, Codec, Damage, Format, Frames, Input, Opened};

/// Chunks before the samples: honest files have a handful.
const MAX_CHUNKS: usize = 1000;
/// Bytes of a format chunk that are looked at.
const FORMAT_BYTES: u64 = 40;
/// Frames that are read at a time.
const FRAMES: usize = 8192;

/// One more than the largest sample of 32 bits.
const FULL_SCALE: f32 = (1_u32 << 31) as f32;

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// How one sample lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    U8,
    I16,
    I24,
    I32,
    F32,
    F64,
    ALaw,
    MuLaw,
}

impl Layout {
    fn of(tag: u16, bits: u16) -> Result<(Layout, Codec), AudioError> {
        let unsupported = |codec| Err(AudioError::UnsupportedCodec { codec });
        match (tag, bits) {
            (PCM, 1..=8) => Ok((Layout::U8, Codec::Pcm)),
            (PCM, 9..=16) => Ok((Layout::I16, Codec::Pcm)),
            (PCM, 17..=24) => Ok((Layout::I24, Codec::Pcm)),
            (PCM, 25..=32) => Ok((Layout::I32, Codec::Pcm)),
            (FLOAT, 32) => Ok((Layout::F32, Codec::Pcm)),
            (FLOAT, 64) => Ok((Layout::F64, Codec::Pcm)),
            (ALAW, _) => Ok((Layout::ALaw, Codec::ALaw)),
            (MULAW, _) => Ok((Layout::MuLaw, Codec::MuLaw)),
            (0x02 | 0x11, _) => unsupported(Codec::Adpcm),
            (0x31, _) => unsupported(Codec::Gsm),
            (0x50 | 0x55, _) => unsupported(Codec::Mp3),
            _ => unsupported(Codec::Other),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Layout::U8 | Layout::ALaw | Layout::MuLaw => 1,
            Layout::I16 => 2,
            Layout::I24 => 3,
            Layout::I32 | Layout::F32 => 4,
            Layout::F64 => 8,
        }
    }

    /// The sample that `bytes`, little-endian and as many as [`Layout::bytes`] says, stand for.
    #[expect(clippy::cast_possible_truncation, reason = "to f32")]
    fn sample(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Layout::U8, &[a]) => (f32::from(a) - 128.0) / 128.0,
            (Layout::ALaw, &[a]) => from_alaw(a),
            (Layout::MuLaw, &[a]) => from_mulaw(a),
            (Layout::I16, &[a, b]) => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
            (Layout::I24, &[a, b, c]) => i32::from_le_bytes([0, a, b, c]) as f32 / FULL_SCALE,
            (Layout::I32, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]) as f32 / FULL_SCALE,
            (Layout::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Layout::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            _ => 0.0,
        }
    }
}

/// Reads the headers up to the first sample.
pub(super) fn open<'a>(input: Box<dyn Input + 'a>, n_bytes: u64) -> Result<Opened<'a>, AudioError> {
    let mut input = BufReader::new(input);
    let mut riff = [0; 12];
    exactly(&mut input, &mut riff)?;
    if riff.starts_with(b"RIFX") {
        return Err(AudioError::UnsupportedCodec { codec: Codec::Other });
    }
    let mut header = None;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        exactly(&mut input, &mut head)?;
        let [a, b, c, d, size @ ..] = head;
        let size = u64::from(u32::from_le_bytes(size));
        match &[a, b, c, d] {
            b"fmt " => header = Some(read_format(&mut input, size)?),
            b"data" => {
                let (info, layout) = header.ok_or(broken("it has no format"))?;
                let here = input.stream_position().map_err(|it| AudioError::Read(it.kind()))?;
                let rest = n_bytes.saturating_sub(here);
                // 0 and the greatest number are what a recorder writes that never came to the end.
                let is_open = size == 0 || u64::from(u32::MAX - 1024) <= size;
                let left = if is_open { rest } else { size.min(rest) };
                let n_channels = info.channels as usize;
                let damage = Damage { is_cut: !is_open && rest < size, n_missing: 0 };
                let frames = Box::new(WavFrames { input, layout, n_channels, left, damage });
                return Ok(Opened { info, frames });
            }
            _ => skip(&mut input, size + size % 2)?,
        }
    }
    Err(broken("it has no samples"))
}

fn read_format(
    input: &mut (impl Read + Seek),
    size: u64,
) -> Result<(AudioInfo, Layout), AudioError> {
    let mut bytes = Vec::new();
    let n_read = input.take(size.min(FORMAT_BYTES)).read_to_end(&mut bytes);
    let n_read = n_read.map_err(|it| AudioError::Read(it.kind()))? as u64;
    skip(input, (size + size % 2).saturating_sub(n_read))?;
    let short = |at: usize| {
        let pair = bytes.get(at..at + 2).and_then(|it| <[u8; 2]>::try_from(it).ok());
        pair.map(u16::from_le_bytes).ok_or(broken("its format is too short"))
    };
    let (low, high) = (short(4)?, short(6)?);
    let rate = u32::from(high) << 16 | u32::from(low);
    let channels = short(2)?;
    let tag = match short(0)? {
        // The first two bytes of the identifier are the tag of old.
        EXTENSIBLE => short(24)?,
        tag => tag,
    };
    let (layout, codec) = Layout::of(tag, short(14)?)?;
    if channels == 0 || usize::from(short(12)?) != layout.bytes() * usize::from(channels) {
        return Err(broken("its format contradicts itself"));
    }
    let info = AudioInfo { format: Format::Wav, codec, rate, channels: channels.into() };
    Ok((info, layout))
}

struct WavFrames<R> {
    input: R,
    layout: Layout,
    n_channels: usize,
    /// Bytes of samples that are still to come.
    left: u64,
    damage: Damage,
}

impl<R: Read + Send> Frames for WavFrames<R> {
    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let width = self.layout.bytes() * self.n_channels;
        let wanted = (self.left).min((FRAMES * width) as u64);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let n_read = self.input.by_ref().take(wanted).read_to_end(&mut bytes);
        let n_read = n_read.map_err(|it| AudioError::Read(it.kind()))? as u64;
        self.left -= n_read;
        for frame in bytes.chunks_exact(width) {
            let samples = frame.chunks_exact(self.layout.bytes());
            for (channel, sample) in chunk.channels.iter_mut().zip(samples) {
                channel.push(self.layout.sample(sample));
            }
        }
        Ok(n_read == wanted && (width as u64) <= self.left)
    }

    fn damage(&self) -> Damage {
        self.damage
    }
}

fn broken(reason: &'static str) -> AudioError {
    AudioError::Broken { format: Format::Wav, reason }
}

fn exactly(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), AudioError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => broken("it ends before its samples"),
        kind => AudioError::Read(kind),
    })
}

fn skip(input: &mut impl Seek, n_bytes: u64) -> Result<(), AudioError> {
    let n_bytes = i64::try_from(n_bytes).unwrap_or(i64::MAX);
    input
        .seek(SeekFrom::Current(n_bytes))
        .map(|_| ())
        .map_err(|_| broken("a part of it is longer than the file"))
}
