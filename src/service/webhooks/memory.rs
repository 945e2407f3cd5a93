//! Receivers and deliveries in memory, for tests and for trying out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::store::{Attempt, Delivery, DeliveryState, Webhook, WebhookError, WebhookStore};

/// The store; it forgets everything at its end.
#[derive(Default)]
pub struct MemoryWebhooks {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    webhooks: BTreeMap<String, Webhook>,
    deliveries: Vec<Delivery>,
}

impl MemoryWebhooks {
    /// Adds or replaces a receiver.
    pub fn put(&self, webhook: Webhook) {
        self.state().webhooks.insert(webhook.id.clone(), webhook);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn done<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, WebhookError>> {
    std::future::ready(Ok(value)).boxed()
}

impl WebhookStore for MemoryWebhooks {
    fn webhook<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Webhook>, WebhookError>> {
        done(self.state().webhooks.get(id).cloned())
    }

    fn wanting<'a>(
        &'a self,
        org: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Webhook>, WebhookError>> {
        let wants = |it: &&Webhook| {
            it.is_active
                && it.org == org
                && (it.names.is_empty() || it.names.iter().any(|it| it == name))
        };
        done(self.state().webhooks.values().filter(wants).cloned().collect())
    }

    fn disable<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), WebhookError>> {
        let mut state = self.state();
        if let Some(webhook) = state.webhooks.get_mut(id) {
            webhook.is_active = false;
        }
        for delivery in state.deliveries.iter_mut().filter(|it| it.webhook_id == id) {
            if matches!(delivery.state, DeliveryState::Due(_)) {
                delivery.state = DeliveryState::Failed;
            }
        }
        done(())
    }

    fn add(&self, delivery: Delivery) -> BoxFuture<'_, Result<(), WebhookError>> {
        let mut state = self.state();
        if state.deliveries.iter().all(|it| it.id != delivery.id) {
            state.deliveries.push(delivery);
        }
        done(())
    }

    fn take_due(
        &self,
        now: Duration,
        lease: Duration,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, WebhookError>> {
        let mut state = self.state();
        let is_due = |it: &&mut Delivery| matches!(it.state, DeliveryState::Due(at) if at <= now);
        let due = state.deliveries.iter_mut().filter(is_due).take(limit).map(|it| {
            it.state = DeliveryState::Due(now + lease);
            it.clone()
        });
        done(due.collect())
    }

    fn record<'a>(
        &'a self,
        id: &'a str,
        attempt: Attempt,
        state: DeliveryState,
    ) -> BoxFuture<'a, Result<(), WebhookError>> {
        if let Some(delivery) = self.state().deliveries.iter_mut().find(|it| it.id == id) {
            delivery.log.push(attempt);
            delivery.n_attempts += 1;
            delivery.state = state;
        }
        done(())
    }

    fn deliveries<'a>(
        &'a self,
        webhook_id: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Delivery>, WebhookError>> {
        let state = self.state();
        let own = state.deliveries.iter().rev().filter(|it| it.webhook_id == webhook_id);
        done(own.take(limit).cloned().collect())
    }

    fn redeliver<'a>(
        &'a self,
        id: &'a str,
        now: Duration,
    ) -> BoxFuture<'a, Result<bool, WebhookError>> {
        let mut state = self.state();
        let Some(delivery) = state.deliveries.iter_mut().find(|it| it.id == id) else {
            return done(false);
        };
        delivery.state = DeliveryState::Due(now);
        delivery.n_attempts = 0;
        done(true)
    }
}
