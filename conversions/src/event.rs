//! What happened: the kinds of event a conversion can be.

use std::fmt;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Someone showed interest.
    Lead,
    /// Someone paid. It has a value.
    Purchase,
    /// Someone joined.
    CompleteRegistration,
    /// Someone began a subscription.
    Subscribe,
    /// Whatever the site calls by a name of its own.
    Custom(CustomName),
}

impl EventType {
    /// Reads `eventType` and `customEventName` of a request, both as AdTarget spells them. A name beside another type
    /// than `Custom` says nothing and is passed over.
    ///
    /// # Errors
    /// [`EventTypeError`] says which of the two is wrong.
    pub fn parse(event_type: &str, custom_name: Option<&str>) -> Result<Self, EventTypeError> {
        match event_type {
            "Lead" => Ok(Self::Lead),
            "Purchase" => Ok(Self::Purchase),
            "CompleteRegistration" => Ok(Self::CompleteRegistration),
            "Subscribe" => Ok(Self::Subscribe),
            "Custom" => {
                let name = custom_name.ok_or(EventTypeError::NameMissing)?;
                CustomName::parse(name)
                    .map(Self::Custom)
                    .map_err(EventTypeError::Name)
            }
            _ => Err(EventTypeError::Unknown),
        }
    }

    /// `eventType` as AdTarget spells it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Lead => "Lead",
            Self::Purchase => "Purchase",
            Self::CompleteRegistration => "CompleteRegistration",
            Self::Subscribe => "Subscribe",
            Self::Custom(_) => "Custom",
        }
    }

    /// `customEventName`, of a custom event.
    pub fn custom_name(&self) -> Option<&CustomName> {
        match self {
            Self::Custom(name) => Some(name),
            _ => None,
        }
    }
}

/// Why a request names no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventTypeError {
    /// `eventType` is none of the five.
    Unknown,
    /// `eventType` is `Custom` and `customEventName` is not there.
    NameMissing,
    /// `customEventName` cannot be a name.
    Name(CustomNameError),
}

impl EventTypeError {
    /// The field of the request that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Unknown => "eventType",
            Self::NameMissing | Self::Name(_) => "customEventName",
        }
    }
}

impl fmt::Display for EventTypeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter
                .write_str("must be Lead, Purchase, CompleteRegistration, Subscribe or Custom"),
            Self::NameMissing => formatter.write_str("required with eventType Custom"),
            Self::Name(why) => why.fmt(formatter),
        }
    }
}

impl std::error::Error for EventTypeError {}

/// The most characters that Meta and TikTok take.
const MAX_NAME_LENGTH: usize = 50;

/// The name of a custom event: 1 to 50 of A-Z, a-z, 0-9, `_`, `-` and space, a letter first, no space last, and not the
/// name of a standard event. That is TikTok's rule ("About Standard and Custom events"), the strictest of those who take
/// such names; Meta asks for no more than 50 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CustomName(String);

impl CustomName {
    /// Reads a name as it stands; nothing is trimmed or changed.
    ///
    /// # Errors
    /// [`CustomNameError`].
    pub fn parse(name: &str) -> Result<Self, CustomNameError> {
        if name.is_empty() {
            return Err(CustomNameError::Empty);
        }
        let is_allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ');
        if !name.bytes().all(is_allowed) {
            return Err(CustomNameError::Character);
        }
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) || name.ends_with(' ') {
            return Err(CustomNameError::End);
        }
        if name.len() > MAX_NAME_LENGTH {
            return Err(CustomNameError::TooLong);
        }
        if is_standard(name) {
            return Err(CustomNameError::Standard);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In any case: a name that differs from a standard one by that alone is a slip, and would be counted apart.
fn is_standard(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "lead" | "purchase" | "completeregistration" | "subscribe" | "custom"
    )
}

/// Why a text is not the name of a custom event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomNameError {
    /// It is empty.
    Empty,
    /// It is over 50 characters.
    TooLong,
    /// It has another character than A-Z, a-z, 0-9, `_`, `-` and space.
    Character,
    /// It does not begin with a letter, or it ends with a space.
    End,
    /// It is the name of a standard event.
    Standard,
}

impl fmt::Display for CustomNameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "must not be empty",
            Self::TooLong => "over 50 characters",
            Self::Character => "takes only A-Z, a-z, 0-9, '_', '-' and spaces",
            Self::End => "must begin with a letter and not end with a space",
            Self::Standard => "the name of a standard event; send it as eventType",
        })
    }
}

impl std::error::Error for CustomNameError {}
