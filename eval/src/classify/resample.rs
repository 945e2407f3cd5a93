//! Intervals of numbers that have no formula for theirs, by drawing the answers again and again.

use crate::cards::chance::Chance;

/// Draws. The ends of the interval are the 13th smallest and the 13th largest of them.
const N_DRAWS: usize = 500;
/// Share of the draws below the interval, and above it.
const TAIL: usize = 40;

/// 95 % intervals of what `measure` makes of `items`, by the bootstrap's percentiles; seeded, so that a report can be made
/// again.
pub(super) fn intervals<T, const N: usize>(
    items: &[&T],
    measure: impl Fn(&[&T]) -> [f64; N],
) -> [(f64, f64); N] {
    let Ok(n_items) = u32::try_from(items.len()) else { return [(0.0, 1.0); N] };
    if n_items == 0 {
        return [(0.0, 1.0); N];
    }
    let mut chance = Chance::new(7, 0);
    let mut drawn: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(N_DRAWS));
    for _ in 0..N_DRAWS {
        let sample: Vec<&T> = items.iter().map(|_| items[chance.below(n_items) as usize]).collect();
        drawn.iter_mut().zip(measure(&sample)).for_each(|(all, it)| all.push(it));
    }
    drawn.map(|mut all| {
        all.sort_by(f64::total_cmp);
        (all[N_DRAWS / TAIL], all[N_DRAWS - 1 - N_DRAWS / TAIL])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of 400 coins: its standard error is 0.025.
    #[test]
    fn the_mean_of_coins_has_its_known_interval() {
        let coins: Vec<f64> = (0..400_u32).map(|it| f64::from(it % 2)).collect();
        let items: Vec<&f64> = coins.iter().collect();
        let mean = |it: &[&f64]| [it.iter().copied().sum::<f64>() / it.len() as f64];
        let [(low, high)] = intervals(&items, mean);
        assert!((low - 0.451).abs() < 0.01 && (high - 0.549).abs() < 0.01, "{low} {high}");
        assert_eq!(intervals(&items[..0], mean), [(0.0, 1.0)]);
    }
}
