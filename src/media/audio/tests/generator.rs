//! Makes WAV files in every layout, and files that are broken in every way we could think of.
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sounds of a second")]

use crate::media::audio::g711::{to_alaw, to_mulaw};

/// A sine at half strength.
pub(super) fn sine(hertz: f64, rate: u32, seconds: f64) -> Vec<f32> {
    let n_samples = (f64::from(rate) * seconds) as usize;
    let angle = |idx: usize| std::f64::consts::TAU * hertz * idx as f64 / f64::from(rate);
    (0..n_samples).map(|idx| (0.5 * angle(idx).sin()) as f32).collect()
}

/// How to write a WAV file.
#[derive(Clone)]
pub(super) struct Wav {
    pub(super) tag: u16,
    pub(super) bits: u16,
    pub(super) rate: u32,
    pub(super) extensible: bool,
    /// What the header claims; the truth when none.
    pub(super) data_size: Option<u32>,
}

impl Default for Wav {
    fn default() -> Wav {
        Wav { tag: 1, bits: 16, rate: 16_000, extensible: false, data_size: None }
    }
}

impl Wav {
    pub(super) fn encode(&self, channels: &[Vec<f32>]) -> Vec<u8> {
        let mut data = Vec::new();
        for idx in 0..channels[0].len() {
            channels.iter().for_each(|it| self.push(it[idx], &mut data));
        }
        let width = self.bits / 8 * u16::try_from(channels.len()).unwrap();
        let tag = if self.extensible { 0xfffe } else { self.tag };
        let mut format = [tag.to_le_bytes(), (channels.len() as u16).to_le_bytes()].concat();
        format.extend(self.rate.to_le_bytes());
        format.extend((self.rate.wrapping_mul(width.into())).to_le_bytes());
        format.extend([width.to_le_bytes(), self.bits.to_le_bytes()].concat());
        if self.extensible {
            format.extend([22, 0, 16, 0, 3, 0, 0, 0]);
            format.extend(self.tag.to_le_bytes());
            format.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        }
        let size = self.data_size.unwrap_or(data.len() as u32);
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        bytes.extend((format.len() as u32).to_le_bytes());
        bytes.extend(format);
        bytes.extend(b"data");
        bytes.extend(size.to_le_bytes());
        bytes.extend(data);
        bytes
    }

    fn push(&self, sample: f32, data: &mut Vec<u8>) {
        let whole = |scale: f64| (f64::from(sample) * scale).round() as i64;
        match (self.tag, self.bits) {
            (1, 8) => data.push((whole(127.0) + 128) as u8),
            (1, 24) => data.extend(&whole(8_388_607.0).to_le_bytes()[..3]),
            (1, 32) => data.extend(&whole(2_147_483_647.0).to_le_bytes()[..4]),
            (3, 32) => data.extend(sample.to_le_bytes()),
            (3, 64) => data.extend(f64::from(sample).to_le_bytes()),
            (6, _) => data.push(to_alaw(sample)),
            (7, _) => data.push(to_mulaw(sample)),
            _ => data.extend(&whole(32_767.0).to_le_bytes()[..2]),
        }
    }
}

/// A WebM file that announces so many milliseconds, of Opus packets with their moments, each in a cluster of its own.
#[cfg(feature = "audio")]
pub(super) fn webm(millis: f64, packets: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let element = |id: &[u8], content: &[u8]| -> Vec<u8> {
        let size = 0x1000_0000 | content.len() as u32;
        [id, &size.to_be_bytes(), content].concat()
    };
    let head = b"OpusHead\x01\x01\0\0\x80\x3e\0\0\0\0\0";
    let audio = [element(b"\xb5", &48_000.0_f64.to_be_bytes()), element(b"\x9f", &[1])];
    let track = [
        element(b"\xd7", &[1]),
        element(b"\x73\xc5", &[1]),
        element(b"\x83", &[2]),
        element(b"\x86", b"A_OPUS"),
        element(b"\x63\xa2", head),
        element(b"\xe1", &audio.concat()),
    ];
    let info = [
        element(b"\x2a\xd7\xb1", &1_000_000_u32.to_be_bytes()),
        element(b"\x44\x89", &millis.to_be_bytes()),
        element(b"\x4d\x80", b"x"),
        element(b"\x57\x41", b"x"),
    ];
    let mut bytes = element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"webm"));
    bytes.extend(b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff");
    bytes.extend(element(b"\x15\x49\xa9\x66", &info.concat()));
    bytes.extend(element(b"\x16\x54\xae\x6b", &element(b"\xae", &track.concat())));
    for (at, packet) in packets {
        let block = [b"\x81\0\0\x80", packet.as_slice()].concat();
        let cluster = [element(b"\xe7", &at.to_be_bytes()), element(b"\xa3", &block)];
        bytes.extend(element(b"\x1f\x43\xb6\x75", &cluster.concat()));
    }
    bytes
}

/// Name, content, and whether it may be read all the same (as far as it goes).
pub(super) fn broken_files() -> Vec<(String, Vec<u8>, bool)> {
    let mut files = lying_headers();
    for (name, bytes) in good_files() {
        for eighths in [0, 1, 4, 7] {
            let len = (bytes.len() * eighths / 8).max(12);
            files.push((format!("{name}, {len} bytes of it"), bytes[..len].to_vec(), true));
        }
        let mut chance = 1_u32;
        let mut random = move || {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            chance >> 8
        };
        for strides in [3, 17, 101] {
            let mut damaged = bytes.clone();
            let mut at = 16 + random() as usize % strides;
            while at < damaged.len() {
                damaged[at] = random() as u8;
                at += 1 + random() as usize % (2 * strides);
            }
            files.push((format!("{name}, damaged every {strides} bytes"), damaged, true));
        }
        for fill in [0, 0xff] {
            let mut filled = bytes.clone();
            let half = filled.len() / 2;
            filled[32.min(half)..half].fill(fill);
            files.push((format!("{name}, half of it {fill:#x}"), filled, true));
        }
    }
    files
}

fn good_files() -> Vec<(&'static str, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/audio");
    let names =
        ["tone.mp3", "tone.m4a", "tone.aac", "tone.flac", "tone.ogg", "tone.opus", "tone.webm"];
    let mut files: Vec<(&str, Vec<u8>)> =
        names.iter().map(|it| (*it, std::fs::read(folder.join(it)).unwrap())).collect();
    files.push(("tone.wav", Wav::default().encode(&[sine(440.0, 16_000, 0.5)])));
    files
}

fn lying_headers() -> Vec<(String, Vec<u8>, bool)> {
    let tone = sine(440.0, 16_000, 0.1);
    let wav = Wav::default().encode(std::slice::from_ref(&tone));
    let patched = |at: usize, with: &[u8]| {
        let mut bytes = wav.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes
    };
    let mut many_chunks = wav[..12].to_vec();
    many_chunks.extend(b"junk\0\0\0\0".repeat(100_000));
    let mut endless_format = wav[..12].to_vec();
    endless_format.extend(b"fmt \xff\xff\xff\xff");
    endless_format.extend(&wav[20..]);
    let file = |name: &str, bytes: Vec<u8>, may_be_read| (name.to_owned(), bytes, may_be_read);
    vec![
        file("no channel", patched(22, &[0, 0]), false),
        file("65535 channels", patched(22, &[0xff, 0xff]), false),
        file("rate 0", patched(24, &[0; 4]), false),
        file("rate 4294967295", patched(24, &[0xff; 4]), false),
        file("frames of 0 bytes", patched(32, &[0, 0]), false),
        file("frames of 65535 bytes", patched(32, &[0xff, 0xff]), false),
        file("0 bits", patched(34, &[0, 0]), false),
        file("99 bits", patched(34, &[99, 0]), false),
        file("unknown coding", patched(20, &[0x99, 0x99]), false),
        file("no format", [&wav[..12], &wav[36..]].concat(), false),
        file("no samples", wav[..44].to_vec(), false),
        file("only a header", wav[..36].to_vec(), false),
        file("100000 empty parts", many_chunks, false),
        file("endless format", endless_format, false),
        file("big-endian", patched(0, b"RIFX"), false),
        file("an OGG of zeros", [b"OggS".as_slice(), &[0; 4096]].concat(), false),
        file("a FLAC of ones", [b"fLaC".as_slice(), &[0xff; 4096]].concat(), false),
        file("a WebM of ones", [b"\x1a\x45\xdf\xa3".as_slice(), &[0xff; 4096]].concat(), false),
        file("an M4A of zeros", [b"\0\0\0\x1cftypM4A ".as_slice(), &[0; 4096]].concat(), false),
        file(
            "an MP3 that is one tag",
            [b"ID3\x04\0\0\x7f\x7f\x7f\x7f".as_slice(), &[0; 4096]].concat(),
            false,
        ),
        file(
            "an endless box",
            b"\0\0\0\x1cftypM4A \0\0\0\0M4A mp42isom\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff"
                .to_vec(),
            false,
        ),
    ]
}
