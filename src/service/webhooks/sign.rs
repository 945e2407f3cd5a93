//! Signatures of Standard Webhooks: `v1` by HMAC-SHA256, `v1a` by Ed25519, over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::Secret;

/// Bytes of a shared secret, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Neither `whsec_…` nor `whsk_…` with base64.
    #[error("a signing key is `whsec_` or `whsk_` and base64")]
    Form,
    /// A shared secret has 24 to 64 bytes, an Ed25519 key 32.
    #[error("the signing key has a wrong length")]
    Length,
}

/// What signs. Its debug form shows nothing of it.
#[derive(Clone, Debug)]
pub enum SigningKey {
    /// A secret shared with the receiver (`whsec_…`).
    Shared(Secret<Vec<u8>>),
    /// A key of which the receiver knows the public half only (`whsk_…`).
    Private(Secret<[u8; 32]>),
}

impl SigningKey {
    /// Reads `whsec_…` or `whsk_…`.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn parse(text: &str) -> Result<SigningKey, SignError> {
        let bytes = |it: &str| STANDARD.decode(it).map_err(|_| SignError::Form);
        if let Some(secret) = text.strip_prefix("whsec_") {
            let secret = bytes(secret)?;
            if !SECRET_BYTES.contains(&secret.len()) {
                return Err(SignError::Length);
            }
            return Ok(SigningKey::Shared(Secret::new(secret)));
        }
        let key = bytes(text.strip_prefix("whsk_").ok_or(SignError::Form)?)?;
        let key: [u8; 32] = key.try_into().map_err(|_| SignError::Length)?;
        Ok(SigningKey::Private(Secret::new(key)))
    }

    /// What the receiver checks with, where that is no secret: `whpk_…`.
    pub fn public(&self) -> Option<String> {
        match self {
            SigningKey::Shared(_) => None,
            SigningKey::Private(key) => {
                let key = ed25519_dalek::SigningKey::from_bytes(key.expose());
                Some(format!("whpk_{}", STANDARD.encode(key.verifying_key().as_bytes())))
            }
        }
    }

    /// `v1,…` or `v1a,…`.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        match self {
            SigningKey::Shared(secret) => match Hmac::<Sha256>::new_from_slice(secret.expose()) {
                Ok(mut mac) => {
                    mac.update(head.as_bytes());
                    mac.update(body);
                    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
                }
                // HMAC takes keys of any length.
                Err(_) => String::new(),
            },
            SigningKey::Private(key) => {
                let key = ed25519_dalek::SigningKey::from_bytes(key.expose());
                let signature = key.sign(&[head.as_bytes(), body].concat());
                format!("v1a,{}", STANDARD.encode(signature.to_bytes()))
            }
        }
    }
}

/// The `webhook-signature` header: one signature for each key, so that keys can be changed without a gap.
pub fn signature_header(keys: &[SigningKey], id: &str, timestamp: u64, body: &[u8]) -> String {
    let signatures: Vec<String> = keys.iter().map(|it| it.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier};

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_specifications_example() {
        // The test vector of the reference libraries (standard-webhooks).
        let key = SigningKey::parse(SECRET).unwrap();
        let signed =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_private_key_signs_for_its_public_half() {
        let key = SigningKey::parse(&format!("whsk_{}", STANDARD.encode([7; 32]))).unwrap();
        let signed = key.sign("id", 1, b"body");
        // Made with PyNaCl from the same key: Ed25519 has one signature for a text.
        assert_eq!(
            signed,
            "v1a,SRuc3BI0a00S+FY1CLV/7eENb7KxNxPmEYwdjGWlAjP3Lq1aNvAeoBrhOfWN5qElZMwghSOfbCNd/VOe0FjuAQ=="
        );
        assert_eq!(
            key.public().as_deref(),
            Some("whpk_6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=")
        );
        let signature = STANDARD.decode(signed.strip_prefix("v1a,").unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        let public = key.public().unwrap();
        let public = STANDARD.decode(public.strip_prefix("whpk_").unwrap()).unwrap();
        let public = ed25519_dalek::VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        assert!(public.verify(b"id.1.body", &signature).is_ok());
        assert!(public.verify(b"id.2.body", &signature).is_err());
        let both = signature_header(&[key, SigningKey::parse(SECRET).unwrap()], "id", 1, b"body");
        assert!(both.starts_with("v1a,") && both.contains(" v1,"), "{both}");
    }

    fn check(text: &str, expected: SignError) {
        assert_eq!(SigningKey::parse(text).err(), Some(expected), "{text}");
    }

    #[test]
    fn keys_have_their_form_and_print_nothing() {
        check("secret", SignError::Form);
        check("whsec_?", SignError::Form);
        check("whsec_c2hvcnQ=", SignError::Length);
        check("whsk_c2hvcnQ=", SignError::Length);
        assert!(!format!("{:?}", SigningKey::parse(SECRET).unwrap()).contains("77"));
    }
}
