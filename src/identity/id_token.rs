//! ID tokens and logout tokens of people's logins (OpenID Connect Core 1.0, Back-Channel Logout 1.0).

use std::time::Duration;

use jsonwebtoken::{Algorithm, TokenData, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::policy::Assurance;

use super::issuer::Issuer;
use super::verifier;

/// How far the issuer's clock may be from ours.
const LEEWAY: Duration = Duration::from_secs(30);

/// How old a logout token may be.
const LOGOUT_AGE: Duration = Duration::from_secs(2 * 60);

/// The event that a logout token tells of.
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Why a token of a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadToken {
    /// It is not the issuer's, not for us, or not of this login.
    Forged,
    /// Its time is over, or has not come.
    Expired,
}

/// Who an ID token is about.
#[derive(Debug, Deserialize)]
pub(super) struct IdClaims {
    pub(super) sub: String,
    exp: u64,
    nonce: Option<String>,
    azp: Option<String>,
    aud: Value,
    /// Session at the issuer.
    pub(super) sid: Option<String>,
    pub(super) name: Option<String>,
    /// How the login was proven.
    #[serde(flatten)]
    pub(super) login: Assurance,
    /// The rest, where agency, units and roles are.
    #[serde(flatten)]
    pub(super) others: serde_json::Map<String, Value>,
}

/// Whose session ended: that of a person, or one of them.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct LogoutClaims {
    pub(super) sub: Option<String>,
    pub(super) sid: Option<String>,
    /// Id of the token, which counts once.
    pub(super) jti: String,
    iat: u64,
    nonce: Option<Value>,
    events: serde_json::Map<String, Value>,
}

/// The key that a token is signed with, as it says itself.
pub(super) fn key_of(text: &str) -> Result<(String, Algorithm), BadToken> {
    let header = decode_header(text).map_err(|_| BadToken::Forged)?;
    // An access token says nothing about who is at the browser.
    let is_access = header.typ.as_deref().is_some_and(|it| it.to_ascii_lowercase().contains("at+"));
    if is_access || !verifier::ALLOWED.contains(&header.alg) {
        return Err(BadToken::Forged);
    }
    Ok((header.kid.ok_or(BadToken::Forged)?, header.alg))
}

fn proven<T: DeserializeOwned>(
    text: &str,
    issuer: &Issuer,
    required: &[&str],
) -> Result<T, BadToken> {
    let (kid, algorithm) = key_of(text)?;
    let key = issuer.key(&kid, algorithm).ok_or(BadToken::Forged)?;
    verifier::install();
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[&issuer.name]);
    validation.set_audience(&[&issuer.audience]);
    validation.set_required_spec_claims(required);
    // Times are looked at by the clock of the process.
    validation.validate_exp = false;
    let token: TokenData<T> = decode(text, &key, &validation).map_err(|_| BadToken::Forged)?;
    Ok(token.claims)
}

/// Proves an ID token of the login that `nonce` was sent with.
pub(super) fn prove(
    text: &str,
    issuer: &Issuer,
    nonce: &str,
    now: Duration,
) -> Result<IdClaims, BadToken> {
    let claims: IdClaims = proven(text, issuer, &["exp", "iss", "aud", "sub"])?;
    if claims.nonce.as_deref() != Some(nonce) {
        return Err(BadToken::Forged);
    }
    let is_one_of_many = claims.aud.as_array().is_some_and(|it| 1 < it.len());
    let is_ours = claims.azp.as_deref().map_or(!is_one_of_many, |it| it == issuer.audience);
    if !is_ours {
        return Err(BadToken::Forged);
    }
    if Duration::from_secs(claims.exp).saturating_add(LEEWAY) <= now {
        return Err(BadToken::Expired);
    }
    Ok(claims)
}

/// Proves a logout token.
pub(super) fn prove_logout(
    text: &str,
    issuer: &Issuer,
    now: Duration,
) -> Result<LogoutClaims, BadToken> {
    let claims: LogoutClaims = proven(text, issuer, &["iss", "aud"])?;
    let names_somebody = claims.sub.is_some() || claims.sid.is_some();
    if claims.nonce.is_some() || !claims.events.contains_key(LOGOUT) || !names_somebody {
        return Err(BadToken::Forged);
    }
    let issued = Duration::from_secs(claims.iat);
    if issued + LOGOUT_AGE < now || now + LEEWAY < issued {
        return Err(BadToken::Expired);
    }
    Ok(claims)
}
