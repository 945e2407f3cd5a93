//! Hashed character n-grams. A model file names the version it was made with; another version is refused.

/// Version of [`grams`]: any change to the keys of a text is a new number.
pub const HASH_VERSION: u32 = 1;

/// Longest n-gram.
pub const MAX_ORDER: usize = 8;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Calls `found(key, start, order)` for every n-gram of `chars` whose order is in `orders` (bit n − 1 for n-grams).
///
/// Keys of different `field`s are independent. N-grams that start at one place come together, shortest first.
#[inline]
pub fn grams(chars: &[char], field: u32, orders: u8, mut found: impl FnMut(u32, usize, usize)) {
    let seed = mix(0x6665_6e77_656e ^ u64::from(field), HASH_VERSION);
    let longest = usize::try_from(u8::BITS - orders.leading_zeros()).unwrap_or(0);
    for start in 0..chars.len() {
        let mut state = seed;
        let window = &chars[start..chars.len().min(start + longest)];
        for (idx, ch) in window.iter().enumerate() {
            state = mix(state, u32::from(*ch));
            if orders >> idx & 1 == 1 {
                // The upper half of the product is the well-mixed one; the conversion cannot fail.
                found(u32::try_from(state >> 32).unwrap_or(0), start, idx + 1);
            }
        }
    }
}

#[inline]
fn mix(state: u64, value: u32) -> u64 {
    let product = (state ^ u64::from(value)).wrapping_mul(MULTIPLIER);
    product ^ (product >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str, field: u32, orders: u8) -> Vec<(u32, usize, usize)> {
        let chars: Vec<char> = text.chars().collect();
        let mut all = Vec::new();
        grams(&chars, field, orders, |key, start, order| all.push((key, start, order)));
        all
    }

    #[test]
    fn every_gram_comes_once_with_its_place() {
        let places: Vec<(usize, usize)> =
            keys("甲乙丙", 0, 0b101).iter().map(|(_, start, order)| (*start, *order)).collect();
        assert_eq!(places, [(0, 1), (0, 3), (1, 1), (2, 1)]);
    }

    #[test]
    fn a_key_is_its_text_and_field() {
        let two = keys("甲乙甲乙", 0, 0b10);
        assert_eq!(two[0].0, two[2].0);
        assert_ne!(two[0].0, two[1].0);
        assert_ne!(two[0].0, keys("甲乙", 1, 0b10)[0].0);
        assert_eq!(two[0].0, keys("甲乙", 0, 0b10)[0].0);
        assert_ne!(keys("甲乙", 0, 0b1)[0].0, keys("甲乙", 0, 0b10)[0].0);
    }

    #[test]
    fn the_keys_of_version_one_do_not_change() {
        let keys: Vec<u32> = keys("分文", 0, 0b11).iter().map(|it| it.0).collect();
        assert_eq!(keys, [4_196_242_329, 1_936_931_670, 931_207_214]);
    }

    #[test]
    fn nothing_has_no_grams() {
        assert!(keys("", 0, 0b111).is_empty());
        assert!(keys("甲乙", 0, 0).is_empty());
    }
}
