//! Broken and hostile media files against the real router and the real decoder: each is answered, none with a 5xx.

use super::client::{form, get, post, send};
use super::fake::Server;

/// A file, and what it is.
struct Hostile {
    name: String,
    bytes: Vec<u8>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_files_are_answered_and_the_server_lives() {
    let server = Server::open().await;
    let files = files();
    assert!(180 <= files.len(), "{}", files.len());
    for file in &files {
        let answer = send(server.addr, &post("", &form(&[("image", &file.bytes)]))).await;
        let is_expected = matches!(answer.status, 200 | 400 | 413 | 415 | 422);
        assert!(is_expected, "{}: {answer:?}", file.name);
        if answer.status != 200 {
            answer.problem();
        }
    }
    assert_eq!(server.service.occupancy().calls, 0);
    assert_eq!(server.service.occupancy().pixels, 0);
    assert_eq!(get(server.addr, "/healthz/ready").await.status, 200);
}

/// Refusals that must stay refusals, whatever the decoders do.
#[tokio::test]
async fn bombs_are_refused_by_their_header() {
    let server = Server::open().await;
    for (name, bytes) in bombs() {
        let answer = send(server.addr, &post("", &form(&[("image", &bytes)]))).await;
        assert!(matches!(answer.status, 413 | 415 | 422), "{name}: {answer:?}");
    }
}

fn files() -> Vec<Hostile> {
    let mut files: Vec<Hostile> = Vec::new();
    let mut add = |name: String, bytes: Vec<u8>| files.push(Hostile { name, bytes });
    let good = good_files();
    for (format, bytes) in &good {
        add(format!("{format}, good"), bytes.clone());
        for permille in [1, 20, 100, 250, 500, 750, 900, 990] {
            add(
                format!("{format}, {permille} ‰ of it"),
                bytes[..bytes.len() * permille / 1000].to_vec(),
            );
        }
        for (seed, n_flips) in (1..).zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]) {
            add(format!("{format}, {n_flips} bytes changed"), changed(bytes, seed, n_flips));
        }
        add(format!("{format}, header only changed"), header_changed(bytes));
        add(format!("{format}, appended garbage"), [bytes.clone(), noise(9, 5000)].concat());
        add(format!("{format}, zip appended"), [&bytes[..], b"PK\x03\x04evil.exe"].concat());
        add(
            format!("{format}, html appended"),
            [&bytes[..], b"<script>alert(1)</script>"].concat(),
        );
        for (other, head) in &good {
            if other != format {
                add(format!("{other} head on {format}"), [&head[..16], &bytes[16..]].concat());
            }
        }
    }
    for (name, bytes) in bombs().into_iter().chain(strangers()) {
        add(name.to_owned(), bytes);
    }
    for seed in 0..8 {
        add(format!("noise {seed}"), noise(seed, 4000));
    }
    files
}

/// One small picture in every format that is read.
fn good_files() -> Vec<(&'static str, Vec<u8>)> {
    let picture = image::RgbImage::from_fn(61, 47, |x, y| {
        image::Rgb([x * 4, y * 5, x ^ y].map(|it| it.to_le_bytes()[0]))
    });
    [
        ("JPEG", image::ImageFormat::Jpeg),
        ("PNG", image::ImageFormat::Png),
        ("WebP", image::ImageFormat::WebP),
        ("TIFF", image::ImageFormat::Tiff),
        ("BMP", image::ImageFormat::Bmp),
    ]
    .map(|(name, format)| {
        let mut bytes = Vec::new();
        picture.write_to(&mut std::io::Cursor::new(&mut bytes), format).unwrap();
        (name, bytes)
    })
    .into()
}

/// Small files whose headers promise a lot.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let huge_bmp = |width: i32, height: i32| {
        let mut file =
            b"BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00".to_vec();
        file.extend_from_slice(&width.to_le_bytes());
        file.extend_from_slice(&height.to_le_bytes());
        file.extend_from_slice(b"\x01\x00\x18\x00");
        file.resize(54, 0);
        file
    };
    vec![
        ("PNG of 30 000 x 30 000", png_bomb(30_000, 30_000, 4096)),
        ("PNG of 2^31 x 2^31", png_bomb(0x7fff_ffff, 0x7fff_ffff, 64)),
        ("PNG of 0 x 0", png_bomb(0, 0, 64)),
        ("PNG of 6000 x 6000 in 100 bytes", png_bomb(6000, 6000, 100)),
        ("JPEG of 65535 x 65535", jpeg_header(65_535, 65_535)),
        ("JPEG of 6000 x 6000 without scan", jpeg_header(6000, 6000)),
        ("JPEG of 0 x 0", jpeg_header(0, 0)),
        ("BMP of 2^31 x 2^31", huge_bmp(i32::MAX, i32::MAX)),
        ("BMP of negative height", huge_bmp(100, i32::MIN)),
        ("BMP of negative width", huge_bmp(-100, 100)),
        ("WebP of 16384 x 16384", webp_lossless(16_384, 16_384)),
        ("TIFF of 2^32 - 1 squared", tiff(&[(256, 4, 1, u32::MAX), (257, 4, 1, u32::MAX)], 0)),
        ("TIFF whose directory points at itself", tiff(&[(256, 4, 1, 1), (257, 4, 1, 1)], 8)),
        ("TIFF with 2^31 strips", tiff(&[(256, 4, 1, 9), (257, 4, 1, 9), (273, 4, 1 << 31, 8)], 0)),
    ]
}

/// Files of other kinds, and of no kind.
fn strangers() -> Vec<(&'static str, Vec<u8>)> {
    let texts: [(&str, &[u8]); 20] = [
        ("GIF", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"),
        ("GIF of 65535 x 65535", b"GIF89a\xff\xff\xff\xff\x80\x00\x00"),
        ("HEIC", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"),
        ("AVIF", b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif"),
        ("JPEG XL", b"\xff\x0a\x00\x00\x00\x00"),
        ("JPEG 2000", b"\x00\x00\x00\x0cjP  \r\n\x87\n"),
        ("SVG that includes a file", b"<?xml version=\"1.0\"?><!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><svg>&x;</svg>"),
        ("SVG that expands", b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1e9\" height=\"1e9\"/>"),
        ("PDF", b"%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj"),
        ("PDF in JPEG clothes", b"\xff\xd8\xff\xe0%PDF-1.7"),
        ("ZIP", b"PK\x03\x04\x14\x00\x00\x00\x08\x00"),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
        ("ELF", b"\x7fELF\x02\x01\x01\x00"),
        ("HTML", b"<html><script>alert(1)</script></html>"),
        ("JSON", b"{\"image\":\"data:image/png;base64,AAAA\"}"),
        ("PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run"),
        ("ImageMagick script", b"push graphic-context\nimage over 0,0 0,0 'https://localhost/x'"),
        ("RIFF that is sound", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        ("one byte", b"\xff"),
        ("zeros", &[0; 1024]),
    ];
    texts.into_iter().map(|(name, bytes)| (name, bytes.to_vec())).collect()
}

fn png_bomb(width: u32, height: u32, n_data: usize) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", &header[..]), (b"IDAT", &vec![0; n_data]), (b"IEND", &[])] {
        file.extend_from_slice(&u32::try_from(data.len()).unwrap().to_be_bytes());
        let body = [&kind[..], data].concat();
        file.extend_from_slice(&body);
        file.extend_from_slice(&crc32(&body).to_be_bytes());
    }
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}

fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let mut file = b"\xff\xd8\xff\xc0\x00\x11\x08".to_vec();
    file.extend_from_slice(&height.to_be_bytes());
    file.extend_from_slice(&width.to_be_bytes());
    file.extend_from_slice(b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01\xff\xd9");
    file
}

fn webp_lossless(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"RIFF\x12\x00\x00\x00WEBPVP8L\x05\x00\x00\x00\x2f".to_vec();
    file.extend_from_slice(&((width - 1) | ((height - 1) << 14)).to_le_bytes());
    file.push(0);
    file
}

/// A little-endian TIFF of one directory at offset 8 that names `next` as its successor.
fn tiff(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
    let mut file = b"II*\0\x08\x00\x00\x00".to_vec();
    file.extend_from_slice(&u16::try_from(entries.len()).unwrap().to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend_from_slice(&tag.to_le_bytes());
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&count.to_le_bytes());
        file.extend_from_slice(&value.to_le_bytes());
    }
    file.extend_from_slice(&next.to_le_bytes());
    file
}

/// The file with bytes behind its signature replaced, the same for the same seed.
fn changed(bytes: &[u8], seed: u64, n_flips: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for pair in noise(seed, n_flips * 3).chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([pair[0], pair[1]])) % (bytes.len() - 12) + 12;
        changed[at] = pair[2];
    }
    changed
}

fn header_changed(bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[12..40].copy_from_slice(&noise(77, 28));
    changed
}

/// Bytes without pattern (SplitMix64).
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });
    words.flat_map(u64::to_le_bytes).take(len).collect()
}
