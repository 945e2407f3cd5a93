//! The embedded engine holds the suite.

use std::sync::Arc;

use fenwen::base::SystemClock;
use fenwen::bus::{Bus, Embedded, EmbeddedSettings};

use super::{Engine, Limits, suite};

struct Process {
    bus: Embedded,
    limits: Limits,
}

fn engine(limits: Limits) -> Embedded {
    let settings = EmbeddedSettings {
        lease: limits.lease,
        max_waiting: limits.max_waiting as usize,
        ..EmbeddedSettings::default()
    };
    Embedded::new(settings, Arc::new(SystemClock))
}

impl Engine for Process {
    async fn start(limits: Limits) -> Process {
        Process { bus: engine(limits), limits }
    }

    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    async fn crash(&mut self) {
        self.bus = engine(self.limits);
    }
}

super::suite::conformance!(super::Process);
