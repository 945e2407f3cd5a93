//! Answers beside those that a version gave at first, from what is kept of them.

use serde_json::Value;

use crate::base::Date;
use crate::media::text::is_han;
use crate::service::drift::{DriftSettings, Judged, Profile};
use crate::service::jobs::failed;
use crate::store::{DriftReference, DriftRow, Observing, Shape, StoreError};
use crate::task::call::{CallError, Task};
use crate::task::drift::{DriftFigure, ServiceDrift};
use crate::task::idcard::ModelInfo;

use super::{ANSWERS, DAY, DOCUMENTS, LETTERS, Routing};

/// Answers of a day that are looked at; of more, the newest.
const MOST: usize = 20_000;

/// Fields of what is kept that somebody wrote as text.
const WRITTEN: [&str; 4] = ["subject", "body", "question", "previous"];

impl Routing {
    /// Compares the answers of the last day with the reference of the version that gave them, and keeps what is found:
    /// what is new of it. Of several nodes that do so on one day, the first one's is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn look_for_drift(&self, settings: &DriftSettings) -> Result<Vec<DriftRow>, StoreError> {
        let mut found = Vec::new();
        for (service, model) in self.watched() {
            let rows = self.compare((service, &model.version), settings)?;
            if !rows.is_empty() && 0 < self.store.keep_drift(rows.clone()).wait()? {
                found.extend(rows);
            }
        }
        Ok(found)
    }

    /// What was found in the last `days` days about the versions that answer now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drift(&self, days: u32) -> Result<Vec<ServiceDrift>, CallError> {
        let since = self.today().unix_days().saturating_sub(days);
        let one = |(service, model): (&'static str, ModelInfo)| -> Result<_, CallError> {
            let rows = self.store.drift(service, &model.version, since).wait();
            let figures = rows.map_err(|it| failed(&it))?.into_iter().map(figure).collect();
            let is_promise_broken =
                self.promises().get(service).is_some_and(|it| it.promise.is_broken());
            Ok(ServiceDrift { service, model, figures, is_promise_broken })
        };
        self.watched().into_iter().map(one).collect()
    }

    /// The services whose answers are watched, and what answers.
    fn watched(&self) -> Vec<(&'static str, ModelInfo)> {
        let classifier = |service, task| Some((service, self.model(task)?.info.clone()));
        let index = self.answers.get().map(|it| (ANSWERS, it.info.clone()));
        [classifier(LETTERS, Task::Letters), classifier(DOCUMENTS, Task::Documents), index]
            .into_iter()
            .flatten()
            .collect()
    }

    fn compare(
        &self,
        (service, version): (&str, &str),
        settings: &DriftSettings,
    ) -> Result<Vec<DriftRow>, StoreError> {
        let Some((reference, after)) = self.reference((service, version), settings)? else {
            return Ok(Vec::new());
        };
        let of = |limit| Observing {
            service: service.to_owned(),
            version: version.to_owned(),
            after,
            limit,
        };
        let now = self.clock.unix_time();
        let yesterday = now.as_secs().saturating_sub(DAY);
        let mut window = self.store.newest_answers(of(MOST), yesterday).wait()?;
        if window.len() < settings.min_window {
            // A quiet day says nothing by itself: with the days before it does.
            window = self.store.newest_answers(of(settings.min_window), 0).wait()?;
        }
        if window.len() < settings.min_window {
            return Ok(Vec::new());
        }
        let later = Profile::of(&window);
        let row = |it: Judged| DriftRow {
            service: service.to_owned(),
            version: version.to_owned(),
            day: self.today().unix_days(),
            feature: it.compared.feature.as_str().to_owned(),
            measure: it.compared.measure.as_str().to_owned(),
            n_reference: reference.n as u64,
            n_window: later.n as u64,
            value: it.compared.value,
            p: it.compared.p,
            threshold: it.threshold,
            is_alarm: it.is_alarm,
        };
        Ok(settings.judge(&reference, &later).into_iter().map(row).collect())
    }

    /// The reference of a version and the last answer in it; made of its first answers once there are enough, and kept,
    /// so that it outlives them.
    fn reference(
        &self,
        (service, version): (&str, &str),
        settings: &DriftSettings,
    ) -> Result<Option<(Profile, u64)>, StoreError> {
        if let Some(kept) = self.store.drift_reference(service, version).wait()?
            && let Ok(profile) = serde_json::from_str(&kept.body)
        {
            return Ok(Some((profile, kept.last)));
        }
        let first = self.store.first_answers(Observing {
            service: service.to_owned(),
            version: version.to_owned(),
            after: 0,
            limit: settings.n_reference,
        });
        let first = first.wait()?;
        let Some(last) = first.last().filter(|_| first.len() == settings.n_reference) else {
            return Ok(None);
        };
        let (profile, last) = (Profile::of(&first), last.seq);
        let body = serde_json::to_string(&profile).map_err(|_| StoreError::Shape)?;
        let created = self.clock.unix_time().as_secs();
        let (service, version) = (service.to_owned(), version.to_owned());
        let row = DriftReference { service, version, last, body, created };
        self.store.keep_drift_reference(row).wait()?;
        Ok(Some((profile, last)))
    }
}

fn figure(row: DriftRow) -> DriftFigure {
    DriftFigure {
        day: Date::from_unix_days(row.day),
        feature: row.feature,
        measure: row.measure,
        n: [row.n_reference, row.n_window],
        value: row.value,
        p: row.p,
        threshold: row.threshold,
        is_alarm: row.is_alarm,
    }
}

/// What is counted of what is kept of a text.
pub(super) fn shape(text: &Value) -> Shape {
    let mut shape = Shape { n_chars: 0, n_han: 0 };
    for written in WRITTEN.iter().filter_map(|it| text.get(it)?.as_str()) {
        for ch in written.chars().filter(|it| !it.is_whitespace()) {
            shape.n_chars = shape.n_chars.saturating_add(1);
            shape.n_han += u32::from(is_han(ch));
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_somebody_wrote_is_counted() {
        let check = |text: Value, n_chars, n_han| {
            assert_eq!(shape(&text), Shape { n_chars, n_han }, "{text}");
        };
        let letter = json!({"subject": "戶籍 A1", "body": "您好,\n謝謝", "external_id": "長長的", "channel": "web"});
        check(letter, 9, 6);
        check(json!({"question": "𠮷?", "previous": null}), 2, 1);
        check(json!({}), 0, 0);
    }
}
