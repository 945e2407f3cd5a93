//! Feedback with its text, as a data set.

use rusqlite::params;

use crate::base::Private;

use super::{Store, StoreError, signed, unsigned};

/// A text with the label an officer gave it. No `Debug`: it holds somebody's text.
pub struct Labelled {
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

impl Store {
    /// The latest feedback on every prediction of `service` that is still held at `now`, in the order given; `visit`
    /// sees one at a time.
    ///
    /// # Errors
    /// When the database fails, a text does not open or `visit` fails.
    pub fn labelled<E: From<StoreError>>(
        &self,
        service: &str,
        now: u64,
        mut visit: impl FnMut(Labelled) -> Result<(), E>,
    ) -> Result<(), E> {
        let connection = self.connection();
        let database = |it: rusqlite::Error| E::from(StoreError::Database(it));
        let mut select = connection
            .prepare(
                "SELECT p.id, p.sealed, f.label, f.given, f.verdict, f.reason, f.role, f.version, f.created
                 FROM feedback f JOIN prediction p ON p.id = f.prediction
                 WHERE f.service = ?1 AND ?2 < p.expires
                   AND f.id = (SELECT max(id) FROM feedback WHERE prediction = p.id)
                 ORDER BY f.id",
            )
            .map_err(database)?;
        let mut rows = select.query(params![service, signed(now)]).map_err(database)?;
        while let Some(row) = rows.next().map_err(database)? {
            let read = || -> rusqlite::Result<(Labelled, Vec<u8>)> {
                let empty = Private::new(Vec::new());
                let labelled = Labelled {
                    id: row.get(0)?,
                    text: empty,
                    label: row.get(2)?,
                    given: row.get(3)?,
                    verdict: row.get(4)?,
                    reason: row.get(5)?,
                    role: row.get(6)?,
                    version: row.get(7)?,
                    created: unsigned(row.get(8)?),
                };
                Ok((labelled, row.get(1)?))
            };
            let (labelled, sealed) = read().map_err(database)?;
            let text = self.sealer.unseal(&sealed, labelled.id.as_bytes())?;
            visit(Labelled { text: Private::new(text), ..labelled })?;
        }
        Ok(())
    }
}
