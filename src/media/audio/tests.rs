//! Sound in every coding, limits, and files that lie.

use std::io::Cursor;

use super::*;

mod generator;

use generator::{Wav, broken_files, sine};

fn read_all(bytes: &[u8], limits: &AudioLimits) -> Result<Chunk, AudioError> {
    let mut reader = AudioReader::open(Cursor::new(bytes), limits)?;
    let mut all = Chunk { channels: vec![Vec::new(); reader.info().channels as usize] };
    let mut chunk = Chunk::default();
    while reader.read(&mut chunk)? {
        assert!(chunk.len() < 4 * CHUNK, "a chunk is bounded");
        for (to, from) in all.channels.iter_mut().zip(&chunk.channels) {
            to.extend_from_slice(from);
        }
    }
    Ok(all)
}

/// Strength of a frequency in samples at [`RATE`], 1 for a full sine.
fn strength(samples: &[f32], hertz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (idx, sample) in samples.iter().enumerate() {
        let angle = std::f64::consts::TAU * hertz * idx as f64 / f64::from(RATE);
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * re.hypot(im) / samples.len() as f64
}

/// The middle of the sound must be the left tone on the left and the right one on the right, at half strength.
#[track_caller]
fn check_tones(bytes: &[u8], expected: (Format, Codec, u32), n_samples: usize, slack: usize) {
    let limits = AudioLimits::default();
    let info = AudioReader::open(Cursor::new(bytes), &limits).unwrap_or_else(|it| panic!("{it}"));
    let info = info.info();
    assert_eq!(
        (info.format, info.codec, info.rate, info.channels),
        (expected.0, expected.1, expected.2, 2)
    );
    let sound = read_all(bytes, &limits).unwrap_or_else(|it| panic!("{it}"));
    let n_found = sound.len();
    assert!(n_found.abs_diff(n_samples) <= slack, "{n_found} samples instead of {n_samples}");
    for (channel, [own, other]) in sound.channels.iter().zip([[440.0, 1000.0], [1000.0, 440.0]]) {
        assert_eq!(channel.len(), n_found);
        let middle = &channel[n_found / 4..n_found * 3 / 4];
        let (own, other) = (strength(middle, own), strength(middle, other));
        assert!((0.4..0.6).contains(&own) && other < 0.06, "{:?} {own} {other}", info.codec);
    }
}

#[cfg(feature = "audio")]
#[test]
fn every_coding_gives_the_tones() {
    use Codec::{Aac, Flac, Mp3, Opus, Vorbis};
    let check = |name: &str, format, codec, rate| {
        let path = format!("{}/tests/data/audio/{name}", env!("CARGO_MANIFEST_DIR"));
        check_tones(&std::fs::read(path).unwrap(), (format, codec, rate), 12_000, 1_600);
    };
    check("tone.mp3", Format::Mp3, Mp3, 44_100);
    check("tone.m4a", Format::Mp4, Aac, 44_100);
    check("tone.aac", Format::Aac, Aac, 22_050);
    check("tone.flac", Format::Flac, Flac, 32_000);
    check("tone.ogg", Format::Ogg, Vorbis, 44_100);
    check("tone.opus", Format::Ogg, Opus, 16_000);
    check("tone.webm", Format::WebM, Opus, 16_000);
}

#[test]
fn every_layout_of_wav_gives_the_tones() {
    for (tag, bits) in [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8)] {
        for extensible in [false, true] {
            let codec = match tag {
                6 => Codec::ALaw,
                7 => Codec::MuLaw,
                _ => Codec::Pcm,
            };
            let wav = Wav { tag, bits, rate: RATE, extensible, ..Wav::default() };
            let bytes = wav.encode(&[sine(440.0, RATE, 0.75), sine(1000.0, RATE, 0.75)]);
            check_tones(&bytes, (Format::Wav, codec, RATE), 12_000, 0);
        }
    }
}

#[cfg(feature = "audio")]
#[test]
fn every_rate_becomes_16_khz_without_a_shift() {
    for rate in [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 7_999] {
        let wav = Wav { rate, ..Wav::default() };
        let bytes = wav.encode(&[sine(440.0, rate, 0.75), sine(1000.0, rate, 0.75)]);
        check_tones(&bytes, (Format::Wav, Codec::Pcm, rate), 12_000, 2);
        // A click in the middle stays in the middle.
        let n_samples = rate as usize;
        let mut click = vec![0.0; n_samples];
        click[n_samples / 2] = 1.0;
        let sound = read_all(&wav.encode(&[click]), &AudioLimits::default()).unwrap();
        let loud = |it: &f32| it.abs();
        let peak = (0..sound.len())
            .max_by(|a, b| loud(&sound.channels[0][*a]).total_cmp(&loud(&sound.channels[0][*b])));
        assert!(peak.unwrap().abs_diff(8_000) <= 2, "{rate}: {peak:?}");
    }
}

#[test]
fn a_recorder_that_was_cut_off_left_a_readable_file() {
    let tone = sine(440.0, RATE, 0.5);
    for size in [0, u32::MAX, 1 << 30] {
        let wav = Wav { data_size: Some(size), ..Wav::default() };
        let sound =
            read_all(&wav.encode(std::slice::from_ref(&tone)), &AudioLimits::default()).unwrap();
        assert_eq!(sound.len(), 8_000);
    }
}

#[test]
fn limits_are_told() {
    let limits = AudioLimits { max_bytes: 40_000, max_seconds: 1, ..AudioLimits::default() };
    let check = |wav: Wav, channels: &[Vec<f32>], expected: &str| {
        let error = read_all(&wav.encode(channels), &limits).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.code(), ErrorCode::TooLarge);
    };
    let silence = |n_samples| vec![0.0; n_samples];
    let small = Wav { tag: 7, bits: 8, rate: RATE, ..Wav::default() };
    check(small.clone(), &[silence(RATE as usize + 1)], "seconds 2 exceeds 1");
    check(small.clone(), &[silence(8), silence(8), silence(8)], "channels 3 exceeds 2");
    check(Wav { rate: 192_001, ..small.clone() }, &[silence(8)], "rate 192001");
    check(small.clone(), &[silence(50_000)], "bytes 50044 exceeds 40000");
    assert!(read_all(&small.encode(&[silence(RATE as usize)]), &limits).is_ok());
}

#[test]
fn what_is_not_read_is_named_with_a_remedy() {
    let check = |bytes: &[u8], code, expected: &str| {
        let error = read_all(bytes, &AudioLimits::default()).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.code(), code, "{error}");
    };
    use ErrorCode::{BadValue, ContentRefused, UnsupportedMedia};
    check(b"", BadValue, "empty");
    check(b"#!AMR\n\x3c", UnsupportedMedia, "AMR files are not supported: convert it");
    check(b"#!AMR-WB\n\x3c", UnsupportedMedia, "speech.ffmpeg");
    check(b"\0\0\0\x1cftyp3gp5", UnsupportedMedia, "G.711");
    check(b"%PDF-1.7", UnsupportedMedia, "no recording");
    let gsm = Wav { tag: 0x31, ..Wav::default() }.encode(&[sine(440.0, RATE, 0.1)]);
    check(&gsm, UnsupportedMedia, "gsm sound is not supported");
    check(&gsm, UnsupportedMedia, "speech.ffmpeg");
    let low = Wav { rate: 4_000, ..Wav::default() }.encode(&[sine(440.0, 4_000, 0.1)]);
    check(&low, ContentRefused, "rate is too low");
}

#[test]
fn one_call_on_two_channels_is_noticed() {
    let check = |channels: &[Vec<f32>], expected: bool| {
        let bytes = Wav { tag: 7, bits: 8, ..Wav::default() }.encode(channels);
        let survey = survey(Cursor::new(&bytes), &AudioLimits::default()).unwrap();
        assert_eq!((survey.n_samples, survey.is_dual_mono), (channels[0].len() as u64, expected));
    };
    let (low, high) = (sine(440.0, RATE, 0.5), sine(1000.0, RATE, 0.5));
    check(&[low.clone(), low.clone()], true);
    check(&[low.clone(), high.clone()], false);
    check(&[low.clone(), vec![0.0; low.len()]], false);
    check(&[vec![0.0; low.len()], low.clone()], false);
    check(std::slice::from_ref(&low), true);
    let mix = |a: &[f32], level: f32, b: &[f32], other: f32| -> Vec<f32> {
        a.iter().zip(b).map(|(a, b)| level * a + other * b).collect()
    };
    // The same call a little quieter, the other way round, or with a line's noise.
    check(&[low.clone(), mix(&low, 0.6, &low, 0.0)], true);
    check(&[low.clone(), mix(&low, -0.8, &low, 0.0)], true);
    check(&[low.clone(), mix(&low, 0.8, &high, 0.05)], true);
    check(&[low.clone(), mix(&low, 0.8, &high, 0.3)], false);
    // Much quieter it is an echo, in whose pauses somebody may speak.
    check(&[low.clone(), mix(&low, 0.1, &low, 0.0)], false);
    // Two people in turn, each on the other's channel too: nobody is lost.
    let second = |a: &[f32], b: &[f32]| [a, a, b, b].concat();
    let quiet = mix(&low, 0.3, &low, 0.0);
    check(&[second(&low, &quiet), second(&quiet, &low)], false);
    check(&[second(&low, &low), second(&low, &high)], false);
}

#[test]
fn a_recording_that_ends_before_its_time_is_noticed() {
    let limits = AudioLimits::default();
    let cut = |bytes: &[u8]| survey(Cursor::new(bytes), &limits).unwrap().damage.is_cut;
    let tone = sine(440.0, RATE, 0.5);
    let wav = |data_size| Wav { data_size, ..Wav::default() }.encode(std::slice::from_ref(&tone));
    assert!(!cut(&wav(None)));
    assert!(cut(&wav(Some(1 << 20))));
    assert!(cut(&wav(None)[..8_000]));
    // What a recorder writes that did not know how long it would be.
    assert!(!cut(&wav(Some(0))) && !cut(&wav(Some(u32::MAX))));
}

#[cfg(feature = "audio")]
#[test]
fn a_compressed_recording_that_ends_before_its_time_is_noticed() {
    let limits = AudioLimits::default();
    let read = |name: &str| {
        let path = format!("{}/tests/data/audio/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read(path).unwrap()
    };
    for name in
        ["tone.mp3", "tone.m4a", "tone.aac", "tone.flac", "tone.ogg", "tone.opus", "tone.webm"]
    {
        let whole = survey(Cursor::new(read(name)), &limits).unwrap();
        assert_eq!(whole.damage, Damage::default(), "{name}");
    }
    for (name, eighths) in [("tone.mp3", 2), ("tone.aac", 6), ("tone.flac", 6)] {
        let bytes = read(name);
        let cut = &bytes[..bytes.len() * eighths / 8];
        let cut = survey(Cursor::new(cut), &limits).unwrap();
        assert!(cut.damage.is_cut, "{name}");
    }
}

#[cfg(feature = "audio")]
#[test]
fn what_was_lost_takes_its_time() {
    let packets = opus::tests::packets(16_000, 20, 100);
    let at = |idx: u64| (20 * idx, packets[usize::try_from(idx).unwrap()].clone());
    let check = |millis: f64, packets: Vec<(u64, Vec<u8>)>, expected: (usize, u64, bool)| {
        let bytes = generator::webm(millis, &packets);
        let Damage { is_cut, n_missing } =
            survey(Cursor::new(&bytes), &AudioLimits::default()).unwrap().damage;
        let sound = read_all(&bytes, &AudioLimits::default()).unwrap();
        assert_eq!((sound.len(), n_missing, is_cut), expected);
        sound
    };
    check(2_000.0, (0..100).map(at).collect(), (32_000, 0, false));
    // Half a second was lost: what comes behind it keeps its time.
    let lost = (0..25).chain(50..100).map(at).collect();
    let sound = check(2_000.0, lost, (32_000, 8_000, false));
    let power = |range: std::ops::Range<usize>| {
        sound.channels[0][range].iter().map(|it| it * it).sum::<f32>()
    };
    assert!(power(8_000..16_000) == 0.0 && 100.0 < power(17_000..25_000));
    check(2_000.0, (0..50).map(at).collect(), (16_000, 0, true));
    // Moments that leap are not believed.
    let leaps = (0..50).map(at).chain((50..100).map(|it| (9_000_000 + at(it).0, at(it).1)));
    check(2_000.0, leaps.collect(), (32_000, 0, false));
}

#[test]
fn a_recording_that_hardly_sounds_is_noticed() {
    let check = |level: f32, expected: bool| {
        let tone: Vec<f32> = sine(440.0, RATE, 2.5).iter().map(|it| it * level).collect();
        let bytes = Wav::default().encode(&[vec![0.0; tone.len()], tone]);
        let found = survey(Cursor::new(&bytes), &AudioLimits::default()).unwrap();
        assert_eq!(found.is_quiet(), expected, "{level} {}", found.loudest);
    };
    check(1.0, false);
    check(0.02, false);
    check(0.004, true);
    check(0.0, true);
}

#[test]
fn samples_that_are_no_numbers_are_silence() {
    let wav = Wav { tag: 3, bits: 32, ..Wav::default() };
    let sound = read_all(
        &wav.encode(&[vec![f32::NAN, f32::INFINITY, 9.0, -9.0, 0.5]]),
        &AudioLimits::default(),
    );
    assert_eq!(sound.unwrap().channels, [[0.0, 0.0, 1.0, -1.0, 0.5]]);
}

#[test]
fn no_broken_file_ends_badly() {
    let files = broken_files();
    assert!(files.len() >= 52, "{}", files.len());
    let limits = AudioLimits { max_seconds: 600, ..AudioLimits::default() };
    for (name, bytes, may_be_read) in files {
        match survey(Cursor::new(&bytes), &limits) {
            Ok(survey) => {
                assert!(may_be_read, "{name} was read");
                assert!(survey.seconds() <= 601.0, "{name}");
            }
            Err(error) => {
                let code = error.code();
                assert_ne!(code, ErrorCode::Internal, "{name}: {error}");
            }
        }
    }
}
