//! Decoding of image files: upright RGB pixels, or an error that says what is wrong with the file.
//!
//! Every limit is checked against the header before the picture is allocated. A header that promises more
//! pixels than its compressed bytes can hold is refused as well, so a small file cannot claim much memory.

mod format;
mod rgb;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::ImageDecoder;
use image::codecs::bmp::BmpDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;

use crate::base::ErrorCode;

use super::Pixels;

pub use format::Format;

/// Limits of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Bytes of the file.
    pub max_bytes: usize,
    /// Width times height.
    pub max_pixels: u64,
    /// Longer side, in pixels.
    pub max_side: u32,
    /// Bytes allocated at the worst moment of decoding.
    pub max_alloc: u64,
}

impl Default for ImageLimits {
    /// 20 MiB, 40 million pixels, 16 384 a side, 256 MiB.
    fn default() -> ImageLimits {
        ImageLimits {
            max_bytes: 20 << 20,
            max_pixels: 40_000_000,
            max_side: 16_384,
            max_alloc: 256 << 20,
        }
    }
}

/// What the header of a picture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// File format, by content.
    pub format: Format,
    /// Width as displayed (EXIF orientation applied).
    pub width: u32,
    /// Height as displayed.
    pub height: u32,
    /// EXIF orientation of the stored pixels, 1 to 8; 1 is upright.
    pub orientation: u8,
}

/// Why a file is not a picture we can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// A format that is recognised but not read.
    #[error("{format} files are not supported: {}", .format.remedy())]
    Unsupported {
        /// Which.
        format: Format,
    },
    /// Not a picture, or of an unknown kind.
    #[error("the file is no picture of a known format: send JPEG, PNG, WebP, TIFF or BMP")]
    Unknown,
    /// More bytes, pixels or memory than the limits allow.
    #[error("the picture is too large: {what} {value} exceeds {limit}")]
    TooLarge {
        /// `bytes`, `width`, `height`, `pixels` or `memory`.
        what: &'static str,
        /// Found.
        value: u64,
        /// Allowed.
        limit: u64,
    },
    /// More than one picture in the file.
    #[error("the {format} file holds several pictures: send each as its own file")]
    Several {
        /// Format of the file.
        format: Format,
    },
    /// Damaged, truncated or contradictory.
    #[error("the {format} file is damaged: {reason}")]
    Broken {
        /// Format by its first bytes.
        format: Format,
        /// What is wrong; never a part of the content.
        reason: &'static str,
    },
}

impl ImageError {
    /// The code answered to callers.
    pub fn code(&self) -> ErrorCode {
        match self {
            ImageError::Empty => ErrorCode::BadValue,
            ImageError::Unsupported { .. } | ImageError::Unknown => ErrorCode::UnsupportedMedia,
            ImageError::TooLarge { .. } => ErrorCode::TooLarge,
            ImageError::Several { .. } | ImageError::Broken { .. } => ErrorCode::ContentRefused,
        }
    }
}

/// Reads the header of a picture; allocates no pixels.
pub fn probe(bytes: &[u8], limits: &ImageLimits) -> Result<ImageInfo, ImageError> {
    guarded(bytes, limits, |opened| Ok(opened.info))
}

/// Decodes a picture to upright 8-bit RGB; transparency is laid over white.
pub fn decode(bytes: &[u8], limits: &ImageLimits) -> Result<Pixels, ImageError> {
    guarded(bytes, limits, |opened| {
        let Opened { info, decoder, orientation } = opened;
        let broken =
            ImageError::Broken { format: info.format, reason: "its pixels cannot be decoded" };
        let (width, height) = decoder.dimensions();
        let color = decoder.color_type();
        let n_bytes = usize::try_from(decoder.total_bytes()).map_err(|_| broken.clone())?;
        let mut raw = vec![0; n_bytes];
        decoder.read_image(&mut raw).map_err(|_| broken.clone())?;
        let rgb = rgb::from_raw(raw, color).ok_or(broken)?;
        Ok(rgb::turned(Pixels { width, height, rgb }, orientation))
    })
}

/// A decoder that has passed every check of its header.
struct Opened<'a> {
    info: ImageInfo,
    decoder: Box<dyn ImageDecoder + 'a>,
    orientation: Orientation,
}

/// Opens the file and hands it to `work`; a decoder that panics has found the file broken.
fn guarded<R>(
    bytes: &[u8],
    limits: &ImageLimits,
    work: impl FnOnce(Opened<'_>) -> Result<R, ImageError>,
) -> Result<R, ImageError> {
    let format = accepted_format(bytes, limits)?;
    catch_unwind(AssertUnwindSafe(|| work(open(bytes, format, limits)?)))
        .unwrap_or(Err(ImageError::Broken { format, reason: "its decoder gave up" }))
}

fn accepted_format(bytes: &[u8], limits: &ImageLimits) -> Result<Format, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    at_most("bytes", bytes.len() as u64, limits.max_bytes as u64)?;
    let format = Format::of(bytes).ok_or(ImageError::Unknown)?;
    if !format.is_supported() {
        return Err(ImageError::Unsupported { format });
    }
    Ok(format)
}

fn open<'a>(
    bytes: &'a [u8],
    format: Format,
    limits: &ImageLimits,
) -> Result<Opened<'a>, ImageError> {
    format.check_container(bytes)?;
    let mut decoder = decoder_of(bytes, format)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(ImageError::Broken { format, reason: "it has no pixels" });
    }
    at_most("width", width.into(), limits.max_side.into())?;
    at_most("height", height.into(), limits.max_side.into())?;
    let pixels = u64::from(width) * u64::from(height);
    at_most("pixels", pixels, limits.max_pixels)?;
    if bytes.len() as u64 * format.max_pixels_per_byte() < pixels {
        return Err(ImageError::Broken { format, reason: "it is too short for its dimensions" });
    }
    // Unreadable metadata is no reason to refuse the picture: it is shown as stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let turns_sideways = orientation.to_exif() >= 5;
    let working = format.working_bytes(bytes, pixels, decoder.total_bytes());
    let turned = if orientation == Orientation::NoTransforms { 0 } else { pixels * 3 };
    at_most("memory", working.max(pixels * 3 + turned), limits.max_alloc)?;
    let (width, height) = if turns_sideways { (height, width) } else { (width, height) };
    let info = ImageInfo { format, width, height, orientation: orientation.to_exif() };
    Ok(Opened { info, decoder, orientation })
}

fn decoder_of(bytes: &[u8], format: Format) -> Result<Box<dyn ImageDecoder + '_>, ImageError> {
    let input = Cursor::new(bytes);
    let broken = |_| ImageError::Broken { format, reason: "its header cannot be read" };
    let decoder: Box<dyn ImageDecoder + '_> = match format {
        Format::Jpeg => Box::new(JpegDecoder::new(input).map_err(broken)?),
        Format::Png => {
            let mut limits = image::Limits::no_limits();
            limits.max_alloc = Some(METADATA_BYTES);
            let decoder = PngDecoder::with_limits(input, limits).map_err(broken)?;
            if decoder.is_apng().unwrap_or(true) {
                return Err(ImageError::Several { format });
            }
            Box::new(decoder)
        }
        Format::WebP => {
            let decoder = WebPDecoder::new(input).map_err(broken)?;
            if decoder.has_animation() {
                return Err(ImageError::Several { format });
            }
            Box::new(decoder)
        }
        Format::Tiff => Box::new(TiffDecoder::new(input).map_err(broken)?),
        Format::Bmp => Box::new(BmpDecoder::new(input).map_err(broken)?),
        _ => return Err(ImageError::Unsupported { format }),
    };
    Ok(decoder)
}

/// Most a PNG may unpack of profiles and texts that nobody reads.
const METADATA_BYTES: u64 = 32 << 20;

fn at_most(what: &'static str, value: u64, limit: u64) -> Result<(), ImageError> {
    if value <= limit { Ok(()) } else { Err(ImageError::TooLarge { what, value, limit }) }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

    use super::*;

    fn picture() -> RgbImage {
        let level = |it: u32| u8::try_from(it).unwrap();
        RgbImage::from_fn(24, 10, |x, y| Rgb([x * 10, y * 20, 255 - x * 5].map(level)))
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[track_caller]
    fn check_error(bytes: &[u8], expected: &str) {
        let limits = ImageLimits::default();
        let found = decode(bytes, &limits).err().map(|it| it.to_string());
        assert!(found.as_ref().is_some_and(|it| it.contains(expected)), "{found:?}");
    }

    #[test]
    fn each_lossless_format_keeps_the_pixels() {
        let expected = picture();
        let formats = [
            (ImageFormat::Png, Format::Png),
            (ImageFormat::WebP, Format::WebP),
            (ImageFormat::Tiff, Format::Tiff),
            (ImageFormat::Bmp, Format::Bmp),
        ];
        for (written, format) in formats {
            let bytes = encoded(&expected.clone().into(), written);
            let info = probe(&bytes, &ImageLimits::default()).unwrap();
            let expected_info = ImageInfo { format, width: 24, height: 10, orientation: 1 };
            assert_eq!(info, expected_info);
            let pixels = decode(&bytes, &ImageLimits::default()).unwrap();
            assert_eq!(pixels.rgb, *expected.as_raw(), "{format}");
        }
    }

    #[test]
    fn each_colour_type_becomes_rgb() {
        let rgb = DynamicImage::from(picture());
        let grey = DynamicImage::from(rgb.to_luma8());
        let cases = [
            (DynamicImage::from(rgb.to_rgb16()), &rgb),
            (DynamicImage::from(rgb.to_rgba8()), &rgb),
            (DynamicImage::from(rgb.to_rgba16()), &rgb),
            (grey.clone(), &grey),
            (DynamicImage::from(grey.to_luma16()), &grey),
            (DynamicImage::from(grey.to_luma_alpha8()), &grey),
            (DynamicImage::from(grey.to_luma_alpha16()), &grey),
        ];
        for (written, expected) in cases {
            let pixels = decode(&encoded(&written, ImageFormat::Png), &ImageLimits::default());
            assert_eq!(pixels.unwrap().rgb, *expected.to_rgb8().as_raw(), "{:?}", written.color());
        }
        let floats = encoded(&rgb.to_rgb32f().into(), ImageFormat::Tiff);
        assert_eq!(decode(&floats, &ImageLimits::default()).unwrap().rgb, *rgb.to_rgb8().as_raw());
    }

    #[test]
    fn transparency_is_laid_over_white() {
        let clear = image::RgbaImage::from_pixel(3, 2, image::Rgba([10, 20, 30, 0]));
        let pixels = decode(&encoded(&clear.into(), ImageFormat::Png), &ImageLimits::default());
        assert_eq!(pixels.unwrap().rgb, [255; 18]);
    }

    #[test]
    fn other_formats_are_named_with_a_remedy() {
        check_error(b"", "empty");
        check_error(b"GIF89a\x01\0\x01\0", "GIF");
        check_error(b"\0\0\0\x18ftypheic\0\0\0\0", "most compatible");
        check_error(b"\0\0\0\x18ftypavif\0\0\0\0", "AVIF");
        check_error(b"%PDF-1.7\n", "export the page");
        check_error(b"<?xml version=\"1.0\"?><svg xmlns=\"\"/>", "SVG");
        check_error(b"PK\x03\x04 a polyglot", "no picture");
        check_error(b"<html>", "no picture");
    }

    #[test]
    fn each_error_has_a_code() {
        let format = Format::Heic;
        assert_eq!(ImageError::Empty.code(), ErrorCode::BadValue);
        assert_eq!(ImageError::Unsupported { format }.code(), ErrorCode::UnsupportedMedia);
        let large = ImageError::TooLarge { what: "bytes", value: 2, limit: 1 };
        assert_eq!(large.code(), ErrorCode::TooLarge);
        assert_eq!(ImageError::Several { format }.code(), ErrorCode::ContentRefused);
    }
}
