//! Tokens that are good, and all the ways in which they are not. Keys are made anew in each test.

use std::fs;

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::*;
use crate::base::ManualClock;

const NOW: Duration = Duration::from_secs(1_795_392_000);
const ISSUER: &str = "https://id.example";

enum Pair {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
}

struct Signer {
    kid: &'static str,
    pair: Pair,
}

impl Signer {
    fn ed(kid: &'static str) -> Signer {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer { kid, pair: Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()) }
    }

    fn ec(kid: &'static str) -> Signer {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap();
        Signer { kid, pair: Pair::Ec(pair) }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed(_) => "EdDSA",
            Pair::Ec(_) => "ES256",
        }
    }

    fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed(it) => it.public_key().as_ref().to_vec(),
            Pair::Ec(it) => it.public_key().as_ref().to_vec(),
        }
    }

    fn jwk(&self) -> Value {
        let (public, kid) = (self.public(), self.kid);
        let encode = |it: &[u8]| URL_SAFE_NO_PAD.encode(it);
        match self.pair {
            Pair::Ed(_) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&public), "kid": kid })
            }
            Pair::Ec(_) => {
                let (x, y) = (encode(&public[1..33]), encode(&public[33..]));
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "use": "sig" })
            }
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let head = [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string())).join(".");
        let signature = match &self.pair {
            Pair::Ed(it) => it.sign(head.as_bytes()).as_ref().to_vec(),
            Pair::Ec(it) => {
                it.sign(&SystemRandom::new(), head.as_bytes()).unwrap().as_ref().to_vec()
            }
        };
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

struct World {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    tokens: Tokens,
    signer: Signer,
}

impl World {
    fn new(signer: Signer) -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let issuer = IssuerSettings {
            issuer: ISSUER.to_owned(),
            audience: "fenwen".to_owned(),
            keys: KeySource::File(folder.path().join("keys.json")),
        };
        let ticking: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let world = World { tokens: Tokens::new(vec![issuer], &ticking), folder, clock, signer };
        world.publish(&[&world.signer]);
        world
    }

    fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|it| it.jwk()).collect();
        let set = json!({ "keys": keys }).to_string();
        fs::write(self.folder.path().join("keys.json"), set).unwrap();
    }

    fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": self.signer.algorithm(), "kid": self.signer.kid })
    }

    fn prove(&self, token: &str, certificate: Option<&[u8]>) -> Result<Token, Denial> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.tokens.prove(token, certificate, self.clock.unix_time()))
    }

    /// What becomes of a token with some fields of its header and claims changed; `null` takes one away.
    fn check(&self, header: &Value, claims: &Value, expected: Result<(), Denial>) {
        let token = self.signer.token(&changed(self.header(), header), &changed(good(), claims));
        let found = self.prove(&token, None).map(drop);
        assert_eq!(found, expected, "{header} {claims}");
    }
}

fn good() -> Value {
    let now = NOW.as_secs();
    json!({
        "iss": ISSUER, "aud": "fenwen", "exp": now + 300, "iat": now, "sub": "mailbox",
        "client_id": "mailbox", "scope": "letters:classify email", "jti": "1",
    })
}

fn changed(mut it: Value, changes: &Value) -> Value {
    let fields = it.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => _ = fields.remove(name),
            value => _ = fields.insert(name.clone(), value.clone()),
        }
    }
    it
}

#[test]
fn what_an_issuer_signed_for_us_is_believed() {
    for signer in [Signer::ed("k1"), Signer::ec("k1")] {
        let world = World::new(signer);
        let token = world.prove(&world.signer.token(&world.header(), &good()), None).unwrap();
        assert_eq!((token.client.as_str(), token.subject.as_str()), ("mailbox", "mailbox"));
        assert_eq!(token.scopes.to_string(), "letters:classify");
        assert_eq!((token.acting_for, token.login), (None, Assurance::default()));
        let none = json!({});
        world.check(&none, &json!({ "aud": ["other", "fenwen"] }), Ok(()));
        world.check(&json!({ "typ": "application/at+jwt" }), &none, Ok(()));
        world.check(
            &none,
            &json!({ "nbf": NOW.as_secs() + 30, "exp": NOW.as_secs() - 29 }),
            Ok(()),
        );
    }
}

#[test]
fn what_is_wrong_with_a_token_is_found() {
    let bad = Err(Denial::BadCredential);
    for signer in [Signer::ed("k1"), Signer::ec("k1")] {
        let world = World::new(signer);
        let none = json!({});
        world.check(&none, &json!({ "iss": "https://other.example" }), bad);
        world.check(&none, &json!({ "aud": "other" }), bad);
        for claim in ["iss", "aud", "exp", "sub"] {
            world.check(&none, &json!({ claim: null }), bad);
        }
        world.check(&none, &json!({ "client_id": null }), bad);
        world.check(&json!({ "typ": "JWT" }), &none, bad);
        world.check(&json!({ "typ": null }), &none, bad);
        world.check(&json!({ "kid": null }), &none, bad);
        world.check(&json!({ "kid": "k2" }), &none, bad);
        world.check(&json!({ "alg": "RS256" }), &none, bad);
        world.check(&json!({ "alg": "none" }), &none, bad);
        world.check(&json!({ "alg": "HS256" }), &none, bad);
        world.check(&none, &json!({ "exp": NOW.as_secs() - 30 }), Err(Denial::Expired));
        world.check(&none, &json!({ "nbf": NOW.as_secs() + 31 }), Err(Denial::Expired));
        for text in ["", "a.b.c", "e30.e30.", "é.é.é"] {
            assert_eq!(world.prove(text, None).map(drop), bad, "{text}");
        }
    }
}

#[test]
fn a_public_key_is_no_shared_secret_and_a_signature_is_needed() {
    let world = World::new(Signer::ec("k1"));
    let header = changed(world.header(), &json!({ "alg": "HS256" }));
    let head = [header, good()].map(|it| URL_SAFE_NO_PAD.encode(it.to_string())).join(".");
    let mut mac = Hmac::<Sha256>::new_from_slice(&world.signer.public()).unwrap();
    mac.update(head.as_bytes());
    let forged = format!("{head}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    let token = world.signer.token(&world.header(), &good());
    let (unsigned, signature) = token.rsplit_once('.').unwrap();
    let promoted = good().to_string().replace("letters:classify", "ops:admin");
    let parts: Vec<&str> = unsigned.split('.').collect();
    let changed = format!("{}.{}.{signature}", parts[0], URL_SAFE_NO_PAD.encode(promoted));
    let stranger = Signer::ec("k1").token(&world.header(), &good());
    for text in [forged, format!("{unsigned}."), changed, stranger] {
        assert_eq!(world.prove(&text, None).map(drop), Err(Denial::BadCredential), "{text}");
    }
    assert!(world.prove(&token, None).is_ok());
}

#[test]
fn a_token_bound_to_a_certificate_needs_it() {
    let world = World::new(Signer::ed("k1"));
    let bound =
        |cnf: Value| world.signer.token(&world.header(), &changed(good(), &json!({ "cnf": cnf })));
    let check = |token: &str, certificate: Option<&[u8]>, is_good: bool| {
        assert_eq!(world.prove(token, certificate).is_ok(), is_good, "{certificate:?}");
    };
    let token = bound(json!({ "x5t#S256": URL_SAFE_NO_PAD.encode([7; 32]) }));
    check(&token, Some(&[7; 32]), true);
    check(&token, Some(&[8; 32]), false);
    check(&token, None, false);
    check(&bound(json!({ "jkt": "x" })), Some(&[7; 32]), false);
    check(&bound(json!({ "jkt": "x" })), None, false);
}

#[test]
fn a_person_behind_a_client_is_named() {
    let world = World::new(Signer::ed("k1"));
    let check = |claims: Value| {
        let token = world.signer.token(&world.header(), &changed(good(), &claims));
        let token = world.prove(&token, None).unwrap();
        let person = ActingFor { subject: "u-1".to_owned(), is_authenticated: true };
        assert_eq!(
            (token.client.as_str(), token.acting_for),
            ("mailbox", Some(person)),
            "{claims}"
        );
        assert_eq!(token.login.amr, ["hwk"]);
    };
    check(json!({ "sub": "u-1", "amr": ["hwk"] }));
    check(json!({ "sub": "u-1", "amr": "hwk", "acr": "aal3" }));
    let act = json!({ "sub": "mailbox" });
    check(json!({ "sub": "u-1", "amr": ["hwk"], "client_id": null, "act": act }));
}

#[test]
fn keys_are_changed_without_a_restart() {
    let world = World::new(Signer::ed("old"));
    let old = world.signer.token(&world.header(), &good());
    assert!(world.prove(&old, None).is_ok());
    let new = Signer::ec("new");
    world.publish(&[&new]);
    let long = json!({ "exp": NOW.as_secs() + 3600 });
    let header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": "new" });
    let token = new.token(&header, &changed(good(), &long));
    assert_eq!(world.prove(&token, None).map(drop), Err(Denial::BadCredential), "asked just now");
    world.clock.advance(Duration::from_secs(60));
    assert!(world.prove(&token, None).is_ok());
    assert_eq!(world.prove(&old, None).map(drop), Err(Denial::BadCredential), "withdrawn");
    // Without an answer what was known holds for a while.
    fs::remove_file(world.folder.path().join("keys.json")).unwrap();
    world.clock.advance(Duration::from_secs(11 * 60));
    assert!(world.prove(&token, None).is_ok());
    world.clock.advance(Duration::from_secs(49 * 60));
    let later = new.token(&header, &changed(good(), &json!({ "exp": NOW.as_secs() + 9000 })));
    assert_eq!(world.prove(&later, None).map(drop), Err(Denial::BadCredential), "too long");
}
