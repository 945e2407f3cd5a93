//! Who sends what the bus tells of to others: webhooks to systems, messages to people.

use std::sync::Arc;

use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use crate::base::Clock;
use crate::bus::{Bus, Handle};
use crate::config::Config;
use crate::service::messages::Messenger;
use crate::service::webhooks::Deliverer;
use crate::store::Store;

use super::Role;
use crate::cli::{messages, webhooks};

/// What sends; each is there where the settings and the program have it.
pub(super) struct Senders {
    deliverer: Option<Arc<Deliverer>>,
    messenger: Option<Arc<Messenger>>,
}

impl Senders {
    /// By the settings.
    pub(super) fn open(
        config: &Config,
        store: &Store,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Senders> {
        Ok(Senders {
            deliverer: webhooks::deliverer(config, store.clone(), Arc::clone(clock))?,
            messenger: messages::messenger(config, store.clone(), Arc::clone(clock))?,
        })
    }

    /// Queues what the bus tells of.
    pub(super) async fn follow(&self, role: Role, bus: &dyn Bus) -> anyhow::Result<Vec<Handle>> {
        let webhooks = webhooks::follow(self.deliverer.as_ref(), role, bus).await?;
        let messages = messages::follow(self.messenger.as_ref(), role, bus).await?;
        Ok(webhooks.into_iter().chain(messages).collect())
    }

    /// Sends what is due, until told to stop.
    pub(super) fn start(self, role: Role, stopped: &Receiver<bool>) -> Vec<JoinHandle<()>> {
        if !matches!(role, Role::All | Role::Relay) {
            return Vec::new();
        }
        let mut started = Vec::new();
        if let Some(deliverer) = self.deliverer {
            let stopped = stopped.clone();
            started.push(tokio::spawn(async move { deliverer.run(stopped).await }));
        }
        if let Some(messenger) = self.messenger {
            let stopped = stopped.clone();
            started.push(tokio::spawn(async move { messenger.run(stopped).await }));
        }
        started
    }
}
