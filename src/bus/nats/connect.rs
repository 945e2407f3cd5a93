//! The connection, the server's version, and the streams.

use std::io;
use std::sync::Arc;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr, jetstream,
};
use tokio::sync::watch;

use super::version::is_safe;
use super::{Nats, NatsSettings};
use crate::bus::error::BusError;
use crate::bus::gate::Gate;
use crate::bus::stream::{DUPLICATE_WINDOW, Retention, STREAMS, StreamSpec};

/// Events kept at most, besides their age.
const MAX_EVENTS: i64 = 1_000_000;

/// Connects and makes the streams that are not there.
pub(super) async fn connect(settings: NatsSettings) -> Result<Nats, BusError> {
    let nats = look(settings).await?;
    make_streams(&nats.jetstream, &nats.settings).await?;
    Ok(nats)
}

/// Connects and checks the server's version.
pub(super) async fn look(settings: NatsSettings) -> Result<Nats, BusError> {
    let client = open(&settings).await?;
    let found = client.server_info().version;
    if !is_safe(&found) {
        if !settings.accept_old_server {
            return Err(BusError::TooOld { found });
        }
        tracing::warn!(version = found, "the NATS server has known vulnerabilities");
    }
    let jetstream = jetstream::new(client.clone());
    Ok(Nats {
        client,
        jetstream,
        settings: Arc::new(settings),
        tasks: Gate::new(),
        closing: Arc::new(watch::Sender::new(false)),
    })
}

/// Makes the streams that are not there.
pub(super) async fn make_streams(
    jetstream: &jetstream::Context,
    settings: &NatsSettings,
) -> Result<(), BusError> {
    for spec in &STREAMS {
        make_stream(jetstream, spec, settings).await?;
    }
    Ok(())
}

async fn open(settings: &NatsSettings) -> Result<Client, BusError> {
    let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| BusError::Unreachable {
        url: without_credentials(&settings.url),
        source,
    };
    let mut options = ConnectOptions::new()
        .name(&settings.name)
        .connection_timeout(settings.connect_timeout)
        .require_tls(settings.tls.required)
        // Every request says how long it waits.
        .request_timeout(None)
        .event_callback(|event| async move { log(&event) });
    // The library does not take these from the address.
    let addresses = settings.url.split(',').filter_map(|it| it.trim().parse::<ServerAddr>().ok());
    let mut named = addresses.filter_map(|it| Some((it.username()?.to_owned(), it)));
    if let Some((user, address)) = named.next() {
        let password = address.password().unwrap_or_default().to_owned();
        options = options.user_and_password(user, password);
    }
    if let Some(ca) = &settings.tls.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let Some((certificate, key)) = &settings.tls.identity {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    if let Some(path) = &settings.credentials {
        options = options.credentials_file(path).await.map_err(|it| unreachable(it.into()))?;
    }
    options.connect(settings.url.as_str()).await.map_err(|error| match is_away(&error) {
        true => BusError::Away { url: without_credentials(&settings.url), source: error.into() },
        false => unreachable(error.into()),
    })
}

/// Whether nobody listens there, or its name is not known yet: that may pass. What breaks off later is a refusal, as of a
/// certificate.
fn is_away(error: &ConnectError) -> bool {
    use std::io::ErrorKind as Io;
    let source = std::error::Error::source(error).and_then(|it| it.downcast_ref::<io::Error>());
    match error.kind() {
        ConnectErrorKind::Dns | ConnectErrorKind::TimedOut => true,
        ConnectErrorKind::Io => source.is_some_and(|it| {
            let kinds =
                [Io::ConnectionRefused, Io::HostUnreachable, Io::NetworkUnreachable, Io::TimedOut];
            kinds.contains(&it.kind())
        }),
        _ => false,
    }
}

/// The address without `user:password@`.
pub(super) fn without_credentials(url: &str) -> String {
    let parts = url.split(',').map(|it| match (it.split_once("://"), it.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => it.to_owned(),
    });
    parts.collect::<Vec<String>>().join(",")
}

fn log(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to the NATS server"),
        Event::Disconnected => tracing::warn!("the connection to the NATS server is lost"),
        other => tracing::debug!(event = %other, "nats"),
    }
}

/// Makes a stream that is not there; one that is there keeps its limits, but must be of the same kind.
async fn make_stream(
    jetstream: &jetstream::Context,
    spec: &StreamSpec,
    settings: &NatsSettings,
) -> Result<(), BusError> {
    let set_up = |source: Box<dyn std::error::Error + Send + Sync>| BusError::SetUp {
        what: format!("stream `{}`", spec.name),
        source,
    };
    let wanted = config(spec, settings);
    let stream =
        jetstream.get_or_create_stream(wanted.clone()).await.map_err(|it| set_up(it.into()))?;
    let found = &stream.cached_info().config;
    if found.retention != wanted.retention || found.subjects != wanted.subjects {
        return Err(set_up("it exists with other subjects or another retention".into()));
    }
    Ok(())
}

fn config(spec: &StreamSpec, settings: &NatsSettings) -> Config {
    let (retention, discard, max_messages) = match spec.retention {
        Retention::WorkQueue => {
            (RetentionPolicy::WorkQueue, DiscardPolicy::New, i64::from(settings.max_waiting))
        }
        Retention::Limits => (RetentionPolicy::Limits, DiscardPolicy::Old, MAX_EVENTS),
    };
    Config {
        name: spec.name.to_owned(),
        subjects: vec![spec.subjects.to_owned()],
        retention,
        discard,
        max_messages,
        max_age: spec.max_age,
        max_message_size: i32::try_from(spec.max_message_bytes).unwrap_or(i32::MAX),
        duplicate_window: DUPLICATE_WINDOW,
        storage: StorageType::File,
        num_replicas: settings.replicas,
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_show_no_password() {
        for (url, expected) in [
            ("nats://u:p@host:4222", "nats://host:4222"),
            ("tls://a:1,nats://u:p@b:2", "tls://a:1,nats://b:2"),
            ("token@host", "host"),
            ("host:4222", "host:4222"),
        ] {
            assert_eq!(without_credentials(url), expected);
        }
    }
}
