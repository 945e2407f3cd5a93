//! Crashes, delays, losses and repetitions at every call of the store and of the bus, in an order that a seed decides.
//!
//! Nothing here runs by itself: workers, clients and the relay are futures that the world polls, calls of the store wait
//! until the world settles them, and the clock moves when the world moves it. A seed that fails can be run again alone:
//! `FENWEN_SEED=17 cargo test --test it faults`.

mod actors;
mod world;

use std::time::Duration;

use world::World;

/// Seeds of one run.
const SEEDS: u64 = 2000;

/// Steps after which a world that has not come to rest hangs.
const MAX_STEPS: usize = 60_000;

fn seeds() -> std::ops::Range<u64> {
    let one = std::env::var_os("FENWEN_SEED").and_then(|it| it.to_str()?.parse::<u64>().ok());
    one.map_or(0..SEEDS, |it| it..it + 1)
}

#[test]
fn whatever_fails_each_accepted_job_ends_once_and_no_event_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (mut n_crashes, mut n_lost, mut n_attempts) = (0, 0, 0);
    for seed in seeds() {
        let mut world = World::new(dir.path(), seed);
        let mut n_steps = 0;
        while !world.is_at_rest() {
            world.step();
            n_steps += 1;
            assert!(n_steps < MAX_STEPS, "seed {seed}: the world does not come to rest");
        }
        world.check(seed);
        n_crashes += world.n_crashes;
        n_lost += world.n_lost;
        n_attempts += world.n_attempts();
    }
    // A test in which nothing goes wrong shows nothing.
    if SEEDS <= seeds().end {
        assert!(SEEDS / 2 < n_crashes && SEEDS < n_lost, "{n_crashes} crashes, {n_lost} lost");
        assert!(SEEDS * 2 < n_attempts, "{n_attempts} attempts");
    }
}

/// How long a job of the test takes at most, longer than a lease.
const LONGEST: Duration = Duration::from_secs(45);
