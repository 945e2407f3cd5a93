//! Letters and documents from their settings: classifiers, rules, store; and what keeps them current.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::base::{Clock, Date, SystemClock};
use crate::config::{Automation, AutomationLevel, Config, Profile, Tenant, TextMode};
use crate::pipeline::documents::deadline::Calendar;
use crate::pipeline::documents::number::PrefixTable;
use crate::pipeline::documents::taxonomy::Taxonomy;
use crate::registry::{LoadedVersion, Versions};
use crate::service::Service;
use crate::service::reviews::{ReviewRules, ReviewSettings, Reviews};
use crate::service::routing::{
    ActiveModel, AutomationRules, CLASSIFIERS, Encoders, Routing, RoutingParts, RoutingSettings,
    TextSettings,
};
use crate::service::tenants::Tenants;
use crate::store::{Promotion, Store};
use crate::task::service::ServiceName;
use crate::task::text::{self, Mode};

use super::encoder::{self, LocalEncoders};
use super::recogniser::Recogniser;

/// How often another version is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How many looks lie between two counts of reviews, which other processes add too.
const LOOKS_PER_COUNT: u64 = 10;

/// Where classifiers lie: the house's, or those of an agency with units of its own.
pub(super) fn classifiers(config: &Config, tenant: Option<&Tenant>) -> PathBuf {
    let data_dir = config.data_dir();
    match tenant {
        Some(tenant) => data_dir.join("tenants").join(&tenant.org).join("classifiers"),
        None => data_dir.join("classifiers"),
    }
}

/// A classifier: its name, and the agency whose it is, where that has units of its own.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) tenant: Option<&'a Tenant>,
}

impl<'a> Named<'a> {
    /// The classifier of a name, and of the agency of this code; without one it is the house's.
    pub(super) fn new(
        config: &'a Config,
        name: &'a str,
        org: Option<&str>,
    ) -> anyhow::Result<Self> {
        let Some(org) = org else { return Ok(Named { name, tenant: None }) };
        let tenant = config.tenants.iter().find(|it| it.org == org);
        let tenant = tenant.with_context(|| format!("設定檔的 [[tenants]] 中沒有機關「{org}」"))?;
        Ok(Named { name, tenant: Some(tenant) })
    }

    /// The classifier of a path, as [`Named::path`] gives it.
    pub(super) fn of_path(config: &'a Config, path: &'a str) -> anyhow::Result<Self> {
        match path.split_once('/') {
            Some((org, name)) => Named::new(config, name, Some(org)),
            None => Named::new(config, path, None),
        }
    }

    /// `letters`, or `A04000000G/letters`.
    pub(super) fn path(self) -> String {
        match self.tenant {
            Some(tenant) => format!("{}/{}", tenant.org, self.name),
            None => self.name.to_owned(),
        }
    }

    /// The version of this number, as answers name it.
    pub(super) fn version(self, number: u32) -> String {
        match self.tenant {
            Some(tenant) => format!("{}/{number}", tenant.org),
            None => number.to_string(),
        }
    }
}

/// Where the library of sources and its indexes lie.
pub(super) fn answers(config: &Config) -> PathBuf {
    config.data_dir().join("answers")
}

/// Opens the services of the house and of every agency with units of its own, with the classifiers of these only.
pub(super) fn open(
    config: &Config,
    services: &[ServiceName],
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Arc<Tenants>> {
    let encoders: Arc<dyn Encoders> = Arc::new(LocalEncoders::new(config));
    let one = |tenant: Option<&Tenant>| -> anyhow::Result<Arc<Routing>> {
        let taxonomy = taxonomy_of(config, tenant)?;
        let settings = settings(config, services, tenant);
        require_units(&taxonomy, &settings)?;
        let parts = RoutingParts {
            tenant: tenant.map(|it| it.org.clone()),
            classifiers: classifiers(config, tenant),
            trust: super::release::trust(config)?,
            answers: answers(config),
            encoders: Arc::clone(&encoders),
            store: store.clone(),
            taxonomy,
            calendar: calendar(config)?,
            prefixes: prefixes(config, tenant)?,
            clock: Arc::clone(clock),
            settings,
        };
        Ok(Routing::open(parts)?)
    };
    let own = config
        .tenants
        .iter()
        .map(|tenant| {
            let opened = one(Some(tenant)).with_context(|| format!("tenants「{}」", tenant.org))?;
            Ok((tenant.org.clone(), opened))
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Tenants::new(one(None)?, own))
}

/// Levels of automation are for units that there are.
fn require_units(taxonomy: &Taxonomy, settings: &RoutingSettings) -> anyhow::Result<()> {
    for (section, text) in [("letters", &settings.letters), ("documents", &settings.documents)] {
        let is_unknown = |path: &&String| taxonomy.unit(path).is_none();
        if let Some(path) = text.automation.units.keys().find(is_unknown) {
            anyhow::bail!("{section}.automation.units:分類表中沒有單位「{path}」");
        }
    }
    Ok(())
}

/// What officers review, by the settings.
pub(super) fn reviews(
    config: &Config,
    tenants: Arc<Tenants>,
    store: Store,
    clock: Arc<dyn Clock>,
) -> Arc<Reviews> {
    let settings = ReviewSettings {
        batch_from: ReviewSettings::share(config.review.batch_from),
        ..ReviewSettings::default()
    };
    Arc::new(Reviews { store, tenants, clock, settings })
}

/// Looks for other versions and modes, for as long as it is polled.
pub(super) async fn keep_current(service: Arc<Service>, tenants: Arc<Tenants>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    for look in 0_u64.. {
        ticks.tick().await;
        let (service, tenants) = (Arc::clone(&service), Arc::clone(&tenants));
        let work = move || {
            if let Err(error) = service.modes().refresh() {
                tracing::error!(reason = %error, "the modes of services were not read");
            }
            for routing in tenants.all() {
                let is_time = look.is_multiple_of(LOOKS_PER_COUNT);
                if is_time && let Err(error) = routing.refresh_taxonomy() {
                    tracing::error!(reason = %error, "other units were not looked for");
                }
                routing.refresh();
                if is_time {
                    routing.remeasure();
                }
            }
        };
        if tokio::task::spawn_blocking(work).await.is_err() {
            tracing::error!("looking for other classifiers failed");
        }
    }
}

/// Copies a trained folder in as the next version, with the encoder that it brings, and opens it; its number and hash. It does not answer yet.
pub(super) fn add(
    config: &Config,
    classifier: Named<'_>,
    folder: &Path,
    today: Date,
) -> anyhow::Result<(u32, String)> {
    let versions = versions(config, classifier)?;
    encoder::bring(config, folder)?;
    let number = versions.add(folder)?;
    match verify(config, classifier, number, today) {
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
    classifier: Named<'_>,
    proposed: &[Promotion],
    today: Date,
) -> anyhow::Result<u32> {
    let versions = versions(config, classifier)?;
    // By their hash: another node may have given another number.
    let may_answer = |sha256: &str| {
        let mut known = proposed.iter().filter(|it| it.sha256 == sha256).peekable();
        known.peek().is_none() || known.any(|it| it.request.approved.is_some())
    };
    // The built-in one needs no proposal. A damaged one is refused below, by its name.
    let may = |it| it == 0 || versions.load(it).map_or(true, |it| may_answer(&it.sha256));
    let number = versions.before_active(may)?;
    verify(config, classifier, number, today)?;
    versions.activate(number)?;
    Ok(number)
}

/// The version of `name` that answers, and the classifier in it.
///
/// # Errors
/// When there is none, or it is damaged.
pub fn active(config: &Config, name: &str) -> anyhow::Result<(LoadedVersion, ActiveModel)> {
    let versions = versions(config, Named { name, tenant: None })?;
    let number = versions.active()?.with_context(|| {
        format!("「{name}」沒有啟用的版本:請執行 `fenwen models activate {name} DIR`")
    })?;
    let version = versions.load(number)?;
    let model = ActiveModel::open(name, &version, &taxonomy(config)?, today(&SystemClock))?;
    Ok((version, model))
}

/// The versions of a classifier of this name.
pub(super) fn versions(config: &Config, classifier: Named<'_>) -> anyhow::Result<Versions> {
    let Named { name, tenant } = classifier;
    anyhow::ensure!(
        CLASSIFIERS.contains(&name),
        "沒有名為「{name}」的分類器:應為 {} 之一",
        CLASSIFIERS.join(", ")
    );
    let versions = Versions::at(&classifiers(config, tenant), name);
    let versions = versions.trusting(super::release::trust(config)?);
    let versions = versions.of_agency(tenant.map(|it| it.org.clone()));
    Ok(if tenant.is_some() { versions.without_built_in() } else { versions })
}

/// What cannot be opened never becomes active; its hash.
pub(super) fn verify(
    config: &Config,
    classifier: Named<'_>,
    number: u32,
    today: Date,
) -> anyhow::Result<String> {
    let version = versions(config, classifier)?.load(number)?;
    let Named { name, tenant } = classifier;
    ActiveModel::open(name, &version, &taxonomy_of(config, tenant)?, today)
        .and_then(|it| it.with_encoder(&LocalEncoders::new(config)))
        .with_context(|| format!("「{name}」第 {number} 版不予採用"))?;
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
    taxonomy_of(config, None)
}

/// The units of the house, or of an agency with its own.
fn taxonomy_of(config: &Config, tenant: Option<&Tenant>) -> anyhow::Result<Taxonomy> {
    if let Some(Tenant { org, taxonomy: path, .. }) = tenant {
        let text = read(config, &format!("tenants.{org}.taxonomy"), path)?;
        let taxonomy = Taxonomy::parse(&text).with_context(|| refused(path))?;
        let of = taxonomy.tenant();
        anyhow::ensure!(of == org, "{} 是機關「{of}」的分類表", path.display());
        return Ok(taxonomy);
    }
    match &config.documents.taxonomy {
        Some(path) => Taxonomy::parse(&read(config, "documents.taxonomy", path)?)
            .with_context(|| refused(path)),
        None => Ok(Taxonomy::ministry()?),
    }
}

/// Which days are worked, by the settings.
///
/// # Errors
/// When the file cannot be read or is refused.
pub(super) fn calendar(config: &Config) -> anyhow::Result<Calendar> {
    let Some(path) = &config.documents.calendar else { return Ok(Calendar::default()) };
    let text = read(config, "documents.calendar", path)?;
    let is_toml = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"));
    let calendar = if is_toml { Calendar::from_toml(&text) } else { Calendar::from_csv(&text) };
    calendar.with_context(|| refused(path))
}

fn prefixes(config: &Config, tenant: Option<&Tenant>) -> anyhow::Result<PrefixTable> {
    let (setting, path) = match tenant {
        Some(Tenant { prefixes: None, .. }) => return Ok(PrefixTable::default()),
        Some(tenant) => (format!("tenants.{}.prefixes", tenant.org), &tenant.prefixes),
        None => ("documents.prefixes".to_owned(), &config.documents.prefixes),
    };
    match path {
        Some(path) => {
            PrefixTable::parse(&read(config, &setting, path)?).with_context(|| refused(path))
        }
        None => PrefixTable::ministry().cloned().context("內建字首表已損毀"),
    }
}

/// The files that settings name and that decide where a text goes, each with its setting.
pub(super) fn tables(config: &Config) -> Vec<(String, &Path)> {
    let documents = &config.documents;
    let own = [
        ("documents.taxonomy".to_owned(), &documents.taxonomy),
        ("documents.calendar".to_owned(), &documents.calendar),
        ("documents.prefixes".to_owned(), &documents.prefixes),
    ];
    let own = own.into_iter().filter_map(|(setting, path)| Some((setting, path.as_deref()?)));
    let tenants = config.tenants.iter().flat_map(|it| {
        let taxonomy = (format!("tenants.{}.taxonomy", it.org), it.taxonomy.as_path());
        let prefixes = it.prefixes.as_deref();
        let prefixes = prefixes.map(|path| (format!("tenants.{}.prefixes", it.org), path));
        std::iter::once(taxonomy).chain(prefixes)
    });
    own.chain(tenants).collect()
}

/// The text of a file that a setting names, where it is trusted.
fn read(config: &Config, setting: &str, path: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("無法讀取 {}", path.display()))?;
    super::release::trust(config)?.require_table(setting, text.as_bytes())?;
    Ok(text)
}

fn refused(path: &Path) -> String {
    format!("{} is refused", path.display())
}

fn settings(config: &Config, services: &[ServiceName], tenant: Option<&Tenant>) -> RoutingSettings {
    let mode = |mode: TextMode| match mode {
        TextMode::Pilot => Mode::Pilot,
        TextMode::Live => Mode::Live,
    };
    let (letters, documents) = (&config.letters, &config.documents);
    RoutingSettings {
        services: services.to_vec(),
        letters: TextSettings {
            top_k: letters.top_k,
            mode: mode(letters.mode),
            automation: automation(&letters.automation, tenant),
        },
        documents: TextSettings {
            top_k: documents.top_k,
            mode: mode(documents.mode),
            automation: automation(&documents.automation, tenant),
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
        has_examples: config.profile == Profile::Demo,
    }
}

fn automation(settings: &Automation, tenant: Option<&Tenant>) -> AutomationRules {
    let level = |level: AutomationLevel| match level {
        AutomationLevel::Suggest => text::Automation::Suggest,
        AutomationLevel::Preselect => text::Automation::Preselect,
        AutomationLevel::Automatic => text::Automation::Automatic,
    };
    let (default, units) = match tenant {
        Some(tenant) => (AutomationLevel::Suggest, &tenant.automation),
        None => (settings.default, &settings.units),
    };
    AutomationRules {
        default: level(default),
        units: units.iter().map(|(path, it)| (path.clone(), level(*it))).collect(),
        automatic_from: settings.automatic_from,
        n_reviewed: settings.reviewed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demonstration_answers_from_examples() {
        let has_examples = |profile| {
            let config = Config { profile, ..Config::default() };
            settings(&config, &ServiceName::ALL, None).has_examples
        };
        assert!(has_examples(Profile::Demo) && !has_examples(Profile::Production));
    }
}
