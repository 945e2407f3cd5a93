//! Seeded chance: a small generator whose sequence never changes, so that a seed names one picture for ever.

/// A SplitMix64 generator (Steele, Lea and Flood 2014): one word of state, equidistributed, and easy to write again.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A generator for `seed`; `stream` separates uses of one seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut chance = Self(seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        chance.word();
        chance
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A whole number in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        // The bias of the product method is below 2⁻³², far under anything a picture shows.
        let scaled = (self.word() >> 32) * u64::from(n);
        u32::try_from(scaled >> 32).unwrap_or(0)
    }

    /// A whole number in `low..=high`.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A real number in `low..high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A real number in `-size..size`.
    pub fn jitter(&mut self, size: f32) -> f32 {
        self.range(-size, size)
    }

    /// True with probability `p`.
    pub fn odds(&mut self, p: f32) -> bool {
        self.unit() < p
    }

    /// One of `items`, which must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let n = u32::try_from(items.len()).unwrap_or(u32::MAX);
        &items[self.below(n) as usize]
    }

    /// `n` decimal digits.
    pub fn digits(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap_or(0))).collect()
    }

    /// A number around 0 with standard deviation 1: the sum of four uniform ones, which is normal enough for noise.
    pub fn normal(&mut self) -> f32 {
        let word = self.word();
        let sum: f32 = (0..4).map(|part| ((word >> (16 * part)) & 0xFFFF) as f32).sum();
        (sum / 65_536.0 - 2.0) * 1.732
    }

    fn unit(&mut self) -> f32 {
        (self.word() >> 40) as f32 / 16_777_216.0
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn the_sequence_of_a_seed_is_fixed() {
        let mut chance = Chance::new(7, 1);
        let words = [chance.word(), chance.word()];
        assert_eq!(words, [6_202_178_733_571_439_012, 2_424_512_374_829_467_318]);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut chance = Chance::new(1, 2);
        let mut seen = [false; 6];
        for _ in 0..1000 {
            seen[chance.below(6) as usize] = true;
            assert!((3..=5).contains(&chance.between(3, 5)));
            assert!((-2.0..2.0).contains(&chance.jitter(2.0)));
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(chance.below(0), 0);
    }

    #[test]
    fn noise_has_mean_zero_and_deviation_one() {
        let mut chance = Chance::new(3, 3);
        let values: Vec<f32> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = values.iter().sum::<f32>() / 20_000.0;
        let variance = values.iter().map(|it| (it - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
