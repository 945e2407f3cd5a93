//! Crashes, delays, losses and repetitions at every call of the store and of the bus, in an order that a seed decides.
//!
//! Nothing here runs by itself: workers, clients and the relay are futures that the world polls, calls of the store wait
//! until the world settles them, and the clock moves when the world moves it. A seed that fails can be run again alone:
//! `FENWEN_SEED=17 cargo test --test it faults`.

mod actors;
mod world;

use std::thread;

use world::World;

/// Seeds of one run: thousands with everything built in, a hundred in the quick run without it.
const SEEDS: u64 = if cfg!(feature = "postgres") { 2000 } else { 100 };

/// Steps after which a world that has not come to rest hangs.
const MAX_STEPS: usize = 60_000;

fn seeds() -> std::ops::Range<u64> {
    let one = std::env::var_os("FENWEN_SEED").and_then(|it| it.to_str()?.parse::<u64>().ok());
    one.map_or(0..SEEDS, |it| it..it + 1)
}

/// Crashes, losses and attempts of some worlds.
fn live_through(seeds: impl Iterator<Item = u64>) -> [u64; 3] {
    let dir = tempfile::tempdir().unwrap();
    let mut sum = [0; 3];
    for seed in seeds {
        let mut world = World::new(dir.path(), seed);
        let mut n_steps = 0;
        while !world.is_at_rest() {
            world.step();
            n_steps += 1;
            assert!(n_steps < MAX_STEPS, "seed {seed}: the world does not come to rest");
        }
        world.check(seed);
        let [crashes, lost, attempts] = sum;
        sum = [crashes + world.n_crashes, lost + world.n_lost, attempts + world.n_attempts()];
    }
    sum
}

#[test]
fn whatever_fails_each_accepted_job_ends_once_and_no_event_is_lost() {
    let halves = [0, 1].map(|odd| {
        thread::spawn(move || live_through(seeds().filter(move |seed| seed % 2 == odd)))
    });
    let [one, other] = halves.map(|it| it.join().unwrap());
    // A test in which nothing goes wrong shows nothing.
    if seeds() == (0..SEEDS) {
        let sum: Vec<u64> = one.iter().zip(other).map(|(a, b)| a + b).collect();
        let least = [SEEDS, 5 * SEEDS, 4 * SEEDS];
        assert!(sum.iter().zip(least).all(|(sum, least)| least < *sum), "{sum:?}");
    }
}

/// How long a job of the test takes at most, longer than a lease: milliseconds.
const LONGEST_MS: u64 = 45_000;
