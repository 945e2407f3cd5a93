//! Predictions of a service as a list, for reports.

use rusqlite::params;

use super::{Prediction, Store, StoreError, signed, unsigned};

impl Store {
    /// The predictions of `service` that have not expired at `now`, newest first, without their texts; at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn newest(
        &self,
        service: &str,
        now: u64,
        limit: usize,
    ) -> Result<Vec<Prediction>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT id, service, model, version, sha256, taxonomy, labels, created, expires
             FROM prediction WHERE service = ?1 AND ?2 < expires ORDER BY seq DESC LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select.query_map(params![service, signed(now), limit], |row| {
            Ok(Prediction {
                id: row.get(0)?,
                service: row.get(1)?,
                model: [row.get(2)?, row.get(3)?, row.get(4)?],
                taxonomy: row.get(5)?,
                labels: row.get(6)?,
                created: unsigned(row.get(7)?),
                expires: unsigned(row.get(8)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
