//! What is done for a person about whom something is kept: find it, copy it out, erase it with a second person, hold it.
//!
//! Rows are found by pseudonyms. Who asks and who approves is told by the caller, who records it.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, Private, RequestId, rfc3339};
use crate::store::blobs::Blobs;
use crate::store::{Rejection, Store};

pub use crate::store::{
    Approval, Erasure, Expiring, Hold, HoldKind, Identifier, IdentifierKind, Mention, Request,
    StoreError, Subject,
};

/// Rights of persons over what is kept.
#[derive(Clone)]
pub struct Privacy {
    /// What is kept.
    pub store: Store,
    /// Inputs and results.
    pub blobs: Blobs,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The agency whose rows, requests and holds are meant; none for those of all, as the house sees them.
    pub agency: Option<String>,
}

/// Why something cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The store.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Somebody's content is larger than what is copied out at once.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// Of which row.
        what: String,
        /// How much is copied out.
        limit: u64,
    },
    /// An approval that does not count.
    #[error("the request was not approved: {0:?}")]
    NotApproved(Approval),
}

/// A row that mentions somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub mention: Mention,
    /// Since when it is known to (since 1970-01-01T00:00:00Z).
    pub noted: Duration,
    /// Of which agency; none when the row itself is gone.
    pub org: Option<String>,
    /// Of which service; none when the row itself is gone.
    pub service: Option<String>,
    /// When it is erased by itself.
    pub expires: Option<Duration>,
}

/// A file of a copy. No `Debug`: it holds somebody's data.
pub struct CopiedFile {
    /// Its name: kind and id of the row, and what of it this is.
    pub name: String,
    /// Its content.
    pub content: Private<Vec<u8>>,
}

impl Privacy {
    /// The same for somebody of this agency; for the house without one.
    pub fn of(&self, agency: Option<&str>) -> Privacy {
        Privacy { agency: agency.map(str::to_owned), ..self.clone() }
    }

    /// Whether what belongs to `org` is meant; what belongs to none is the house's.
    fn means(&self, org: Option<&String>) -> bool {
        self.agency.is_none() || self.agency.as_ref() == org
    }

    /// The pseudonym of an identifier; none for one without a letter or digit.
    pub fn subject(&self, identifier: &Identifier) -> Option<Subject> {
        self.store.subject(identifier)
    }

    /// What mentions somebody, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, subject: &Subject) -> Result<Vec<Found>, PrivacyError> {
        let mut found = Vec::new();
        for (mention, noted) in self.mentions(subject).await? {
            let about = match &mention {
                Mention::Prediction(id) => {
                    let kept = self.store.prediction(id, self.now().as_secs()).await?;
                    kept.map(|it| ((it.service, it.org), Duration::from_secs(it.expires)))
                }
                Mention::Job(id) => {
                    self.store.job(id).await?.map(|it| ((it.service, it.org), it.expires))
                }
            };
            let (about, expires) = about.unzip();
            let (service, org) = about.unzip();
            found.push(Found { mention, noted, org, service, expires });
        }
        Ok(found)
    }

    async fn mentions(&self, subject: &Subject) -> Result<Vec<(Mention, Duration)>, StoreError> {
        match &self.agency {
            Some(agency) => self.store.mentions_in(subject, agency).await,
            None => self.store.mentions(subject).await,
        }
    }

    /// Copies out what a row that mentions somebody holds, in the clear.
    ///
    /// # Errors
    /// When the store fails, or a content is larger than `limit` bytes.
    pub async fn copy(
        &self,
        mention: &Mention,
        limit: u64,
    ) -> Result<Vec<CopiedFile>, PrivacyError> {
        match mention {
            Mention::Prediction(id) => self.copy_prediction(id).await,
            Mention::Job(id) => self.copy_job(id, limit).await,
        }
    }

    async fn copy_prediction(&self, id: &str) -> Result<Vec<CopiedFile>, PrivacyError> {
        let Some(kept) = self.store.prediction(id, self.now().as_secs()).await? else {
            return Ok(Vec::new());
        };
        let feedback = self.store.feedback(id).await?;
        let about = serde_json::json!({
            "id": kept.id, "service": kept.service, "model": kept.model, "labels": kept.labels,
            "created": rfc3339(Duration::from_secs(kept.created)),
            "feedback": feedback.iter().map(|it| (&it.verdict, &it.label)).collect::<Vec<_>>(),
        });
        let name = format!("prediction-{id}.json");
        let content = Private::new(about.to_string().into_bytes());
        let mut files = vec![CopiedFile { name, content }];
        if let Some(content) = self.store.prediction_text(id).await? {
            files.push(CopiedFile { name: format!("prediction-{id}.text.json"), content });
        }
        Ok(files)
    }

    async fn copy_job(&self, id: &str, limit: u64) -> Result<Vec<CopiedFile>, PrivacyError> {
        let Some(job) = self.store.job(id).await? else { return Ok(Vec::new()) };
        let mut files = Vec::new();
        for (kind, blob) in
            [("input", &job.input), ("result", &job.result), ("corrections", &job.corrections)]
        {
            let Some(blob) = blob else { continue };
            let Some(reader) = self.blobs.read(blob).await? else { continue };
            let what = || format!("{kind} of job {id}");
            let content = reader.collect(limit).await?;
            let content = content.ok_or_else(|| PrivacyError::TooLarge { what: what(), limit })?;
            files.push(CopiedFile { name: format!("job-{id}.{kind}"), content });
        }
        Ok(files)
    }

    /// Asks, in the name of `by`, to erase what mentions somebody; the id of the request. Another person approves it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ask_erasure(
        &self,
        subject: Subject,
        (reason, by): (String, String),
    ) -> Result<String, PrivacyError> {
        let asked = (by, self.now());
        let id = RequestId::at(asked.1).to_string();
        let (approved, done, rejected) = (None, None, None);
        let request = Request { id: id.clone(), reason, asked, approved, done, rejected };
        let org = self.agency.clone();
        self.store.ask_erasure(Erasure { request, subject, org }).await?;
        Ok(id)
    }

    /// Approves a request in the name of `by` and erases what it means; how many rows. One that was approved before and
    /// cut short is gone on with.
    ///
    /// # Errors
    /// When the store fails, or the approval does not count.
    pub async fn approve_erasure(&self, id: &str, by: &str) -> Result<u64, PrivacyError> {
        let known = self.erasure(id).await?.ok_or(PrivacyError::NotApproved(Approval::Unknown))?;
        let was_cut_short = known.request.approved.is_some() && known.request.done.is_none();
        match self.store.approve_erasure(id, by, self.now()).await? {
            Approval::Approved => (),
            Approval::Unknown if was_cut_short => (),
            other => return Err(PrivacyError::NotApproved(other)),
        }
        match self.erasure(id).await? {
            Some(erasure) => self.erase(erasure).await,
            None => Err(PrivacyError::NotApproved(Approval::Unknown)),
        }
    }

    /// Rejects a request in the name of `by`, who may be whoever asked; `false` when none waits.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reject_erasure(
        &self,
        id: &str,
        (reason, by): (String, String),
    ) -> Result<bool, PrivacyError> {
        if self.erasure(id).await?.is_none() {
            return Ok(false);
        }
        let rejection = Rejection { by, at: self.now(), reason };
        Ok(self.store.reject_erasure(id, rejection).await?)
    }

    /// Erases all that an approved request means, files too; how many rows.
    ///
    /// # Errors
    /// When the store fails: what was erased by then stays erased.
    pub async fn erase(&self, erasure: Erasure) -> Result<u64, PrivacyError> {
        let mut n_erased = 0;
        loop {
            let n = self.store.erase_mentions(erasure.clone(), self.now()).await?;
            if n == 0 {
                break;
            }
            n_erased += n;
        }
        self.blobs.sweep().await?;
        let store = self.store.clone();
        let scrubbed = tokio::task::spawn_blocking(move || store.scrub()).await;
        scrubbed.map_err(|_| StoreError::Closed)??;
        Ok(n_erased)
    }

    /// Every request, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn erasures(&self) -> Result<Vec<Erasure>, PrivacyError> {
        let mut found = self.store.erasures().await?;
        found.retain(|it| self.means(it.org.as_ref()));
        Ok(found)
    }

    async fn erasure(&self, id: &str) -> Result<Option<Erasure>, PrivacyError> {
        Ok(self.erasures().await?.into_iter().find(|it| it.request.id == id))
    }

    /// Lays a hold in the name of `approver`; its id. It counts from the next round of erasing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hold(
        &self,
        (kind, object): (HoldKind, String),
        (reason, approver): (String, String),
    ) -> Result<String, PrivacyError> {
        let created = self.now();
        let id = RequestId::at(created).to_string();
        let (lifted, org) = (None, self.agency.clone());
        let hold = Hold { id: id.clone(), kind, object, reason, approver, created, lifted, org };
        self.store.add_hold(hold).await?;
        Ok(id)
    }

    /// Lifts a hold in the name of `approver`; `false` when there is none that counts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lift(&self, id: &str, approver: &str) -> Result<bool, PrivacyError> {
        if !self.holds().await?.iter().any(|it| it.id == id) {
            return Ok(false);
        }
        Ok(self.store.lift_hold(id, approver, self.now()).await?)
    }

    /// Every hold, the oldest first; also those that were lifted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn holds(&self) -> Result<Vec<Hold>, PrivacyError> {
        let mut found = self.store.holds().await?;
        found.retain(|it| self.means(it.org.as_ref()));
        Ok(found)
    }

    /// What will be erased by itself in the next `time`; counted for the house only, as it is counted for all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expiring(&self, time: Duration) -> Result<Vec<Expiring>, PrivacyError> {
        if self.agency.is_some() {
            return Ok(Vec::new());
        }
        Ok(self.store.expiring(self.now() + time).await?)
    }

    fn now(&self) -> Duration {
        self.clock.unix_time()
    }
}
