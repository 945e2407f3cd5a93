//! Access tokens: JWT (RFC 7519) of the profile RFC 9068, signed by an issuer that the settings name.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;

use crate::policy::{ActingFor, Assurance, Denial, Scopes};

use super::issuer::Issuer;
use super::tokens::Token;
use super::verifier;

/// How far the issuer's clock may be from ours.
pub(super) const LEEWAY: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Claims {
    exp: u64,
    nbf: Option<u64>,
    sub: String,
    client_id: Option<String>,
    azp: Option<String>,
    #[serde(default)]
    scope: String,
    #[serde(flatten)]
    login: Assurance,
    cnf: Option<Confirmation>,
    act: Option<Actor>,
}

/// RFC 8705: the certificate that the token is bound to.
#[derive(Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    certificate: Option<String>,
}

/// RFC 8693: who acts for the subject.
#[derive(Deserialize)]
struct Actor {
    sub: String,
}

/// What a token says of its signature. Nothing of it is believed before the signature is proven.
pub(super) struct Claimed {
    /// `iss`.
    pub(super) issuer: String,
    /// `kid` of the key.
    pub(super) key: String,
    algorithm: Algorithm,
}

#[derive(Deserialize)]
struct Issued {
    iss: String,
}

/// Reads what a token says of its signature.
///
/// # Errors
/// [`Denial::BadCredential`] for what is no access token, names no key, or is signed by an algorithm that is not
/// allowed: `none` and those with a shared secret never are.
pub(super) fn claimed(text: &str) -> Result<Claimed, Denial> {
    let header = decode_header(text).map_err(|_| Denial::BadCredential)?;
    let is_access = header.typ.as_deref().is_some_and(|it| {
        let name = it.strip_prefix("application/").unwrap_or(it);
        name.eq_ignore_ascii_case("at+jwt")
    });
    if !is_access || !verifier::ALLOWED.contains(&header.alg) {
        return Err(Denial::BadCredential);
    }
    let issued: Issued = insecure_decode_claims(text).map_err(|_| Denial::BadCredential)?;
    let key = header.kid.ok_or(Denial::BadCredential)?;
    Ok(Claimed { issuer: issued.iss, key, algorithm: header.alg })
}

/// Proves a token of an issuer.
///
/// # Errors
/// [`Denial::BadCredential`], or [`Denial::Expired`] for a good token at a wrong time.
pub(super) fn prove(
    text: &str,
    claimed: &Claimed,
    issuer: &Issuer,
    certificate: Option<&[u8]>,
    now: Duration,
) -> Result<Token, Denial> {
    let key = issuer.key(&claimed.key, claimed.algorithm).ok_or(Denial::BadCredential)?;
    verifier::install();
    let mut validation = Validation::new(claimed.algorithm);
    validation.set_issuer(&[&issuer.name]);
    validation.set_audience(&[&issuer.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Times are looked at below, by the clock of the process.
    validation.validate_exp = false;
    let claims = decode::<Claims>(text, &key, &validation);
    let claims = claims.map_err(|_| Denial::BadCredential)?.claims;
    let is_over = Duration::from_secs(claims.exp).saturating_add(LEEWAY) <= now;
    let is_early = claims.nbf.is_some_and(|it| now + LEEWAY < Duration::from_secs(it));
    if is_over || is_early {
        return Err(Denial::Expired);
    }
    if let Some(bound) = &claims.cnf {
        let shown = certificate.map(|it| URL_SAFE_NO_PAD.encode(it));
        // A token bound in a way that is unknown here is bound nevertheless.
        if bound.certificate.is_none() || bound.certificate != shown {
            return Err(Denial::BadCredential);
        }
    }
    token(claims).ok_or(Denial::BadCredential)
}

/// `None` when it is not said which client calls.
fn token(claims: Claims) -> Option<Token> {
    let actor = claims.act.map(|it| it.sub);
    let client = claims.client_id.or(claims.azp).or_else(|| actor.clone())?;
    let person = || ActingFor { subject: claims.sub.clone(), is_authenticated: true };
    let acting_for = (actor.is_some() || claims.sub != client).then(person);
    Some(Token {
        client,
        subject: claims.sub,
        scopes: Scopes::of_known(&claims.scope),
        login: claims.login,
        acting_for,
    })
}
