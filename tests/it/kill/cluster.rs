//! Two nodes that accept, three that work, PostgreSQL and NATS: any of them is killed while jobs run.
//!
//! The nodes are this test binary, told by variables what to play.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use fenwen::base::{Clock, SystemClock};
use fenwen::bus::{
    Bus, Delivery, Filter, Handle, Handler, Nats, NatsSettings, Outcome, Subscription,
};
use fenwen::service::jobs::{Jobs, Repetition, Worker};
use fenwen::service::relay::{Relay, StoreOutbox};
use fenwen::store::Store;
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{mpsc as deliveries, watch};

use super::{jobs_over, order};
use crate::nats_server::NatsServer;
use crate::servers::Postgres;

/// What a node plays, and where it finds the rest.
const ROLE: &str = "FENWEN_CLUSTER_ROLE";
const FOLDER: &str = "FENWEN_CLUSTER_FOLDER";
const DATABASE: &str = "FENWEN_CLUSTER_DATABASE";
const BUS: &str = "FENWEN_CLUSTER_BUS";

/// Jobs that each accepting node sends.
const JOBS_EACH: usize = 500;

/// Longest wait for any one thing.
const WATCHDOG: Duration = Duration::from_secs(120);

/// Pause of whoever finds a server gone.
const PAUSE: Duration = Duration::from_millis(20);

fn store(folder: &Path, database: &str) -> Store {
    Store::connect(folder, database, 4).unwrap()
}

/// A connection; the server may be the one that was just killed.
async fn bus(url: String) -> Nats {
    loop {
        let settings = NatsSettings { url: url.clone(), ..NatsSettings::default() };
        match Nats::connect(settings).await {
            Ok(bus) => return bus,
            Err(_) => SystemClock.wait(PAUSE).await,
        }
    }
}

fn told_by(variable: &str) -> Option<String> {
    std::env::var_os(variable)?.into_string().ok()
}

/// Plays a node when it is asked to; does nothing in an ordinary run.
#[test]
fn the_node_that_is_killed() {
    let Some(role) = told_by(ROLE) else { return };
    let folder = PathBuf::from(told_by(FOLDER).unwrap());
    let store = store(&folder, &told_by(DATABASE).unwrap());
    let jobs = jobs_over(store.clone(), &folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        tokio::spawn(Arc::clone(&jobs).tend());
        match role.split_once(' ') {
            Some((node, first)) => accept(&jobs, node, first.parse().unwrap()).await,
            None => work(jobs, store, told_by(BUS).unwrap()).await,
        }
    });
}

/// Sends what is left of this node's jobs, each again under its key until it is accepted.
async fn accept(jobs: &Jobs, node: &str, first: usize) {
    for number in first..JOBS_EACH {
        let id = loop {
            match accept_one(jobs, node, number).await {
                Some(id) => break id,
                None => SystemClock.wait(PAUSE).await,
            }
        };
        // Whoever reads this line has the promise.
        let line = format!("accepted {number} {id}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
    std::future::pending::<()>().await;
}

async fn accept_one(jobs: &Jobs, node: &str, number: usize) -> Option<String> {
    let prepared = jobs.prepare(order()).await.ok()?;
    let repetition = Repetition {
        key: format!("{node}-{number}"),
        route: "jobs",
        fingerprint: number.to_be_bytes().to_vec(),
    };
    let answer = prepared.outlook.id.clone().into_bytes();
    let answer = jobs.accept(prepared, Some(repetition), answer).await.ok()?;
    Some(String::from_utf8(answer).unwrap())
}

/// Works and relays until it is killed.
async fn work(jobs: Arc<Jobs>, store: Store, url: String) {
    let bus: Arc<dyn Bus> = Arc::new(bus(url).await);
    let relay = Relay::new(Arc::new(StoreOutbox::alone(store, Arc::new(SystemClock))), bus);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(relay.run(Arc::default(), stopped));
    let worker = Worker::new(jobs, format!("{}", std::process::id()));
    worker.run(std::future::pending()).await;
}

/// Which node accepted which of its jobs, under which id.
type Accepted = ((usize, usize), String);

struct Cluster {
    folder: tempfile::TempDir,
    database: String,
    postgres: Postgres,
    nats: NatsServer,
    teller: mpsc::Sender<Accepted>,
}

/// A node. SIGKILL ends it: nothing of it runs any further.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Cluster {
    fn start() -> (Cluster, mpsc::Receiver<Accepted>) {
        let postgres = Postgres::start();
        let folder = tempfile::tempdir().unwrap();
        let (teller, accepted) = mpsc::channel();
        let database = postgres.database();
        // The tables and the key are made before anybody is in a hurry.
        drop(store(folder.path(), &database));
        (Cluster { folder, database, postgres, nats: NatsServer::start(), teller }, accepted)
    }

    fn node(&self, role: &str) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["kill::cluster::the_node_that_is_killed", "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(FOLDER, self.folder.path())
            .env(DATABASE, &self.database)
            .env(BUS, self.nats.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn worker(&self) -> Node {
        Node(self.node("worker"))
    }

    /// A node that accepts, from its job `first` on.
    fn acceptor(&self, node: usize, first: usize) -> Node {
        let mut child = self.node(&format!("{node} {first}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let teller = self.teller.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Some((_, told)) = line.split_once("accepted ") else { continue };
                let (number, id) = told.split_once(' ').unwrap();
                let _ = teller.send(((node, number.parse().unwrap()), id.to_owned()));
            }
        });
        Node(child)
    }
}

#[test]
fn nothing_is_lost_whoever_is_killed() {
    let (mut cluster, told) = Cluster::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A durable gets what is published after it was made.
    let (_bus, _handle, mut events) = runtime.block_on(listen(&cluster.nats));
    let mut workers: Vec<Node> = (0..3).map(|_| cluster.worker()).collect();
    let mut acceptors: Vec<Node> = (0..2).map(|it| cluster.acceptor(it, 0)).collect();
    let mut accepted: BTreeMap<(usize, usize), String> = BTreeMap::new();
    while accepted.len() < 2 * JOBS_EACH {
        let (name, id) = told.recv_timeout(WATCHDOG).unwrap();
        let before = accepted.insert(name, id.clone());
        if let Some(before) = before {
            assert_eq!(before, id, "one key, one job");
            continue;
        }
        match accepted.len() {
            200 => workers[0] = cluster.worker(),
            400 => {
                let first = accepted.keys().filter(|it| it.0 == 0).count();
                acceptors[0] = cluster.acceptor(0, first);
            }
            500 => cluster.nats.kill(),
            600 => cluster.nats.start_again(),
            700 => cluster.postgres.restart(),
            850 => workers[1] = cluster.worker(),
            _ => (),
        }
    }
    drop(acceptors);
    let ids: BTreeSet<String> = accepted.into_values().collect();
    assert_eq!(ids.len(), 2 * JOBS_EACH);
    runtime.block_on(check(&cluster, &ids, &mut events));
}

/// Every accepted job ended once, with the result of its last holder, and each change was told under one id.
async fn check(cluster: &Cluster, ids: &BTreeSet<String>, told: &mut UnboundedReceiver<Delivery>) {
    let store = store(cluster.folder.path(), &cluster.database);
    let jobs = jobs_over(store.clone(), cluster.folder.path());
    let mut expected = BTreeSet::new();
    for id in ids {
        let job = jobs.ended(id, WATCHDOG).await.unwrap();
        let events = store.job_events(id, 0).await.unwrap();
        assert_eq!(events.iter().filter(|it| it.state.is_final()).count(), 1, "{events:?}");
        let blob = store.blob(job.result.as_deref().unwrap()).await.unwrap().unwrap();
        let content = store.inline_content(&blob).unwrap().unwrap();
        assert_eq!(content.expose(), format!("{id}/{}", job.fence).as_bytes());
        expected.extend(events.iter().map(|it| (id.clone(), it.version.to_string())));
    }
    let mut names = BTreeMap::new();
    while !expected.is_subset(&names.keys().cloned().collect()) {
        let event = tokio::time::timeout(WATCHDOG, told.recv()).await.unwrap().unwrap();
        note(&mut names, &event);
        while let Ok(event) = told.try_recv() {
            note(&mut names, &event);
        }
    }
}

/// Notes an event under its job and change.
fn note(names: &mut BTreeMap<(String, String), String>, delivery: &Delivery) {
    let event: Value = serde_json::from_slice(&delivery.event.to_json().unwrap()).unwrap();
    let text = |name: &str| event[name].as_str().unwrap().to_owned();
    let change = (text("subject").trim_start_matches("jobs/").to_owned(), text("sequence"));
    let id = names.entry(change).or_insert_with(|| text("id"));
    assert_eq!(*id, text("id"), "a change has one event");
}

/// Everything that is published from now on.
async fn listen(nats: &NatsServer) -> (Nats, Handle, UnboundedReceiver<Delivery>) {
    let (sender, receiver) = deliveries::unbounded_channel();
    let handler: Handler = Arc::new(move |delivery| {
        let _ = sender.send(delivery);
        std::future::ready(Outcome::Ack).boxed()
    });
    let bus = bus(nats.url()).await;
    let filter = Filter::parse("moi.ai.v1.evt.>").unwrap();
    let wanted = Subscription { filter, durable: "check".to_owned(), max_in_flight: 64, handler };
    let handle = bus.subscribe(wanted).await.unwrap();
    (bus, handle, receiver)
}
