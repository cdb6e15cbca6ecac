//! What is kept of a person: SHA-256 in lower-case hexadecimal.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A hash as platforms take it: 64 lower-case hexadecimal digits, SHA-256. What came hashed may be 32 digits, MD5.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(String);

impl Hash {
    /// The SHA-256 of a normalised value.
    pub fn of(normalised: &str) -> Self {
        Self(hex(&sha256(normalised.as_bytes())))
    }

    /// A value that came hashed: 64 or 32 hexadecimal digits in any case. What Meta's parameter builder puts behind them, a dot and
    /// characters that name the library, is left off.
    pub fn parse(text: &str) -> Result<Self, NotAHash> {
        let text = match text.rsplit_once('.') {
            Some((digits, appendix)) if is_appendix(appendix) => digits,
            _ => text,
        };
        if !matches!(text.len(), 64 | 32) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAHash);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a SHA-256, the only hash that some platforms take.
    pub fn is_sha256(&self) -> bool {
        self.0.len() == 64
    }
}

/// Whether Meta's parameter builder puts `text` behind a hash: one of six names of its libraries, or 8 characters.
fn is_appendix(text: &str) -> bool {
    attribution::names_meta_library(text.as_bytes()) || (text.len() == 8 && text.is_ascii())
}

impl TryFrom<String> for Hash {
    type Error = NotAHash;

    fn try_from(text: String) -> Result<Self, NotAHash> {
        Self::parse(&text)
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> String {
        hash.0
    }
}

/// The text is not a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHash;

impl fmt::Display for NotAHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not a hash of 64 or 32 hexadecimal digits")
    }
}

impl std::error::Error for NotAHash {}

/// The SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal digits, two a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
