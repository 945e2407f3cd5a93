//! 影子比對: what services answered beside what officers decided.

use std::time::Duration;

use askama::Template;
use axum::extract::{Extension, Path};
use axum::response::Response;

use crate::console::format;
use crate::console::shell::{Frame, Visit};
use crate::console::text::quality::{ComparisonText, ModesText};
use crate::policy::Scope;
use crate::service::proposals::ProposalError;
use crate::task::call::{CallContext, CallError, Task};
use crate::task::comparison::{Agreed, Comparison, Difference, ReplayDifference};
use crate::task::service::ServiceName;

use super::modes;

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonPage {
    frame: Frame,
    t: &'static ComparisonText,
    items: Vec<ComparisonView>,
}

#[derive(Template)]
#[template(path = "replay.html")]
struct ReplayPage {
    frame: Frame,
    t: &'static ComparisonText,
    /// The proposal.
    id: String,
    versions: [(&'static str, String); 2],
    shares: [(&'static str, ShareView); 3],
    units: Vec<(String, ShareView, ShareView)>,
    differences: Vec<ReplayDifference>,
}

/// Answers of an agency's service in one mode.
struct ComparisonView {
    org: String,
    service: &'static str,
    mode: &'static str,
    tone: &'static str,
    n_answered: u64,
    all: ShareView,
    units: Vec<(String, ShareView)>,
    versions: Vec<(String, ShareView)>,
    differences: Vec<DifferenceView>,
}

/// How many agree.
struct ShareView {
    n: usize,
    n_equal: usize,
    share: String,
    interval: String,
}

/// An answer that differs; with the path of its record for whoever may see that.
struct DifferenceView {
    id: String,
    path: Option<String>,
    given: String,
    score: String,
    decided: String,
    version: String,
    at: String,
}

/// `GET /console/models/comparison`.
pub(super) async fn show(Extension(cx): Extension<CallContext>, visit: Visit) -> Response {
    let found = match found(&visit, &cx).await {
        Ok(found) => found,
        Err(error) => return visit.refused(&error),
    };
    let t = ComparisonText::of(visit.lang);
    visit.show(&ComparisonPage {
        frame: visit.frame(t.title),
        t,
        items: found.into_iter().map(|it| comparison(it, &visit)).collect(),
    })
}

/// `GET /console/models/comparison/{id}`: a version that is proposed beside the one that answers.
pub(super) async fn proposal(Path(id): Path<String>, visit: Visit) -> Response {
    let principal = visit.principal.as_deref();
    let agency = principal.and_then(|it| it.agency(visit.console.house()));
    let (model, found) = match visit.console.proposals.of(agency).compare(&id).await {
        Ok(found) => found,
        Err(ProposalError::NotCompared(error)) => return visit.refused(&error),
        Err(ProposalError::NotApproved(_) | ProposalError::NoModel) => return visit.missing(),
        Err(error) => return visit.failed(&error),
    };
    let t = ComparisonText::of(visit.lang);
    let unit = |(name, one, other): (String, Agreed, Agreed)| (name, share(one), share(other));
    visit.show(&ReplayPage {
        frame: visit.frame(format!("{} {model} {}", t.replay_title, found.candidate)),
        t,
        id,
        versions: [(t.candidate, found.candidate), (t.active, found.active)],
        shares: [
            (t.candidate, share(found.of_candidate)),
            (t.active, share(found.of_active)),
            (t.alike, share(found.alike)),
        ],
        units: found.units.into_iter().map(unit).collect(),
        differences: found.differences,
    })
}

async fn found(visit: &Visit, cx: &CallContext) -> Result<Vec<Comparison>, CallError> {
    let principal = visit.principal.as_deref();
    let agency = principal.and_then(|it| it.agency(visit.console.house())).map(str::to_owned);
    visit.console.service.admit(cx, Task::Predictions)?.comparisons(agency).await
}

fn comparison(it: Comparison, visit: &Visit) -> ComparisonView {
    let t = ModesText::of(visit.lang);
    let (mode, tone) = modes::said(it.mode, t);
    let named = |it: Vec<(String, Agreed)>| -> Vec<(String, ShareView)> {
        it.into_iter().map(|(name, it)| (name, share(it))).collect()
    };
    let may_read = may_read(&it, visit);
    ComparisonView {
        service: modes::title(it.service, t),
        mode,
        tone,
        n_answered: it.n_answered,
        all: share(it.all),
        units: named(it.units),
        versions: named(it.versions),
        differences: it.differences.into_iter().map(|it| difference(it, may_read)).collect(),
        org: it.org,
    }
}

/// Whether whoever asks may read the records of an agency's service.
fn may_read(it: &Comparison, visit: &Visit) -> bool {
    let wanted = match it.service {
        ServiceName::Documents => Scope::DocumentsRead,
        _ => Scope::LettersRead,
    };
    let principal = visit.principal.as_ref();
    principal.is_some_and(|who| who.org == it.org && who.scopes.has(wanted))
}

fn share(it: Agreed) -> ShareView {
    let [low, high] = it.interval.map(format::percent);
    let (share, interval) = match it.n {
        0 => ("–".to_owned(), "–".to_owned()),
        n => (format::percent(it.n_equal as f64 / n as f64), format!("{low}–{high}")),
    };
    ShareView { n: it.n, n_equal: it.n_equal, share, interval }
}

fn difference(it: Difference, may_read: bool) -> DifferenceView {
    DifferenceView {
        path: may_read.then(|| format!("/api/v1/predictions/{}", it.prediction)),
        id: it.prediction,
        given: it.given.0,
        score: format::percent(f64::from(it.given.1)),
        decided: it.decided,
        version: it.version,
        at: format::moment(Duration::from_secs(it.at)),
    }
}
