//! AMR and GSM by the system's ffmpeg, in a process that can do nothing but read its standard input and write its
//! standard output.
//!
//! The process is this program first: it limits itself and then becomes ffmpeg. A hostile file costs it and nothing else.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::{AudioError, AudioInfo, Chunk, Codec, Format, Frames, Input, Opened};

/// Bytes of a file that is given to ffmpeg: ten hours of GSM.
const MAX_BYTES: u64 = 64 << 20;
/// Address space of ffmpeg and its libraries.
const MAX_MEMORY: u64 = 1 << 30;
/// Its processor seconds: it decodes an hour of AMR in some ten.
const MAX_SECONDS: u64 = 120;
/// Its open files.
const MAX_FILES: u64 = 64;
/// Bytes that are read of its output at a time.
const BLOCK: usize = 16 << 10;

/// How ffmpeg is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ffmpeg {
    /// The program that becomes ffmpeg.
    program: PathBuf,
    /// Its arguments, before those that [`become_ffmpeg`] takes.
    args: Vec<String>,
    ffmpeg: PathBuf,
    /// Longest time that ffmpeg may keep silent.
    pub limit: Duration,
}

impl Ffmpeg {
    /// ffmpeg at `ffmpeg`, started by `program` with `args`, which calls [`become_ffmpeg`] with the three arguments after
    /// them. It may keep silent for 10 seconds.
    pub fn by(program: PathBuf, args: &[&str], ffmpeg: PathBuf) -> Ffmpeg {
        let args = args.iter().map(|it| (*it).to_owned()).collect();
        Ffmpeg { program, args, ffmpeg, limit: Duration::from_secs(10) }
    }

    fn start(&self, coded: &Coded) -> io::Result<(Child, UnixStream, UnixStream)> {
        let (to, stdin) = UnixStream::pair()?;
        let (from, stdout) = UnixStream::pair()?;
        to.set_write_timeout(Some(self.limit))?;
        from.set_read_timeout(Some(self.limit))?;
        let child = Command::new(&self.program)
            .args(&self.args)
            .arg(&self.ffmpeg)
            .args([coded.demuxer, &coded.rate.to_string()])
            // Neither secrets nor settings of the caller are ffmpeg's business.
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(stdin)))
            .stdout(Stdio::from(OwnedFd::from(stdout)))
            .stderr(Stdio::null())
            .spawn()?;
        Ok((child, to, from))
    }
}

/// Sound that only ffmpeg decodes, of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coded {
    demuxer: &'static str,
    rate: u32,
    format: Format,
    codec: Codec,
}

impl Coded {
    /// What the first bytes of a file say; none for everything that is read without ffmpeg, or not at all.
    pub(super) fn of(format: Format, head: &[u8]) -> Option<Coded> {
        let amr = |rate| Coded { demuxer: "amr", rate, format, codec: Codec::Amr };
        match format {
            Format::Amr => Some(amr(8_000)),
            Format::AmrWb => Some(amr(16_000)),
            Format::Wav => gsm_rate(head).map(|rate| {
                let (demuxer, codec) = ("wav", Codec::Gsm);
                Coded { demuxer, rate, format, codec }
            }),
            _ => None,
        }
    }
}

/// The rate of a WAV file whose samples are GSM (format 49).
fn gsm_rate(head: &[u8]) -> Option<u32> {
    let mut rest = head.get(12..)?;
    loop {
        let size = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?);
        let content = rest.get(8..)?;
        if rest.starts_with(b"fmt ") {
            let (tag, channels) = (content.get(..2)?, content.get(2..4)?);
            let rate = u32::from_le_bytes(content.get(4..8)?.try_into().ok()?);
            return (tag == [0x31, 0] && channels == [1, 0]).then_some(rate);
        }
        rest = content.get(usize::try_from(size.checked_add(size % 2)?).ok()?..)?;
    }
}

/// Begins to decode a file.
pub(super) fn open<'a>(
    ffmpeg: &Ffmpeg,
    coded: Coded,
    input: Box<dyn Input + 'a>,
    n_bytes: u64,
) -> Result<Opened<'a>, AudioError> {
    super::at_most("bytes", n_bytes, MAX_BYTES)?;
    let mut bytes = Vec::new();
    let read = input.take(MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|it| AudioError::Read(it.kind()))?;
    let started = ffmpeg.start(&coded).map_err(|_| AudioError::Ffmpeg)?;
    let (child, mut to, from) = started;
    let feeder = std::thread::Builder::new().name("ffmpeg-input".to_owned()).spawn(move || {
        // One that died while it was sent the file has closed its input; its output tells.
        let _ = to.write_all(&bytes).and_then(|()| to.shutdown(Shutdown::Write));
    });
    let feeder = feeder.map_err(|_| AudioError::Ffmpeg)?;
    let Coded { rate, format, codec, .. } = coded;
    let frames =
        Box::new(FfmpegFrames { format, from, running: Running(child, Some(feeder)), odd: None });
    Ok(Opened { info: AudioInfo { format, codec, rate, channels: 1 }, frames })
}

/// ffmpeg and the thread that feeds it; ended when dropped.
struct Running(Child, Option<JoinHandle<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        // Its input is closed now, so the thread ends.
        if let Some(feeder) = self.1.take() {
            let _ = feeder.join();
        }
    }
}

struct FfmpegFrames {
    format: Format,
    from: UnixStream,
    running: Running,
    /// The first half of a sample.
    odd: Option<u8>,
}

impl Frames for FfmpegFrames {
    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let broken = |reason| AudioError::Broken { format: self.format, reason };
        let mut bytes = vec![0; BLOCK];
        let begun = usize::from(self.odd.is_some());
        if let (Some(odd), Some(first)) = (self.odd.take(), bytes.first_mut()) {
            *first = odd;
        }
        let room = bytes.get_mut(begun..).unwrap_or_default();
        let n_read = self.from.read(room).map_err(|_| broken("ffmpeg took too long"))?;
        if n_read == 0 {
            let status = self.running.0.wait().map_err(|_| AudioError::Ffmpeg)?;
            return match status.code() {
                Some(0) => Ok(false),
                Some(code) if code == i32::from(CANNOT_START) => Err(AudioError::Ffmpeg),
                _ => Err(broken("ffmpeg could not decode it")),
            };
        }
        bytes.truncate(begun + n_read);
        let samples = bytes.chunks_exact(2);
        self.odd = samples.remainder().first().copied();
        if let Some(channel) = chunk.channels.first_mut() {
            channel.extend(samples.map(|it| match it {
                [low, high] => f32::from(i16::from_le_bytes([*low, *high])) / 32_768.0,
                _ => 0.0,
            }));
        }
        Ok(true)
    }
}

/// The exit code of a process that could not confine itself or did not become ffmpeg.
pub const CANNOT_START: u8 = 113;

/// The other side: gives up whatever ffmpeg does not need, and becomes ffmpeg. It returns only when it failed; then the
/// process must end with [`CANNOT_START`].
pub fn become_ffmpeg(ffmpeg: &Path, demuxer: &str, rate: &str) -> io::Error {
    if let Err(error) = limit().and_then(|()| confine(ffmpeg)) {
        return error;
    }
    Command::new(ffmpeg)
        .args(["-hide_banner", "-loglevel", "quiet", "-nostdin", "-threads", "1"])
        .args(["-protocol_whitelist", "pipe", "-f", demuxer, "-i", "pipe:0"])
        .args(["-vn", "-sn", "-dn", "-ac", "1", "-ar", rate, "-f", "s16le", "pipe:1"])
        .env_clear()
        .exec()
}

fn limit() -> io::Result<()> {
    let limits = [
        (Resource::As, MAX_MEMORY),
        (Resource::Cpu, MAX_SECONDS),
        (Resource::Nofile, MAX_FILES),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, value) in limits {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}

/// No file but programs and libraries, and those for reading only; no network.
#[cfg(all(feature = "audio", target_os = "linux"))]
fn confine(ffmpeg: &Path) -> io::Result<()> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
        path_beneath_rules,
    };
    let abi = ABI::V4;
    let needed = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache"].map(Path::new);
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(|it| it.handle_access(AccessNet::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(|it| {
            let paths = needed.into_iter().chain([ffmpeg]);
            it.add_rules(path_beneath_rules(paths, AccessFs::from_read(abi)))
        })
        .and_then(|it| it.restrict_self())
        .map_err(io::Error::other)?;
    if ruleset.ruleset == RulesetStatus::NotEnforced {
        return Err(io::Error::other("this kernel has no Landlock"));
    }
    without_sockets().map_err(io::Error::other)
}

/// Landlock knows TCP only: no socket of any kind can be made.
#[cfg(all(feature = "audio", target_os = "linux"))]
fn without_sockets() -> Result<(), seccompiler::Error> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
    let calls =
        [libc::SYS_socket, libc::SYS_socketpair, libc::SYS_ptrace, libc::SYS_io_uring_setup];
    let rules = calls.into_iter().map(|it| (it, Vec::new())).collect();
    let refusal = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal, arch)?;
    seccompiler::apply_filter(&BpfProgram::try_from(filter)?)
}

#[cfg(not(all(feature = "audio", target_os = "linux")))]
fn confine(_ffmpeg: &Path) -> io::Result<()> {
    Err(io::Error::other("ffmpeg is confined on Linux with feature `audio` only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_ffmpeg() {
        let check = |format, head: &[u8], expected: Option<(&str, u32)>| {
            let found = Coded::of(format, head).map(|it| (it.demuxer, it.rate));
            assert_eq!(found, expected, "{format}");
        };
        check(Format::Amr, b"#!AMR\n", Some(("amr", 8_000)));
        check(Format::AmrWb, b"#!AMR-WB\n", Some(("amr", 16_000)));
        check(Format::ThreeGp, b"", None);
        let wav = |tag: u8, channels: u8| {
            let mut head = b"RIFF\0\0\0\0WAVEjunk\x01\0\0\0x\0fmt \x14\0\0\0".to_vec();
            head.extend([tag, 0, channels, 0, 0x40, 0x1f, 0, 0]);
            head
        };
        check(Format::Wav, &wav(0x31, 1), Some(("wav", 8_000)));
        check(Format::Wav, &wav(0x31, 2), None);
        check(Format::Wav, &wav(1, 1), None);
        check(Format::Wav, &wav(0x31, 1)[..30], None);
        check(Format::Wav, b"RIFF", None);
    }
}
