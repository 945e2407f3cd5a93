//! Which answers officers review, and how soon.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::base::{Date, RequestId};
use crate::media::exchange::Priority;
use crate::store::reviews::{NewReview, ReviewKind, ReviewReason};
use crate::task::call::CallContext;
use crate::task::documents::{DispatchAnswer, DispatchOrder};
use crate::task::letters::{Letter, LetterAnswer};
use crate::task::text::Automation;

use super::content::Content;

/// Which answers officers review.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReviewRules {
    /// Whether any is.
    pub is_enabled: bool,
    /// Share of the answers that may be applied without a person, which are reviewed all the same: 0 to 1.
    pub sample_rate: f64,
    /// Days in which a letter is to be handled.
    pub letter_days: u32,
}

impl Default for ReviewRules {
    /// None; else 2 % of those that need no person, letters within 30 days.
    fn default() -> ReviewRules {
        ReviewRules { is_enabled: false, sample_rate: 0.02, letter_days: 30 }
    }
}

/// What an item is made of beside the text.
pub struct Circumstances<'a> {
    /// The call that was answered.
    pub cx: &'a CallContext,
    /// Labels given, in the form in which they are kept.
    pub given: String,
    /// Name and version of the model that answered.
    pub model: (&'a str, &'a str),
    /// Path of the unit that was suggested, if it is one of today's.
    pub unit: Option<String>,
    /// Now: since 1970-01-01T00:00:00Z.
    pub now: Duration,
}

impl ReviewRules {
    /// Why an answer is reviewed; none when it is not.
    fn reason(&self, prediction: &str, automation: Automation) -> Option<ReviewReason> {
        match automation {
            _ if !self.is_enabled => None,
            Automation::Suggest | Automation::Preselect => Some(ReviewReason::RequiresHuman),
            Automation::Automatic => {
                is_drawn(prediction, self.sample_rate).then_some(ReviewReason::Sampled)
            }
        }
    }

    /// The item of a letter, if it is reviewed.
    pub fn letter(
        &self,
        letter: &Letter,
        answer: &LetterAnswer,
        of: Circumstances<'_>,
    ) -> Option<NewReview> {
        let reason = self.reason(&answer.prediction_id, answer.automation)?;
        let flags = &answer.flags;
        let priority = match reason {
            _ if flags.sensitive => 0,
            _ if flags.urgent || flags.confidential_report => 1,
            ReviewReason::Sampled => 3,
            _ => 2,
        };
        // Whoever is in danger does not wait for the thirtieth day.
        let deadline =
            if flags.sensitive { of.now } else { end_of_day_after(of.now, self.letter_days) };
        let draft = Draft {
            prediction: &answer.prediction_id,
            kind: ReviewKind::Letter,
            reason,
            priority,
            confidence: ten_thousandths(answer.labels.first().map_or(0.0, |it| it.score.into())),
            is_confidential: flags.confidential_report,
            deadline,
            content: Content::of_letter(letter, answer),
        };
        Some(draft.item(of))
    }

    /// The item of a document, if it is reviewed.
    pub fn document(
        &self,
        order: &DispatchOrder,
        answer: &DispatchAnswer,
        of: Circumstances<'_>,
    ) -> Option<NewReview> {
        let reason = self.reason(&answer.prediction_id, answer.automation)?;
        let priority = match order.document.priority {
            Priority::Immediate => 0,
            Priority::Fast => 1,
            _ if reason == ReviewReason::Sampled => 3,
            Priority::Ordinary | Priority::Dated | Priority::Unstated | Priority::Unclear => 2,
        };
        let draft = Draft {
            prediction: &answer.prediction_id,
            kind: ReviewKind::Document,
            reason,
            priority,
            confidence: ten_thousandths(answer.units.first().map_or(0.0, |it| it.score.into())),
            is_confidential: false,
            deadline: answer.deadline.date.next_day().midnight_in_taiwan(),
            content: Content::of_document(&order.document, &order.officers, answer),
        };
        Some(draft.item(of))
    }
}

struct Draft<'a> {
    prediction: &'a str,
    kind: ReviewKind,
    reason: ReviewReason,
    priority: u32,
    confidence: u32,
    is_confidential: bool,
    deadline: Duration,
    content: Content,
}

impl Draft<'_> {
    fn item(self, of: Circumstances<'_>) -> NewReview {
        let (model, version) = of.model;
        let content = Content {
            case_no: of.cx.said.get().and_then(|it| it.case_no.clone()),
            model: (model.to_owned(), version.to_owned()),
            ..self.content
        };
        NewReview {
            id: RequestId::at(of.now).to_string(),
            prediction: self.prediction.to_owned(),
            kind: self.kind,
            org: of.cx.origin.org.clone(),
            unit: of.unit,
            reason: self.reason,
            priority: self.priority,
            confidence: self.confidence,
            is_confidential: self.is_confidential,
            deadline: self.deadline,
            created: of.now,
            model_version: version.to_owned(),
            given: of.given,
            correlation: of.cx.origin.correlation.clone(),
            title: content.title(),
            content: content.pack(),
        }
    }
}

/// A probability in ten-thousandths; what is none is the least sure.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 10,000; what is no number becomes 0"
)]
pub(super) fn ten_thousandths(probability: f64) -> u32 {
    (probability.clamp(0.0, 1.0) * 1e4).round() as u32
}

/// When the day that lies `days` after today ends in Taiwan.
fn end_of_day_after(now: Duration, days: u32) -> Duration {
    let today = Date::in_taiwan(now).unix_days();
    Date::from_unix_days(today.saturating_add(days).saturating_add(1)).midnight_in_taiwan()
}

/// Whether chance draws an answer: by a hash of its id, so that it is the same on every node and at every repetition.
fn is_drawn(prediction: &str, rate: f64) -> bool {
    let digest = Sha256::new().chain_update("fenwen-review/").chain_update(prediction).finalize();
    let first: [u8; 8] = std::array::from_fn(|idx| digest.get(idx).copied().unwrap_or(0));
    let share = u64::from_be_bytes(first) as f64 / u64::MAX as f64;
    share < rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_need_nobody_are_drawn_by_chance() {
        let rules = ReviewRules { is_enabled: true, ..ReviewRules::default() };
        let of = |automation| rules.reason("0", automation);
        assert_eq!(of(Automation::Suggest), Some(ReviewReason::RequiresHuman));
        assert_eq!(of(Automation::Preselect), Some(ReviewReason::RequiresHuman));
        let off = ReviewRules::default();
        assert_eq!(off.reason("0", Automation::Suggest), None);
        let n_drawn = |sample_rate| {
            let rules = ReviewRules { sample_rate, ..rules };
            let drawn = |it: &u32| rules.reason(&it.to_string(), Automation::Automatic);
            (0..10_000).filter_map(|it| drawn(&it)).count()
        };
        assert_eq!((n_drawn(0.0), n_drawn(1.0)), (0, 10_000));
        // Chance, but always the same: within four standard deviations of 200.
        assert!((144..=256).contains(&n_drawn(0.02)), "{}", n_drawn(0.02));
        assert_eq!(n_drawn(0.02), n_drawn(0.02));
    }

    #[test]
    fn confidence_is_a_whole_number() {
        for (score, expected) in [(0.12346, 1235), (1.0, 10_000), (f64::NAN, 0), (-1.0, 0)] {
            assert_eq!(ten_thousandths(score), expected);
        }
    }

    #[test]
    fn days_end_at_midnight_in_taiwan() {
        // 2026-11-23T16:30 in Taiwan; the thirtieth day after it is 12-23, which ends at 12-24T00:00+08:00.
        let now = Duration::from_secs(1_795_422_600);
        assert_eq!(end_of_day_after(now, 30), Duration::from_secs(1_798_041_600));
        assert_eq!(end_of_day_after(now, 0), Duration::from_secs(1_795_449_600));
    }
}
