//! What is asked of an OpenID provider: its endpoints, and a token for a code.

use std::fmt::Write;
use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::base::Secret;

use super::login::{LoginError, LoginSettings};

/// For the provider to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an answer.
const MAX_BYTES: u64 = 256 << 10;

/// Addresses of a provider (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Endpoints {
    issuer: String,
    /// Where people log in.
    #[serde(rename = "authorization_endpoint")]
    pub(super) authorization: String,
    /// Where a code is changed for a token.
    #[serde(rename = "token_endpoint")]
    pub(super) token: String,
    /// Its keys.
    #[serde(rename = "jwks_uri")]
    pub(super) keys: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

/// Finds the endpoints of an issuer.
///
/// # Errors
/// With the reason, for an operator.
pub(super) fn discover(issuer: &str) -> Result<Endpoints, String> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let answer = agent().get(&url).call().map_err(|it| it.to_string())?;
    let found: Endpoints = read(answer.into_body().into_reader())?;
    if found.issuer != issuer {
        return Err(format!("it calls itself `{}`", found.issuer));
    }
    let addresses = [&found.authorization, &found.token, &found.keys];
    if let Some(plain) = addresses.into_iter().find(|it| !is_safe(it)) {
        return Err(format!("`{plain}` is not encrypted"));
    }
    Ok(found)
}

/// Changes a code for an ID token (RFC 6749, 4.1.3).
pub(super) fn exchange(
    endpoint: &str,
    settings: &LoginSettings,
    code: &Secret<String>,
    verifier: &Secret<String>,
) -> Result<Secret<String>, LoginError> {
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", &settings.redirect),
        ("code_verifier", verifier.expose()),
    ];
    let mut request = agent()
        .post(endpoint)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json");
    match &settings.client_secret {
        // RFC 6749, 2.3.1: both are encoded as in a form first.
        Some(secret) => {
            let pair = format!("{}:{}", encoded(&settings.client_id), encoded(secret.expose()));
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
        }
        None => fields.push(("client_id", &settings.client_id)),
    }
    let told = |reason: &str| tracing::warn!(reason, "the provider gave no token for a code");
    let answer = request.send(form(&fields)).map_err(|error| {
        told(&error.to_string());
        match error {
            ureq::Error::StatusCode(400..500) => LoginError::Refused,
            _ => LoginError::Unavailable,
        }
    })?;
    let answer: TokenAnswer = read(answer.into_body().into_reader()).map_err(|reason| {
        told(&reason);
        LoginError::Unavailable
    })?;
    Ok(Secret::new(answer.id_token))
}

fn agent() -> ureq::Agent {
    // What redirects is not the provider that was found.
    ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).build().into()
}

fn read<T: DeserializeOwned>(from: impl Read) -> Result<T, String> {
    let mut text = Vec::new();
    from.take(MAX_BYTES).read_to_end(&mut text).map_err(|it| it.to_string())?;
    serde_json::from_slice(&text).map_err(|_| "an answer is not as expected".to_owned())
}

/// Whether nothing on the way can read or change what is sent there.
pub(super) fn is_safe(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else { return false };
    ["127.0.0.1", "[::1]", "localhost"].iter().any(|host| {
        rest.strip_prefix(host).is_some_and(|it| it.is_empty() || it.starts_with([':', '/']))
    })
}

/// Fields as in a form, `application/x-www-form-urlencoded`.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
