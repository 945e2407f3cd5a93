//! Feedback with its text, as a data set.

use std::sync::Arc;

use futures_util::FutureExt;

use crate::base::Private;

use super::engine::{Kind, Reply, Tx};
use super::seal::Sealer;
use super::value::{Row, values};
use super::{Store, StoreError};

/// Texts of one answer.
const PAGE: u64 = 500;

/// A text with the label an officer gave it. No `Debug`: it holds somebody's text.
pub struct Labelled {
    /// Place of the feedback among all; the next page begins after it.
    pub seq: u64,
    /// The prediction.
    pub id: String,
    /// As it was kept.
    pub text: Private<Vec<u8>>,
    /// The right label; none for an accepted first label.
    pub label: Option<String>,
    /// Labels given, in the caller's form.
    pub given: String,
    /// What was decided.
    pub verdict: String,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Role of who decided.
    pub role: Option<String>,
    /// Version of the model that answered.
    pub version: String,
    /// When it was decided: seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
}

/// What to export, and the key to open it.
struct Page {
    service: String,
    now: u64,
    after: u64,
    /// So many of the newest, newest first; else a page from the oldest on.
    newest: Option<u64>,
    sealer: Arc<Sealer>,
}

impl Store {
    /// The latest feedback on every prediction of `service` that is still held at `now`, in the order given: some
    /// hundred rows after `after` (0 for the first), none at the end.
    ///
    /// # Errors
    /// When the database fails or a text does not open.
    pub fn labelled(&self, service: &str, now: u64, after: u64) -> Reply<Vec<Labelled>> {
        let sealer = Arc::clone(&self.sealer);
        let page = Page { service: service.to_owned(), now, after, newest: None, sealer };
        self.call(Kind::Read, page, |page, tx| labelled(page, tx).boxed())
    }

    /// The same, the newest first, at most `limit`.
    ///
    /// # Errors
    /// Those of [`Store::labelled`].
    pub fn newest_labelled(&self, service: &str, now: u64, limit: u64) -> Reply<Vec<Labelled>> {
        let (sealer, newest) = (Arc::clone(&self.sealer), Some(limit));
        let page = Page { service: service.to_owned(), now, after: 0, newest, sealer };
        self.call(Kind::Read, page, |page, tx| labelled(page, tx).boxed())
    }
}

/// Feedback that counts, with its text.
const SELECT: &str = "SELECT f.seq, p.id, p.sealed, f.label, f.given, f.verdict, f.reason, f.role, f.version, f.created
    FROM feedback f JOIN prediction p ON p.id = f.prediction
    WHERE f.service = $1 AND $2 < p.text_expires AND $3 < f.seq
      AND f.seq = (SELECT max(seq) FROM feedback WHERE prediction = p.id)";

async fn labelled(page: &Page, tx: &mut dyn Tx) -> Result<Vec<Labelled>, StoreError> {
    let (order, limit) = page.newest.map_or(("ASC", PAGE), |limit| ("DESC", limit));
    let select = format!("{SELECT} ORDER BY f.seq {order} LIMIT $4");
    let values = values![&page.service, page.now, page.after, limit];
    let read = |mut row: Row| -> Result<_, StoreError> {
        let (seq, id): (u64, String) = (row.take()?, row.take()?);
        let text = page.sealer.unseal(&row.take::<Vec<u8>>()?, id.as_bytes())?;
        Ok(Labelled {
            seq,
            id,
            text: Private::new(text),
            label: row.take()?,
            given: row.take()?,
            verdict: row.take()?,
            reason: row.take()?,
            role: row.take()?,
            version: row.take()?,
            created: row.take()?,
        })
    };
    tx.rows(&select, values).await?.into_iter().map(read).collect()
}
