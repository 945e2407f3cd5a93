//! The pages for people of a server.

use std::sync::Arc;

use crate::audit::Recorder;
use crate::base::Clock;
use crate::config::Config;
use crate::http::Pages;
use crate::identity::Gate;
use crate::service::Service;
use crate::service::jobs::Jobs;
use crate::service::reviews::Reviews;
use crate::store::Store;

/// What a server answers with, over every transport, and what its pages share.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) service: Arc<Service>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) reviews: Arc<Reviews>,
    pub(super) audit: Arc<Recorder>,
    pub(super) gate: Arc<Gate>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The console, where the settings want it.
#[cfg(feature = "console")]
pub(super) fn pages(
    config: &Config,
    store: &Store,
    shown: &Shown,
) -> anyhow::Result<Option<Pages>> {
    use crate::audit::AuditKey;
    use crate::config::{BusEngine, Profile, StoreEngine};
    use crate::console::{self, About, AuditFiles, ConsoleParts};
    use crate::service::sources::Library;

    if !config.console.enabled {
        return Ok(None);
    }
    let is_demo = config.profile == Profile::Demo;
    let log = super::audit::settings(config);
    Ok(Some(console::pages(ConsoleParts {
        gate: Arc::clone(&shown.gate),
        service: Arc::clone(&shown.service),
        jobs: Arc::clone(&shown.jobs),
        reviews: Arc::clone(&shown.reviews),
        webhooks: super::webhooks::webhooks(config, store.clone(), Arc::clone(&shown.clock))?,
        audit: Arc::clone(&shown.audit),
        audit_files: AuditFiles { folder: log.folder, key: AuditKey::open(&log.keys)?.public() },
        library: Library::at(&super::routing::answers(config).join("sources")),
        classifiers: super::routing::classifiers(config, None),
        about: About {
            node: log.node,
            database: match config.store.engine {
                StoreEngine::Sqlite => "SQLite",
                StoreEngine::Postgres => "PostgreSQL",
            },
            bus: match config.bus.engine {
                BusEngine::Embedded => "embedded",
                BusEngine::Nats => "NATS JetStream",
            },
        },
        privacy: super::subject::privacy(store, config)?,
        classes: classes(config),
        clock: Arc::clone(&shown.clock),
        is_demo,
        is_secure: !is_demo,
        takes_keys: config.console.sign_in_with_key,
        logins: logins(config, shown),
    })))
}

/// How long data is kept, by the settings.
#[cfg(feature = "console")]
fn classes(config: &Config) -> Vec<crate::console::KeptClass> {
    use crate::console::{KeptClass, KeptWords};

    let class = |it: &crate::config::DataClass| {
        let (value, (least, most)) = (it.value(config), it.range);
        let [name, personal, after] = it.english;
        KeptClass {
            zh: KeptWords {
                name: it.name,
                personal: it.personal,
                kept: it.in_words(value),
                range: format!("{}至 {}", it.in_words(least), it.in_words(most)),
                after: it.after,
            },
            en: KeptWords {
                name,
                personal,
                kept: it.in_english(value),
                range: format!("{} to {}", it.in_english(least), it.in_english(most)),
                after,
            },
        }
    };
    crate::config::DATA_CLASSES.iter().map(class).collect()
}

/// Where people log in, by the settings.
#[cfg(feature = "console")]
fn logins(config: &Config, shown: &Shown) -> Option<Arc<crate::identity::Logins>> {
    use crate::identity::{ClaimNames, LoginSettings, Logins};

    let login = config.auth.login.clone()?;
    let claims =
        ClaimNames { org: login.org_claim, units: login.units_claim, roles: login.roles_claim };
    let settings = LoginSettings {
        issuer: login.issuer,
        client_id: login.client_id,
        client_secret: login.client_secret,
        redirect: login.redirect,
        claims,
    };
    Some(Logins::new(settings, Arc::clone(&shown.clock)))
}

/// This build has a start page only.
#[cfg(not(feature = "console"))]
pub(super) fn pages(_: &Config, _: &Store, _: &Shown) -> anyhow::Result<Option<Pages>> {
    Ok(None)
}
