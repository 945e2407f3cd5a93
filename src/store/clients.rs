//! Client systems that are registered, and the hashes of their keys.

use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::jobs::{ms, time};
use super::value::{Row, values};
use super::{Store, StoreError};

/// A registered client system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// Identifies it.
    pub id: String,
    /// Code of its agency.
    pub org: String,
    /// Units below which it may see rows, by line; the whole agency when empty.
    pub units: String,
    /// Names of its scopes, between spaces.
    pub scopes: String,
    /// Codes of its approved purposes, between spaces.
    pub purposes: String,
    /// When of a day it may call, as `08:00-18:00`; always when none.
    pub hours: Option<String>,
    /// Ranges of addresses that it may call from, between spaces; from everywhere when empty.
    pub networks: String,
    /// When the registration ends: since 1970-01-01T00:00:00Z.
    pub expires: Option<Duration>,
    /// SHA-256 of the certificate that it must show.
    pub certificate: Option<Vec<u8>>,
    /// Its name at the exchange.
    pub partner: Option<String>,
    /// Whether it may call.
    pub is_active: bool,
    /// Who approved it.
    pub approver: String,
    /// When it was registered: since 1970-01-01T00:00:00Z.
    pub created: Duration,
    /// About when it last called, or was registered or enabled.
    pub used: Duration,
}

/// A key of a client: its hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// The part of the key that is no secret.
    pub id: String,
    /// Whose.
    pub client: String,
    /// SHA-256 of the secret part.
    pub hash: Vec<u8>,
    /// Whether it is for demonstrations only.
    pub is_demo: bool,
    /// When it was made: since 1970-01-01T00:00:00Z.
    pub created: Duration,
}

impl Store {
    /// Registers a client; `false` when there is one of this id or this name at the exchange.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_client(&self, row: ClientRow) -> Reply<bool> {
        self.call(Kind::Durable, row, |row, tx| add(row, tx).boxed())
    }

    /// Every client, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub fn clients(&self) -> Reply<Vec<ClientRow>> {
        self.call(Kind::Read, (), |(), tx| clients(tx).boxed())
    }

    /// Every key, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn client_keys(&self) -> Reply<Vec<ClientKey>> {
        self.call(Kind::Read, (), |(), tx| keys(tx).boxed())
    }

    /// Suspends or enables a client; enabling counts as a call at `now`. `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set_client_active(&self, id: &str, is_active: bool, now: Duration) -> Reply<bool> {
        self.call(Kind::Durable, (id.to_owned(), is_active, now), |(id, is_active, now), tx| {
            async move {
                let used = if *is_active { ms(*now) } else { 0 };
                let update = "UPDATE client SET is_active = $1,
                    used = CASE WHEN used < $2 THEN $2 ELSE used END WHERE id = $3";
                Ok(tx.execute(update, values![*is_active, used, id]).await? == 1)
            }
            .boxed()
        })
    }

    /// Notes that a client has called.
    ///
    /// # Errors
    /// When the database fails.
    pub fn touch_client(&self, id: &str, now: Duration) -> Reply<()> {
        self.call(Kind::Relaxed, (id.to_owned(), now), |(id, now), tx| {
            async move {
                let update = "UPDATE client SET used = $1 WHERE id = $2 AND used < $1";
                tx.execute(update, values![ms(*now), id]).await?;
                Ok(())
            }
            .boxed()
        })
    }

    /// Deletes a client and its keys; `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_client(&self, id: &str) -> Reply<bool> {
        self.call(Kind::Durable, id.to_owned(), |id, tx| {
            async move {
                tx.execute("DELETE FROM client_key WHERE client = $1", values![id]).await?;
                Ok(tx.execute("DELETE FROM client WHERE id = $1", values![id]).await? == 1)
            }
            .boxed()
        })
    }

    /// Adds a key; `false` when its client is not registered.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_client_key(&self, key: ClientKey) -> Reply<bool> {
        self.call(Kind::Durable, key, |key, tx| add_key(key, tx).boxed())
    }

    /// Deletes a key; `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn delete_client_key(&self, id: &str) -> Reply<bool> {
        self.call(Kind::Durable, id.to_owned(), |id, tx| {
            async move {
                Ok(tx.execute("DELETE FROM client_key WHERE id = $1", values![id]).await? == 1)
            }
            .boxed()
        })
    }
}

pub(super) async fn add(row: &ClientRow, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let insert = "INSERT INTO client(id, org, units, scopes, purposes, hours, networks, expires,
            certificate, partner, is_active, approver, created, used)
        VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT DO NOTHING";
    let values = values![
        &row.id,
        &row.org,
        &row.units,
        &row.scopes,
        &row.purposes,
        &row.hours,
        &row.networks,
        row.expires.map(ms),
        &row.certificate,
        &row.partner,
        row.is_active,
        &row.approver,
        ms(row.created),
        ms(row.used),
    ];
    Ok(tx.execute(insert, values).await? == 1)
}

async fn clients(tx: &mut dyn Tx) -> Result<Vec<ClientRow>, StoreError> {
    let select = "SELECT id, org, units, scopes, purposes, hours, networks, expires,
        certificate, partner, is_active, approver, created, used FROM client ORDER BY id";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(ClientRow {
            id: row.take()?,
            org: row.take()?,
            units: row.take()?,
            scopes: row.take()?,
            purposes: row.take()?,
            hours: row.take()?,
            networks: row.take()?,
            expires: row.take::<Option<u64>>()?.map(time),
            certificate: row.take()?,
            partner: row.take()?,
            is_active: row.take()?,
            approver: row.take()?,
            created: time(row.take()?),
            used: time(row.take()?),
        })
    };
    tx.rows(select, values![]).await?.into_iter().map(read).collect()
}

async fn add_key(key: &ClientKey, tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let insert = "INSERT INTO client_key(id, client, hash, is_demo, created)
        SELECT $1, id, $2, $3, $4 FROM client WHERE id = $5";
    let values = values![&key.id, &key.hash, key.is_demo, ms(key.created), &key.client];
    Ok(tx.execute(insert, values).await? == 1)
}

async fn keys(tx: &mut dyn Tx) -> Result<Vec<ClientKey>, StoreError> {
    let select = "SELECT id, client, hash, is_demo, created FROM client_key ORDER BY created, id";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(ClientKey {
            id: row.take()?,
            client: row.take()?,
            hash: row.take()?,
            is_demo: row.take()?,
            created: time(row.take()?),
        })
    };
    tx.rows(select, values![]).await?.into_iter().map(read).collect()
}
