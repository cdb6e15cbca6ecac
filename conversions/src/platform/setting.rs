//! The settings of destinations, read once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use attribution::url;

use crate::{CustomName, EventType, Secret};

/// A setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// Its name, as in the settings; `token` is the secret that stands beside them.
    pub field: &'static str,
    /// What it must be.
    pub expected: Cow<'static, str>,
}

impl SettingError {
    pub(super) fn new(field: &'static str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field,
            expected: expected.into(),
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: expected {}", self.field, self.expected)
    }
}

impl std::error::Error for SettingError {}

/// A value that matches, as it is written but for white space around it.
pub(super) fn matching(
    field: &'static str,
    text: &str,
    is_right: impl FnOnce(&str) -> bool,
    expected: &'static str,
) -> Result<String, SettingError> {
    let text = text.trim();
    if !is_right(text) {
        return Err(SettingError::new(field, expected));
    }
    Ok(text.to_owned())
}

/// 1 to 20 digits.
pub(super) fn digits(field: &'static str, text: &str) -> Result<String, SettingError> {
    matching(field, text, is_number, "a number of up to 20 digits")
}

pub(super) fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// 1 to 64 letters, digits, `-` and `_`.
pub(super) fn is_word(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

pub(super) fn test_code(code: Option<&str>) -> Result<Option<String>, SettingError> {
    code.filter(|code| !code.trim().is_empty())
        .map(|code| matching("testEventCode", code, is_word, "a code such as TEST12345"))
        .transpose()
}

/// A version such as `v25.0` or `v3`.
pub(super) fn version(version: Option<&str>, default: &str) -> Result<String, SettingError> {
    let is_version = |text: &str| {
        text.strip_prefix('v')
            .is_some_and(|numbers| numbers.len() <= 8 && numbers.split('.').all(is_number))
    };
    matching(
        "version",
        version.unwrap_or(default),
        is_version,
        "a version such as v1.3",
    )
}

/// Scheme and host, without a slash at the end. Secrets go there, so only over TLS, or to this very machine.
pub(super) fn base_url(base: Option<&str>, default: &str) -> Result<String, SettingError> {
    let base = matching(
        "baseUrl",
        base.unwrap_or(default),
        |base| {
            is_protected(base)
                && url::split(base).is_some_and(|parts| {
                    matches!(parts.path, "" | "/")
                        && parts.query.is_none()
                        && parts.fragment.is_none()
                })
        },
        "an origin such as https://example.com",
    )?;
    Ok(base.trim_end_matches('/').to_owned())
}

/// Whether what is sent to `address` can't be read on the way: by TLS, or since it stays on this machine. No
/// credentials are in it.
pub(super) fn is_protected(address: &str) -> bool {
    url::split(address).is_some_and(|parts| {
        let is_loopback = matches!(parts.host, "127.0.0.1" | "localhost" | "[::1]");
        !address.contains('@')
            && (parts.scheme == "https" || (parts.scheme == "http" && is_loopback))
    })
}

/// A token that can stand in a header: printable ASCII, without spaces.
pub(super) fn token(token: Secret) -> Result<Secret, SettingError> {
    let text = token.reveal();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SettingError::new(
            "token",
            "the platform's access token, in one line",
        ));
    }
    Ok(token)
}

/// Something at the platform for each kind of event: by AdTarget's name of the kind, or by a custom event's own.
#[derive(Debug, Clone)]
pub(super) struct PerEvent(BTreeMap<String, String>);

impl PerEvent {
    /// Reads a setting whose values match.
    pub(super) fn new(
        field: &'static str,
        map: BTreeMap<String, String>,
        is_right: impl Fn(&str) -> bool,
        expected: &str,
    ) -> Result<Self, SettingError> {
        let is_event =
            |name: &str| EventType::parse(name, None).is_ok() || CustomName::parse(name).is_ok();
        if map.is_empty() {
            let expected = format!("{expected} for at least one event, such as Purchase");
            return Err(SettingError::new(field, expected));
        }
        for (event, value) in &map {
            if !is_event(event) {
                let expected =
                    "Lead, Purchase, CompleteRegistration, Subscribe or the names of custom events";
                return Err(SettingError::new(field, expected));
            }
            if !is_right(value) {
                return Err(SettingError::new(field, format!("{expected} for {event}")));
            }
        }
        Ok(Self(map))
    }

    /// What stands for `event`.
    pub(super) fn get(&self, event: &EventType) -> Option<&str> {
        let name = match event {
            EventType::Custom(name) => name.as_str(),
            standard => standard.as_str(),
        };
        self.0.get(name).map(String::as_str)
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}
