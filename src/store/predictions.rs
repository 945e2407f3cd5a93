//! Predictions until they expire, and feedback on them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::ready;

use crate::base::Private;

use super::drift::Shape;
use super::engine::{Kind, Reply, Tx};
use super::outbox::{self, OutboxRow};
use super::reviews::{self, NewReview, SealedReview};
use super::subjects::{self, Subject};
use super::value::{Row, owned, values};
use super::{Store, StoreError};

/// A prediction to keep. No `Debug`: it holds somebody's text.
pub struct NewPrediction {
    /// Identifies it.
    pub id: String,
    /// Code of the agency that asked.
    pub org: String,
    /// Of which service.
    pub service: &'static str,
    /// Name, version and SHA-256 of the model.
    pub model: [String; 3],
    /// Version of the taxonomy.
    pub taxonomy: String,
    /// Labels given, in a form of the caller.
    pub labels: String,
    /// What was predicted for, sealed before it is written; empty where nothing of it is kept.
    pub text: Private<Vec<u8>>,
    /// What near-duplicates are found by; it cannot be read back.
    pub signature: Option<Vec<u8>>,
    /// Whom the text mentions.
    pub subjects: Vec<Subject>,
    /// What is counted of the text, for as long as the prediction is kept.
    pub shape: Option<Shape>,
    /// The caller's case.
    pub case_no: Option<String>,
    /// In which mode the agency had the service; none where there are no modes.
    pub mode: Option<&'static str>,
    /// Id of who asked, where only that one may read it.
    pub made_by: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// When to erase the text and the signature.
    pub text_expires: u64,
    /// When to erase the rest.
    pub expires: u64,
}

/// A kept prediction without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// Identifies it.
    pub id: String,
    /// Code of the agency that asked.
    pub org: String,
    /// Of which service.
    pub service: String,
    /// Name, version and SHA-256 of the model.
    pub model: [String; 3],
    /// Version of the taxonomy.
    pub taxonomy: String,
    /// Labels given.
    pub labels: String,
    /// In which mode the agency had the service; none where there were no modes.
    pub mode: Option<String>,
    /// Id of who asked, where only that one may read it.
    pub made_by: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
    /// When it is erased.
    pub expires: u64,
}

/// What near-duplicates of a letter are found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSignature {
    /// Its place among all that is kept.
    pub seq: u64,
    /// The agency it came from.
    pub org: String,
    /// Id of the prediction.
    pub id: String,
    /// The signature; the store does not know its form.
    pub bytes: Vec<u8>,
}

/// The last word on a prediction, and what had been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Labels given, in the form of [`NewPrediction::labels`].
    pub given: String,
    /// What was decided.
    pub verdict: String,
    /// The right label.
    pub label: Option<String>,
}

/// Feedback on a prediction; never changed, and not deleted while its prediction is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedbackRow {
    /// The prediction.
    pub prediction: String,
    /// What was decided.
    pub verdict: String,
    /// The right label.
    pub label: Option<String>,
    /// The right unit.
    pub unit: Option<String>,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Id of who decided.
    pub decided_by: Option<String>,
    /// Role of who decided.
    pub role: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub created: u64,
}

/// A prediction and its sealed text.
type Sealed = (NewPrediction, Vec<u8>);

impl Store {
    /// Keeps predictions and the events that tell of them, all or none. A crash of the machine may lose those of the
    /// last moments.
    ///
    /// # Errors
    /// When a text cannot be sealed; the reply: when the database fails.
    pub fn keep(
        &self,
        predictions: Vec<NewPrediction>,
        told: Vec<OutboxRow>,
    ) -> Result<Reply<()>, StoreError> {
        self.keep_for_review(predictions, told, Vec::new())
    }

    /// As [`Store::keep`], and lets officers review some of the predictions, in the same transaction.
    ///
    /// # Errors
    /// Those of [`Store::keep`].
    pub fn keep_for_review(
        &self,
        predictions: Vec<NewPrediction>,
        told: Vec<OutboxRow>,
        reviews: Vec<NewReview>,
    ) -> Result<Reply<()>, StoreError> {
        let seal = |mut it: NewPrediction| {
            let text = std::mem::take(&mut it.text);
            // Of an ID image there is none: then it is as if it were erased already.
            let sealed = match text.expose().as_slice() {
                [] => Vec::new(),
                text => self.sealer.seal(text, it.id.as_bytes())?,
            };
            Ok((it, sealed))
        };
        let sealed = predictions.into_iter().map(seal).collect::<Result<Vec<_>, StoreError>>()?;
        let data = (sealed, told, self.seal_reviews(reviews)?);
        Ok(self.call(Kind::Relaxed, data, |(sealed, told, reviews), tx| {
            ready(keep(sealed, told, reviews, tx)).boxed()
        }))
    }

    /// A prediction that has not expired at `now`, of whichever agency.
    ///
    /// # Errors
    /// When the database fails.
    pub fn prediction(&self, id: &str, now: u64) -> Reply<Option<Prediction>> {
        self.call(Kind::Query, (id.to_owned(), now), |(id, now), tx| {
            prediction(id, *now, tx).boxed()
        })
    }

    /// The text of a prediction; `None` when it is erased, or there is no such prediction.
    ///
    /// # Errors
    /// When the database fails, or the text does not open.
    pub fn prediction_text(&self, id: &str) -> Reply<Option<Private<Vec<u8>>>> {
        let ask = (Arc::clone(&self.sealer), id.to_owned());
        self.call(Kind::Query, ask, |(sealer, id), tx| {
            async move {
                let select = "SELECT sealed FROM prediction WHERE id = $1 AND 0 < length(sealed)";
                let found = tx.rows(select, values![id]).await?.into_iter().next();
                let open = |mut row: Row| {
                    sealer.unseal(&row.take::<Vec<u8>>()?, id.as_bytes()).map(Private::new)
                };
                found.map(open).transpose()
            }
            .boxed()
        })
    }

    /// An agency's predictions of `service` that have not expired at `now`, newest first, without their texts; at most
    /// `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn newest(
        &self,
        service: &str,
        org: &str,
        now: u64,
        limit: usize,
    ) -> Reply<Vec<Prediction>> {
        let data = (service.to_owned(), org.to_owned(), now, limit as u64);
        self.call(Kind::Query, data, |(service, org, now, limit), tx| {
            newest((service, org), *now, *limit, tx).boxed()
        })
    }

    /// Adds feedback and the event that tells of it; officers need not review the prediction any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_feedback(&self, row: FeedbackRow, about: Prediction, told: OutboxRow) -> Reply<()> {
        self.call(Kind::Durable, (row, about, told), |(row, about, told), tx| {
            async move {
                let [_, version, _] = &about.model;
                let of = About { service: &about.service, version, given: &about.labels };
                insert_feedback(row, of, tx)?;
                reviews::close_by_feedback(row, tx)?;
                outbox::add(told, tx)
            }
            .boxed()
        })
    }

    /// Feedback on a prediction, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn feedback(&self, prediction: &str) -> Reply<Vec<FeedbackRow>> {
        self.call(Kind::Query, prediction.to_owned(), |id, tx| feedback(id, tx).boxed())
    }

    /// The newest reviews of answers of one version, one a prediction, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn reviews(&self, service: &str, version: &str, limit: usize) -> Reply<Vec<Review>> {
        let data = (service.to_owned(), version.to_owned(), limit as u64);
        self.call(Kind::Read, data, |(service, version, limit), tx| {
            reviews(service, version, *limit, tx).boxed()
        })
    }

    /// A page of the signatures of a service, newest first: those kept before `before`, the `seq` of the last that was read,
    /// or [`u64::MAX`]. What the index of near-duplicates is rebuilt from.
    ///
    /// # Errors
    /// When the database fails.
    pub fn signatures(
        &self,
        service: &str,
        before: u64,
        limit: usize,
    ) -> Reply<Vec<KeptSignature>> {
        let data = (service.to_owned(), before, limit as u64);
        self.call(Kind::Query, data, |(service, before, limit), tx| {
            signatures(service, *before, *limit, tx).boxed()
        })
    }
}

fn keep(
    sealed: &[Sealed],
    told: &[OutboxRow],
    reviews: &[SealedReview],
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO prediction(id, org, service, model, version, sha256, taxonomy, labels, sealed, signature,
            case_no, created, text_expires, expires, n_chars, n_han, mode, made_by)
        VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
    for (it, sealed) in sealed {
        let [model, version, sha256] = &it.model;
        let values = owned![
            &it.id,
            &it.org,
            it.service,
            model,
            version,
            sha256,
            &it.taxonomy,
            &it.labels,
            sealed,
            &it.signature,
            &it.case_no,
            it.created,
            it.text_expires,
            it.expires,
            it.shape.map(|it| u64::from(it.n_chars)),
            it.shape.map(|it| u64::from(it.n_han)),
            it.mode,
            &it.made_by,
        ];
        tx.write(insert, values)?;
        let created = Duration::from_secs(it.created);
        subjects::note(&it.subjects, ("prediction", &it.id), created, tx)?;
    }
    for row in told {
        outbox::add(row, tx)?;
    }
    for review in reviews {
        reviews::add(review, tx)?;
    }
    Ok(())
}

async fn prediction(id: &str, now: u64, tx: &mut dyn Tx) -> Result<Option<Prediction>, StoreError> {
    let select =
        "SELECT id, org, service, model, version, sha256, taxonomy, labels, mode, made_by, created, expires
        FROM prediction WHERE id = $1 AND $2 < expires";
    tx.rows(select, values![id, now]).await?.into_iter().next().map(kept).transpose()
}

async fn newest(
    (service, org): (&str, &str),
    now: u64,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<Vec<Prediction>, StoreError> {
    let select = "SELECT id, org, service, model, version, sha256, taxonomy, labels, mode, made_by, created, expires
        FROM prediction WHERE service = $1 AND org = $2 AND $3 < expires ORDER BY seq DESC LIMIT $4";
    tx.rows(select, values![service, org, now, limit]).await?.into_iter().map(kept).collect()
}

/// A row of the columns that the above select.
fn kept(mut row: Row) -> Result<Prediction, StoreError> {
    Ok(Prediction {
        id: row.take()?,
        org: row.take()?,
        service: row.take()?,
        model: [row.take()?, row.take()?, row.take()?],
        taxonomy: row.take()?,
        labels: row.take()?,
        mode: row.take()?,
        made_by: row.take()?,
        created: row.take()?,
        expires: row.take()?,
    })
}

/// What feedback is on.
pub(super) struct About<'a> {
    /// The service that answered.
    pub(super) service: &'a str,
    /// Version of its model.
    pub(super) version: &'a str,
    /// Labels given.
    pub(super) given: &'a str,
}

pub(super) fn insert_feedback(
    row: &FeedbackRow,
    about: About<'_>,
    tx: &mut dyn Tx,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO feedback(prediction, service, version, given, verdict, label, unit, reason, decided_by, role, created)
        VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let values = owned![
        &row.prediction,
        about.service,
        about.version,
        about.given,
        &row.verdict,
        &row.label,
        &row.unit,
        &row.reason,
        &row.decided_by,
        &row.role,
        row.created,
    ];
    tx.write(insert, values)
}

async fn feedback(prediction: &str, tx: &mut dyn Tx) -> Result<Vec<FeedbackRow>, StoreError> {
    let select = "SELECT prediction, verdict, label, unit, reason, decided_by, role, created
        FROM feedback WHERE prediction = $1 ORDER BY seq";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(FeedbackRow {
            prediction: row.take()?,
            verdict: row.take()?,
            label: row.take()?,
            unit: row.take()?,
            reason: row.take()?,
            decided_by: row.take()?,
            role: row.take()?,
            created: row.take()?,
        })
    };
    tx.rows(select, values![prediction]).await?.into_iter().map(read).collect()
}

async fn reviews(
    service: &str,
    version: &str,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<Vec<Review>, StoreError> {
    let select =
        "SELECT given, verdict, label FROM feedback AS it WHERE service = $1 AND version = $2
        AND NOT EXISTS (SELECT 1 FROM feedback AS later
            WHERE later.prediction = it.prediction AND it.seq < later.seq)
        ORDER BY seq DESC LIMIT $3";
    let read = |mut row: Row| -> Result<_, StoreError> {
        Ok(Review { given: row.take()?, verdict: row.take()?, label: row.take()? })
    };
    tx.rows(select, values![service, version, limit]).await?.into_iter().map(read).collect()
}

async fn signatures(
    service: &str,
    before: u64,
    limit: u64,
    tx: &mut dyn Tx,
) -> Result<Vec<KeptSignature>, StoreError> {
    let select = "SELECT seq, org, id, signature FROM prediction
        WHERE service = $1 AND signature IS NOT NULL AND seq < $2 ORDER BY seq DESC LIMIT $3";
    let read = |mut row: Row| -> Result<_, StoreError> {
        let (seq, org, id) = (row.take()?, row.take()?, row.take()?);
        Ok(KeptSignature { seq, org, id, bytes: row.take()? })
    };
    tx.rows(select, values![service, before, limit]).await?.into_iter().map(read).collect()
}
