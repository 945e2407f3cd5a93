//! Formats of recordings: which a file is by its first bytes, and what to do about those that are not read.

use std::fmt;

/// First bytes by which a format is told.
pub(super) const HEAD_BYTES: usize = 4096;

/// A file format that recordings come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the name of a format")]
pub enum Format {
    Wav,
    Mp3,
    Aac,
    Flac,
    Ogg,
    Mp4,
    WebM,
    Amr,
    AmrWb,
    Wma,
    Aiff,
    Au,
    Caf,
    ThreeGp,
    Midi,
}

/// How the samples of a recording are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the name of a coding")]
pub enum Codec {
    Pcm,
    ALaw,
    MuLaw,
    Mp3,
    Aac,
    Flac,
    Vorbis,
    Opus,
    Adpcm,
    Amr,
    Gsm,
    Other,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Wav => "WAV",
            Format::Mp3 => "MP3",
            Format::Aac => "AAC",
            Format::Flac => "FLAC",
            Format::Ogg => "OGG",
            Format::Mp4 => "M4A",
            Format::WebM => "WebM",
            Format::Amr => "AMR",
            Format::AmrWb => "AMR-WB",
            Format::Wma => "WMA",
            Format::Aiff => "AIFF",
            Format::Au => "AU",
            Format::Caf => "CAF",
            Format::ThreeGp => "3GP",
            Format::Midi => "MIDI",
        })
    }
}

impl Format {
    /// Tells a format by its first bytes; names and declared types are not trusted.
    pub fn of(bytes: &[u8]) -> Option<Format> {
        const PREFIXES: &[(&[u8], Format)] = &[
            (b"RIFX", Format::Wav),
            (b"ID3", Format::Mp3),
            (b"fLaC", Format::Flac),
            (b"OggS", Format::Ogg),
            (b"\x1a\x45\xdf\xa3", Format::WebM),
            (b"#!AMR-WB", Format::AmrWb),
            (b"#!AMR", Format::Amr),
            (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Format::Wma),
            (b".snd", Format::Au),
            (b"caff", Format::Caf),
            (b"MThd", Format::Midi),
        ];
        if let Some((_, format)) = PREFIXES.iter().find(|(prefix, _)| bytes.starts_with(prefix)) {
            return Some(*format);
        }
        let form = bytes.get(8..12);
        if [b"RIFF".as_slice(), b"RF64"].iter().any(|it| bytes.starts_with(it)) {
            return (form == Some(b"WAVE")).then_some(Format::Wav);
        }
        if bytes.starts_with(b"FORM") && form.is_some_and(|it| it.starts_with(b"AIF")) {
            return Some(Format::Aiff);
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            let is_3gp = form.is_some_and(|it| it.starts_with(b"3g"));
            return Some(if is_3gp { Format::ThreeGp } else { Format::Mp4 });
        }
        // A frame of MPEG audio: eleven bits of ones, then a version, layer, bit rate and sampling rate that exist.
        let [0xff, second, third, ..] = bytes else { return None };
        if second & 0xf6 == 0xf0 {
            return Some(Format::Aac);
        }
        let is_frame = second & 0xe0 == 0xe0
            && second & 0x18 != 0x08
            && second & 0x06 == 0x02
            && third & 0xf0 != 0xf0
            && third & 0x0c != 0x0c;
        is_frame.then_some(Format::Mp3)
    }

    /// What the sender of a file that is not read can do.
    pub fn remedy(self) -> &'static str {
        match self {
            Format::Amr | Format::AmrWb | Format::ThreeGp => {
                "convert it with `ffmpeg -i FILE OUT.wav`, let the recorder write G.711 or Opus, or set speech.ffmpeg for AMR"
            }
            Format::Midi => "it holds notes, no sound",
            _ => "convert it with `ffmpeg -i FILE OUT.wav`",
        }
    }

    /// The same, for callers.
    pub fn remedy_zh(self) -> &'static str {
        match self {
            Format::Amr | Format::AmrWb | Format::ThreeGp => {
                "請先以 ffmpeg 轉為 WAV,或將錄音設備改為輸出 G.711 或 Opus;AMR 亦可請管理者設定 speech.ffmpeg 後直接讀取。"
            }
            Format::Midi => "此檔案只有樂譜,沒有聲音。",
            _ => "請先以 ffmpeg 轉為 WAV 再送件。",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Codec {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Codec::Pcm => "pcm",
            Codec::ALaw => "g711-alaw",
            Codec::MuLaw => "g711-mulaw",
            Codec::Mp3 => "mp3",
            Codec::Aac => "aac",
            Codec::Flac => "flac",
            Codec::Vorbis => "vorbis",
            Codec::Opus => "opus",
            Codec::Adpcm => "adpcm",
            Codec::Amr => "amr",
            Codec::Gsm => "gsm",
            Codec::Other => "this kind of",
        }
    }

    /// Its name for callers.
    pub fn name_zh(self) -> &'static str {
        match self {
            Codec::Other => "不明編碼",
            known => known.as_str(),
        }
    }

    /// What the sender of sound that is not decoded can do.
    pub fn remedy(self) -> &'static str {
        match self {
            Codec::Gsm => {
                "convert it with `ffmpeg -i FILE -c:a pcm_s16le OUT.wav`, let the recorder write G.711, or set speech.ffmpeg"
            }
            Codec::Adpcm => {
                "convert it with `ffmpeg -i FILE -c:a pcm_s16le OUT.wav`, or let the recorder write G.711"
            }
            _ => "convert it with `ffmpeg -i FILE -c:a pcm_s16le OUT.wav`",
        }
    }

    /// The same, for callers.
    pub fn remedy_zh(self) -> &'static str {
        match self {
            Codec::Gsm => {
                "請先以 ffmpeg 轉為 WAV,或將錄音設備改為輸出 G.711;單聲道者亦可請管理者設定 speech.ffmpeg 後直接讀取。"
            }
            _ => "請先以 ffmpeg 轉為 WAV 再送件。",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<Format>) {
        assert_eq!(Format::of(bytes), expected, "{bytes:?}");
    }

    #[test]
    fn formats_by_their_first_bytes() {
        check(b"RIFF\0\0\0\0WAVEfmt ", Some(Format::Wav));
        check(b"RF64\xff\xff\xff\xffWAVE", Some(Format::Wav));
        check(b"RIFF\0\0\0\0AVI LIST", None);
        check(b"ID3\x04\0", Some(Format::Mp3));
        check(b"\xff\xfb\x90\0", Some(Format::Mp3));
        check(b"\xff\xf3\x44\0", Some(Format::Mp3));
        check(b"\xff\xfb\xf0\0", None);
        check(b"\xff\xf1\x50\x80", Some(Format::Aac));
        check(b"fLaC\0\0\0\x22", Some(Format::Flac));
        check(b"OggS\0\x02", Some(Format::Ogg));
        check(b"\0\0\0\x1cftypM4A ", Some(Format::Mp4));
        check(b"\0\0\0\x1cftyp3gp5", Some(Format::ThreeGp));
        check(b"\x1a\x45\xdf\xa3", Some(Format::WebM));
        check(b"#!AMR\n", Some(Format::Amr));
        check(b"#!AMR-WB\n", Some(Format::AmrWb));
        check(b"FORM\0\0\0\0AIFF", Some(Format::Aiff));
        check(b"\xff\xd8\xff\xe0", None);
        check(b"%PDF-1.7", None);
        check(b"", None);
        check(b"\xff", None);
    }
}
