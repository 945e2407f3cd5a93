//! Whose turn it is.

use fenwen::store::Store;
use fenwen::store::jobs::{Claim, Ending, Job};

use super::{Fixture, LEASE, NOON, SECOND, claim, new_job, submit};

fn add(store: &Store, id: &str, org: &str, priority: i32) {
    let mut job = new_job(store, id);
    job.org = org.to_owned();
    job.priority = priority;
    submit(store, job);
}

/// Works off what waits, one at a time; the order.
fn order(store: &Store) -> Vec<String> {
    let mut seen = Vec::new();
    for second in 0.. {
        let now = NOON + second * SECOND;
        let Some(job) = claim(store, "w-1", now, 1).pop() else { return seen };
        end(store, &job);
        seen.push(job.id);
    }
    seen
}

fn end(store: &Store, job: &Job) {
    store.finish(&job.id, job.fence, Ending::Cancelled, NOON).wait().unwrap().unwrap();
}

pub(super) fn agencies_take_turns(fixture: Fixture) {
    let store = &fixture.store;
    for (id, org) in [("a1", "A"), ("a2", "A"), ("a3", "A"), ("b1", "B"), ("b2", "B"), ("c1", "C")]
    {
        add(store, id, org, 0);
    }
    assert_eq!(order(store), ["a1", "b1", "c1", "a2", "b2", "a3"]);
    for (id, org) in [("a4", "A"), ("a5", "A"), ("d1", "D")] {
        add(store, id, org, 0);
    }
    // `A` has two running before `D` sends anything.
    let later = NOON + 100 * SECOND;
    let running = claim(store, "w-1", later, 1);
    assert_eq!(running[0].id, "d1", "who was never served goes first");
    let ids: Vec<String> = claim(store, "w-1", later, 9).into_iter().map(|it| it.id).collect();
    assert_eq!(ids, ["a4", "a5"]);
    add(store, "a6", "A", 0);
    add(store, "d2", "D", 0);
    assert_eq!(claim(store, "w-1", later, 1)[0].id, "d2", "fewer running goes first");
}

pub(super) fn a_place_in_the_queue_is_that_of_the_turns(fixture: Fixture) {
    let store = &fixture.store;
    for (id, org, priority) in [
        ("a1", "A", 0),
        ("a2", "A", 0),
        ("a3", "A", 9),
        ("a4", "A", 0),
        ("b1", "B", 0),
        ("b2", "B", 0),
    ] {
        add(store, id, org, priority);
    }
    let queue = store.queue("letters", "letters", "classify").wait().unwrap();
    assert_eq!((queue.n_queued(), queue.n_running(), queue.mean), (6, 0, None));
    assert_eq!(queue.own_before("A", 0), 4, "a new one of `A` comes after all of its own");
    assert_eq!(queue.own_before("A", 5), 1);
    let places: Vec<(String, u64)> = ["a1", "a2", "a3", "a4", "b1", "b2"]
        .into_iter()
        .map(|id| {
            let job = store.job(id).wait().unwrap().unwrap();
            let own = store.own_before(&job).wait().unwrap();
            (job.id, queue.position(&job.org, own))
        })
        .collect();
    let order = order(store);
    assert_eq!(order, ["a3", "b1", "a1", "b2", "a2", "a4"]);
    for (id, place) in &places {
        let turn = order.iter().position(|it| it == id).unwrap() as u64;
        assert!((turn..=turn + 1).contains(place), "{id} is {turn}, told {place}");
    }
}

pub(super) fn priority_orders_the_jobs_of_one_agency_only(fixture: Fixture) {
    let store = &fixture.store;
    for (id, org, priority) in [("a1", "A", 0), ("a2", "A", 9), ("a3", "A", 9), ("b1", "B", -5)] {
        add(store, id, org, priority);
    }
    assert_eq!(order(store), ["a2", "b1", "a3", "a1"]);
}

pub(super) fn a_paused_job_waits_for_its_time(fixture: Fixture) {
    let store = &fixture.store;
    add(store, "a", "A", 9);
    add(store, "b", "A", 0);
    let job = claim(store, "w-1", NOON, 1).remove(0);
    assert_eq!(job.id, "a");
    let again = Ending::Retry(NOON + 5 * SECOND, "ER0510".to_owned());
    store.finish(&job.id, job.fence, again, NOON).wait().unwrap().unwrap();
    assert_eq!(claim(store, "w-1", NOON + SECOND, 9)[0].id, "b");
    assert!(claim(store, "w-1", NOON + 4 * SECOND, 9).is_empty());
    assert_eq!(claim(store, "w-1", NOON + 5 * SECOND, 9)[0].id, "a");
}

/// Thousands of jobs that wait: ten with everything built in, two in the quick run.
const ROUNDS: usize = if cfg!(feature = "postgres") { 10 } else { 2 };

pub(super) fn thousands_of_jobs_delay_another_by_one(fixture: Fixture) {
    let store = &fixture.store;
    let send = |idx: usize| {
        let mut job = new_job(store, &format!("{idx}"));
        job.org = "A".to_owned();
        job.client = format!("client-{}", idx % 100);
        store.submit(job, None, 99_999)
    };
    for round in 0..ROUNDS {
        let replies: Vec<_> = (0..1000).map(|it| send(1000 * round + it)).collect();
        replies.into_iter().for_each(|it| _ = it.wait().unwrap());
    }
    let running = claim(store, "w-1", NOON, 1).remove(0);
    add(store, "single", "B", 0);
    // One worker, one job at a time: the single one waits for that one only.
    end(store, &running);
    assert_eq!(claim(store, "w-1", NOON + SECOND, 1)[0].id, "single");
}

pub(super) fn a_worker_gets_the_lanes_that_it_asked_for(fixture: Fixture) {
    let store = &fixture.store;
    for (id, lane) in [("a", "speech"), ("b", "speech/cuda"), ("c", "letters")] {
        let mut job = new_job(store, id);
        job.lane = lane.to_owned();
        submit(store, job);
    }
    let ask = |lanes: &[&str]| -> Vec<String> {
        let lanes = lanes.iter().map(ToString::to_string).collect();
        let owner = "w-1".to_owned();
        let claim = Claim { lanes, owner, limit: 9, now: NOON, lease: LEASE };
        store.claim(claim).wait().unwrap().into_iter().map(|it| it.id).collect()
    };
    assert_eq!(ask(&["documents"]), [""; 0]);
    assert_eq!(ask(&["speech/cuda", "speech"]), ["b", "a"]);
    assert_eq!(ask(&[]), [""; 0]);
}
