//! SHA-256 in the one form used everywhere: 64 lower-case hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::base::hex;

/// The SHA-256 of a file. Invariant: 64 lower-case hexadecimal digits, hence safe as a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Digest(String);

impl Digest {
    /// Number of hexadecimal digits.
    pub const LEN: usize = 64;

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The result of a finished hash.
    pub(super) fn of(hasher: sha2::Sha256) -> Digest {
        Digest(hex(&sha2::Digest::finalize(hasher)))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == Digest::LEN && text.bytes().all(is_digit) {
            Ok(Digest(text.to_owned()))
        } else {
            Err(DigestError)
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Digest, DigestError> {
        text.parse()
    }
}

/// The text is not a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 is 64 lower-case hexadecimal digits")]
pub struct DigestError;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<Digest>().is_ok(), good, "{text}");
    }

    #[test]
    fn only_64_lower_case_digits() {
        check(&"0a".repeat(32), true);
        check(&"0A".repeat(32), false);
        check(&"0a".repeat(31), false);
        check(&"0g".repeat(32), false);
        check("../../../etc/passwd", false);
    }
}
