//! Reading a page with made-up networks: boxes, direction, card and layout, without any model.

use std::convert::Infallible;
use std::sync::Arc;

use fenwen::media::{Pixels, Point};
use fenwen::pipeline::idcard::detect::{self, TextBox};
use fenwen::pipeline::idcard::line::Glyph;
use fenwen::pipeline::idcard::read::{Models, PageReading, ReadOptions, read_page};
use fenwen::pipeline::idcard::recognise::Reading;
use fenwen::task::idcard::RetakeReason;
use fenwen::tensor::{Tensor, View};
use image::{Rgb, RgbImage};

/// Takes dark blue for text, and for the start of a line its red end.
struct Colours;

/// Elements of one channel: 0 is blue, 2 is red.
fn channel(tensor: &Tensor, idx: usize) -> &[f32] {
    let values = tensor.as_f32().unwrap();
    let plane = values.len() / 3;
    &values[idx * plane..(idx + 1) * plane]
}

impl Models for Colours {
    type Error = Infallible;

    async fn detect(&self, picture: Tensor) -> Result<Vec<TextBox>, Infallible> {
        let (height, width) = (picture.shape()[1], picture.shape()[2]);
        // Padding is 0, exactly; paper is bright, the table grey.
        let map: Vec<f32> =
            channel(&picture, 1).iter().map(|&it| if it < -0.6 { 0.9 } else { 0.0 }).collect();
        Ok(detect::reduce(View::new(&[1, height, width], &map).unwrap()))
    }

    async fn classify(&self, lines: Vec<Tensor>) -> Result<Vec<f32>, Infallible> {
        Ok(lines.iter().map(|line| if starts_red(line) { 0.1 } else { 0.9 }).collect())
    }

    async fn recognise(&self, lines: Vec<Tensor>) -> Result<Vec<Reading>, Infallible> {
        let reading = |line: &Tensor| {
            let ch = if starts_red(line) { 'A' } else { 'V' };
            Reading { glyphs: vec![Glyph { options: vec![(ch, 0.9)], start: 0.0, end: 1.0 }] }
        };
        Ok(lines.iter().map(reading).collect())
    }
}

fn starts_red(line: &Tensor) -> bool {
    let width = line.shape()[2];
    let (red, green) = (channel(line, 2), channel(line, 1));
    let is_red = |idx: &usize| 0.2 < red[*idx] && green[*idx] < -0.5;
    let (left, right): (Vec<usize>, Vec<usize>) =
        (0..red.len()).filter(is_red).partition(|idx| idx % width < width / 2);
    right.len() < left.len()
}

const CARD: [u32; 4] = [80, 60, 580, 375];
/// Lines of the card: left, top, width.
const LINES: [[u32; 3]; 4] = [[30, 30, 200], [300, 30, 160], [30, 120, 430], [30, 220, 300]];

fn card_on_a_table() -> RgbImage {
    let mut picture = RgbImage::from_pixel(660, 440, Rgb([110, 100, 90]));
    let [left, top, right, bottom] = CARD;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if (left..right).contains(&x) && (top..bottom).contains(&y) {
            *pixel = Rgb([235, 240, 230]);
        }
    }
    for [line_left, line_top, width] in LINES {
        for y in 0..24 {
            for x in 0..width {
                let ink = if x < 40 { Rgb([200, 0, 40]) } else { Rgb([0, 0, 80]) };
                picture.put_pixel(left + line_left + x, top + line_top + y, ink);
            }
        }
    }
    picture
}

async fn read(picture: RgbImage) -> PageReading {
    let (width, height) = picture.dimensions();
    let pixels = Pixels { width, height, rgb: picture.into_raw() };
    read_page(Arc::new(pixels), &Colours, ReadOptions::default()).await.unwrap()
}

#[tokio::test]
async fn a_card_reads_the_same_whichever_way_it_lies() {
    let picture = card_on_a_table();
    let cases = [
        (picture.clone(), 0),
        (image::imageops::rotate90(&picture), 270),
        (image::imageops::rotate180(&picture), 180),
        (image::imageops::rotate270(&picture), 90),
    ];
    for (turned, rotation) in cases {
        let reading = read(turned).await;
        assert_eq!(reading.rotation, rotation);
        assert!(reading.corners.is_some(), "{rotation}");
        assert!((reading.page.width - 500.0).abs() < 12.0, "{rotation}: {}", reading.page.width);
        assert_eq!(reading.page.lines.len(), LINES.len());
        for (line, [left, top, width]) in reading.page.lines.iter().zip(LINES) {
            let expected = Point { x: left as f32 + width as f32 / 2.0, y: top as f32 + 12.0 };
            let found = line.quad.center();
            assert!(found.distance(expected) < 12.0, "{rotation}: {found:?} {expected:?}");
            assert_eq!(line.text(), "A");
        }
    }
}

#[tokio::test]
async fn page_coordinates_lead_back_to_the_picture() {
    let reading = read(image::imageops::rotate180(&card_on_a_table())).await;
    let first = reading.to_image.apply(reading.page.lines[0].quad.center());
    // The centre of the first line, 210 | 102 in the upright picture.
    let expected = Point { x: 660.0 - 210.0, y: 440.0 - 102.0 };
    assert!(first.distance(expected) < 6.0, "{first:?}");
}

#[tokio::test]
async fn quality_follows_the_picture() {
    let sharp = read(card_on_a_table()).await.quality;
    assert_eq!((sharp.n_cards, sharp.cropped, &sharp.retake[..]), (1, false, &[][..]));
    let blurred = read(image::imageops::blur(&card_on_a_table(), 2.5)).await.quality;
    assert!(blurred.sharpness < 0.3 && 0.8 < sharp.sharpness, "{blurred:?} {sharp:?}");
    assert!(blurred.retake.contains(&RetakeReason::Blurred));
    let small = image::imageops::thumbnail(&card_on_a_table(), 330, 220);
    assert!(read(small).await.quality.retake.contains(&RetakeReason::LowResolution));
    let mut dark = card_on_a_table();
    dark.pixels_mut().for_each(|it| it.0 = it.0.map(|level| level / 5));
    assert!(read(dark).await.quality.retake.contains(&RetakeReason::BadExposure));
}

#[tokio::test]
async fn a_card_that_leaves_the_picture_is_cut_off() {
    let picture = card_on_a_table();
    let part = image::imageops::crop_imm(&picture, 130, 0, 530, 440).to_image();
    let quality = read(part).await.quality;
    assert!(quality.retake.contains(&RetakeReason::CutOff), "{quality:?}");
}

#[tokio::test]
async fn two_cards_are_counted_and_one_is_read() {
    let card = card_on_a_table();
    let mut both = RgbImage::from_pixel(1320, 440, Rgb([110, 100, 90]));
    image::imageops::replace(&mut both, &card, 0, 0);
    image::imageops::replace(&mut both, &card, 660, 0);
    let reading = read(both).await;
    assert_eq!(reading.quality.n_cards, 2);
    assert_eq!(reading.quality.retake, [RetakeReason::SeveralCards]);
    assert_eq!(reading.page.lines.len(), LINES.len());
}

#[tokio::test]
async fn a_picture_without_text_is_an_empty_page() {
    let reading = read(RgbImage::from_pixel(300, 200, Rgb([200, 200, 200]))).await;
    assert!(reading.page.lines.is_empty());
    assert!(reading.quality.retake.contains(&RetakeReason::NoDocument));
    assert_eq!(reading.rotation, 0);
    let dot = read(RgbImage::from_pixel(1, 1, Rgb([0, 0, 0]))).await;
    assert!(dot.page.lines.len() <= 1);
}
