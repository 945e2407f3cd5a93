//! The world: who is in it, what happens next, and what must be true at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use fenwen::base::ManualClock;
use fenwen::service::jobs::{
    Backoff, Blobs, JobFilter, JobParts, JobSettings, JobState, Jobs, Worker,
};
use fenwen::store::Store;
use fenwen::store::blobs::BlobFolder;
use fenwen::store::faults::{Call, Fate, Faults};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::actors::{Chance, Delivered, Errand, Shared, below, client, pick, relay};

/// Jobs of each of the two clients.
const JOBS_EACH: u64 = 2;

/// After so many steps nothing fails any more, so that the world comes to rest.
const QUIET_FROM: usize = 600;

/// Calls of the store that wait to be settled.
#[derive(Default)]
struct Held(Mutex<Vec<Call>>);

impl Faults for Held {
    fn hold(&self, call: Call) {
        self.0.lock().unwrap().push(call);
    }
}

/// Who acts; a crashed one comes back as a new one of its kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Client(u64),
    Worker,
    Tender,
    Relay,
}

struct Actor {
    role: Role,
    /// `None` when it has done all it had to.
    future: Option<BoxFuture<'static, ()>>,
}

/// A world of one seed.
pub(super) struct World {
    store: Store,
    shaky: Store,
    held: Arc<Held>,
    clock: Arc<ManualClock>,
    chance: Shared,
    blobs: std::path::PathBuf,
    actors: Vec<Actor>,
    begun: Arc<Mutex<Vec<(String, u64)>>>,
    accepted: Arc<Mutex<Vec<String>>>,
    delivered: Delivered,
    n_steps: usize,
    /// Actors that were cut off in the middle.
    pub(super) n_crashes: u64,
    /// Calls or answers that were lost.
    pub(super) n_lost: u64,
}

impl World {
    pub(super) fn new(dir: &Path, seed: u64) -> World {
        let store = Store::in_memory(dir).unwrap();
        let held = Arc::new(Held::default());
        let mut world = World {
            shaky: store.with_faults(Arc::<Held>::clone(&held)),
            store,
            held,
            clock: Arc::new(ManualClock::at(Duration::from_secs(1_795_402_800))),
            chance: Arc::new(Mutex::new(Chance::new(seed))),
            blobs: dir.join("blobs"),
            actors: Vec::new(),
            begun: Arc::default(),
            accepted: Arc::default(),
            delivered: Arc::default(),
            n_steps: 0,
            n_crashes: 0,
            n_lost: 0,
        };
        let roles = [
            Role::Client(0),
            Role::Client(1),
            Role::Worker,
            Role::Worker,
            Role::Tender,
            Role::Relay,
        ];
        for role in roles {
            let future = Some(world.begin(role));
            world.actors.push(Actor { role, future });
        }
        world
    }

    /// A process of its own: it hears no bell of another.
    fn jobs(&self) -> Arc<Jobs> {
        let clock = Arc::clone(&self.clock);
        let errand = Errand {
            clock: Arc::clone(&self.clock),
            chance: Arc::clone(&self.chance),
            begun: Arc::clone(&self.begun),
        };
        let files = Arc::new(BlobFolder::new(self.blobs.clone()));
        Jobs::new(JobParts {
            store: self.shaky.clone(),
            blobs: Blobs::new(self.shaky.clone(), files),
            kinds: vec![Arc::new(errand)],
            clock,
            settings: JobSettings {
                slots: 2,
                max_attempts: 3,
                backoff: Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(4) },
                seed: below(&self.chance, u64::MAX),
                ..JobSettings::default()
            },
        })
    }

    fn begin(&self, role: Role) -> BoxFuture<'static, ()> {
        match role {
            Role::Client(number) => {
                let accepted = Arc::clone(&self.accepted);
                client(self.jobs(), format!("client-{number}"), JOBS_EACH, accepted).boxed()
            }
            Role::Worker => {
                let worker = Worker::new(self.jobs(), "worker".to_owned());
                async move { worker.run(std::future::pending()).await }.boxed()
            }
            Role::Tender => self.jobs().tend().boxed(),
            Role::Relay => {
                let (clock, chance) = (Arc::clone(&self.clock), Arc::clone(&self.chance));
                relay(self.shaky.clone(), clock, chance, Arc::clone(&self.delivered)).boxed()
            }
        }
    }

    /// One thing happens.
    pub(super) fn step(&mut self) {
        self.n_steps += 1;
        let is_quiet = QUIET_FROM < self.n_steps;
        match below(&self.chance, 100) {
            0..50 => self.poll_one(),
            50..88 => self.settle_one(is_quiet),
            88..98 => {
                let ms = below(&self.chance, 4000);
                self.clock.advance(Duration::from_millis(ms));
            }
            _ if is_quiet => (),
            _ => self.crash_one(),
        }
    }

    fn poll_one(&mut self) {
        let idx = pick(&self.chance, self.actors.len());
        let actor = &mut self.actors[idx];
        let Some(future) = &mut actor.future else { return };
        let polled = future.poll_unpin(&mut Context::from_waker(Waker::noop()));
        if polled.is_ready() {
            actor.future = None;
        }
    }

    fn settle_one(&mut self, is_quiet: bool) {
        let mut held = self.held.0.lock().unwrap();
        if held.is_empty() {
            return;
        }
        let idx = pick(&self.chance, held.len());
        let call = held.swap_remove(idx);
        drop(held);
        let fate = match below(&self.chance, 20) {
            0 if !is_quiet => Fate::IsLost,
            1 if !is_quiet => Fate::AnswerIsLost,
            _ => Fate::Happens,
        };
        self.n_lost += u64::from(fate != Fate::Happens);
        call.settle(fate);
    }

    /// A process ends in the middle of whatever it does; another one takes its place.
    fn crash_one(&mut self) {
        let idx = pick(&self.chance, self.actors.len());
        let role = self.actors[idx].role;
        if self.actors[idx].future.is_some() {
            self.n_crashes += 1;
            let future = Some(self.begin(role));
            self.actors[idx].future = future;
        }
    }

    /// Whether nothing more will happen: all was sent, every job has ended, every event is told.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_done = |it: &Actor| it.future.is_none() || !matches!(it.role, Role::Client(_));
        self.n_steps.is_multiple_of(25)
            && self.actors.iter().all(is_done)
            && self.jobs_now().iter().all(|it| it.state.is_final())
            && self.store.outbox_pending(1).wait().unwrap().is_empty()
    }

    fn jobs_now(&self) -> Vec<fenwen::store::jobs::Job> {
        self.store.jobs(JobFilter { limit: 999, ..JobFilter::default() }).wait().unwrap()
    }

    /// How often jobs were begun.
    pub(super) fn n_attempts(&self) -> u64 {
        self.begun.lock().unwrap().len() as u64
    }

    /// What must be true at the end.
    pub(super) fn check(&self, seed: u64) {
        // What is still on its way arrives now, from processes that may be long gone.
        for call in std::mem::take(&mut *self.held.0.lock().unwrap()) {
            call.settle(Fate::Happens);
        }
        let jobs = self.jobs_now();
        let ids: BTreeSet<&str> = jobs.iter().map(|it| it.id.as_str()).collect();
        let accepted = self.accepted.lock().unwrap();
        let accepted: BTreeSet<&str> = accepted.iter().map(String::as_str).collect();
        assert_eq!(ids, accepted, "seed {seed}: what was accepted is there, and nothing else");
        assert_eq!(ids.len() as u64, 2 * JOBS_EACH, "seed {seed}: one job a key");
        let told = self.told(seed);
        let dead = self.dead_letters();
        for job in &jobs {
            let events = self.store.job_events(&job.id, 0).wait().unwrap();
            let versions: Vec<u64> = events.iter().map(|it| it.version).collect();
            assert_eq!(versions, (1..=job.version).collect::<Vec<_>>(), "seed {seed}: no gap");
            let endings = events.iter().filter(|it| it.state.is_final()).count();
            assert_eq!(endings, 1, "seed {seed}: job {} ends once", job.id);
            assert!(events.last().unwrap().state.is_final(), "seed {seed}: nothing after the end");
            let expected: Vec<u64> = events
                .iter()
                .zip(std::iter::once(None).chain(events.iter().map(Some)))
                .filter(|(event, before)| before.is_none_or(|it| it.state != event.state))
                .map(|it| it.0.version)
                .collect();
            assert_eq!(told.get(&job.id), Some(&expected), "seed {seed}: told in order");
            let n_letters = usize::from(job.state == JobState::Dead);
            let found = dead.get(&job.id).map_or(0, BTreeSet::len);
            assert_eq!(found, n_letters, "seed {seed}: one dead letter of what is dead");
            if job.state == JobState::Succeeded {
                let blob = self.store.blob(job.result.as_deref().unwrap()).wait().unwrap().unwrap();
                let content = self.store.inline_content(&blob).unwrap().unwrap();
                let expected = format!("{}/{}", job.id, job.fence);
                assert_eq!(
                    content.expose(),
                    expected.as_bytes(),
                    "seed {seed}: by the last holder"
                );
            }
        }
        self.check_fences(seed);
    }

    /// Versions of each job as the bus heard of them first.
    fn told(&self, seed: u64) -> BTreeMap<String, Vec<u64>> {
        let (mut seen, mut told) = (BTreeSet::new(), BTreeMap::<String, Vec<u64>>::new());
        for body in self.delivered.lock().unwrap().iter() {
            let event: Value = serde_json::from_str(body).unwrap();
            let is_news = event.get("deadreason").is_none();
            if is_news && seen.insert(event["id"].as_str().unwrap().to_owned()) {
                let job = event["data"]["job_id"].as_str().unwrap().to_owned();
                let version = event["sequence"].as_str().unwrap().parse().unwrap();
                told.entry(job).or_default().push(version);
            }
        }
        assert!(
            told.values().all(|it| it.is_sorted()),
            "seed {seed}: the order of each job is kept"
        );
        told
    }

    /// Ids of the dead letters of each job.
    fn dead_letters(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::<String, BTreeSet<String>>::new();
        for body in self.delivered.lock().unwrap().iter() {
            let letter: Value = serde_json::from_str(body).unwrap();
            if letter.get("deadreason").is_some() {
                let job = letter["data"]["job_id"].as_str().unwrap().to_owned();
                found.entry(job).or_default().insert(letter["id"].as_str().unwrap().to_owned());
            }
        }
        found
    }

    /// No two attempts of a job were made under one fence.
    fn check_fences(&self, seed: u64) {
        let mut seen = BTreeSet::new();
        for attempt in self.begun.lock().unwrap().iter() {
            assert!(seen.insert(attempt.clone()), "seed {seed}: {attempt:?} twice");
        }
    }
}
