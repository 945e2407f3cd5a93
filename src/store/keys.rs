//! Keys that seal others: their numbers, and sealing anew what an older one has sealed, while the service goes on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{Kind, Reply, Tx};
use super::seal::Sealer;
use super::value::{Row, values};
use super::{Store, StoreError, one};

/// Values that one round seals anew, so that writers wait for milliseconds only.
const AT_ONCE: u64 = 200;

/// Where sealed values lie: table, column of the owner's id, column of the value.
const PLACES: [[&str; 3]; 5] = [
    ["meta", "name", "value"],
    ["prediction", "id", "sealed"],
    ["blob", "id", "sealed_key"],
    ["webhook", "id", "sealed"],
    ["webhook", "id", "sealed_before"],
];

/// A key that seals others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreKey {
    /// Its number; the highest one seals.
    pub number: u16,
    /// By which it is recognised: 16 hexadecimal digits that tell nothing of it.
    pub fingerprint: String,
    /// Its file.
    pub path: PathBuf,
}

/// How far a round of sealing anew has come: where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    place_idx: usize,
    after: String,
    /// Values that were sealed anew so far.
    pub n_sealed: u64,
}

struct Round {
    sealer: Arc<Sealer>,
    from: Progress,
}

impl Store {
    /// The keys, the oldest first.
    pub fn keys(&self) -> Vec<StoreKey> {
        let key = |(number, fingerprint)| StoreKey {
            number,
            fingerprint,
            path: self.sealer.path(number),
        };
        self.sealer.list().into_iter().map(key).collect()
    }

    /// Looks whether there are other keys than before. A server does so each minute.
    ///
    /// # Errors
    /// When a key cannot be read or is open to others: the ones from before stay.
    pub fn refresh_keys(&self) -> Result<(), StoreError> {
        self.sealer.refresh()
    }

    /// Makes a new key, which seals from now on; its number.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn add_key(&self) -> Result<u16, StoreError> {
        self.sealer.add()
    }

    /// Seals some hundred values anew that the newest key has not sealed. `None` at the end of all places.
    ///
    /// # Errors
    /// When the database fails, or a value does not open: nothing of the round has happened then.
    pub fn seal_anew(&self, from: Progress) -> Reply<Option<Progress>> {
        let round = Round { sealer: Arc::clone(&self.sealer), from };
        self.call(Kind::Durable, round, |round, tx| seal_anew(round, tx).boxed())
    }

    /// How many values the newest key has not sealed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sealed_before(&self) -> Reply<u64> {
        let sealer = Arc::clone(&self.sealer);
        self.call(Kind::Read, sealer, |sealer, tx| n_sealed_before(sealer, tx).boxed())
    }

    /// Puts every key but the newest away, when nothing needs them; their files. `None` when something does, or the
    /// newest is younger than `settled`, so that a server may still not know it.
    ///
    /// # Errors
    /// When the database or a file fails.
    pub async fn retire_keys(
        &self,
        now: Duration,
        settled: Duration,
    ) -> Result<Option<Vec<PathBuf>>, StoreError> {
        self.sealer.refresh()?;
        let newest = self.sealer.current()?;
        let path = self.sealer.path(newest);
        let failed = |source| StoreError::File { action: "read", path: path.clone(), source };
        let made = std::fs::metadata(&path).and_then(|it| it.modified()).map_err(failed)?;
        let made = made.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        if now < made + settled || 0 < self.sealed_before().await? {
            return Ok(None);
        }
        let old = self.sealer.list().into_iter().map(|it| it.0).filter(|it| *it != newest);
        old.map(|it| self.sealer.put_away(it)).collect::<Result<Vec<_>, _>>().map(Some)
    }
}

/// Which values another key has sealed. Of what the store keeps for itself only some are sealed.
fn older(column: &str, table: &str) -> String {
    let sealed = if table == "meta" { "name IN ('key-check', 'pseudonyms') AND " } else { "" };
    format!("{sealed}0 < length({column}) AND substr({column}, 1, 4) <> $1")
}

/// How many values the newest key of `sealer` has not sealed.
pub(super) async fn n_sealed_before(sealer: &Sealer, tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let mut n_values = 0;
    for [table, _, column] in PLACES {
        let count = format!("SELECT count(*) FROM {table} WHERE {}", older(column, table));
        let tag = sealer.tag()?;
        n_values += one(tx.rows(&count, values![&tag[..]]).await?)?.take::<u64>()?;
    }
    Ok(n_values)
}

async fn seal_anew(round: &Round, tx: &mut dyn Tx) -> Result<Option<Progress>, StoreError> {
    let Round { sealer, from } = round;
    let tag = sealer.tag()?;
    let Some([table, id, column]) = PLACES.get(from.place_idx) else { return Ok(None) };
    let select = format!(
        "SELECT {id}, {column} FROM {table} WHERE {} AND {id} > $2 ORDER BY {id} LIMIT $3",
        older(column, table)
    );
    let update = format!("UPDATE {table} SET {column} = $1 WHERE {id} = $2 AND {column} = $3");
    let found = tx.rows(&select, values![&tag[..], &from.after, AT_ONCE]).await?;
    let read =
        |mut row: Row| -> Result<(String, Vec<u8>), StoreError> { Ok((row.take()?, row.take()?)) };
    let found = found.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut next = from.clone();
    for (owner, sealed) in &found {
        let text = zeroize::Zeroizing::new(sealer.unseal(sealed, owner.as_bytes())?);
        let anew = sealer.seal(&text, owner.as_bytes())?;
        // A value that was changed or erased meanwhile stays as it is.
        next.n_sealed += tx.execute(&update, values![&anew, owner, sealed]).await?;
    }
    match found.last() {
        Some((last, _)) => next.after = last.clone(),
        None => (next.place_idx, next.after) = (from.place_idx + 1, String::new()),
    }
    Ok(Some(next))
}
