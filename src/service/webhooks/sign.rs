//! Signatures of Standard Webhooks: `v1` by HMAC-SHA256, `v1a` by Ed25519, over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::Secret;

/// Bytes of each half of a receiver's secret: within 24 to 64, as the specification wants, and those of Ed25519.
const HALF: usize = 32;

/// What signs. Its debug form shows nothing of it.
#[derive(Clone, Debug)]
pub enum SigningKey {
    /// A secret shared with the receiver (`whsec_…`).
    Shared(Secret<Vec<u8>>),
    /// A key of which the receiver knows the public half only (`whsk_…`).
    Private(Secret<[u8; 32]>),
}

impl SigningKey {
    /// Both kinds of key from the 64 bytes of a receiver's secret; none from fewer.
    pub fn pair(secret: &Secret<Vec<u8>>) -> Vec<SigningKey> {
        let halves = secret.expose().split_first_chunk::<HALF>();
        let halves = halves.and_then(|(shared, rest)| Some((shared, rest.first_chunk::<HALF>()?)));
        halves.map_or_else(Vec::new, |(shared, private)| {
            let shared = SigningKey::Shared(Secret::new(shared.to_vec()));
            vec![shared, SigningKey::Private(Secret::new(*private))]
        })
    }

    /// What the receiver checks with: the secret itself (`whsec_…`), or the public half of the key (`whpk_…`).
    pub fn check_with(&self) -> Secret<String> {
        Secret::new(match self {
            SigningKey::Shared(secret) => format!("whsec_{}", STANDARD.encode(secret.expose())),
            SigningKey::Private(key) => {
                let key = ed25519_dalek::SigningKey::from_bytes(key.expose());
                format!("whpk_{}", STANDARD.encode(key.verifying_key().as_bytes()))
            }
        })
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

    #[test]
    fn the_specifications_example() {
        // The test vector of the reference libraries (standard-webhooks).
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let key = SigningKey::Shared(Secret::new(secret));
        let signed =
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(key.check_with().expose(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn a_private_key_signs_for_its_public_half() {
        let key = SigningKey::Private(Secret::new([7; 32]));
        let signed = key.sign("id", 1, b"body");
        // Made with PyNaCl from the same key: Ed25519 has one signature for a text.
        assert_eq!(
            signed,
            "v1a,SRuc3BI0a00S+FY1CLV/7eENb7KxNxPmEYwdjGWlAjP3Lq1aNvAeoBrhOfWN5qElZMwghSOfbCNd/VOe0FjuAQ=="
        );
        let public = key.check_with();
        assert_eq!(public.expose(), "whpk_6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=");
        let signature = STANDARD.decode(signed.strip_prefix("v1a,").unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        let public = STANDARD.decode(public.expose().strip_prefix("whpk_").unwrap()).unwrap();
        let public = ed25519_dalek::VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        assert!(public.verify(b"id.1.body", &signature).is_ok());
        assert!(public.verify(b"id.2.body", &signature).is_err());
    }

    #[test]
    fn a_secret_has_two_keys_and_prints_nothing() {
        let secret = Secret::new([[77; 32], [7; 32]].concat());
        let keys = SigningKey::pair(&secret);
        assert_eq!(
            keys[1].sign("", 0, b""),
            SigningKey::Private(Secret::new([7; 32])).sign("", 0, b"")
        );
        let header = signature_header(&keys, "id", 1, b"body");
        assert!(header.starts_with("v1,") && header.contains(" v1a,"), "{header}");
        assert!(!format!("{keys:?}").contains('7'));
        assert!(SigningKey::pair(&Secret::new(vec![1; 63])).is_empty());
    }
}
