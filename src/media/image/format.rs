//! File formats: which a file is by its first bytes, and what its container promises.

use std::fmt;

use super::ImageError;

/// A file format that people send as a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the name of a format")]
pub enum Format {
    Jpeg,
    Png,
    WebP,
    Tiff,
    Bmp,
    Gif,
    Heic,
    Avif,
    JpegXl,
    Jpeg2000,
    Pdf,
    Svg,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::WebP => "WebP",
            Format::Tiff => "TIFF",
            Format::Bmp => "BMP",
            Format::Gif => "GIF",
            Format::Heic => "HEIC",
            Format::Avif => "AVIF",
            Format::JpegXl => "JPEG XL",
            Format::Jpeg2000 => "JPEG 2000",
            Format::Pdf => "PDF",
            Format::Svg => "SVG",
        })
    }
}

impl Format {
    /// Tells a format by its first bytes; names and declared types are not trusted.
    pub fn of(bytes: &[u8]) -> Option<Format> {
        const PREFIXES: &[(&[u8], Format)] = &[
            (b"\xff\xd8\xff", Format::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Format::Png),
            (b"II*\0", Format::Tiff),
            (b"MM\0*", Format::Tiff),
            (b"BM", Format::Bmp),
            (b"GIF8", Format::Gif),
            (b"\xff\x0a", Format::JpegXl),
            (b"\0\0\0\x0cJXL ", Format::JpegXl),
            (b"\0\0\0\x0cjP  ", Format::Jpeg2000),
            (b"\xff\x4f\xff\x51", Format::Jpeg2000),
            (b"%PDF-", Format::Pdf),
        ];
        if let Some((_, format)) = PREFIXES.iter().find(|(prefix, _)| bytes.starts_with(prefix)) {
            return Some(*format);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Some(Format::WebP);
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return match bytes.get(8..12)? {
                b"avif" | b"avis" => Some(Format::Avif),
                b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
                    Some(Format::Heic)
                }
                _ => None,
            };
        }
        let start = bytes.get(..bytes.len().min(512))?;
        start.windows(4).any(|window| window == b"<svg").then_some(Format::Svg)
    }

    /// Whether pixels are decoded from this format.
    pub fn is_supported(self) -> bool {
        matches!(self, Format::Jpeg | Format::Png | Format::WebP | Format::Tiff | Format::Bmp)
    }

    /// What the sender can do about an unsupported format.
    pub fn remedy(self) -> &'static str {
        match self {
            Format::Heic => "set the camera to \"most compatible\" or share the photo as JPEG",
            Format::Pdf => "export the page as JPEG or PNG",
            _ => "convert the picture to JPEG or PNG",
        }
    }

    /// Most pixels that a byte of the file can stand for, whatever its content.
    ///
    /// A JPEG spends a bit on the mean of each block of 64 pixels at least; deflate packs 1032 to 1, and a PNG
    /// pixel may be a single bit; BMP can
    /// jump over any number of pixels; lossless WebP and the schemes of TIFF can repeat a whole picture, so that only the pixel limit binds them.
    pub(super) fn max_pixels_per_byte(self) -> u64 {
        match self {
            Format::Jpeg => 8 * 64,
            Format::Png => 1032 * 8,
            _ => u64::from(u32::MAX),
        }
    }

    /// Bytes that the decoder holds at its worst moment, besides the file.
    pub(super) fn working_bytes(self, bytes: &[u8], pixels: u64, raw_bytes: u64) -> u64 {
        let decoding = match self {
            // All coefficients of a progressive JPEG wait for the last scan: 16 bits each, three components.
            Format::Jpeg if is_progressive(bytes) => raw_bytes + pixels * 6,
            // Planes of a lossy picture, or 32-bit pixels of a lossless one.
            Format::WebP => raw_bytes + pixels * 4,
            // Decoded once into the decoder's own buffer, then copied.
            Format::Tiff => raw_bytes * 2,
            _ => raw_bytes,
        };
        let shrinks_in_place = raw_bytes >= pixels * 3;
        decoding.max(if shrinks_in_place { 0 } else { raw_bytes + pixels * 3 })
    }

    /// Refuses a file whose container contradicts itself or holds several pictures.
    pub(super) fn check_container(self, bytes: &[u8]) -> Result<(), ImageError> {
        let broken = |reason| ImageError::Broken { format: self, reason };
        match self {
            Format::Jpeg if !jpeg_is_closed(bytes) => Err(broken("it ends too early")),
            Format::WebP if !webp_is_whole(bytes) => Err(broken("it ends too early")),
            Format::Tiff => match tiff_has_next(bytes) {
                None => Err(broken("its directory cannot be read")),
                Some(true) => Err(ImageError::Several { format: self }),
                Some(false) => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Walks the segments of a JPEG up to the first scan; returns the frame marker and where the scan begins.
fn jpeg_scan(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut at = 2;
    let mut frame = 0;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => {
                at += 1;
                continue;
            }
            0x01 | 0xd0..=0xd8 => {
                at += 2;
                continue;
            }
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => frame = marker,
            0xda => return Some((frame, at)),
            _ => (),
        }
        let len = u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]);
        at += 2 + usize::from(len);
    }
}

/// Whether an end marker follows the first scan: decoders paint the missing part of a truncated file grey.
fn jpeg_is_closed(bytes: &[u8]) -> bool {
    let Some((_, scan)) = jpeg_scan(bytes) else { return true };
    bytes.get(scan..).is_some_and(|rest| rest.windows(2).any(|pair| pair == [0xff, 0xd9]))
}

fn is_progressive(bytes: &[u8]) -> bool {
    jpeg_scan(bytes).is_none_or(|(frame, _)| matches!(frame, 0xc2 | 0xc6 | 0xca | 0xce))
}

/// Whether every chunk of a WebP file lies inside it.
fn webp_is_whole(bytes: &[u8]) -> bool {
    let Some(riff_len) = read_u32(bytes, 4, false) else { return false };
    let end = 8 + u64::from(riff_len);
    if bytes.len() as u64 + 1 < end {
        return false;
    }
    let mut at = 12_u64;
    while at + 8 <= end {
        let Some(len) = usize::try_from(at + 4).ok().and_then(|it| read_u32(bytes, it, false))
        else {
            return false;
        };
        at += 8 + u64::from(len);
        if (bytes.len() as u64) < at {
            return false;
        }
        at += u64::from(len % 2);
    }
    true
}

/// Whether a second directory follows the first one of a TIFF; `None` when there is not even a first.
fn tiff_has_next(bytes: &[u8]) -> Option<bool> {
    let big_endian = bytes.starts_with(b"MM");
    let start = usize::try_from(read_u32(bytes, 4, big_endian)?).ok()?;
    let count = bytes.get(start..start.checked_add(2)?)?;
    let count: [u8; 2] = count.try_into().ok()?;
    let n_entries = if big_endian { u16::from_be_bytes(count) } else { u16::from_le_bytes(count) };
    let next = start + 2 + 12 * usize::from(n_entries);
    // Some writers leave the last pointer out.
    Some(read_u32(bytes, next, big_endian).unwrap_or(0) != 0)
}

fn read_u32(bytes: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
}
