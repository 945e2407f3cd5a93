//! Decoding of recordings: 16 kHz samples of one or two channels, a chunk at a time, or an error that says what is wrong.
//!
//! The file is never decoded as a whole. Length, channels, rate and bytes are checked against the header before
//! anything is allocated, and against what really comes out while it does: headers lie.

#[cfg(feature = "audio")]
mod compressed;
pub mod ffmpeg;
mod format;
pub mod g711;
#[cfg(feature = "audio")]
mod opus;
#[cfg(feature = "audio")]
mod resample;
mod survey;
pub mod telephone;
#[cfg(feature = "audio")]
mod timeline;
mod wav;

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::base::ErrorCode;

pub use format::{Codec, Format};
#[cfg(feature = "audio")]
pub use opus::{OpusCall, PacketError};
pub use survey::{Survey, survey};

use format::HEAD_BYTES;

/// Samples a second of what the readers give: what speech models hear.
pub const RATE: u32 = 16_000;
/// Samples per channel that one call of [`AudioReader::read`] gives, roughly.
const CHUNK: usize = RATE as usize;
/// Fewer bytes than this for a second of sound are no recording but a bomb: Opus needs 50 for silence.
const MIN_BYTES_PER_SECOND: u64 = 24;
/// Seconds that any file may claim, whatever its size.
const FREE_SECONDS: u64 = 60;
/// Packets in a row that may be damaged before the file is.
#[cfg(feature = "audio")]
const MAX_DAMAGED: usize = 50;

/// Limits of one recording, and what reads those that are not read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioLimits {
    /// Bytes of the file.
    pub max_bytes: u64,
    /// Length in seconds.
    pub max_seconds: u64,
    /// Channels.
    pub max_channels: u32,
    /// Samples a second, least and most.
    pub rates: (u32, u32),
    /// Reads AMR and GSM; without it they are refused.
    pub ffmpeg: Option<Arc<ffmpeg::Ffmpeg>>,
}

impl Default for AudioLimits {
    /// 512 MiB, four hours, two channels, 6 to 192 kHz, no ffmpeg.
    fn default() -> AudioLimits {
        AudioLimits {
            max_bytes: 512 << 20,
            max_seconds: 4 * 3600,
            max_channels: 2,
            rates: (6_000, 192_000),
            ffmpeg: None,
        }
    }
}

/// What a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioInfo {
    /// File format, by content.
    pub format: Format,
    /// How the samples are coded.
    pub codec: Codec,
    /// Samples a second in the file.
    pub rate: u32,
    /// Channels, 1 or 2.
    pub channels: u32,
}

/// Why a file is not a recording we can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// A format that is recognised but not read.
    #[error("{format} files are not supported: {}", .format.remedy())]
    Unsupported {
        /// Which.
        format: Format,
    },
    /// A container that is read, with a coding that is not.
    #[error("{codec} sound is not supported: {}", .codec.remedy())]
    UnsupportedCodec {
        /// Which.
        codec: Codec,
    },
    /// Not sound, or of an unknown kind.
    #[error("the file is no recording of a known format: send WAV, MP3, FLAC, OGG, M4A or WebM")]
    Unknown,
    /// More bytes, seconds, channels or samples a second than the limits allow.
    #[error("the recording is too large: {what} {value} exceeds {limit}")]
    TooLarge {
        /// `bytes`, `seconds`, `channels` or `rate`.
        what: &'static str,
        /// Found.
        value: u64,
        /// Allowed.
        limit: u64,
    },
    /// Damaged, truncated or contradictory.
    #[error("the {format} file is damaged: {reason}")]
    Broken {
        /// Format by its first bytes.
        format: Format,
        /// What is wrong; never a part of the content.
        reason: &'static str,
    },
    /// ffmpeg, which would read it, cannot be started.
    #[error("ffmpeg cannot be started: check speech.ffmpeg and that this kernel has Landlock")]
    Ffmpeg,
    /// The file could not be read from where it lies.
    #[error("failed to read the file: {0}")]
    Read(std::io::ErrorKind),
}

impl AudioError {
    /// The code answered to callers.
    pub fn code(&self) -> ErrorCode {
        match self {
            AudioError::Empty => ErrorCode::BadValue,
            AudioError::Unsupported { .. }
            | AudioError::UnsupportedCodec { .. }
            | AudioError::Unknown => ErrorCode::UnsupportedMedia,
            AudioError::TooLarge { .. } => ErrorCode::TooLarge,
            AudioError::Broken { .. } => ErrorCode::ContentRefused,
            AudioError::Read(_) | AudioError::Ffmpeg => ErrorCode::Internal,
        }
    }
}

/// Where a recording lies: bytes in memory or an open file.
pub trait Input: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> Input for T {}

/// A piece of sound: as many samples in each channel, each from -1 to 1. No `Debug`: it is somebody's voice.
#[derive(Clone, Default)]
pub struct Chunk {
    /// One list of samples a channel.
    pub channels: Vec<Vec<f32>>,
}

impl Chunk {
    /// Samples of each channel.
    pub fn len(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn clear_to(&mut self, n_channels: usize) {
        self.channels.resize_with(n_channels, Vec::new);
        self.channels.iter_mut().for_each(Vec::clear);
    }
}

/// Something that gives samples at the rate of its file.
trait Frames: Send {
    /// Appends some samples to every channel of `chunk`; `false` at the end.
    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError>;

    /// What was found damaged so far; all of it once the end was read.
    fn damage(&self) -> Damage {
        Damage::default()
    }
}

/// What a recording lacks that is read all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// It ends before its header, or its container, says so.
    pub is_cut: bool,
    /// Samples of each channel, at the rate of the file, that were lost inside and are given as silence.
    pub n_missing: u64,
}

/// A recording being decoded.
pub struct AudioReader<'a> {
    info: AudioInfo,
    frames: Box<dyn Frames + 'a>,
    #[cfg(feature = "audio")]
    resampler: Option<resample::Resampler>,
    raw: Chunk,
    /// Samples per channel read so far, at the rate of the file.
    n_read: u64,
    max_read: u64,
    is_over: bool,
    too_long: AudioError,
}

impl<'a> AudioReader<'a> {
    /// Reads the headers; nothing is decoded yet.
    ///
    /// # Errors
    /// Says what the file is when it is not read, and which limit it exceeds.
    pub fn open(input: impl Input + 'a, limits: &AudioLimits) -> Result<Self, AudioError> {
        let mut input: Box<dyn Input + 'a> = Box::new(input);
        let (head, n_bytes) = head_of(&mut input)?;
        if n_bytes == 0 {
            return Err(AudioError::Empty);
        }
        at_most("bytes", n_bytes, limits.max_bytes)?;
        let format = Format::of(&head).ok_or(AudioError::Unknown)?;
        let opened = guarded(format, || {
            if let Some(ffmpeg) = &limits.ffmpeg
                && let Some(coded) = ffmpeg::Coded::of(format, &head)
            {
                return ffmpeg::open(ffmpeg, coded, input, n_bytes);
            }
            open_frames(format, input, n_bytes)
        })?;
        let Opened { info, frames } = opened;
        let broken = |reason| AudioError::Broken { format, reason };
        if info.channels == 0 {
            return Err(broken("it has no channel"));
        }
        at_most("channels", info.channels.into(), limits.max_channels.into())?;
        at_most("rate", info.rate.into(), limits.rates.1.into())?;
        if info.rate < limits.rates.0 {
            return Err(broken("its rate is too low for speech"));
        }
        #[cfg(not(feature = "audio"))]
        if info.rate != RATE {
            return Err(broken(
                "this program was built without feature `audio`, which converts its rate",
            ));
        }
        let honest_seconds = honest_seconds(n_bytes);
        let too_long = if honest_seconds < limits.max_seconds {
            broken("it is too short for its duration")
        } else {
            let (value, limit) = (limits.max_seconds + 1, limits.max_seconds);
            AudioError::TooLarge { what: "seconds", value, limit }
        };
        Ok(AudioReader {
            info,
            frames,
            #[cfg(feature = "audio")]
            resampler: resample::Resampler::of(info.rate, info.channels)
                .ok_or(broken("its rate cannot be converted"))?,
            raw: Chunk::default(),
            n_read: 0,
            max_read: honest_seconds.min(limits.max_seconds) * u64::from(info.rate),
            is_over: false,
            too_long,
        })
    }

    /// What the recording is.
    pub fn info(&self) -> AudioInfo {
        self.info
    }

    /// Puts the next second or so into `chunk`, at [`RATE`]; `false` and nothing at the end.
    ///
    /// # Errors
    /// When the file turns out to be damaged or longer than the limits allow; nothing can be read after that.
    pub fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let n_channels = self.info.channels as usize;
        chunk.clear_to(n_channels);
        while chunk.len() < CHUNK && !self.is_over {
            let read = guarded(self.info.format, AssertUnwindSafe(|| self.step(chunk)));
            if let Err(error) = read {
                self.is_over = true;
                return Err(error);
            }
        }
        Ok(!chunk.is_empty())
    }

    /// What was found damaged so far; all of it once the end was read.
    pub fn damage(&self) -> Damage {
        self.frames.damage()
    }

    fn step(&mut self, chunk: &mut Chunk) -> Result<(), AudioError> {
        self.raw.clear_to(self.info.channels as usize);
        self.is_over = !self.frames.read(&mut self.raw)?;
        self.n_read += self.raw.len() as u64;
        if self.max_read < self.n_read {
            return Err(self.too_long.clone());
        }
        for sample in self.raw.channels.iter_mut().flatten() {
            *sample = if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 };
        }
        #[cfg(feature = "audio")]
        if let Some(resampler) = &mut self.resampler {
            let failed = "its samples cannot be converted";
            let format = self.info.format;
            return resampler
                .push(&self.raw, self.is_over, chunk)
                .ok_or(AudioError::Broken { format, reason: failed });
        }
        for (to, from) in chunk.channels.iter_mut().zip(&self.raw.channels) {
            to.extend_from_slice(from);
        }
        Ok(())
    }
}

/// A file whose headers were read.
struct Opened<'a> {
    info: AudioInfo,
    frames: Box<dyn Frames + 'a>,
}

fn open_frames<'a>(
    format: Format,
    input: Box<dyn Input + 'a>,
    n_bytes: u64,
) -> Result<Opened<'a>, AudioError> {
    match format {
        Format::Wav => wav::open(input, n_bytes),
        #[cfg(feature = "audio")]
        Format::Mp3 | Format::Aac | Format::Flac | Format::Ogg | Format::Mp4 | Format::WebM => {
            compressed::open(format, input, n_bytes)
        }
        other => Err(AudioError::Unsupported { format: other }),
    }
}

/// Runs `work`; a decoder that panics has found the file broken.
fn guarded<R>(
    format: Format,
    work: impl FnOnce() -> Result<R, AudioError>,
) -> Result<R, AudioError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or(Err(AudioError::Broken { format, reason: "its decoder gave up" }))
}

/// The first bytes and the number of all; the input is at its beginning again.
fn head_of(input: &mut Box<dyn Input + '_>) -> Result<(Vec<u8>, u64), AudioError> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let looked = (|| {
        let n_bytes = input.seek(std::io::SeekFrom::End(0))?;
        input.rewind()?;
        input.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        input.rewind()?;
        Ok(n_bytes)
    })();
    let n_bytes = looked.map_err(|error: std::io::Error| AudioError::Read(error.kind()))?;
    Ok((head, n_bytes))
}

/// Seconds of sound that so many bytes are believed to hold.
fn honest_seconds(n_bytes: u64) -> u64 {
    FREE_SECONDS.max(n_bytes / MIN_BYTES_PER_SECOND)
}

fn at_most(what: &'static str, value: u64, limit: u64) -> Result<(), AudioError> {
    if value <= limit { Ok(()) } else { Err(AudioError::TooLarge { what, value, limit }) }
}

#[cfg(test)]
mod tests;
