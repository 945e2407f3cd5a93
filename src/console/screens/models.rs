//! 模型與評測: what answers, which versions there are, what officers' reviews say, and the figures of built-in models.

use askama::Template;
use axum::extract::Extension;
use axum::response::Response;

use crate::console::format;
use crate::console::markdown::{self, Block};
use crate::console::shell::{Frame, Visit};
use crate::console::text::drift::DriftText;
use crate::console::text::manage::ModelsText;
use crate::console::text::quality::{AgreementText, ComparisonText, ModesText};
use crate::console::text::shell::ShellText;
use crate::registry::{VersionError, Versions};
use crate::task::call::{CallContext, CallError, Task};
use crate::task::drift::ServiceDrift;
use crate::task::idcard::ModelInfo;
use crate::task::prediction::{AllStatistics, CardStatistics, FieldReview, ServiceStatistics};
use crate::task::review::Agreement;

use super::agreement::{self, AgreementView};
use super::drift::{self, DriftView};
use super::modes::{self, ModesView};
use super::proposals::{self, ProposalsView};

/// Characters of a hash that are shown.
const FINGERPRINT: usize = 12;

#[derive(Template)]
#[template(path = "models.html")]
struct ModelsPage {
    frame: Frame,
    t: &'static ModelsText,
    models: Vec<ModelView>,
    others: Vec<(&'static str, String, String)>,
    cards: Option<CardsView>,
    d: &'static DriftText,
    drift: Vec<DriftView>,
    words: Vec<(&'static str, &'static str)>,
    proposals: ProposalsView,
    m: &'static ModesText,
    modes: ModesView,
    a: &'static AgreementText,
    agreement: Vec<AgreementView>,
    comparison: &'static str,
    replay: &'static str,
}

/// What officers found of ID images.
struct CardsView {
    active: (String, String),
    n_checked: usize,
    fields: Vec<FieldView>,
}

/// A field: its kind of document and name, how often it was compared, and shares.
struct FieldView {
    kind: String,
    name: String,
    n: usize,
    n_corrected: usize,
    measured: String,
    interval: String,
    confidence: String,
}

struct ModelView {
    id: &'static str,
    title: &'static str,
    active: Option<(String, String)>,
    versions: Vec<(u32, bool)>,
    reviews: Vec<(&'static str, String)>,
    card: Vec<Block>,
    figures: Vec<Block>,
    /// Files of the confusion matrix and of the reliability.
    charts: [String; 2],
    confusion: String,
    reliability: String,
}

/// `GET /console/models`.
pub(super) async fn show(Extension(cx): Extension<CallContext>, visit: Visit) -> Response {
    let (statistics, drifts, agreement) = match asked(&visit, &cx).await {
        Ok(found) => found,
        Err(error) => return visit.refused(&error),
    };
    let folder = visit.console.classifiers.clone();
    let listed = tokio::task::spawn_blocking(move || {
        NAMES.map(|name| versions(&Versions::at(&folder, name)))
    });
    let Ok(listed) = listed.await else { return visit.failed(&"the versions were not listed") };
    let t = ModelsText::of(visit.lang);
    let mut models = Vec::new();
    for (name, versions) in NAMES.into_iter().zip(listed) {
        match versions {
            Ok(versions) => models.push(model(&visit, (name, versions), &statistics.services, t)),
            Err(error) => return visit.failed(&error),
        }
    }
    let proposals = match proposals::view(&visit, t).await {
        Ok(proposals) => proposals,
        Err(error) => return visit.failed(&error),
    };
    let (m, a) = (ModesText::of(visit.lang), AgreementText::of(visit.lang));
    let modes = match modes::view(&visit, m).await {
        Ok(modes) => modes,
        Err(error) => return visit.failed(&error),
    };
    visit.show(&ModelsPage {
        words: t.words(),
        proposals,
        m,
        modes,
        a,
        agreement: agreement::view(agreement, a),
        comparison: ComparisonText::of(visit.lang).link,
        replay: ComparisonText::of(visit.lang).replay,
        frame: visit.frame(ShellText::of(visit.lang).models),
        t,
        models,
        others: others(&visit, t),
        cards: statistics.cards.map(cards),
        d: DriftText::of(visit.lang),
        drift: drifts.iter().map(|it| drifted(it, &visit, t)).collect(),
    })
}

fn drifted(it: &ServiceDrift, visit: &Visit, t: &ModelsText) -> DriftView {
    let title = match it.service {
        "letters" => t.letters,
        "documents" => t.documents,
        _ => t.qa,
    };
    drift::view(it, title, DriftText::of(visit.lang))
}

/// What officers say of answers, whether these drift, and how far officers agree.
async fn asked(
    visit: &Visit,
    cx: &CallContext,
) -> Result<(AllStatistics, Vec<ServiceDrift>, Vec<Agreement>), CallError> {
    let statistics = visit.console.service.admit(cx, Task::Predictions)?.statistics().await?;
    let drifts = drift::found(visit, cx, drift::DAYS).await?;
    Ok((statistics, drifts, visit.console.reviews.agreement().await?))
}

/// Classifiers, by their names in the registry.
const NAMES: [&str; 3] = ["letters", "documents", "ministries"];

/// Numbers of the versions, the newest first, and whether each is active.
fn versions(versions: &Versions) -> Result<Vec<(u32, bool)>, VersionError> {
    let active = versions.active()?;
    let all = versions.list()?;
    Ok(all.into_iter().rev().map(|it| (it, Some(it) == active)).collect())
}

fn model(
    visit: &Visit,
    (name, versions): (&'static str, Vec<(u32, bool)>),
    statistics: &[ServiceStatistics],
    t: &'static ModelsText,
) -> ModelView {
    let (task, title, card, figures) = match name {
        "letters" => (
            Some(Task::Letters),
            t.letters,
            include_str!("../../../models/letters/CARD.md"),
            include_str!("../../../models/letters/report.md"),
        ),
        "documents" => (
            Some(Task::Documents),
            t.documents,
            include_str!("../../../models/documents/CARD.md"),
            include_str!("../../../models/documents/report.md"),
        ),
        _ => (
            None,
            t.ministries,
            include_str!("../../../models/ministries/CARD.md"),
            include_str!("../../../models/ministries/report.md"),
        ),
    };
    let active = task.and_then(|it| visit.console.service.classifier(it));
    let found = statistics.iter().find(|it| it.service == name);
    ModelView {
        id: name,
        title,
        active: active.map(|it| described(&it.info)),
        versions,
        reviews: found.map_or(Vec::new(), |it| reviews(it, t)),
        card: markdown::blocks(card),
        figures: markdown::blocks(figures),
        charts: [format!("{name}-confusion.png"), format!("{name}-confidence.png")],
        confusion: t.confusion_of.replace("{0}", title),
        reliability: t.reliability_of.replace("{0}", title),
    }
}

fn described(info: &ModelInfo) -> (String, String) {
    let fingerprint = info.sha256.chars().take(FINGERPRINT).collect();
    (format!("{} {}", info.name, info.version), fingerprint)
}

/// What officers' reviews say; nothing before the first one.
fn reviews(found: &ServiceStatistics, t: &ModelsText) -> Vec<(&'static str, String)> {
    if found.n_reviewed == 0 {
        return Vec::new();
    }
    let share = |right: usize, of: usize| match of {
        0 => "–".to_owned(),
        _ => format::percent(right as f64 / of as f64),
    };
    let promise = &found.promise;
    vec![
        (t.reviewed, found.n_reviewed.to_string()),
        (t.right, share(found.n_right, found.n_reviewed)),
        (t.promise, format::percent(f64::from(promise.precision))),
        (t.measured, share(promise.n_right, promise.n)),
        (t.interval, interval(promise.interval)),
        (
            t.verdict,
            match (promise.is_tested(), promise.is_broken()) {
                (false, _) => t.untested,
                (true, false) => t.kept,
                (true, true) => t.broken,
            }
            .to_owned(),
        ),
    ]
}

fn cards(found: CardStatistics) -> CardsView {
    let field = |it: FieldReview| FieldView {
        n: it.n,
        n_corrected: it.n - it.n_right,
        measured: format::percent(it.n_right as f64 / it.n as f64),
        interval: interval(it.interval),
        confidence: format::percent(it.confidence),
        kind: it.kind,
        name: it.name,
    };
    CardsView {
        active: described(&found.model),
        n_checked: found.n_checked,
        fields: found.fields.into_iter().map(field).collect(),
    }
}

fn interval([low, high]: [f64; 2]) -> String {
    format!("{}–{}", format::percent(low), format::percent(high))
}

fn others(visit: &Visit, t: &ModelsText) -> Vec<(&'static str, String, String)> {
    let service = &visit.console.service;
    let (index, speech) = (service.answers().0, service.speech().model().cloned());
    let rows = [(t.speech, speech), (t.qa, index)];
    let row = |(title, info): (&'static str, Option<ModelInfo>)| match info {
        Some(info) => {
            let (name, fingerprint) = described(&info);
            (title, name, fingerprint)
        }
        None => (title, t.not_active.to_owned(), "–".to_owned()),
    };
    rows.map(row).to_vec()
}
