//! Files over HTTPS: internal mirrors and the Hugging Face hub. Broken transfers go on where they stopped.

use std::fs;
use std::io::Read;
use std::time::Duration;

use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo, RepoType};
use ureq::http::{StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http};

use crate::registry::error::SourceError;
use crate::registry::manifest::ModelFile;
use crate::registry::progress::Progress;
use crate::registry::settings::Settings;
use crate::registry::source::check_url;
use crate::registry::store::{Incoming, StoreLock};

/// How often one address is asked before the next source is tried.
const MAX_TRIES: u32 = 3;

/// A silent server is given up after this.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server slower than this, in bytes a second, is given up; the next try goes on from there.
const MIN_SPEED: u64 = 16 << 10;

/// One file at one address.
pub(super) struct Download<'a> {
    pub(super) settings: &'a Settings,
    pub(super) file: &'a ModelFile,
    pub(super) url: String,
    /// Sent to this address only, never to where it redirects.
    pub(super) token: Option<&'a str>,
}

/// The address of a file on the hub.
pub(super) fn hub_url(
    settings: &Settings,
    repo: &str,
    revision: &str,
    path: &str,
) -> Result<String, SourceError> {
    // Nothing is ever cached: the folder is named because the crate would otherwise look for a home folder.
    let mut builder =
        ApiBuilder::from_cache(Cache::new(settings.store.clone())).with_progress(false);
    if let Some(endpoint) = &settings.hub_endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
    }
    let api = builder.build().map_err(|error| SourceError::Network(error.to_string()))?;
    let repo = Repo::with_revision(repo.to_owned(), RepoType::Model, revision.to_owned());
    Ok(api.repo(repo).url(path))
}

impl Download<'_> {
    /// Fetches, checks and stores the file.
    pub(super) fn run(
        &self,
        lock: &StoreLock<'_>,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        // A manifest's address was checked when it was read, a configured hub's was not.
        check_url(&self.url).map_err(|reason| SourceError::Network(reason.to_owned()))?;
        let agent = self.agent()?;
        let mut starts_over = false;
        let mut n_tries = 0;
        loop {
            n_tries += 1;
            let mut incoming = lock.resume(self.file)?;
            if starts_over {
                incoming.restart()?;
            }
            let n_kept = incoming.n_bytes();
            progress.begin(&self.file.name, Some(self.file.bytes), n_kept);
            let outcome = self.transfer(&agent, incoming, progress);
            progress.end();
            match outcome {
                // The bytes an earlier transfer left may have come from elsewhere: once more, from the first.
                Err(SourceError::WrongHash { .. }) if n_kept > 0 => starts_over = true,
                Err(error) if is_passing(&error) && n_tries < MAX_TRIES => starts_over = false,
                outcome => return outcome,
            }
        }
    }

    fn transfer(
        &self,
        agent: &Agent,
        mut incoming: Incoming<'_>,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        if incoming.n_bytes() < self.file.bytes {
            let response = self.ask(agent, incoming.n_bytes())?;
            if response.status() != StatusCode::PARTIAL_CONTENT && incoming.n_bytes() > 0 {
                incoming.restart()?;
                progress.begin(&self.file.name, Some(self.file.bytes), 0);
            }
            let mut body: Box<dyn Read> = Box::new(response.into_body().into_reader());
            incoming.copy_from(&mut body, progress)?;
        }
        incoming.finish()
    }

    /// Asks for the bytes from `start` on; the answer is either those or, with status 200, all of them.
    fn ask(&self, agent: &Agent, start: u64) -> Result<http::Response<Body>, SourceError> {
        let mut request = agent.get(&self.url);
        if start > 0 {
            request = request.header(header::RANGE, format!("bytes={start}-"));
        }
        if let Some(token) = self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| SourceError::Network(error.to_string()))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::PARTIAL_CONTENT if begins_at(&response, start) => Ok(response),
            // A server that misunderstands ranges is asked for everything.
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if start > 0 => {
                self.ask(agent, 0)
            }
            status => Err(SourceError::Status(status.as_u16())),
        }
    }

    fn agent(&self) -> Result<Agent, SourceError> {
        let is_tls = self.url.starts_with("https://");
        let mut config = Agent::config_builder()
            .https_only(is_tls)
            .http_status_as_error(false)
            .accept_encoding("identity")
            .user_agent(concat!("fenwen/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(PATIENCE))
            .timeout_connect(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_recv_body(Some(PATIENCE + Duration::from_secs(self.file.bytes / MIN_SPEED)))
            .tls_config(self.tls()?);
        if !is_tls {
            // This machine itself: no proxy between, and no way out of it.
            config = config.proxy(None).max_redirects(0);
        }
        Ok(config.build().into())
    }

    fn tls(&self) -> Result<TlsConfig, SourceError> {
        let Some(path) = &self.settings.ca_file else { return Ok(TlsConfig::default()) };
        let what = path.display().to_string();
        let pem = fs::read(path).map_err(|source| SourceError::Read { what, source })?;
        let mut certificates = Vec::new();
        for item in parse_pem(&pem) {
            let item = item.map_err(|error| SourceError::Network(error.to_string()))?;
            if let PemItem::Certificate(certificate) = item {
                certificates.push(certificate);
            }
        }
        Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build())
    }
}

/// Whether another try may help.
fn is_passing(error: &SourceError) -> bool {
    matches!(
        error,
        SourceError::Read { .. } | SourceError::Network(_) | SourceError::Truncated { .. }
    )
}

fn begins_at(response: &http::Response<Body>, start: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|it| it.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
}
