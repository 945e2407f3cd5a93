//! Letters and documents from their settings: classifiers, rules, store; and what keeps them current.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::base::{Clock, Date, SystemClock};
use crate::config::{Automation, AutomationLevel, Config, TextMode};
use crate::pipeline::documents::deadline::Calendar;
use crate::pipeline::documents::number::PrefixTable;
use crate::pipeline::documents::taxonomy::Taxonomy;
use crate::registry::{LoadedVersion, Versions};
use crate::service::reviews::{ReviewRules, ReviewSettings, Reviews};
use crate::service::routing::{
    ActiveModel, AutomationRules, CLASSIFIERS, Routing, RoutingParts, RoutingSettings, TextSettings,
};
use crate::store::{Promotion, Store};
use crate::task::text::{self, Mode};

use super::encoder::LocalEncoders;
use super::recogniser::Recogniser;

/// How often another version is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many looks lie between two counts of reviews, which other processes add too.
const LOOKS_PER_COUNT: u64 = 10;

/// Where classifiers lie.
pub(super) fn classifiers(config: &Config) -> PathBuf {
    config.data_dir().join("classifiers")
}

/// Where the library of sources and its indexes lie.
pub(super) fn answers(config: &Config) -> PathBuf {
    config.data_dir().join("answers")
}

/// Opens the services.
pub(super) fn open(
    config: &Config,
    store: Store,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<Routing>> {
    let taxonomy = taxonomy(config)?;
    for (section, automation) in
        [("letters", &config.letters.automation), ("documents", &config.documents.automation)]
    {
        let is_unknown = |path: &&String| taxonomy.unit(path).is_none();
        if let Some(path) = automation.units.keys().find(is_unknown) {
            anyhow::bail!("{section}.automation.units:分類表中沒有單位「{path}」");
        }
    }
    let parts = RoutingParts {
        classifiers: classifiers(config),
        answers: answers(config),
        encoders: Arc::new(LocalEncoders::new(config)),
        store,
        taxonomy,
        calendar: calendar(config)?,
        prefixes: prefixes(config)?,
        clock,
        settings: settings(config),
    };
    Ok(Routing::open(parts)?)
}

/// What officers review, by the settings.
pub(super) fn reviews(
    config: &Config,
    routing: Arc<Routing>,
    store: Store,
    clock: Arc<dyn Clock>,
) -> Arc<Reviews> {
    let settings = ReviewSettings {
        batch_from: ReviewSettings::share(config.review.batch_from),
        ..ReviewSettings::default()
    };
    Arc::new(Reviews { store, routing, clock, settings })
}

/// Looks for other versions, for as long as it is polled.
pub(super) async fn keep_current(routing: Arc<Routing>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    for look in 0_u64.. {
        ticks.tick().await;
        let routing = Arc::clone(&routing);
        let work = move || {
            routing.refresh();
            if look.is_multiple_of(LOOKS_PER_COUNT) {
                routing.remeasure();
            }
        };
        if tokio::task::spawn_blocking(work).await.is_err() {
            tracing::error!("looking for other classifiers failed");
        }
    }
}

/// Copies a trained folder in as the next version and opens it; its number and hash. It does not answer yet.
pub(super) fn add(
    config: &Config,
    name: &str,
    folder: &Path,
    today: Date,
) -> anyhow::Result<(u32, String)> {
    let versions = versions(config, name)?;
    let number = versions.add(folder)?;
    match verify(config, &versions, (name, number), today) {
        Ok(sha256) => Ok((number, sha256)),
        Err(error) => {
            // A version that was never good must not be rolled back to.
            versions.remove(number)?;
            Err(error)
        }
    }
}

/// Makes the version before the active one answer again, leaving out what was `proposed` and never approved.
pub(super) fn roll_back(
    config: &Config,
    name: &str,
    proposed: &[Promotion],
    today: Date,
) -> anyhow::Result<u32> {
    let versions = versions(config, name)?;
    // By their hash: another node may have given another number.
    let may_answer = |sha256: &str| {
        let mut known = proposed.iter().filter(|it| it.sha256 == sha256).peekable();
        known.peek().is_none() || known.any(|it| it.request.approved.is_some())
    };
    // A damaged one is refused below, by its name.
    let number =
        versions.before_active(|it| versions.load(it).map_or(true, |it| may_answer(&it.sha256)))?;
    verify(config, &versions, (name, number), today)?;
    versions.activate(number)?;
    Ok(number)
}

/// The version of `name` that answers, and the classifier in it.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn active(config: &Config, name: &str) -> anyhow::Result<(LoadedVersion, ActiveModel)> {
    let versions = versions(config, name)?;
    let number = versions.active()?.with_context(|| {
        format!("no version of `{name}` is active: fenwen models activate {name} DIR")
    })?;
    let version = versions.load(number)?;
    let model = ActiveModel::open(name, &version, &taxonomy(config)?, today(&SystemClock))?;
    Ok((version, model))
}

/// The versions of a classifier of this name.
pub(super) fn versions(config: &Config, name: &str) -> anyhow::Result<Versions> {
    anyhow::ensure!(
        CLASSIFIERS.contains(&name),
        "no classifier is named `{name}`: one of {}",
        CLASSIFIERS.join(", ")
    );
    Ok(Versions::at(&classifiers(config), name))
}

/// What cannot be opened never becomes active; its hash.
pub(super) fn verify(
    config: &Config,
    versions: &Versions,
    (name, number): (&str, u32),
    today: Date,
) -> anyhow::Result<String> {
    let version = versions.load(number)?;
    ActiveModel::open(name, &version, &taxonomy(config)?, today)
        .and_then(|it| it.with_encoder(&LocalEncoders::new(config)))
        .with_context(|| format!("version {number} of `{name}` is refused"))?;
    Ok(version.sha256)
}

/// The calendar day in Taiwan.
pub fn today(clock: &dyn Clock) -> Date {
    Recogniser::today(clock)
}

/// The units, by the settings.
///
/// # Errors
/// When the file cannot be read or is refused.
pub fn taxonomy(config: &Config) -> anyhow::Result<Taxonomy> {
    match &config.documents.taxonomy {
        Some(path) => Taxonomy::parse(&read(path)?).with_context(|| refused(path)),
        None => Ok(Taxonomy::ministry()?),
    }
}

fn calendar(config: &Config) -> anyhow::Result<Calendar> {
    let Some(path) = &config.documents.calendar else { return Ok(Calendar::default()) };
    let text = read(path)?;
    let is_toml = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"));
    let calendar = if is_toml { Calendar::from_toml(&text) } else { Calendar::from_csv(&text) };
    calendar.with_context(|| refused(path))
}

fn prefixes(config: &Config) -> anyhow::Result<PrefixTable> {
    match &config.documents.prefixes {
        Some(path) => PrefixTable::parse(&read(path)?).with_context(|| refused(path)),
        None => {
            PrefixTable::ministry().cloned().context("the built-in table of prefixes is broken")
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

fn refused(path: &Path) -> String {
    format!("{} is refused", path.display())
}

fn settings(config: &Config) -> RoutingSettings {
    let mode = |mode: TextMode| match mode {
        TextMode::Pilot => Mode::Pilot,
        TextMode::Live => Mode::Live,
    };
    let (letters, documents) = (&config.letters, &config.documents);
    RoutingSettings {
        letters: TextSettings {
            top_k: letters.top_k,
            mode: mode(letters.mode),
            automation: automation(&letters.automation),
        },
        documents: TextSettings {
            top_k: documents.top_k,
            mode: mode(documents.mode),
            automation: automation(&documents.automation),
        },
        answers: TextSettings { top_k: config.qa.top_k, ..RoutingSettings::default().answers },
        text_days: config.retention.text_days,
        prediction_days: config.retention.prediction_days,
        repeated_from: letters.repeated_from,
        n_compared: letters.compared,
        co_from: documents.co_from,
        foreign_from: documents.foreign_from,
        review: ReviewRules {
            is_enabled: config.review.is_enabled(config.profile),
            sample_rate: config.review.sample_rate,
            letter_days: config.review.letter_days,
        },
    }
}

fn automation(settings: &Automation) -> AutomationRules {
    let level = |level: AutomationLevel| match level {
        AutomationLevel::Suggest => text::Automation::Suggest,
        AutomationLevel::Preselect => text::Automation::Preselect,
        AutomationLevel::Automatic => text::Automation::Automatic,
    };
    AutomationRules {
        default: level(settings.default),
        units: settings.units.iter().map(|(path, it)| (path.clone(), level(*it))).collect(),
        automatic_from: settings.automatic_from,
        n_reviewed: settings.reviewed,
    }
}
