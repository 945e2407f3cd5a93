//! Reads the rows of each table out of the store.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::Date;
use crate::store::warehouse::{
    DayFeedback, DayJob, DayPrediction, DayRecording, DayReview, Stretch,
};
use crate::store::{DriftRow, Reply, Store};
use crate::task::service::ServiceName;

use super::table::{Cell, Take};
use super::{Call, ExportError, MIN_GROUP, Pseudonyms};

/// Labels of a row.
const N_LABELS: usize = 3;

/// Statuses of HTTP: the first that is an error, and that of a caller who is too fast.
const FIRST_ERROR: u16 = 400;
const TOO_MANY: u16 = 429;

const MS_PER_S: u64 = 1000;

const SECONDS_A_MINUTE: f64 = 60.0;

/// The service that reads ID images.
const CARDS: ServiceName = ServiceName::IdentityDocuments;

/// What is exported.
pub(super) struct Source<'a> {
    /// From where.
    pub(super) store: &'a Store,
    /// Which day in Taiwan.
    pub(super) day: Date,
    /// Names for ids.
    pub(super) pseudonyms: &'a Pseudonyms,
    /// The calls of that day, as the audit log has them.
    pub(super) calls: &'a [Call],
}

impl Source<'_> {
    fn stretch(&self) -> Stretch {
        let [from, until] =
            [self.day, self.day.next_day()].map(|it| it.midnight_in_taiwan().as_secs());
        Stretch { from, until, after: 0 }
    }

    /// Gives every page of rows to `take`.
    fn each<T>(
        &self,
        page: impl Fn(&Store, Stretch) -> Reply<Vec<T>>,
        seq: impl Fn(&T) -> u64,
        mut take: impl FnMut(Vec<T>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut stretch = self.stretch();
        loop {
            let rows = page(self.store, stretch).wait()?;
            let Some(last) = rows.last() else { return Ok(()) };
            stretch.after = seq(last);
            take(rows)?;
        }
    }

    fn dt(&self) -> Cell {
        Cell::Text(self.day.to_string())
    }

    fn prediction_id(&self, id: &str) -> Cell {
        Cell::Text(self.pseudonyms.of("prediction", id))
    }
}

/// Labels and scores as the services keep them.
fn labels(kept: &str) -> Vec<(String, f64)> {
    serde_json::from_str(kept).unwrap_or_default()
}

pub(super) fn predictions(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    let row = |it: DayPrediction| {
        let [model, version, _] = it.model;
        let mut cells = vec![source.dt(), source.prediction_id(&it.id)];
        cells.extend([it.service, model, version, it.taxonomy].map(Cell::Text));
        let mut labels = labels(&it.labels).into_iter();
        for _ in 0..N_LABELS {
            cells.extend(match labels.next() {
                Some((label, score)) => [Cell::Text(label), Cell::Real(score)],
                None => [Cell::Null, Cell::Null],
            });
        }
        cells.push(Some(it.org).filter(|it| !it.is_empty()).into());
        cells.push(it.mode.into());
        cells.push(it.n_chars.and_then(|it| i64::try_from(it).ok()).into());
        cells
    };
    source.each(
        Store::day_predictions,
        |it| it.seq,
        |rows| take(&rows.into_iter().map(row).collect::<Vec<_>>()),
    )
}

pub(super) fn feedback(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    let row = |it: DayFeedback| {
        let given = labels(&it.given);
        let place = |label: &str| given.iter().position(|(given, _)| given == label);
        let decided = match &it.label {
            None if it.verdict == "accepted" => given.first().map(|(label, _)| label.clone()),
            label => label.clone(),
        };
        let place = decided.as_deref().and_then(place);
        let seconds = it.answered.map(|answered| it.created.saturating_sub(answered));
        vec![
            source.dt(),
            source.prediction_id(&it.prediction),
            Cell::Text(it.service),
            Cell::Text(it.version),
            Cell::Text(it.verdict),
            decided.into(),
            Cell::Flag(place == Some(0)),
            Cell::Flag(place.is_some_and(|it| it < N_LABELS)),
            seconds.and_then(|it| i64::try_from(it).ok()).into(),
            it.reason.into(),
        ]
    };
    source.each(
        Store::day_feedback,
        |it| it.seq,
        |rows| take(&rows.into_iter().map(row).collect::<Vec<_>>()),
    )
}

/// What became of the jobs of one agency and service.
#[derive(Default)]
struct Tally {
    submitted: usize,
    states: BTreeMap<String, i64>,
    ran_ms: Vec<u64>,
    queued_ms: Vec<u64>,
}

impl Tally {
    fn count(&mut self, job: &DayJob) {
        self.submitted += 1;
        *self.states.entry(job.state.clone()).or_default() += 1;
        let Some(started) = job.started else { return };
        self.queued_ms.push(started.saturating_sub(job.created));
        self.ran_ms.extend(job.finished.map(|it| it.saturating_sub(started)));
    }

    fn cells(mut self) -> Vec<Cell> {
        let state = |name: &str| Cell::Int(self.states.get(name).copied().unwrap_or(0));
        let mut cells = vec![count(self.submitted)];
        cells.extend(["succeeded", "failed", "cancelled", "dead"].map(state));
        cells.extend([quantile(&mut self.ran_ms, 50), quantile(&mut self.ran_ms, 95)]);
        cells.push(quantile(&mut self.queued_ms, 95));
        cells
    }
}

/// By nearest rank; nothing of too few.
fn quantile(values: &mut [u64], percent: usize) -> Cell {
    if values.len() < MIN_GROUP {
        return Cell::Null;
    }
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100);
    let value = values.get(rank.saturating_sub(1)).copied();
    value.and_then(|it| i64::try_from(it).ok()).into()
}

pub(super) fn jobs(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    let mut tallies: BTreeMap<(String, String), Tally> = BTreeMap::new();
    source.each(
        Store::day_jobs,
        |it| it.seq,
        |rows| {
            for job in rows {
                tallies.entry((job.org.clone(), job.service.clone())).or_default().count(&job);
            }
            Ok(())
        },
    )?;
    let tallies = tallies.into_iter().filter(|(_, it)| MIN_GROUP <= it.submitted);
    let rows: Vec<Vec<Cell>> = tallies
        .map(|((org, service), tally)| {
            let mut cells = vec![source.dt(), Cell::Text(org), Cell::Text(service)];
            cells.extend(tally.cells());
            cells
        })
        .collect();
    take(&rows)
}

pub(super) fn versions(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    let mut counts: BTreeMap<(String, [String; 3]), usize> = BTreeMap::new();
    source.each(
        Store::day_predictions,
        |it| it.seq,
        |rows| {
            for it in rows {
                *counts.entry((it.service, it.model)).or_default() += 1;
            }
            Ok(())
        },
    )?;
    let row = |((service, model), count): ((String, [String; 3]), usize)| {
        let mut cells = vec![source.dt(), Cell::Text(service)];
        cells.extend(model.map(Cell::Text));
        cells.push(enough(count));
        cells
    };
    take(&counts.into_iter().map(row).collect::<Vec<_>>())
}

/// What officers did with the reviews of one agency, service and reason.
#[derive(Default)]
struct Decisions {
    verdicts: BTreeMap<String, i64>,
    n_late: i64,
    took_s: Vec<u64>,
}

pub(super) fn reviews(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    let mut groups: BTreeMap<(String, &str, String), Decisions> = BTreeMap::new();
    source.each(
        Store::day_reviews,
        |it| it.seq,
        |rows: Vec<DayReview>| {
            for it in rows {
                let group = groups.entry((it.org, it.service, it.reason)).or_default();
                *group.verdicts.entry(it.verdict).or_default() += 1;
                group.n_late += i64::from(it.deadline < it.decided);
                group.took_s.push(it.decided.saturating_sub(it.created) / MS_PER_S);
            }
            Ok(())
        },
    )?;
    let groups = groups.into_iter().filter(|(_, it)| MIN_GROUP <= it.took_s.len());
    let row = |((org, service, reason), mut group): ((String, &str, String), Decisions)| {
        let verdict = |name: &str| Cell::Int(group.verdicts.get(name).copied().unwrap_or(0));
        let mut cells = vec![source.dt(), Cell::Text(org), Cell::Text(service.to_owned())];
        cells.extend([Cell::Text(reason), count(group.took_s.len())]);
        cells.extend(["accepted", "corrected", "discarded"].map(verdict));
        cells.push(Cell::Int(group.n_late));
        cells.extend([quantile(&mut group.took_s, 50), quantile(&mut group.took_s, 95)]);
        cells
    };
    take(&groups.map(row).collect::<Vec<_>>())
}

/// A field of a kind of document: how often and how surely it was read, and what officers found who compared it.
#[derive(Default)]
struct FieldTally {
    n_read: usize,
    confidence: f64,
    n_checked: usize,
    n_wrong: usize,
}

pub(super) fn fields(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    let mut tallies: BTreeMap<String, FieldTally> = BTreeMap::new();
    source.each(
        Store::day_predictions,
        |it| it.seq,
        |rows| {
            for it in rows.iter().filter(|it| it.service == CARDS.as_str()) {
                for (code, confidence) in labels(&it.labels) {
                    let tally = tallies.entry(code).or_default();
                    tally.n_read += 1;
                    tally.confidence += confidence;
                }
            }
            Ok(())
        },
    )?;
    source.each(
        Store::day_feedback,
        |it| it.seq,
        |rows| {
            for it in rows.iter().filter(|it| it.service == CARDS.as_str()) {
                let wrong: Vec<&str> = it.label.iter().flat_map(|it| it.split(' ')).collect();
                for (code, _) in labels(&it.given) {
                    let tally = tallies.entry(code.clone()).or_default();
                    tally.n_checked += 1;
                    tally.n_wrong += usize::from(wrong.contains(&code.as_str()));
                }
            }
            Ok(())
        },
    )?;
    let tallies = tallies.into_iter().filter(|(_, it)| MIN_GROUP <= it.n_read.max(it.n_checked));
    let row = |(code, it): (String, FieldTally)| {
        let (kind, field) = code.split_once('/').map_or((&*code, None), |(a, b)| (a, Some(b)));
        let mean = (MIN_GROUP <= it.n_read).then(|| it.confidence / it.n_read as f64);
        let wrong = if it.n_checked < MIN_GROUP { Cell::Null } else { count(it.n_wrong) };
        vec![
            source.dt(),
            Cell::Text(kind.to_owned()),
            field.map(str::to_owned).into(),
            enough(it.n_read),
            mean.into(),
            enough(it.n_checked),
            wrong,
        ]
    };
    take(&tallies.map(row).collect::<Vec<_>>())
}

/// What is told of a transcript, as far as it is exported.
#[derive(Deserialize)]
struct Transcribed {
    audio_seconds: f64,
    low_confidence_ratio: f64,
}

pub(super) fn recordings(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    /// Recordings of one agency.
    #[derive(Default)]
    struct Heard {
        n: usize,
        seconds: f64,
        low: f64,
        n_corrected: usize,
        corrected: f64,
    }
    let mut groups: BTreeMap<String, Heard> = BTreeMap::new();
    source.each(
        Store::day_recordings,
        |it| it.seq,
        |rows: Vec<DayRecording>| {
            for it in rows {
                let Ok(told) = serde_json::from_str::<Transcribed>(&it.figures) else { continue };
                let group = groups.entry(it.org).or_default();
                group.n += 1;
                group.seconds += told.audio_seconds;
                group.low += told.audio_seconds * told.low_confidence_ratio;
                if 0 < it.n_corrections {
                    group.n_corrected += 1;
                    group.corrected += told.audio_seconds;
                }
            }
            Ok(())
        },
    )?;
    let groups = groups.into_iter().filter(|(_, it)| MIN_GROUP <= it.n);
    let row = |(org, it): (String, Heard)| {
        let is_told = MIN_GROUP <= it.n_corrected;
        vec![
            source.dt(),
            Cell::Text(org),
            count(it.n),
            Cell::Real(it.seconds / SECONDS_A_MINUTE),
            (0.0 < it.seconds).then(|| it.low / it.seconds).into(),
            enough(it.n_corrected),
            is_told.then_some(it.corrected / SECONDS_A_MINUTE).into(),
        ]
    };
    take(&groups.map(row).collect::<Vec<_>>())
}

pub(super) fn drift(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    let found = source.store.day_drift(source.day.unix_days()).wait()?;
    let row = |it: DriftRow| {
        let whole = |n: u64| Cell::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let mut cells = vec![source.dt()];
        cells.extend([it.service, it.version, it.feature, it.measure].map(Cell::Text));
        cells.extend([it.n_reference, it.n_window].map(whole));
        cells.extend([it.value, it.p, it.threshold].map(Cell::Real));
        cells.push(Cell::Flag(it.is_alarm));
        cells
    };
    take(&found.into_iter().map(row).collect::<Vec<_>>())
}

pub(super) fn usage(source: &Source<'_>, take: &mut Take<'_>) -> Result<(), ExportError> {
    /// Answers of one client and operation: how many failed, how many came too fast, and how long each took.
    #[derive(Default)]
    struct Usage {
        n_errors: i64,
        n_throttled: i64,
        took_ms: Vec<u64>,
    }
    let mut groups: BTreeMap<(Option<&str>, &str), Usage> = BTreeMap::new();
    for call in source.calls {
        let group = groups.entry((call.client.as_deref(), &call.operation)).or_default();
        group.n_throttled += i64::from(call.status == TOO_MANY);
        group.n_errors += i64::from(FIRST_ERROR <= call.status && call.status != TOO_MANY);
        group.took_ms.push(call.took_ms);
    }
    let groups = groups.into_iter().filter(|(_, it)| MIN_GROUP <= it.took_ms.len());
    let row = |((client, operation), mut group): ((Option<&str>, &str), Usage)| {
        let client = client.map(|it| source.pseudonyms.of("client", it));
        let mut cells = vec![source.dt(), client.into(), Cell::Text(operation.to_owned())];
        cells.push(count(group.took_ms.len()));
        cells.extend([group.n_errors, group.n_throttled].map(Cell::Int));
        cells.extend([quantile(&mut group.took_ms, 50), quantile(&mut group.took_ms, 95)]);
        cells
    };
    take(&groups.map(row).collect::<Vec<_>>())
}

/// A count that is published; nothing of too few.
fn enough(n: usize) -> Cell {
    if n < MIN_GROUP { Cell::Null } else { count(n) }
}

fn count(n: usize) -> Cell {
    Cell::Int(i64::try_from(n).unwrap_or(i64::MAX))
}
