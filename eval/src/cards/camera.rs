//! The photograph of a card: surroundings, perspective, light, blur, noise and compression.

use std::f32::consts::PI;

use anyhow::{Context as _, Result};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::cards::Level;
use crate::cards::canvas::{Canvas, Colour};
use crate::cards::chance::Chance;
use crate::cards::optics::{self, Film};
use crate::cards::pixel;
use crate::cards::plane::{Homography, Vec2};
use crate::cards::surroundings::Surroundings;

/// How one picture is taken; all of it is drawn from the seed before the first pixel.
struct Setting {
    /// Picture size before the page rotation.
    size: (usize, usize),
    /// Corners of the card in the picture.
    corners: [Vec2; 4],
    /// Gaussian blur, standard deviation in pixels.
    blur: f32,
    /// Motion blur: length in pixels and direction.
    motion: Option<(f32, f32)>,
    /// Reflections: centre, radii and strength.
    glare: Vec<optics::Glare>,
    /// Brightness of the four corners of the picture and a colour cast.
    light: optics::Light,
    /// Standard deviation of the sensor noise, in grey levels.
    noise: f32,
    /// JPEG quality; `None` writes PNG.
    quality: Option<u8>,
    /// Clockwise page rotation in quarter turns.
    turns: u16,
}

/// A finished picture.
pub struct Photo {
    /// Encoded bytes.
    pub bytes: Vec<u8>,
    /// `jpg` or `png`.
    pub extension: &'static str,
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Clockwise page rotation, in degrees.
    pub rotation: u16,
    place: Homography,
    turns: u16,
    upright: (f32, f32),
}

impl Photo {
    /// Where a point of the card's canvas lies in the picture.
    pub fn locate(&self, point: (f32, f32)) -> [f32; 2] {
        let Vec2 { x, y } = self.place.apply(Vec2 { x: point.0, y: point.1 });
        let (width, height) = self.upright;
        match self.turns {
            1 => [height - y, x],
            2 => [width - x, height - y],
            3 => [y, width - x],
            _ => [x, y],
        }
    }
}

/// Takes a picture of `card`.
///
/// # Errors
/// When the picture cannot be encoded.
pub fn take(card: &Canvas, level: Level, chance: &mut Chance) -> Result<Photo> {
    let setting = Setting::draw(card, level, chance);
    let (width, height) = setting.size;
    let (card_width, card_height) = (card.width as f32, card.height as f32);
    let edges = [(0.0, 0.0), (card_width, 0.0), (card_width, card_height), (0.0, card_height)]
        .map(|(x, y)| Vec2 { x, y });
    let place = Homography::between(edges, setting.corners).context("the card has no area")?;
    let back = Homography::between(setting.corners, edges).context("the card has no area")?;
    let surroundings = Surroundings::draw(level, chance);
    let scale = (setting.corners[1].x - setting.corners[0].x)
        .hypot(setting.corners[1].y - setting.corners[0].y)
        / card_width;
    let mut film = Film::new(width, height);
    for y in 0..height {
        for x in 0..width {
            let at = Vec2 { x: x as f32 + 0.5, y: y as f32 + 0.5 };
            let on_card = back.apply(at);
            let outside = distance(on_card, (card_width, card_height)) * scale;
            let cover = (0.5 - outside).clamp(0.0, 1.0);
            let mut colour = [0.0; 3];
            if cover < 1.0 {
                let shade = surroundings.shadow(outside);
                colour = surroundings.colour(at.x, at.y).map(|it| it * shade);
            }
            if cover > 0.0 {
                let own = sample(card, on_card);
                colour = std::array::from_fn(|idx| colour[idx] + (own[idx] - colour[idx]) * cover);
            }
            film.pixels[y * width + x] = colour;
        }
    }
    setting.expose(&mut film, chance);
    let (bytes, extension) = encode(&film.turned(setting.turns), setting.quality)?;
    let swapped = setting.turns % 2 == 1;
    Ok(Photo {
        bytes,
        extension,
        width: if swapped { height } else { width },
        height: if swapped { width } else { height },
        rotation: setting.turns * 90,
        place,
        turns: setting.turns,
        upright: (width as f32, height as f32),
    })
}

impl Setting {
    fn draw(card: &Canvas, level: Level, chance: &mut Chance) -> Self {
        let (tilt, skew, scale) = match level {
            Level::Flat => (0.4, 0.0, 1.0),
            Level::Phone => (6.0, 0.03, 1.0),
            Level::Bad => (14.0, 0.07, chance.range(0.62, 0.85)),
        };
        let width = 1200.0 * scale;
        let aspect = card.height as f32 / card.width as f32;
        let margin = chance.range(0.76, 0.88);
        let height = (width * (aspect * margin + 0.17).max(0.667)).round();
        let corners = corners((width, height), (margin * width, aspect), (tilt, skew), chance);
        let turns =
            if chance.odds(0.3) { u16::try_from(chance.between(1, 3)).unwrap_or(0) } else { 0 };
        let size = (pixel::index(width), pixel::index(height));
        let near = (width, height);
        let shaken = level == Level::Bad && chance.odds(0.35);
        Self {
            size,
            corners,
            blur: match level {
                Level::Flat => chance.range(0.0, 0.35),
                Level::Phone => chance.range(0.3, 0.8),
                Level::Bad if shaken => 0.5,
                Level::Bad => chance.range(0.8, 1.5),
            },
            motion: shaken.then(|| (chance.range(2.5, 5.0), chance.range(0.0, PI))),
            glare: match level {
                Level::Flat => Vec::new(),
                Level::Phone => optics::Glare::draw(chance, near, (0.5, 0.15, 0.4)),
                Level::Bad => optics::Glare::draw(chance, near, (0.8, 0.4, 0.85)),
            },
            light: match level {
                Level::Flat => optics::Light::even(chance),
                Level::Phone => optics::Light::draw(chance, 0.12),
                Level::Bad => optics::Light::draw(chance, 0.28),
            },
            noise: match level {
                Level::Flat => 1.0,
                Level::Phone => chance.range(0.6, 2.4),
                Level::Bad => chance.range(3.0, 8.0),
            },
            quality: match level {
                Level::Flat if chance.odds(0.2) => None,
                Level::Flat => u8::try_from(chance.between(88, 95)).ok(),
                Level::Phone => u8::try_from(chance.between(65, 90)).ok(),
                Level::Bad => u8::try_from(chance.between(35, 65)).ok(),
            },
            turns,
        }
    }

    fn expose(&self, film: &mut Film, chance: &mut Chance) {
        for glare in &self.glare {
            glare.add(film);
        }
        self.light.shine(film);
        if let Some((length, direction)) = self.motion {
            film.shake(length, direction);
        }
        film.blur(self.blur);
        film.add_noise(self.noise, chance);
    }
}

/// Corners of a card of `card.0` pixels and aspect `card.1`, tilted by up to `bend.0` degrees and skewed by `bend.1`.
fn corners(size: (f32, f32), card: (f32, f32), bend: (f32, f32), chance: &mut Chance) -> [Vec2; 4] {
    let (width, aspect) = card;
    let angle = chance.jitter(bend.0).to_radians();
    let (half_x, half_y) = (width / 2.0, width * aspect / 2.0);
    let bent = [(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)].map(
        |(x, y)| {
            let (x, y) = (x + chance.jitter(bend.1) * width, y + chance.jitter(bend.1) * width);
            Vec2 { x: x * angle.cos() - y * angle.sin(), y: x * angle.sin() + y * angle.cos() }
        },
    );
    // A card that would leave the picture is moved back in and, if need be, made smaller.
    let low = |axis: fn(&Vec2) -> f32| bent.iter().map(axis).fold(f32::INFINITY, f32::min);
    let high = |axis: fn(&Vec2) -> f32| bent.iter().map(axis).fold(f32::NEG_INFINITY, f32::max);
    let (left, right, top, bottom) =
        (low(|it| it.x), high(|it| it.x), low(|it| it.y), high(|it| it.y));
    let fit = ((size.0 * 0.965) / (right - left)).min((size.1 * 0.965) / (bottom - top)).min(1.0);
    let room = ((size.0 - (right - left) * fit) / 2.0, (size.1 - (bottom - top) * fit) / 2.0);
    let shift = (chance.jitter(room.0 * 0.6), chance.jitter(room.1 * 0.6));
    bent.map(|it| Vec2 {
        x: (it.x - left) * fit + room.0 + shift.0,
        y: (it.y - top) * fit + room.1 + shift.1,
    })
}

/// How far a point lies outside a card with rounded corners; negative inside. In canvas pixels.
fn distance(at: Vec2, size: (f32, f32)) -> f32 {
    let radius = size.0 * 0.035;
    let dx = (at.x - size.0 / 2.0).abs() - size.0 / 2.0 + radius;
    let dy = (at.y - size.1 / 2.0).abs() - size.1 / 2.0 + radius;
    dx.max(0.0).hypot(dy.max(0.0)) + dx.max(dy).min(0.0) - radius
}

/// The card's colour between its pixels.
fn sample(card: &Canvas, at: Vec2) -> [f32; 3] {
    let x = (at.x - 0.5).clamp(0.0, card.width as f32 - 1.001);
    let y = (at.y - 0.5).clamp(0.0, card.height as f32 - 1.001);
    let (left, top) = (pixel::index(x), pixel::index(y));
    let (fx, fy) = (x - left as f32, y - top as f32);
    let row = |y: usize| {
        let start = y * card.width + left;
        let pair: [Colour; 2] = [card.pixels[start], card.pixels[start + 1]];
        std::array::from_fn(|idx| {
            let (a, b) = (f32::from(pair[0][idx]), f32::from(pair[1][idx]));
            a + (b - a) * fx
        })
    };
    let (upper, lower): ([f32; 3], [f32; 3]) = (row(top), row(top + 1));
    std::array::from_fn(|idx| upper[idx] + (lower[idx] - upper[idx]) * fy)
}

fn encode(film: &Film, quality: Option<u8>) -> Result<(Vec<u8>, &'static str)> {
    let rgb: Vec<u8> = film.pixels.iter().flatten().map(|it| pixel::byte(*it)).collect();
    let (width, height) = (pixel::side(film.width), pixel::side(film.height));
    let mut bytes = Vec::new();
    let extension = match quality {
        Some(quality) => {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
            encoder.write_image(&rgb, width, height, ExtendedColorType::Rgb8)?;
            "jpg"
        }
        None => {
            PngEncoder::new(&mut bytes).write_image(
                &rgb,
                width,
                height,
                ExtendedColorType::Rgb8,
            )?;
            "png"
        }
    };
    Ok((bytes, extension))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Canvas, Chance, Level, pixel, take};
    use crate::cards::canvas::{Rect, solid};

    fn whole(value: f32) -> u32 {
        pixel::side(pixel::index(value))
    }

    /// A white card with one black square: after any treatment the square is found where `locate` says.
    #[test]
    fn printed_things_are_where_the_truth_says() {
        let mut rotations = BTreeSet::new();
        for (seed, level) in (0..30).zip(Level::ALL.into_iter().cycle()) {
            let mut card = Canvas::new(1250, 788, [250; 3]);
            card.rect(Rect::sized(900.0, 500.0, 60.0, 60.0), solid([0; 3]));
            let photo = take(&card, level, &mut Chance::new(seed, 0)).unwrap();
            let picture = image::load_from_memory(&photo.bytes).unwrap().to_luma8();
            let grey = |point| {
                let [x, y] = photo.locate(point);
                i32::from(picture.get_pixel(whole(x), whole(y)).0[0])
            };
            let (inside, outside) = (grey((930.0, 530.0)), grey((800.0, 530.0)));
            assert!(outside - inside > 25, "{level:?} {seed}: {inside} {outside}");
            let size = (pixel::side(photo.width), pixel::side(photo.height));
            assert_eq!(size, picture.dimensions());
            rotations.insert(photo.rotation);
        }
        assert_eq!(rotations, BTreeSet::from([0, 90, 180, 270]), "take other seeds");
    }
}
