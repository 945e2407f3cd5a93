//! Connections to PostgreSQL that are encrypted, against a real server with a certificate of the test's making.

use std::error::Error;
use std::path::{Path, PathBuf};

use fenwen::store::{PostgresTls, Store, StoreError};

use crate::http::tls::certificate::Authority;
use crate::servers::Postgres;

/// Files of a client, and a server that asks for them.
struct World {
    folder: tempfile::TempDir,
    server: Postgres,
}

impl World {
    fn new() -> World {
        let authority = Authority::new("ca");
        let (certificate, key) = authority.issue("server");
        let server = Postgres::encrypted(&certificate, &key, &authority.pem());
        let world = World { folder: tempfile::tempdir().unwrap(), server };
        let (certificate, key) = authority.issue("fenwen");
        world.write("ca.pem", &authority.pem());
        world.write("other.pem", &Authority::new("other").pem());
        world.write("own.pem", &certificate);
        world.write("own.key", &key);
        world
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tls(&self, ca: &str) -> PostgresTls {
        let identity = Some((self.path("own.pem"), self.path("own.key")));
        PostgresTls { ca: Some(self.path(ca)), identity, server_name: None }
    }

    fn open(&self, tls: &PostgresTls, host: &str) -> Result<Store, StoreError> {
        let data = tempfile::tempdir().unwrap();
        Store::connect_over(tls, data.path(), &self.server.database_at(host), 2)
    }

    /// Why a store is not opened: the whole chain.
    #[track_caller]
    fn refusal(&self, tls: &PostgresTls, host: &str) -> String {
        let error = self.open(tls, host).err().unwrap();
        let mut told = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            told = format!("{told}: {error}");
            cause = error.source();
        }
        told
    }
}

#[test]
fn a_verified_connection_is_used_and_no_other() {
    let world = World::new();
    let good = world.tls("ca.pem");
    let store = world.open(&good, "localhost").unwrap();
    assert!(store.holds().wait().unwrap().is_empty());

    let told = world.refusal(&world.tls("other.pem"), "localhost");
    assert!(told.contains("store.ca"), "{told}");
    let told = world.refusal(&good, "127.0.0.1");
    assert!(told.contains("store.server_name"), "the certificate is for localhost: {told}");
    let named = PostgresTls { server_name: Some("localhost".to_owned()), ..good.clone() };
    world.open(&named, "127.0.0.1").unwrap();

    let nobody = PostgresTls { identity: None, ..good.clone() };
    let told = world.refusal(&nobody, "localhost");
    assert!(told.contains("certificate"), "the server asks for ours: {told}");
    // In the clear the server answers nobody, and whom only the system knows has not signed its certificate.
    world.refusal(&PostgresTls::default(), "localhost");
    let url = format!("{} sslmode=require", world.server.database_at("localhost"));
    let data = tempfile::tempdir().unwrap();
    let told = Store::connect(data.path(), &url, 1).err().unwrap();
    assert!(format!("{told:?}").contains("Issuer"), "{told:?}");
    // An authority is named: the address cannot switch it off.
    let url = format!("{} sslmode=disable", world.server.database_at("localhost"));
    Store::connect_over(&good, data.path(), &url, 1).unwrap();
}

#[test]
fn the_socket_of_this_machine_needs_no_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let name = Some("localhost".to_owned());
    let tls = PostgresTls { server_name: name, ..PostgresTls::default() };
    Store::connect_over(&tls, dir.path(), &crate::servers::fresh_database(), 1).unwrap();
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let open = |path: &Path| {
        let tls = PostgresTls { ca: Some(path.to_owned()), ..PostgresTls::default() };
        Store::connect_over(&tls, dir.path(), "host=localhost user=fenwen", 1).err().unwrap()
    };
    assert!(open(&path).to_string().contains("ca.pem"), "it is not there");
    std::fs::write(&path, "no certificate").unwrap();
    assert!(matches!(open(&path), StoreError::File { action: "use", .. }));
}
