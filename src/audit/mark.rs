//! Signed statements about a chain: checkpoints, and where what is left of it begins.

use serde::{Deserialize, Serialize};

use super::key::{AuditKey, PublicKey};
use super::line::{Hash, from_hex, hex};

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkKind {
    /// The chain had this row with this hash.
    Checkpoint,
    /// The rows up to this one have expired and were removed.
    Purged,
    /// This copy begins after this row.
    Excerpt,
}

/// A signed statement, written as canonical JSON (RFC 8785); the signature is over the same without `sig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Name of the chain.
    pub chain: String,
    /// Hash of the row, 64 hexadecimal digits.
    pub hash: String,
    /// Names the key that signed.
    pub key: String,
    /// What is said.
    pub kind: MarkKind,
    /// Number of the row.
    pub seq: u64,
    /// Ed25519, Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sig: Option<String>,
    /// When it was signed: RFC 3339, UTC.
    pub ts: String,
}

/// A place in a chain: a row and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the row; 0 before the first.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) hash: Hash,
}

impl Mark {
    /// Signs that `chain` is at `place`.
    pub(super) fn sign(
        key: &AuditKey,
        kind: MarkKind,
        chain: &str,
        place: Place,
        ts: String,
    ) -> Mark {
        let mark = Mark {
            chain: chain.to_owned(),
            hash: hex(&place.hash),
            key: key.public().id(),
            kind,
            seq: place.seq,
            sig: None,
            ts,
        };
        let sig = Some(key.sign(mark.line().as_bytes()));
        Mark { sig, ..mark }
    }

    /// Whether the key has signed it.
    pub(super) fn is_signed(&self, key: &PublicKey) -> bool {
        let unsigned = Mark { sig: None, ..self.clone() };
        let sig = self.sig.as_deref().unwrap_or_default();
        key.has_signed(unsigned.line().as_bytes(), sig)
    }

    /// Canonical JSON, without the end of line.
    pub(super) fn line(&self) -> String {
        // Nothing in this type fails to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where it is; none when the hash is none.
    pub(super) fn place(&self) -> Option<Place> {
        let digits: &[u8; 64] = self.hash.as_bytes().try_into().ok()?;
        Some(Place { seq: self.seq, hash: from_hex(digits)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_signed_may_change() {
        let dir = tempfile::tempdir().unwrap();
        let key = AuditKey::open(dir.path()).unwrap();
        let place = Place { seq: 7, hash: [9; 32] };
        let mark = Mark::sign(&key, MarkKind::Checkpoint, "n", place, "t".to_owned());
        let public = key.public();
        assert!(mark.is_signed(&public));
        assert_eq!(mark.place(), Some(place));
        assert_eq!(serde_json::from_str::<Mark>(&mark.line()).unwrap(), mark);
        let value: serde_json::Value = serde_json::from_str(&mark.line()).unwrap();
        assert_eq!(value.to_string(), mark.line(), "the order of the names is canonical");
        for changed in [
            Mark { chain: "m".to_owned(), ..mark.clone() },
            Mark { hash: hex(&[8; 32]), ..mark.clone() },
            Mark { kind: MarkKind::Purged, ..mark.clone() },
            Mark { seq: 8, ..mark.clone() },
            Mark { sig: None, ..mark.clone() },
            Mark { ts: "u".to_owned(), ..mark.clone() },
        ] {
            assert!(!changed.is_signed(&public), "{changed:?}");
        }
    }
}
