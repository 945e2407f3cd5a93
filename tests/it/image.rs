//! Image files as they really arrive: stored sideways, truncated, lying, hostile.

use std::io::Cursor;

use fenwen::media::Pixels;
use fenwen::media::image::{ImageError, ImageLimits, decode, probe};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage};

/// A picture without any symmetry.
fn picture() -> RgbImage {
    RgbImage::from_fn(48, 32, |x, y| {
        let corner = if x < 12 && y < 8 { 250 } else { 30 };
        Rgb([x * 5, y * 7, corner].map(|level| u8::try_from(level).unwrap()))
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn read(bytes: &[u8]) -> Result<Pixels, ImageError> {
    decode(bytes, &ImageLimits::default())
}

/// EXIF with one entry: the orientation.
fn exif(orientation: Orientation) -> Vec<u8> {
    let mut chunk = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    chunk.extend([orientation.to_exif(), 0, 0, 0]);
    chunk.extend([0; 4]);
    chunk
}

/// `picture` stored so that a viewer who follows the EXIF orientation sees it upright.
fn stored(picture: &RgbImage, orientation: Orientation) -> DynamicImage {
    let undo = match orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        own_inverse => own_inverse,
    };
    let mut turned = DynamicImage::from(picture.clone());
    turned.apply_orientation(undo);
    turned
}

fn with_exif(mut encoder: impl ImageEncoder, picture: &DynamicImage, orientation: Orientation) {
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    let (width, height) = (picture.width(), picture.height());
    encoder.write_image(picture.as_bytes(), width, height, ExtendedColorType::Rgb8).unwrap();
}

/// A TIFF whose orientation tag is set by hand, over the tag for the unit of resolution.
fn oriented_tiff(picture: &DynamicImage, orientation: Orientation) -> Vec<u8> {
    let mut bytes = encoded(picture, ImageFormat::Tiff);
    let unit = b"\x28\x01\x03\0\x01\0\0\0";
    let at = bytes.windows(unit.len()).position(|it| it == unit).unwrap();
    bytes[at] = 0x12;
    bytes[at + 8] = orientation.to_exif();
    bytes
}

#[test]
fn all_eight_orientations_show_the_same_picture() {
    let picture = picture();
    for orientation in (1..=8).map(|it| Orientation::from_exif(it).unwrap()) {
        let stored = stored(&picture, orientation);
        let (mut png, mut webp) = (Vec::new(), Vec::new());
        with_exif(PngEncoder::new(&mut png), &stored, orientation);
        with_exif(WebPEncoder::new_lossless(&mut webp), &stored, orientation);
        for bytes in [png, webp, oriented_tiff(&stored, orientation)] {
            let info = probe(&bytes, &ImageLimits::default()).unwrap();
            assert_eq!((info.width, info.height), (48, 32), "{info:?}");
            assert_eq!(info.orientation, orientation.to_exif(), "{info:?}");
            assert!(read(&bytes).unwrap().rgb == *picture.as_raw(), "{info:?}");
        }
    }
}

#[test]
fn a_sideways_jpeg_stands_up() {
    let picture = picture();
    for orientation in (1..=8).map(|it| Orientation::from_exif(it).unwrap()) {
        let mut bytes = Vec::new();
        with_exif(
            JpegEncoder::new_with_quality(&mut bytes, 100),
            &stored(&picture, orientation),
            orientation,
        );
        let pixels = read(&bytes).unwrap();
        assert_eq!((pixels.width, pixels.height), (48, 32), "{orientation:?}");
        let error: u32 =
            pixels.rgb.iter().zip(picture.as_raw()).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum();
        let mean = error / u32::try_from(pixels.rgb.len()).unwrap();
        assert!(mean < 8, "{orientation:?}: {mean}");
    }
}

#[test]
fn a_truncated_file_is_refused_or_whole() {
    let picture = DynamicImage::from(picture());
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ] {
        let bytes = encoded(&picture, format);
        let whole = read(&bytes).unwrap();
        for len in (1..bytes.len()).filter(|len| len % 64 == 1 || bytes.len() - len < 16) {
            if let Ok(pixels) = read(&bytes[..len]) {
                assert!(pixels.rgb == whole.rgb, "{format:?} of {len} bytes");
            }
        }
    }
}

#[test]
fn a_damaged_file_never_panics() {
    let picture = DynamicImage::from(picture());
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
    ] {
        let bytes = encoded(&picture, format);
        for at in (0..bytes.len()).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xa5;
            let _ = read(&damaged);
        }
    }
}

/// A PNG of any declared size with little behind it.
fn lying_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(&picture().into(), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

/// A JPEG whose frame header claims another size.
fn lying_jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = encoded(&picture().into(), ImageFormat::Jpeg);
    let frame = bytes.windows(2).position(|it| it == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

fn animated_png() -> Vec<u8> {
    let mut bytes = encoded(&picture().into(), ImageFormat::Png);
    let mut control = b"acTL\0\0\0\x02\0\0\0\0".to_vec();
    control.extend(crc32(&control).to_be_bytes());
    control.splice(0..0, 8_u32.to_be_bytes());
    bytes.splice(33..33, control);
    bytes
}

fn two_page_tiff() -> Vec<u8> {
    let mut bytes = encoded(&picture().into(), ImageFormat::Tiff);
    let start = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let n_entries = usize::from(u16::from_le_bytes([bytes[start], bytes[start + 1]]));
    let next = start + 2 + 12 * n_entries;
    bytes[next..next + 4].copy_from_slice(&8_u32.to_le_bytes());
    bytes
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let error = read(bytes).err().map(|it| it.to_string());
    assert!(error.as_deref().is_some_and(|it| it.contains(expected)), "{error:?}: {expected}");
}

#[test]
fn lying_and_hostile_files_are_refused() {
    check_refused(&lying_png(30_000, 30_000), "width 30000 exceeds 16384");
    check_refused(&lying_png(16_000, 16_000), "pixels 256000000 exceeds 40000000");
    check_refused(&lying_png(6_000, 6_000), "too short for its dimensions");
    check_refused(&lying_png(0, 20), "damaged");
    check_refused(&lying_png(200, 200), "damaged");
    check_refused(&lying_jpeg(6_000, 6_000), "too short for its dimensions");
    check_refused(&lying_jpeg(65_500, 600), "width 65500 exceeds");
    check_refused(&lying_jpeg(0, 0), "damaged");
    check_refused(&animated_png(), "several pictures");
    check_refused(&two_page_tiff(), "several pictures");
    check_refused(b"\xff\xd8\xff", "damaged");
    check_refused(b"\x89PNG\r\n\x1a\n", "damaged");
    check_refused(b"RIFF\xff\xff\xff\xffWEBPVP8 ", "damaged");
    check_refused(b"RIFF\x0c\0\0\0WEBPVP8X\xff\xff\xff\x7f", "damaged");
    check_refused(b"II*\0\xff\xff\xff\xff", "damaged");
    check_refused(b"BM\0\0\0\0", "damaged");
}

#[test]
fn a_polyglot_is_what_its_first_bytes_say() {
    let mut bytes = encoded(&picture().into(), ImageFormat::Png);
    bytes.extend(b"PK\x05\x06<script>%PDF-1.4");
    assert!(read(&bytes).unwrap().rgb == *picture().as_raw());
}

#[test]
fn limits_hold() {
    let bytes = encoded(&picture().into(), ImageFormat::Png);
    let limits = ImageLimits::default();
    let cases = [
        (ImageLimits { max_bytes: 10, ..limits }, "bytes"),
        (ImageLimits { max_side: 47, ..limits }, "width"),
        (ImageLimits { max_pixels: 48 * 32 - 1, ..limits }, "pixels"),
        (ImageLimits { max_alloc: 48 * 32 * 3 - 1, ..limits }, "memory"),
    ];
    for (limits, expected) in cases {
        let error = decode(&bytes, &limits).err();
        let is_expected =
            matches!(error, Some(ImageError::TooLarge { what, .. }) if what == expected);
        assert!(is_expected, "{expected}: {error:?}");
    }
}
