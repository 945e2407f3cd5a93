//! What a card lies on: a scanner's lid, a plain desk, wood or cloth.

use crate::cards::Level;
use crate::cards::chance::Chance;
use crate::cards::pixel;

/// Kind of surface.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Surface {
    Lid,
    Plain,
    Wood,
    Cloth,
}

/// A surface with its colour and grain.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    surface: Surface,
    colour: [f32; 3],
    grain: f32,
    angle: f32,
    salt: u32,
    shadow: f32,
}

impl Surroundings {
    /// A surface that goes with the level.
    pub fn draw(level: Level, chance: &mut Chance) -> Self {
        let surface = match level {
            Level::Flat => Surface::Lid,
            Level::Phone | Level::Bad => {
                *chance.pick(&[Surface::Plain, Surface::Wood, Surface::Cloth])
            }
        };
        let plain =
            [[210.0, 205.0, 198.0], [90.0, 96.0, 104.0], [52.0, 60.0, 70.0], [180.0, 186.0, 190.0]];
        let wood = [[150.0, 108.0, 70.0], [186.0, 146.0, 100.0], [104.0, 70.0, 48.0]];
        let cloth =
            [[70.0, 90.0, 120.0], [128.0, 64.0, 60.0], [160.0, 160.0, 150.0], [60.0, 96.0, 76.0]];
        let colour = match surface {
            Surface::Lid => [chance.range(236.0, 252.0); 3],
            Surface::Plain => *chance.pick(&plain),
            Surface::Wood => *chance.pick(&wood),
            Surface::Cloth => *chance.pick(&cloth),
        };
        Self {
            surface,
            colour,
            grain: chance.range(0.6, 1.4),
            angle: chance.jitter(0.6),
            salt: chance.below(u32::MAX),
            shadow: if surface == Surface::Lid { 0.12 } else { chance.range(0.15, 0.45) },
        }
    }

    /// Colour at a place of the picture.
    pub fn colour(&self, x: f32, y: f32) -> [f32; 3] {
        let change = match self.surface {
            Surface::Lid => 0.006 * self.soft(x / 40.0, y / 40.0),
            Surface::Plain => {
                0.05 * self.soft(x / 90.0, y / 90.0) + 0.02 * self.soft(x / 3.0, y / 3.0)
            }
            Surface::Wood => {
                let along = x * self.angle.cos() + y * self.angle.sin();
                let across = y * self.angle.cos() - x * self.angle.sin();
                let bend = 14.0 * self.soft(along / 260.0, across / 90.0);
                let rings = ((across + bend) * 0.11 * self.grain).sin();
                0.10 * rings + 0.10 * self.soft(along / 60.0, across / 3.0)
            }
            Surface::Cloth => {
                let weave = (x * 0.9 * self.grain).sin() * (y * 0.9 * self.grain).sin();
                0.09 * weave
                    + 0.07 * self.soft(x / 5.0, y / 5.0)
                    + 0.06 * self.soft(x / 150.0, y / 150.0)
            }
        };
        self.colour.map(|it| it * (1.0 + change))
    }

    /// Share of the light that reaches the surface `distance` pixels from the card.
    pub fn shadow(&self, distance: f32) -> f32 {
        1.0 - self.shadow * (-distance.max(0.0) / 9.0).exp()
    }

    /// Smooth noise in -1..1, one change per unit.
    fn soft(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (pixel::floor(x), pixel::floor(y));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let (fx, fy) = (fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy));
        let row = |y: i32| {
            let (a, b) = (self.lattice(left, y), self.lattice(left + 1, y));
            a + (b - a) * fx
        };
        let (upper, lower) = (row(top), row(top + 1));
        upper + (lower - upper) * fy
    }

    fn lattice(&self, x: i32, y: i32) -> f32 {
        let mut hash = x.cast_unsigned().wrapping_mul(0x9E37_79B1)
            ^ y.cast_unsigned().wrapping_mul(0x85EB_CA77)
            ^ self.salt;
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
        hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
        (hash >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Chance, Level, Surroundings};

    #[test]
    fn surfaces_stay_in_range_and_darken_by_the_card() {
        for seed in 0..12 {
            let level = if seed % 3 == 0 { Level::Flat } else { Level::Bad };
            let around = Surroundings::draw(level, &mut Chance::new(seed, 0));
            for x in 0..60_u8 {
                let colour = around.colour(f32::from(x) * 17.3, f32::from(x) * 3.7);
                assert!(colour.iter().all(|it| (20.0..=290.0).contains(it)), "{colour:?}");
            }
            assert!(around.shadow(0.0) < around.shadow(30.0) && around.shadow(500.0) > 0.999);
        }
    }
}
