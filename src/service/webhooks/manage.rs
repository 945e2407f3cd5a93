//! What callers do with their webhooks.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, ErrorCode, RequestId};
use crate::service::events::Event;
use crate::service::jobs::{Caller, failed};
use crate::store::Store;
use crate::store::webhooks::{Attempt, Delivery, NewWebhook, Webhook, WebhookChange};
use crate::task::call::CallError;

use super::guard::{Guard, GuardError};

/// Manners of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Whether this program can send them.
    pub is_sending: bool,
    /// Webhooks that a client may have.
    pub most: u64,
    /// How long the secret before still signs after it was renewed.
    pub overlap: Duration,
}

impl Default for WebhookSettings {
    /// Sends where the program was built for it; 20 a client; one day.
    fn default() -> WebhookSettings {
        WebhookSettings {
            is_sending: cfg!(feature = "webhooks"),
            most: 20,
            overlap: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Webhooks, for callers of this process.
pub struct Webhooks {
    /// Where they are kept.
    pub store: Store,
    /// Where they may lead.
    pub guard: Guard,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Manners.
    pub settings: WebhookSettings,
}

impl Webhooks {
    /// Makes a webhook for events of the caller's agency with these names, or of every name.
    ///
    /// # Errors
    /// When this program does not send, the address or a name is none, the caller has too many, or the store fails.
    pub async fn create(
        &self,
        caller: &Caller,
        url: String,
        names: Vec<String>,
    ) -> Result<Webhook, CallError> {
        self.require_sending()?;
        self.check(Some(&url), Some(&names))?;
        let created = self.clock.unix_time();
        let id = RequestId::at(created).to_string();
        let Caller { client, org } = caller.clone();
        let new = NewWebhook { id, org, client, url, names, created };
        let added = self.store.add_webhook(new, self.settings.most).map_err(|it| failed(&it))?;
        let added = added.await.map_err(|it| failed(&it))?;
        added.ok_or_else(|| {
            let most = self.settings.most;
            let message = format!("每個介接系統至多 {most} 個 webhook,請先刪除不用的。");
            CallError::new(ErrorCode::Conflict, message)
        })
    }

    /// The caller's webhooks, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Webhook>, CallError> {
        self.store.webhooks_of(&caller.client).await.map_err(|it| failed(&it))
    }

    /// A webhook of the caller's.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn find(&self, caller: &Caller, id: &str) -> Result<Webhook, CallError> {
        let found = self.store.webhook(id).await.map_err(|it| failed(&it))?;
        found.filter(|it| it.client == caller.client).ok_or_else(missing)
    }

    /// Changes a webhook of the caller's.
    ///
    /// # Errors
    /// Those of [`Webhooks::find`], and when the address or a name is none, or it is to be called by a program that
    /// does not send.
    pub async fn change(
        &self,
        caller: &Caller,
        id: &str,
        change: WebhookChange,
    ) -> Result<Webhook, CallError> {
        if change.is_active == Some(true) {
            self.require_sending()?;
        }
        self.check(change.url.as_deref(), change.names.as_deref())?;
        self.find(caller, id).await?;
        let changed = self.store.change_webhook(id, change).await.map_err(|it| failed(&it))?;
        changed.ok_or_else(missing)
    }

    /// Gives a webhook another secret. For a day both sign, so that its receiver can change over without a gap.
    ///
    /// # Errors
    /// Those of [`Webhooks::find`].
    pub async fn renew(&self, caller: &Caller, id: &str) -> Result<Webhook, CallError> {
        self.find(caller, id).await?;
        let until = self.clock.unix_time() + self.settings.overlap;
        let renewed = self.store.renew_webhook(id, until).map_err(|it| failed(&it))?;
        renewed.await.map_err(|it| failed(&it))?.ok_or_else(missing)
    }

    /// Deletes a webhook and what was to be sent to it.
    ///
    /// # Errors
    /// Those of [`Webhooks::find`].
    pub async fn delete(&self, caller: &Caller, id: &str) -> Result<(), CallError> {
        self.find(caller, id).await?;
        self.store.delete_webhook(id).await.map(|_| ()).map_err(|it| failed(&it))
    }

    /// What was sent to a webhook, the newest first, before the place `before`.
    ///
    /// # Errors
    /// Those of [`Webhooks::find`].
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(Delivery, Vec<Attempt>)>, CallError> {
        self.find(caller, id).await?;
        self.store.deliveries(id, before, limit).await.map_err(|it| failed(&it))
    }

    /// Sends a delivery again, from now on.
    ///
    /// # Errors
    /// Those of [`Webhooks::find`], and when there is no such delivery or the webhook is not called.
    pub async fn redeliver(
        &self,
        caller: &Caller,
        id: &str,
        delivery: &str,
    ) -> Result<(), CallError> {
        self.require_sending()?;
        if !self.find(caller, id).await?.is_active {
            let message = "這個 webhook 已停用,請先以 PATCH 將 active 改為 true。";
            return Err(CallError::new(ErrorCode::Conflict, message));
        }
        let now = self.clock.unix_time();
        let is_there = self.store.redeliver(id, delivery, now).await.map_err(|it| failed(&it))?;
        if is_there {
            return Ok(());
        }
        Err(CallError::new(ErrorCode::NotFound, "沒有這筆遞送紀錄,或已逾保存期限。"))
    }

    fn require_sending(&self) -> Result<(), CallError> {
        if self.settings.is_sending {
            return Ok(());
        }
        let message = "本程式未含 webhook 遞送功能,請改用完整版,或改由企業匯流排、GET /api/v1/jobs/{id}/events 接收事件。";
        Err(CallError::new(ErrorCode::Unavailable, message))
    }

    fn check(&self, url: Option<&str>, names: Option<&[String]>) -> Result<(), CallError> {
        if let Some(Err(error)) = url.map(|it| self.guard.check_form(it)) {
            let detail = match error {
                GuardError::Forbidden => {
                    "不是公開的位址:內部位址須由維運人員加入 webhooks.allowed_networks。"
                }
                _ if self.guard.allow_plain => "應為不含帳號密碼的 https:// 或 http:// 網址。",
                _ => "應為不含帳號密碼的 https:// 網址。",
            };
            return Err(CallError::bad_value("/url", detail));
        }
        for (idx, name) in names.unwrap_or_default().iter().enumerate() {
            if !Event::is_name(name) {
                let detail = "不是已知的事件名稱;名稱列於 /asyncapi.yaml。";
                return Err(CallError::bad_value(format!("/events/{idx}"), detail));
            }
        }
        Ok(())
    }
}

fn missing() -> CallError {
    CallError::new(ErrorCode::NotFound, "沒有這個 webhook。")
}
