//! The pages for people of a server.

use std::sync::Arc;

use crate::base::Clock;
use crate::config::Config;
use crate::http::Pages;
use crate::identity::Gate;
use crate::service::Service;
use crate::service::jobs::Jobs;
use crate::service::reviews::Reviews;

/// What a server answers with, over every transport.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) gate: Arc<Gate>,
    pub(super) service: Arc<Service>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) reviews: Arc<Reviews>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The console, where the settings want it.
#[cfg(feature = "console")]
pub(super) fn pages(config: &Config, shown: Shown) -> Option<Pages> {
    use crate::config::Profile;
    use crate::console::{self, ConsoleParts};

    let Shown { gate, service, jobs, reviews, clock } = shown;
    let is_demo = config.profile == Profile::Demo;
    let settings = &config.console;
    settings.enabled.then(|| {
        console::pages(ConsoleParts {
            gate,
            service,
            jobs,
            reviews,
            clock,
            is_demo,
            is_secure: !is_demo,
            takes_keys: settings.sign_in_with_key,
        })
    })
}

/// This build has a start page only.
#[cfg(not(feature = "console"))]
pub(super) fn pages(_: &Config, _: Shown) -> Option<Pages> {
    None
}
