//! Connections to NATS that are encrypted, against a real server with a certificate of the test's making.

use std::error::Error;
use std::path::PathBuf;

use fenwen::bus::{Bus, BusError, Nats, NatsSettings, NatsTls, Reply};

use super::{WATCHDOG, request, serve, within};
use crate::http::tls::certificate::Authority;
use crate::nats_server::NatsServer;

/// Files of a client, and a server that asks for them.
struct World {
    folder: tempfile::TempDir,
    server: NatsServer,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("ca");
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        for name in ["server", "own"] {
            let (certificate, key) = authority.issue(name);
            write(&format!("{name}.pem"), &certificate);
            write(&format!("{name}.key"), &key);
        }
        write("ca.pem", &authority.pem());
        write("other.pem", &Authority::new("other").pem());
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
        let arguments =
            ["--tlsverify", "--tlscert", &certificate, "--tlskey", &key, "--tlscacert", &ca];
        let server = NatsServer::with(&arguments);
        World { folder, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, host: &str, ca: &str) -> NatsSettings {
        let identity = Some((self.path("own.pem"), self.path("own.key")));
        NatsSettings {
            url: self.server.encrypted_url(host),
            tls: NatsTls { ca: Some(self.path(ca)), identity, required: true },
            ..NatsSettings::default()
        }
    }
}

/// Why there is no connection: the whole chain and the remedy.
async fn refusal(settings: NatsSettings) -> String {
    let error = within(Nats::connect(settings)).await.err().unwrap();
    assert!(matches!(error, BusError::Unreachable { .. }), "{error:?}");
    let mut told = format!("{error} ({})", error.remedy());
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verified_connection_is_used_and_no_other() {
    let world = World::new();
    let bus = within(Nats::connect(world.settings("localhost", "ca.pem"))).await.unwrap();
    let _serving = serve(&bus, |request| Reply { body: request.body, ..Reply::default() }).await;
    within(bus.request(request(b"x"), WATCHDOG)).await.unwrap();

    let told = refusal(world.settings("localhost", "other.pem")).await;
    assert!(told.contains("UnknownIssuer") && told.contains("bus.ca"), "{told}");
    let told = refusal(world.settings("127.0.0.1", "ca.pem")).await;
    assert!(told.contains("not valid for name"), "the certificate is for localhost: {told}");
    let mut nobody = world.settings("localhost", "ca.pem");
    nobody.tls.identity = None;
    refusal(nobody).await;
    let mut plain = world.settings("localhost", "ca.pem");
    plain.url = world.server.url();
    plain.tls = NatsTls::default();
    refusal(plain).await;
}
