//! Items as they are answered.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::base::rfc3339;
use crate::http::App;
use crate::service::reviews::{
    Content, Decided, Officer, Review, ReviewCount, ReviewRow, Run, SuggestedLabel,
};
use crate::wire::v1::reviews::{
    DecisionResponse, Lease, ReviewContent, ReviewItem, ReviewLabel, ReviewOfficer,
    ReviewReference, ReviewResponse, ReviewUnit, TextRun, WaitingReviews,
};

use super::work::etag;

/// Items as one officer sees them.
pub(super) struct Shown<'a> {
    officer: &'a str,
    now: Duration,
    undo: Duration,
}

impl<'a> Shown<'a> {
    pub(super) fn to(app: &App, officer: &'a Officer) -> Shown<'a> {
        let undo = app.reviews.settings.undo;
        Shown { officer: &officer.id, now: app.reviews.clock.unix_time(), undo }
    }

    pub(super) fn answer(&self, review: Review) -> Response {
        let tag = etag(review.row.version);
        (tag, Json(self.review(review))).into_response()
    }

    pub(super) fn review(&self, review: Review) -> ReviewResponse {
        let Review { row, content, earlier, .. } = review;
        ReviewResponse {
            item: self.item(row),
            content: content.map(shown),
            earlier: earlier.into_iter().map(|it| self.item(it)).collect(),
        }
    }

    pub(super) fn item(&self, row: ReviewRow) -> ReviewItem {
        ReviewItem {
            state: row.state_at(self.now).as_str(),
            lease: row.held(self.now).map(|(holder, until)| Lease {
                own: holder == self.officer,
                until: rfc3339(until),
            }),
            decision: row.decided.map(|it| self.decision(it, row.is_settled)),
            review_id: row.id,
            prediction_id: row.prediction,
            kind: row.kind.as_str(),
            title: row.title.map(|it| it.into_inner()),
            unit: row.unit,
            reason: row.reason.as_str(),
            priority: row.priority,
            confidence: f64::from(row.confidence) / 1e4,
            confidential: row.is_confidential,
            deadline: rfc3339(row.deadline),
            created_at: rfc3339(row.created),
            version: row.version,
        }
    }

    fn decision(&self, decided: Decided, is_settled: bool) -> DecisionResponse {
        DecisionResponse {
            decision: decided.verdict,
            label: decided.label,
            unit: decided.unit,
            own: decided.by.as_deref() == Some(self.officer),
            decided_at: rfc3339(decided.at),
            undo_until: (!is_settled).then(|| rfc3339(decided.at + self.undo)),
            note_code: decided.note,
        }
    }
}

pub(super) fn waiting(count: ReviewCount) -> WaitingReviews {
    WaitingReviews {
        kind: count.kind.as_str(),
        open: count.n_open,
        claimed: count.n_claimed,
        escalated: count.n_escalated,
        overdue: count.n_overdue,
    }
}

fn shown(content: Content) -> ReviewContent {
    let (repeated, similarity) = content.repeated.unzip();
    let units = content.units.into_iter().map(|it| ReviewUnit {
        unit: it.unit,
        name: it.name,
        score: share(it.score),
        role: it.role,
    });
    let officers = content.officers.into_iter().map(|it| ReviewOfficer {
        officer_id: it.id,
        score: share(it.score),
        basis: it.basis,
        open_cases: it.n_open,
    });
    let references = content.references.into_iter();
    let (model, version) = content.model;
    ReviewContent {
        external_id: content.external_id,
        case_no: content.case_no,
        subject: runs(content.subject),
        body: content.body.into_iter().map(runs).collect(),
        labels: content.labels.into_iter().map(label).collect(),
        units: units.collect(),
        officers: officers.collect(),
        references: references
            .map(|(kind, reference)| ReviewReference { kind, reference })
            .collect(),
        flags: content.flags,
        repeated,
        repeated_similarity: similarity.map(share),
        ministry: content.ministry.map(|it| it.0),
        abstained: content.abstained,
        model: format!("{model}@{version}"),
    }
}

fn label(label: SuggestedLabel) -> ReviewLabel {
    let SuggestedLabel { code, name, unit, score } = label;
    ReviewLabel { code, name, unit, score: share(score) }
}

fn runs(runs: Vec<Run>) -> Vec<TextRun> {
    runs.into_iter()
        .map(|it| TextRun { text: it.text, mark: it.mark.map(|mark| mark.as_str()) })
        .collect()
}

/// To four digits; JSON knows no NaN.
fn share(value: f32) -> f64 {
    let value = f64::from(value);
    if value.is_finite() { (value * 1e4).round() / 1e4 } else { 0.0 }
}
