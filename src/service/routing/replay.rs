//! A version that is proposed beside the one that answers: what both say to texts that officers have decided on.
//!
//! Texts are read where they are kept, nothing of them leaves; what was decided is their label.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{Deadline, ErrorCode};
use crate::pipeline::classify::{Ask, is_below};
use crate::pipeline::compose::{Composed, Part};
use crate::registry::VersionError;
use crate::task::call::CallError;
use crate::task::comparison::{Agreed, Replay, ReplayDifference};
use crate::task::text::TextField;

use super::automation::wilson;
use super::lessons::{Lesson, newest};
use super::model::ModelError;
use super::{ActiveModel, Routing, internal, with_workspace};

/// Newest decisions that are looked at.
const N_REPLAYED: u64 = 300;
/// Differences that are named.
const N_NAMED: usize = 50;
/// Texts that are embedded at once, and how long all may take.
const N_AT_ONCE: usize = 16;
const TIME: Duration = Duration::from_secs(20);

impl Routing {
    /// What version `number` of a classifier, whose versions are an agency's or the house's, says to texts that were
    /// decided, beside the version that answers.
    ///
    /// # Errors
    /// When either cannot answer, the time is over or the store fails.
    pub fn replay(
        &self,
        name: &str,
        number: u32,
        tenant: Option<&str>,
    ) -> Result<Replay, CallError> {
        let slot = self.slot(name);
        let none = || CallError::new(ErrorCode::Unavailable, "尚未啟用模型,無從比對。");
        let (slot, active) = slot.and_then(|it| Some((it, it.get()?))).ok_or_else(none)?;
        let opened = slot.open(number, &self.taxonomy.load(), self.today());
        let candidate = opened.map_err(|error| match error {
            ModelError::Version(VersionError::Unknown { .. }) => {
                CallError::new(ErrorCode::NotFound, "沒有這個版本。")
            }
            error => internal(&error),
        })?;
        let limits = (self.clock.unix_time().as_secs(), N_REPLAYED);
        let lessons = newest(&self.store, name, tenant, limits).map_err(|it| internal(&it))?;
        let deadline = self.clock.now() + TIME;
        let (one, other) =
            (said(&candidate, &lessons, deadline)?, said(&active, &lessons, deadline)?);
        let mut replay = count(&lessons, &one, &other);
        (replay.candidate, replay.active) =
            (candidate.info.version.clone(), active.info.version.clone());
        Ok(replay)
    }
}

/// The first label of a model for each text.
fn said(
    model: &ActiveModel,
    lessons: &[Lesson],
    deadline: Deadline,
) -> Result<Vec<String>, CallError> {
    let mut labels = Vec::with_capacity(lessons.len());
    for some in lessons.chunks(N_AT_ONCE) {
        let calls: Vec<Vec<Part<'_>>> = some.iter().map(|it| parts(it).to_vec()).collect();
        let embeddings = model.embed(&calls, deadline)?;
        for (parts, embedding) in calls.iter().zip(&embeddings) {
            let composed = Composed::new(model.classifier.inputs(), parts);
            let ask = Ask { top_k: 1, spans: 0 };
            let decision = with_workspace(|it| {
                model.classifier.classify(&composed.texts(), embedding.as_deref(), ask, it)
            });
            let ranked = decision.map_err(|it| internal(&it))?.ranked;
            labels.push(ranked.first().map(|it| model.label(it).code).unwrap_or_default());
        }
    }
    Ok(labels)
}

fn parts(lesson: &Lesson) -> [Part<'_>; 2] {
    let (subject, body) = (lesson.subject.expose(), lesson.body.expose());
    [(TextField::Subject, subject), (TextField::Body(0), body)]
}

/// Counts of texts and of those to which something holds.
type Count = (usize, usize);

fn count(lessons: &[Lesson], candidate: &[String], active: &[String]) -> Replay {
    let (mut of_candidate, mut of_active, mut alike) = ((0, 0), (0, 0), (0, 0));
    let mut units: BTreeMap<String, (Count, Count)> = BTreeMap::new();
    let mut differences = Vec::new();
    for ((lesson, one), other) in lessons.iter().zip(candidate).zip(active) {
        // Who decides for a whole unit has said nothing against its sections.
        let is_right = |said: &str| said == lesson.label || is_below(said, &lesson.label);
        let unit = units.entry(lesson.label.clone()).or_default();
        for (count, holds) in [
            (&mut of_candidate, is_right(one)),
            (&mut of_active, is_right(other)),
            (&mut alike, one == other),
            (&mut unit.0, is_right(one)),
            (&mut unit.1, is_right(other)),
        ] {
            count.0 += 1;
            count.1 += usize::from(holds);
        }
        if one != other && differences.len() < N_NAMED {
            differences.push(ReplayDifference {
                prediction: lesson.id.clone(),
                candidate: one.clone(),
                active: other.clone(),
                decided: lesson.label.clone(),
            });
        }
    }
    let mut units: Vec<_> = units.into_iter().collect();
    // The names are in order already, and stay so among equals.
    units.sort_by_key(|it| std::cmp::Reverse(it.1.0.0));
    let unit = |(name, (one, other))| (name, agreed(one), agreed(other));
    Replay {
        candidate: String::new(),
        active: String::new(),
        of_candidate: agreed(of_candidate),
        of_active: agreed(of_active),
        alike: agreed(alike),
        units: units.into_iter().map(unit).collect(),
        differences,
    }
}

fn agreed((n, n_equal): Count) -> Agreed {
    Agreed { n, n_equal, interval: wilson(n_equal, n) }
}

#[cfg(test)]
mod tests {
    use crate::base::Private;
    use crate::service::routing::Origin;

    use super::*;

    fn lesson(id: &str, label: &str) -> Lesson {
        let origin = Origin {
            verdict: "corrected".to_owned(),
            reason: None,
            role: None,
            model_version: "1".to_owned(),
            decided_at: 1,
        };
        let (subject, body) = (Private::new(String::new()), Private::new(String::new()));
        let label = label.to_owned();
        Lesson { id: id.to_owned(), subject, body, label, predicted: None, origin }
    }

    #[test]
    fn both_versions_are_held_against_what_was_decided() {
        let lessons = ["甲", "甲", "乙", "丙"];
        let lessons: Vec<Lesson> =
            lessons.iter().zip(["1", "2", "3", "4"]).map(|(it, id)| lesson(id, it)).collect();
        let said = |labels: [&str; 4]| labels.map(str::to_owned).to_vec();
        let found =
            count(&lessons, &said(["甲", "甲/一科", "乙", "甲"]), &said(["甲", "乙", "乙", "甲"]));
        let shares =
            [found.of_candidate, found.of_active, found.alike].map(|it| (it.n, it.n_equal));
        assert_eq!(shares, [(4, 3), (4, 2), (4, 3)]);
        let units: Vec<_> =
            found.units.iter().map(|it| (it.0.as_str(), it.1.n_equal, it.2.n_equal)).collect();
        assert_eq!(units, [("甲", 2, 1), ("丙", 0, 0), ("乙", 1, 1)]);
        let [only] = found.differences.as_slice() else { unreachable!("{found:?}") };
        let row = [&only.prediction, &only.candidate, &only.active, &only.decided];
        assert_eq!(row, ["2", "甲/一科", "乙", "甲"]);
    }
}
