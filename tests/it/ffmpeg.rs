//! AMR and GSM through a confined ffmpeg: the program itself, programs that stand in for it, and what they cannot do.

use std::fs;
use std::io::Cursor;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fenwen::media::audio::ffmpeg::Ffmpeg;
use fenwen::media::audio::{AudioError, AudioLimits, AudioReader, Chunk};

/// Where a system has ffmpeg.
const FFMPEG: &str = "/usr/bin/ffmpeg";

/// The samples of a file that `ffmpeg` decodes.
fn read(ffmpeg: &Path, bytes: &[u8]) -> Result<Vec<f32>, AudioError> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_fenwen"));
    let ffmpeg = Arc::new(Ffmpeg::by(program, &["ffmpeg-worker"], ffmpeg.to_owned()));
    let limits = AudioLimits { ffmpeg: Some(ffmpeg), ..AudioLimits::default() };
    let mut reader = AudioReader::open(Cursor::new(bytes), &limits)?;
    assert_eq!(reader.info().channels, 1);
    let (mut samples, mut chunk) = (Vec::new(), Chunk::default());
    while reader.read(&mut chunk)? {
        samples.extend_from_slice(&chunk.channels[0]);
    }
    Ok(samples)
}

/// A second of AMR-WB, whose samples need no other rate: frames that hold nothing.
fn amr_wb() -> Vec<u8> {
    [b"#!AMR-WB\n".as_slice(), &[0x7c; 50]].concat()
}

/// A program in `folder` that stands in for ffmpeg.
fn stand_in(folder: &Path, script: &str) -> PathBuf {
    let path = folder.join("ffmpeg");
    fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A kernel without Landlock refuses; then nothing is decoded, and nothing is to be seen.
fn is_unconfinable(found: &Result<Vec<f32>, AudioError>) -> bool {
    *found == Err(AudioError::Ffmpeg) && !is_landlocked()
}

fn is_landlocked() -> bool {
    fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|it| {
        let mut numbers = it.split(|ch: char| !ch.is_ascii_digit()).map(str::parse::<u32>);
        matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (5, 13) <= (major, minor))
    })
}

#[test]
fn what_it_writes_are_the_samples() {
    let dir = tempfile::tempdir().unwrap();
    let found =
        read(&stand_in(dir.path(), "cat >&2; printf '\\0\\100\\0'; printf '\\300'"), &amr_wb());
    assert!(found == Ok(vec![0.5, -0.5]) || is_unconfinable(&found), "{found:?}");
}

#[test]
fn it_reaches_no_file_and_no_network() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("secret"), "x").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (shown, port) = (dir.path().display(), listener.local_addr().unwrap().port());
    // Each that is possible adds a sample.
    let script = format!(
        "printf AA\n(read x < {shown}/secret) && printf BB\n(echo x > {shown}/made) && printf CC\n\
         (exec 3<>/dev/tcp/127.0.0.1/{port}) && printf DD\n(exec 3<>/dev/udp/127.0.0.1/{port}) && printf EE\nexit 0"
    );
    let found = read(&stand_in(dir.path(), &script), &amr_wb());
    assert!(found.as_ref().is_ok_and(|it| it.len() == 1) || is_unconfinable(&found), "{found:?}");
    assert!(!dir.path().join("made").try_exists().unwrap());
}

#[test]
fn its_memory_time_and_files_are_limited() {
    let dir = tempfile::tempdir().unwrap();
    let script = "[ \"$(ulimit -v) $(ulimit -t) $(ulimit -n) $(ulimit -f) $(ulimit -c)\" = '1048576 120 64 0 0' ] || exit 1\nprintf AA";
    let found = read(&stand_in(dir.path(), script), &amr_wb());
    assert!(found.as_ref().is_ok_and(|it| it.len() == 1) || is_unconfinable(&found), "{found:?}");
}

#[test]
fn failures_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let check = |ffmpeg: &Path, expected: &str| {
        let found = read(ffmpeg, &amr_wb());
        let error = found.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert!(error.contains(expected) || is_unconfinable(&found), "{found:?}");
    };
    check(Path::new("/usr/bin/no-such-program"), "cannot be started");
    check(&stand_in(dir.path(), "exit 1"), "ffmpeg could not decode it");
    check(
        &stand_in(dir.path(), "x=; while :; do printf %4096s; done"),
        "too short for its duration",
    );
}

#[test]
fn the_real_one_decodes_amr() {
    if !Path::new(FFMPEG).try_exists().unwrap() {
        return;
    }
    let found = read(Path::new(FFMPEG), &amr_wb());
    assert!(found.as_ref().is_ok_and(|it| it.len() == 16_000) || is_unconfinable(&found));
    // A second of GSM in WAV: 25 blocks of 65 bytes, 40 ms each.
    let mut gsm = b"RIFF\0\0\0\0WAVEfmt \x14\0\0\0\x31\0\x01\0\x40\x1f\0\0\x59\x06\0\0\x41\0\0\0\x02\0\x40\x01data".to_vec();
    gsm.extend(1625_u32.to_le_bytes());
    gsm.extend([0; 1625]);
    let found = read(Path::new(FFMPEG), &gsm);
    assert!(found.as_ref().is_ok_and(|it| it.len() == 16_000) || is_unconfinable(&found));
}
