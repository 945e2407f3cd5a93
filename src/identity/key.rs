//! API keys: made once, shown once, kept as a hash.
//!
//! The secret part is 256 random bits. Nobody can guess it, so that a plain SHA-256 is enough: a slow hash protects
//! what people choose, and here it would only make each call dear.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Generate, Key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::base::{Secret, hex};

/// What stands before a key, so that whoever finds one knows it; and before one for demonstrations.
const PREFIX: &str = "fwk_";
const DEMO_PREFIX: &str = "fwd_";

/// Hex digits of the part that is no secret.
const ID_LEN: usize = 16;

/// The system gave no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

/// A key as its client has it.
pub struct NewKey {
    /// The part that is no secret.
    pub id: String,
    /// What is kept.
    pub hash: Vec<u8>,
    /// The whole, to be shown once.
    pub text: Secret<String>,
}

impl NewKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(is_demo: bool) -> Result<NewKey, NoRandomness> {
        let random = || Key::<Aes256Gcm>::try_generate().map_err(|_| NoRandomness);
        let id = hex(&random()?[..ID_LEN / 2]);
        let secret = URL_SAFE_NO_PAD.encode(random()?);
        let prefix = if is_demo { DEMO_PREFIX } else { PREFIX };
        let text = Secret::new(format!("{prefix}{id}_{secret}"));
        Ok(NewKey { id, hash: hash(&secret), text })
    }
}

/// A key as it comes with a call.
pub(super) struct Presented<'a> {
    /// The part that is no secret.
    pub(super) id: &'a str,
    secret: &'a str,
}

impl<'a> Presented<'a> {
    /// `None` when the text is no key at all.
    pub(super) fn parse(text: &'a str) -> Option<Presented<'a>> {
        let rest = text.strip_prefix(PREFIX).or_else(|| text.strip_prefix(DEMO_PREFIX))?;
        let (id, secret) = rest.split_once('_')?;
        Some(Presented { id, secret })
    }

    /// Whether the secret part has this hash, in a time that tells nothing of where they differ.
    pub(super) fn has_hash(&self, expected: &[u8]) -> bool {
        let found = hash(self.secret);
        let differing = found.iter().zip(expected).fold(0, |bits, (a, b)| bits | (a ^ b));
        found.len() == expected.len() && differing == 0
    }
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash_only() {
        let [key, other] = [false, true].map(|it| NewKey::generate(it).unwrap());
        let shown = Presented::parse(key.text.expose()).unwrap();
        assert_eq!((shown.id, shown.id.len(), shown.secret.len()), (key.id.as_str(), ID_LEN, 43));
        assert!(shown.has_hash(&key.hash) && !shown.has_hash(&other.hash));
        assert!(!shown.has_hash(&key.hash[1..]) && !shown.has_hash(&[]));
        assert!(other.text.expose().starts_with(DEMO_PREFIX) && key.id != other.id);
        for bad in ["", "fwk_", "fwk_abc", "fwx_a_b", "a.b.c"] {
            assert!(Presented::parse(bad).is_none(), "{bad}");
        }
    }
}
