//! The ids of a visitor's trail. Each that the edge makes is a UUID (RFC 9562), so a forged or cut one is never mistaken for an id.

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::error::Error;

/// Sixteen random bytes, the make of one id.
pub type Entropy = [u8; 16];

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The name of the field that carries it.
            pub const FIELD: &'static str = $field;

            /// A new one.
            pub fn new(entropy: Entropy) -> Self {
                Self(Builder::from_random_bytes(entropy).into_uuid())
            }

            /// The one that `told` says, else the one that is `known`, which is asked only then, else a new one.
            ///
            /// # Errors
            /// `INVALID_PAYLOAD` naming the field; `INTERNAL_ERROR` without randomness.
            pub fn resolve(told: Option<&str>, known: impl FnOnce() -> Option<Self>) -> Result<Self, Error> {
                match told {
                    Some(text) => Self::parse(text),
                    None => known().map_or_else(|| Ok(Self::new(entropy()?)), Ok),
                }
            }

            /// Reads the hyphenated or simple form, in any case.
            ///
            /// # Errors
            /// `INVALID_PAYLOAD` naming the field.
            pub fn parse(text: &str) -> Result<Self, Error> {
                Uuid::try_parse(text).map(Self).map_err(|_| Error::field($field, "not a UUID"))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.0.as_hyphenated().encode_lower(&mut [0; 36]))
            }
        }
    };
}

id! {
    /// A visitor, for a year: the cookie `adtarget_temp_id`.
    TempId, "tempId"
}
/// A session of a visitor, 30 minutes from its last sign of life: the cookie `adtarget_session_id`. The edge's own is a UUID;
/// AdTarget's contract does not say what its own looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClientSessionId(String);

impl ClientSessionId {
    /// The name of the field that carries it.
    pub const FIELD: &'static str = "clientSessionId";

    /// The longest taken, in bytes.
    const LONGEST: usize = 128;

    /// The one that `told` says, else the one that is `known`, which is asked only then, else a new one.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field; `INTERNAL_ERROR` without randomness.
    pub fn resolve(
        told: Option<&str>,
        known: impl FnOnce() -> Option<Self>,
    ) -> Result<Self, Error> {
        match told {
            Some(text) => Self::parse(text),
            None => known().map_or_else(
                || {
                    let uuid = Builder::from_random_bytes(entropy()?).into_uuid();
                    Ok(Self(uuid.to_string()))
                },
                Ok,
            ),
        }
    }

    /// Reads one: at most 128 characters that stand for themselves in a cookie and in a URL (RFC 3986, 2.3).
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` naming the field.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_unreserved =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if text.is_empty() || text.len() > Self::LONGEST || !text.bytes().all(is_unreserved) {
            return Err(Error::field(
                Self::FIELD,
                "expected at most 128 letters, digits, - . _ or ~",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ClientSessionId> for String {
    fn from(id: ClientSessionId) -> Self {
        id.0
    }
}

impl TryFrom<String> for ClientSessionId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

id! {
    /// One event, made where it happened and the same on every retry: what a visit or click is deduplicated by.
    EventId, "eventId"
}

/// A click on an invite: 32 characters of 0-9 and a-f, which fits the name of a Telegram invite link (32) and a bot's
/// start payload (64).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClickId(String);

impl ClickId {
    /// The click that `event` was.
    pub fn of(event: EventId) -> Self {
        Self(event.0.as_simple().to_string())
    }

    /// Reads one; `None` for what is no UUID, or one in another form.
    pub fn parse(text: &str) -> Option<Self> {
        let click = EventId::parse(text).ok().map(Self::of);
        click.filter(|click| click.as_str() == text)
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Random bytes for one id.
///
/// # Errors
/// `INTERNAL_ERROR` when the platform has no randomness to give.
pub fn entropy() -> Result<Entropy, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Internal)?;
    Ok(bytes)
}
