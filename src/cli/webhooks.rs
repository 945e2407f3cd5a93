//! Webhooks from their settings, and who sends them.

use std::sync::Arc;

use crate::base::{Clock, Network};
use crate::bus::{Bus, Handle};
use crate::config::Config;
use crate::service::webhooks::{Deliverer, Guard, WebhookSettings, Webhooks};
use crate::store::Store;

use super::serve::Role;

/// What callers do with their webhooks.
pub(super) fn webhooks(
    config: &Config,
    store: Store,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Webhooks> {
    let settings =
        WebhookSettings { most: config.webhooks.per_client, ..WebhookSettings::default() };
    Ok(Webhooks { store, guard: guard(config)?, clock, settings })
}

/// Where they may lead, by the settings.
pub(super) fn guard(config: &Config) -> anyhow::Result<Guard> {
    let network = |text: &String| {
        text.parse::<Network>().map_err(|_| {
            anyhow::anyhow!("webhooks.allowed_networks:{text} 不是網段,請寫成 10.1.0.0/16")
        })
    };
    let allowed = config.webhooks.allowed_networks.iter().map(network).collect::<Result<_, _>>()?;
    Ok(Guard { allowed, allow_plain: config.webhooks.allow_plain })
}

/// What queues and sends webhooks; nothing where the program was built without them.
#[cfg(feature = "webhooks")]
pub(super) fn deliverer(
    config: &Config,
    store: Store,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Option<Arc<Deliverer>>> {
    use anyhow::Context;

    use crate::service::webhooks::{HttpSender, SystemResolver};
    let sender = HttpSender::new(config.webhooks.ca.as_ref())
        .context("無法準備 webhook:請檢查 webhooks.ca")?;
    Ok(Some(Arc::new(Deliverer {
        store,
        sender: Arc::new(sender),
        resolver: Arc::new(SystemResolver),
        guard: guard(config)?,
        clock,
    })))
}

/// What queues and sends webhooks; nothing where the program was built without them.
#[cfg(not(feature = "webhooks"))]
pub(super) fn deliverer(
    _: &Config,
    _: Store,
    _: Arc<dyn Clock>,
) -> anyhow::Result<Option<Arc<Deliverer>>> {
    Ok(None)
}

/// Queues webhooks where the bus is told of events: one inside the process tells nobody else.
pub(super) async fn follow(
    deliverer: Option<&Arc<Deliverer>>,
    role: Role,
    bus: &dyn Bus,
) -> anyhow::Result<Option<Handle>> {
    match deliverer.filter(|_| role != Role::Api) {
        Some(it) => Ok(Some(it.follow(bus).await.map_err(super::bus::told)?)),
        None => Ok(None),
    }
}
