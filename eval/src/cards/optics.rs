//! What lens, light and sensor do to a picture.

use crate::cards::chance::Chance;
use crate::cards::pixel;

/// A picture with fractional grey levels, 0 to 255.
#[derive(Clone)]
pub struct Film {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row-major, red, green and blue.
    pub pixels: Vec<[f32; 3]>,
}

impl Film {
    /// A black picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![[0.0; 3]; width * height] }
    }

    /// Gaussian blur of standard deviation `sigma` pixels.
    pub fn blur(&mut self, sigma: f32) {
        if sigma < 0.05 {
            return;
        }
        let reach = pixel::index((3.0 * sigma).ceil());
        let weights: Vec<f32> = (0..=2 * reach)
            .map(|idx| (-((idx as f32 - reach as f32) / sigma).powi(2) / 2.0).exp())
            .collect();
        let total: f32 = weights.iter().sum();
        let weights: Vec<f32> = weights.iter().map(|it| it / total).collect();
        for (dx, dy) in [(1, 0), (0, 1)] {
            let steps: Vec<(f32, f32, f32)> = weights
                .iter()
                .enumerate()
                .map(|(idx, weight)| {
                    let offset = idx as f32 - reach as f32;
                    (offset * dx as f32, offset * dy as f32, *weight)
                })
                .collect();
            self.smear(&steps);
        }
    }

    /// Motion blur over `length` pixels in `direction` (radians).
    pub fn shake(&mut self, length: f32, direction: f32) {
        let n = pixel::index(length.ceil()).max(1) + 1;
        let steps: Vec<(f32, f32, f32)> = (0..n)
            .map(|idx| {
                let along = length * (idx as f32 / (n - 1) as f32 - 0.5);
                (along * direction.cos(), along * direction.sin(), 1.0 / n as f32)
            })
            .collect();
        self.smear(&steps);
    }

    /// Replaces each pixel by the weighted mean of the pixels `steps` away (whole pixels, edges repeated).
    fn smear(&mut self, steps: &[(f32, f32, f32)]) {
        let whole = |it: f32| isize::try_from(pixel::floor(it + 0.5)).unwrap_or(0);
        let steps: Vec<(isize, isize, f32)> =
            steps.iter().map(|(dx, dy, weight)| (whole(*dx), whole(*dy), *weight)).collect();
        let source = self.pixels.clone();
        for y in 0..self.height {
            for x in 0..self.width {
                let mut sum = [0.0; 3];
                for (dx, dy, weight) in &steps {
                    let column = x.saturating_add_signed(*dx).min(self.width - 1);
                    let row = y.saturating_add_signed(*dy).min(self.height - 1);
                    let from = source[row * self.width + column];
                    for (total, value) in sum.iter_mut().zip(from) {
                        *total += value * weight;
                    }
                }
                self.pixels[y * self.width + x] = sum;
            }
        }
    }

    /// Sensor noise of standard deviation `sigma`, most of it common to the three colours as a camera leaves it.
    pub fn add_noise(&mut self, sigma: f32, chance: &mut Chance) {
        for pixel in &mut self.pixels {
            let common = chance.normal();
            for value in pixel {
                *value += sigma * (0.96 * common + 0.28 * chance.normal());
            }
        }
    }

    /// The picture turned clockwise by quarter turns.
    pub fn turned(&self, turns: u16) -> Self {
        let (width, height) =
            if turns % 2 == 1 { (self.height, self.width) } else { (self.width, self.height) };
        let mut turned = Self::new(width, height);
        for y in 0..height {
            for x in 0..width {
                let (column, row) = match turns {
                    1 => (y, self.height - 1 - x),
                    2 => (self.width - 1 - x, self.height - 1 - y),
                    3 => (self.width - 1 - y, x),
                    _ => (x, y),
                };
                turned.pixels[y * width + x] = self.pixels[row * self.width + column];
            }
        }
        turned
    }
}

/// A reflection of a lamp or window: an ellipse that fades out.
#[derive(Clone, Copy, Debug)]
pub struct Glare {
    centre: (f32, f32),
    radii: (f32, f32),
    angle: f32,
    strength: f32,
}

impl Glare {
    /// Reflections in a picture of `size`: present with probability `look.0`, of a strength from `look.1` to `look.2`.
    pub fn draw(chance: &mut Chance, size: (f32, f32), look: (f32, f32, f32)) -> Vec<Self> {
        let mut found = Vec::new();
        let n = if chance.odds(look.0) { chance.between(1, 2) } else { 0 };
        for _ in 0..n {
            let radius = size.0 * chance.range(0.05, 0.16);
            found.push(Self {
                centre: (size.0 * chance.range(0.1, 0.9), size.1 * chance.range(0.1, 0.9)),
                radii: (radius, radius * chance.range(0.35, 1.0)),
                angle: chance.range(0.0, std::f32::consts::PI),
                strength: chance.range(look.1, look.2),
            });
        }
        found
    }

    /// Adds the reflection to a picture.
    pub fn add(&self, film: &mut Film) {
        let (cos, sin) = (self.angle.cos(), self.angle.sin());
        for y in 0..film.height {
            for x in 0..film.width {
                let (dx, dy) = (x as f32 - self.centre.0, y as f32 - self.centre.1);
                let across = (dx * cos + dy * sin) / self.radii.0;
                let along = (dy * cos - dx * sin) / self.radii.1;
                let away = across * across + along * along;
                if away < 6.0 {
                    let share = self.strength * (-away).exp();
                    for value in &mut film.pixels[y * film.width + x] {
                        *value += (262.0 - *value) * share;
                    }
                }
            }
        }
    }
}

/// Brightness over the picture, and the colour of the light.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    corners: [f32; 4],
    cast: [f32; 3],
}

impl Light {
    /// The lamp of a scanner.
    pub fn even(chance: &mut Chance) -> Self {
        Self { corners: [chance.range(0.97, 1.02); 4], cast: [1.0; 3] }
    }

    /// Daylight or a lamp, up to `fall` darker in a corner.
    pub fn draw(chance: &mut Chance, fall: f32) -> Self {
        let level = chance.range(0.88, 1.05);
        let corners = std::array::from_fn(|_| level * (1.0 - chance.range(0.0, fall)));
        let warm = chance.jitter(fall / 3.0);
        Self { corners, cast: [1.0 + warm, 1.0, 1.0 - warm] }
    }

    /// Lights a picture.
    pub fn shine(&self, film: &mut Film) {
        let [a, b, c, d] = self.corners;
        for y in 0..film.height {
            let down = y as f32 / film.height as f32;
            for x in 0..film.width {
                let right = x as f32 / film.width as f32;
                let (top, bottom) = (a + (b - a) * right, d + (c - d) * right);
                let level = top + (bottom - top) * down;
                for (value, cast) in film.pixels[y * film.width + x].iter_mut().zip(self.cast) {
                    *value *= level * cast;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Film};

    /// One white dot on black.
    fn dots() -> Film {
        let mut film = Film::new(40, 30);
        film.pixels[14 * 40 + 19] = [255.0; 3];
        film
    }

    fn sum(film: &Film) -> f32 {
        film.pixels.iter().map(|it| it[0]).sum()
    }

    #[test]
    fn blur_keeps_the_light_and_has_its_width() {
        let mut film = dots();
        film.blur(1.5);
        assert!((sum(&film) - 255.0).abs() < 1.0, "{}", sum(&film));
        let variance: f32 = (0..40)
            .flat_map(|x| (0..30).map(move |y| (x, y)))
            .map(|(x, y)| film.pixels[y * 40 + x][0] / 255.0 * (x as f32 - 19.0).powi(2))
            .sum();
        assert!((variance.sqrt() - 1.5).abs() < 0.1, "{variance}");
        film.shake(4.0, 0.5);
        assert!((sum(&film) - 255.0).abs() < 1.0);
    }

    #[test]
    fn four_quarter_turns_change_nothing() {
        let film = dots();
        let mut turned = film.clone();
        for _ in 0..4 {
            turned = turned.turned(1);
        }
        assert_eq!(turned.pixels, film.pixels);
        assert_eq!(film.turned(2).pixels, film.turned(1).turned(1).pixels);
        assert_eq!(film.turned(3).pixels, film.turned(2).turned(1).pixels);
    }

    #[test]
    fn noise_has_its_deviation() {
        let mut film = Film::new(200, 100);
        film.add_noise(5.0, &mut Chance::new(1, 1));
        let variance = film.pixels.iter().map(|it| it[1] * it[1]).sum::<f32>() / 20_000.0;
        assert!((variance.sqrt() - 5.0).abs() < 0.2, "{}", variance.sqrt());
    }
}
