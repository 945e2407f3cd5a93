//! Access tokens: the text as it came is never believed; signed by an issuer, its claims are read.
#![no_main]

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use fenwen::base::{Clock, ManualClock};
use fenwen::identity::{Gate, GateSettings, IssuerSettings, KeySource, Shown};
use fenwen::policy::{Policy, Route, Surface};
use fenwen::store::Store;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

/// 2026-11-23.
const NOW: Duration = Duration::from_secs(1_795_392_000);

struct World {
    _folder: tempfile::TempDir,
    runtime: Runtime,
    gate: Arc<Gate>,
    key: SigningKey,
    route: &'static Route,
}

fuzz_target!(|text: &str| {
    static WORLD: OnceLock<Option<World>> = OnceLock::new();
    let Some(world) = WORLD.get_or_init(|| World::new().ok()) else { return };
    assert!(!world.admits(text), "a token that nobody signed was believed");
    // A header and claims, signed: what an issuer could say.
    if let Some((header, claims)) = text.split_once('\n') {
        let signed = [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it)).join(".");
        let signature = world.key.sign(signed.as_bytes()).to_bytes();
        world.admits(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)));
    }
});

impl World {
    fn new() -> Result<World, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = URL_SAFE_NO_PAD.encode(key.verifying_key().to_bytes());
        let keys = folder.path().join("keys.json");
        let set =
            format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"1","x":"{public}"}}]}}"#);
        fs::write(&keys, set)?;
        let issuer = IssuerSettings {
            issuer: "https://id.example".to_owned(),
            audience: "fenwen".to_owned(),
            keys: KeySource::File(keys),
        };
        let settings = GateSettings {
            is_required: true,
            accepts_demo_keys: false,
            idle: Duration::from_secs(90 * 24 * 60 * 60),
            issuers: vec![issuer],
        };
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(NOW));
        let store = Store::in_memory(folder.path())?;
        let gate = Gate::new(
            settings,
            Policy { strong: Vec::new(), strong_acr: Vec::new() },
            store,
            clock,
        );
        let route = Route::find("GET", "/api/v1/jobs").ok_or("the route is gone")?;
        let runtime = Builder::new_current_thread().enable_time().build()?;
        Ok(World { _folder: folder, runtime, gate, key, route })
    }

    fn admits(&self, token: &str) -> bool {
        let header = format!("Bearer {token}");
        let shown = Shown {
            authorization: Some(&header),
            address: None,
            certificate: None,
            surface: Surface::Public,
            exchange: (None, None),
        };
        self.runtime.block_on(self.gate.admit(shown, self.route)).is_ok()
    }
}
