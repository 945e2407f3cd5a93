//! Looking at jobs.

use futures_util::FutureExt;

use crate::store::engine::{Kind, Reply, Tx};
use crate::store::value::{Row, Value, values};
use crate::store::{Store, StoreError};

use super::{COLUMNS, Job, JobState, submit};

/// Which jobs to list; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// In this state.
    pub state: Option<JobState>,
    /// Of this service.
    pub service: Option<String>,
    /// Of this agency.
    pub org: Option<String>,
    /// Sent by this client.
    pub client: Option<String>,
    /// Older than the job of this place.
    pub before: Option<u64>,
    /// So many at most.
    pub limit: usize,
}

impl Store {
    /// A job.
    ///
    /// # Errors
    /// When the database fails.
    pub fn job(&self, id: &str) -> Reply<Option<Job>> {
        self.call(Kind::Query, id.to_owned(), |id, tx| job(id, tx).boxed())
    }

    /// Jobs, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn jobs(&self, filter: JobFilter) -> Reply<Vec<Job>> {
        self.call(Kind::Query, filter, |filter, tx| jobs(filter, tx).boxed())
    }

    /// How many jobs there are in each state: of a client, or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn job_counts(&self, client: Option<&str>) -> Reply<Vec<(JobState, u64)>> {
        let client = client.map(str::to_owned);
        self.call(Kind::Query, client, |client, tx| job_counts(client.as_deref(), tx).boxed())
    }

    /// How many jobs of a client wait.
    ///
    /// # Errors
    /// When the database fails.
    pub fn queued_of(&self, client: &str) -> Reply<u64> {
        let client = client.to_owned();
        self.call(Kind::Query, client, |client, tx| submit::queued_of(client, tx).boxed())
    }
}

pub(super) async fn job(id: &str, tx: &mut dyn Tx) -> Result<Option<Job>, StoreError> {
    let select = format!("SELECT {COLUMNS} FROM job WHERE id = $1");
    tx.rows(&select, values![id]).await?.into_iter().next().map(Job::read).transpose()
}

async fn jobs(filter: &JobFilter, tx: &mut dyn Tx) -> Result<Vec<Job>, StoreError> {
    let mut select = format!("SELECT {COLUMNS} FROM job WHERE seq < $1");
    let mut values = vec![Value::from(filter.before.unwrap_or(i64::MAX.unsigned_abs()))];
    let wanted = [
        ("state", filter.state.map(|it| it.as_str().to_owned())),
        ("service", filter.service.clone()),
        ("org", filter.org.clone()),
        ("client", filter.client.clone()),
    ];
    for (column, wanted) in wanted {
        if let Some(wanted) = wanted {
            values.push(Value::Text(wanted));
            select.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    values.push(Value::from(filter.limit as u64));
    select.push_str(&format!(" ORDER BY seq DESC LIMIT ${}", values.len()));
    tx.rows(&select, &values).await?.into_iter().map(Job::read).collect()
}

async fn job_counts(
    client: Option<&str>,
    tx: &mut dyn Tx,
) -> Result<Vec<(JobState, u64)>, StoreError> {
    let rows = match client {
        Some(client) => {
            let select = "SELECT state, count(*) FROM job WHERE client = $1 GROUP BY state";
            tx.rows(select, values![client]).await?
        }
        None => tx.rows("SELECT state, count(*) FROM job GROUP BY state", values![]).await?,
    };
    let read = |mut row: Row| Ok((row.take::<String>()?.parse()?, row.take()?));
    rows.into_iter().map(read).collect()
}
