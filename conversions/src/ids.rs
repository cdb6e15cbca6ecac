//! Who and which: ids that are the same wherever and however often they are made.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, hex, sha256};

/// A Telegram user, 1 to 2^52 - 1: Telegram's ids have "at most 52 significant bits" (Bot API, "User").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct TelegramUserId(u64);

impl TelegramUserId {
    const MAX: u64 = (1 << 52) - 1;

    /// The id of a number.
    ///
    /// # Errors
    /// [`NotATelegramUserId`] when it is 0 or over 52 bits.
    pub fn new(id: u64) -> Result<Self, NotATelegramUserId> {
        if !(1..=Self::MAX).contains(&id) {
            return Err(NotATelegramUserId);
        }
        Ok(Self(id))
    }

    /// Reads decimal digits, as in a path: no sign, no zero in front.
    ///
    /// # Errors
    /// [`NotATelegramUserId`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotATelegramUserId> {
        if !text.starts_with(|first| matches!(first, '1'..='9')) {
            return Err(NotATelegramUserId);
        }
        Self::new(text.parse().map_err(|_| NotATelegramUserId)?)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// What platforms get as `external_id`: the SHA-256 of the decimal digits (AdTarget, "event_id and external_id").
    pub fn external_id(self) -> Hash {
        Hash::of(&self.to_string())
    }
}

impl fmt::Display for TelegramUserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl TryFrom<u64> for TelegramUserId {
    type Error = NotATelegramUserId;

    fn try_from(id: u64) -> Result<Self, NotATelegramUserId> {
        Self::new(id)
    }
}

impl From<TelegramUserId> for u64 {
    fn from(id: TelegramUserId) -> u64 {
        id.0
    }
}

/// The number or text is not the id of a Telegram user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATelegramUserId;

impl fmt::Display for NotATelegramUserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not a Telegram user id, a whole number from 1 to 4503599627370495")
    }
}

impl std::error::Error for NotATelegramUserId {}

/// One conversion: 32 characters of 0-9 and a-f, derived from its cause, so that a repeated cause is the same
/// conversion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConversionId([u8; 16]);

impl ConversionId {
    /// What stands before the id where platforms are told it.
    pub const EVENT_ID_PREFIX: &str = "adtarget_";

    /// The conversion that `parts` caused: the first 16 bytes of the SHA-256 of `namespace` and each part, each behind
    /// its length in bytes (64 bits, big-endian). The namespace says what kind of cause the parts describe.
    pub fn derive(namespace: &str, parts: &[&str]) -> Self {
        let mut cause = Vec::new();
        for text in [namespace].iter().chain(parts) {
            cause.extend_from_slice(&(text.len() as u64).to_be_bytes());
            cause.extend_from_slice(text.as_bytes());
        }
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(sha256(&cause)) {
            *to = from;
        }
        Self(id)
    }

    /// Reads 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`NotAConversionId`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAConversionId> {
        let mut digits = text.bytes().map(|byte| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotAConversionId),
        });
        let mut id = [0; 16];
        for byte in &mut id {
            let mut digit = || digits.next().ok_or(NotAConversionId)?;
            *byte = digit()? << 4 | digit()?;
        }
        match digits.next() {
            None => Ok(Self(id)),
            Some(_) => Err(NotAConversionId),
        }
    }

    /// The id that platforms deduplicate by, the same on every retry: `adtarget_<id>`.
    pub fn event_id(self) -> String {
        format!("{}{self}", Self::EVENT_ID_PREFIX)
    }
}

impl fmt::Display for ConversionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ConversionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl TryFrom<String> for ConversionId {
    type Error = NotAConversionId;

    fn try_from(text: String) -> Result<Self, NotAConversionId> {
        Self::parse(&text)
    }
}

impl From<ConversionId> for String {
    fn from(id: ConversionId) -> String {
        id.to_string()
    }
}

/// The text is not the id of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAConversionId;

impl fmt::Display for NotAConversionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not a conversion id, 32 characters of 0-9 and a-f")
    }
}

impl std::error::Error for NotAConversionId {}
