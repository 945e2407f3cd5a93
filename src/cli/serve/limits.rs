//! Limits and manners of a server, by the settings.

use std::time::Duration;

use crate::base::Spans;
use crate::config::{Config, Profile};
use crate::http::{HttpOptions, Unrecorded};
use crate::media::image::ImageLimits;
use crate::rpc::RpcOptions;
use crate::service::jobs::QuotaRate;
use crate::service::scan::{Clamd, Scanner, WhenAway};
use crate::wire::v1::meta::PurposeRule;

/// What looks at files, by the settings.
pub(in crate::cli) fn scanner(config: &Config) -> Scanner {
    let place = |it: &String| match it.strip_prefix("unix:") {
        Some(path) => Clamd::Unix(path.into()),
        None => Clamd::Tcp(it.clone()),
    };
    Scanner {
        clamd: config.scan.clamd.as_ref().map(place),
        when_away: match config.profile {
            Profile::Demo => WhenAway::Pass,
            Profile::Production => WhenAway::Refuse,
        },
        time: Duration::from_secs(config.scan.timeout_s),
    }
}

/// What a picture may be, by the settings.
pub(in crate::cli) fn image_limits(config: &Config) -> ImageLimits {
    ImageLimits {
        max_bytes: config.limits.image_bytes,
        max_pixels: config.limits.image_pixels,
        ..ImageLimits::default()
    }
}

/// How requests over the bus are read.
pub(super) fn rpc_options(config: &Config, spans: &Spans) -> RpcOptions {
    RpcOptions {
        max_image_bytes: config.limits.image_bytes,
        max_meta_bytes: config.limits.meta_bytes,
        request_timeout: Duration::from_secs(config.server.request_timeout_s),
        purpose: purpose(config),
        spans: spans.clone(),
        ..RpcOptions::default()
    }
}

fn purpose(config: &Config) -> PurposeRule {
    match config.profile {
        Profile::Demo => PurposeRule::Optional,
        Profile::Production => PurposeRule::Required,
    }
}

/// How requests over HTTP are read.
pub(super) fn http_options(config: &Config) -> HttpOptions {
    let server = &config.server;
    HttpOptions {
        max_connections: server.max_connections,
        max_image_bytes: config.limits.image_bytes,
        max_meta_bytes: config.limits.meta_bytes,
        header_timeout: Duration::from_secs(server.header_timeout_s),
        body_timeout: Duration::from_secs(server.body_timeout_s),
        request_timeout: Duration::from_secs(server.request_timeout_s),
        drain_grace: Duration::from_millis(server.drain_grace_ms),
        drain_timeout: Duration::from_secs(server.drain_timeout_s),
        purpose: purpose(config),
        quota: QuotaRate { calls: config.jobs.per_minute, window: Duration::from_secs(60) },
        unrecorded: match config.audit.serve_impersonal {
            true => Unrecorded::Impersonal,
            false => Unrecorded::None,
        },
        ..HttpOptions::default()
    }
}
