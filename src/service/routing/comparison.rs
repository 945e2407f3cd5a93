//! What services answered beside what officers decided, by agency and mode: what the shadow is for.

use std::collections::BTreeMap;

use crate::service::jobs::failed;
use crate::store::{AnsweredRow, DecidedRow, Review};
use crate::task::call::CallError;
use crate::task::comparison::{Agreed, Comparison, Difference};
use crate::task::prediction::Verdict;
use crate::task::service::ServiceName;
use crate::task::text::Mode;

use super::Routing;
use super::automation::{judged, wilson};

/// Newest decisions on each service that are looked at.
const N_COMPARED: usize = 2000;
/// Differences that are named.
const N_NAMED: usize = 50;
/// Wire names of verdicts.
const ACCEPTED: &str = Verdict::Accepted.as_str();
const CORRECTED: &str = Verdict::Corrected.as_str();
/// Services whose answers are labels that officers decide on.
const COMPARED: [ServiceName; 3] =
    [ServiceName::Letters, ServiceName::Documents, ServiceName::Questions];

impl Routing {
    /// Answers beside decisions, of an agency or of all; what has no answers is left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn comparisons(&self, agency: Option<&str>) -> Result<Vec<Comparison>, CallError> {
        let now = self.clock.unix_time().as_secs();
        let answered = self.store.answered(agency, now).wait().map_err(|it| failed(&it))?;
        let mut found = Vec::new();
        for service in COMPARED {
            let decided = self.store.decided(service.as_str(), agency, now, N_COMPARED).wait();
            found.extend(compare(service, &answered, &decided.map_err(|it| failed(&it))?));
        }
        Ok(found)
    }
}

/// The comparisons of a service. Decisions come newest first.
fn compare(
    service: ServiceName,
    answered: &[AnsweredRow],
    decided: &[DecidedRow],
) -> Vec<Comparison> {
    let of = |it: &&AnsweredRow| it.service == service.as_str();
    let one = |it: &AnsweredRow| {
        let mode = Mode::parse(&it.mode)?;
        let own = decided.iter().filter(|row| row.org == it.org && row.mode == it.mode);
        let mut comparison = Comparison {
            org: it.org.clone(),
            service,
            mode,
            n_answered: it.n,
            all: agreed((0, 0)),
            units: Vec::new(),
            versions: Vec::new(),
            differences: Vec::new(),
        };
        Counts::of(own).put_into(&mut comparison);
        Some(comparison)
    };
    answered.iter().filter(of).filter_map(one).collect()
}

/// How often decisions were made and said what was answered.
type Count = (usize, usize);

#[derive(Default)]
struct Counts {
    all: Count,
    units: BTreeMap<String, Count>,
    versions: Vec<(String, Count)>,
    differences: Vec<Difference>,
}

impl Counts {
    fn of<'a>(rows: impl Iterator<Item = &'a DecidedRow>) -> Counts {
        let mut counts = Counts::default();
        rows.for_each(|it| counts.add(it));
        counts
    }

    fn add(&mut self, row: &DecidedRow) {
        // Who saw no suggestion can have accepted none: the label says what was decided.
        let is_blind = row.mode == Mode::Shadow.as_str() && row.verdict == ACCEPTED;
        let verdict = if is_blind { CORRECTED } else { row.verdict.as_str() }.to_owned();
        let (given, label) = (row.given.clone(), row.label.clone());
        let Some(judged) = judged(&Review { given, verdict, label }) else { return };
        let (label, unit) = (row.label.as_ref(), row.unit.as_ref());
        let decided = label.or(unit).unwrap_or(&judged.first).clone();
        let unit = unit.unwrap_or(&decided).clone();
        let versions = self.versions.iter().position(|it| it.0 == row.version);
        let version = versions.unwrap_or_else(|| {
            self.versions.push((row.version.clone(), (0, 0)));
            self.versions.len() - 1
        });
        let by_version = self.versions.get_mut(version).map(|it| &mut it.1);
        let by_unit = self.units.entry(unit).or_default();
        for count in [Some(&mut self.all), Some(by_unit), by_version].into_iter().flatten() {
            count.0 += 1;
            count.1 += usize::from(judged.is_right);
        }
        if !judged.is_right && self.differences.len() < N_NAMED {
            self.differences.push(Difference {
                prediction: row.prediction.clone(),
                given: (judged.first, judged.score),
                decided,
                version: row.version.clone(),
                at: row.decided,
            });
        }
    }

    fn put_into(self, comparison: &mut Comparison) {
        let each = |it: Vec<(String, Count)>| -> Vec<(String, Agreed)> {
            it.into_iter().map(|(name, count)| (name, agreed(count))).collect()
        };
        let mut units: Vec<(String, Count)> = self.units.into_iter().collect();
        // The names are in order already, and stay so among equals.
        units.sort_by_key(|it| std::cmp::Reverse(it.1.0));
        comparison.all = agreed(self.all);
        comparison.units = each(units);
        comparison.versions = each(self.versions);
        comparison.differences = self.differences;
    }
}

fn agreed((n, n_equal): Count) -> Agreed {
    Agreed { n, n_equal, interval: wilson(n_equal, n) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(mode: &str, n: u64) -> AnsweredRow {
        let (org, service) = ("A".to_owned(), "letters".to_owned());
        AnsweredRow { org, service, mode: mode.to_owned(), n }
    }

    fn decided(mode: &str, version: &str, verdict: &str, label: Option<&str>) -> DecidedRow {
        DecidedRow {
            prediction: format!("{mode}-{version}-{verdict}"),
            org: "A".to_owned(),
            mode: mode.to_owned(),
            version: version.to_owned(),
            given: r#"[["甲",0.9],["乙",0.1]]"#.to_owned(),
            verdict: verdict.to_owned(),
            label: label.map(str::to_owned),
            unit: None,
            decided: 7,
        }
    }

    #[test]
    fn answers_are_held_against_decisions_by_mode_unit_and_version() {
        let rows = [
            decided("shadow", "3", "corrected", Some("甲")),
            decided("shadow", "2", "corrected", Some("乙")),
            decided("shadow", "3", "corrected", Some("甲")),
            decided("shadow", "3", "discarded", None),
            decided("shadow", "3", "accepted", Some("丙")),
            decided("pilot", "3", "accepted", None),
        ];
        let modes = [answered("pilot", 9), answered("shadow", 40), answered("canary", 1)];
        let found = compare(ServiceName::Letters, &modes, &rows);
        let shown: Vec<_> =
            found.iter().map(|it| (it.mode, it.n_answered, it.all.n, it.all.n_equal)).collect();
        assert_eq!(shown, [(Mode::Pilot, 9, 1, 1), (Mode::Shadow, 40, 4, 2)]);
        let shadow = &found[1];
        assert_eq!(shadow.all.interval, wilson(2, 4));
        let counts = |it: &[(String, Agreed)]| -> Vec<(String, usize, usize)> {
            it.iter().map(|(name, it)| (name.clone(), it.n, it.n_equal)).collect()
        };
        let row = |name: &str, n, n_equal| (name.to_owned(), n, n_equal);
        assert_eq!(counts(&shadow.units), [row("甲", 2, 2), row("丙", 1, 0), row("乙", 1, 0)]);
        assert_eq!(counts(&shadow.versions), [row("3", 3, 2), row("2", 1, 0)]);
        let [only, _] = shadow.differences.as_slice() else {
            unreachable!("{:?}", shadow.differences)
        };
        assert_eq!((only.given.0.as_str(), only.decided.as_str()), ("甲", "乙"));
        assert_eq!(compare(ServiceName::Documents, &modes, &rows), []);
    }
}
