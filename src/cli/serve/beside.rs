//! What a server does beside answering calls: it works on jobs, tells the bus, sends what is due.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::Notify;
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use crate::audit::Pump;
use crate::base::{Clock, Spans, SystemClock};
use crate::bus::{Bus, Handle};
use crate::service::Service;
use crate::service::jobs::{Jobs, Worker};
use crate::service::relay::{Relay, StoreOutbox};
use crate::store::{Bells, Store};
use crate::task::service::ServiceName;

use super::senders::Senders;
use super::{Role, host};
use crate::cli::kinds;

/// Pause after a ring for the relay: what is written meanwhile is told together.
const RING_GAP: Duration = Duration::from_millis(20);

/// What runs beside the transports.
pub(super) struct Beside {
    /// Cut at the end.
    pub(super) watches: Vec<JoinHandle<()>>,
    /// End by themselves when told to.
    workers: Vec<JoinHandle<()>>,
    /// Queue webhooks and messages, until nothing more is relayed.
    following: Vec<Handle>,
}

/// What the relay reads, and whom it tells.
pub(super) struct Told {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) bus: Arc<dyn Bus>,
}

/// What it is made of.
pub(super) struct BesideParts {
    pub(super) jobs: Arc<Jobs>,
    pub(super) at_work: Vec<Worker>,
    pub(super) told: Told,
    pub(super) senders: Senders,
    pub(super) following: Vec<Handle>,
}

impl Beside {
    pub(super) fn start(role: Role, parts: BesideParts, stopped: &Receiver<bool>) -> Beside {
        let BesideParts { jobs, at_work, told, senders, following } = parts;
        told.store.listen();
        let mut watches = vec![tokio::spawn(Arc::clone(&jobs).tend())];
        if !at_work.is_empty() {
            watches.push(tokio::spawn(jobs.listen()));
        }
        let mut workers = Vec::new();
        for worker in at_work {
            let mut stopped = stopped.clone();
            // An error means that nobody is left who could say so.
            let stop = async move { _ = stopped.wait_for(|it| *it).await };
            workers.push(tokio::spawn(async move { worker.run(stop).await }));
        }
        if role != Role::Api {
            let Told { store, clock, bus } = told;
            let (bell, bells) = (Arc::default(), Arc::clone(store.bells()));
            let relay = Relay::new(Arc::new(StoreOutbox::shared(store, clock)), bus);
            watches.push(tokio::spawn(ringing(bells, Arc::clone(&bell))));
            workers.push(tokio::spawn(relay.run(bell, stopped.clone())));
        }
        workers.extend(senders.start(role, stopped));
        Beside { watches, workers, following }
    }

    /// Sends the audit log to its receivers.
    pub(super) fn forward(&mut self, pumps: Vec<Pump>, stopped: &Receiver<bool>) {
        self.workers.extend(pumps.into_iter().map(|it| tokio::spawn(it.run(stopped.clone()))));
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        for worker in self.workers {
            worker.await.context("工作執行緒發生錯誤")?;
        }
        for following in self.following {
            following.stop().await;
        }
        self.watches.iter().for_each(JoinHandle::abort);
        Ok(())
    }
}

/// Rings for the relay when the outbox was written, here or elsewhere, for as long as it is polled: of all relays one
/// publishes, whoever has written.
async fn ringing(bells: Arc<Bells>, bell: Arc<Notify>) {
    loop {
        bells.told_anywhere().await;
        bell.notify_one();
        SystemClock.wait(RING_GAP).await;
    }
}

/// The workers of this process, for the services that it has: recordings have one of their own, for they take long.
pub(super) fn at_work(
    role: Role,
    service: &Service,
    (jobs, spans): (&Arc<Jobs>, &Spans),
) -> Vec<Worker> {
    if !matches!(role, Role::All | Role::Worker) {
        return Vec::new();
    }
    let name = format!("{}-{}", host(), std::process::id());
    let worker = || Worker::new(Arc::clone(jobs), name.clone()).traced(spans.clone());
    let mut rest = worker().without(kinds::SPEECH);
    for it in ServiceName::ALL.into_iter().filter(|it| !service.has(*it)) {
        rest = rest.without(it.as_str());
    }
    let mut workers = vec![rest];
    if service.speech().require_ready().is_ok() {
        workers.push(worker().only(kinds::SPEECH, 1));
    }
    workers.retain(Worker::has_work);
    workers
}
