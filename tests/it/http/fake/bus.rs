//! The bus in front of a server under test.

use std::sync::Arc;

use fenwen::base::SystemClock;
use fenwen::bus::{Embedded, EmbeddedSettings, Handle};
use fenwen::identity::Gate;
use fenwen::rpc::{Rpc, RpcOptions};

use super::Server;

impl Server {
    /// Serves over an embedded bus what it serves over HTTP, for as long as the handles live.
    pub(crate) async fn on_a_bus(&self) -> (Embedded, Vec<Handle>) {
        let bus = Embedded::new(EmbeddedSettings::default(), Arc::new(SystemClock));
        let rpc = self.rpc(Arc::clone(&self.gate), RpcOptions::default());
        let serving = fenwen::rpc::serve(&bus, &rpc).await.unwrap();
        (bus, serving)
    }

    /// What answers over a bus, with callers proven by `gate`.
    pub(crate) fn rpc(&self, gate: Arc<Gate>, options: RpcOptions) -> Arc<Rpc> {
        Arc::new(Rpc {
            service: Arc::clone(&self.service),
            jobs: Arc::clone(&self.jobs),
            uploads: Arc::new(self.jobs.blobs().clone()),
            audit: Arc::clone(&self.audit),
            clock: Arc::new(SystemClock),
            gate,
            options,
        })
    }
}
