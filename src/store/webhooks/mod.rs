//! Webhooks: receivers of events, and what was sent to them.

mod deliveries;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::base::Secret;

use super::engine::{Kind, Reply, Tx};
use super::jobs::{ms, time};
use super::seal::{self, Sealer};
use super::value::{Row, values};
use super::{Store, StoreError, one};

pub use deliveries::{Attempt, Delivery, DeliveryState, NewDelivery};

/// A receiver to keep.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Identifies it.
    pub id: String,
    /// Agency whose events it gets.
    pub org: String,
    /// Client system that it belongs to.
    pub client: String,
    /// Where it is called.
    pub url: String,
    /// Names of the events that it wants; every one when empty. A name has no space.
    pub names: Vec<String>,
    /// When it was made: since 1970-01-01T00:00:00Z.
    pub created: Duration,
}

/// A receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Identifies it.
    pub id: String,
    /// Agency whose events it gets.
    pub org: String,
    /// Client system that it belongs to.
    pub client: String,
    /// Where it is called.
    pub url: String,
    /// Names of the events that it wants; every one when empty.
    pub names: Vec<String>,
    /// Whether it is called.
    pub is_active: bool,
    /// 64 random bytes that only this receiver has; sealed before they are written.
    pub secret: Secret<Vec<u8>>,
    /// Those that they replaced, and until when they still count.
    pub before: Option<(Secret<Vec<u8>>, Duration)>,
    /// When it was made: since 1970-01-01T00:00:00Z.
    pub created: Duration,
}

/// What changes of a receiver; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// Where it is called.
    pub url: Option<String>,
    /// Names of the events that it wants.
    pub names: Option<Vec<String>>,
    /// Whether it is called. One that is not loses what is due.
    pub is_active: Option<bool>,
}

const COLUMNS: &str =
    "id, org, client, url, names, is_active, sealed, sealed_before, before_until, created";

/// What is asked, and the key to open what is found.
struct Ask<T> {
    what: T,
    sealer: Arc<Sealer>,
}

impl Store {
    /// Keeps a receiver and makes its secret. `None` when its client has `most` already.
    ///
    /// # Errors
    /// When the secret cannot be made or sealed; the reply: when the database fails.
    pub fn add_webhook(
        &self,
        new: NewWebhook,
        most: u64,
    ) -> Result<Reply<Option<Webhook>>, StoreError> {
        let sealed = self.sealer.seal(seal::secret()?.expose(), new.id.as_bytes())?;
        let ask = self.ask((new, sealed, most));
        Ok(self.call(Kind::Durable, ask, |ask, tx| add(ask, tx).boxed()))
    }

    /// A receiver.
    ///
    /// # Errors
    /// When the database fails or a secret does not open.
    pub fn webhook(&self, id: &str) -> Reply<Option<Webhook>> {
        self.call(Kind::Query, self.ask(id.to_owned()), |ask, tx| {
            async move { Ok(find(ask, "id", tx).await?.into_iter().next()) }.boxed()
        })
    }

    /// The receivers of a client, the oldest first.
    ///
    /// # Errors
    /// When the database fails or a secret does not open.
    pub fn webhooks_of(&self, client: &str) -> Reply<Vec<Webhook>> {
        self.call(Kind::Query, self.ask(client.to_owned()), |ask, tx| {
            find(ask, "client", tx).boxed()
        })
    }

    /// The active receivers of an agency's events with this name, the oldest first.
    ///
    /// # Errors
    /// When the database fails or a secret does not open.
    pub fn webhooks_wanting(&self, org: &str, name: &str) -> Reply<Vec<Webhook>> {
        let ask = (self.ask(org.to_owned()), name.to_owned());
        self.call(Kind::Query, ask, |(ask, name), tx| wanting(ask, name, tx).boxed())
    }

    /// Changes a receiver. `None` when there is none.
    ///
    /// # Errors
    /// When the database fails or a secret does not open.
    pub fn change_webhook(&self, id: &str, change: WebhookChange) -> Reply<Option<Webhook>> {
        let ask = self.ask((id.to_owned(), change));
        self.call(Kind::Durable, ask, |ask, tx| change_one(ask, tx).boxed())
    }

    /// Gives a receiver another secret; the one before counts until `until`. `None` when there is none.
    ///
    /// # Errors
    /// When the secret cannot be made or sealed; the reply: when the database fails.
    pub fn renew_webhook(
        &self,
        id: &str,
        until: Duration,
    ) -> Result<Reply<Option<Webhook>>, StoreError> {
        let sealed = self.sealer.seal(seal::secret()?.expose(), id.as_bytes())?;
        let ask = self.ask((id.to_owned(), sealed, until));
        Ok(self.call(Kind::Durable, ask, |ask, tx| renew(ask, tx).boxed()))
    }

    /// Deletes a receiver with its deliveries; `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_webhook(&self, id: &str) -> Reply<bool> {
        self.call(Kind::Durable, id.to_owned(), |id, tx| delete(id, tx).boxed())
    }

    fn ask<T>(&self, what: T) -> Ask<T> {
        Ask { what, sealer: Arc::clone(&self.sealer) }
    }
}

impl<T> Ask<T> {
    fn read(&self, mut row: Row) -> Result<Webhook, StoreError> {
        let id: String = row.take()?;
        let open = |sealed: &[u8]| self.sealer.unseal(sealed, id.as_bytes()).map(Secret::new);
        let (org, client, url) = (row.take()?, row.take()?, row.take()?);
        let names: String = row.take()?;
        let is_active = row.take()?;
        let secret = open(&row.take::<Vec<u8>>()?)?;
        let before = row.take::<Option<Vec<u8>>>()?.map(|it| open(&it)).transpose()?;
        let until = row.take::<Option<u64>>()?.map(time);
        Ok(Webhook {
            org,
            client,
            url,
            names: names.split_whitespace().map(str::to_owned).collect(),
            is_active,
            secret,
            before: before.zip(until),
            created: time(row.take()?),
            id,
        })
    }

    fn read_first(&self, rows: Vec<Row>) -> Result<Option<Webhook>, StoreError> {
        rows.into_iter().next().map(|it| self.read(it)).transpose()
    }
}

async fn add(
    ask: &Ask<(NewWebhook, Vec<u8>, u64)>,
    tx: &mut dyn Tx,
) -> Result<Option<Webhook>, StoreError> {
    let (new, sealed, most) = &ask.what;
    let count = "SELECT count(*) FROM webhook WHERE client = $1";
    let n_webhooks: u64 = one(tx.rows(count, values![&new.client]).await?)?.take()?;
    if *most <= n_webhooks {
        return Ok(None);
    }
    let insert = format!(
        "INSERT INTO webhook(id, org, client, url, names, is_active, sealed, created)
        VALUES($1, $2, $3, $4, $5, 1, $6, $7) RETURNING {COLUMNS}"
    );
    let names = new.names.join(" ");
    let values = values![&new.id, &new.org, &new.client, &new.url, &names, sealed, ms(new.created)];
    ask.read_first(tx.rows(&insert, values).await?)
}

/// Receivers whose `column` is what is asked.
async fn find(
    ask: &Ask<String>,
    column: &str,
    tx: &mut dyn Tx,
) -> Result<Vec<Webhook>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM webhook WHERE {column} = $1 ORDER BY seq");
    let rows = tx.rows(&select, values![&ask.what]).await?;
    rows.into_iter().map(|it| ask.read(it)).collect()
}

async fn wanting(
    ask: &Ask<String>,
    name: &str,
    tx: &mut dyn Tx,
) -> Result<Vec<Webhook>, StoreError> {
    let select =
        format!("SELECT {COLUMNS} FROM webhook WHERE org = $1 AND is_active = 1 ORDER BY seq");
    let rows = tx.rows(&select, values![&ask.what]).await?;
    let found = rows.into_iter().map(|it| ask.read(it));
    let wants = |it: &Webhook| it.names.is_empty() || it.names.iter().any(|it| it == name);
    found.filter(|it| it.as_ref().map_or(true, wants)).collect()
}

async fn change_one(
    ask: &Ask<(String, WebhookChange)>,
    tx: &mut dyn Tx,
) -> Result<Option<Webhook>, StoreError> {
    let (id, change) = &ask.what;
    let update = format!(
        "UPDATE webhook SET url = coalesce($1, url), names = coalesce($2, names),
            is_active = coalesce($3, is_active) WHERE id = $4 RETURNING {COLUMNS}"
    );
    let names = change.names.as_ref().map(|it| it.join(" "));
    let is_active = change.is_active.map(u64::from);
    let rows = tx.rows(&update, values![&change.url, &names, is_active, id]).await?;
    if change.is_active == Some(false) {
        let update =
            "UPDATE webhook_delivery SET state = 'failed' WHERE webhook = $1 AND state = 'due'";
        tx.execute(update, values![id]).await?;
    }
    ask.read_first(rows)
}

async fn renew(
    ask: &Ask<(String, Vec<u8>, Duration)>,
    tx: &mut dyn Tx,
) -> Result<Option<Webhook>, StoreError> {
    let (id, sealed, until) = &ask.what;
    let update = format!(
        "UPDATE webhook SET sealed_before = sealed, before_until = $1, sealed = $2
        WHERE id = $3 RETURNING {COLUMNS}"
    );
    ask.read_first(tx.rows(&update, values![ms(*until), sealed, id]).await?)
}

async fn delete(id: &str, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let is_there = tx.execute("DELETE FROM webhook WHERE id = $1", values![id]).await? == 1;
    let delete = "DELETE FROM webhook_attempt WHERE delivery IN
        (SELECT id FROM webhook_delivery WHERE webhook = $1)";
    tx.execute(delete, values![id]).await?;
    tx.execute("DELETE FROM webhook_delivery WHERE webhook = $1", values![id]).await?;
    Ok(is_there)
}
